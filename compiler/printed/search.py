"""The search of one bespoke MLP: trained starts, then annealing descents that trace the front of accuracy and area.

Samples are split in two: `fit` drives the training and the descents, `validation` only chooses from the front. The
archive is written after every descent, so that a killed search resumes where it was and ends with the same result.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from nc.compiler.printed import anneal
from nc.compiler.printed.area import PRICES
from nc.compiler.printed.genome import IntArray, Shape
from nc.compiler.printed.kernels import as_columns, evaluate_population
from nc.compiler.printed.teacher import UNIT, taught
from nc.compiler.printed.train import train
from nc.ir.diagnostics import fail


@dataclass(frozen=True)
class Plan:
    """How much is searched.

    `starts`: descents from trained replicas; `returns`: descents from the front so far, restarted between the prices
    of area that the front's middle part has; `steps`: changes tried in one descent. `training`: optimiser steps of
    `replicas` replicas, whose L1 weights span `sparsity`. `heat`: first and last temperature in units of the error
    rate; `price`: first and last price of 1 mm² in the same units. `teacher`: a forest replaces the labels (`own`: the
    weight that a label keeps; `drawn`: more samples around each). `validation`: share of the samples that chooses.
    """

    starts: int = 4
    returns: int = 4
    steps: int = 300_000
    replicas: int = 8
    training: int = 3000
    bits: int = 3
    sparsity: tuple[float, float] = (1e-5, 5e-3)
    heat: tuple[float, float] = (0.004, 0.0002)
    price: tuple[float, float] = (1e-6, 2e-3)
    teacher: bool = False
    own: float = 0.0
    drawn: int = 1
    validation: float = 0.3
    seed: int = 0


@dataclass
class Archive:
    """The least-error genome seen in each bin of area."""

    genomes: IntArray
    errors: np.ndarray
    areas: np.ndarray

    @classmethod
    def empty(cls, shape: Shape) -> Archive:
        return cls(
            np.zeros((anneal.BINS, shape.length), np.int32),
            np.full(anneal.BINS, 1 << 30, np.int64),
            np.full(anneal.BINS, 1e18),
        )

    def add(self, genomes: IntArray, errors: np.ndarray, areas: np.ndarray) -> None:
        for genome, wrong, area in zip(genomes, errors, areas):
            place = anneal.area_bin(area)
            if (wrong, area) < (self.errors[place], self.areas[place]):
                self.genomes[place], self.errors[place], self.areas[place] = genome, wrong, area

    def front(self) -> list[int]:
        """Bins of the non-dominated genomes, small first."""
        best, rows = 1 << 30, []
        for place in np.flatnonzero(self.errors < 1 << 30):
            if self.errors[place] < best:
                best = self.errors[place]
                rows.append(int(place))
        return rows


@dataclass(frozen=True)
class Point:
    """One circuit of the front: accuracies on both splits, the validation accuracy smoothed along the front (it
    cannot fall with area), modelled area in mm²."""

    genome: IntArray = field(repr=False)
    fit: float
    validation: float
    smoothed: float
    area_mm2: float


def split_rows(y: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(fit, validation) row indices, stratified by label."""
    rng = np.random.default_rng(seed)
    fit, held = [], []
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        cut = round(share * len(rows))
        held.append(rows[:cut])
        fit.append(rows[cut:])
    return np.sort(np.concatenate(fit)), np.sort(np.concatenate(held))


def check_data(x: np.ndarray, y: np.ndarray, shape: Shape) -> None:
    """Raises NC655, NC656 for data that do not fit the shape."""
    top = (1 << shape.input_bits) - 1
    if x.ndim != 2 or x.shape[1] != shape.features or len(x) != len(y):
        fail(
            "NC656",
            f"inputs must have shape ({len(y)}, {shape.features}), not {x.shape}",
            help="one row a sample, one column a feature",
        )
    if not np.issubdtype(x.dtype, np.integer) or x.size and not (x.min() >= 0 and x.max() <= top):
        fail("NC656", f"inputs must be integers in 0..{top}", help="quantise the data, e.g. floor(16 * x)")
    if not np.issubdtype(y.dtype, np.integer) or y.size and not (y.min() >= 0 and y.max() < shape.classes):
        span = f"{y.min()}..{y.max()}" if y.size else "empty"
        fail(
            "NC655", f"labels must be integers in 0..{shape.classes - 1}, not {span}", help="number the classes from 0"
        )


