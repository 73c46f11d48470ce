"""Quantisers one by one: QONNX against the qonnx executor's own functions, QDQ and QLinear against onnxruntime."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import onnx.reference
import pytest
from onnx import TensorProto, helper, numpy_helper

from nc.compiler.config import Common
from nc.compiler.frontends.onnx import from_onnx
from nc.compiler.passes.integerize.staircase import BOUNDARIES, round_exact
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate
from nc.ir.ops.quantize import ROUNDINGS as QUANTIZE_ROUNDINGS

RNG = np.random.default_rng(11)
#: exact halves and quarters of the scales below: every tie occurs
GRID = (np.arange(-96, 96) * 0.0625).astype(np.float32).reshape(8, 3, 8)
X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8])


def model(nodes: list[Any], weights: dict[str, Any], x: Any = X, *, version: int = 1, opset: int = 21) -> Any:
    graph = helper.make_graph(
        nodes,
        "quantisers",
        [x],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("qonnx.custom_op.general", version)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def qonnx_node(op: str, *operands: str, **attributes: Any) -> Any:
    return helper.make_node(op, operands, ["y"], domain="qonnx.custom_op.general", **attributes)


def ours(made: Any, x: Any = GRID) -> Any:
    return evaluate(from_onnx(made), {"x": x})["y"]


ROUNDINGS = ["ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "HALF_EVEN"]


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize(
    "bits, signed, narrow, zero", [(3, 1, 0, 0), (3, 1, 1, 0), (4, 0, 1, 3), (1, 0, 0, 0), (1, 1, 0, 0)]
)
def test_quant(rounding: str, bits: int, signed: int, narrow: int, zero: int) -> None:
    from qonnx.custom_op.general.intquant import int_quant

    scale = np.array([[[0.125], [0.25], [0.5]]], np.float32)
    weights = {"s": scale, "z": np.float32(zero), "b": np.float32(bits)}
    node = qonnx_node("Quant", "x", "s", "z", "b", signed=signed, narrow=narrow, rounding_mode=rounding)
    want = int_quant(GRID, scale, np.float32(zero), np.float32(bits), signed, narrow, rounding)
    np.testing.assert_array_equal(ours(model([node], weights)), want)


def test_bipolar_quant() -> None:
    node = qonnx_node("BipolarQuant", "x", "s")
    np.testing.assert_array_equal(ours(model([node], {"s": np.float32(0.5)})), np.where(GRID >= 0, 0.5, -0.5))


@pytest.mark.parametrize("rounding", ["FLOOR", "ROUND", "CEIL"])
def test_trunc(rounding: str) -> None:
    from qonnx.custom_op.general.trunc import trunc_v1, trunc_v2

    one, eight, five = (np.float32(v) for v in (0.125, 8, 5))
    first = qonnx_node("Trunc", "x", "s", "z", "in", "out", rounding_mode=rounding)
    weights = {"s": one, "z": np.float32(0), "in": eight, "out": five}
    want = trunc_v1(GRID, one, np.float32(0), eight, five, rounding)
    np.testing.assert_array_equal(ours(model([first], weights)), want)
    second = qonnx_node("Trunc", "x", "s", "z", "in", "t", "out", rounding_mode=rounding, signed=1, narrow=0)
    weights = {"s": one, "z": np.float32(4), "in": eight, "t": np.float32(0.5), "out": five}
    want = trunc_v2(GRID, one, np.float32(4), eight, 0, 1, np.float32(0.5), five, rounding)
    np.testing.assert_array_equal(ours(model([second], weights, version=2)), want)


@pytest.mark.parametrize("scale, bias", [(1.0, 0.0), (2.0, -1.0), (0.5, -1.5), (0.3, 0.1), (-1.0, 2.0)])
@pytest.mark.parametrize("layout", ["NCW", "NWC", ""])
def test_multi_threshold(scale: float, bias: float, layout: str) -> None:
    from qonnx.custom_op.general.multithreshold import multithreshold

    last = layout in ("NWC", "")  # without a layout the executor takes rank 3 as NWC
    thresholds = np.sort(RNG.normal(size=(8 if last else 3, 5)), axis=1).astype(np.float32)
    thresholds[0, 2] = GRID[4, 0, 0]  # met exactly
    node = qonnx_node("MultiThreshold", "x", "t", out_scale=scale, out_bias=bias, data_layout=layout, out_dtype="INT8")
    want = multithreshold(GRID.astype(np.float64), thresholds, scale, bias, channels_last=last)
    np.testing.assert_allclose(ours(model([node], {"t": thresholds})), want, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"b": np.float32(2.5)}, "the bit width of Quant must be one whole number in 1..32, not 2.5"),
        ({"b": np.float32(0)}, "the bit width of Quant must be one whole number in 1..32, not 0"),
        ({"s": np.float32(0)}, "quantize must have positive finite scales and a known rounding, not half_even"),
        ({"s": np.float32(np.nan)}, "the scale of Quant must be finite, but 1 of its 1 numbers are NaN or infinite"),
        ({"z": np.float32(0.5)}, "the zero point of Quant must be a whole number"),
        ({"s": np.ones(5, np.float32)}, "the scale of Quant must broadcast to [N, 3, 8], not be [5]"),
    ],
)
def test_impossible_quantisers_are_refused(change: dict[str, Any], words: str) -> None:
    weights = {"s": np.float32(1), "z": np.float32(0), "b": np.float32(4)} | change
    with pytest.raises(NcError) as caught:
        from_onnx(model([qonnx_node("Quant", "x", "s", "z", "b")], weights))
    assert caught.value.diagnostics[0].message == words


def test_weights_stay_integers() -> None:
    """Quantised weights reach the graph as constants behind a quantiser, int8 ones as integers."""
    quant = helper.make_node("Quant", ["w", "s", "z", "b"], ["q"], domain="qonnx.custom_op.general")
    weights = {"w": RNG.normal(size=(8, 2)).astype(np.float32), "s": np.float32(0.25), "z": np.float32(0)}
    graph = from_onnx(model([quant, helper.make_node("MatMul", ["x", "q"], ["y"])], weights | {"b": np.float32(4)}))
    assert [n.op.name for n in graph.nodes] == ["input", "constant", "quantize", "dequantize", "matmul"]
    stored = {"w": np.array([[-7, 3]] * 8, np.int8), "s": np.array([0.5, 0.25], np.float32)}
    dequantise = helper.make_node("DequantizeLinear", ["w", "s"], ["q"], axis=1)
    graph = from_onnx(model([dequantise, helper.make_node("MatMul", ["x", "q"], ["y"])], stored))
    assert [str(n.type.element) for n in graph.nodes] == ["f32", "i4<-7..3>", "f32", "f32"]


def seven_bits(shape: tuple[int, ...]) -> Any:
    """Weights whose products onnxruntime sums exactly: on processors without VNNI it saturates pairs of 8 by 8 bits."""
    return RNG.integers(-64, 64, shape).astype(np.int8)


def theirs(made: Any, x: Any) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


@pytest.mark.parametrize("zero", [np.uint8(0), np.uint8(127), np.int8(-3), np.int16(5), np.uint16(9)])
def test_quantize_linear_ties_and_zero_points(zero: Any) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    made = model(nodes, {"s": np.float32(0.125), "z": zero})
    np.testing.assert_array_equal(ours(made), theirs(made, GRID))


@pytest.mark.parametrize("zeros", [[0, 0, 0], [1, 1, 1], [1, 2, 200]])
def test_quantize_linear_by_channel(zeros: list[int]) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], axis=1),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], axis=-2),
    ]
    weights = {"s": np.array([0.125, 0.25, 0.5], np.float32), "z": np.array(zeros, np.uint8)}
    made = model(nodes, weights)
    np.testing.assert_array_equal(ours(made), theirs(made, GRID))


def test_qlinear_conv_with_bias_by_channel() -> None:
    weights = {
        "xs": np.float32(0.0625), "xz": np.uint8(96), "w": seven_bits((4, 3, 3)),
        "ws": np.array([0.01, 0.02, 0.03, 0.04], np.float32), "wz": np.zeros(4, np.int8),
        "ys": np.float32(0.7), "yz": np.uint8(121), "b": RNG.integers(-900, 900, 4).astype(np.int32),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
        helper.make_node("QLinearConv", ["q", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], ["c"], pads=[1, 1]),
        helper.make_node("DequantizeLinear", ["c", "ys", "yz"], ["y"]),
    ]
    made = model(nodes, weights)
    agree_but_for_ties(made, 0.7)


def agree_but_for_ties(made: Any, scale: float) -> None:
    """Equal to onnxruntime, but for neighbours where the exact quotient is a tie to within float32's precision."""
    graph = from_onnx(made)
    last = max(v for v, n in enumerate(graph.nodes) if n.op.name == "quantize")
    before = graph.nodes[last].operands[0]
    found = evaluate(graph, {"x": GRID}, probes=(before,))
    steps = np.abs(found["y"] - theirs(made, GRID)) / scale
    quotient = found[f"%{before}"] / float(np.float32(scale))
    tie = np.abs(np.abs(quotient - np.floor(quotient)) - 0.5) < 1e-5
    assert np.all(steps[~tie] < 1e-3)
    assert np.all(steps[tie] < 1.001)
    assert np.count_nonzero(~tie) > 0.8 * tie.size


