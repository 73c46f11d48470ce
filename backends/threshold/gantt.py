"""A picture of a schedule: neurons over cycles, carries and sums coloured, products and live bits below; as SVG."""

from __future__ import annotations

import numpy as np

from nc.backends.threshold.program import Program
from nc.backends.threshold.schedule import Schedule
from nc.hdl.threshold.shape import IDLE_THRESHOLD

_COLOUR = {1: "#8c6bb1", 2: "#2b8cbe", 3: "#a8ddb5", 4: "#fdae61", 5: "#fdae61"}
_NAME = {1: "or", 2: "carry (T = 2)", 3: "sum (T = 3)"}
CELL = 9
ROW = 16
LEFT = 70


def gantt_svg(found: Schedule, first: int = 0, last: int | None = None) -> str:
    """The cycles first .. last - 1 of a schedule (all of them by default) as an SVG document."""
    program = found.program
    last = program.length if last is None else min(last, program.length)
    neurons = program.shape.neurons
    width, height = LEFT + (last - first) * CELL + 20, 60 + (neurons + 2) * ROW
    title = (
        f"{found.node.fan_in} inputs on {neurons} neurons: {found.cycles} cycles, lower bound "
        f"{found.bounds.full_adders}, {found.usage.live_bits} live bits"
    )
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="10">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="14" font-size="12">{title}</text>',
    ]
    top = 24
    for i in range(neurons):
        y = top + i * ROW
        rows.append(f'<text x="4" y="{y + 11}">neuron {i}</text>')
        for t in range(first, last):
            level = int(program.threshold[t, i])
            if level != IDLE_THRESHOLD:
                rows.append(_cell(t - first, y, _COLOUR[level], f"cycle {t}: {_NAME.get(level, f'T = {level}')}"))
    y = top + neurons * ROW + 4
    rows.append(f'<text x="4" y="{y + 11}">products</text>')
    for t in range(first, last):
        count = int((program.lane[t] != -1).sum())
        if count:
            shade = "#" + f"{255 - 60 * count:02x}" * 2 + "ff"
            rows.append(_cell(t - first, y, shade, f"cycle {t}: {count} fresh bits"))
    y += ROW
    rows.append(f'<text x="4" y="{y + 11}">register reads</text>')
    reads = _reads(program)
    for t in range(first, last):
        if reads[t]:
            grey = f"{255 - 30 * min(int(reads[t]), 7):02x}"
            rows.append(_cell(t - first, y, f"#{grey * 3}", f"cycle {t}: {reads[t]} register reads"))
    y += ROW + 12
    for t in range(first, last, 10):
        rows.append(f'<text x="{LEFT + (t - first) * CELL}" y="{y}">{t}</text>')
    return "\n".join([*rows, "</svg>"]) + "\n"


def _cell(column: int, y: int, colour: str, text: str) -> str:
    x = LEFT + column * CELL
    return f'<rect x="{x}" y="{y}" width="{CELL - 1}" height="{ROW - 3}" fill="{colour}"><title>{text}</title></rect>'


def _reads(program: Program) -> np.ndarray:
    return np.asarray((program.port >= 0).sum(axis=1))
