"""Approximate arg-max: exact when nothing is pruned, within its error budget when pruned, the same as operations."""

from __future__ import annotations

import numpy as np
import pytest

from nc.backends.printed.blast import blast
from nc.backends.printed.flow import Circuit
from nc.backends.printed.lowering import to_words
from nc.compiler.printed.genome import Shape, split
from nc.compiler.printed.sample import random_candidate
from nc.compiler.printed.to_graph import live_sums, to_graph
from nc.compiler.printed.tournament import Tournament, permute, prune
from nc.ir.interpret import evaluate

SHAPE = Shape(5, 3, 5, max_bits=3)


@pytest.mark.parametrize("classes", [2, 3, 5, 8])
def test_exact_tournament_is_argmax(classes: int) -> None:
    sums = np.random.default_rng(classes).integers(-20, 40, (500, classes))
    assert np.array_equal(Tournament.exact(sums).decide(sums), sums.argmax(1))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pruned_tournament_keeps_its_promise_down_to_the_gates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    genome = random_candidate(SHAPE, rng)
    x = rng.integers(0, 16, (400, 5))
    sums = live_sums(genome, SHAPE, x)
    live = np.flatnonzero(split(genome, SHAPE)["live"])
    y = np.where(rng.random(400) < 0.8, sums.argmax(1), rng.integers(0, len(live), 400))
    errors = int((sums.argmax(1) != y).sum()) + 5
    pruned = permute(sums, y, errors, tries=2, seed=0)
    assert (pruned.decide(sums) != y).sum() <= errors
    assert pruned.cost < Tournament.exact(sums).cost

    graph = to_graph(genome, SHAPE, tournament=pruned)
    want = live[pruned.decide(sums)]
    assert np.array_equal(evaluate(graph, {"x": x})["class"][:, 0], want)
    words = to_words(graph)
    assert np.array_equal(Circuit.of_gates(words).gate_outputs(x)["class"][:, 0], want)
    exact = to_graph(genome, SHAPE, tournament=Tournament.exact(sums))
    assert blast(words).logic.gates < blast(to_words(exact)).logic.gates


def test_nothing_left_to_compare_is_a_constant() -> None:
    sums = np.array([[5, 1, 0], [7, 2, 2], [9, 0, 3]])
    found = prune(Tournament.exact(sums), sums, np.zeros(3, int), errors=0)
    assert found.masks == (0, 0)
    assert np.array_equal(found.decide(sums), [0, 0, 0])
