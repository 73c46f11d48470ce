"""Comparisons with constants: the integer bound on each channel, exactly."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np

from nc.compiler.passes.integerize import align
from nc.compiler.passes.integerize.numbers import Form, Known, Whole
from nc.compiler.passes.integerize.rules.registry import need_number, rule
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.ops.greater import Greater
from nc.ir.ops.less_equal import LessEqual

_TURNED = {"greater": "less", "less": "greater", "greater_equal": "less_equal", "less_equal": "greater_equal"}


@rule("greater", "greater_equal", "less", "less_equal")
def _compare(t: Translation, op: Any, operands: list[Form]) -> Form:
    """x > c is q > floor((c - offset) / scale): truth values 0 and 1."""
    a, b = operands
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(op.evaluate(a.real[None], b.real[None])[0].astype(np.float64))
    name = op.name if isinstance(b, Known) else _TURNED[op.name]
    known = b if isinstance(b, Known) else a
    if not isinstance(known, Known):
        return t.refuse("NC301", f"'{op.name}' must have a constant on one side",
                        "compare by Sign or BipolarQuant of a difference")  # fmt: skip
    number = align.broadcast(t, need_number(t, a if known is b else b), known.real.shape)
    number = align.rising(t, align.settled(t, number))
    view = known.view(t.build.type(number.value).rank)
    if view is None or None not in (view[0], number.axis) and view[0] != number.axis:
        return t.refuse("NC304", f"the constant of '{op.name}' must vary along one axis at most")
    if view[0] is not None:
        number = align.along(t, number, view[0])
    count = max(len(view[1]), number.channels)
    bounds = view[1] * count if len(view[1]) == 1 else view[1]
    number = number if number.channels == count or number.axis is None else number.widened(number.axis, count)
    kind = t.build.type(number.value).int
    limits = []
    for i, bound in enumerate(bounds):
        scale, offset = number.scale[i % number.channels], number.offset[i % number.channels]
        limits.append(min(max(_last(name, bound - offset, scale, kind.lo - 1, kind.hi), kind.lo - 1), kind.hi))
    limit = align.by_channel(t, number.value, tuple(Fraction(n) for n in limits), number.axis)
    greater = name in ("greater", "greater_equal")
    return Whole(t.build.add(Greater() if greater else LessEqual(), number.value, limit))


def _last(name: str, rest: Fraction, scale: Fraction, least: int, most: int) -> int:
    """The last integer q for which scale * q is not above `rest` (greater, less_equal), or is below it (the others)."""
    inclusive = name in ("greater", "less_equal")
    if not scale:
        below = rest >= 0 if inclusive else rest > 0
        return most if below else least
    place = rest / scale
    return floor(place) if inclusive else ceil(place) - 1
