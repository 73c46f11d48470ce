"""FTL cells as netlist cell types, and the technology file with their figures and those of the CMOS cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from nc.backends.threshold.ftl.identify import Threshold, _extreme, minterms, table_of
from nc.ir.diagnostics import Where, fail
from nc.ir.netlist_cells import CellType, library

PINS = "ABCDEFG"
FLIP_FLOP = "NC_DFF"
"""The plain flip-flop that remains where no FTL cell fits."""


@dataclass(frozen=True)
class CellFigures:
    """Figures of one cell: `area` (um2), `power` (uW at the stated clock and activity), `delay` (ps)."""

    area: float
    power: float
    delay: float


@dataclass(frozen=True)
class Gate:
    """A CMOS gate: Liberty function of the pins in `inputs`."""

    inputs: str
    function: str
    figures: CellFigures


@dataclass(frozen=True)
class FtlTechnology:
    """`gates` by name; `flip_flop`; `ftl`: by the largest number of inputs of the cell; `vt_step_mv`: threshold
    voltage of a flash transistor for one unit of weight, `vt_sigma_mv`: its Gaussian noise after programming."""

    name: str
    source: str
    mark: str
    gates: Mapping[str, Gate]
    flip_flop: CellFigures
    ftl: Mapping[int, CellFigures]
    vt_step_mv: float
    vt_sigma_mv: float

    def ftl_cell(self, inputs: int) -> CellFigures:
        """The smallest FTL cell with that many inputs."""
        return self.ftl[min(size for size in self.ftl if size >= inputs)]


@cache
def ftl_technology(path: Path | None = None) -> FtlTechnology:
    """The technology file at `path`, or the one that comes with nc (NC706 when it is malformed)."""
    path = path or Path(__file__).with_name("technology.yaml")
    try:
        data = yaml.safe_load(path.read_text())
        figures = {name: CellFigures(*row[2:]) for name, row in data["gates"].items()}
        return FtlTechnology(
            data["name"],
            data["source"],
            data["mark"],
            {name: Gate(row[0], row[1], figures[name]) for name, row in data["gates"].items()},
            CellFigures(*data["flip_flop"]),
            {int(size): CellFigures(*row) for size, row in data["ftl"].items()},
            float(data["vt_step_mv"]),
            float(data["vt_sigma_mv"]),
        )
    except (OSError, TypeError, KeyError, ValueError, yaml.YAMLError) as error:
        fail("NC706", f"a technology file must hold exactly the fields of the default one: {error}",
             where=Where(file=path.name), help="copy technology.yaml and change its values")  # fmt: skip


def function_text(gate: Threshold) -> str:
    """A sum of products over the pins A, B, ...: the minimal true points of the function made positive."""
    n = len(gate.weights)
    positive = Threshold(
        tuple(abs(w) for w in gate.weights), gate.threshold - sum(w for w in gate.weights if w < 0)
    ).table()
    if not positive:
        return "0"
    if positive == (1 << (1 << n)) - 1:
        return "1"
    points, _ = _extreme(positive, n)
    used = [f"!{PINS[i]}" if gate.weights[i] < 0 else PINS[i] for i in range(n)]
    return " | ".join("(" + " & ".join(used[i] for i in range(n) if m >> i & 1) + ")" for m in points)


def cell_name(gate: Threshold) -> str:
    """One type for each tuning of the cell: FTL_w2_1_m1_t2 has weights 2, 1, -1 and threshold 2."""
    return (
        "FTL_w"
        + "_".join(f"m{-w}" if w < 0 else str(w) for w in gate.weights)
        + (f"_t{gate.threshold}" if gate.threshold >= 0 else f"_tm{-gate.threshold}")
    )


def gate_of(name: str) -> Threshold:
    """The inverse of `cell_name`."""

    def number(text: str) -> int:
        return -int(text[1:]) if text.startswith("m") else int(text)

    body, edge = name.removeprefix("FTL_w").rsplit("_t", 1)
    return Threshold(tuple(number(w) for w in body.split("_")), number(edge))


def ftl_type(gate: Threshold) -> CellType:
    """The cell: on the rising edge of CLK, Q takes the threshold function of the inputs."""
    pins = tuple(PINS[: len(gate.weights)])
    return CellType(cell_name(gate), (*pins, "CLK"), ("Q",), (function_text(gate),), clock="CLK")


def base_library(tech: FtlTechnology) -> dict[str, CellType]:
    """CMOS gates and the plain flip-flop as netlist cell types."""
    gates = [CellType(name, tuple(g.inputs), ("Y",), (g.function,)) for name, g in tech.gates.items()]
    return dict(library([*gates, CellType(FLIP_FLOP, ("D", "CLK"), ("Q",), ("D",), clock="CLK")]))


def genlib(tech: FtlTechnology) -> str:
    """The CMOS gates for technology mapping by ABC: areas, and one delay (ps) a gate."""
    rows = ["GATE _const0_ 0 Y=CONST0;", "GATE _const1_ 0 Y=CONST1;"]
    types = base_library(tech)
    for name, gate in tech.gates.items():
        formula = gate.function.replace("&", "*").replace("|", "+")
        if "^" in formula:  # genlib has no exclusive or
            n = len(gate.inputs)
            bits = [np.uint64(table_of(minterms(n)[:, i] == 1)) for i in range(n)]
            table = int(types[name].compiled[0](*bits)) & ((1 << (1 << n)) - 1)
            terms = ["*".join(p if m >> i & 1 else f"!{p}" for i, p in enumerate(gate.inputs)) for m in range(1 << n)]
            formula = "+".join(f"({term})" for m, term in enumerate(terms) if table >> m & 1)
        delay = gate.figures.delay
        rows.append(f"GATE {name} {gate.figures.area} Y={formula}; PIN * UNKNOWN 1 999 {delay} 0 {delay} 0")
    return "\n".join(rows) + "\n"
