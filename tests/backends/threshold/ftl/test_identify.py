"""Threshold functions: identification, and the published counts of classes and functions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.backends.threshold.ftl.classes import classes, functions_in_class, regular_functions
from nc.backends.threshold.ftl.identify import Threshold, identify
from nc.ir.diagnostics import NcError


@pytest.mark.parametrize(
    ("n", "np_classes", "functions", "largest"),
    [
        (3, 10, 104, 2),
        (4, 27, 1882, 3),
        (5, 119, 94572, 5),
        pytest.param(6, 1113, 15028134, 9, marks=pytest.mark.slow),
    ],
)
def test_counts(n: int, np_classes: int, functions: int, largest: int) -> None:
    """Muroga's counts, with the functions counted as orbits of the classes; the largest weight needed."""
    found = classes(n)
    assert len(found) == np_classes
    assert sum(functions_in_class(table, n) for table, _ in found) == functions
    assert max(max(gate.weights) for _, gate in found) == largest


@pytest.mark.slow
def test_counts_of_seven_inputs() -> None:
    assert len(classes(7)) == 29375


def test_every_function_of_three_inputs() -> None:
    assert sum(identify(table, 3) is not None for table in range(256)) == 104


@pytest.mark.slow
def test_every_function_of_four_inputs() -> None:
    assert sum(identify(table, 4) is not None for table in range(1 << 16)) == 1882


def test_regular_functions() -> None:
    assert [sum(1 for _ in regular_functions(n)) for n in range(1, 7)] == [3, 5, 10, 27, 119, 1173]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(-6, 6), min_size=1, max_size=6), st.integers(-20, 20))
def test_identifies_random_gates(weights: list[int], threshold: int) -> None:
    """Any weights give a threshold function; what is found computes it with no larger weights."""
    gate = Threshold(tuple(weights), threshold)
    found = identify(gate.table(), len(weights))
    assert found is not None and found.table() == gate.table()
    assert found.size <= gate.size and found.margin >= 1


def test_parity_and_products_are_refused() -> None:
    assert identify(0b0110, 2) is None  # exclusive or: not unate
    assert identify(0xF888, 4) is None  # ab + cd: unate, and no weights separate it
    assert identify(0b1000, 2) == Threshold((1, 1), 2)


def test_too_many_inputs() -> None:
    with pytest.raises(NcError) as error:
        identify(0, 8)
    assert str(error.value) == "error[NC720]: threshold identification takes at most 7 inputs, not 8"
