"""A mapped netlist: cells of a technology on nets, with area, leakage over data, delay and a Verilog writer.

Read from the BLIF that ABC writes; evaluated 64 vectors a machine word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nc.backends.printed.technology import Cell, Technology
from nc.ir.diagnostics import InternalError

Planes = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Gate:
    """A cell instance: `pins` are the nets of the cell's inputs in order, `output` the net that it drives."""

    cell: str
    pins: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class MappedNetlist:
    """Gates in topological order between named ports. `constants` maps nets tied to a rail; `wires` maps output
    ports to another net that they repeat at no cost."""

    technology: Technology
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    gates: tuple[Gate, ...]
    constants: Mapping[str, int] = field(default_factory=dict)
    wires: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(g.cell for g in self.gates).items()))

    @property
    def area_mm2(self) -> float:
        cells = self.technology.cells
        return float(sum(cells[name].area_mm2 * count for name, count in self.counts.items()))

    def evaluate(self, planes: Planes) -> dict[str, np.ndarray]:
        """Every net's packed bits for the packed bits of the inputs (uint64 arrays of one length)."""
        shape = np.shape(next(iter(planes.values()))) if planes else (1,)
        nets = dict(planes)
        ones = np.full(shape, ~np.uint64(0), dtype=np.uint64)
        for net, value in self.constants.items():
            nets[net] = ones if value else np.zeros(shape, dtype=np.uint64)
        cells = self.technology.cells
        for gate in self.gates:
            nets[gate.output] = _apply(cells[gate.cell].table, [nets[p] for p in gate.pins], ones)
        for port, net in self.wires.items():
            nets[port] = nets[net]
        return nets

    def leakage_uw(self, planes: Planes, vectors: int, vdd: str) -> float:
        """Mean leakage in µW over `vectors` packed input vectors, by the state of every gate."""
        return float(sum(self.leakage_by_gate_uw(planes, vectors, vdd)))

    def leakage_by_gate_uw(self, planes: Planes, vectors: int, vdd: str) -> list[float]:
        """Mean leakage of each gate in µW over the first `vectors` packed vectors."""
        nets = self.evaluate(planes)
        words = len(next(iter(planes.values())))
        ones = np.full(words, ~np.uint64(0), dtype=np.uint64)
        if vectors % 64:
            ones[-1] = np.uint64((1 << vectors % 64) - 1)
        ones[(vectors + 63) // 64 :] = 0
        rows = {name: self.technology.cells[name].leakage_by_row(vdd) for name in self.counts}
        leaks = []
        for gate in self.gates:
            leak = 0.0
            for row, value in enumerate(rows[gate.cell]):
                hit = ones.copy()
                for i, pin in enumerate(gate.pins):
                    hit &= nets[pin] if row >> i & 1 else ~nets[pin]
                leak += value * int(np.bitwise_count(hit).sum())
            leaks.append(leak / vectors)
        return leaks

    def power_mw(self, planes: Planes, vectors: int, vdd: str) -> float:
        """Total power: leakage over the data times the technology's factor for internal and switching power."""
        return self.leakage_uw(planes, vectors, vdd) * self.technology.power_over_leakage / 1e3

    def delay_ms(self, vdd: str) -> float:
        """Longest path by the cells' slower edge (a bound: one delay a cell, no slew, no wires)."""
        at: dict[str, float] = {}
        cells = self.technology.cells
        for gate in self.gates:
            arrival = max((at.get(p, 0.0) for p in gate.pins), default=0.0)
            at[gate.output] = arrival + cells[gate.cell].corners[vdd].delay_us / 1e3
        return max((at.get(self.wires.get(o, o), 0.0) for o in self.outputs), default=0.0)

    @cached_property
    def depth(self) -> int:
        """Cells on the longest path."""
        level: dict[str, int] = {}
        for gate in self.gates:
            level[gate.output] = 1 + max((level.get(p, 0) for p in gate.pins), default=0)
        return max(level.values(), default=0)

    def write_blif(self, name: str = "top") -> str:
        """The netlist as mapped BLIF, which `read_mapped_blif` reads back."""
        rows = [f".model {name}", ".inputs " + " ".join(self.inputs), ".outputs " + " ".join(self.outputs)]
        for net, value in self.constants.items():
            rows.append(f".gate {'ONE' if value else 'ZERO'} Y={net}")
        for gate in self.gates:
            cell = self.technology.cells[gate.cell]
            pins = " ".join(f"{pin}={net}" for pin, net in zip(cell.inputs, gate.pins))
            rows.append(f".gate {cell.name} {pins} {cell.output}={gate.output}")
        rows += [f".barbuf {net} {port}" for port, net in self.wires.items()]
        return "\n".join([*rows, ".end", ""])

    def write_logic_blif(self, name: str = "top") -> str:
        """The netlist as plain BLIF logic, without a library: ABC's reader skips the wires of mapped BLIF."""
        rows = [f".model {name}", ".inputs " + " ".join(self.inputs), ".outputs " + " ".join(self.outputs)]
        rows += [f".names {net}" + ("\n1" if value else "") for net, value in self.constants.items()]
        for gate in self.gates:
            cell = self.technology.cells[gate.cell]
            rows.append(f".names {' '.join(gate.pins)} {gate.output}")
            for row in range(1 << len(gate.pins)):
                if cell.table >> row & 1:
                    rows.append("".join(str(row >> i & 1) for i in range(len(gate.pins))) + " 1")
        rows += [f".names {net} {port}\n1 1" for port, net in self.wires.items()]
        return "\n".join([*rows, ".end", ""])

    def write_verilog(self, name: str = "top") -> str:
        """Structural Verilog over the technology's cells, one bit a port (escaped names)."""
        ports = [*self.inputs, *self.outputs]
        rows = [f"module {name}({', '.join(map(_escape, ports))});"]
        rows += [f"  input {_escape(i)};" for i in self.inputs] + [f"  output {_escape(o)};" for o in self.outputs]
        known = set(ports)
        rows += [f"  wire {_escape(g.output)};" for g in self.gates if g.output not in known]
        rows += [f"  wire {_escape(c)};" for c in self.constants if c not in known]
        rows += [f"  assign {_escape(c)} = 1'b{v};" for c, v in self.constants.items()]
        rows += [f"  assign {_escape(port)} = {_escape(net)};" for port, net in self.wires.items()]
        for n, gate in enumerate(self.gates):
            cell = self.technology.cells[gate.cell]
            pins = [f".{pin}({_escape(net)})" for pin, net in zip(cell.inputs, gate.pins)]
            rows.append(f"  {cell.name} g{n}({', '.join([*pins, f'.{cell.output}({_escape(gate.output)})'])});")
        return "\n".join([*rows, "endmodule", ""])


def write_cell_models(technology: Technology) -> str:
    """Behavioural Verilog of the gates, so that a mapped netlist simulates anywhere."""
    rows = []
    for cell in technology.gates:
        minterms = [
            "(" + " & ".join(f"{'' if row >> i & 1 else '~'}{pin}" for i, pin in enumerate(cell.inputs)) + ")"
            for row in range(1 << len(cell.inputs))
            if cell.table >> row & 1
        ]
        rows += [
            f"module {cell.name}({', '.join([*cell.inputs, cell.output])});",
            f"  input {', '.join(cell.inputs)};",
            f"  output {cell.output};",
            f"  assign {cell.output} = {' | '.join(minterms)};",
            "endmodule",
            "",
        ]
    return "\n".join(rows)


def read_mapped_blif(text: str, technology: Technology) -> MappedNetlist:
    """The netlist of ABC's `write_blif` after mapping; a buffer (`.names a b`) is a wire."""
    inputs: list[str] = []
    outputs: list[str] = []
    gates: list[Gate] = []
    constants: dict[str, int] = {}
    wires: dict[str, str] = {}
    lines = text.replace("\\\n", " ").splitlines()
    for at, line in enumerate(lines):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == ".inputs":
            inputs += words[1:]
        elif words[0] == ".outputs":
            outputs += words[1:]
        elif words[0] == ".gate":
            _read_gate(words, technology, gates, constants)
        elif words[0] == ".barbuf":
            wires[words[2]] = words[1]
        elif words[0] == ".names":
            row = lines[at + 1].split() if at + 1 < len(lines) else []
            if len(words) == 2:
                constants[words[1]] = int(row == ["1"])
            elif len(words) == 3 and row == ["1", "1"]:
                wires[words[2]] = words[1]
            else:
                raise InternalError(f"unmapped logic left in the netlist: {line}")
    return MappedNetlist(technology, tuple(inputs), tuple(outputs), _sorted(gates), constants, wires)


def _read_gate(words: Sequence[str], technology: Technology, gates: list[Gate], constants: dict[str, int]) -> None:
    pins = dict(w.split("=", 1) for w in words[2:])
    name = words[1]
    if name in ("ZERO", "ONE"):
        constants[pins["Y"]] = int(name == "ONE")
        return
    cell: Cell = technology.cells[name]
    gates.append(Gate(name, tuple(pins[i] for i in cell.inputs), pins[cell.output]))


def _sorted(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Topological order (ABC already writes one; a user's netlist may not)."""
    driver = {g.output: g for g in gates}
    done: set[str] = set()
    order: list[Gate] = []
    for root in gates:
        stack = [root]
        while stack:
            gate = stack[-1]
            if gate.output in done:
                stack.pop()
                continue
            waiting = [driver[p] for p in gate.pins if p in driver and p not in done]
            if waiting:
                stack += waiting
                continue
            done.add(gate.output)
            order.append(gate)
            stack.pop()
    return tuple(order)


def _apply(table: int, pins: Sequence[np.ndarray], ones: np.ndarray) -> np.ndarray:
    fast = _FAST.get((len(pins), table))
    if fast is not None:
        return fast(*pins)
    out = np.zeros_like(ones)
    for row in range(1 << len(pins)):
        if table >> row & 1:
            term = ones
            for i, pin in enumerate(pins):
                term = term & (pin if row >> i & 1 else ~pin)
            out = out | term
    return out


_FAST: dict[tuple[int, int], Callable[..., np.ndarray]] = {
    (1, 0b01): lambda a: ~a,
    (1, 0b10): lambda a: a,
    (2, 0b0111): lambda a, b: ~(a & b),
    (2, 0b0001): lambda a, b: ~(a | b),
    (2, 0b1000): lambda a, b: a & b,
    (2, 0b1110): lambda a, b: a | b,
    (2, 0b0110): lambda a, b: a ^ b,
    (2, 0b1001): lambda a, b: ~(a ^ b),
}


def _escape(name: str) -> str:
    return name if name.isidentifier() else f"\\{name} "


def pack(bits: np.ndarray) -> np.ndarray:
    """Bits (N,) of 0/1 as uint64 words of 64 vectors, vector 0 in bit 0."""
    padded = np.zeros((len(bits) + 63) // 64 * 64, dtype=np.uint8)
    padded[: len(bits)] = bits
    return np.packbits(padded, bitorder="little").view(np.uint64)


def unpack(words: np.ndarray, vectors: int) -> np.ndarray:
    """The first `vectors` bits of packed words."""
    return np.unpackbits(np.ascontiguousarray(words).view(np.uint8), bitorder="little")[:vectors]
