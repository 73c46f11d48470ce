"""Integer graph ≡ dataflow on random networks, under any folding; orders, foldings, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.backends.fpga import streaming
from nc.backends.fpga.options import Options
from nc.backends.fpga.proofs import vectors
from nc.compiler.streaming.fold import for_reuse, for_target, targets
from nc.compiler.streaming.layers import Fold, layers
from nc.compiler.streaming.order import loops, period, pixels, transposed
from nc.compiler.streaming.prepare import prepare
from nc.compiler.streaming.style import adders, digits
from nc.ir.dataflow import dumps, loads
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate
from nc.ir.ops.base import frozen
from nc.ir.ops.conv import Conv
from nc.ir.ops.max_pool import MaxPool
from nc.ir.ops.minimum import Minimum
from nc.ir.ops.pad import Pad
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.take import Take
from nc.ir.types import IntType, TensorType
from tests.compiler.streaming.networks import random_network

FOLDS = [{"reuse": 1}, {"reuse": 20}, {"reuse": 10_000}, {"target_ii": 1}, {"target_ii": 400}, {}]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from(FOLDS), st.sampled_from(["full", 24, 40]))
def test_dataflow_equals_the_graph_and_its_text_reads_back(seed: int, fold: dict, width: object) -> None:
    rng = np.random.default_rng(seed)
    graph = random_network(rng, blocks=int(rng.integers(1, 4)))
    options = Options.model_validate({"style": "streaming", "fold": fold, "io": {"width": width}})
    design = streaming.build(graph, options)
    inputs = vectors(graph, 6)
    (name,) = graph.outputs
    assert np.array_equal(streaming.run(design, inputs["x"]), evaluate(graph, inputs)[name])
    text, arrays = dumps(design.flow)
    assert loads(text, arrays) == design.flow
    assert dumps(loads(text, arrays))[0] == text


@pytest.mark.parametrize("shape", [(2, 5, 4), (3, 6), (1, 3, 3)])
@pytest.mark.parametrize("fold", FOLDS[:3])
def test_a_border_of_any_number_streams(shape: tuple[int, ...], fold: dict) -> None:
    """In front of a convolution the border is the zero point's code, which is not 0."""
    rank = len(shape) - 1
    build = Builder("bordered")
    x = build.input("x", TensorType(shape, IntType(0, 15)))
    begin, end = (1, 2)[:rank], (2, 0)[:rank]
    padded = build.add(Pad((0, *begin, 0, *end), "constant", 9.0), x)
    weights = build.constant(np.random.default_rng(1).integers(-3, 4, (2, shape[0], *(2, 3)[:rank])))
    ones = (1,) * rank
    build.output("y", build.add(Conv(ones, (0,) * (2 * rank), ones, 1), padded, weights))
    graph = build.finish()
    design = streaming.build(graph, Options.model_validate({"style": "streaming", "fold": fold}))
    inputs = vectors(graph, 6)
    assert np.array_equal(streaming.run(design, inputs["x"]), evaluate(graph, inputs)["y"])


def test_orders() -> None:
    assert pixels((2, 2, 2)).tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    assert transposed(pixels((2, 2, 2)), (2, 2, 2), (1, 2, 0)).tolist() == list(range(8))
    assert loops(np.array([0, 3, 1])) is None
    assert loops(np.array([1, 2])) is None
    assert loops(np.arange(6)) == ((6,), (1,))
    assert period(np.array([1, 2, 1, 2])) == 2
    assert period(np.array([1, 2, 1, 3])) == 4


def test_adders_of_digits() -> None:
    assert digits(np.array([1, 2, 3, 7, 5, 0, -7])) == 10
    build = Builder("g")
    x = build.input("x", TensorType((1, 4, 4), IntType(0, 3)))
    weights = build.constant(np.full((2, 1, 3, 3), 3))
    build.output("y", build.add(Conv((1, 1), (1, 1, 1, 1), (1, 1), 1), x, weights))
    assert adders(build.finish()) == 16 * 2 * 9 * 2


