"""SFQ figures: balancing DFFs and junctions of circuits for 1 to 4 clock phases. Run: python benchmarks/sfq.py

    --quick      small circuits only          --json   one JSON object on stdout, nothing else
    --circuits   a folder of .aig/.blif/.v files beside those made here (default: $NC_SHARED/data/circuits, if set)

Renders its table into docs/benchmarks.md between its own markers.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from nc.backends.sfq import samples
from nc.backends.sfq.balance import schedule
from nc.backends.sfq.library import load_library
from nc.backends.sfq.physical import build
from nc.backends.sfq.synthesis import read_source, synthesise
from nc.ir.netlist import Netlist

DOCS = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- sfq: begin -->", "<!-- sfq: end -->"

PUBLISHED = {
    "adder": 14812, "c1908": 421, "c499": 280, "c7552": 2296, "int2float": 124, "priority": 1392, "c432": 514,
    "c880": 561, "c1355": 312, "c3540": 906, "c5315": 2504, "c6288": 2446, "max": 18772, "sin": 7697,
}  # fmt: skip
"""Smallest DFF count (1 phase) of JLS (GLSVLSI 2025, published), PBMap (published) and a plain ABC + LP flow (measured
here earlier)."""


def sources(quick: bool, folder: Path | None) -> Iterator[tuple[str, Netlist]]:
    made = [samples.ripple_adder(16), samples.priority(32), samples.popcount(16), samples.multiplier(4)]
    if not quick:
        made += [samples.ripple_adder(128), samples.priority(128), samples.popcount(64), samples.multiplier(8)]
    for netlist in made:
        yield netlist.name, netlist
    for path in sorted(folder.iterdir()) if folder and not quick else []:
        if path.suffix in (".aig", ".aag", ".blif", ".v"):
            yield path.stem, read_source(path)


def rows_of(name: str, source: Netlist, effort: str) -> Iterator[dict[str, object]]:
    library = load_library()
    done = synthesise(source, library, effort=effort)
    for phases in (1, 2, 3, 4):
        plan = schedule(done.mapped.netlist, phases)
        design = build(done.mapped.netlist, plan, library, wiring="abut")
        jj = design.jj()
        yield {
            "circuit": name, "phases": phases, "gates": done.mapped.netlist.n_cells, "dff": plan.dff,
            "jj_logic": jj["logic"], "jj_balance": jj["balance"], "jj_split": jj["split"], "jj_clock": jj["clock"],
            "jj_total": jj["total"], "depth": plan.depth, "seconds": round(done.seconds, 2),
            "balancing_seconds": round(plan.seconds, 3), "optimal": plan.optimal, "equivalent": done.proved,
            "published_dff": PUBLISHED.get(name) if phases == 1 else None, "recipe": done.mapped.recipe,
        }  # fmt: skip


def table(rows: list[dict[str, object]]) -> str:
    names = ["circuit", "phases", "gates", "depth", "dff", "published_dff", "jj_logic", "jj_balance", "jj_split"]
    names += ["jj_clock", "jj_total", "optimal", "recipe"]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        lines.append("| " + " | ".join("–" if row[n] is None else str(row[n]) for n in names) + " |")
    return "\n".join(lines)


def render(rows: list[dict[str, object]]) -> None:
    """Replace our part of the page; times are left out, so that it only changes with the results."""
    text = DOCS.read_text() if DOCS.exists() else "# Benchmarks\n"
    part = f"{BEGIN}\n## SFQ: path balancing\nMade by `python benchmarks/sfq.py`.\n\n{table(rows)}\n{END}"
    if BEGIN in text:
        before, _, rest = text.partition(BEGIN)
        text = before + part + rest.partition(END)[2]
    else:
        text = text.rstrip() + "\n\n" + part + "\n"
    DOCS.write_text(text)


def main() -> None:
    shared = os.environ.get("NC_SHARED")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--circuits", type=Path, default=Path(shared) / "data" / "circuits" if shared else None)
    given = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name, source in sources(given.quick, given.circuits):
        print(f"{name}: {source.n_cells} gates", file=sys.stderr, flush=True)
        rows += rows_of(name, source, "quick" if given.quick else "normal")
    if given.json:
        print(json.dumps({"benchmark": "sfq", "rows": rows}))
    else:
        print(table(rows))
    if not given.quick:
        render(rows)


if __name__ == "__main__":
    main()
