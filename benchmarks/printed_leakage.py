"""State-aware leakage mapping: cells priced by what they leak in the states that the data bring about.

    python benchmarks/printed_leakage.py --cache DIR [--json] [--data DIR]     DIR of `printed.py --cache`

Each design of the cache is mapped as always (least area), then its cells' mean leakage over the training vectors is
measured, and it is mapped again with cells priced by area plus a growing share of their leakage, three rounds each.
The row has the least-leakage netlist that takes no more area than the first (and, as a bound, 5 % more), and what the
order of the inputs of symmetric gates gains on the first netlist, which costs nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import sections
from printed import PUBLISHED, TOPOLOGY, load

from nc.backends.printed.blast import blast
from nc.backends.printed.flow import Circuit
from nc.backends.printed.lowering import to_words
from nc.backends.printed.mapping import map_network
from nc.backends.printed.netlist import Gate, MappedNetlist
from nc.backends.printed.technology import Cell, egfet
from nc.compiler.printed.genome import Shape
from nc.compiler.printed.to_graph import to_graph

COLUMNS = {
    "dataset": "design (seed 0)", "area_cm2": "area cm²", "leakage_mw": "leakage mW", "gain_equal_area": "gain",
    "gain_5_percent_area": "gain with 5 % more area", "gain_pin_order": "gain by order of inputs",
}  # fmt: skip
TEXT = """\
Cells priced by what they leak in the states that the training data bring about, against least area, on the designs of
`printed.py --cache DIR` (`python benchmarks/printed_leakage.py --cache DIR`). Gains are shares of the leakage at 1.0 V.
They are {mean:.1f} % on average; the mapping is worth its time in the flow from 5 %.

"""
SCRIPTS = ("direct", "dch", "amap", "resyn", "lut6")
SHARES = (0.25, 0.5, 1.0, 2.0)  # mm² for each 10 µW at 1.0 V


def trial(genome: np.ndarray, shape: Shape, x: np.ndarray) -> dict[str, object]:
    """Leakage at 1.0 V of the least-area mapping and of the best one that prices leakage."""
    words = to_words(to_graph(genome, shape))
    blasted = blast(words)
    found = []

    def leakage(netlist: MappedNetlist, x: np.ndarray) -> float:
        return netlist.leakage_uw(planes, len(x), "1.0")

    planes = Circuit.of_gates(words).planes(x)

    def add(mapping_area: object) -> Circuit:
        mapping = map_network(blasted.logic, egfet(), scripts=SCRIPTS, polish=0, area=mapping_area)  # type: ignore[arg-type]
        circuit = Circuit(words, blasted, mapping.netlist, mapping.script, mapping.areas)
        found.append((circuit.area_mm2, leakage(circuit.netlist, x)))
        return circuit

    circuit = first = add(None)
    for share in SHARES:
        for _ in range(2):
            leaks = _mean_leakage(circuit, x)
            circuit = add(lambda cell, leaks=leaks, share=share: cell.area_mm2 + share * leaks[cell.name] / 10)
    area, leak = found[0]
    equal = min(leak_ for area_, leak_ in found if area_ <= area * 1.0001)
    wider = min(leak_ for area_, leak_ in found if area_ <= area * 1.05)
    return {
        "area_cm2": round(area / 100, 4),
        "leakage_mw": round(leak / 1e3, 4),
        "gain_equal_area": round(1 - equal / leak, 4) if leak else 0.0,
        "gain_5_percent_area": round(1 - wider / leak, 4) if leak else 0.0,
        "gain_pin_order": round(1 - leakage(_reordered(first, x), x) / leak, 4) if leak else 0.0,
    }


def _reordered(circuit: Circuit, x: np.ndarray) -> MappedNetlist:
    """The netlist with the inputs of every symmetric two-input gate in the order that leaks less over `x`."""
    netlist, planes = circuit.netlist, circuit.planes(x)

    def swapped(gate: Gate) -> Gate:
        table = [bool(circuit.netlist.technology.cells[gate.cell].table >> row & 1) for row in range(4)]
        return replace(gate, pins=gate.pins[::-1]) if len(gate.pins) == 2 and table[1] == table[2] else gate

    other = replace(netlist, gates=tuple(swapped(gate) for gate in netlist.gates))
    leaks = [n.leakage_by_gate_uw(planes, len(x), "1.0") for n in (netlist, other)]
    gates = tuple(b if q < p else a for a, b, p, q in zip(netlist.gates, other.gates, *leaks))
    return replace(netlist, gates=gates)


def _mean_leakage(circuit: Circuit, x: np.ndarray) -> dict[str, float]:
    """Each cell's mean leakage in this circuit in µW; cells that it does not use keep the library's mean."""
    leaks = defaultdict(list)
    per_gate = circuit.netlist.leakage_by_gate_uw(circuit.planes(x), len(x), "1.0")
    for gate, leak in zip(circuit.netlist.gates, per_gate):
        leaks[gate.cell].append(leak)

    def mean(cell: Cell) -> float:
        return float(np.mean(leaks[cell.name])) if leaks[cell.name] else cell.corners["1.0"].leakage_mean_uw

    return {cell.name: mean(cell) for cell in egfet().gates}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cache", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", default=str(Path(os.environ.get("NC_SHARED", ".")) / "data" / "printed"))
    options = parser.parse_args()
    rows = []
    for dataset in PUBLISHED:
        path = Path(options.cache, f"{dataset}_0.json")
        if not path.is_file():
            print(f"{dataset}: no design in the cache", file=sys.stderr)
            continue
        x, y, _, _ = load(Path(options.data), dataset)
        shape = Shape(x.shape[1], TOPOLOGY[dataset][0], int(y.max()) + 1, max_bits=TOPOLOGY[dataset][1])
        genome = np.array(json.loads(path.read_text())["genome"], np.int32)
        rows.append({"dataset": dataset, **trial(genome, shape, x)})
        print(rows[-1], file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps({"rows": rows}))
        return 0
    text = TEXT.format(mean=100 * np.mean([float(str(row["gain_equal_area"])) for row in rows]))
    sections.write("printed_leakage", "Printed circuits: mapping for leakage", text + sections.table(rows, COLUMNS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
