"""Ordinary networks as spiking ones: accuracy by number of ticks, and what cannot be converted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nc.compiler.spiking.convert import convert, repeat
from nc.compiler.spiking.quantise import Precision, quantise
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate
from nc.ir.ops.add import Add
from nc.ir.ops.concat import Concat
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.max_pool import MaxPool
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.relu import Relu
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.table import Table
from nc.ir.spiking.reference import run
from nc.ir.spiking.run_fixed import run as run_fixed
from nc.ir.types import IntType, TensorType

rng = np.random.default_rng(3)


def mlp() -> Graph:
    build = Builder("mlp")
    x = build.input("x", TensorType((12,), IntType(0, 15)))
    hidden = build.add(MatMul(), x, build.constant(rng.integers(-7, 8, (12, 20))))
    act = build.add(Requantize(np.array([1]), np.array([8]), 4, 0, 15), hidden)
    build.output("y", build.add(MatMul(), act, build.constant(rng.integers(-7, 8, (20, 3)))))
    return build.finish()


def test_membranes_approach_the_logits_as_ticks_grow():
    graph = mlp()
    x = rng.integers(0, 16, (200, 12))
    logits = evaluate(graph, {"x": x})["y"]
    error = []
    for ticks in (2, 8, 64):
        out = run(convert(graph), repeat(x, ticks)).outputs["y"][:, -1] / ticks
        error.append(np.abs(out - logits).mean() / np.abs(logits).mean())
    assert error[0] > error[1] > error[2] and error[2] < 0.05


def test_integers_follow_the_float_conversion():
    graph, x = mlp(), rng.integers(0, 16, (50, 12))
    network = convert(graph)
    shown = repeat(x, 16)
    fixed = quantise(network, Precision(28, 16, 20, input_bits=4), shown.astype(float))
    a = run(network, shown).outputs["y"][:, -1]
    b = run_fixed(fixed, shown).outputs["y"][:, -1] * fixed.by_name["y"].scale
    assert np.abs(a - b).mean() < 0.02 * np.abs(a).mean()


def test_relu_without_a_ceiling_needs_data():
    build = Builder("relu")
    x = build.input("x", TensorType((4,), IntType(0, 15)))
    build.output("y", build.add(Relu(), build.add(MatMul(), x, build.constant(np.eye(4, dtype=np.int64)))))
    graph = build.finish()
    with pytest.raises(NcError) as error:
        convert(graph)
    assert "activation must have a ceiling, or calibration data must be given" in str(error.value)
    network = convert(graph, rng.integers(0, 16, (100, 4)))
    assert [p.model for p in network.populations] == ["input", "if", "i"]


def test_maximum_pooling_is_refused():
    build = Builder("pool")
    x = build.input("x", TensorType((1, 4, 4), IntType(0, 15)))
    build.output("y", build.add(MaxPool((2, 2), (2, 2), (0, 0, 0, 0), (1, 1)), x))
    with pytest.raises(NcError) as error:
        convert(build.finish())
    assert str(error.value) == "\n".join(
        [
            "error[NC923]: operations between activations must be linear, not max_pool",
            "  help: average pooling can be converted, maximum pooling and products of activations cannot",
        ]
    )


def test_digits_network_within_a_point_at_sixteen_ticks(tmp_path):
    """The committed network through the front door; the published figures are in docs/neuromorphic.md."""
    from nc.compiler.data import Dataset
    from nc.compiler.driver.compiling import compile
    from nc.compiler.driver.opened import Opened

    pixels, labels = load_digits(return_X_y=True)
    pixels = pixels.astype(np.uint8)
    calibration = Dataset(pixels[:300], labels[:300], "digits", "0" * 64)
    options = {
        "input": {"x": {"bits": 5, "scale": 1, "range": [0, 16]}},
        "spiking": {"ticks": 16, "state_bits": 20, "weight_bits": 8},
    }
    model = Path(__file__).parents[3] / "examples/digits/digits_mlp.onnx"
    compile(model, target="neuromorphic", output=tmp_path / "build", calib=calibration, options=options)
    truth = Opened.of(tmp_path / "build").integer
    x = pixels.astype(np.int64)
    (logits,) = evaluate(truth.graph, {"x": x}).values()
    spiking = run_fixed(truth.network, repeat(x, 16)).outputs[truth.network.outputs[0]][:, -1].argmax(axis=1)
    source = (logits.argmax(axis=1) == labels).mean()
    assert source > 0.95
    assert (spiking == labels).mean() >= source - 0.01


def test_activations_of_one_node_of_the_model_keep_their_own_thresholds():
    """A join of two tensors is requantised before and after; all three carry its name."""
    build = Builder("join")
    x = build.input("x", TensorType((4,), IntType(0, 15)))
    weights = [build.constant(rng.integers(0, 8, (4, n))) for n in (3, 5)]
    parts = [build.add(MatMul(), x, w) for w in weights]
    acts = [
        build.add(Requantize(np.array([1]), np.array([0]), shift, 0, hi), part, origin="join")
        for part, shift, hi in zip(parts, (3, 4), (63, 31), strict=True)
    ]
    build.output("y", build.add(MatMul(), build.add(Concat(0), *acts), build.constant(np.ones((8, 2), np.int64))))
    graph = build.finish()
    network = convert(graph)
    values = rng.integers(0, 16, (20, 4))
    logits = evaluate(graph, {"x": values})["y"]
    out = run(network, repeat(values, 64)).outputs["y"][:, -1] / 64
    assert len({p.name for p in network.populations}) == len(network.populations) == 4
    assert np.abs(out - logits).mean() < 0.1 * np.abs(logits).mean()


def test_a_staircase_without_steps_is_a_constant():
    build = Builder("flat")
    x = build.input("x", TensorType((2,), IntType(0, 15)))
    flat = build.add(MultiThreshold(np.zeros((1, 0), np.int64), np.ones(1, np.int64), 0, 3, 1), x)
    build.output("y", build.add(MatMul(), build.add(Add(), flat, x), build.constant(np.ones((2, 1), np.int64))))
    out = run(convert(build.finish()), repeat(np.array([[1, 2]]), 4)).outputs["y"][:, -1]
    assert out.tolist() == [[4 * (3 + 1 + 3 + 2)]]


def test_only_numbers_that_a_value_can_take_are_probed():
    """A table has entries for 100..115 alone; the map through it is still found, and exact."""
    build = Builder("far")
    x = build.input("x", TensorType((3,), IntType(100, 115)))
    halves = build.add(Table(np.arange(16)[None, :] * 2, 100), x)
    build.output("y", build.add(MatMul(), halves, build.constant(rng.integers(-7, 8, (3, 2)))))
    graph = build.finish()
    shown = rng.integers(100, 116, (20, 3))
    membranes = run(convert(graph), repeat(shown, 4)).outputs["y"][:, -1]
    assert (membranes == 4 * evaluate(graph, {"x": shown})["y"]).all()


def test_a_layer_that_depends_on_nothing_is_refused():
    build = Builder("constant")
    build.input("x", TensorType((3,), IntType(0, 3)))
    build.output("y", build.constant(np.arange(2)))
    with pytest.raises(NcError, match="layer must depend on the input, not be constant"):
        convert(build.finish())


@pytest.mark.parametrize("ticks", [1, 3, 16])
@pytest.mark.parametrize("low", [-1, 0])
def test_a_binary_network_converts_exactly(ticks: int, low: int):
    """Hard steps to {-1, 1} or {0, 1}, either way round: each neuron fires always or never, so every tick is right."""
    build = Builder("binary")
    value = build.input("x", TensorType((12,), IntType(0, 15)))
    for inputs, outputs in ((12, 9), (9, 7)):
        value = build.add(MatMul(), value, build.constant(rng.integers(-3, 4, (inputs, outputs))))
        edges, signs = rng.integers(-6, 7, (outputs, 1)), rng.choice([-1, 1], outputs)
        value = build.add(MultiThreshold(edges, signs, 0, low, 1 - low), value)
    build.output("y", build.add(MatMul(), value, build.constant(rng.integers(-3, 4, (7, 4)))))
    graph = build.finish()
    values = rng.integers(0, 16, (50, 12))
    network = convert(graph)
    out = run(network, repeat(values, ticks)).outputs["y"]
    logits = evaluate(graph, {"x": values})["y"]
    for tick in range(ticks):
        np.testing.assert_allclose(out[:, tick] / (tick + 1), logits, atol=1e-9)