@pytest.mark.parametrize("op", ["MatMulInteger", "ConvInteger"])
def test_integer_products_are_exact(op: str) -> None:
    shape = (8, 5) if op == "MatMulInteger" else (5, 3, 3)
    weights = {"w": seven_bits(shape), "xz": np.uint8(7), "wz": np.int8(-3)}
    nodes = [
        helper.make_node(op, ["x", "w", "xz", "wz"], ["i"]),
        helper.make_node("Cast", ["i"], ["y"], to=TensorProto.FLOAT),
    ]
    made = model(nodes, weights, helper.make_tensor_value_info("x", TensorProto.UINT8, ["N", 3, 8]))
    x = RNG.integers(0, 256, (4, 3, 8)).astype(np.uint8)
    reference = onnx.reference.ReferenceEvaluator(made) if op == "ConvInteger" else None
    want = reference.run(None, {"x": x})[0] if reference else theirs(made, x)
    np.testing.assert_array_equal(ours(made, x), want)


def test_microsoft_qlinear_add() -> None:
    weights = {"s": np.float32(0.0625), "z": np.uint8(96), "ys": np.float32(0.11), "yz": np.uint8(100)}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("QLinearAdd", ["q", "s", "z", "q", "s", "z", "ys", "yz"], ["a"], domain="com.microsoft"),
        helper.make_node("DequantizeLinear", ["a", "ys", "yz"], ["y"]),
    ]
    made = model(nodes, weights, opset=17)
    made.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    agree_but_for_ties(made, 0.11)


