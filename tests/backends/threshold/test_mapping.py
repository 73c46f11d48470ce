"""Integer graphs onto the array: what maps equals the graph's interpreter, what does not is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nc.backends.threshold
from nc.backends.threshold import BACKEND, golden
from nc.backends.threshold.images import read_program, write_images
from nc.backends.threshold.layers import place_network
from nc.backends.threshold.mapping import map_graph, problems
from nc.backends.threshold.options import Options
from nc.compiler.config import Common
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers
from nc.hdl.threshold.shape import PeShape
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate
from nc.ir.ops.add import Add
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.clip import Clip
from nc.ir.ops.conv import Conv
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.max_pool import MaxPool
from nc.ir.ops.maximum import Maximum
from nc.ir.ops.mul import Mul
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.relu import Relu
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.table import Table
from nc.ir.ops.transpose import Transpose
from nc.ir.types import BIPOLAR, F32, IntType, TensorType

Array = np.ndarray[Any, Any]
PES = 16


def bipolar(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(0, 2, shape) * 2 - 1


def sign(rng: np.random.Generator, channels: int, spread: int, steps: int = 1, falling: bool = True) -> MultiThreshold:
    edges = np.sort(rng.integers(-spread, spread, (channels, steps)), axis=1)
    signs = bipolar(rng, channels) if falling else np.ones(channels, np.int64)
    return MultiThreshold(edges, signs, 0, -1 if steps == 1 else 0, 2 if steps == 1 else 1)


def perceptron(input_type: IntType, weights_first: Array, steps: int, argmax: bool, seed: int = 1) -> Graph:
    rng = np.random.default_rng(seed)
    build = Builder("perceptron")
    n, hidden = weights_first.shape
    x = build.input("x", TensorType((n,), input_type))
    x = build.add(MatMul(), x, build.constant(weights_first))
    spread = int(np.abs(weights_first).sum() // hidden * max(abs(input_type.lo), input_type.hi) // 4) + 2
    x = build.add(sign(rng, hidden, spread, steps), x)
    x = build.add(MatMul(), x, build.constant(bipolar(rng, hidden, 12)))
    x = build.add(sign(rng, 12, 6), x)
    x = build.add(MatMul(), x, build.constant(bipolar(rng, 12, 5)))
    if argmax:
        x = build.add(ArgMax(0, False), x)
    build.output("y", x)
    return build.finish()


def convolutional(pool_before: bool, seed: int = 1) -> Graph:
    rng = np.random.default_rng(seed)
    build = Builder("convolutional")
    x = build.input("x", TensorType((8, 8, 6), BIPOLAR))
    x = build.add(Transpose((2, 0, 1)), x)
    x = build.add(Conv((1, 1), (0, 0, 0, 0), (1, 1)), x, build.constant(bipolar(rng, 20, 6, 3, 3)))
    pool = MaxPool((2, 2), (2, 2), (0, 0, 0, 0), (1, 1))
    if pool_before:
        x = build.add(pool, x)
    x = build.add(sign(rng, 20, 8, falling=not pool_before), x)
    if not pool_before:
        x = build.add(pool, x)
    x = build.add(Conv((1, 1), (0, 0, 0, 0), (1, 1)), x, build.constant(bipolar(rng, 7, 20, 2, 2)))
    x = build.add(sign(rng, 7, 10), x)
    x = build.add(Reshape((28,)), x)
    x = build.add(MatMul(), x, build.constant(bipolar(rng, 28, 4)))
    build.output("y", x)
    return build.finish()


def check(graph: Graph, samples: int = 20, pes: int = PES) -> None:
    placement = place_network(map_graph(graph, pes), pes, PeShape())
    ((name, value),) = graph.inputs.items()
    kind = graph.type(value)
    steps = np.random.default_rng(2).integers(
        0, (kind.int.hi - kind.int.lo) // kind.int.step + 1, (samples, *kind.shape)
    )
    inputs = kind.int.lo + kind.int.step * steps
    (want,) = evaluate(graph, {name: inputs}).values()
    for exact in (True, False):
        got, _ = golden.run(placement, inputs, exact)
        assert np.array_equal(got.reshape(samples, -1), want.reshape(samples, -1))


@pytest.mark.parametrize("argmax", [False, True])
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("kind", [BIPOLAR, IntType(0, 1), IntType(0, 15), IntType(-8, 7), IntType(0, 255)])
def test_inputs_and_activations(kind: IntType, steps: int, argmax: bool) -> None:
    """Bits, unsigned and signed bit planes at the input; sign and 2-bit (thermometer) activations."""
    check(perceptron(kind, bipolar(np.random.default_rng(3), 30, 18), steps, argmax))


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_weights_of_several_bits(bits: int) -> None:
    """Ternary weights and more, as bit planes: exact."""
    weights = np.random.default_rng(4).integers(-(1 << bits - 1), (1 << bits - 1) + 1, (25, 10))
    check(perceptron(BIPOLAR, weights, 1, False))


@pytest.mark.parametrize("kind", [IntType(0, 3), IntType(-8, 7)], ids=str)
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_integer_layer_on_bit_planes(bits: int, kind: IntType) -> None:
    """Weights and inputs of several bits at once: every pair of planes, in an order that is not that of the columns."""
    weights = np.random.default_rng(4).integers(-(1 << bits - 1), (1 << bits - 1) + 1, (25, 10))
    check(perceptron(kind, weights, 1, False))
    build = Builder("integer")
    x = build.input("x", TensorType((25,), kind))
    build.output("y", build.add(MatMul(), x, build.constant(2 * weights)))
    check(build.finish())


@pytest.mark.parametrize(("base", "step"), [(0, 3), (-1, 2), (-7, 6)])
def test_integer_results_in_units_that_are_no_power_of_two(base: int, step: int) -> None:
    """A step of 3, weights with a factor in common, scales by channel, a falling one."""
    rng = np.random.default_rng(5)
    build = Builder("units")
    x = build.input("x", TensorType((25,), IntType(-8, 7)))
    x = build.add(MatMul(), x, build.constant(rng.integers(-3, 4, (25, 6))))
    edges = np.sort(rng.integers(-40, 40, (6, 3)), axis=1)
    x = build.add(MultiThreshold(edges, np.ones(6, np.int64), 0, base, step), x)
    x = build.add(MatMul(), x, build.constant(3 * rng.integers(-3, 4, (6, 4))))
    x = build.add(Add(), x, build.constant(rng.integers(-9, 9, 4)))
    build.output("y", build.add(Mul(), x, build.constant(np.array([5, 1, -3, 10]))))
    check(build.finish())


@pytest.mark.parametrize("rounding", ["floor", "half_even"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_requantised_activations(per_channel: bool, rounding: str) -> None:
    """Multiply, add, shift and clamp as 31 thermometer bits: falling channels, a zero point, 5-bit weights; then a
    clamp and a falling table."""
    rng = np.random.default_rng(9)
    build = Builder("requantised")
    x = build.input("x", TensorType((12,), IntType(0, 16)))
    x = build.add(MatMul(), x, build.constant(rng.integers(-16, 16, (12, 6))))
    scale, offset = rng.integers(-90, 90, 6 if per_channel else 1), rng.integers(-4000, 4000, 6)
    x = build.add(Requantize(scale, offset, 9, -9, 22, 0, rounding), x)
    x = build.add(MatMul(), x, build.constant(rng.integers(-4, 4, (6, 5))))
    x = build.add(Clip(-8, 7), build.add(Add(), x, build.constant(rng.integers(-9, 9, 5))))
    x = build.add(MatMul(), x, build.constant(rng.integers(-1, 2, (5, 4))))
    kind = build.type(x).int
    falling = -np.sort(rng.integers(-3, 3, kind.hi - kind.lo + 1))[None]
    x = build.add(Table(falling, kind.lo), x)
    build.output("y", build.add(MatMul(), x, build.constant(rng.integers(-4, 4, (4, 3)))))
    check(build.finish(), samples=30)


@settings(derandomize=True, deadline=None, max_examples=12)
@given(
    st.integers(0, 1 << 20),
    st.integers(1, 5),
    st.integers(2, 5),
    st.sampled_from((("channel", "power_of_two"), ("tensor", "power_of_two"), ("tensor", "arbitrary"))),
    st.booleans(),
)
def test_float_networks(seed: int, bits: int, weight_bits: int, scaling: tuple[str, str], image: bool) -> None:
    """A float network through the quantiser: ReLU, biases, scales by tensor and channel, powers of two and others."""
    rng = np.random.default_rng(seed)
    build = Builder("float")
    if image:
        x = build.input("x", TensorType((2, 5, 5), F32))
        x = build.add(Conv((1, 1), (0, 0, 0, 0), (1, 1)), x, build.constant(rng.normal(size=(3, 2, 3, 3))))
        x = build.add(MaxPool((3, 3), (1, 1), (0, 0, 0, 0), (1, 1)), build.add(Relu(), x))
        x = build.add(Reshape((3,)), x)
    else:
        x = build.input("x", TensorType((7,), F32))
        x = build.add(MatMul(), x, build.constant(rng.normal(size=(7, 3))))
        x = build.add(Relu(), build.add(Add(), x, build.constant(rng.normal(size=3))))
    build.output("y", build.add(MatMul(), x, build.constant(rng.normal(size=(3, 4)))))
    common = Common.model_validate({
        "input": {"x": {"bits": 4, "range": [-1, 1], "zero_point": int(rng.integers(-3, 4))}},
        "quantise": {"activation_bits": bits, "weight_bits": weight_bits, "granularity": scaling[0],
                     "scales": scaling[1]},
        "output": "argmax",
    })  # fmt: skip
    graph = build.finish()
    data = {"x": rng.uniform(-1, 1, (40, *graph.type(graph.inputs["x"]).shape))}
    integers, _ = run_passes(graph, to_integers(graph, common, data))
    check(integers, samples=12)


@pytest.mark.parametrize("pool_before", [False, True])
def test_convolutions(pool_before: bool) -> None:
    check(convolutional(pool_before), samples=4)


@pytest.mark.parametrize("pool_before", [False, True])
def test_overlapping_pools(pool_before: bool) -> None:
    """3 x 2 windows with stride 2 x 1, as AlexNet's: sums in several windows are computed in each of them."""
    rng = np.random.default_rng(8)
    build = Builder("overlap")
    x = build.input("x", TensorType((2, 8, 6), BIPOLAR))
    x = build.add(Conv((1, 1), (1, 1, 1, 1), (1, 1)), x, build.constant(bipolar(rng, 18, 2, 3, 3)))
    pool = MaxPool((3, 2), (2, 1), (0, 0, 0, 0), (1, 1))
    x = build.add(pool, x) if pool_before else x
    x = build.add(sign(rng, 18, 4, falling=False), x)
    x = x if pool_before else build.add(pool, x)
    x = build.add(MatMul(), build.add(Reshape((18 * 3 * 5,)), x), build.constant(bipolar(rng, 18 * 3 * 5, 4)))
    build.output("y", x)
    check(build.finish(), samples=4)


