"""Resize and Upsample: nearest neighbours are a gather along each axis, interpolation a constant matrix.

Positions follow the definition of Resize in the ONNX standard, in exact fractions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.elementwise import scalar
from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.tensors import FLOATS
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array
from nc.ir.ops.gather import Gather
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.select import Select
from nc.ir.ops.transpose import Transpose

_HALF = Fraction(1, 2)
_LONGEST = 1 << 15  # elements of one axis after resizing


@dataclass(frozen=True)
class _Axis:
    """Extents before and after, the scale (output / input) in force, and the part that is cropped (0 to 1)."""

    source: int
    target: int
    scale: Fraction
    start: Fraction = Fraction(0)
    end: Fraction = Fraction(1)


def _pytorch(i: int, a: _Axis) -> Fraction:
    return (i + _HALF) / a.scale - _HALF if a.target > 1 else Fraction(0)


def _align(i: int, a: _Axis) -> Fraction:
    return Fraction(i * (a.source - 1), a.target - 1) if a.target > 1 else Fraction(0)


def _symmetric(i: int, a: _Axis) -> Fraction:
    wanted = a.source * a.scale
    offset = Fraction(a.source, 2) * (1 - Fraction(a.target) / wanted)
    return offset + (i + _HALF) / a.scale - _HALF


def _crop(i: int, a: _Axis) -> Fraction:
    if a.target == 1:
        return (a.start + a.end) / 2 * (a.source - 1)
    return a.start * (a.source - 1) + i * (a.end - a.start) * (a.source - 1) / (a.target - 1)


# position in the source of output element i
_COORDINATES: dict[str, Callable[[int, _Axis], Fraction]] = {
    "half_pixel": lambda i, a: (i + _HALF) / a.scale - _HALF,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": _pytorch,
    "align_corners": _align,
    "asymmetric": lambda i, a: i / a.scale,
    "tf_half_pixel_for_nn": lambda i, a: (i + _HALF) / a.scale,
    "tf_crop_and_resize": _crop,
}

_NEAREST: dict[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda x: math.ceil(x - _HALF),
    "round_prefer_ceil": lambda x: math.floor(x + _HALF),
    "floor": math.floor,
    "ceil": math.ceil,
}


def _cubic(x: float, a: float) -> float:
    """The convolution kernel of Keys (IEEE TASSP 29, 1981, eq. 4), free parameter a."""
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a if x < 2 else 0.0


# kernel of the distance and its radius
_KERNELS: dict[str, tuple[Callable[[float, float], float], int]] = {
    "linear": (lambda x, a: max(0.0, 1 - x), 1),
    "cubic": (_cubic, 2),
}


@translates("Resize", "Upsample")
def resize(node: Node) -> Tensor:
    """Upsample and the first Resize count positions as i / scale. Raises NC103 for unknown modes."""
    x, mode = node[0], node.attributes["mode"]
    early = node.version < 11
    transform = "asymmetric" if early else node.attributes["coordinate_transformation_mode"]
    nearest = "floor" if early else node.attributes["nearest_mode"]
    if transform not in _COORDINATES or nearest not in _NEAREST or mode not in ("nearest", *_KERNELS):
        node.refuse(
            f"{node.op} must have another mode than {mode} with {transform} and {nearest}",
            f"coordinate modes: {', '.join(_COORDINATES)}",
        )
    outside: dict[int, Array] = {}
    for axis, plan in _plan(node, x, transform).items():
        node.check_extent(plan.target * (1 if mode == "nearest" else plan.source))
        positions = [_COORDINATES[transform](i, plan) for i in range(plan.target)]
        if transform == "tf_crop_and_resize":
            outside[axis] = np.array([not 0 <= p <= plan.source - 1 for p in positions])
        if mode == "nearest":
            x = _picked(node, x, axis, plan, [_NEAREST[nearest](p) for p in positions])
        elif plan.scale != 1 or transform == "tf_crop_and_resize":
            x = _weighted(node, x, axis, _matrix(node, plan, positions))
    return _extrapolated(node, x, outside)


def _picked(node: Node, x: Tensor, axis: int, plan: _Axis, nearest: list[int]) -> Tensor:
    indices = np.array([min(max(p, 0), plan.source - 1) for p in nearest], np.int64)
    return x if np.array_equal(indices, np.arange(plan.source)) else node.emit(Gather(indices, axis), x)


def _matrix(node: Node, plan: _Axis, positions: list[Fraction]) -> Array:
    """Weights (target, source) of an interpolation along one axis."""
    kernel, radius = _KERNELS[node.attributes["mode"]]
    smooth, strict = bool(node.attributes.get("antialias")), bool(node.attributes.get("exclude_outside"))
    a = node.attributes.get("cubic_coeff_a", -0.75)
    shrink = float(min(plan.scale, Fraction(1))) if smooth else 1.0
    matrix = np.zeros((plan.target, plan.source))
    for row, at in zip(matrix, map(float, positions), strict=True):
        taps = range(math.floor(at - radius / shrink), math.ceil(at + radius / shrink) + 1)
        weights = {p: kernel(abs(p - at) * shrink, a) for p in taps if not strict or 0 <= p < plan.source}
        total = sum(weights.values()) if smooth or strict else 1.0
        if not total or not math.isfinite(total):
            node.refuse(f"the weights of {node.op} must not cancel")
        for p, weight in weights.items():
            row[min(max(p, 0), plan.source - 1)] += weight / total
    return matrix


def _weighted(node: Node, x: Tensor, axis: int, matrix: Array) -> Tensor:
    """matrix @ x along `axis`."""
    if x.dtype not in FLOATS:
        node.refuse(f"{node.op} must have mode nearest on integers", "resize after dequantisation")
    rank = len(x.shape)
    if axis == rank - 1:
        return node.emit(MatMul(), x, constant(np.ascontiguousarray(matrix.T), x.dtype))
    if axis == rank - 2:
        return node.emit(MatMul(), constant(matrix, x.dtype), x, dtype=x.dtype)
    swap = list(range(rank))
    swap[axis], swap[-1] = swap[-1], swap[axis]
    turned = node.emit(Transpose(tuple(swap)), x)
    made = node.emit(MatMul(), turned, constant(np.ascontiguousarray(matrix.T), x.dtype))
    return node.emit(Transpose(tuple(swap)), made)


def _extrapolated(node: Node, x: Tensor, outside: dict[int, Array]) -> Tensor:
    """Elements whose position lies outside the source get the extrapolation value."""
    mask = np.zeros((1,) * len(x.shape), np.bool_)
    for axis, bits in outside.items():
        mask = mask | bits.reshape(*(-1 if a == axis else 1 for a in range(len(x.shape))))
    if not mask.any():
        return x
    value = scalar(node.attributes["extrapolation_value"], x.dtype)
    return node.emit(Select(), constant(mask, TensorProto.BOOL), value, x, dtype=x.dtype)


def _plan(node: Node, x: Tensor, transform: str) -> dict[int, _Axis]:
    """By axis of `x.shape`: extents and scale, from the operands that the operator set has. Raises NC109."""
    scales, sizes = _operands(node)
    axes = tuple(a + x.rank if a < 0 else a for a in node.attributes.get("axes") or range(x.rank))
    given = sizes if sizes is not None else scales
    if given is None or len(given) != len(axes) or any(not 0 <= a < x.rank for a in axes):
        fail("NC109", f"{node.op} must have a scale or a size for each of {len(axes)} axes of {x}")
    if not all(g > 0 and math.isfinite(g) for g in given) or 0 in x.shape:
        fail("NC109", f"scales and sizes of {node.op} must be positive, not {list(given)} of {x}")
    extents = [1, *x.shape] if x.batched else list(x.shape)
    factors = [Fraction(g) / (extents[a] if sizes is not None else 1) for g, a in zip(given, axes, strict=True)]
    targets = [math.floor(f * extents[a]) for f, a in zip(factors, axes, strict=True)]
    policy = node.attributes.get("keep_aspect_ratio_policy") or "stretch"
    if sizes is not None and policy in ("not_larger", "not_smaller"):
        common = (min if policy == "not_larger" else max)(factors)
        factors = [common] * len(axes)
        targets = [math.floor(common * extents[a] + _HALF) for a in axes]
    crops = _crops(node, len(axes)) if transform == "tf_crop_and_resize" else [(Fraction(0), Fraction(1))] * len(axes)
    plan = {}
    for axis, factor, target, (start, end) in zip(axes, factors, targets, crops, strict=True):
        if x.batched and axis == 0:
            if target not in (1, node.declared_batch):
                fail("NC105", f"{node.op} must not resize the batch axis")
            continue
        if not 1 <= target <= _LONGEST or target != extents[axis] > _LONGEST:
            fail(
                "NC113", f"{node.op} must turn axes of at most {_LONGEST} into such, not {extents[axis]} into {target}"
            )
        plan[axis - x.batched] = _Axis(extents[axis], target, factor, start, end)
    return plan


def _crops(node: Node, count: int) -> list[tuple[Fraction, Fraction]]:
    region = node.data(1, "the region of interest").ravel()
    if region.size != 2 * count or not np.all(np.isfinite(region)):
        fail("NC109", f"the region of interest of {node.op} must be {2 * count} finite numbers")
    return [(Fraction(region[i]), Fraction(region[i + count])) for i in range(count)]


def _operands(node: Node) -> tuple[tuple[float, ...] | None, tuple[int, ...] | None]:
    """Scales or sizes, wherever the operator set keeps them."""
    if node.op == "Upsample" and node.version < 9:
        return node.attributes["scales"], None
    at = 1 if node.version < 11 else 2
    data = node.data(at, "the scales") if node.maybe(at) is not None else np.zeros(0)
    if data.size:
        return tuple(float(s) for s in data.ravel()), None
    return None, node.ints(3, "the sizes") if node.maybe(3) is not None else None
