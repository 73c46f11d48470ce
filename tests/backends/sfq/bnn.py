"""A small binary network as a QONNX file: bipolar inputs, weights and activations, batch norms, integer logits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"


def write_bnn(path: Path, sizes: tuple[int, ...], seed: int = 0) -> Path:
    """Weights drawn from `seed`; layer i has sizes[i] inputs and sizes[i + 1] neurons; the last has no activation."""
    rng, nodes = np.random.default_rng(seed), []
    initializers = [numpy_helper.from_array(np.array(1.0, np.float32), "one")]

    def bipolar(source: str, target: str) -> str:
        nodes.append(helper.make_node("BipolarQuant", [source, "one"], [target], domain=QONNX, name=target))
        return target

    at = bipolar("x", "q0")
    for i, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
        weights = rng.choice([-1.0, 1.0], (rows, columns)).astype(np.float32)
        initializers.append(numpy_helper.from_array(weights, f"w{i}"))
        last = i == len(sizes) - 2
        nodes.append(
            helper.make_node("MatMul", [at, bipolar(f"w{i}", f"wq{i}")], ["y" if last else f"m{i}"], name=f"fc{i}")
        )
        if last:
            break
        params = {"s": np.abs(rng.normal(1, 0.1, columns)), "b": rng.normal(0, 0.3, columns)}
        params |= {"mu": rng.normal(0, 1, columns), "v": np.full(columns, float(rows))}
        for name, value in params.items():
            initializers.append(numpy_helper.from_array(value.astype(np.float32), f"{name}{i}"))
        norm = [f"m{i}", *(f"{name}{i}" for name in params)]
        nodes.append(helper.make_node("BatchNormalization", norm, [f"n{i}"], name=f"bn{i}"))
        at = bipolar(f"n{i}", f"q{i + 1}")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, sizes[0]])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, sizes[-1]])
    graph = helper.make_graph(nodes, "bnn", [x], [y], initializers)
    imports = [helper.make_opsetid("", 13), helper.make_opsetid(QONNX, 1)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=9), path)
    return path