def test_integers_computed_with_keep_their_meaning() -> None:
    """Zero points subtracted and steps added before a DequantizeLinear reach the integer graph."""
    weights = {
        "w": RNG.integers(-128, 128, (8, 5)).astype(np.int8), "xz": np.uint8(7), "wz": np.int8(-3),
        "one": np.int32(3), "s": np.float32(0.25),
    }  # fmt: skip
    nodes = [
        helper.make_node("MatMulInteger", ["x", "w", "xz", "wz"], ["i"]),
        helper.make_node("Add", ["i", "one"], ["j"]),
        helper.make_node("DequantizeLinear", ["j", "s"], ["y"]),
    ]
    graph = from_onnx(model(nodes, weights, helper.make_tensor_value_info("x", TensorProto.UINT8, ["N", 8])))
    integer, _ = run_passes(graph, to_integers(graph, Common(), None))
    x = RNG.integers(0, 256, (50, 8))
    meaning = integer.type(integer.outputs["y"]).meaning
    assert meaning is not None
    real = evaluate(integer, {"x": x})["y"] * float(meaning.scale[0]) + float(meaning.offset[0])
    np.testing.assert_array_equal(real, evaluate(graph, {"x": x})["y"])


@pytest.mark.parametrize("rounding", sorted(QUANTIZE_ROUNDINGS))
def test_roundings_are_one_thing_everywhere(rounding: str) -> None:
    """The interpreter's, the exact one and the boundaries of staircases agree, ties included."""
    for eighth in range(-64, 65):
        x = Fraction(eighth, 8)
        assert int(QUANTIZE_ROUNDINGS[rounding](np.array(float(x)))) == round_exact(x, rounding)
    for level in range(-6, 7):
        shift, inclusive = BOUNDARIES[rounding](level)
        edge, little = Fraction(2 * level - shift, 2), Fraction(1, 64)
        assert (round_exact(edge, rounding) >= level) == inclusive
        assert round_exact(edge - little, rounding) < level <= round_exact(edge + little, rounding)
