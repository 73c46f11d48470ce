"""Whole binary networks on the 256-element array: operations, cycles, utilisation and modelled energy by layer.

    python benchmarks/threshold_networks.py [--quick] [--json]

Layer shapes of the published networks with random weights. Cycles are exact (nothing depends on data); energy is by the
technology file (published PE and MAC figures, recalled). Without --json the table goes into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import time

import sections

from nc.backends.threshold.layers import place_network
from nc.backends.threshold.published import NETWORKS, network
from nc.backends.threshold.report import layer_rows, technology
from nc.hdl.threshold.shape import PeShape

PES = 256


def measure(name: str) -> list[dict[str, object]]:
    begin = time.perf_counter()
    placement = place_network(network(name, PES), PES, PeShape(), images=False)
    seconds = round(time.perf_counter() - begin, 2)
    rows: list[dict[str, object]] = [{"network": name, **row} for row in layer_rows(placement)]
    total: dict[str, object] = {"network": name, "layer": "all", "seconds": seconds}
    for key in ("ops", "cycles", "energy_nj", "mac_energy_nj"):
        total[key] = round(sum(float(str(row[key])) for row in rows), 1)
    useful = sum(float(str(row["utilisation"])) * float(str(row["cycles"])) for row in rows)
    total["utilisation"] = round(useful / float(str(total["cycles"])), 4)
    total["ms"] = round(placement.cycles * technology().clock_ns / 1e6, 3)
    return [*rows, total]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the multilayer perceptrons only")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args()
    names = ["TFC", "SFC", "LFC"] if given.quick else list(NETWORKS)
    rows = [row for name in names for row in measure(name)]
    if given.json:
        print(json.dumps({"rows": rows}))
        return
    columns = {
        "network": "network", "layer": "layer", "fan_in": "fan-in", "ops": "binary operations", "cycles": "cycles",
        "node_cycles": "cycles a node", "lower_bound": "FA/HA bound", "utilisation": "utilisation",
        "image_words_read": "image words read", "weight_words_read": "weight words read",
        "energy_nj": "energy nJ (model)",
        "mac_energy_nj": "MAC baseline nJ (model)", "ms": "ms at 2.3 ns", "seconds": "scheduling s",
    }  # fmt: skip
    tech = technology()
    text = (
        f"{PES} processing elements of 4 neurons, random weights; zero padding, multi-bit "
        "inputs as bit planes (an operation is one of a bit plane). Energy: "
        f"{tech.pe_power_mw} mW an element, {tech.mac_power_mw} mW a MAC, {tech.clock_ns} ns "
        f"({tech.source}; {tech.mark}), "
        "all elements active.\n\n" + sections.table(rows, columns)
    )
    sections.write("threshold_networks", "Binary networks on the threshold array", text)
    print(text)


if __name__ == "__main__":
    main()