@pytest.mark.parametrize("kind", [IntType(0, 255), BIPOLAR])
def test_image_with_its_channels_first(kind: IntType) -> None:
    """A CNV-like network: (3, y, x) with 8-bit pixels (or bits), two convolutions, a pool, a dense layer."""
    rng = np.random.default_rng(6)
    build = Builder("cnv")
    x = build.input("x", TensorType((3, 8, 7), kind))
    x = build.add(Conv((1, 1), (0, 0, 0, 0), (1, 1)), x, build.constant(bipolar(rng, 18, 3, 3, 3)))
    x = build.add(sign(rng, 18, 300 if kind.hi > 1 else 4), x)
    x = build.add(Conv((1, 1), (0, 0, 0, 0), (1, 1)), x, build.constant(bipolar(rng, 9, 18, 3, 2)))
    x = build.add(sign(rng, 9, 10), x)
    x = build.add(MaxPool((2, 2), (2, 2), (0, 0, 0, 0), (1, 1)), x)
    x = build.add(MatMul(), build.add(Reshape((36,)), x), build.constant(bipolar(rng, 36, 4)))
    build.output("y", x)
    check(build.finish(), samples=4)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", [IntType(0, 255), IntType(-4, 3), BIPOLAR], ids=str)
@pytest.mark.parametrize(("base", "step", "steps"), [(-1, 2, 1), (0, 1, 1), (-1, 1, 2), (-3, 2, 3), (0, 1, 3)])
def test_zero_padded_convolutions(base: int, step: int, steps: int, kind: IntType, planar: bool) -> None:
    """Zeros around the input (pixels, bits) and between layers: bipolar, binary, ternary and 2-bit activations, a
    stride, an uneven border, ternary weights and a pool."""
    rng = np.random.default_rng(7)
    build = Builder("padded")
    channels = 2 if kind == BIPOLAR else 3
    if planar:
        x = build.input("x", TensorType((channels, 6, 5), kind))
    else:
        x = build.add(Transpose((2, 0, 1)), build.input("x", TensorType((6, 5, channels), kind)))
    x = build.add(Conv((1, 1), (1, 1, 1, 1), (1, 1)), x, build.constant(bipolar(rng, 18, channels, 3, 3)))
    edges = np.sort(rng.integers(-4 * kind.hi, 4 * kind.hi + 1, (18, steps)), axis=1)
    x = build.add(MultiThreshold(edges, bipolar(rng, 18), 0, base, step), x)
    weights = rng.integers(-1, 2, (10, 18, 3, 2))
    x = build.add(Conv((2, 1), (0, 2, 1, 0), (1, 1)), x, build.constant(weights))
    x = build.add(MaxPool((3, 2), (3, 2), (0, 0, 0, 0), (1, 1)), x)
    x = build.add(sign(rng, 10, 12, falling=False), x)
    x = build.add(Conv((1, 1), (1, 0, 0, 1), (1, 1)), x, build.constant(bipolar(rng, 4, 10, 2, 3)))
    x = build.add(sign(rng, 4, 10), x)
    size = build.type(x).size
    x = build.add(MatMul(), build.add(Reshape((size,)), x), build.constant(bipolar(rng, size, 4)))
    build.output("y", x)
    check(build.finish(), samples=3)


