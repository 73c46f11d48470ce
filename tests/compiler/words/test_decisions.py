"""Arg-max of differences: equal to the arg-max of the sums, ties included, with less logic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.compiler.passes.lower_primitive import LowerPrimitive
from nc.compiler.words.decisions import decision, decisions
from nc.compiler.words.lower import lower
from nc.compiler.words.matvec import MatvecOptions
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate as interpret
from nc.ir.ops import OPS
from nc.ir.types import IntType, TensorType
from nc.ir.words import Kind, evaluate

ON = MatvecOptions(argmax_differences=True)


def classifier(weights: np.ndarray, bias: np.ndarray, high: int, *, last: bool = False, logits: bool = False) -> Graph:
    b = Builder()
    x = b.input("x", TensorType((len(weights),), IntType(0, high)))
    b.origin = "head"
    y = b.add(OPS["matmul"](), x, b.constant(weights))
    y = b.add(OPS["add"](), y, b.constant(bias))
    if logits:
        b.output("logits", y)
    b.output("y", b.add(OPS["argmax"](axis=0, keepdims=False, last=last), y))
    return LowerPrimitive().run(b.finish())


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    inputs=st.integers(1, 6),
    classes=st.integers(1, 7),
    step=st.sampled_from([1, 2, 8]),
    high=st.sampled_from([1, 3]),
    last=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_ties_and_all(inputs: int, classes: int, step: int, high: int, last: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = step * rng.integers(-2, 3, (inputs, classes)) + rng.integers(-3, 4, (inputs, 1))
    bias = rng.integers(-5, 6, classes)
    graph = classifier(weights, bias, high, last=last)
    x = rng.integers(0, high + 1, (200, inputs))
    words = lower(graph, ON)
    np.testing.assert_array_equal(evaluate(words, [x])[0], interpret(graph, {"x": x})["y"])


def test_a_number_common_to_all_classes_costs_nothing() -> None:
    rng = np.random.default_rng(0)
    weights, bias = rng.integers(-4, 5, (20, 5)), rng.integers(-9, 10, 5)
    plain = lower(classifier(weights, bias, 15), ON)
    moved = lower(classifier(weights + rng.integers(-50, 50, (20, 1)), bias + 77, 15), ON)
    assert plain.adders == moved.adders


def test_low_bits_only_order_the_classes() -> None:
    weights = np.array([[8, 0, 16], [0, 8, 0]])
    made = decision(0, weights, np.array([0, 2, 9]))
    assert made.classes.tolist() == [1, 2, 0]
    assert made.weights.tolist() == [[-1, 1, 0], [1, 0, 0]]
    assert made.bias.tolist() == [0, 1, 0]


def test_two_classes_are_one_sum() -> None:
    rng = np.random.default_rng(0)
    weights = rng.choice([-1, 1], (9, 2))
    words = lower(classifier(weights, np.zeros(2, np.int64), 3), ON)
    assert words.adders < lower(classifier(weights, np.zeros(2, np.int64), 3)).adders


@pytest.mark.parametrize("options", [MatvecOptions(), ON])
def test_sums_that_are_read_elsewhere_are_kept(options: MatvecOptions) -> None:
    rng = np.random.default_rng(0)
    graph = classifier(rng.integers(-9, 10, (4, 3)), np.array([1, 2, 3]), 7, logits=True)
    assert decisions(graph) == ({}, frozenset())
    words = lower(graph, options)
    assert words.count(Kind.GE) == 2
    x = rng.integers(0, 8, (50, 4))
    for port, values in zip(words.outputs, evaluate(words, [x])):
        np.testing.assert_array_equal(values, interpret(graph, {"x": x})[port.name])
