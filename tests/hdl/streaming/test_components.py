"""Every streaming component alone: what it computes, with and without stalls, and to the clock when."""

from __future__ import annotations

import numpy as np
import pytest

from nc.ir.dataflow import (
    ArgMax,
    Buffer,
    DataflowBuilder,
    Gather,
    MatVec,
    Reduce,
    Scatter,
    Source,
    Staircase,
    Stream,
    Taps,
)
from nc.ir.dataflow.actor import Actor
from nc.ir.types import IntType
from tests.hdl.streaming.drive import alone, check

SIGNED, UNSIGNED = IntType(-8, 7), IntType(0, 15)
RNG = np.random.default_rng(0)


def window(*args: object, **kwargs: object) -> Buffer:
    return Buffer.window(*args, **kwargs)  # type: ignore[arg-type]


ROUTING: dict[str, tuple[Actor, Stream]] = {
    "gather": (Gather(3), Stream(12, 2, SIGNED)),
    "scatter": (Scatter(3), Stream(4, 6, SIGNED)),
    "reorder": (Buffer.reorder(24, (12, 2), (1, 12)), Stream(24, 1, SIGNED)),
    "argmax": (ArgMax(4), Stream(8, 3, IntType(-2, 1))),
    "argmax_last": (ArgMax(4, True), Stream(4, 1, IntType(0, 1))),
    "argmax_of_one_token": (ArgMax(1), Stream(1, 5, SIGNED)),
    "running_max": (Reduce("max", 4), Stream(16, 2, SIGNED)),
    "running_sum": (Reduce("sum", 3), Stream(9, 1, UNSIGNED)),
    "global_sum": (Reduce("sum", 4, 3), Stream(24, 2, SIGNED)),
    "global_max_of_two_groups": (Reduce("max", 5, 2), Stream(10, 1, SIGNED)),
}
WINDOWS: dict[str, tuple[Actor, Stream]] = {
    "same_padding": (window(5, 6, 2, (3, 3), (1, 1), (1, 1, 1, 1)), Stream(60, 2, SIGNED)),
    "tiles": (window(6, 6, 1, (2, 2), (2, 2), (0, 0, 0, 0)), Stream(36, 3, UNSIGNED)),
    "dilated_uneven": (window(7, 5, 1, (3, 2), (2, 1), (1, 0, 0, 1), (2, 1)), Stream(35, 1, SIGNED)),
    "negative_fill": (window(3, 3, 1, (3, 3), (2, 2), (1, 1, 1, 1), fill=-8), Stream(9, 1, SIGNED)),
    "fill_outside_the_range": (window(3, 3, 1, (3, 3), (1, 1), (1, 1, 1, 1)), Stream(9, 2, IntType(1, 4))),
    "subsampled": (window(5, 5, 3, (1, 1), (2, 2), (0, 0, 0, 0)), Stream(75, 1, SIGNED)),
    "stride_over_kernel": (window(7, 7, 1, (2, 2), (3, 3), (0, 0, 0, 0)), Stream(49, 1, SIGNED)),
    "taps_same_padding": (Taps(4, 5, (3, 3), (1, 1), (1, 1, 1, 1)), Stream(20, 2, SIGNED)),
    "taps_strided": (Taps(6, 5, (2, 3), (2, 2), (0, 1, 0, 0)), Stream(30, 1, UNSIGNED)),
    "taps_of_one_row": (Taps(1, 9, (1, 3), (1, 2), (0, 1, 0, 1), -9), Stream(9, 1, SIGNED)),
    "taps_in_a_column": (Taps(7, 2, (3, 1), (2, 1), (1, 0, 1, 0)), Stream(14, 2, SIGNED)),
    "one_row": (window(1, 9, 1, (1, 3), (1, 1), (0, 1, 0, 1)), Stream(9, 1, SIGNED)),
}


@pytest.mark.parametrize("name", ROUTING)
def test_routing_and_reduction(name: str) -> None:
    check(alone(*ROUTING[name]))


@pytest.mark.parametrize("name", WINDOWS)
def test_windows(name: str) -> None:
    check(alone(*WINDOWS[name]), samples=3)


@pytest.mark.parametrize("multiplier", ["dsp", "lut"])
@pytest.mark.parametrize("fold", [(1, 1), (2, 2), (6, 8), (3, 8), (6, 1), (2, 4)])
def test_matvec_at_every_fold(fold: tuple[int, int], multiplier: str) -> None:
    pe, simd = fold
    weights, bias = RNG.integers(-7, 8, (1, 6, 8)), RNG.integers(-50, 50, (1, 6))
    check(alone(MatVec(weights, bias, pe, simd, multiplier=multiplier), Stream(3 * 8 // simd, simd, SIGNED)))


@pytest.mark.parametrize(
    "kinds", [("dsp", UNSIGNED, 0), ("lut", UNSIGNED, 0), ("lut", UNSIGNED, -7), ("lut", SIGNED, 0)]
)
def test_multipliers_of_every_sign(kinds: tuple[str, IntType, int]) -> None:
    multiplier, kind, low = kinds
    weights = RNG.integers(low, 8, (1, 2, 4))
    check(alone(MatVec(weights, np.zeros((1, 2), np.int64), 1, 2, multiplier=multiplier), Stream(8, 2, kind)))


def test_groups_and_depthwise() -> None:
    weights, bias = RNG.integers(-7, 8, (3, 4, 6)), RNG.integers(-9, 9, (3, 4))
    check(alone(MatVec(weights, bias, 2, 2), Stream(18, 2, SIGNED)))
    check(alone(MatVec(weights, bias, 4, 1, lanewise=True), Stream(36, 4, SIGNED)))


def test_staircases_rising_and_falling() -> None:
    edges = np.sort(RNG.integers(-8, 9, (3, 2, 5)), axis=2)
    check(alone(Staircase(edges, RNG.integers(0, 2, (3, 2)), -2, 1), Stream(12, 2, SIGNED)))
    check(alone(Staircase(edges[:1, :, :3], np.zeros((1, 2), np.int64)), Stream(6, 2, SIGNED)))
    check(alone(Staircase(edges[:, :, :1], np.zeros((3, 2), np.int64), 5, -2), Stream(6, 2, SIGNED)))


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 8])
def test_fifos_of_registers_and_memory(depth: int) -> None:
    """A fast giver in front of a slow reader and the other way round."""
    build = DataflowBuilder("fifo", Stream(12, 4, SIGNED))
    narrow = build.add("narrow", Scatter(4), Source(-1), depths=(depth,))
    wide = build.add("wide", Gather(8), narrow, depths=(depth,))
    check(build.finish(wide), samples=4)
