"""Where an element of a resized axis lies in its source: the coordinate and nearest modes of Resize.

Formulas are those of the ONNX standard, in the order of operations of onnxruntime, over single precision or fractions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np


@dataclass(frozen=True)
class _Case:
    """One axis; `source`, `target`: extents, `scale`, `start`, `end` of the crop, `half` and `one`, all of one type."""

    source: Any
    target: Any
    scale: Any
    start: Any
    end: Any
    half: Any
    one: Any


def positions(
    transform: str, number: Callable[[Any], Any], source: int, target: int, scale: Any, crop: tuple[Any, Any]
) -> list[Any]:
    """The positions of `target` elements in an axis of `source`, as numbers of the type `number`."""
    start, end = crop
    case = _Case(*(number(n) for n in (source, target, scale, start, end, 0.5, 1)))
    return [COORDINATES[transform](number(i), case) for i in range(target)]


def _half_pixel(i: Any, a: _Case) -> Any:
    return (i + a.half) / a.scale - a.half


def _symmetric(i: Any, a: _Case) -> Any:
    adjustment = a.target / (a.scale * a.source)
    return a.source * a.half * (a.one - adjustment) + _half_pixel(i, a)


def _align(i: Any, a: _Case) -> Any:
    return i * (a.source - a.one) / (a.target - a.one) if a.target > 1 else i


def _crop(i: Any, a: _Case) -> Any:
    if a.target == 1:
        return a.half * (a.start + a.end) * (a.source - a.one)
    return a.start * (a.source - a.one) + i * (a.end - a.start) * (a.source - a.one) / (a.target - a.one)


COORDINATES: dict[str, Callable[[Any, _Case], Any]] = {
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _symmetric,
    "pytorch_half_pixel": lambda i, a: _half_pixel(i, a) if a.target > 1 else i,
    "align_corners": _align,
    "asymmetric": lambda i, a: i / a.scale,
    "tf_half_pixel_for_nn": lambda i, a: (i + a.half) / a.scale,
    "tf_crop_and_resize": _crop,
}

# the source element of a position; `shrinks`: is the axis made shorter?
NEAREST: dict[str, Callable[[np.float32, bool], int]] = {
    "round_prefer_floor": lambda x, shrinks: math.ceil(Fraction(float(x)) - Fraction(1, 2)),
    "round_prefer_ceil": lambda x, shrinks: math.floor(Fraction(float(x)) + Fraction(1, 2)),
    "floor": lambda x, shrinks: math.floor(x),
    "ceil": lambda x, shrinks: math.ceil(x),
    "simple": lambda x, shrinks: math.ceil(x) if shrinks else math.floor(x),  # before opset 11
}
