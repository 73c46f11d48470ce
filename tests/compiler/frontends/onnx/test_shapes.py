"""Shapes and windows with values reckoned by hand or by the runtimes: what once came out wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from nc.compiler.frontends.onnx import from_onnx
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate
from tests.compiler.frontends.onnx.sweep import Case, integers, model


def _found(case: Case, x: list[Any], form: str = "qdq") -> list[float]:
    data = np.array([x], np.float32)
    made = model(case, form)
    found = integers(made, data) if form == "qdq" else list(evaluate(from_onnx(made), {"x": data}).values())
    return [float(v) for v in found[0].ravel()]


def test_zeros_between_pixels_are_zero_whatever_the_zero_point() -> None:
    case = Case(
        "ConvTranspose", {"strides": [2]}, (1, 3), (np.array([[[0.5, 1]]], np.float32),), 1, zero_points=(64, 0, 0)
    )
    assert _found(case, [[1, 2, 3]]) == [0.25, 0.5, 0.5, 1, 0.75, 1.5]  # weights are 4 and 8 sixteenths


def test_an_odd_total_of_output_shape_is_cut_at_the_begin() -> None:
    weights = np.array([[[1, 0.5, 0.25]]], np.float32)
    whole = _found(Case("ConvTranspose", {"strides": [2]}, (1, 3), (weights,)), [[1, 2, 3]], "float")
    assert whole == [1, 0.5, 2.25, 1, 3.5, 1.5, 0.75]
    for auto, wanted in (("NOTSET", whole[1:]), ("SAME_LOWER", whole[1:]), ("SAME_UPPER", whole[:-1])):
        case = Case("ConvTranspose", {"strides": [2], "output_shape": [6], "auto_pad": auto}, (1, 3), (weights,))
        assert _found(case, [[1, 2, 3]], "float") == wanted


def test_sizes_and_positions_are_found_in_single_precision() -> None:
    modes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    case = Case("Resize", modes, (1, 10), ("", np.array([1, 1, 1.3], np.float32)))
    assert _found(case, [[*range(10)]]) == [0, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9]


def test_the_first_resize_rounds_up_where_it_shrinks() -> None:
    case = Case("Resize", {"mode": "nearest"}, (1, 12), (np.array([1, 1, 0.6], np.float32),), opset=10)
    assert _found(case, [[*range(12)]]) == [0, 2, 4, 5, 7, 9, 10]


def test_weights_of_an_interpolation_are_small_integers() -> None:
    case = Case("Resize", {"mode": "linear"}, (1, 2, 3), ("", np.array([1, 1, 1, 4 / 3], np.float32)))
    graph = from_onnx(model(case, "float"))
    (weights,) = (node.constant for node in graph.nodes if node.constant is not None and node.constant.ndim == 2)
    assert (weights == np.array([[8, 3, 0, 0], [0, 5, 5, 0], [0, 0, 3, 8]])).all()  # eighths


@pytest.mark.parametrize("least", [-np.inf, float(np.finfo(np.float32).min)])
def test_minus_infinity_around_a_max_pool_never_wins(least: float) -> None:
    made = _padded("MaxPool", least, kernel_shape=[2, 2])
    x = np.array([[[[-1, -2], [-3, -4]]]], np.float32)
    assert integers(made, x)[0].ravel().tolist() == [-1, -3]


def test_minus_infinity_anywhere_else_is_refused() -> None:
    with pytest.raises(NcError) as caught:
        integers(_padded("AveragePool", -np.inf, kernel_shape=[2, 2]), np.zeros((1, 1, 2, 2), np.float32))
    assert [(d.code, bool(d.help)) for d in caught.value.diagnostics] == [("NC304", True)]


def _padded(op: str, value: float, **attributes: Any) -> Any:
    constants = {
        "s": np.float32(0.125),
        "z": np.int8(5),
        "p": np.array([0, 0, 0, 0, 0, 0, 1, 0]),
        "v": np.float32(value),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("Pad", ["d", "p", "v"], ["w"]),
        helper.make_node(op, ["w"], ["y"], **attributes),
    ]
    graph = helper.make_graph(
        nodes,
        "padded",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
