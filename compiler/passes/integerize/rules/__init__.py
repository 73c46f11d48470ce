"""How each operation of the float graph acts on numbers: one rule an operation, found by table.

A rule receives the translation in progress, the node, and its operands' forms, and returns the result's form. What
stays linear moves into scale and offset; what needs integers is emitted at once.
"""

from __future__ import annotations

from nc.compiler.passes.integerize.rules import (
    addition,
    comparisons,
    layout,
    linear,
    lookups,
    quantisers,
    reductions,
    trees,
)
from nc.compiler.passes.integerize.rules.functions import function
from nc.compiler.passes.integerize.rules.registry import RULES, Rule, need_number
from nc.compiler.passes.integerize.translation import Translation
from nc.ir.ops.unary import RealFunction

_OTHER = "the table in README.md lists the operators that compile"
_COMPARISON = "compare by Sign or BipolarQuant of a difference, and choose by Min, Max or a constant condition"
_INSTEAD = {"equal": _COMPARISON}


def find_rule(t: Translation) -> Rule:
    """The rule of the node's operation. Raises NC301 when it has none."""
    name = t.node.op.name
    if name in RULES:
        return RULES[name]
    if isinstance(t.node.op, RealFunction):
        return function
    return t.refuse("NC301", f"'{name}' must have an integer form, and has none", _INSTEAD.get(name, _OTHER))


__all__ = [
    "addition", "comparisons", "find_rule", "layout", "linear", "lookups", "need_number", "quantisers", "reductions",
    "trees",
]  # fmt: skip