def refused(graph: Graph) -> str:
    found = problems(graph, PES)
    assert [str(d) for d in found] == [str(d) for d in BACKEND.check(graph, Options())]
    return "\n".join(str(d) for d in found)


def test_a_network_that_is_not_binary() -> None:
    """Activations of 8 bits and layers without one in between: every place is named, with what to do instead."""
    rng = np.random.default_rng(1)
    build = Builder("wide")
    x = build.input("x", TensorType((4,), BIPOLAR))
    x = build.add(MatMul(), x, build.constant(bipolar(rng, 4, 3)))
    x = build.add(MatMul(), x, build.constant(bipolar(rng, 3, 3)), origin="MatMul_1")
    build.output("y", x)
    assert refused(build.finish()) == (
        "error[NC710]: a matrix product on the array must be bits times constant weights\n  --> node 'MatMul_1'\n"
        "  help: activations between layers must be binarised"
    )
    build = Builder("bytes")
    x = build.input("x", TensorType((400,), BIPOLAR))
    x = build.add(MatMul(), x, build.constant(bipolar(rng, 400, 3)))
    x = build.add(MultiThreshold(np.arange(255)[None], np.ones(1, np.int64), 0), x, origin="Relu_1")
    build.output("y", build.add(MatMul(), x, build.constant(bipolar(rng, 3, 3))))
    assert refused(build.finish()) == (
        "error[NC711]: activations on the array must have at most 31 steps (5 bits), not 255\n  --> node 'Relu_1'\n"
        "  help: set quantise.activation_bits=5 or less (quantise.layers for this one alone), train with so few bits, "
        "or use --target fpga"
    )


