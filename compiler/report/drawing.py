"""Small drawings as SVG text: a graph with its types, Pareto points, a mesh of cores, pulses over time.

Colours are classes, so that the page's style sheet decides them, in light and dark; every mark has a <title>.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

_BOX_W, _BOX_H, _GAP_X, _GAP_Y = 230, 52, 24, 30


class Box(NamedTuple):
    """A node of a drawn graph: three lines of text, and the keys of the boxes that it reads."""

    key: int
    title: str
    kind: str
    note: str
    reads: tuple[int, ...]


def graph(boxes: Sequence[Box]) -> str:
    """Boxes in order of evaluation, a row for each depth, data flowing down."""
    depth: dict[int, int] = {}
    for box in boxes:
        depth[box.key] = 1 + max((depth[r] for r in box.reads if r in depth), default=-1)
    rows: dict[int, list[Box]] = {}
    for box in boxes:
        rows.setdefault(depth[box.key], []).append(box)
    widest = max((len(r) for r in rows.values()), default=1)
    width = widest * (_BOX_W + _GAP_X) + _GAP_X
    place: dict[int, tuple[float, float]] = {}
    for level, row in rows.items():
        left = (width - len(row) * (_BOX_W + _GAP_X) + _GAP_X) / 2
        for i, box in enumerate(row):
            place[box.key] = left + i * (_BOX_W + _GAP_X), 10 + level * (_BOX_H + _GAP_Y)
    lines = [_edge(place[r], place[b.key]) for b in boxes for r in b.reads if r in place]
    return _svg(width, 20 + len(rows) * (_BOX_H + _GAP_Y) - _GAP_Y, "The graph with types and ranges",
                [*lines, *(_box(box, *place[box.key]) for box in boxes)])  # fmt: skip


def _edge(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1, x2, y2 = start[0] + _BOX_W / 2, start[1] + _BOX_H, end[0] + _BOX_W / 2, end[1]
    bend = (y2 - y1) / 2
    return f'<path class="edge" d="M{x1:g} {y1:g} C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"/>'


def _box(box: Box, x: float, y: float) -> str:
    words = " ".join(w for w in (box.title, box.kind, box.note) if w)
    lines = "".join(
        f'<text class="{style}" x="{x + 10:g}" y="{y + dy}">{escape(_short(text))}</text>'
        for style, text, dy in (("name", box.title, 17), ("type", box.kind, 32), ("note", box.note, 46))
        if text
    )
    return (f'<g><title>{escape(words)}</title><rect class="box" x="{x:g}" y="{y:g}" width="{_BOX_W}" '
            f'height="{_BOX_H}" rx="6"/>{lines}</g>')  # fmt: skip


def _short(text: str, most: int = 34) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def mesh(cells: Sequence[Mapping[str, Any]], size: Sequence[int]) -> str:
    """A heat map of a mesh: darker cells hold more neurons."""
    side, most = 56, max((int(c["neurons"]) for c in cells), default=1) or 1
    marks = []
    for cell in cells:
        x, y = int(cell["x"]) * side + 4, int(cell["y"]) * side + 4
        share = int(cell["neurons"]) / most
        marks.append(
            f"<g><title>core ({cell['x']}, {cell['y']}): {cell['neurons']} neurons, {cell['axons']} axons</title>"
            f'<rect class="heat" x="{x}" y="{y}" width="{side - 4}" height="{side - 4}" rx="4" '
            f'fill-opacity="{0.15 + 0.85 * share:.2f}"/>'
            f'<text class="heat-text" x="{x + side / 2 - 2:g}" y="{y + side / 2 + 3:g}">{cell["neurons"]}</text></g>'
        )
    return _svg(int(size[0]) * side + 8, int(size[1]) * side + 8, "Neurons of each core of the mesh", marks)


def pulses(rows: Sequence[tuple[str, Sequence[float]]], period: float) -> str:
    """One line a wire, a tick a pulse; time in ps, a pale line each clock period."""
    end = max([period, *(t for _, times in rows for t in times)]) + period / 2
    left, width, step = 120, 640, 24
    scale, height = width / end, 10 + step * len(rows)
    marks = [
        f'<line class="grid" x1="{left + k * period * scale:.1f}" x2="{left + k * period * scale:.1f}" y1="4" '
        f'y2="{height}"/>'
        for k in range(int(end / period) + 1)
    ]
    for row, (name, times) in enumerate(rows):
        y = 8 + row * step
        marks.append(f'<text class="type" x="4" y="{y + 14}">{escape(_short(name, 18))}</text>')
        marks.append(f'<line class="grid" x1="{left}" x2="{left + width}" y1="{y + 18}" y2="{y + 18}"/>')
        marks += [
            f'<g><title>{escape(name)}: pulse at {t:.1f} ps</title><rect class="pulse" x="{left + t * scale:.1f}" '
            f'y="{y}" width="2" height="18"/></g>'
            for t in times
        ]
    marks.append(
        f'<text class="note" x="{left}" y="{height + 14}">0 to {end:,.0f} ps, a line each {period:g} ps</text>'
    )
    return _svg(left + width + 10, height + 20, "Pulses over time", marks)


def pareto(points: Sequence[tuple[float, float, str, str]], x_name: str, y_name: str) -> str:
    """A scatter plot: (x, y, words, class) a point. Points can be reached by keyboard; a script redraws other axes."""
    width, height, left, bottom = 640, 360, 64, 44
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    across, up = _span(xs), _span(ys)
    marks = [
        f'<line class="axis" x1="{left}" y1="{height - bottom}" x2="{width - 8}" y2="{height - bottom}"/>',
        f'<line class="axis" x1="{left}" y1="8" x2="{left}" y2="{height - bottom}"/>',
    ]
    for k in range(5):
        x = left + 8 + (width - left - 24) * k / 4
        y = height - bottom - 8 - (height - bottom - 24) * k / 4
        marks.append(f'<text class="tick tick-x" x="{x:.1f}" y="{height - bottom + 16}">'
                     f"{across[0] + (across[1] - across[0]) * k / 4:.4g}</text>")  # fmt: skip
        marks.append(f'<text class="tick tick-y" x="{left - 6}" y="{y + 4:.1f}">'
                     f"{up[0] + (up[1] - up[0]) * k / 4:.4g}</text>")  # fmt: skip
    for number, (x, y, words, kind) in enumerate(points):
        cx = left + 8 + (width - left - 24) * (x - across[0]) / (across[1] - across[0])
        cy = height - bottom - 8 - (height - bottom - 24) * (y - up[0]) / (up[1] - up[0])
        marks.append(f'<circle class="point {kind}" tabindex="0" role="img" aria-label="{escape(words, True)}" '
                     f'data-point="{number}" cx="{cx:.1f}" cy="{cy:.1f}" r="6"><title>{escape(words)}</title>'
                     "</circle>")  # fmt: skip
    marks.append(f'<text class="label label-x" x="{width / 2:g}" y="{height - 6}">{escape(x_name)}</text>')
    marks.append(f'<text class="label label-y" x="14" y="{height / 2:g}" transform="rotate(-90 14 {height / 2:g})">'
                 f"{escape(y_name)}</text>")  # fmt: skip
    return _svg(width, height, f"{y_name} over {x_name}", marks, wide=True)


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _svg(width: float, height: float, name: str, marks: Sequence[str], *, wide: bool = False) -> str:
    size = "" if wide else f' width="{width:g}" height="{height:g}"'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"{size} role="group" '
            f'aria-label="{escape(name, True)}">' + "".join(marks) + "</svg>")  # fmt: skip
