"""Operations on exact integers: declared ranges hold, decompositions compute the same, products are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.ir.graph import Builder, Graph, keep, rewrite
from nc.ir.interpret import evaluate
from nc.ir.ops import OPS
from nc.ir.ops.exact import exact_matmul
from nc.ir.types import IntType, TensorType
from nc.ir.verify import verify

RANGES = st.tuples(st.integers(-20, 20), st.integers(0, 30)).map(lambda t: IntType(t[0], t[0] + t[1]))


def op(name: str, *args: object, **kwargs: object):
    return OPS[name](*args, **kwargs)


def within(graph: Graph, inputs: dict[str, np.ndarray]) -> None:
    """Every value lies in its declared range, and the primitives compute the same outputs."""
    verify(graph, "integer")
    values = evaluate(graph, inputs, probes=tuple(range(len(graph.nodes))))
    for v, node in enumerate(graph.nodes):
        seen = values[f"%{v}"]
        assert seen.shape[1:] == node.type.shape
        assert node.type.int.lo <= seen.min() and seen.max() <= node.type.int.hi
    primitive = rewrite(graph, lambda b, n, o: keep(b, n, o) if (d := n.op.decompose(b, *o)) is None else d)
    verify(primitive, "primitive")
    again = evaluate(primitive, inputs)
    assert all(np.array_equal(again[k], values[k]) for k in graph.outputs)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(
    name=st.sampled_from(["add", "sub", "mul", "minimum", "maximum", "greater", "less_equal", "equal"]),
    a=RANGES, b=RANGES, seed=st.integers(0, 999),
)  # fmt: skip
def test_two_operands(name: str, a: IntType, b: IntType, seed: int) -> None:
    rng = np.random.default_rng(seed)
    build = Builder()
    x = build.input("a", TensorType((3, 4), a))
    y = build.input("b", TensorType((4,), b))
    build.output("y", build.add(op(name), x, y))
    data = {"a": rng.integers(a.lo, a.hi + 1, (50, 3, 4)), "b": rng.integers(b.lo, b.hi + 1, (50, 4))}
    within(build.finish(), data)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    kind=RANGES, seed=st.integers(0, 999), groups=st.sampled_from([1, 2]),
    stride=st.integers(1, 3), dilation=st.integers(1, 2), pads=st.lists(st.integers(0, 2), min_size=4, max_size=4),
)  # fmt: skip
def test_windows(kind: IntType, seed: int, groups: int, stride: int, dilation: int, pads: list[int]) -> None:
    rng = np.random.default_rng(seed)
    build = Builder()
    x = build.input("x", TensorType((4, 7, 6), kind))
    weights = build.constant(rng.integers(-5, 6, (6, 4 // groups, 3, 2)))
    strides, dilations = (stride, 1), (dilation, 1)
    build.output("conv", build.add(op("conv", strides, tuple(pads), dilations, groups), x, weights))
    inside = tuple(min(p, 1) for p in pads)
    build.output("max", build.add(op("max_pool", (2, 2), strides, inside, dilations), x))
    build.output("sum", build.add(op("sum_pool", (2, 3), strides, tuple(pads), dilations), x))
    within(build.finish(), {"x": rng.integers(kind.lo, kind.hi + 1, (11, 4, 7, 6))})


@settings(derandomize=True, deadline=None, max_examples=60)
@given(kind=RANGES, seed=st.integers(0, 999), rounding=st.sampled_from(["floor", "half_even"]))
def test_stairs(kind: IntType, seed: int, rounding: str) -> None:
    rng = np.random.default_rng(seed)
    build = Builder()
    x = build.input("x", TensorType((3, 5), kind))
    multiplier, offset = rng.integers(-9, 10, 3), rng.integers(-99, 99, 3)
    build.output("r", build.add(op("requantize", multiplier, offset, int(rng.integers(0, 5)), -7, 8, 0, rounding), x))
    edges = np.sort(rng.integers(kind.lo - 2, kind.hi + 3, (3, 4)), axis=1)
    build.output("t", build.add(op("multi_threshold", edges, rng.choice([-1, 1], 3), 0, -2, 2), x))
    build.output("l", build.add(op("table", rng.integers(-50, 50, (3, kind.hi - kind.lo + 1)), kind.lo, 0), x))
    within(build.finish(), {"x": rng.integers(kind.lo, kind.hi + 1, (40, 3, 5))})


@pytest.mark.parametrize("bits", [8, 16, 26, 31])
def test_products_are_exact_at_every_width(bits: int) -> None:
    rng = np.random.default_rng(bits)
    a = rng.integers(-(1 << bits - 1), 1 << bits - 1, (7, 40))
    b = rng.integers(-(1 << bits - 1), 1 << bits - 1, (1, 40, 5)) >> max(0, 2 * bits + 6 - 63)
    want = (a.astype(object) @ b[0].astype(object)).astype(np.int64)
    assert np.array_equal(exact_matmul(a[:, None, :], b)[:, 0], want)


def test_argmax_ties_go_to_the_lowest_index() -> None:
    build = Builder()
    x = build.input("x", TensorType((4,), IntType(0, 3)))
    build.output("y", build.add(op("argmax", 0, False), x))
    assert evaluate(build.finish(), {"x": np.array([[1, 3, 3, 0], [0, 0, 0, 0]])})["y"].tolist() == [1, 0]