def search(
    shape: Shape,
    x: np.ndarray,
    y: np.ndarray,
    plan: Plan = Plan(),
    *,
    checkpoint: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Point]:
    """The front found on integer inputs `x` (N, F) in 0..2**input_bits-1 with labels `y` (N,), small first.

    `checkpoint`: a file (.npz) that is read when it exists and belongs to the same search, and written after every
    descent. `progress(done, total)` counts descents. Deterministic for a plan. Raises NC655, NC656.
    """
    check_data(x, y, shape)
    fit, held = split_rows(y, plan.validation, plan.seed)
    key = json.dumps({"shape": asdict(shape), "plan": asdict(plan), "rows": len(y), "sum": int(x.sum())})
    total = plan.starts + plan.returns
    samples, target, unit = x[fit], y[fit], 1
    if plan.teacher:
        samples, target = taught(x[fit], y[fit], shape.classes, seed=plan.seed, own=plan.own, drawn=plan.drawn)
        unit = UNIT
    archive, done, starts = _resume(checkpoint, key)
    if archive is None or starts is None:
        starts = train(
            shape,
            samples,
            1 - target / unit if plan.teacher else target,
            seed=plan.seed,
            replicas=plan.replicas,
            steps=plan.training,
            bits=plan.bits,
        )
        errors, areas = evaluate_population(starts, shape, x[fit], y[fit], PRICES)
        starts = starts[np.argsort(errors, kind="stable")]
        archive = Archive.empty(shape)
        archive.add(starts, *evaluate_population(starts, shape, samples, target, PRICES))
        done = 0
    columns, cost = as_columns(shape, samples, target)
    for turn in range(done, total):
        start, heat, price = _descent(plan, turn, starts, archive)
        anneal.descend(
            start,
            *shape.numbers(),
            shape.max_k1,
            shape.max_k2,
            shape.max_bits,
            shape.input_bits,
            shape.max_bias,
            columns,
            cost,
            unit,
            PRICES,
            plan.steps,
            heat,
            *price,
            plan.seed * 1000 + turn,
            archive.genomes,
            archive.errors,
            archive.areas,
        )
        if checkpoint is not None:
            _save(checkpoint, key, archive, turn + 1, starts)
        progress(turn + 1, total)
    return points(archive, shape, x, y, fit, held)


