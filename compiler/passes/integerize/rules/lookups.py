"""Tables over codes: integers in, integers out, nothing real between."""

from __future__ import annotations

from typing import Any

from nc.compiler.passes.integerize.numbers import Form, Whole
from nc.compiler.passes.integerize.rules.registry import need_number, rule
from nc.compiler.passes.integerize.translation import Translation


@rule("lookup", "table_sum", "requantize")
def _codes(t: Translation, op: Any, operands: list[Form]) -> Form:
    number = need_number(t, operands[0])
    if number.steps or set(number.scale) != {1} or set(number.offset) != {0}:
        return t.refuse("NC304", f"the operand of {op.name} must be integer codes", "put nc.lut Codes before it")
    return Whole(t.build.add(op, number.value))
