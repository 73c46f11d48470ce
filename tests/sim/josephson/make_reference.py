"""Makes reference_pulses.json: pulse times of our cells' benches at a tenth of the usual step.

Run: python tests/sim/josephson/make_reference.py (half a minute).
"""

from __future__ import annotations

import json
from pathlib import Path

from nc.backends.sfq.circuits import cell, deck
from nc.sim.josephson.deck import read_deck
from nc.sim.josephson.solver import simulate

BENCHES = {
    "JTL": ({"a": [50, 100, 150]}, ["q"]),
    "SPLIT": ({"a": [50, 100, 150]}, ["q0", "q1"]),
    "MERGE": ({"a": [50, 150], "b": [100, 200]}, ["q"]),
    "DFF": ({"a": [60, 160], "clk": [100, 150, 200, 250]}, ["q"]),
    "TFF": ({"a": [50, 100, 150, 200, 250]}, ["q"]),
    "T1": ({"t": [60, 110, 160], "clk": [210]}, ["s", "co"]),
    "AND2": ({"a": [60, 160], "b": [62, 110], "clk": [90, 140, 190]}, ["q"]),
    "NOT": ({"a": [110], "clk": [85, 135, 185]}, ["q"]),
}


def pulses(name: str, step: float) -> dict[str, list[float]]:
    """Output pulse times (ps) of a cell's bench at a time step (ps)."""
    applied, outputs = BENCHES[name]
    pins = {pin: pin for pin in cell(name)["pins"]}
    found = simulate(read_deck(deck([("u", name, pins)], applied, outputs, stop=320.0, step=step)))
    return {pin: found.pulses(f"Xload_{pin}_1.B2").round(4).tolist() for pin in outputs}


def main() -> None:
    made = {name: pulses(name, 0.01) for name in BENCHES}
    Path(__file__).with_name("reference_pulses.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
