"""Resize and Upsample with nearest neighbours: a gather along each axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array
from nc.ir.ops.gather import Gather

_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class _Axis:
    """Extents before and after, and the scale (output / input) in force."""

    source: int
    target: int
    scale: Fraction


def _pytorch(i: int, a: _Axis) -> Fraction:
    return (i + _HALF) / a.scale - _HALF if a.target > 1 else Fraction(0)


def _align(i: int, a: _Axis) -> Fraction:
    return Fraction(i * (a.source - 1), a.target - 1) if a.target > 1 else Fraction(0)


def _symmetric(i: int, a: _Axis) -> Fraction:
    wanted = a.source * a.scale
    offset = Fraction(a.source, 2) * (1 - Fraction(a.target) / wanted)
    return offset + (i + _HALF) / a.scale - _HALF


# position in the source, exactly, of output element i
_COORDINATES: dict[str, Callable[[int, _Axis], Fraction]] = {
    "half_pixel": lambda i, a: (i + _HALF) / a.scale - _HALF,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": _pytorch,
    "align_corners": _align,
    "asymmetric": lambda i, a: i / a.scale,
    "tf_half_pixel_for_nn": lambda i, a: (i + _HALF) / a.scale,
}

_NEAREST: dict[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda x: math.ceil(x - _HALF),
    "round_prefer_ceil": lambda x: math.floor(x + _HALF),
    "floor": math.floor,
    "ceil": math.ceil,
}


@translates("Resize", "Upsample")
def resize(node: Node) -> Tensor:
    """Upsample and the first Resize take floor(i / scale). Raises NC103 for interpolation."""
    x = node[0]
    if node.attributes["mode"] != "nearest":
        node.refuse(
            f"{node.op} must have mode nearest, not {node.attributes['mode']}",
            "upsample with nearest neighbours, or with a transposed convolution",
        )
    early = node.version < 11
    transform = "asymmetric" if early else node.attributes["coordinate_transformation_mode"]
    nearest = "floor" if early else node.attributes["nearest_mode"]
    if transform not in _COORDINATES or nearest not in _NEAREST:
        node.refuse(
            f"{node.op} must have another coordinate mode than {transform} with {nearest}",
            f"modes: {', '.join(_COORDINATES)}",
        )
    for axis, plan in _plan(node, x).items():
        node.check_extent(plan.target)
        indices = _indices(plan, transform, nearest)
        if not np.array_equal(indices, np.arange(x.shape[axis])):
            x = node.emit(Gather(indices, axis), x)
    return x


def _indices(axis: _Axis, transform: str, nearest: str) -> Array:
    positions = (_NEAREST[nearest](_COORDINATES[transform](i, axis)) for i in range(axis.target))
    return np.array([min(max(p, 0), axis.source - 1) for p in positions], np.int64)


def _plan(node: Node, x: Tensor) -> dict[int, _Axis]:
    """By axis of `x.shape`: extents and scale, from the operands that the operator set has."""
    scales, sizes = _operands(node)
    axes = node.attributes.get("axes") or tuple(range(x.rank))
    given = sizes if sizes is not None else scales
    if given is None or len(given) != len(axes):
        fail("NC109", f"{node.op} must have a scale or a size for each of {len(axes)} axes")
    if sizes is None and not all(s > 0 and math.isfinite(s) for s in given):
        fail("NC109", f"scales of {node.op} must be positive, not {list(given)}")
    factors = [Fraction(g) for g in given]
    policy = node.attributes.get("keep_aspect_ratio_policy") or "stretch"
    plan = {}
    extents = [1, *x.shape] if x.batched else list(x.shape)
    if sizes is not None and policy != "stretch":
        choose = {"not_larger": min, "not_smaller": max}[policy]
        common = choose(f / extents[axis] for f, axis in zip(factors, axes, strict=True))
        factors = [Fraction(math.floor(common * extents[a] + _HALF)) for a in axes]
        scale_of = dict.fromkeys(axes, common)
    else:
        scale_of = {}
    for axis, factor in zip(axes, factors, strict=True):
        if x.batched and axis % x.rank == 0:
            if factor not in (1, node.declared_batch):
                fail("NC105", f"{node.op} must not resize the batch axis")
            continue
        own = node.axis(x, axis)
        source = x.shape[own]
        if sizes is None:
            plan[own] = _Axis(source, math.floor(source * factor), factor)
        else:
            plan[own] = _Axis(source, int(factor), scale_of.get(axis, Fraction(int(factor), max(source, 1))))
        if plan[own].target < 1 or source < 1:
            fail("NC109", f"{node.op} must leave at least one element on each axis of {x}")
    return plan


def _operands(node: Node) -> tuple[tuple[float, ...] | None, tuple[int, ...] | None]:
    if node.op == "Upsample" and node.version < 9:
        return node.attributes["scales"], None
    at = 1 if node.version < 11 else 2
    data = node.data(at, "the scales") if node.maybe(at) is not None else np.zeros(0)
    if data.size:
        return tuple(float(s) for s in data.ravel()), None
    return None, node.ints(3, "the sizes") if node.maybe(3) is not None else None
