"""Small neurons as tables: the same function, taken only where they are smaller."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.compiler.words.collapse import Collapse
from nc.compiler.words.lower import lower
from nc.compiler.words.matvec import MatvecOptions
from nc.ir.words import Kind, Term, WordBuilder, WordGraph, evaluate, verify
from nc.ir.words.graph import IntArray

_spec = importlib.util.spec_from_file_location("networks", Path(__file__).with_name("networks.py"))
assert _spec is not None and _spec.loader is not None
networks: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)


def every(*ranges: tuple[int, int]) -> IntArray:
    """All vectors of the ranges."""
    grid = np.meshgrid(*[np.arange(low, high + 1) for low, high in ranges], indexing="ij")
    return np.stack([g.ravel() for g in grid], axis=1)


def neuron(ranges: list[tuple[int, int]], weights: list[int], shift: int, top: int) -> WordGraph:
    b = WordBuilder()
    x = [int(b.input(f"x{i}", (1,), *r)[0]) for i, r in enumerate(ranges)]
    b.layer("neuron")
    total = b.sum([Term(b.scale(n, w)) for n, w in zip(x, weights)], 3)
    return b.build({"y": np.array([b.clamp(b.shr(total, shift), 0, top)])})


def test_a_small_neuron_becomes_a_table() -> None:
    ranges = [(0, 3), (-2, 1), (0, 2)]
    graph = neuron(ranges, [5, -7, 3], 2, 3)
    made = Collapse().run(graph)
    verify(made)
    x = every(*ranges)
    parts = [x[:, [i]] for i in range(3)]
    assert np.array_equal(evaluate(made, parts)[0], evaluate(graph, parts)[0])
    live = made.live()
    assert (made.kind[live] == Kind.TABLE).any()
    assert not (made.kind[live] == Kind.CLAMP).any()


def test_a_wide_neuron_stays_as_it_is() -> None:
    graph = neuron([(0, 255), (0, 255)], [5, -7], 2, 3)
    assert Collapse().run(graph).count(Kind.TABLE) == 0


def test_a_table_that_would_be_larger_is_not_taken() -> None:
    graph = neuron([(0, 31), (0, 31)], [1, 1], 0, 66)
    assert Collapse(bits=10).run(graph).count(Kind.TABLE) == 0


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([4, 6, 10]), st.sampled_from([4, 6]))
def test_random_networks(seed: int, bits: int, inputs: int) -> None:
    graph = networks.random_network(seed)
    words = Collapse(bits, inputs, (1, 50.0, 50.0)).run(lower(graph, MatvecOptions(effort=0)))
    verify(words)
    drawn = networks.samples(graph, 40, seed)
    given_words = [drawn[p.name] for p in words.inputs]
    for got, want in zip(evaluate(words, given_words), evaluate(lower(graph), given_words), strict=True):
        np.testing.assert_array_equal(got, want)
