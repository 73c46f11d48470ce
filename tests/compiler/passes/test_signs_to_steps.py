"""signs-to-steps: the integers of a sign are those of numpy's, where nothing quantises it."""

from __future__ import annotations

import numpy as np

from nc.compiler.passes.signs_to_steps import SignsToSteps
from nc.ir.graph import Builder
from nc.ir.interpret import evaluate
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.sign import Sign
from nc.ir.types import F32, TensorType


def test_a_sign_becomes_two_steps() -> None:
    build = Builder("signs")
    x = build.input("x", TensorType((5,), F32))
    build.output("y", build.add(Sign(), x))
    graph = SignsToSteps().run(build.finish())
    assert [node.op.name for node in graph.nodes] == ["input", "multi_threshold", "dequantize"]
    values = np.array([[-2.0, -1e-30, 0.0, 1e-30, 3.0]])
    assert np.array_equal(evaluate(graph, {"x": values})["y"], np.sign(values))


def test_a_quantised_sign_stays() -> None:
    build = Builder("signs")
    sign = build.add(Sign(), build.input("x", TensorType((5,), F32)))
    integers = build.add(Quantize(np.ones(()), np.zeros((), np.int64), -2, 1, "half_even"), sign)
    build.output("y", build.add(Dequantize(np.ones(()), np.zeros((), np.int64)), integers))
    graph = build.finish()
    assert SignsToSteps().run(graph) is graph
