"""Boolean expressions of Liberty (`!A`, `A'`, `A*B`, `A B`, `A+B`, `A^B`) as truth tables.

Row r of a table is the value at the input state whose bit i is input i: bit r of the returned integer.
Grammar and precedence: Liberty user guide, "function" attribute (not, then xor, then and, then or).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_\[\]]*|[01]|[!'*&+|^()])")


MOST_INPUTS = 16
"""Of a cell: its table has a bit for each state."""


def truth_table(expression: str, inputs: Sequence[str]) -> int:
    """Truth table of `expression` over `inputs` as an integer of 2**len(inputs) bits.

    Raises ValueError naming what cannot be read.

    >>> bin(truth_table("!(A * B)", ["A", "B"]))
    '0b111'
    """
    if len(inputs) > MOST_INPUTS:
        raise ValueError(f"{len(inputs)} inputs")
    tokens = _tokens(expression)
    rows = 1 << len(inputs)
    full = (1 << rows) - 1
    columns = {name: sum(1 << r for r in range(rows) if r >> i & 1) for i, name in enumerate(inputs)} | {
        "0": 0,
        "1": full,
    }
    parser = _Parser(tokens, columns, full)
    value = parser.disjunction()
    if parser.next != "":
        raise ValueError(f"unexpected '{parser.next}' in '{expression}'")
    return value


def _tokens(expression: str) -> list[str]:
    tokens, at = [], 0
    text = expression.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"unexpected '{text[at]}' in '{expression}'")
        tokens.append(match.group(1))
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent over tokens; every rule returns the truth table of what it read."""

    def __init__(self, tokens: list[str], columns: dict[str, int], full: int):
        self.tokens, self.columns, self.full, self.at = tokens, columns, full, 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next
        self.at += 1
        return token

    def disjunction(self) -> int:
        value = self.conjunction()
        while self.next in ("+", "|"):
            self.take()
            value |= self.conjunction()
        return value

    def conjunction(self) -> int:
        value = self.exclusive()
        # juxtaposition is a conjunction, so anything that can start an operand continues this rule
        while self.next and self.next not in ("+", "|", ")"):
            if self.next in ("*", "&"):
                self.take()
            value &= self.exclusive()
        return value

    def exclusive(self) -> int:
        value = self.operand()
        while self.next == "^":
            self.take()
            value ^= self.operand()
        return value

    def operand(self) -> int:
        token = self.take()
        if token == "!":
            return self.operand() ^ self.full
        if token == "(":
            value = self.disjunction()
            if self.take() != ")":
                raise ValueError("a parenthesis is not closed")
        elif token in self.columns:
            value = self.columns[token]
        else:
            raise ValueError(f"'{token}' is no input" if token else "an operand is missing")
        while self.next == "'":
            self.take()
            value ^= self.full
        return value
