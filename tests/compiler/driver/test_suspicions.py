"""Warnings of what a user would not want: each on a small network that has the fault, none on one that has not."""

from __future__ import annotations

import numpy as np

from nc.compiler.data import Dataset
from nc.compiler.driver.suspicions import suspicions
from nc.ir.diagnostics import Diagnostic
from nc.ir.graph import Builder, Graph, Value
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.mul import Mul
from nc.ir.ops.relu import Relu
from nc.ir.types import Affine, IntType, TensorType

X = np.random.default_rng(0).integers(-8, 8, (64, 2))


def begun(bits: int = 4) -> tuple[Builder, Value]:
    build = Builder()
    kind = TensorType((2,), IntType(-(1 << bits - 1), (1 << bits - 1) - 1), Affine.of(1))
    return build, build.input("x", kind)


def linear(weights: list[list[int]]) -> Graph:
    build, x = begun()
    build.output("y", build.add(MatMul(), x, build.constant(np.array(weights))))
    return build.finish()


def codes(graph: Graph, x: np.ndarray = X, y: np.ndarray | None = None) -> list[Diagnostic]:
    return suspicions(graph, None, Dataset.of(x, y))


def test_nothing_to_warn_of() -> None:
    assert codes(linear([[1, 0], [0, 1]]), X, X.argmax(axis=1)) == []


def test_a_constant_output() -> None:
    (always,) = codes(linear([[0, 0], [0, 0]]))
    assert always.code == "NC316" and always.severity == "warning"
    build, x = begun()
    build.output("y", build.add(Relu(), x))
    (on_data,) = codes(build.finish(), -np.abs(X))  # a rectifier that is never reached
    assert on_data.code == "NC316" and "64 calibration samples (0, 0)" in on_data.message


def test_a_class_that_is_never_decided() -> None:
    y = np.arange(64) % 2
    (found,) = codes(linear([[1, 1], [1, 1]]), X, y)  # ties go to class 0
    assert found.code == "NC317" and "class 1 never is" in found.message


def test_an_unused_input() -> None:
    build, x = begun()
    build.input("z", TensorType((2,), IntType(0, 3)))
    build.output("y", build.add(MatMul(), x, build.constant(np.eye(2, dtype=np.int64))))
    found = suspicions(build.finish(), None, None)
    assert [(d.code, d.where.tensor) for d in found] == [("NC318", "z")]


def test_clipped_samples() -> None:
    (found,) = codes(linear([[1, 0], [0, 1]]), np.where(np.arange(64)[:, None] < 2, 100, X))  # 2 of 64: 3.1 %
    assert found.code == "NC319" and "not 3.1%: the port holds -8 to 7" in found.message
    assert found.help.startswith("--set input.x.range=[-8,100]")


def test_a_wide_word_names_the_operation_that_makes_it() -> None:
    build, x = begun(16)
    build.origin = "square"
    square = build.add(Mul(), x, x)
    build.origin = "cube"
    build.output("y", build.add(Mul(), square, x))
    found = suspicions(build.finish(), None, None)
    assert [(d.code, d.where.node) for d in found] == [("NC320", "cube")]
    assert "a word should have 32 bits at most, not 46: 'mul' makes it" in found[0].message