def test_activations_that_are_no_staircase() -> None:
    """A table that goes up and down, and steps along another axis than the channels'."""
    rng = np.random.default_rng(1)
    for activation, problem in (
        (Table(np.array([[0, 1, 2, 1, 0]]), -2), "an activation on the array must rise or fall all the way\n"
         "  --> node 'Act_1'\n  help: train with a monotone function, or use --target fpga"),
        (Requantize(np.array([1, 2]), np.zeros(1, np.int64), 0, 0, 3, axis=1), "activations on the array must ascend, "
         "with steps of their own for each channel or the same for all\n  --> node 'Act_1'"),
    ):  # fmt: skip
        build = Builder("turning")
        x = build.input("x", TensorType((2, 2, 2), BIPOLAR))
        x = build.add(Conv((1, 1), (0, 0, 0, 0), (1, 1)), x, build.constant(np.ones((2, 2, 1, 1), np.int64)))
        x = build.add(Reshape((8,)), build.add(activation, x, origin="Act_1"))
        build.output("y", build.add(MatMul(), x, build.constant(bipolar(rng, 8, 3))))
        assert refused(build.finish()) == f"error[NC711]: {problem}"


def test_operations_that_cannot_run() -> None:
    build = Builder("product")
    x = build.input("x", TensorType((4,), BIPOLAR))
    build.output("y", build.add(Mul(), x, x, origin="Mul_3"))
    assert refused(build.finish()) == (
        "error[NC710]: a product on the array must be of the sums of a layer and a constant, one number a channel\n"
        "  --> node 'Mul_3'\n  help: products of two tensors need --target fpga"
    )
    build = Builder("largest")
    x = build.input("x", TensorType((4,), BIPOLAR))
    build.output("y", build.add(Maximum(), x, x, origin="Max_3"))
    assert refused(build.finish()) == (
        "error[NC710]: operation 'maximum' cannot run on the array\n  --> node 'Max_3'\n"
        "  help: binary networks are matrix products and convolutions with bits between them; --target fpga runs every "
        "integer network"
    )


