"""Dead low bits: the same results on random word graphs and networks, narrower words where a reader drops bits."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.compiler.words.low_bits import DeadLowBits, demanded
from nc.compiler.words.lower import lower
from nc.ir.interpret import evaluate as interpret
from nc.ir.words import Kind, Term, WordBuilder, evaluate, verify

_path = Path(__file__).with_name("networks.py")
_spec = importlib.util.spec_from_file_location("networks", _path)
assert _spec is not None and _spec.loader is not None
networks: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(0, 10**6))
def test_networks_compute_the_same(seed: int) -> None:
    graph = networks.random_network(seed)
    words = DeadLowBits().run(lower(graph))
    verify(words)
    inputs = networks.samples(graph, 40, seed)
    want = interpret(graph, inputs)
    for port, got in zip(words.outputs, evaluate(words, [inputs[p.name] for p in words.inputs]), strict=True):
        np.testing.assert_array_equal(got, want[port.name])


def random_words(seed: int) -> tuple[WordBuilder, list[int]]:
    """Every kind of node, shifts and comparisons often, so that low bits die in all ways."""
    rng = np.random.default_rng(seed)
    b = WordBuilder()
    nodes = b.input("x", (4,), np.array([-30, 0, -100, 0]), np.array([31, 63, 27, 200])).tolist()

    def pick() -> int:
        return int(nodes[int(rng.integers(max(0, len(nodes) - 6), len(nodes)))])

    def table() -> int:
        node = pick()
        low, high = b.range(node)
        if high - low > 500:
            return b.clamp(node, -20, 20)
        return b.table(node, rng.integers(-60, 60, high - low + 1), low)

    makers = [
        lambda: b.sum([Term(pick(), int(rng.integers(6)), bool(rng.integers(2)))], int(rng.integers(-40, 40))),
        lambda: b.sum(
            [Term(pick(), int(s), bool(rng.random() < 0.3)) for s in rng.integers(0, 6, 3)], int(rng.integers(-9, 9))
        ),
        lambda: b.sum([Term(pick(), 0), Term(pick(), 3)], int(rng.integers(-4, 4)) << 3),
        lambda: b.max(pick(), pick()),
        lambda: b.min(pick(), pick(), pick()),
        lambda: b.clamp(pick(), int(rng.integers(-50, 0)), int(rng.integers(0, 90))),
        lambda: b.shr(pick(), int(rng.integers(1, 5))),
        lambda: b.shr(pick(), int(rng.integers(1, 5))),
        lambda: b.bits(pick(), int(rng.integers(1, 4)), int(rng.integers(1, 5))),
        lambda: b.ge(pick(), offset=int(rng.integers(-4, 5)) << int(rng.integers(0, 4))),
        lambda: b.mux(b.ge(pick(), pick()), pick(), pick()),
        lambda: b.eq(pick(), pick()),
        lambda: b.reg(pick()),
        table,
    ]
    for _ in range(int(rng.integers(4, 30))):
        made = makers[int(rng.integers(len(makers)))]()
        if max(map(abs, b.range(made))) < 1 << 20:
            nodes.append(made)
    outputs = [b.shr(n, int(rng.integers(0, 4))) for n in rng.choice(nodes, 3)]
    return b, outputs


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.integers(0, 10**6))
def test_random_words_compute_the_same(seed: int) -> None:
    b, outputs = random_words(seed)
    graph = b.build({"y": np.array(outputs)})
    made = DeadLowBits().run(graph)
    verify(made)
    rng = np.random.default_rng(seed)
    (port,) = graph.inputs
    x = rng.integers(graph.lo[port.nodes], graph.hi[port.nodes] + 1, (200, 4))
    # Without a clock a register passes its input on.
    np.testing.assert_array_equal(evaluate(made, [x])[0], evaluate(graph, [x])[0])


def pool(offset: int) -> tuple[WordBuilder, int]:
    b = WordBuilder()
    x = b.input("x", (4,), 0, 255).tolist()
    top = b.clamp(b.max(*x), 0, 200)
    y = b.shr(b.sum([Term(top)], offset), 4)
    return b, y


@pytest.mark.parametrize(("offset", "width"), [(0, 4), (32, 4), (8, 5), (1, 8)])
def test_a_shift_moves_in_front_of_a_pool_as_far_as_its_rounding_lets_it(offset: int, width: int) -> None:
    b, y = pool(offset)
    graph = DeadLowBits().run(b.build({"y": np.array([y])}))
    assert graph.bits[graph.kind == Kind.MAX].tolist() == [width]
    x = np.random.default_rng(0).integers(0, 256, (100, 4))
    np.testing.assert_array_equal(evaluate(graph, [x])[0], evaluate(b.build({"y": np.array([y])}), [x])[0])


def test_a_sum_in_one_tree_stays_in_one_tree() -> None:
    b = WordBuilder()
    x = b.input("x", (4,), 0, 15).tolist()
    inner = b.sum([Term(x[0]), Term(x[1])])
    y = b.shr(b.sum([Term(inner), Term(x[2], 3), Term(x[3], 3)]), 3)
    assert not demanded(b.build({"y": np.array([y])})).any()
