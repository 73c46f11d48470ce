"""Reads AIGER 1.9 files (ascii `aag`, binary `aig`): and-inverter graphs with latches, as a Netlist of Yosys gates.

Format: A. Biere, "The AIGER And-Inverter Graph (AIG) Format", 2007; latch reset values of 1.9 (2011).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from nc.ir.diagnostics import Where, fail
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import YOSYS_GATES

CLOCK = "clk"
"""Name of the clock port given to files with latches."""


@dataclass
class _Aig:
    """Literals as in the file: 2 * variable + inverted."""

    inputs: list[int]
    latches: list[tuple[int, int, int]]
    outputs: list[int]
    ands: list[tuple[int, int, int]]
    symbols: dict[str, str] = field(default_factory=dict)


def read_aiger(path: Path) -> Netlist:
    """The netlist of an AIGER file; ports from the symbol table (`name[3]` are bits of a bus), else `i0…`, `o0…`.

    Errors: NC286 names the line, or the byte of a binary section.
    """
    raw, where = path.read_bytes(), Where(str(path))
    head, _, rest = raw.partition(b"\n")
    words = head.decode("ascii", "replace").split()
    if len(words) < 6 or words[0] not in ("aig", "aag") or not all(w.isdigit() for w in words[1:]):
        text = head[:40].decode("ascii", "replace")
        fail("NC286", f"AIGER file must start with 'aig M I L O A' or 'aag M I L O A', not '{text}'", where=where)
    counts = [int(w) for w in words[1:]]
    if any(counts[5:]):
        fail("NC286", "AIGER file must have no bad-state, constraint, justice or fairness sections", where=where)
    aig = (_binary if words[0] == "aig" else _ascii)(counts[:5], rest, len(head) + 1, where)
    limit = 2 * counts[0] + 1
    used = [*aig.outputs, *(x for row in aig.latches for x in row[:2]), *(x for row in aig.ands for x in row)]
    if used and max(used) > limit:
        fail("NC286", f"AIGER literal must be at most {limit}, not {max(used)}", where=where)
    return _netlist(aig, path.stem)


def _lines(rest: bytes, count: int, first: int, where: Where) -> tuple[list[list[int]], bytes]:
    rows = []
    for i in range(count):
        line, end, rest = rest.partition(b"\n")
        words = line.split()
        if not end and not line or not words or not all(w.isdigit() for w in words):
            text = line[:40].decode("ascii", "replace")
            fail("NC286", f"line {first + i} must hold literals, not '{text}'", where=where)
        rows.append([int(w) for w in words])
    return rows, rest


def _latch(row: Sequence[int], where: Where) -> tuple[int, int, int]:
    reset = row[2] if len(row) > 2 else 0
    return row[0], row[1], reset if reset in (0, 1) else 0


def _symbols(rest: bytes) -> dict[str, str]:
    found = {}
    for line in rest.split(b"\n"):
        if line == b"c":
            break
        if match := re.fullmatch(rb"([ilo]\d+) (.*)", line):
            found[match[1].decode()] = match[2].decode("utf-8", "replace")
    return found


def _need(rows: list[list[int]], width: int, what: str, where: Where) -> None:
    for row in rows:
        if len(row) < width:
            fail("NC286", f"{what} must have {width} literals, not {len(row)}", where=where)


def _ascii(counts: list[int], rest: bytes, offset: int, where: Where) -> _Aig:
    _, n_in, n_latch, n_out, n_and = counts
    rows, tail = _lines(rest, n_in + n_latch + n_out + n_and, 2, where)
    inputs, rows = rows[:n_in], rows[n_in:]
    latches, outputs, ands = rows[:n_latch], rows[n_latch : n_latch + n_out], rows[n_latch + n_out :]
    _need(latches, 2, "latch", where)
    _need(ands, 3, "and gate", where)
    triples = [(row[0], row[1], row[2]) for row in ands]
    return _Aig(
        [r[0] for r in inputs], [_latch(r, where) for r in latches], [r[0] for r in outputs], triples, _symbols(tail)
    )


def _binary(counts: list[int], rest: bytes, offset: int, where: Where) -> _Aig:
    m, n_in, n_latch, n_out, n_and = counts
    if m != n_in + n_latch + n_and:
        fail("NC286", f"binary AIGER must have M = I + L + A = {n_in + n_latch + n_and}, not {m}", where=where)
    rows, body = _lines(rest, n_latch + n_out, 2, where)
    at, start = 0, offset + len(rest) - len(body)

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            if at >= len(body):
                fail("NC286", f"and gates must end before byte {start + at}, where the file ends", where=where)
            byte = body[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if not byte & 128:
                return value

    ands = []
    for i in range(n_and):
        left = 2 * (n_in + n_latch + i + 1)
        high = left - number()
        low = high - number()
        if low < 0 or high >= left:
            fail("NC286", f"and gate {i} must read smaller literals; its bytes end at {start + at}", where=where)
        ands.append((left, high, low))
    inputs = [2 * (i + 1) for i in range(n_in)]
    latches = [_latch([2 * (n_in + i + 1), *row], where) for i, row in enumerate(rows[:n_latch])]
    return _Aig(inputs, latches, [row[0] for row in rows[n_latch:]], ands, _symbols(body[at:]))


def buses(names: list[str]) -> list[tuple[str, list[int]]]:
    """Consecutive `x[0]`, `x[1]`, … as one bus `x`; (port name, positions in the file)."""
    found: list[tuple[str, list[int]]] = []
    taken: set[str] = set()
    for i, name in enumerate(names):
        match = re.fullmatch(r"(.+)\[(\d+)\]", name)
        if match and int(match[2]) and found and found[-1][0] == match[1] and len(found[-1][1]) == int(match[2]):
            found[-1][1].append(i)
            continue
        base = match[1] if match and match[2] == "0" else name
        base = base if base not in taken else f"{base}_{i}"
        taken.add(base)
        found.append((base, [i]))
    return found


def _refuse_undefined(literal: int, where: str) -> NoReturn:
    fail("NC286", f"literal {literal} of {where} must be an input, a latch or an and gate")


def _netlist(aig: _Aig, name: str) -> Netlist:
    make = NetlistBuilder(re.sub(r"\W", "_", name) or "top", YOSYS_GATES)
    net = {0: 0, 1: 1}
    names = [aig.symbols.get(f"i{i}", f"i{i}") for i in range(len(aig.inputs))]
    for port, positions in buses(names):
        for position, made in zip(positions, make.input(port, len(positions))):
            net[aig.inputs[position]] = made
    clock = make.input(CLOCK, 1)[0] if aig.latches else 0
    for literal, _, _ in aig.latches:
        net[literal] = make.nets(1)[0]
    for literal, _, _ in aig.ands:
        net[literal] = make.nets(1)[0]

    def of(literal: int, what: str) -> int:
        if literal in net:
            return net[literal]
        if literal ^ 1 not in net:
            _refuse_undefined(literal, what)
        net[literal] = make.cell("$_NOT_", [net[literal ^ 1]])[0]
        return net[literal]

    for left, a, b in aig.ands:
        make.cell("$_AND_", [of(a, f"and {left}"), of(b, f"and {left}")], [net[left]])
    for left, following, reset in aig.latches:
        make.cell("$_DFF_P_", [of(following, f"latch {left}"), clock], [net[left]], init=reset)
    names = [aig.symbols.get(f"o{i}", f"o{i}") for i in range(len(aig.outputs))]
    for port, positions in buses(names):
        make.output(port, [of(aig.outputs[i], port) for i in positions])
    return make.build()
