"""The closed set of WordGraph operations: what each means, its operands and its constants.

| kind | value | operands | p0, p1 |
|---|---|---|---|
| INPUT | a port's element | - | - |
| CONST | p0 | - | value |
| SUM | p0 + sum of +-(x << shift) | 1.. with shift and sign | constant |
| MUL | a * b | 2 | - |
| GE | a >= b + p0 (a >= p0 with one operand) | 1, 2 | offset |
| EQ | a == b + p0 (a == p0 with one operand) | 1, 2 | offset |
| MUX | a if s else b | s, a, b | - |
| MIN, MAX | smallest, greatest | 2.. | - |
| CLAMP | min(max(a, p0), p1) | 1 | low, high |
| SHR | a >> p0, rounding down | 1 | amount |
| BITS | (a >> p0) mod 2**p1, unsigned | 1 | lowest bit, width |
| TABLE | tables[p0][a - p1] | 1 | table, operand value of entry 0 |
| REG | a, one clock later | 1 | - |

On 1-bit values MIN is AND, MAX is OR, `1 - a` is NOT and EQ is XNOR, so no bit operations are needed.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """An operation of the word graph; the number is what the `kind` array holds."""

    INPUT = 0
    CONST = 1
    SUM = 2
    MUL = 3
    GE = 4
    EQ = 5
    MUX = 6
    MIN = 7
    MAX = 8
    CLAMP = 9
    SHR = 10
    BITS = 11
    TABLE = 12
    REG = 13


class Signature(NamedTuple):
    """Least and greatest number of operands (None: any) and how many of p0, p1 carry meaning."""

    least: int
    most: int | None
    params: int


SIGNATURES: dict[Kind, Signature] = {
    Kind.INPUT: Signature(0, 0, 0),
    Kind.CONST: Signature(0, 0, 1),
    Kind.SUM: Signature(1, None, 1),
    Kind.MUL: Signature(2, 2, 0),
    Kind.GE: Signature(1, 2, 1),
    Kind.EQ: Signature(1, 2, 1),
    Kind.MUX: Signature(3, 3, 0),
    Kind.MIN: Signature(2, None, 0),
    Kind.MAX: Signature(2, None, 0),
    Kind.CLAMP: Signature(1, 1, 2),
    Kind.SHR: Signature(1, 1, 1),
    Kind.BITS: Signature(1, 1, 2),
    Kind.TABLE: Signature(1, 1, 2),
    Kind.REG: Signature(1, 1, 0),
}

POPCOUNT_LEAST = 8
"""Sums of at least so many 1-bit operands are one compressor: neither split into adders nor emitted as adders."""
