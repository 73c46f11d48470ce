"""Damaged files: bits flipped, ends cut off, bytes overwritten: a diagnosis or a sound graph, never anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nc.compiler.frontends.onnx import read_onnx
from nc.ir.codes import CODES
from nc.ir.diagnostics import NcError
from nc.ir.verify import verify

MUTATIONS = 500


def small_model() -> bytes:
    """Convolution, normalisation, pooling, shape arithmetic, a quantiser and a matrix product."""
    rng = np.random.default_rng(3)
    weights = {
        "w": rng.normal(size=(2, 1, 3, 3)).astype(np.float32),
        "s": np.ones(2, np.float32),
        "b": np.zeros(2, np.float32),
        "fc": rng.normal(size=(8, 3)).astype(np.float32),
        "rest": np.array([-1], np.int64),
        "zero": np.array(0, np.int64),
        "axes": np.array([0], np.int64),
        "scale": np.array(0.125, np.float32),
        "point": np.array(0, np.float32),
        "bits": np.array(4, np.float32),
        "step": np.array(0.5, np.float32),
        "offset": np.array(3, np.uint8),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("BatchNormalization", ["a", "s", "b", "b", "s"], ["n"], epsilon=1e-3),
        helper.make_node("Clip", ["n", "", "bits"], ["c"]),
        helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        helper.make_node("Shape", ["p"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["lead"]),
        helper.make_node("Unsqueeze", ["lead", "axes"], ["lead1"]),
        helper.make_node("Concat", ["lead1", "rest"], ["flat"], axis=0),
        helper.make_node("Reshape", ["p", "flat"], ["v"]),
        helper.make_node("Quant", ["v", "scale", "point", "bits"], ["q"], domain="qonnx.custom_op.general", signed=1),
        helper.make_node("MatMul", ["q", "fc"], ["m"]),
        helper.make_node("QuantizeLinear", ["m", "step", "offset"], ["i"]),
        helper.make_node("DequantizeLinear", ["i", "step", "offset"], ["d"]),
        helper.make_node("Resize", ["d4", "", "grow"], ["r"], mode="nearest"),
        helper.make_node("Unsqueeze", ["d", "two"], ["d3"]),
        helper.make_node("Unsqueeze", ["d3", "two"], ["d4"]),
        helper.make_node("Softmax", ["d"], ["y"], axis=-1),
    ]
    weights["grow"] = np.array([1, 1, 1, 2], np.float32)
    weights["two"] = np.array([2], np.int64)
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 4, 4])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("y", "r")],
        [numpy_helper.from_array(a, n) for n, a in weights.items()],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


def mutated(whole: bytes, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    data = bytearray(whole)
    kind = seed % 4
    if kind == 0:
        return bytes(data[: rng.integers(0, len(data))])
    if kind == 1:
        for _ in range(rng.integers(1, 9)):
            data[rng.integers(0, len(data))] ^= 1 << int(rng.integers(0, 8))
    elif kind == 2:
        data[rng.integers(0, len(data))] = int(rng.integers(0, 256))
    else:
        start = int(rng.integers(0, len(data) - 8))
        data[start : start + 8] = rng.bytes(8)
    return bytes(data)


def test_the_undamaged_model_is_read(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    path.write_bytes(small_model())
    onnx.load(path)
    graph = read_onnx(path)
    verify(graph, "float")
    assert [graph.type(v).shape for v in graph.outputs.values()] == [(3,), (3, 1, 2)]


@pytest.mark.parametrize("part", range(5))
def test_damaged_files_are_diagnosed(tmp_path: Path, part: int) -> None:
    whole = small_model()
    path = tmp_path / "damaged.onnx"
    refused = 0
    for seed in range(part * MUTATIONS // 5, (part + 1) * MUTATIONS // 5):
        path.write_bytes(mutated(whole, seed))
        try:
            verify(read_onnx(path), "float")
        except NcError as error:
            refused += 1
            assert all(d.code in CODES and d.message and d.where.file == "damaged.onnx" for d in error.diagnostics)
    assert refused >= 30
