"""Reads BLIF (.model .inputs .outputs .names .gate .subckt .latch): logic with covers becomes a Netlist.

Format: "Berkeley Logic Interchange Format", UC Berkeley, 1992.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from nc.compiler.frontends.aiger import buses
from nc.ir.diagnostics import Where, fail
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import YOSYS_GATES, CellType

_IGNORED = frozenset(
    {".default_input_arrival", ".default_output_required", ".input_arrival", ".output_required", ".area", ".delay"}
    | {".wire_load_slope", ".wire", ".input_drive", ".default_input_drive", ".output_load", ".default_output_load"}
    | {".clock", ".end"}
)
"""Timing annotations, which a netlist does not carry."""


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Logical lines: comments cut, `\\` continuations joined; with the number of the first physical line."""
    held, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        row = line.split("#", 1)[0].rstrip()
        first = first or number
        if row.endswith("\\"):
            held += row[:-1] + " "
            continue
        if words := (held + row).split():
            yield first, words
        held, first = "", 0


def cover_function(rows: list[str], pins: tuple[str, ...]) -> str | None:
    """A `.names` cover as a Boolean expression; None when it is malformed."""
    if not pins:
        return "1" if rows and rows[-1] == "1" else "0" if not rows or rows[-1] == "0" else None
    terms, phases = [], set()
    for row in rows:
        words = row.split()
        if len(words) != 2 or not re.fullmatch(f"[01-]{{{len(pins)}}}", words[0]) or words[1] not in ("0", "1"):
            return None
        phases.add(words[1])
        used = [(p if bit == "1" else f"!{p}") for bit, p in zip(words[0], pins) if bit != "-"]
        terms.append("&".join(used) if used else "1")
    if len(phases) > 1:
        return None
    if not terms:
        return "0"
    text = "|".join(f"({term})" for term in terms)
    return text if phases == {"1"} else f"!({text})"


def read_blif(path: Path, *, library: Mapping[str, CellType] | None = None) -> Netlist:
    """The first model of a BLIF file. `library` gives the cells of `.gate` and `.subckt` lines, besides Yosys' gates.

    Latches become `$_DFF_P_` with a clock port `clk` (or the clock they name). Errors: NC284, NC286 with the line.
    """
    return _Reader(path, {**YOSYS_GATES, **(library or {})}).read()


