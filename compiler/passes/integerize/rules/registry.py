"""The table of rules, and what every rule starts from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nc.compiler.passes.integerize import align, sums
from nc.compiler.passes.integerize.numbers import Form, Number, Sum, Whole
from nc.compiler.passes.integerize.translation import Translation

Rule = Callable[[Translation, Any, list[Form]], Form]
RULES: dict[str, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a function as the rule of these operations."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def need_number(t: Translation, form: Form) -> Number:
    """The operand as a number: bare integers stand for themselves, sums are computed, constants become integers."""
    if isinstance(form, Number):
        return form
    if isinstance(form, Sum):
        return sums.exact(t, form)
    return Number(form.value) if isinstance(form, Whole) else align.from_known(t, form)
