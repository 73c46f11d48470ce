"""Files of a balanced netlist: structural Verilog, behavioural cells, JSON for the pulse simulator, drawing, SDF."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from nc.backends.sfq.circuits import netlist_deck
from nc.backends.sfq.figures import figures
from nc.backends.sfq.library import Library, SfqCell
from nc.backends.sfq.physical import ROLES, Balanced, clock_ports
from nc.backends.sfq.timing import LAUNCH, insertion_delays, minimum_period
from nc.ir.netlist import Netlist
from nc.ir.netlist_export import identifier, to_verilog
from nc.ir.netlist_text import print_netlist


def cell_json(cell: SfqCell) -> dict[str, object]:
    """What the pulse simulator needs of a cell."""
    return {
        "inputs": list(cell.data.inputs),
        "outputs": list(cell.data.outputs),
        "delay": cell.data.delay,
        "limits": [[first, second, limit] for (first, second), limit in cell.limits.items()],
        "moves": [[[move.state, list(move.fired)] for move in row] for row in cell.moves],
        "jj": cell.data.jj,
    }


Tensors = Mapping[str, Mapping[str, object]]
"""For each port: `shape`, `bits` of an element, `signed`."""


def design_json(design: Balanced, tensors: Tensors | None = None) -> dict[str, object]:
    """The netlist with cells, clocking, roles and stages: all that `nc.sim.pulse_build` reads."""
    return {
        "format": 1,
        "netlist": print_netlist(design.netlist),
        "cells": {kind.name: cell_json(design.library[kind.name]) for kind in design.netlist.types},
        "clocking": {
            "ports": clock_ports(design.phases),
            "insertion": list(insertion_delays(design)),
            "skew": design.library.role("splitter").data.delay,
            "depth": design.depth,
            "launch": LAUNCH,
            "period": round(minimum_period(design) + 0.05, 1),
        },
        "roles": [ROLES[role] for role in design.role.tolist()],
        "stages": design.stage.tolist(),
        "tensors": dict(tensors or {}),
    }


def behavioural_cell(cell: SfqCell) -> str:
    """A cell as Verilog: a pulse is a rising edge, 1 ps wide; outputs follow after the delay; limits are checked.

    Simulated with `timescale 1ps/1fs`; a violation sets `violations` and prints cell, pin, time and earliest time.
    """
    pins = [f"input {p}" for p in cell.data.inputs] + [f"output reg {p}" for p in cell.data.outputs]
    rows = ["`timescale 1ps/1fs", f"module {identifier(cell.name)} ({', '.join(pins)});"]
    rows += ["  integer state = 0;", "  integer violations = 0;"]
    rows += [f"  real last_{pin} = -1.0e9;" for pin in cell.data.inputs]
    rows.append("  initial begin " + " ".join(f"{p} = 0;" for p in cell.data.outputs) + " end")
    for number, pin in enumerate(cell.data.inputs):
        rows.append(f"  always @(posedge {pin}) begin")
        for (first, second), limit in cell.limits.items():
            if second == number:
                other = cell.data.inputs[first]
                rows += [
                    f"    if ($realtime < last_{other} + {limit:g} - 0.001) begin",
                    "      violations = violations + 1;",
                    f'      $display("NC811 %m: pulse on {pin} at %0.1f ps, earliest %0.1f ps (after {other})", '
                    f"$realtime, last_{other} + {limit:g});",
                    "    end",
                ]
        rows += [f"    last_{pin} = $realtime;", "    case (state)"]
        for state, row in enumerate(cell.moves):
            fired = [cell.data.outputs[out] for out in row[number].fired]
            pulses = "".join(f" {q} <= #{cell.data.delay:g} 1; {q} <= #{cell.data.delay + 1:g} 0;" for q in fired)
            rows.append(f"      {state}: begin state = {row[number].state};{pulses} end")
        rows += ["    endcase", "  end"]
    return "\n".join([*rows, "endmodule"]) + "\n"


def cells_verilog(library: Library, names: Mapping[str, int]) -> str:
    return "\n".join(behavioural_cell(library[name]) for name in sorted(names))


def period_cell(cell: SfqCell) -> str:
    """A cell as Verilog without delays: a level for a clock period is a pulse. For cells with a function only."""
    pins = [f"input {p}" for p in cell.data.inputs] + [
        f"output {'reg ' if cell.clocked else ''}{p}" for p in cell.data.outputs
    ]
    rows = [f"module {identifier(cell.name)} ({', '.join(pins)});"]
    for out, function in cell.data.function.items():
        text = re.sub(r"!(?=[\w(])", "~", function)
        if cell.clocked:
            rows.append(f"  initial {out} = 0;\n  always @(posedge {cell.data.clock}) {out} <= {text};")
        else:
            rows.append(f"  assign {out} = {text};")
    return "\n".join([*rows, "endmodule"]) + "\n"


def to_sdf(netlist: Netlist, library: Library) -> str:
    """Standard Delay Format 3.0: the delay of every instance from the pins that can fire an output."""
    rows = ['(DELAYFILE (SDFVERSION "3.0")', f'  (DESIGN "{netlist.name}")', "  (TIMESCALE 1ps)"]
    for cell in range(netlist.n_cells):
        kind = library[netlist.type_of(cell).name]
        paths = sorted({(i, out) for row in kind.moves for i, move in enumerate(row) for out in move.fired})
        delays = " ".join(
            f"(IOPATH {kind.data.inputs[i]} {kind.data.outputs[out]} ({kind.data.delay:g}))" for i, out in paths
        )
        rows.append(f'  (CELL (CELLTYPE "{kind.name}") (INSTANCE {netlist.cell_name(cell)})')
        rows.append(f"    (DELAY (ABSOLUTE {delays})))")
    return "\n".join([*rows, ")"]) + "\n"


COLOURS = {"logic": "lightblue", "balance": "lightgrey", "split": "white", "wire": "white", "interface": "wheat"}


def to_dot(design: Balanced) -> str:
    """Graphviz: data cells only (a drawing of clock trees shows nothing), a column a stage."""
    netlist = design.netlist
    rows = [f'digraph "{netlist.name}" {{', "  rankdir=LR; node [shape=box, style=filled];"]
    clocks = {net for p in netlist.inputs if p.name in clock_ports(design.phases) for net in p.nets.tolist()}
    shown = [c for c in range(netlist.n_cells) if ROLES[design.role[c]] != "clock"]
    name = {net: f"{p.name}[{i}]" for p in netlist.inputs for i, net in enumerate(p.nets.tolist()) if net not in clocks}
    rows += [f'  "{each}" [shape=ellipse];' for each in name.values()]
    for cell in shown:
        role, label = ROLES[design.role[cell]], netlist.type_of(cell).name
        rows.append(f'  "{netlist.cell_name(cell)}" [label="{label}", fillcolor={COLOURS[role]}];')
        name.update(dict.fromkeys(netlist.outputs_of(cell).tolist(), netlist.cell_name(cell)))
    for cell in shown:
        for net in netlist.inputs_of(cell).tolist():
            if net in name:
                rows.append(f'  "{name[net]}" -> "{netlist.cell_name(cell)}";')
    for port in netlist.outputs:
        rows.append(f'  "{port.name}" [shape=ellipse];')
        rows += [f'  "{name[net]}" -> "{port.name}";' for net in port.nets.tolist() if net in name]
    return "\n".join([*rows, "}"]) + "\n"


def write_design(design: Balanced, folder: Path, top: str = "top", tensors: Tensors | None = None) -> None:
    """All files into `folder`; deterministic bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{top}.v").write_text(to_verilog(design.netlist))
    (folder / "cells.v").write_text(cells_verilog(design.library, design.netlist.count()))
    used = sorted(design.netlist.count())
    (folder / "cells_period.v").write_text("\n".join(period_cell(design.library[name]) for name in used))
    (folder / "netlist.json").write_text(json.dumps(design_json(design, tensors)) + "\n")
    (folder / "figures.json").write_text(json.dumps(figures(design), indent=1, sort_keys=True) + "\n")
    (folder / f"{top}.cir").write_text(netlist_deck(design.netlist))
    (folder / f"{top}.sdf").write_text(to_sdf(design.netlist, design.library))
    (folder / f"{top}.dot").write_text(to_dot(design))
