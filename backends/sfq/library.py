"""SFQ cells as data: pins, junctions, delays, timing limits and state machines, read from a YAML file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nc.ir.diagnostics import Collector, Where, fail, suggest
from nc.ir.netlist_cells import CellType

BUILT_IN = Path(__file__).with_name("cells.yaml")


class CellData(BaseModel):
    """One cell of the file; units ps, uA, um."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    clock: str = ""
    function: dict[str, str] = Field(default_factory=dict)
    jj: int = Field(ge=0)
    delay: float = Field(ge=0)
    bias: float = Field(ge=0)
    width: float = Field(ge=0)
    limits: dict[str, float] = Field(default_factory=dict)
    machine: dict[str, dict[str, str]]


class LibraryData(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    row_um: float = Field(gt=0)
    bias_mv: float = Field(gt=0)
    flux_quantum_mv_ps: float = Field(gt=0)
    roles: dict[str, str]
    cells: dict[str, CellData]


@dataclass(frozen=True)
class Move:
    """One transition: the next state's number and the numbers of the outputs fired."""

    state: int
    fired: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SfqCell:
    """A cell. `limits[first, second]` is the least time (ps) from a pulse on one pin to a pulse on another."""

    name: str
    data: CellData

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(self.data.machine)

    @cached_property
    def moves(self) -> tuple[tuple[Move, ...], ...]:
        """[state][input] -> Move; state 0 is the initial one."""
        index = {state: i for i, state in enumerate(self.states)}
        outputs = {pin: i for i, pin in enumerate(self.data.outputs)}
        rows = []
        for entries in self.data.machine.values():
            row = []
            for pin in self.data.inputs:
                state, _, fired = entries[pin].partition("/")
                row.append(Move(index[state.strip()], tuple(outputs[out] for out in fired.split())))
            rows.append(tuple(row))
        return tuple(rows)

    @cached_property
    def limits(self) -> Mapping[tuple[int, int], float]:
        index = {pin: i for i, pin in enumerate(self.data.inputs)}
        pairs = {key: key.split(">") for key in self.data.limits}
        return {(index[a], index[b]): self.data.limits[key] for key, (a, b) in pairs.items()}

    @property
    def clocked(self) -> bool:
        return bool(self.data.clock)

    @cached_property
    def data_inputs(self) -> tuple[str, ...]:
        return tuple(pin for pin in self.data.inputs if pin != self.data.clock)

    @cached_property
    def cell_type(self) -> CellType:
        """The cell in a Netlist: pulses of a period as bits, the clock as a plain input that the function ignores."""
        functions = tuple(self.data.function[pin] for pin in self.data.outputs)
        return CellType(self.name, self.data.inputs, self.data.outputs, functions)

    @cached_property
    def pulse_type(self) -> CellType:
        """Pins alone, for cells that are no Boolean function of a period (T1, TFF, NDRO): for the pulse simulator."""
        return CellType(self.name, self.data.inputs, self.data.outputs, tuple("0" for _ in self.data.outputs))

    @cached_property
    def gate_type(self) -> CellType:
        """The same without its clock pin: what technology mapping sees."""
        functions = tuple(self.data.function[pin] for pin in self.data.outputs)
        return CellType(self.name, self.data_inputs, self.data.outputs, functions)

    def limit(self, first: str, second: str) -> float:
        return self.data.limits.get(f"{first}>{second}", 0.0)

    @cached_property
    def setup(self) -> float:
        """ps that data must come before the clock."""
        return max((self.limit(pin, self.data.clock) for pin in self.data_inputs), default=0.0)

    @cached_property
    def hold(self) -> float:
        """ps that data must stay away after the clock."""
        return max((self.limit(self.data.clock, pin) for pin in self.data_inputs), default=0.0)


@dataclass(frozen=True, eq=False)
class Library:
    """All cells by name, and which of them plays each role (buffer, splitter, merger, wire, ...)."""

    data: LibraryData
    cells: Mapping[str, SfqCell]

    def __getitem__(self, name: str) -> SfqCell:
        if name not in self.cells:
            fail("NC284", f"cell must be in library '{self.data.name}', not '{name}'", help=suggest(name, self.cells))
        return self.cells[name]

    def role(self, role: str) -> SfqCell:
        return self[self.data.roles[role]]

    @cached_property
    def gates(self) -> tuple[SfqCell, ...]:
        """Clocked cells of one output with a function: what logic is mapped to (the buffer cell is not one)."""
        found = (c for c in self.cells.values() if c.clocked and c.data.function and len(c.data.outputs) == 1)
        return tuple(c for c in found if c is not self.role("buffer"))

    @cached_property
    def logic(self) -> tuple[SfqCell, ...]:
        """The gates, and the full adder where the library has one (role `adder`: sum, then carry)."""
        return (*self.gates, self.role("adder")) if "adder" in self.data.roles else self.gates

    @cached_property
    def cell_types(self) -> Mapping[str, CellType]:
        return {
            name: cell.cell_type for name, cell in self.cells.items() if cell.data.function or not cell.data.outputs
        }


ROLES = ("buffer", "splitter", "merger", "wire", "transmitter", "receiver", "source", "sink")


def _check(name: str, cell: CellData, found: Collector, where: Where) -> None:
    def wrong(message: str) -> None:
        found.error("NC801", f"cell '{name}' {message}", where=where)

    if cell.clock and cell.clock not in cell.inputs:
        wrong(f"must have its clock '{cell.clock}' among its inputs")
    if cell.function and set(cell.function) != set(cell.outputs):
        wrong(f"must have a function for each of its outputs {', '.join(cell.outputs)}")
    for key in cell.limits:
        pins = key.split(">")
        if len(pins) != 2 or not set(pins) <= set(cell.inputs):
            wrong(f"must have limits 'x>y' between its inputs, not '{key}'")
    for state, row in cell.machine.items():
        if set(row) != set(cell.inputs):
            wrong(f"must say in state '{state}' what each of its inputs does ({', '.join(cell.inputs)})")
        for entry in row.values():
            match = re.fullmatch(r"\s*(\w+)\s*(?:/\s*([\w\s]*))?", entry)
            if not match or match[1] not in cell.machine or not set((match[2] or "").split()) <= set(cell.outputs):
                wrong(f"must have transitions 'state' or 'state / outputs', not '{entry}'")
    if not cell.machine:
        wrong("must have at least one state")


@lru_cache(maxsize=8)
def load_library(path: Path = BUILT_IN) -> Library:
    """Read and check a library; every fault at once (NC801)."""
    where = Where("" if path == BUILT_IN else str(path))
    try:
        raw: Any = yaml.safe_load(path.read_bytes())
        data = LibraryData.model_validate(raw)
    except OSError as error:
        fail("NC801", f"cell library must be a readable file, not '{path}' ({error.strerror})")
    except yaml.YAMLError as error:
        fail("NC801", f"cell library must be YAML: {error}", where=where)
    except ValidationError as error:
        found = Collector()
        for fault in error.errors():
            place = ".".join(str(part) for part in fault["loc"])
            found.error("NC801", f"'{place}' is wrong: {fault['msg']}", where=where)
        found.raise_if_any()
        raise
    found = Collector()
    for name, cell in data.cells.items():
        _check(name, cell, found, where)
    for role in ROLES:
        if data.roles.get(role) not in data.cells:  # `adder` and `terminator` may be left out
            found.error("NC801", f"role '{role}' must name a cell, not '{data.roles.get(role)}'", where=where)
    found.raise_if_any()
    return Library(data, {name: SfqCell(name, cell) for name, cell in data.cells.items()})