def test_zero_padding_of_odd_channels() -> None:
    """Half of an odd number of products is no number of bits."""
    build = Builder("padded")
    x = build.input("x", TensorType((1, 5, 5), BIPOLAR))
    weights = build.constant(bipolar(np.random.default_rng(1), 2, 1, 3, 3))
    build.output("y", build.add(Conv((1, 1), (1, 1, 1, 1), (1, 1)), x, weights, origin="Conv_1"))
    assert refused(build.finish()) == (
        "error[NC712]: zero padding of bipolar values must have an even number of channels, not 1\n"
        "  --> node 'Conv_1'\n  help: pad with -1 or +1 before the layer, or train without padding"
    )


def test_zero_that_is_no_value() -> None:
    build = Builder("padded")
    x = build.input("x", TensorType((2, 5, 5), IntType(1, 2)))
    weights = build.constant(bipolar(np.random.default_rng(1), 2, 2, 3, 3))
    build.output("y", build.add(Conv((1, 1), (1, 1, 1, 1), (1, 1)), x, weights, origin="Conv_1"))
    assert refused(build.finish()) == (
        "error[NC712]: zero padding must stand among the values of the input, not between 1 and 2 in steps of 1\n"
        "  --> node 'Conv_1'\n  help: pad with one of the values before the layer, or train with sign activations"
    )


def test_a_pool_of_the_input_bits() -> None:
    build = Builder("pooled")
    x = build.input("x", TensorType((1, 4, 4), IntType(-8, 7)))
    bits = build.add(MultiThreshold(np.zeros((1, 1), np.int64), np.ones(1, np.int64), 0, -1, 2), x)
    build.output("y", build.add(MaxPool((2, 2), (2, 2), (0, 0, 0, 0), (1, 1)), bits, origin="Pool_1"))
    assert refused(build.finish()) == (
        "error[NC710]: a max pool on the array must be two-dimensional, without padding, after a layer\n"
        "  --> node 'Pool_1'"
    )


def test_a_constant_activation() -> None:
    build = Builder("constant")
    x = build.input("x", TensorType((4,), BIPOLAR))
    flat = build.add(MultiThreshold(np.zeros((1, 0), np.int64), np.ones(1, np.int64), 0, 1, 2), x, origin="Sign_1")
    build.output("y", build.add(MatMul(), flat, build.constant(np.ones((4, 2), np.int64))))
    assert refused(build.finish()) == (
        "error[NC710]: an activation that is the same for every input cannot run on the array\n"
        "  --> node 'Sign_1'\n  help: remove it and what it feeds"
    )