class _Reader:
    def __init__(self, path: Path, library: Mapping[str, CellType]):
        self.where = Where(str(path))
        self.text = path.read_text(errors="replace")
        self.library = dict(library)
        self.name = path.stem
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.gates: list[tuple[str, list[str], list[str], int, int]] = []
        self.cover: tuple[int, list[str], list[str]] | None = None
        self.covers: dict[tuple[str, ...], str] = {}
        self.clock = ""
        self.models = 0

    def refuse(self, line: int, message: str) -> NoReturn:
        fail("NC286", f"line {line}: {message}", where=self.where)

    def close_cover(self) -> None:
        if self.cover is None:
            return
        line, signals, rows = self.cover
        self.cover = None
        pins = tuple(f"i{k}" for k in range(len(signals) - 1))
        function = cover_function(rows, pins)
        if function is None:
            self.refuse(line, f"cover of '{signals[-1]}' must be rows of 0, 1, - and one output value")
        key = (str(len(pins)), function)
        name = self.covers.setdefault(key, f"lut{len(pins)}_{len(self.covers)}")
        self.library[name] = CellType(name, pins, ("o",), (function,))
        self.gates.append((name, signals[:-1], [signals[-1]], 0, line))

    def instance(self, line: int, words: list[str]) -> None:
        if len(words) < 3 or not all("=" in word for word in words[2:]):
            self.refuse(line, f"{words[0]} must be '{words[0]} CELL pin=net ...'")
        if words[1] not in self.library:
            fail("NC284", f"line {line}: cell type must be in the library, not '{words[1]}'", where=self.where)
        kind = self.library[words[1]]
        joined = dict(word.split("=", 1) for word in words[2:])
        if set(joined) - set(kind.pins) or set(kind.inputs) - set(joined):
            fail("NC284", f"line {line}: cell '{kind.name}' must have pins {', '.join(kind.pins)}", where=self.where)
        driven = [joined.get(pin, f"$open{line}_{pin}") for pin in kind.outputs]
        self.gates.append((kind.name, [joined[pin] for pin in kind.inputs], driven, 0, line))

    def latch(self, line: int, words: list[str]) -> None:
        if not 3 <= len(words) <= 6:
            self.refuse(line, ".latch must be '.latch input output [type control] [init]'")
        init = 1 if len(words) in (4, 6) and words[-1] == "1" else 0
        clock = words[4] if len(words) > 4 and words[4] != "NIL" else ""
        if clock and self.clock and clock != self.clock:
            self.refuse(line, f"latches must share one clock, not '{clock}' and '{self.clock}'")
        self.clock = self.clock or clock
        self.gates.append(("$_DFF_P_", [words[1], ""], [words[2]], init, line))

    def statement(self, line: int, words: list[str]) -> None:
        verb = words[0]
        if not verb.startswith("."):
            if self.cover is None:
                self.refuse(line, f"must start with a '.' command, not '{' '.join(words)[:40]}'")
            self.cover[2].append(" ".join(words))
            return
        self.close_cover()
        if verb == ".model":
            self.models += 1
            self.name = words[1] if len(words) > 1 and self.models == 1 else self.name
        elif verb == ".inputs":
            self.inputs += words[1:]
        elif verb == ".outputs":
            self.outputs += words[1:]
        elif verb == ".names":
            if len(words) < 2:
                self.refuse(line, "'.names' must name a net")
            self.cover = (line, words[1:], [])
        elif verb in (".gate", ".subckt"):
            self.instance(line, words)
        elif verb == ".barbuf" and len(words) == 3:  # ABC's name for a wire between two nets
            self.cover = (line, words[1:], ["1 1"])
            self.close_cover()
        elif verb == ".latch":
            self.latch(line, words)
        elif verb not in _IGNORED:
            self.refuse(line, f"command '{verb}' must be one of .names .gate .subckt .latch")

    def read(self) -> Netlist:
        for line, words in _statements(self.text):
            if words[0] == ".model" and self.models:
                break
            self.statement(line, words)
        self.close_cover()
        if not self.models:
            fail("NC286", "BLIF file must have a '.model'", where=self.where)
        return self.build()

    def build(self) -> Netlist:
        make = NetlistBuilder(re.sub(r"\W", "_", self.name), self.library)
        net: dict[str, int] = {}
        latched = any(kind == "$_DFF_P_" and pins[-1] == "" for kind, pins, _, _, _ in self.gates)
        clock = self.clock or "clk"
        names = self.inputs + ([clock] if latched and clock not in self.inputs else [])
        for port, positions in buses(names):
            net.update(zip((names[i] for i in positions), make.input(port, len(positions))))
        driven = [signal for _, _, outputs, _, _ in self.gates for signal in outputs]
        for signal in driven:
            if signal not in net:
                net[signal] = make.nets(1)[0]
                make.net_names[net[signal]] = signal
        for kind, inputs, outputs, init, line in self.gates:
            wanted = [signal or clock for signal in inputs]
            for signal in wanted:
                if signal not in net:
                    self.refuse(line, f"net '{signal}' must be driven by an input or a gate")
            make.cell(kind, [net[s] for s in wanted], [net[s] for s in outputs], init=init)
        for signal in self.outputs:
            if signal not in net:
                fail("NC286", f"output '{signal}' must be driven by an input or a gate", where=self.where)
        for port, positions in buses(self.outputs):
            make.output(port, [net[self.outputs[i]] for i in positions])
        return make.build()
