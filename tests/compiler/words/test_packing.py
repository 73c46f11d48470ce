"""Single bits packed into tables: the matrix product exactly, and only where it is smaller."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.compiler.words.matvec import matvec
from nc.compiler.words.packing import GROUP, packed, pays
from nc.ir.words import Kind, WordBuilder, evaluate, verify


def random_matrix(rows: int, columns: int, bits: int, density: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    half = 1 << bits - 1
    return rng.integers(-half, half, (rows, columns)) * (rng.random((rows, columns)) < density)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 8), st.sampled_from([0.1, 0.5, 1]), st.integers(0, 10**6))
def test_tables_are_the_product(rows: int, columns: int, bits: int, density: float, seed: int) -> None:
    matrix = random_matrix(rows, columns, bits, density, seed) << seed % 3
    bias = np.random.default_rng(seed).integers(-50, 50, columns)
    b = WordBuilder()
    x = b.input("x", (rows,), 0, 1)
    graph = b.build({"y": np.array(packed(b, x.tolist(), matrix, bias.tolist()))})
    verify(graph)
    data = np.random.default_rng(seed).integers(0, 2, (64, rows))
    np.testing.assert_array_equal(evaluate(graph, [data])[0], data @ matrix + bias)
    tables = graph.kind == Kind.TABLE
    assert (graph.bits[graph.src[tables[graph.owner]]] <= GROUP).all()


@pytest.mark.parametrize(("bits", "copies", "smaller"), [(4, 1, True), (6, 1, True), (4, 24, False)])
def test_tables_where_they_are_smaller(bits: int, copies: int, smaller: bool) -> None:
    """Columns that are copies of each other are shared as adders."""
    matrix = np.tile(random_matrix(64, 24 // copies, bits, 1, 0), copies)
    program = matvec(matrix, np.zeros(64, np.int64), np.ones(64, np.int64))
    assert pays(matrix, program, 0.5) is smaller
