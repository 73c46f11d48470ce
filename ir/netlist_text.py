"""Text form of a netlist: one line a type, port and cell; `parse_netlist(print_netlist(n))` is `n` again.

netlist half_adder nets 6
type $_XOR_ (A, B) -> (Y) = A^B
input a = 2
input b = 3
cell 0 $_XOR_ 2 3 -> 4
output s = 4
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NoReturn

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.ir.netlist import Netlist, Port
from nc.ir.netlist_cells import CellType

_TYPE = re.compile(r"type (\S+) \(([^)]*)\) -> \(([^)]*)\) = (.*?)(?: clock (\w+))?$")
_CELL = re.compile(r"cell (\S+) (\S+)((?: \d+)*) ->((?: \d+)*)(?: init (\d+))?$")
_PORT = re.compile(r"(?:input|output) (\S+) =((?: \d+)*)$")


def _quoted(name: str) -> str:
    """Names with blanks are written as JSON strings with the blanks escaped, so that a line splits on blanks."""
    return json.dumps(name).replace(" ", "\\u0020") if re.search(r'[\s"]', name) or not name else name


def _unquoted(word: str) -> str:
    return str(json.loads(word)) if word.startswith('"') else word


def print_netlist(netlist: Netlist) -> str:
    """The text form; deterministic."""
    rows = [f"netlist {_quoted(netlist.name)} nets {netlist.n_nets}"]
    for kind in netlist.types:
        clock = f" clock {kind.clock}" if kind.clock else ""
        pins = f"({', '.join(kind.inputs)}) -> ({', '.join(kind.outputs)})"
        rows.append(f"type {kind.name} {pins} = {'; '.join(kind.functions)}{clock}")
    for side, ports in (("input", netlist.inputs), ("output", netlist.outputs)):
        rows += [f"{side} {_quoted(p.name)} =" + "".join(f" {net}" for net in p.nets.tolist()) for p in ports]
    rows += [f"net {number} {_quoted(name)}" for number, name in sorted(netlist.net_names.items())]
    for cell in range(netlist.n_cells):
        kind, nets = netlist.type_of(cell), netlist.pins_of(cell)
        n = len(kind.inputs)
        name = _quoted(netlist.cell_names[cell]) if netlist.cell_names else str(cell)
        left, right = ("".join(f" {net}" for net in part) for part in (nets[:n], nets[n:]))
        init = f" init {netlist.init[cell]}" if kind.sequential else ""
        rows.append(f"cell {name} {kind.name}{left} ->{right}{init}")
    return "\n".join(rows) + "\n"


class _Parser:
    def __init__(self, file: str) -> None:
        self.file = file
        self.name, self.n_nets = "", 2
        self.types: dict[str, CellType] = {}
        self.ports: dict[str, list[Port]] = {"input": [], "output": []}
        self.net_names: dict[int, str] = {}
        self.cells: list[tuple[str, str, list[int], int]] = []

    def refuse(self, row: str, expected: str, number: int) -> NoReturn:
        fail("NC286", f"line {number} must be {expected}, not '{row}'", where=Where(self.file))

    def netlist(self, row: str, number: int) -> None:
        if not (match := re.fullmatch(r"netlist (\S+) nets (\d+)", row)):
            self.refuse(row, "'netlist NAME nets N'", number)
        self.name, self.n_nets = _unquoted(match[1]), int(match[2])

    def type(self, row: str, number: int) -> None:
        if not (match := _TYPE.match(row)):
            self.refuse(row, "'type NAME (inputs) -> (outputs) = functions'", number)
        inputs, outputs = (tuple(filter(None, str(part).split(", "))) for part in match.group(2, 3))
        functions = tuple(match[4].split("; ")) if outputs else ()
        self.types[match[1]] = CellType(match[1], inputs, outputs, functions, match[5] or "")

    def port(self, row: str, number: int) -> None:
        if not (match := _PORT.match(row)):
            self.refuse(row, "'input|output NAME = nets'", number)
        nets = np.array([int(word) for word in match[2].split()], np.int32)
        self.ports[row.split(" ", 1)[0]].append(Port(_unquoted(match[1]), nets))

    def net(self, row: str, number: int) -> None:
        words = row.split()
        if len(words) != 3 or not words[1].isdigit():
            self.refuse(row, "'net NUMBER NAME'", number)
        self.net_names[int(words[1])] = _unquoted(words[2])

    def cell(self, row: str, number: int) -> None:
        if not (match := _CELL.match(row)):
            self.refuse(row, "'cell NAME TYPE nets -> nets'", number)
        if match[2] not in self.types:
            fail("NC284", f"line {number}: cell type '{match[2]}' must be declared before it is used")
        pins = [int(word) for part in match.group(3, 4) for word in part.split()]
        self.cells.append((_unquoted(match[1]), match[2], pins, int(match[5] or 0)))

    def build(self) -> Netlist:
        number = {name: i for i, name in enumerate(self.types)}
        start = np.zeros(len(self.cells) + 1, np.int64)
        np.cumsum([len(pins) for _, _, pins, _ in self.cells], out=start[1:])
        plain = all(name == str(i) for i, (name, _, _, _) in enumerate(self.cells))
        return Netlist(
            self.name,
            tuple(self.types.values()),
            np.array([number[kind] for _, kind, _, _ in self.cells], np.int32),
            start,
            np.array([net for _, _, pins, _ in self.cells for net in pins], np.int32),
            self.n_nets,
            tuple(self.ports["input"]),
            tuple(self.ports["output"]),
            np.array([init for _, _, _, init in self.cells], np.uint8),
            () if plain else tuple(name for name, _, _, _ in self.cells),
            self.net_names,
        ).verify()


def parse_netlist(text: str, file: str = "") -> Netlist:
    """Read the text form; errors (NC286) name the line."""
    parser = _Parser(file)
    verbs: dict[str, Callable[[str, int], None]] = {
        "netlist": parser.netlist,
        "type": parser.type,
        "input": parser.port,
        "output": parser.port,
        "net": parser.net,
        "cell": parser.cell,
    }
    for number, row in enumerate(text.splitlines(), 1):
        if not row or row.startswith("#"):
            continue
        verb = verbs.get(row.split(" ", 1)[0])
        if verb is None:
            fail("NC286", f"line {number} must start with {', '.join(verbs)}, not '{row}'", where=Where(file))
        verb(row, number)
    return parser.build()
