"""WordGraph: every operation against plain Python, text round trip, ranges, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.ir.diagnostics import NcError
from nc.ir.words import Term, WordBuilder, WordGraph, evaluate, evaluate_nodes, parse, to_text, verify
from nc.ir.words.builder import csd
from nc.ir.words.graph import bit_width


def random_words(seed: int, size: int = 40, layers: int = 3) -> WordGraph:
    """A random graph over all kinds, with small values so that products stay small."""
    rng = np.random.default_rng(seed)
    b = WordBuilder()
    low = int(rng.integers(-9, 1))
    nodes = list(b.input("x", (2, 3), low, low + int(rng.integers(1, 20))).ravel())
    nodes += list(b.input("t", (), 0, 1).ravel())

    def pick() -> int:
        return int(nodes[rng.integers(len(nodes))])

    def small() -> int:
        return b.clamp(pick(), -15, 15)

    def bit() -> int:
        return b.ge(pick(), offset=int(rng.integers(-3, 8)))

    def terms() -> list[Term]:
        return [Term(small(), int(rng.integers(0, 3)), bool(rng.integers(2))) for _ in range(rng.integers(1, 5))]

    makers = [
        lambda: b.sum(terms(), int(rng.integers(-9, 9))),
        lambda: b.mul(small(), small()),
        lambda: b.scale(small(), int(rng.integers(-99, 99))),
        lambda: b.ge(pick(), pick(), int(rng.integers(-3, 3))),
        lambda: b.ge(pick(), offset=int(rng.integers(-9, 30))),
        lambda: b.eq(pick(), pick(), int(rng.integers(-3, 3))),
        lambda: b.eq(pick(), offset=int(rng.integers(0, 3))),
        lambda: b.mux(bit(), pick(), pick()),
        lambda: b.min(pick(), pick(), pick()),
        lambda: b.max(pick(), pick()),
        lambda: b.clamp(pick(), -3, 5),
        lambda: b.shr(pick(), int(rng.integers(0, 4))),
        lambda: b.bits(pick(), int(rng.integers(0, 3)), int(rng.integers(1, 4))),
        lambda: b.table(small(), rng.integers(-50, 50, 31), -15),
        lambda: b.sum([Term(bit(), 0, bool(rng.integers(2))) for _ in range(9)], 3),
    ]
    for step in range(size):
        if step % (size // layers) == 0:
            b.layer(f"layer{step * layers // size}")
        nodes.append(makers[rng.integers(len(makers))]())
    y, flag = np.array(nodes[-6:]).reshape(3, 2), np.array(b.ge(nodes[-1], offset=0))
    graph = b.build({"y": y, "flag": flag}, probes={"layer1": b.port("mid", np.array(nodes[9:12]))})
    verify(graph)
    return graph


def random_inputs(graph: WordGraph, count: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        rng.integers(graph.lo[p.nodes], graph.hi[p.nodes] + 1, (count, len(p.nodes))).reshape(count, *p.shape)
        for p in graph.inputs
    ]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(0, 10**6))
def test_values_stay_in_range_and_text_round_trips(seed: int) -> None:
    graph = random_words(seed)
    again = parse(to_text(graph))
    assert to_text(again) == to_text(graph)
    inputs = random_inputs(graph, 50)
    values = evaluate_nodes(graph, inputs, np.arange(len(graph)))
    assert (values >= graph.lo).all() and (values <= graph.hi).all()
    for a, b in zip(evaluate(graph, inputs), evaluate(again, inputs)):
        np.testing.assert_array_equal(a, b)


def test_each_operation_equals_python() -> None:
    b = WordBuilder()
    x, y = (int(n) for n in b.input("xy", (2,), -8, 7))
    out = {
        "sum": b.sum([(x, 2, False), (y, 0, True)], 5),
        "mul": b.mul(x, y),
        "scale": b.scale(x, -23),
        "ge": b.ge(x, y, 1),
        "eq": b.eq(x, y),
        "mux": b.mux(b.ge(x), y, b.const(3)),
        "min": b.min(x, y),
        "max": b.max(x, y),
        "clamp": b.clamp(x, -2, 3),
        "shr": b.shr(x, 2),
        "bits": b.bits(x, 1, 2),
        "table": b.table(x, np.arange(16) ** 2, -8),
        "reg": b.reg(x),
    }
    graph = b.build({name: np.array(node) for name, node in out.items()})
    verify(graph)
    grid = np.stack(np.meshgrid(np.arange(-8, 8), np.arange(-8, 8)), -1).reshape(-1, 2)
    got = dict(zip(out, evaluate(graph, [grid])))
    for i, (p, q) in enumerate(grid.tolist()):
        want = {
            "sum": 4 * p - q + 5, "mul": p * q, "scale": -23 * p, "ge": int(p >= q + 1), "eq": int(p == q),
            "mux": q if p >= 0 else 3, "min": min(p, q), "max": max(p, q), "clamp": min(max(p, -2), 3),
            "shr": p >> 2, "bits": (p >> 1) & 3, "table": (p + 8) ** 2, "reg": p,
        }  # fmt: skip
        assert {k: int(v[i]) for k, v in got.items()} == want


def test_equal_operations_are_shared_and_constants_fold() -> None:
    b = WordBuilder()
    x, y = (int(n) for n in b.input("x", (2,), 0, 15))
    assert b.add(x, y) == b.add(y, x)
    assert b.constant_value(b.sum([(b.const(3), 2, True)], 20)) == 8
    assert b.constant_value(b.ge(x)) == 1
    assert b.max(x, b.const(-1)) == x
    assert b.min(x, b.const(15), y) == b.min(x, y)
    assert b.clamp(x, 0, 15) == x
    assert b.sum([(b.sum([(x, 3, False)]), 1, False), (y, 0, False)]) == b.sum([(x, 4, False), (y, 0, False)])


@given(st.integers(-(2**40), 2**40))
@settings(derandomize=True, deadline=None)
def test_csd_is_canonical(value: int) -> None:
    digits = csd(value)
    assert sum(-(1 << s) if neg else 1 << s for s, neg in digits) == value
    shifts = [s for s, _ in digits]
    assert all(b - a >= 2 for a, b in zip(shifts, shifts[1:]))


def test_bit_width_is_exact_at_powers_of_two() -> None:
    powers = np.array([2**k for k in range(63)], np.int64)
    np.testing.assert_array_equal(bit_width(np.zeros_like(powers), powers), np.arange(63) + 1)
    np.testing.assert_array_equal(bit_width(np.zeros_like(powers), powers - 1), np.maximum(np.arange(63), 1))
    np.testing.assert_array_equal(bit_width(-powers, np.zeros_like(powers)), np.arange(63) + 1)


def test_a_value_out_of_range_is_named() -> None:
    b = WordBuilder()
    x = b.input("x", (2,), 0, 3)
    graph = b.build({"y": x})
    with pytest.raises(NcError) as error:
        evaluate(graph, [np.array([[0, 3], [1, 4]])])
    assert str(error.value) == (
        "error[NC603]: element 1 of vector 1 must lie in 0..3, not be 4\n"
        "  help: quantise the data as the input port says, or widen the port's range"
    )


def test_overflow_of_64_bits_is_refused() -> None:
    b = WordBuilder()
    x = int(b.input("x", (1,), 0, 2**40)[0])
    with pytest.raises(NcError, match="NC601.*64 bits"):
        b.sum([(x, 30, False)])


def test_unreadable_text_names_the_line() -> None:
    with pytest.raises(NcError) as error:
        parse('words\nlayers ["input"]\nlayer "input" {\n  %0 = input() : 0..3\n  %1 = sum(%7) {0} : 0..3\n}', "a.nc")
    assert str(error.value) == "error[NC604]: an operand must be an earlier node, not '%7'\n  --> a.nc:5"
