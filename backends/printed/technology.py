"""A printed technology: its cells with area, state-dependent leakage and delay at each supply voltage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from nc.backends.printed.boolean import truth_table
from nc.ir.diagnostics import fail

HERE = Path(__file__).parent

# Without these a network cannot be mapped: an inverter and one inverting gate of two inputs make any function.
_INVERTER = (1, 0b01)
_UNIVERSAL = ((2, 0b0111), (2, 0b0001))


@dataclass(frozen=True)
class Corner:
    """One cell at one supply: leakage in µW (mean, and by state: pins of `Cell.state_pins`, '0', '1' or '-'),
    input capacitance in pF, delay in µs to a rising and a falling output."""

    leakage_mean_uw: float
    leakage_uw: Mapping[str, float]
    cap_pf: Mapping[str, float]
    rise_us: float
    fall_us: float

    @property
    def delay_us(self) -> float:
        """The slower of the two edges."""
        return max(self.rise_us, self.fall_us)


@dataclass(frozen=True)
class Cell:
    """A standard cell. `kind`: gate, flipflop, latch or tristate; `function` of a gate in Liberty syntax."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    output: str
    function: str
    area_mm2: float
    corners: Mapping[str, Corner]
    state_pins: tuple[str, ...] = ()

    @cached_property
    def table(self) -> int:
        """Truth table of a gate: bit r is the output at input state r (bit i of r is input i)."""
        return truth_table(self.function, self.inputs)

    def leakage_by_row(self, vdd: str) -> np.ndarray:
        """Leakage in µW by input state r of a gate; states that the table does not list leak the mean."""
        corner = self.corners[vdd]
        rows = 1 << len(self.inputs)
        leak = np.full(rows, corner.leakage_mean_uw)
        for pattern, value in corner.leakage_uw.items():
            for row in range(rows):
                if all(bit in ("-", str(row >> i & 1)) for i, bit in enumerate(pattern)):
                    leak[row] = value
        return leak


@dataclass(frozen=True)
class Technology:
    """A cell library; `vdds` are the names of the supply corners in volts ('0.6', '1.0')."""

    name: str
    cells: Mapping[str, Cell]
    power_over_leakage: float = 1.0
    temperature_c: float = 25.0

    @property
    def vdds(self) -> tuple[str, ...]:
        return tuple(sorted({vdd for cell in self.cells.values() for vdd in cell.corners}, key=float))

    @property
    def gates(self) -> tuple[Cell, ...]:
        """The combinational cells of one output."""
        return tuple(cell for cell in self.cells.values() if cell.kind == "gate")

    @property
    def flipflop(self) -> Cell:
        """The smallest D flip-flop. Raises NC652 when the library has none."""
        found = [c for c in self.cells.values() if c.kind == "flipflop" and len(c.inputs) == 2]
        if not found:
            fail(
                "NC652",
                f"library '{self.name}' must have a D flip-flop for a registered or sequential circuit",
                help="compile a combinational circuit (--set printed.registered=false), or add the cell",
            )
        return min(found, key=lambda c: c.area_mm2)

    def check(self) -> Technology:
        """This technology, or NC652 when networks cannot be mapped to it."""
        tables = {(len(c.inputs), c.table) for c in self.gates}
        missing = []
        if _INVERTER not in tables:
            missing.append("an inverter")
        if not tables.intersection(_UNIVERSAL):
            missing.append("a NAND or NOR of two inputs")
        if missing:
            fail(
                "NC652",
                f"library '{self.name}' must have {' and '.join(missing)}; it has the gates "
                f"{', '.join(c.name for c in self.gates) or 'none'}",
                help="use the built-in EGFET library (leave --liberty out), or add the cells",
            )
        return self


@cache
def egfet() -> Technology:
    """The built-in inkjet-printed EGFET technology (`egfet.yaml`, where its source is cited)."""
    data = yaml.safe_load((HERE / "egfet.yaml").read_text())
    cells = {name: _cell(name, fields) for name, fields in data["cells"].items()}
    return Technology(data["name"], cells, data["power_over_leakage"], data["temperature_c"]).check()


def _cell(name: str, fields: Mapping[str, object]) -> Cell:
    f: Any = fields
    inputs = tuple(f["inputs"])
    return Cell(
        name=name,
        kind=f["kind"],
        inputs=inputs,
        output=f["output"],
        function=f.get("function", ""),
        area_mm2=f["area_mm2"],
        corners={str(vdd): Corner(**corner) for vdd, corner in f["corners"].items()},
        state_pins=tuple(f.get("state", inputs)),
    )
