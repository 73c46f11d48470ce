"""Lowering and the passes on word graphs keep every output: random networks against the interpreter."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.compiler.words.lower import lower, unsupported
from nc.compiler.words.matvec import MatvecOptions
from nc.compiler.words.sums import SumTrees
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate as interpret
from nc.ir.types import IntType, TensorType
from nc.ir.words import WordGraph, evaluate, verify


def sibling(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


networks = sibling("networks")
op = networks.op


def agree(graph: Graph, words: WordGraph, count: int = 40) -> None:
    verify(words)
    inputs = networks.samples(graph, count)
    want = interpret(graph, inputs)
    got = evaluate(words, [inputs[p.name] for p in words.inputs])
    for port, array in zip(words.outputs, got, strict=True):
        np.testing.assert_array_equal(array, want[port.name])


@settings(max_examples=120, derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 1]), st.sampled_from([2, 3]))
def test_random_networks(seed: int, effort: int, operands: int) -> None:
    graph = networks.random_network(seed)
    assert unsupported(graph) == []
    words = lower(graph, MatvecOptions(effort=effort, count_tables=operands == 3))
    agree(graph, words)
    agree(graph, SumTrees(operands).run(words))


def one(shape: tuple[int, ...], low: int, high: int, *steps: Any) -> Graph:
    b = Builder("one")
    x = b.input("x", TensorType(shape, IntType(low, high)))
    for step in steps:
        x = step(b, x)
    b.output("y", x)
    return b.finish()


LAYOUTS = {
    "transpose": op("transpose", axes=(1, 0)) if "axes" in networks.OPS["transpose"].__dataclass_fields__ else None,
    "pad": op("pad", pads=(1, 0, 0, 2), mode="constant", value=3.0),
    "pad_edge": op("pad", pads=(1, 0, 0, 2), mode="edge"),
    "reduce_sum": op("reduce_sum", axes=(1,), keepdims=False),
    "reduce_max": op("reduce_max", axes=(0,), keepdims=True),
    "reduce_min": op("reduce_min", axes=(0, 1), keepdims=False),
    "abs": op("abs"),
    "neg": op("neg"),
    "argmax": op("argmax", axis=1, keepdims=True, last=False),
    "argmax_last": op("argmax", axis=0, keepdims=False, last=True),
}


@pytest.mark.parametrize("name", [k for k, v in LAYOUTS.items() if v is not None])
def test_single_operations(name: str) -> None:
    graph = one((3, 4), -5, 5, lambda b, x: b.add(LAYOUTS[name], x))
    agree(graph, lower(graph))


@pytest.mark.parametrize(
    "name", ["add", "sub", "mul", "minimum", "maximum", "greater", "greater_equal", "less", "less_equal", "equal"]
)
@pytest.mark.parametrize("constant", [False, True])
def test_two_operands(name: str, constant: bool) -> None:
    def step(b: Builder, x: int) -> int:
        other = b.constant(np.arange(-4, 4).reshape(2, 4)[:, None]) if constant else b.add(op("neg"), x)
        return b.add(op(name), x, other)

    graph = one((3, 4), -5, 5, step)
    agree(graph, lower(graph))


def test_select_and_variable_product() -> None:
    def step(b: Builder, x: int) -> int:
        y = b.add(op("matmul"), x, b.add(op("neg"), x))
        return b.add(op("select"), b.add(op("relu"), x), x, y)

    graph = one((3, 3), -3, 5, step)
    agree(graph, lower(graph))


def test_constant_on_the_left_and_batched() -> None:
    w = np.arange(24).reshape(2, 3, 4) - 9
    graph = one((4, 5), 0, 7, lambda b, x: b.add(op("matmul"), b.constant(w), x))
    agree(graph, lower(graph))


def test_binary_layer_becomes_popcounts_with_thresholds_alone() -> None:
    rng = np.random.default_rng(0)
    w = rng.choice([-1, 1], (60, 4))

    def step(b: Builder, x: int) -> int:
        y = b.add(
            op(
                "multi_threshold",
                thresholds=np.zeros((1, 1), np.int64),
                sign=np.ones(1, np.int64),
                axis=0,
                base=-1,
                step=2,
            ),
            x,
        )
        z = b.add(op("matmul"), y, b.constant(w))
        return b.add(
            op(
                "multi_threshold",
                thresholds=rng.integers(-5, 5, (4, 1)),
                sign=np.array([1, -1, 1, -1]),
                axis=0,
                base=-1,
                step=2,
            ),
            z,
        )

    graph = one((60,), -8, 7, step)
    words = lower(graph)
    agree(graph, words)
    assert int((words.arity == 60).sum()) == 4
    assert not words.p0[words.arity == 60].any()
    shared = lower(graph, MatvecOptions(count_tables=True))
    agree(graph, shared)
    agree(graph, SumTrees(3).run(shared))
    assert not (shared.arity == 60).any()


def test_unsupported_is_named() -> None:
    b = Builder("loop")
    x = b.input("x", TensorType((1,), IntType(0, 3)))
    b.origin = "memory"
    s = b.state("h", TensorType((1,), IntType(0, 3)), np.zeros(1, np.int64))
    b.feed(s, x)
    b.output("y", s)
    (found,) = unsupported(b.finish())
    assert str(found) == (
        "error[NC608]: operation 'state' must be one that spatial hardware can compute\n"
        "  --> node 'memory'\n"
        "   |  state\n"
        "  help: a recurrent network needs a target that steps through time"
    )
