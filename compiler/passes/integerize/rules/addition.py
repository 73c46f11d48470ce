"""Sums and differences: a constant moves the offset; an activation becomes a term of a sum that waits for a reader."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from nc.compiler.passes.integerize import align
from nc.compiler.passes.integerize.numbers import Form, Known, Number, Sum
from nc.compiler.passes.integerize.rules.linear import along_line, joint, negated
from nc.compiler.passes.integerize.rules.registry import need_number, rule
from nc.compiler.passes.integerize.translation import Translation

MOST_TERMS = 3  # a longer sum is computed where it stands: every reader would add all its terms again


@rule("add", "sub")
def _add(t: Translation, op: Any, operands: list[Form]) -> Form:
    a, b = operands
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(op.evaluate(a.real[None], b.real[None])[0])
    negate = op.name == "sub"
    if isinstance(b, Known):
        return along_line(t, a, b, lambda v: (Fraction(1), -v if negate else v))
    if isinstance(a, Known):
        return along_line(t, negated(t, b) if negate else b, a, lambda v: (Fraction(1), v))
    if (found := joint(t, op, a, b)) is not None:
        return found
    return added(t, a, negated(t, b) if negate else b)


def added(t: Translation, a: Form, b: Form) -> Number | Sum:
    """a + b. Numbers with the same scales are added at once: nothing could be saved."""
    first, second = _terms(t, a), _terms(t, b)
    if len(first) + len(second) > MOST_TERMS:
        first, second = [_number(t, a)], [_number(t, b)]
    terms = _aligned(t, first + second)
    if len(terms) == 2 and (terms[0].scale == terms[1].scale or terms[0].value == terms[1].value):
        return align.total(t, terms)
    return Sum(tuple(terms), t.node.origin)


def _terms(t: Translation, form: Form) -> list[Number]:
    if isinstance(form, Sum) and not form.steps:
        return list(form.terms)
    return [_number(t, form)]


def _number(t: Translation, form: Form) -> Number:
    return align.settled(t, need_number(t, form))


def _aligned(t: Translation, terms: list[Number]) -> list[Number]:
    """All of one rank, and with as many channels along one axis."""
    terms = [n.narrowed() for n in align.same_axis(t, align.same_rank(t, terms))]
    axis = next((n.axis for n in terms if n.axis is not None), None)
    if axis is None:
        return terms
    return [n.widened(axis, max(n.channels for n in terms)) for n in terms]
