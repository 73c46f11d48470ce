"""Genomes: kernels, area model, graph, search: against the plain definition, and reproducible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.compiler.printed.area import PRICES
from nc.compiler.printed.genome import Shape, forward, join, split
from nc.compiler.printed.kernels import evaluate_population
from nc.compiler.printed.round_weights import nearest_digits, round_weights
from nc.compiler.printed.sample import random_candidate
from nc.compiler.printed.search import Plan, Point, choose, isotonic, search, split_rows
from nc.compiler.printed.to_graph import to_graph
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate

SHAPES = [Shape(5, 2, 2), Shape(7, 3, 4, max_bits=3), Shape(4, 1, 3, max_bits=2, max_k1=2)]


@pytest.mark.parametrize("shape", SHAPES)
def test_kernels_and_graph_equal_the_definition(shape: Shape) -> None:
    rng = np.random.default_rng(5)
    genomes = np.stack([random_candidate(shape, rng) for _ in range(12)])
    x = rng.integers(0, 16, (200, shape.features))
    y = rng.integers(0, shape.classes, 200)
    errors, areas = evaluate_population(genomes, shape, x, y, PRICES)
    assert (areas >= 0).all()
    for genome, wrong in zip(genomes, errors):
        want = forward(genome, shape, x)[2]
        assert (want != y).sum() == wrong
        graph = to_graph(genome, shape)
        assert np.array_equal(evaluate(graph, {"x": x})["class"][:, 0], want)


def test_compiled_kernels_are_not_older_than_the_area_model() -> None:
    """Numba keeps compiled callers when only a callee's file changes: then delete compiler/printed/__pycache__."""
    from nc.compiler.printed.area import count_all

    shape = SHAPES[1]
    rng = np.random.default_rng(11)
    genomes = np.stack([random_candidate(shape, rng) for _ in range(20)])
    _, areas = evaluate_population(genomes, shape, np.zeros((1, 7), int), np.zeros(1, int), PRICES)
    assert np.allclose(areas, [count_all(g, *shape.numbers()) @ PRICES for g in genomes])


def test_genome_splits_and_joins() -> None:
    shape = SHAPES[1]
    genome = random_candidate(shape, np.random.default_rng(1))
    assert np.array_equal(join(split(genome, shape), shape), genome)


def test_an_unread_neuron_costs_nothing() -> None:
    shape = SHAPES[1]
    rng = np.random.default_rng(2)
    parts = split(random_candidate(shape, rng), shape)
    parts["s2"][:, 1] = 0
    empty = {k: v.copy() for k, v in parts.items()}
    empty["s1"][1] = 0
    x, y = np.zeros((1, shape.features), int), np.zeros(1, int)
    _, areas = evaluate_population(np.stack([join(parts, shape), join(empty, shape)]), shape, x, y, PRICES)
    assert areas[0] == areas[1]


def _toy(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 16, (count, 5))
    return x, ((x[:, 0] + 2 * x[:, 1] - x[:, 2]) > 12).astype(int) + (x[:, 3] > 11)


PLAN = Plan(starts=2, returns=2, steps=3000, replicas=3, training=60, bits=2)