def _descent(
    plan: Plan, turn: int, starts: IntArray, archive: Archive
) -> tuple[IntArray, tuple[float, float], tuple[float, float]]:
    """Start, temperatures and prices of one descent."""
    if turn < plan.starts:
        return np.ascontiguousarray(starts[turn % max(1, len(starts) // 2)]), plan.heat, plan.price
    # later descents leave from points spread over the upper half of the front, cooler and with dearer area
    front = archive.front()
    share = 1 - 0.7 * (turn - plan.starts) / max(1, plan.returns)
    place = front[min(len(front) - 1, int(share * len(front)))]
    low = float(np.sqrt(plan.price[0] * plan.price[1]))
    return archive.genomes[place].copy(), (plan.heat[0] / 2, plan.heat[1]), (low, plan.price[1])


def points(
    archive: Archive, shape: Shape, x: np.ndarray, y: np.ndarray, fit: np.ndarray, held: np.ndarray
) -> list[Point]:
    """The archive's front with its accuracies."""
    rows = archive.front()
    genomes = archive.genomes[rows]
    wrong_fit, areas = evaluate_population(genomes, shape, x[fit], y[fit], PRICES)
    wrong_held, _ = evaluate_population(genomes, shape, x[held], y[held], PRICES)
    accuracy = 1 - wrong_held / max(1, len(held))
    smooth = isotonic(accuracy)
    return [
        Point(g, 1 - float(w) / len(fit), float(v), float(s), float(a))
        for g, w, v, s, a in zip(genomes, wrong_fit, accuracy, smooth, areas)
    ]


def isotonic(values: np.ndarray) -> np.ndarray:
    """The closest non-decreasing sequence in least squares (pool adjacent violators, Ayer et al. 1955).

    >>> isotonic(np.array([1.0, 3.0, 2.0])).tolist()
    [1.0, 2.5, 2.5]
    """
    blocks: list[tuple[float, int]] = []
    for value in values.tolist():
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, m), (b, n) = blocks[-2], blocks[-1]
            blocks[-2:] = [((a * m + b * n) / (m + n), m + n)]
    return np.concatenate([np.full(n, v) for v, n in blocks]) if blocks else values


def refit(
    point: Point, shape: Shape, x: np.ndarray, y: np.ndarray, plan: Plan, price: tuple[float, float] = (1e-5, 2e-4)
) -> IntArray:
    """A chosen design annealed once more on all rows, validation rows included; it may not grow.

    Returns the genome with the fewest errors on all rows among those within the point's area, its own among them.
    """
    archive = Archive.empty(shape)
    start = point.genome[None]
    archive.add(start, *evaluate_population(start, shape, x, y, PRICES))
    columns, cost = as_columns(shape, x, y)
    anneal.descend(
        np.ascontiguousarray(point.genome), *shape.numbers(), shape.max_k1, shape.max_k2, shape.max_bits,
        shape.input_bits, shape.max_bias, columns, cost, 1, PRICES, plan.steps, (plan.heat[0] / 2, plan.heat[1]),
        *price, plan.seed * 1000 + 999, archive.genomes, archive.errors, archive.areas,
    )  # fmt: skip
    within = np.flatnonzero(archive.areas <= point.area_mm2 * 1.0001)
    best: IntArray = archive.genomes[within[np.argmin(archive.errors[within])]]
    return best


def choose(front: list[Point], floor: float, area_mm2: float = float("inf")) -> Point:
    """The smallest point whose smoothed validation accuracy reaches `floor`. Raises NC653, NC654 naming the best."""
    fits = [p for p in front if p.smoothed >= floor]
    if not fits:
        best = max(front, key=lambda p: (p.smoothed, -p.area_mm2))
        fail(
            "NC653",
            f"accuracy must reach {floor:.4f} on the validation split; the best circuit found has "
            f"{best.smoothed:.4f} at {best.area_mm2 / 100:.3f} cm2 (modelled)",
            help="lower approx.accuracy_floor, or search longer or with more hidden neurons",
        )
    smallest = min(fits, key=lambda p: p.area_mm2)
    if smallest.area_mm2 > area_mm2:
        fail(
            "NC654",
            f"area must stay within {area_mm2 / 100:.3f} cm2; the smallest circuit found with accuracy "
            f"{floor:.4f} has {smallest.area_mm2 / 100:.3f} cm2 (modelled)",
            help="raise the budget or lower approx.accuracy_floor",
        )
    return smallest


def _resume(checkpoint: Path | None, key: str) -> tuple[Archive | None, int, IntArray | None]:
    if checkpoint is None or not checkpoint.is_file():
        return None, 0, None
    with np.load(checkpoint, allow_pickle=False) as data:
        if str(data["key"]) != key:
            return None, 0, None
        return Archive(data["genomes"], data["errors"], data["areas"]), int(data["done"]), data["starts"]


def _save(checkpoint: Path, key: str, archive: Archive, done: int, starts: IntArray) -> None:
    """Written beside and moved into place: a kill leaves the old file or the new one, never half of one."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    draft = checkpoint.with_name(checkpoint.name + ".part")
    with draft.open("wb") as file:
        np.savez(
            file, key=key, genomes=archive.genomes, errors=archive.errors, areas=archive.areas, done=done, starts=starts
        )
    draft.replace(checkpoint)
