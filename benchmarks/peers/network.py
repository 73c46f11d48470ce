"""A dense integer network as plain matrices, for tools that do not read ONNX, and as naive Verilog."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nc.compiler.config import Common
from nc.compiler.frontends.onnx import read_onnx
from nc.compiler.passes.lower_primitive import LowerPrimitive
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers
from nc.compiler.ports import real_of, to_port
from nc.ir.diagnostics import fail
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Dense:
    """y = clip((x w + b) >> shift, 0, 2**bits - 1); the last layer has bits = 0: neither shift nor clip."""

    w: Array
    b: Array
    shift: int
    bits: int


@dataclass(frozen=True)
class Network:
    """`graph`: the primitive integer graph; `low`, `high`: the inputs' range; `x`, `y`: stored integer vectors."""

    name: str
    graph: Graph
    layers: tuple[Dense, ...]
    low: int
    high: int
    x: Array
    y: Array

    @property
    def inputs(self) -> int:
        return len(self.layers[0].w)

    def save(self, path: Path) -> None:
        arrays: dict[str, Any] = {"low": np.full(self.inputs, self.low), "high": np.full(self.inputs, self.high)}
        for k, layer in enumerate(self.layers):
            arrays |= {f"w{k}": layer.w, f"b{k}": layer.b}
            if layer.bits:
                arrays |= {f"s{k}": layer.shift, f"bits{k}": layer.bits}
        np.savez(path, **arrays)


def load(model: Path, low: int, high: int) -> Network:
    """A QONNX model and its vectors (`<model>_vectors.npz`: x, out), inputs of integers low..high."""
    graph = read_onnx(model)
    (label,) = graph.inputs
    common = Common.model_validate({"input": {label: {"range": [low, high]}}})
    graph = LowerPrimitive().run(run_passes(graph, to_integers(graph, common, None))[0])
    vectors = np.load(model.with_name(f"{model.stem}_vectors.npz"))
    x = to_port(vectors["x"], graph.type(graph.inputs[label]))
    (name,) = graph.outputs
    y = evaluate(graph, {label: x})[name]
    if not np.array_equal(real_of(y, graph.type(graph.outputs[name])), vectors["out"]):
        fail("NC285", f"the integer network must give the stored outputs of {model.stem}, and does not")
    return Network(model.stem, graph, layers(graph), low, high, x, y)


def layers(graph: Graph) -> tuple[Dense, ...]:
    """The chain of products of a primitive graph; anything else is refused."""
    found: list[Dense] = []
    w: Any = None
    b: Any = None
    for node in graph.nodes:
        name = node.op.name
        op: Any = node.op
        if name in ("input", "constant"):
            continue
        if name == "matmul":
            w = np.asarray(graph.nodes[node.operands[1]].constant, np.int64)
            b = np.zeros(w.shape[1], np.int64)
        elif name == "add":
            b = b + np.asarray(graph.nodes[node.operands[1]].constant, np.int64)
        elif name == "requantize" and op.rounding == "floor" and op.lo == 0 and (op.hi + 1).bit_count() == 1:
            if any(int(m) != 1 for m in op.multiplier):
                fail("NC285", "a network for the peers must have power-of-two scales")
            found.append(Dense(w, b + np.asarray(op.offset, np.int64), int(op.shift), op.hi.bit_length()))
            w = None
        else:
            fail("NC285", f"a network for the peers must be dense layers with clipped shifts, not '{name}'")
    if w is not None:
        found.append(Dense(w, b, 0, 0))
    return tuple(found)


def naive_verilog(network: Network) -> str:
    """What one writes by hand: a product with a constant for each weight, summed; signed throughout."""
    width = 48
    bits = max(int(network.high).bit_length(), int(-network.low - 1).bit_length() if network.low < 0 else 0)
    bits += network.low < 0
    last = network.layers[-1].w.shape[1]
    lines = [f"module naive(input [{network.inputs * bits - 1}:0] x, output [{last * width - 1}:0] y);"]
    sign = f"$signed(x[{{i}} +: {bits}])" if network.low < 0 else f"$signed({{{{1'b0, x[{{i}} +: {bits}]}}}})"
    before = []
    for i in range(network.inputs):
        lines.append(f"  wire signed [{bits}:0] h0_{i} = {sign.format(i=i * bits)};")
        before.append(f"h0_{i}")
    for k, layer in enumerate(network.layers, start=1):
        reach = int(np.abs(layer.w).sum(axis=0).max()) * max(abs(network.low), network.high)
        if k > 1:
            reach = int(np.abs(layer.w).sum(axis=0).max()) * ((1 << network.layers[k - 2].bits) - 1)
        wide = (reach + int(np.abs(layer.b).max())).bit_length() + 1
        names = []
        for j in range(layer.w.shape[1]):
            terms = [f"{before[i]} * ({w})" for i, w in enumerate(layer.w[:, j].tolist()) if w]
            total = " + ".join([*terms, f"({int(layer.b[j])})"])
            lines.append(f"  wire signed [{wide - 1}:0] a{k}_{j} = {total};")
            if layer.bits:
                top = (1 << layer.bits) - 1
                lines.append(f"  wire signed [{wide - 1}:0] s{k}_{j} = a{k}_{j} >>> {layer.shift};")
                lines.append(
                    f"  wire signed [{layer.bits}:0] h{k}_{j} = s{k}_{j} < 0 ? 0 : s{k}_{j} > {top} ? {top} : s{k}_{j};"
                )
                names.append(f"h{k}_{j}")
            else:
                lines.append(f"  assign y[{j * width} +: {width}] = a{k}_{j};")
        before = names
    return "\n".join([*lines, "endmodule", ""])