def test_search_is_reproducible_and_resumes(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    x, y = _toy()
    shape = Shape(5, 2, 3, max_bits=2)
    whole = search(shape, x, y, PLAN)
    assert all(a.area_mm2 <= b.area_mm2 and a.fit < b.fit for a, b in zip(whole, whole[1:]))
    assert max(p.fit for p in whole) > 0.7

    class Killed(Exception):
        pass

    def kill(done: int, total: int) -> None:
        if done == 2:
            raise Killed

    path = tmp_path / "state.npz"
    with pytest.raises(Killed):
        search(shape, x, y, PLAN, checkpoint=path, progress=kill)
    resumed = []
    again = search(shape, x, y, PLAN, checkpoint=path, progress=lambda done, total: resumed.append(done))
    assert resumed == [3, 4]
    assert len(again) == len(whole)
    assert all(np.array_equal(a.genome, b.genome) for a, b in zip(again, whole))


def test_data_that_do_not_fit() -> None:
    x, y = _toy(20)
    shape = Shape(5, 2, 3)
    with pytest.raises(NcError) as labels:
        search(shape, x, y + 1)
    assert str(labels.value) == (
        "error[NC655]: labels must be integers in 0..2, not 1..3\n  help: number the classes from 0"
    )
    with pytest.raises(NcError) as inputs:
        search(shape, x / 16, y)
    assert str(inputs.value) == (
        "error[NC656]: inputs must be integers in 0..15\n  help: quantise the data, e.g. floor(16 * x)"
    )
    with pytest.raises(NcError) as columns:
        search(shape, x[:, :4], y)
    assert str(columns.value) == (
        "error[NC656]: inputs must have shape (20, 5), not (20, 4)\n  help: one row a sample, one column a feature"
    )


def test_choosing_by_floor_and_budget() -> None:
    front = [Point(np.zeros(1, np.int32), 0.5 + i / 20, 0.5 + i / 20, 0.5 + i / 20, 10.0 + 10 * i) for i in range(4)]
    assert choose(front, 0.6).area_mm2 == 30.0
    with pytest.raises(NcError) as floor:
        choose(front, 0.9)
    assert str(floor.value) == (
        "error[NC653]: accuracy must reach 0.9000 on the validation split; the best circuit found has 0.6500 at "
        "0.400 cm2 (modelled)\n"
        "  help: lower approx.accuracy_floor, or search longer or with more hidden neurons"
    )
    with pytest.raises(NcError) as budget:
        choose(front, 0.6, 25.0)
    assert str(budget.value) == (
        "error[NC654]: area must stay within 0.250 cm2; the smallest circuit found with accuracy 0.6000 has "
        "0.300 cm2 (modelled)\n"
        "  help: raise the budget or lower approx.accuracy_floor"
    )


def test_splits_are_stratified_and_disjoint() -> None:
    y = np.repeat([0, 1, 2], [50, 30, 20])
    fit, held = split_rows(y, 0.3, seed=4)
    assert np.array_equal(np.sort(np.concatenate([fit, held])), np.arange(100))
    assert np.bincount(y[held]).tolist() == [15, 9, 6]


def test_isotonic_never_falls_and_keeps_the_mean() -> None:
    values = np.random.default_rng(0).random(50)
    smooth = isotonic(values)
    assert (np.diff(smooth) >= 0).all()
    assert smooth.mean() == pytest.approx(values.mean())


@pytest.mark.parametrize("digits", [1, 2])
def test_rounded_weights_keep_few_digits(digits: int) -> None:
    from nc.ir.words.builder import csd

    weights = np.arange(-40, 41)
    rounded = nearest_digits(weights, digits)
    assert max(len(csd(int(w))) for w in rounded) <= digits
    assert np.all(np.abs(rounded - weights) <= np.abs(weights) / (3 if digits == 1 else 6))


def test_round_weights_restores_the_mean() -> None:
    shape = Shape(5, 2, 3)
    x = np.random.default_rng(3).integers(0, 16, (500, 5))
    graph = _dense(x)
    exact = evaluate(graph, {"x": x})["y"]
    plain = evaluate(round_weights(graph, 1), {"x": x})["y"]
    kept = evaluate(round_weights(graph, 1, {"x": x}), {"x": x})["y"]
    assert not np.array_equal(plain, exact)
    assert np.abs((kept - exact).mean(0)).max() <= 0.5
    assert shape.features == 5


def _dense(x: np.ndarray):  # type: ignore[no-untyped-def]
    from nc.ir.graph import Builder
    from nc.ir.ops.matmul import MatMul
    from nc.ir.types import IntType, TensorType

    build = Builder()
    value = build.input("x", TensorType((x.shape[1],), IntType(0, 15)))
    weights = np.array([[3, -5, 7], [11, 6, -1], [-7, 0, 5], [9, 13, -3], [2, -6, 10]])
    build.output("y", build.add(MatMul(), value, build.constant(weights)))
    return build.finish()


@pytest.mark.parametrize("seed", [1, 2])
def test_descent_keeps_true_books(seed: int) -> None:
    """Errors and areas that the descent tracks from change to change are those of a fresh evaluation."""
    from nc.compiler.printed import anneal
    from nc.compiler.printed.kernels import as_columns
    from nc.compiler.printed.search import Archive

    x, y = _toy()
    shape = Shape(5, 3, 3, max_bits=3)
    archive = Archive.empty(shape)
    start = random_candidate(shape, np.random.default_rng(seed))
    columns, cost = as_columns(shape, x, y)
    anneal.descend(
        start, *shape.numbers(), shape.max_k1, shape.max_k2, shape.max_bits, shape.input_bits, shape.max_bias,
        columns, cost, 1, PRICES, 4000, (0.02, 0.001), 1e-6, 2e-3, seed,
        archive.genomes, archive.errors, archive.areas,
    )  # fmt: skip
    seen = np.flatnonzero(archive.errors < 1 << 30)
    assert len(seen) > 10
    errors, areas = evaluate_population(archive.genomes[seen], shape, x, y, PRICES)
    assert np.array_equal(errors, archive.errors[seen])
    assert np.allclose(areas, archive.areas[seen])
    for genome, wrong in zip(archive.genomes[seen], errors):
        assert (forward(genome, shape, x)[2] != y).sum() == wrong