def test_program_images(tmp_path: Path) -> None:
    """The images read back; another array's parameters are refused."""
    graph = perceptron(BIPOLAR, bipolar(np.random.default_rng(3), 30, 18), 1, False)
    network = map_graph(graph, PES)
    placement = place_network(network, PES, PeShape())
    write_images(placement, tmp_path)
    assert read_program(tmp_path, placement.config) == (placement.config.instructions, placement.config.weights)
    other = place_network(map_graph(graph, 8), 8, PeShape(registers=20))
    with pytest.raises(NcError) as error:
        read_program(tmp_path, other.config)
    assert str(error.value) == (
        "error[NC705]: a program image must match the array: it is for 16 elements of 4 neurons, 16 registers, "
        "6 ports, 3 lanes, and the array has 8 of 4 neurons, 20 registers, 6 ports, 3 lanes\n"
        "  --> array.json\n"
        "  help: compile the network again with the array's own options (array.pes, array.pe)"
    )


def test_backend_is_deterministic(tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    graph = perceptron(BIPOLAR, bipolar(np.random.default_rng(3), 30, 18), 1, True)
    options = Options.model_validate({"array": {"pes": 16}})
    for name in ("a", "b"):
        BACKEND.emit(BACKEND.lower(graph, options), tmp_path / name)
    files = sorted(p.name for p in (tmp_path / "a" / "hdl").iterdir())
    assert files == ["array.json", "program.hex", "program.txt", "threshold_pe.v", "top.v", "weights.hex"]
    pictures = sorted(p.name for p in (tmp_path / "a" / "schedule").iterdir())
    assert pictures == ["layers.md", "node_compare_18.svg", "node_compare_30.svg", "node_value_12.svg"]
    for file in [*(f"hdl/{name}" for name in files), *(f"schedule/{name}" for name in pictures)]:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert [link.verdict for link in BACKEND.links(tmp_path / "a", graph, options)] == ["equal", "equal", "equal"]
    table = (tmp_path / "a" / "schedule" / "layers.md").read_text().splitlines()
    assert table[0] == "# 16 elements of 4 neurons: 112 cycles an inference" and len(table) == 10


def test_verify_refuses_images_of_another_array(tmp_path: Path) -> None:
    """`nc verify` runs the images in the build: changed ones differ, another array's are refused."""
    pytest.importorskip("pyosys")
    graph = perceptron(BIPOLAR, bipolar(np.random.default_rng(3), 30, 18), 1, True)
    options = Options.model_validate({"array": {"pes": 16}})
    BACKEND.emit(BACKEND.lower(graph, options), tmp_path)
    weights = tmp_path / "hdl" / "weights.hex"
    lines = weights.read_text().splitlines()
    weights.write_text("\n".join([lines[1], *lines[1:]]) + "\n")
    assert [link.verdict for link in BACKEND.links(tmp_path, graph, options)] == ["different", "equal", "equal"]
    with pytest.raises(NcError) as error:
        BACKEND.links(tmp_path, graph, Options.model_validate({"array": {"pes": 8}}))
    assert str(error.value) == (
        "error[NC705]: a program image must match the array: it is for 16 elements of 4 neurons, 16 registers, "
        "6 ports, 3 lanes, and the array has 8 of 4 neurons, 16 registers, 6 ports, 3 lanes\n"
        "  --> array.json\n"
        "  help: compile the network again with the array's own options (array.pes, array.pe)"
    )


def test_a_technology_file_of_ones_own(tmp_path: Path) -> None:
    """Energy follows the file; one with other fields is refused."""
    graph = perceptron(BIPOLAR, bipolar(np.random.default_rng(3), 30, 18), 1, True)
    default = (Path(nc.backends.threshold.__file__).parent / "technology.yaml").read_text()
    file = tmp_path / "own.yaml"
    file.write_text(default.replace("pe_power_mw: 0.12", "pe_power_mw: 0.24"))
    energies = []
    for name in ("", str(file)):
        options = Options.model_validate({"array": {"pes": 16, "technology": name}})
        energies.append([row["energy_nj"] for row in BACKEND.estimate(BACKEND.lower(graph, options))["layers"]])
    assert energies[1] == pytest.approx([2 * e for e in energies[0]], abs=2e-3)
    other = tmp_path / "other.yaml"
    other.write_text("name: mine\n")
    with pytest.raises(NcError) as error:
        BACKEND.lower(graph, Options.model_validate({"array": {"technology": str(other)}}))
    assert str(error.value).startswith("error[NC706]: a technology file must hold exactly the fields of the default")
