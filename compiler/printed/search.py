"""The search of one design: trained starts, then descents that trace the front of accuracy and area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nc.compiler.printed import anneal
from nc.compiler.printed.area import PRICES
from nc.compiler.printed.genome import IntArray, Shape
from nc.compiler.printed.kernels import as_columns, evaluate_population


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


def descend(
    archive: Archive,
    start: IntArray,
    shape: Shape,
    x: np.ndarray,
    y: np.ndarray,
    *,
    steps: int,
    seed: int,
    heat: tuple[float, float] = (0.01, 0.0005),
    price: tuple[float, float] = (1e-6, 3e-3),
    prices: np.ndarray = PRICES,
) -> None:
    """One annealing descent of `anneal.descend` into `archive`; `x` (N, F) integers."""
    columns, labels = as_columns(shape, x, y)
    anneal.descend(
        np.ascontiguousarray(start, dtype=np.int32),
        *shape.numbers(),
        shape.max_k1,
        shape.max_k2,
        shape.max_bits,
        shape.input_bits,
        shape.max_bias,
        columns,
        labels,
        prices,
        steps,
        heat,
        *price,
        seed,
        archive.genomes,
        archive.errors,
        archive.areas,
    )


def evaluate_front(
    archive: Archive, shape: Shape, x: np.ndarray, y: np.ndarray
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """(bins, accuracy on x/y, area) of the archive's front."""
    rows = archive.front()
    errors, areas = evaluate_population(archive.genomes[rows], shape, x, y, PRICES)
    return rows, 1 - errors / len(y), areas
