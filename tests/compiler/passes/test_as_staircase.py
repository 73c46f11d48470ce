"""Activations as staircases: equal to the operation on every integer of its range."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from nc.compiler.passes.as_staircase import as_staircase, level_count
from nc.ir.ops.base import Operand
from nc.ir.ops.clip import Clip
from nc.ir.ops.relu import Relu
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.table import Table
from nc.ir.types import IntType, TensorType

CHANNELS = 4
PROVED = settings(derandomize=True, deadline=None, max_examples=60)


@st.composite
def kinds(draw: st.DrawFn) -> IntType:
    """Ranges around zero, above and below it; bipolar-like lattices among them."""
    low, count, step = draw(st.integers(-400, 200)), draw(st.integers(0, 600)), draw(st.sampled_from((1, 1, 2)))
    return IntType(low, low + step * count, step)


@st.composite
def requantisations(draw: st.DrawFn) -> Requantize:
    """One multiplier for all channels or one each, of any sign, zero too; offsets as zero points and biases leave
    them; clamps that saturate, or are never met."""
    numbers = st.lists(st.integers(-300, 300), min_size=CHANNELS, max_size=CHANNELS)
    multiplier, offset = (np.array(draw(numbers)) for _ in range(2))
    rows = draw(st.sampled_from((CHANNELS, 1)))
    shift, low = draw(st.integers(0, 12)), draw(st.integers(-20, 20))
    return Requantize(
        multiplier[:rows], offset[: draw(st.sampled_from((CHANNELS, rows)))] << max(0, shift - 4), shift, low,
        low + draw(st.integers(0, 40)), 0, draw(st.sampled_from(("floor", "half_even"))),
    )  # fmt: skip


def proved(op: Any, kind: IntType) -> None:
    """Every integer of the range in every channel; levels that no input reaches are no steps."""
    found = as_staircase(op, kind)
    assert found is not None
    x = np.repeat(np.arange(kind.lo, kind.hi + 1, kind.step)[:, None], CHANNELS, axis=1)
    want = op.evaluate(x)
    assert np.array_equal(found.evaluate(x), want)
    assert found.thresholds.shape[1] == level_count(op, kind)
    assert (np.diff(found.thresholds, axis=1) >= 0).all()
    made = found.infer_type(Operand(TensorType((CHANNELS,), kind))).int
    assert (made.lo, made.hi) == (want.min(), want.max())


@PROVED
@given(requantisations(), kinds())
def test_requantisations(op: Requantize, kind: IntType) -> None:
    proved(op, kind)


@PROVED
@given(st.integers(-500, 500), st.integers(0, 300), kinds())
def test_clamps(low: int, span: int, kind: IntType) -> None:
    proved(Clip(low, low + span), kind)
    proved(Relu(), kind)


@PROVED
@given(kinds(), st.lists(st.integers(0, 12), min_size=1, max_size=30), st.integers(1, 3), st.data())
def test_monotone_tables(kind: IntType, heights: list[int], pitch: int, data: st.DataObject) -> None:
    """Rising and falling rows; only the entries that the lattice selects count."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    span = kind.hi - kind.lo + 1
    rows = np.sort(rng.choice(heights, (data.draw(st.sampled_from((1, CHANNELS))), span)), axis=1) * pitch - 7
    rows[::2] = rows[::2, ::-1]
    off = np.arange(span) % kind.step != 0
    rows[:, off] = rng.integers(-90, 90, (len(rows), int(off.sum())))
    proved(Table(rows, kind.lo), kind)


def test_a_table_that_turns_back() -> None:
    """One channel is enough; the others rise."""
    rows = np.array([[0, 1, 2, 3], [0, 2, 2, 1]])
    assert as_staircase(Table(rows, 0), IntType(0, 3)) is None
    assert as_staircase(Table(rows, 0), IntType(0, 2)) is not None


def test_the_axis_stays() -> None:
    op = Requantize(np.array([1, 2]), np.array([0, 0]), 2, 0, 7, axis=1)
    found = as_staircase(op, IntType(-9, 30))
    assert found is not None and found.axis == 1
    x = np.random.default_rng(1).integers(-9, 31, (50, 3, 2))
    assert np.array_equal(found.evaluate(x), op.evaluate(x))
