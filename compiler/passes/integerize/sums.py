"""Sums that wait for their reader: a quantiser takes the least integers that decide alike, all others the exact sum.

Adding tensors with different scales on their common grid takes integers as long as both scales together. What is
only compared afterwards needs no such grid, so the sum stays a list of terms until something reads it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

from nc.compiler.passes.integerize import align
from nc.compiler.passes.integerize.numbers import Number, Sum
from nc.compiler.passes.integerize.translation import Translation


def exact(t: Translation, form: Sum) -> Number:
    """The sum on the common grid of its terms, computed once for all readers, with its steps pending."""
    key = form.terms
    if key not in t.computed:
        origin, t.build.origin = t.build.origin, form.origin
        t.computed[key] = reduce(lambda a, b: align.total(t, [a, b]), form.terms)
        t.build.origin = origin
    number: Number = t.computed[key]
    return reduce(Number.then, form.steps, number)


def moved(t: Translation, op: Any, form: Sum) -> Number | Sum:
    """The sum behind an operation that moves elements: its terms moved where all are of one shape and one scale."""
    shapes = {t.build.type(n.value).shape for n in form.terms}
    if len(shapes) > 1 or any(n.axis is not None for n in form.terms) or op.name not in _FREE:
        return align.layout(t, op, exact(t, form))
    return replace(form, terms=tuple(replace(n, value=t.build.add(op, n.value)) for n in form.terms))


_FREE = frozenset({"reshape", "transpose", "slice", "gather", "take"})  # these copy wires, not words
