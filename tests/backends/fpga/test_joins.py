"""Two branches with learned scales take as much hardware as two with equal ones; concatenations small weights."""

from __future__ import annotations

import numpy as np
import pytest

from nc.backends.fpga.design import build
from nc.backends.fpga.options import Options
from nc.compiler.passes.integerize import Integerize, Port
from nc.compiler.passes.lower_primitive import LowerPrimitive
from nc.ir.graph import Builder, Graph, Value
from nc.ir.ops import OPS
from nc.ir.simplest import scale_of
from nc.ir.types import F32, TensorType

ZERO = np.asarray(0)


def quantised(b: Builder, x: Value, scale: float, lo: int, hi: int) -> Value:
    s = np.asarray(scale)
    return b.add(OPS["dequantize"](s, ZERO), b.add(OPS["quantize"](s, ZERO, lo, hi), x))


def network(seed: int, first: float, second: float, out: float | None) -> Graph:
    """Two dense branches of four bits, added and quantised (or concatenated, without `out`), and a dense layer."""
    rng = np.random.default_rng(seed)
    b = Builder()
    x = quantised(b, b.input("x", TensorType((8,), F32)), 0.1, -128, 127)
    branches = []
    for scale in (first, second):
        w = quantised(b, b.constant(rng.normal(0, 0.2, (8, 6))), 0.05, -8, 7)
        branches.append(quantised(b, b.add(OPS["relu"](), b.add(OPS["matmul"](), x, w)), scale, 0, 15))
    if out is None:
        k = b.add(OPS["concat"](0), *branches)
    else:
        k = quantised(b, b.add(OPS["add"](), *branches), out, 0, 15)
    rows = b.nodes[k].type.shape[0]
    last = quantised(b, b.constant(rng.normal(0, 0.2, (rows, 3))), 0.05, -8, 7)
    b.output("y", b.add(OPS["matmul"](), k, last))
    return LowerPrimitive().run(Integerize({"x": Port(-128, 127, scale_of(0.1))}).run(b.finish()))


def widest(graph: Graph) -> int:
    return max(node.type.int.bits for node in graph.nodes if node.type.is_int)


@pytest.mark.parametrize("seed", range(10))
def test_learned_scales_cost_what_equal_scales_do(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (float(np.float32(s)) for s in rng.uniform(0.02, 0.05, 2))
    out = float(np.float32((first + second) * 0.75))
    learned = network(seed, first, second, out)
    equal = [build(network(seed, s, s, out), Options()).words.adders for s in (first, second)]
    assert widest(learned) <= 16
    assert build(learned, Options()).words.adders <= 1.1 * np.mean(equal)


@pytest.mark.parametrize("seed", range(10))
def test_concatenations_of_decimal_scales(seed: int) -> None:
    first, second = np.random.default_rng(seed).integers(1, 40, 2) / 100
    graph = network(seed, first, second, None)
    assert widest(graph) <= 18
    build(graph, Options())
