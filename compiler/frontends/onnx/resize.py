"""Resize and Upsample: nearest neighbours are a gather along each axis, interpolation a constant matrix.

Sizes and nearest neighbours are found in single precision, as the runtimes do; weights are exact fractions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.elementwise import scalar
from nc.compiler.frontends.onnx.folding import constant
from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.resize_positions import COORDINATES, NEAREST, positions
from nc.compiler.frontends.onnx.tensors import FLOATS
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array
from nc.ir.ops.div import Div
from nc.ir.ops.gather import Gather
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.select import Select
from nc.ir.ops.transpose import Transpose

_LONGEST = 1 << 15  # elements of one axis after resizing
_SIMPLE = 1 << 12  # denominators that single precision tells apart with certainty
_WIDEST = 1 << 20  # common denominators of weights up to which they are integers over it


@dataclass(frozen=True)
class _Axis:
    """Extents before and after, the scale (output / input) in force, and the part that is cropped (0 to 1)."""

    source: int
    target: int
    scale: np.float32
    start: np.float32 = np.float32(0)
    end: np.float32 = np.float32(1)


def _cubic(x: Fraction, a: Fraction) -> Fraction:
    """The convolution kernel of Keys (IEEE TASSP 29, 1981, eq. 4), free parameter a."""
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a if x < 2 else Fraction(0)


# kernel of the distance and its radius
_KERNELS: dict[str, tuple[Callable[[Fraction, Fraction], Fraction], int]] = {
    "linear": (lambda x, a: max(Fraction(0), 1 - x), 1),
    "cubic": (_cubic, 2),
}


@translates("Resize", "Upsample")
def resize(node: Node) -> Tensor:
    """Before opset 11 positions are i / scale, rounded up where the axis shrinks. Raises NC103 for unknown modes."""
    x, mode = node[0], node.attributes["mode"]
    early = node.version < 11
    transform = "asymmetric" if early else node.attributes["coordinate_transformation_mode"]
    nearest = "simple" if early else node.attributes["nearest_mode"]
    if transform not in COORDINATES or nearest not in NEAREST or mode not in ("nearest", *_KERNELS):
        node.refuse(
            f"{node.op} must have another mode than {mode} with {transform} and {nearest}",
            f"coordinate modes: {', '.join(COORDINATES)}",
        )
    outside: dict[int, Array] = {}
    plans = _plan(node, x, transform)
    if all(plan.target == plan.source for plan in plans.values()) and transform != "tf_crop_and_resize":
        return x  # as in the runtimes, whatever the scales say
    for axis, plan in plans.items():
        node.check_extent(plan.target * (1 if mode == "nearest" else plan.source))
        at = positions(transform, np.float32, plan.source, plan.target, plan.scale, (plan.start, plan.end))
        if transform == "tf_crop_and_resize":
            outside[axis] = np.array([not 0 <= p <= plan.source - 1 for p in at])
        if mode == "nearest":
            x = _picked(node, x, axis, plan, [NEAREST[nearest](p, bool(plan.scale < 1)) for p in at])
        elif plan.scale != 1 or transform == "tf_crop_and_resize":
            x = _weighted(node, x, axis, _matrix(node, plan, transform))
    return _extrapolated(node, x, outside)


def _picked(node: Node, x: Tensor, axis: int, plan: _Axis, nearest: list[int]) -> Tensor:
    indices = np.array([min(max(p, 0), plan.source - 1) for p in nearest], np.int64)
    return x if np.array_equal(indices, np.arange(plan.source)) else node.emit(Gather(indices, axis), x)


def _simplest(number: float | np.floating[Any]) -> Fraction:
    """The fraction that a single-precision number was rounded from, where a simple one is."""
    simple = Fraction(float(number)).limit_denominator(_SIMPLE)
    return simple if np.float32(float(simple)) == np.float32(number) else Fraction(float(number))


def _matrix(node: Node, plan: _Axis, transform: str) -> list[list[Fraction]]:
    """Weights (target, source) of an interpolation along one axis, exact."""
    kernel, radius = _KERNELS[node.attributes["mode"]]
    smooth, strict = bool(node.attributes.get("antialias")), bool(node.attributes.get("exclude_outside"))
    a = _simplest(node.attributes.get("cubic_coeff_a", -0.75))
    scale, crop = _simplest(plan.scale), (_simplest(plan.start), _simplest(plan.end))
    shrink = min(scale, Fraction(1)) if smooth else Fraction(1)
    rows = []
    for at in positions(transform, Fraction, plan.source, plan.target, scale, crop):
        row = [Fraction(0)] * plan.source
        taps = range(math.floor(at - radius / shrink), math.ceil(at + radius / shrink) + 1)
        weights = {p: kernel(abs(p - at) * shrink, a) for p in taps if not strict or 0 <= p < plan.source}
        total = sum(weights.values(), Fraction(0)) if smooth or strict else Fraction(1)
        if not total:
            node.refuse(f"the weights of {node.op} must not cancel")
        for p, weight in weights.items():
            row[min(max(p, 0), plan.source - 1)] += weight / total
        rows.append(row)
    return rows


def _weighted(node: Node, x: Tensor, axis: int, rows: list[list[Fraction]]) -> Tensor:
    """matrix @ x along `axis`: the constant stands on the right, where integers and streams take it.

    Weights are integers over their common denominator, so that integer networks get small ones.
    """
    if x.dtype not in FLOATS:
        node.refuse(f"{node.op} must have mode nearest on integers", "resize after dequantisation")
    rank = len(x.shape)
    swap = list(range(rank))
    swap[axis], swap[-1] = swap[-1], swap[axis]
    unit = math.lcm(*(w.denominator for row in rows for w in row))
    unit = unit if unit <= _WIDEST else 1
    matrix = np.array([[float(w * unit) for w in row] for row in rows]).T
    turned = x if axis == rank - 1 else node.emit(Transpose(tuple(swap)), x)
    made = node.emit(MatMul(), turned, constant(np.ascontiguousarray(matrix), x.dtype))
    made = made if axis == rank - 1 else node.emit(Transpose(tuple(swap)), made)
    return made if unit == 1 else node.emit(Div(), made, scalar(unit, x.dtype))


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
    # Single precision, as in the runtimes: 10 * 1.3 is 13 there.
    factors = [np.float32(g) / np.float32(extents[a] if sizes is not None else 1) for g, a in zip(given, axes)]
    targets = [math.floor(f * np.float32(extents[a])) for f, a in zip(factors, axes)]
    policy = node.attributes.get("keep_aspect_ratio_policy") or "stretch"
    if sizes is not None and policy in ("not_larger", "not_smaller"):
        common = (min if policy == "not_larger" else max)(factors)
        factors = [common] * len(axes)
        targets = [math.floor(common * np.float32(extents[a]) + np.float32(0.5)) for a in axes]
    elif sizes is not None:
        targets = [int(s) for s in sizes]
    whole = (np.float32(0), np.float32(1))
    crops = _crops(node, len(axes)) if transform == "tf_crop_and_resize" else [whole] * len(axes)
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


def _crops(node: Node, count: int) -> list[tuple[np.float32, np.float32]]:
    region = node.data(1, "the region of interest").ravel()
    if region.size != 2 * count or not np.all(np.isfinite(region)):
        fail("NC109", f"the region of interest of {node.op} must be {2 * count} finite numbers")
    return [(np.float32(region[i]), np.float32(region[i + count])) for i in range(count)]


def _operands(node: Node) -> tuple[tuple[float, ...] | None, tuple[int, ...] | None]:
    """Scales or sizes, wherever the operator set keeps them."""
    if node.op == "Upsample" and node.version < 9:
        return node.attributes["scales"], None
    at = 1 if node.version < 11 else 2
    data = node.data(at, "the scales") if node.maybe(at) is not None else np.zeros(0)
    if data.size:
        return tuple(float(s) for s in data.ravel()), None
    return None, node.ints(3, "the sizes") if node.maybe(3) is not None else None
