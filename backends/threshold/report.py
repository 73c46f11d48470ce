"""Figures of a placed network: cycles, utilisation, live bits, certified gap, buffer traffic and modelled energy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from nc.backends.threshold.layers import PlacedLayer, Placement
from nc.ir.diagnostics import Where, fail


@dataclass(frozen=True)
class Technology:
    """A technology file: `clock_ns`, power of one PE and of one MAC unit (mW), areas (um2), and where they are from."""

    name: str
    source: str
    mark: str
    clock_ns: float
    pe_power_mw: float
    pe_area_um2: float
    mac_power_mw: float
    mac_area_um2: float
    mac_cycles_288: int

    def pe_energy_nj(self, cycles: int, pes: int) -> float:
        """Energy of `pes` active elements over `cycles` (mW x ns = pJ)."""
        return self.pe_power_mw * self.clock_ns * cycles * pes / 1000

    def mac_cycles(self, fan_in: int) -> int:
        """Cycles of one node on the MAC baseline: the published figure scaled by the fan-in."""
        return -(-fan_in * self.mac_cycles_288 // 288)

    def mac_energy_nj(self, nodes: int, fan_in: int) -> float:
        """Energy of the MAC baseline for `nodes` nodes."""
        return self.mac_power_mw * self.clock_ns * nodes * self.mac_cycles(fan_in) / 1000


@cache
def technology(path: Path | None = None) -> Technology:
    """The technology file at `path`, or the published figures that come with nc (NC706 when it is malformed)."""
    path = path or Path(__file__).with_name("technology.yaml")
    try:
        return Technology(**yaml.safe_load(path.read_text()))
    except (OSError, TypeError, yaml.YAMLError) as error:
        fail("NC706", f"a technology file must hold exactly the fields of the default one: {error}",
             where=Where(file=path.name), help="copy technology.yaml and change its values")  # fmt: skip


def layer_rows(placement: Placement, tech: Technology | None = None) -> list[dict[str, object]]:
    """One row for each layer (JSON types). Traffic in words: image words read by the gearbox, weight words, results."""
    tech = tech or technology()
    return [_row(placed, placement.config.pes, tech) for placed in placement.layers]


def _row(placed: PlacedLayer, pes: int, tech: Technology) -> dict[str, object]:
    layer, found = placed.layer, placed.schedule
    nodes = placed.descriptor.nodes
    results = layer.node.columns if layer.node.kind == "value" else 1
    return {
        "layer": layer.name,
        "fan_in": layer.node.fan_in,
        "outputs": layer.outputs * layer.window.positions,
        "ops": layer.operations,
        "cycles": placed.cycles,
        "node_cycles": found.cycles,
        "lower_bound": found.bounds.full_adders,
        "gap": round(found.certified_gap, 4),
        "live_bits": found.usage.live_bits,
        "stalls": placed.stalls,
        "utilisation": round(placed.utilisation / pes, 4),
        "image_words_read": nodes * len(layer.window.valid(pes)),
        "weight_words_read": nodes * placed.descriptor.weight_loops[0][0],
        "words_written": nodes // layer.window.subs * results,
        "mac_cycles": nodes * tech.mac_cycles(layer.node.fan_in),
        "energy_nj": round(tech.pe_energy_nj(placed.cycles, pes), 3),
        "mac_energy_nj": round(
            tech.mac_energy_nj(layer.outputs * layer.window.positions * layer.window.subs, layer.node.fan_in), 3
        ),
    }


_COLUMNS = {
    "layer": "layer", "fan_in": "fan-in", "outputs": "outputs", "ops": "operations", "cycles": "cycles",
    "node_cycles": "cycles a node", "lower_bound": "FA/HA bound", "gap": "gap", "live_bits": "live bits",
    "stalls": "waits a node", "utilisation": "utilisation", "image_words_read": "image words read",
    "weight_words_read": "weight words read", "words_written": "words written", "energy_nj": "energy nJ",
    "mac_cycles": "MAC cycles", "mac_energy_nj": "MAC nJ",
}  # fmt: skip


def layer_table(placement: Placement, tech: Technology | None = None) -> str:
    """The rows as a Markdown page, with their sums and what the figures assume."""
    tech = tech or technology()
    rows = layer_rows(placement, tech)
    lines = ["| " + " | ".join(_COLUMNS.values()) + " |", "|" + "---|" * len(_COLUMNS)]
    lines += ["| " + " | ".join(str(row[key]) for key in _COLUMNS) + " |" for row in rows]
    totals = {
        key: round(sum(float(str(row[key])) for row in rows), 3)
        for key in ("ops", "cycles", "image_words_read", "weight_words_read", "words_written", "energy_nj",
                    "mac_cycles", "mac_energy_nj")
    }  # fmt: skip
    cells = [f"{totals[key]:g}" if key in totals else "all" if key == "layer" else "" for key in _COLUMNS]
    shape = placement.config.shape
    return "\n".join(
        [
            f"# {placement.config.pes} elements of {shape.neurons} neurons: {placement.cycles} cycles an inference",
            "",
            *lines,
            "| " + " | ".join(cells) + " |",
            "",
            f"Load {placement.load_cycles} and output {placement.output_cycles} cycles included in the title. One "
            "program a node, for every threshold; utilisation counts useful evaluations over all neurons of all "
            f"elements. Energy: {tech.name}, {tech.pe_power_mw} mW an element (all active), {tech.mac_power_mw} mW a "
            f"MAC unit, {tech.clock_ns} ns; {tech.source}; {tech.mark}. MAC baseline: as many MAC units as elements.",
            "",
        ]
    )
