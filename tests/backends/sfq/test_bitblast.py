"""Bit-blasting against the word graph's own evaluation: every kind, random graphs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.backends.sfq.bitblast import to_logic
from nc.ir.netlist_eval import evaluate as evaluate_bits
from nc.ir.netlist_eval import to_bits
from nc.ir.words import Term, WordBuilder, WordGraph
from nc.ir.words.evaluate import evaluate


def check(graph: WordGraph, n: int = 130, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    inputs, bits = [], {}
    for port in graph.inputs:
        x = rng.integers(graph.lo[port.nodes], graph.hi[port.nodes] + 1, (n, len(port.nodes)))
        x[0], x[1] = graph.lo[port.nodes], graph.hi[port.nodes]
        inputs.append(x.reshape(n, *port.shape))
        bits[port.name] = to_bits(x, port.bits).reshape(n, -1)
    expected = evaluate(graph, inputs)
    got = evaluate_bits(to_logic(graph), bits)
    for port, want in zip(graph.outputs, expected):
        np.testing.assert_array_equal(got[port.name], to_bits(want.reshape(n, -1), port.bits).reshape(n, -1))


@st.composite
def graphs(draw: st.DrawFn) -> WordGraph:
    make = WordBuilder()
    lows = [draw(st.integers(-9, 3)) for _ in range(3)]
    highs = [low + draw(st.integers(0, 12)) for low in lows]
    nodes = make.input("x", (3,), np.array(lows), np.array(highs)).tolist()
    nodes.append(make.const(draw(st.integers(-20, 20))))
    pick = st.sampled_from

    for _ in range(draw(st.integers(1, 9))):
        a, b, c = (draw(pick(nodes[-6:])) for _ in range(3))
        low, high = make.range(a)
        kind = draw(st.integers(0, 10))
        if kind == 0:
            terms = [Term(n, draw(st.integers(0, 3)), draw(st.booleans())) for n in (a, b, c)]
            made = make.sum(terms, draw(st.integers(-30, 30)))
        elif kind == 1 and max(map(abs, (*make.range(a), *make.range(b)))) < 200:
            made = make.mul(a, b)
        elif kind == 2:
            made = make.ge(a, draw(st.sampled_from([b, None])), draw(st.integers(-12, 12)))
        elif kind == 3:
            made = make.eq(a, draw(st.sampled_from([b, None])), draw(st.integers(-5, 5)))
        elif kind == 4:
            made = make.mux(make.ge(a, b), b, c)
        elif kind == 5:
            made = make.min(a, b, c)
        elif kind == 6:
            made = make.max(a, b)
        elif kind == 7:
            made = make.clamp(a, draw(st.integers(-9, 0)), draw(st.integers(0, 9)))
        elif kind == 8:
            made = make.shr(a, draw(st.integers(0, 3)))
        elif kind == 9:
            made = make.bits(a, draw(st.integers(0, 2)), draw(st.integers(1, 4)))
        elif kind == 10 and high - low < 200:
            made = make.table(a, np.random.default_rng(draw(st.integers(0, 99))).integers(-50, 50, high - low + 1), low)
        else:
            continue
        nodes.append(made)
    return make.build({"y": np.array(nodes[-4:])})


@given(graphs())
@settings(max_examples=150, derandomize=True, deadline=None)
def test_random_graphs(graph: WordGraph) -> None:
    check(graph)


def test_popcount_threshold_is_shallow() -> None:
    make = WordBuilder()
    x = make.input("x", (63,), 0, 1)
    total = make.sum([Term(int(n)) for n in x])
    graph = make.build({"y": np.array([make.ge(total, None, 30)])})
    check(graph)
    assert to_logic(graph).depth < 70
