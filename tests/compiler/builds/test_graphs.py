"""Graphs of a build: round trip, equal bytes, and damage that ends in a diagnostic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.compiler.builds.graphs import FLOAT, INTEGER, read_graph, write_graph
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.ops.add import Add
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.relu import Relu
from nc.ir.types import F32, Affine, IntType, TensorType


def integer_graph() -> Graph:
    rng = np.random.default_rng(0)
    build = Builder("digits")
    x = build.input("x", TensorType((6,), IntType(0, 16), Affine.of(1)))
    weights = build.constant(rng.integers(-7, 8, (6, 4)))
    bias = build.constant(rng.integers(-20, 20, 4))
    build.output("logits", build.add(Relu(), build.add(Add(), build.add(MatMul(), x, weights), bias)))
    return build.finish()


def float_graph() -> Graph:
    build = Builder("digits")
    x = build.input("x", TensorType((6,), F32))
    build.output("y", build.add(MatMul(), x, build.constant(np.random.default_rng(0).normal(size=(6, 4)))))
    return build.finish()


@pytest.mark.parametrize(("make", "names"), [(integer_graph, INTEGER), (float_graph, FLOAT)])
def test_round_trip(tmp_path: Path, make: object, names: object) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    graph = make()  # type: ignore[operator]
    for folder in ("a", "b"):
        write_graph(graph, tmp_path / folder, names)  # type: ignore[arg-type]
    assert str(read_graph(tmp_path / "a", names)) == str(graph)  # type: ignore[arg-type]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_damaged_graphs_end_in_a_diagnostic(tmp_path: Path) -> None:
    write_graph(integer_graph(), tmp_path, INTEGER)
    good = {name: (tmp_path / name).read_bytes() for name in (INTEGER.text, INTEGER.arrays)}
    rng = np.random.default_rng(9)
    codes = set()
    for _ in range(300):
        name = INTEGER.text if rng.random() < 0.7 else INTEGER.arrays
        bad = bytearray(good[name])
        for at in rng.integers(len(bad), size=2):
            bad[at] = rng.integers(32, 127)
        (tmp_path / name).write_bytes(bad)
        try:
            read_graph(tmp_path, INTEGER)
        except NcError as error:
            codes.add(error.diagnostics[0].code)
        (tmp_path / name).write_bytes(good[name])
    assert {"NC206", "NC402"} <= codes
