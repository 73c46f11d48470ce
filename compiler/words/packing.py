"""Products of single bits with constants: six bits index a table of what they add, a LUT6 an output bit.

Six rows of a column are one operand of its sum instead of as many as their weights have digits (distributed
arithmetic: Croisier et al., US patent 3,777,130, 1973; Peled and Liu, IEEE Trans. ASSP 22, 1974). Rows of like
magnitude go together, so that small weights make narrow tables.
"""

from __future__ import annotations

import numpy as np

from nc.compiler.words.matvec import AdderProgram
from nc.ir.words import Term, WordBuilder
from nc.ir.words.graph import IntArray, bit_width

GROUP = 6

Group = tuple[IntArray, IntArray, int, int]
"""(rows, entries of the table, shift, what to add for the entries to begin at 0)"""


def groups(column: IntArray) -> list[Group]:
    """The tables of one column of weights."""
    rows = np.flatnonzero(column)
    rows = rows[np.argsort(np.abs(column[rows]), kind="stable")]
    found: list[Group] = []
    for first in range(0, len(rows), GROUP):
        members = np.sort(rows[first : first + GROUP])
        weights = column[members]
        joined = int(np.bitwise_or.reduce(np.abs(weights)))
        shift = (joined & -joined).bit_length() - 1
        codes = np.arange(1 << len(members))[:, None] >> np.arange(len(members)) & 1
        entries = codes @ (weights >> shift)
        low = int(entries.min())
        found.append((members, entries - low, shift, low << shift))
    return found


def packed(builder: WordBuilder, bits: list[int], matrix: IntArray, bias: list[int]) -> list[int]:
    """bits @ matrix + bias, one sum of tables a column."""
    made = []
    for column, offset in zip(matrix.T, bias):
        terms, total = [], offset
        for rows, entries, shift, low in groups(column):
            index = builder.sum([Term(bits[row], place) for place, row in enumerate(rows.tolist())])
            terms.append(Term(builder.table(index, entries), shift))
            total += low
        made.append(builder.sum(terms, total))
    return made


def pays(matrix: IntArray, program: AdderProgram, operand: float) -> bool:
    """Whether tables take fewer LUTs than the shared adders of `program`; `operand`: LUTs a bit for one more operand
    of a sum."""
    width = bit_width(np.minimum(matrix, 0).sum(axis=0), np.maximum(matrix, 0).sum(axis=0))
    tables = 0.0
    for column, bits in zip(matrix.T, width.tolist()):
        found = groups(column)
        tables += sum(int(entries.max()).bit_length() for _, entries, _, _ in found)
        tables += operand * max(0, len(found) - 1) * bits
    rows = program.coefficients[program.inputs :]
    shared = bit_width(np.minimum(rows, 0).sum(axis=1), np.maximum(rows, 0).sum(axis=1))
    last = np.maximum(np.diff(program.col_start) - 1, 0)
    # A shared pair is a two-operand adder, which costs a LUT a bit and more without a carry chain.
    adders = max(1.0, 1.5 * operand) * float(shared.sum()) + operand * float((last * width).sum())
    return tables < adders
