"""The table of the sweep: convolutions, pools and resizing, by operator."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from tests.compiler.frontends.onnx.sweep import Case


def _weights(*shape: int) -> np.ndarray:
    return (np.random.default_rng(7).integers(-8, 9, shape) / 8).astype(np.float32)


def _bias(count: int) -> np.ndarray:
    return (np.arange(count) - 1).astype(np.float32) / 4


def _given(**attributes: Any) -> dict[str, Any]:
    return {k: v for k, v in attributes.items() if v is not None}


def _zeros(index: int) -> tuple[int, int, int]:
    """Zero points, different from case to case."""
    return ((0, 0, 0), (6, 0, -8), (-20, 0, 4), (64, 4, 2))[index % 4]


def _borders(rank: int) -> list[dict[str, Any]]:
    return [
        {},
        {"pads": [1] * (2 * rank)},
        {"pads": [*range(rank), *([2] * rank)]},
        {"auto_pad": "SAME_UPPER"},
        {"auto_pad": "SAME_LOWER"},
        {"auto_pad": "VALID"},
    ]


_SPATIAL = {1: (7,), 2: (6, 5), 3: (4, 3, 4)}


def conv() -> list[Case]:
    made = []
    options = product((1, 2), (1, 2), (1, 2), (1, 2))
    for i, ((rank, stride, dilation, group), border) in enumerate(product(options, _borders(1))):
        border = _borders(rank)[_borders(1).index(border)]
        if dilation > 1 and border.get("auto_pad", "").startswith("SAME"):
            continue
        operands: tuple[Any, ...] = (_weights(4, 4 // group, *(3, 2)[:rank]),)
        operands += (_bias(4),) if i % 3 == 0 else ()
        attributes = _given(strides=[stride] * rank, dilations=[dilation] * rank, group=group, **border)
        channel = 0 if i % 2 else None
        made.append(Case("Conv", attributes, (4, *_SPATIAL[rank]), operands, 1, channel, zero_points=_zeros(i)))
    made.append(
        Case("Conv", {"pads": [1] * 6}, (2, *_SPATIAL[3]), (_weights(2, 2, 2, 2, 2),), 1, zero_points=(6, 0, 0))
    )
    made.append(Case("Conv", {"group": 4}, (4, 6), (_weights(8, 1, 3),), 1, 0, zero_points=(-6, 2, 0)))
    return made


def conv_transpose() -> list[Case]:
    made = []
    borders: list[dict[str, Any]] = [*_borders(1), {"output_shape": [13]}, {"output_shape": [14]},
                                     {"output_shape": [13], "auto_pad": "SAME_UPPER"},
                                     {"output_shape": [12], "auto_pad": "SAME_LOWER"}]  # fmt: skip
    for i, (stride, dilation, extra, group, border) in enumerate(product((1, 2, 3), (1, 2), (0, 1), (1, 2), borders)):
        if extra >= max(stride, dilation) or "output_shape" in border and stride == 1:
            continue
        operands: tuple[Any, ...] = (_weights(4, 3, 3),) + ((_bias(3 * group),) if i % 3 == 0 else ())
        attributes = _given(strides=[stride], dilations=[dilation], group=group, output_padding=[extra], **border)
        made.append(Case("ConvTranspose", attributes, (4, 6), operands, 1, zero_points=_zeros(i)))
    plane = (_weights(2, 3, 3, 2),)
    planar: list[dict[str, Any]] = [
        {"strides": [2, 1]},
        {"strides": [2, 3], "pads": [1, 0, 0, 1]},
        {"strides": [2, 2], "output_shape": [12, 9]},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    ]
    for i, attributes in enumerate(planar):
        made.append(Case("ConvTranspose", attributes, (2, 5, 4), plane, 1, None, zero_points=_zeros(i + 1)))
        made.append(Case("ConvTranspose", attributes, (2, 5, 4), plane, 1, 1, zero_points=_zeros(i)))
    return made


def pools() -> list[Case]:
    made = []
    options = product(("MaxPool", "AveragePool"), (1, 2), (2, 3), (1, 2, 3), (0, 1))
    for i, ((op, rank, kernel, stride, ceil), border) in enumerate(product(options, range(6))):
        attributes = _given(kernel_shape=[kernel] * rank, strides=[stride] * rank, ceil_mode=ceil or None)
        attributes |= _borders(rank)[border]
        if border == 2 and kernel == 2:
            attributes["pads"] = [*range(rank), *([1] * rank)]
        if "auto_pad" in attributes and ceil:
            continue
        if op == "AveragePool" and i % 2:
            attributes["count_include_pad"] = 1
        if i % 5 == 0 and "auto_pad" not in attributes:
            attributes["dilations"] = [2] * rank
        made.append(Case(op, attributes, (2, *_SPATIAL[rank]), zero_points=_zeros(i), opset=19 if i % 5 == 0 else 18))
    made += [Case(op, {}, shape, zero_points=(6, 0, 4)) for op in ("GlobalMaxPool", "GlobalAveragePool")
             for shape in ((2, 8), (3, 4, 4), (2, 2, 2, 4))]  # fmt: skip
    made.append(Case("LpPool", {"kernel_shape": [2], "p": 2}, (2, 6)))
    return made


def resize() -> list[Case]:
    made = []
    transforms = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
    nearest = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    scales = (0.3, 0.6, 1.3, 2.0, 2.5, 1.05)
    for i, (transform, rounding, scale) in enumerate(product(transforms, nearest, scales)):
        if (transform, rounding, scale) == ("half_pixel_symmetric", "floor", 0.6):
            continue  # element 1 lies at 2 exactly; onnxruntime's single precision is one unit in the last place below
        attributes = {"mode": "nearest", "coordinate_transformation_mode": transform, "nearest_mode": rounding}
        factors = np.array([1, 1, scale], np.float32)
        made.append(Case("Resize", attributes, (2, 10), ("", factors), opset=19, zero_points=_zeros(i)))
    for i, (transform, mode, scale) in enumerate(product(transforms, ("linear", "cubic"), scales)):
        attributes = {"mode": mode, "coordinate_transformation_mode": transform}
        factors = np.array([1, 1, scale, 2], np.float32)
        made.append(Case("Resize", attributes, (1, 7, 4), ("", factors), opset=19, zero_points=_zeros(i)))
    for mode, sizes in product(
        ("nearest", "linear", "cubic"), ([1, 2, 7, 9], [1, 2, 3, 2], [1, 2, 1, 4], [1, 2, 10, 8])
    ):
        made.append(Case("Resize", {"mode": mode}, (2, 5, 4), ("", "", np.array(sizes)), zero_points=(6, 0, -2)))
    for policy, sizes in product(("not_larger", "not_smaller"), ([9, 5], [3, 7])):
        attributes = {"mode": "nearest", "keep_aspect_ratio_policy": policy, "axes": [2, 3]}
        made.append(Case("Resize", attributes, (2, 5, 4), ("", "", np.array(sizes)), zero_points=(6, 0, -2)))
    for mode, region in product(
        ("nearest", "linear"), ([0, 0, 0.2, 0.1, 1, 1, 0.8, 0.9], [0, 0, -0.2, 0, 1, 1, 1.2, 1])
    ):
        attributes = {"mode": mode, "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 0.5}
        operands = (np.array(region, np.float32), "", np.array([1, 1, 6, 3]))
        made.append(Case("Resize", attributes, (1, 5, 4), operands))
    for extra in ({"exclude_outside": 1}, {"cubic_coeff_a": -0.5}, {"antialias": 1}):
        factors = np.array([1, 1, 0.5, 2], np.float32)
        made.append(Case("Resize", {"mode": "cubic", **extra}, (1, 8, 4), ("", factors)))
    for mode, scale in product(("nearest", "linear"), scales):
        factors = np.array([1, 1, scale, 1], np.float32)
        made.append(Case("Resize", {"mode": mode}, (1, 10, 3), (factors,), opset=10, zero_points=(6, 0, 0)))
        if scale > 1:
            made.append(Case("Upsample", {"mode": mode}, (1, 10, 3), (factors,), opset=9, forms=("float",)))
    factors = np.array([1, 1, 1.3, 2], np.float32)
    made += [replace(c, opset=opset) for c in (Case("Resize", {"mode": "linear"}, (1, 10, 3), ("", factors)),)
             for opset in (13, 18)]  # fmt: skip
    return made


CASES: dict[str, list[Case]] = {
    "Conv": conv(),
    "ConvTranspose": conv_transpose(),
    "pools": pools(),
    "Resize": resize(),
}
