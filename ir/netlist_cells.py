"""Cell types of a netlist: pins, Boolean functions in Liberty's notation, and Yosys' own gates as a library."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import numpy as np

from nc.ir.diagnostics import fail

Words = np.ndarray[Any, np.dtype[np.uint64]]
Function = Callable[..., Words]

_TOKEN = re.compile(r"\s*([A-Za-z_]\w*|[01()&|^~!*+])")
_PYTHON = {"!": "~", "*": "&", "+": "|", "0": "ZERO", "1": "ONES"}
_ALLOWED = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Name, ast.Load, ast.BitAnd, ast.BitOr, ast.BitXor, ast.Invert)


@lru_cache(maxsize=4096)
def compile_function(text: str, pins: tuple[str, ...]) -> Function:
    """A Boolean expression over `pins` as a function of that many uint64 arrays, one bit a vector.

    Liberty's operators: `!` or `~` (not), `&` or `*`, `^`, `|` or `+`, parentheses, `0`, `1`; `!` binds tightest,
    then and, xor, or.

    >>> compile_function("A & !B", ("A", "B"))(np.uint64(0b1100), np.uint64(0b1010))
    np.uint64(4)
    """
    words, at = [], 0
    while at < len(text.rstrip()):
        if not (match := _TOKEN.match(text, at)):
            fail("NC281", f"cell function must be a Boolean expression of pins, not '{text}'", op=text)
        token, at = match[1], match.end()
        if token[0].isalpha() or token[0] == "_":
            if token not in pins:
                fail("NC281", f"cell function must use the pins {', '.join(pins) or '(none)'}, not '{token}'", op=text)
            token = f"p_{token}"
        words.append(_PYTHON.get(token, token))
    try:
        tree = ast.parse(" ".join(words), mode="eval")
    except SyntaxError:
        fail("NC281", f"cell function must be a Boolean expression of pins, not '{text}'", op=text)
    if not all(isinstance(node, _ALLOWED) for node in ast.walk(tree)):
        fail("NC281", f"cell function must be a Boolean expression of pins, not '{text}'", op=text)
    body: ast.expr = tree.body
    arguments = [ast.arg(f"p_{pin}") for pin in pins]
    made = ast.Expression(ast.Lambda(ast.arguments([], arguments, None, [], [], None, []), body))
    code = compile(ast.fix_missing_locations(made), f"<cell function {text}>", "eval")
    scope = {"ZERO": np.uint64(0), "ONES": np.uint64(0xFFFFFFFFFFFFFFFF), "__builtins__": {}}
    function: Function = eval(code, scope)  # noqa: S307  (a lambda over the node kinds allowed above)
    return function


@dataclass(frozen=True)
class CellType:
    """A kind of cell. `functions[i]` gives output i from the input pins.

    With a `clock` pin the cell is a flip-flop: each output is a state bit, its function the next state (it may read
    the output's own name), taken at the rising edge.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    functions: tuple[str, ...]
    clock: str = ""

    def __post_init__(self) -> None:
        if len(self.functions) != len(self.outputs):
            fail("NC281", f"cell type '{self.name}' must have one function an output, not {len(self.functions)}")
        if len(set(self.pins)) != len(self.pins):
            fail("NC281", f"cell type '{self.name}' must not name a pin twice: {', '.join(self.pins)}")
        if self.clock and self.clock not in self.inputs:
            fail("NC281", f"clock '{self.clock}' of cell type '{self.name}' must be one of its inputs")

    @property
    def pins(self) -> tuple[str, ...]:
        return self.inputs + self.outputs

    @property
    def sequential(self) -> bool:
        return bool(self.clock)

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names that a compiled function takes, in order: the inputs, and for a flip-flop its outputs too."""
        return self.inputs + (self.outputs if self.sequential else ())

    @cached_property
    def compiled(self) -> tuple[Function, ...]:
        return tuple(compile_function(text, self.arguments) for text in self.functions)

    def truth_table(self, output: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Value of an output for all combinations of `arguments`; argument i is bit i of the row number."""
        n = len(self.arguments)
        rows = np.arange(1 << n, dtype=np.uint64)
        columns = [(rows >> np.uint64(i)) & np.uint64(1) for i in range(n)]
        found = np.broadcast_to(self.compiled[output](*columns) & np.uint64(1), rows.shape)
        return np.asarray(found, dtype=np.uint8)


def from_truth_table(name: str, inputs: Sequence[str], table: Sequence[int], output: str = "Y") -> CellType:
    """A combinational type from its truth table (input i is bit i of the row number), as a sum of products."""
    if len(table) != 1 << len(inputs):
        fail("NC281", f"truth table of '{name}' must have {1 << len(inputs)} rows, not {len(table)}")
    invert = sum(map(bool, table)) > len(table) // 2
    terms = [
        "(" + "&".join(pin if row >> i & 1 else f"!{pin}" for i, pin in enumerate(inputs)) + ")"
        for row, value in enumerate(table)
        if bool(value) != invert
    ]
    text = "|".join(terms) if inputs else str(int(bool(table[0])))
    if inputs and not terms:
        text, invert = ("1" if invert else "0"), False
    return CellType(name, tuple(inputs), (output,), (f"!({text})" if invert and inputs else text,))


def library(types: Iterable[CellType]) -> Mapping[str, CellType]:
    return {each.name: each for each in types}


def _yosys_flip_flops() -> Iterable[CellType]:
    """`$_DFF_P_` and its relatives with enable and synchronous reset; falling-edge clocks count as the one clock."""

    def literal(polarity: str, pin: str) -> str:
        return pin if polarity == "P" else f"!{pin}"

    for c in "PN":
        yield CellType(f"$_DFF_{c}_", ("D", "C"), ("Q",), ("D",), "C")
        for e in "PN":
            on = literal(e, "E")
            yield CellType(f"$_DFFE_{c}{e}_", ("D", "C", "E"), ("Q",), (f"({on}&D)|(!({on})&Q)",), "C")
        for r, v in product("PN", "01"):
            on = literal(r, "R")
            loaded = f"(({on})&{v})|(!({on})&D)"
            yield CellType(f"$_SDFF_{c}{r}{v}_", ("D", "C", "R"), ("Q",), (loaded,), "C")
            for e in "PN":
                en = literal(e, "E")
                held = f"(({en})&D)|(!({en})&Q)"
                pins = ("D", "C", "R", "E")
                yield CellType(f"$_SDFFE_{c}{r}{v}{e}_", pins, ("Q",), (f"(({on})&{v})|(!({on})&({held}))",), "C")
                yield CellType(f"$_SDFFCE_{c}{r}{v}{e}_", pins, ("Q",), (f"(({en})&({loaded}))|(!({en})&Q)",), "C")


def _gate(name: str, inputs: str, function: str) -> CellType:
    return CellType(name, tuple(inputs), ("Y",), (function,))


YOSYS_GATES: Mapping[str, CellType] = library(
    [
        _gate("$_BUF_", "A", "A"),
        _gate("$_NOT_", "A", "!A"),
        _gate("$_AND_", "AB", "A&B"),
        _gate("$_NAND_", "AB", "!(A&B)"),
        _gate("$_OR_", "AB", "A|B"),
        _gate("$_NOR_", "AB", "!(A|B)"),
        _gate("$_XOR_", "AB", "A^B"),
        _gate("$_XNOR_", "AB", "!(A^B)"),
        _gate("$_ANDNOT_", "AB", "A&!B"),
        _gate("$_ORNOT_", "AB", "A|!B"),
        _gate("$_MUX_", "ABS", "(S&B)|(!S&A)"),
        _gate("$_NMUX_", "ABS", "!((S&B)|(!S&A))"),
        _gate("$_AOI3_", "ABC", "!((A&B)|C)"),
        _gate("$_OAI3_", "ABC", "!((A|B)&C)"),
        _gate("$_AOI4_", "ABCD", "!((A&B)|(C&D))"),
        _gate("$_OAI4_", "ABCD", "!((A|B)&(C|D))"),
        *_yosys_flip_flops(),
    ]
)