def test_folding_meets_its_target_with_few_multipliers() -> None:
    (layer,) = layers(_pooled_conv())
    sequential = layer.cycles(min(layer.folds(), key=lambda f: f.pe * f.simd))
    assert sequential == 36 * 4 * 2 * 9
    for target in targets([layer]):
        fold = for_target([layer], target)[layer.value]
        assert layer.cycles(fold) <= target
        cheaper = [f for f in layer.folds() if layer.cycles(f) <= target and f.pe * f.simd < fold.pe * fold.simd]
        assert not cheaper
    assert for_reuse([layer], {"conv": 18}, {})[layer.value] == Fold(2, 2)


def test_reuse_names_layers() -> None:
    with pytest.raises(NcError) as error:
        for_reuse(layers(_pooled_conv()), {"cnov": 4}, {})
    assert str(error.value) == ("error[NC616]: 'cnov' must be a layer that multiplies\n  help: did you mean 'conv'?")


def test_staircases_move_in_front_of_pools() -> None:
    graph = _pooled_conv()
    moved = prepare(graph)
    assert [n.op.name for n in moved.nodes][-2:] == ["requantize", "max_pool"]
    inputs = vectors(graph, 50)
    assert np.array_equal(evaluate(graph, inputs)["y"], evaluate(moved, inputs)["y"])


def test_falling_staircases_stay_behind_pools() -> None:
    graph = _pooled_conv(multiplier=-1)
    assert prepare(graph) is graph


def _pooled_conv(multiplier: int = 1) -> Graph:
    rng = np.random.default_rng(0)
    build = Builder("g")
    x = build.input("x", TensorType((2, 6, 6), IntType(0, 15)))
    build.origin = "conv"
    weights = build.constant(rng.integers(-3, 4, (4, 2, 3, 3)))
    x = build.add(Conv((1, 1), (1, 1, 1, 1), (1, 1), 1), x, weights)
    build.origin = "pool"
    x = build.add(MaxPool((2, 2), (2, 2), (0, 0, 0, 0), (1, 1)), x)
    offset = frozen(rng.integers(-30, 30, 4))
    build.output("y", build.add(Requantize(frozen(np.array([multiplier])), offset, 3, 0, 15), x))
    return build.finish()


def test_everything_that_does_not_stream_is_told_at_once() -> None:
    build = Builder("g")
    x = build.input("x", TensorType((1, 4, 4), IntType(0, 3)))
    y = build.input("z", TensorType((1, 4, 4), IntType(0, 3)))
    build.origin = "pick"
    build.output("y", build.add(Take(np.arange(3)), build.add(Minimum(), x, y)))
    with pytest.raises(NcError) as error:
        streaming.build(build.finish(), Options.model_validate({"style": "streaming"}))
    assert str(error.value) == (
        "error[NC610]: a streaming design must have one input, not 2\n"
        "error[NC610]: operation 'take' must be one that streams\n"
        "  --> node 'pick'\n   |  take\n  help: compile with --set style=spatial"
    )


def test_a_port_holds_whole_elements() -> None:
    options = Options.model_validate({"style": "streaming", "io": {"width": 3}})
    with pytest.raises(NcError) as error:
        streaming.build(_pooled_conv(), options)
    assert str(error.value) == (
        "error[NC614]: io.width must hold a whole element of input 'x' in a streaming design (4 bits), not 3\n"
        "  help: give a wider port; for an output, output: argmax has few bits"
    )


def test_a_device_that_nothing_fits() -> None:
    rng = np.random.default_rng(0)
    build = Builder("g")
    x = build.input("x", TensorType((64, 8, 8), IntType(0, 255)))
    weights = build.constant(rng.integers(-127, 128, (512, 64, 3, 3)))
    build.output("y", build.add(Conv((1, 1), (1, 1, 1, 1), (1, 1), 1), x, weights))
    options = Options.model_validate({"style": "streaming", "fit": {"device": "ice40-up5k"}})
    with pytest.raises(NcError, match="the folded design must fit ice40-up5k, and it is estimated to need"):
        streaming.build(build.finish(), options)


def test_style() -> None:
    graph = _pooled_conv()
    for chosen, wanted in (
        ({}, "spatial"),
        ({"style": "streaming"}, "streaming"),
        ({"fold": {"target_ii": 100}}, "streaming"),
        ({"fit": {"device": "ecp5-85k"}}, "spatial"),
        ({"fit": {"device": "ice40-up5k"}}, "streaming"),
    ):
        assert streaming.style(graph, Options.model_validate(chosen)) == wanted
