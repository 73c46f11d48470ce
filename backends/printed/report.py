"""What a circuit looks like to a reader: a Markdown report, and a drawing of its area by layer and neuron."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from nc.backends.printed.figures import figures
from nc.backends.printed.flow import Circuit
from nc.ir.words import Kind

COLOURS = ("#4878a8", "#e49444", "#5aa06c", "#b65e6e", "#8268a8", "#8a8a8a")


def parts(circuit: Circuit) -> list[tuple[str, str, float]]:
    """(layer, part, mm²) of every multi-operand sum, and the rest of each layer as one part, by gates before
    mapping scaled to the mapped area (mapping does not keep where a gate came from)."""
    logic, owner, words = circuit.blasted.logic, circuit.blasted.owner, circuit.words
    counted: dict[tuple[str, str], int] = {}
    number: dict[int, int] = {}
    for gate in logic.cone([literal for _, literal in logic.outputs]):
        if gate not in owner:
            continue
        node = owner[gate]
        layer = words.layers[int(words.layer[node])]
        part = "selection"
        if words.kind[node] == Kind.SUM and words.arity[node] > 1:
            part = f"sum {number.setdefault(node, len(number))}"
        elif words.kind[node] in (Kind.CLAMP, Kind.SHR, Kind.TABLE):
            part = "activation"
        counted[layer, part] = counted.get((layer, part), 0) + 1
    total = sum(counted.values()) or 1
    return [(layer, part, count * circuit.area_mm2 / total) for (layer, part), count in counted.items()]


def text(circuit: Circuit, data: Sequence[np.ndarray[Any, Any]], registers: int) -> str:
    """The Markdown report."""
    found = figures(circuit, data, registers)
    rows = [
        "# Printed circuit",
        "",
        f"Area {found['area_cm2']:.4f} cm² in {sum(found['cell_counts'].values())} cells "
        f"({', '.join(f'{n} {c}' for n, c in found['cell_counts'].items())}).",
        "",
        "| supply V | power mW | delay ms | longest clock Hz | " + " | ".join(found["budgets_met"]) + " |",
        "|---|---|---|---|" + "---|" * len(found["budgets_met"]),
    ]
    for vdd, power in found["power_mw"].items():
        met = " | ".join("met" if by[vdd] else "not met" for by in found["budgets_met"].values())
        rows.append(f"| {vdd} | {power:.3f} | {found['delay_ms'][vdd]:.1f} | {found['clock_hz'][vdd]} | {met} |")
    adc = found["adc"]
    rows += [
        "",
        f"Converters: {adc['inputs_read']} inputs are read; {adc['pruned']['comparators']} of "
        f"{adc['whole']['comparators']} comparators are needed, {adc['pruned']['area_cm2']:.3f} cm² and "
        f"{adc['pruned']['power_mw']:.3f} mW instead of {adc['whole']['area_cm2']:.3f} and "
        f"{adc['whole']['power_mw']:.3f}.",
        "",
        "| layer | part | mm² (by gates before mapping) |",
        "|---|---|---|",
        *(f"| {layer} | {part} | {area:.2f} |" for layer, part, area in parts(circuit)),
    ]
    return "\n".join([*rows, ""])


def area_drawing(circuit: Circuit) -> str:
    """One bar a layer, cut into its parts, widths to scale (SVG)."""
    layers: dict[str, list[tuple[str, float]]] = {}
    for layer, part, area in parts(circuit):
        layers.setdefault(layer, []).append((part, area))
    widest = max((sum(a for _, a in p) for p in layers.values()), default=1.0) or 1.0
    height = 46 * len(layers) + 10
    rows = [f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{height}" font-family="sans-serif">']
    for line, (layer, own) in enumerate(layers.items()):
        y, x = 46 * line + 10, 110.0
        total = sum(area for _, area in own)
        rows.append(f'<text x="4" y="{y + 14}" font-size="12">{escape(layer)}</text>')
        rows.append(f'<text x="4" y="{y + 28}" font-size="10">{total / 100:.4f} cm²</text>')
        for place, (part, area) in enumerate(own):
            width = 640 * area / widest
            rows.append(
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="32" fill="{COLOURS[place % len(COLOURS)]}" '
                f'stroke="white"><title>{escape(part)}: {area:.2f} mm²</title></rect>'
            )
            x += width
    return "\n".join([*rows, "</svg>", ""])
