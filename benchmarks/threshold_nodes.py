"""Popcount-threshold nodes on one processing element: cycles, lower bounds and storage, beside the ripple baseline.

    python benchmarks/threshold_nodes.py [--quick] [--json]

Every program is checked by the independent simulator, with 4096 random inputs and thresholds. Without --json the table
goes into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import sections

from nc.backends.threshold.node import Node, popcount_threshold
from nc.backends.threshold.program import Program
from nc.backends.threshold.ripple import ripple_program
from nc.backends.threshold.schedule import optimal_schedule, schedule
from nc.backends.threshold.simulator import check, execute
from nc.hdl.threshold.shape import PeShape

PUBLISHED = {288: 441}
"""Cycles of a 288-input node in the paper (arXiv 2104.01699), recalled."""


def verified(node: Node, program: Program, vectors: int = 4096) -> bool:
    """The program's decisions are [popcount >= T] for random inputs and thresholds near the popcount."""
    rng = np.random.default_rng(node.fan_in)
    bits = rng.random((node.fan_in, vectors)) < 0.5
    total = bits.sum(0)
    threshold = np.clip(total + rng.integers(-2, 4, vectors), 1, node.fan_in)
    addend = np.array([node.addend_for(int(t)) for t in threshold])
    constant = ((addend[None] >> np.arange(node.columns + 1)[:, None]) & 1).astype(np.bool_)
    out = execute(program, _pack(bits), _pack(constant))
    got = np.unpackbits(out.view(np.uint8), axis=1, bitorder="little")[0, :vectors]
    return bool((got == (total >= threshold)).all())


def _pack(bits: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little")).view(np.uint64)


def measure(n: int, neurons: int, streamed: bool, effort: int) -> dict[str, object]:
    shape = PeShape(neurons=neurons)
    node = popcount_threshold(n)
    begin = time.perf_counter()
    exact = n <= 12 and not streamed
    found = optimal_schedule(node, shape, streamed) if exact else schedule(node, shape, streamed, effort)
    seconds = time.perf_counter() - begin
    ripple = ripple_program(node, PeShape(neurons=2, registers=64))
    use = found.usage
    return {
        "n": n,
        "neurons": neurons,
        "threshold": "streamed" if streamed else "preloaded",
        "cycles": found.cycles,
        "lower_bound": found.bounds.full_adders,
        "evaluation_bound": found.bounds.evaluations,
        "any_gate_bound": found.bounds.any_gate,
        "gap": round(found.gap, 4),
        "certified_gap": round(found.certified_gap, 4),
        "optimal": found.optimal,
        "live_bits": use.live_bits,
        "ports": f"{use.fresh_lanes} fresh, {use.stored_reads} reads",
        "ripple_cycles": check(ripple, n).cycles if ripple else None,
        "published_cycles": PUBLISHED.get(n),
        "verified": verified(node, found.program),
        "seconds": round(seconds, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="greedy schedules only, fewer sizes")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args()
    sizes = [9, 72, 288, 1152] if given.quick else [5, 9, 12, 72, 144, 288, 784, 1152, 4608]
    effort = {n: 0 if given.quick or n > 2000 else 1 for n in sizes}
    rows = [measure(n, m, s, effort[n]) for n in sizes for m in (2, 4) for s in (False, True)]
    if given.json:
        print(json.dumps({"rows": rows}))
        return
    columns = {
        "n": "inputs", "neurons": "neurons", "threshold": "T", "cycles": "cycles", "lower_bound": "FA/HA bound",
        "any_gate_bound": "any-gate bound", "gap": "gap to evaluations/N", "live_bits": "live bits",
        "ports": "ports used",
        "ripple_cycles": "ripple tree, 2 neurons", "published_cycles": "published (recalled)",
        "optimal": "proved optimal over",
    }  # fmt: skip
    text = (
        "Cycles of one `[popcount >= T]` node; one program for every T. "
        "Ours by `python benchmarks/threshold_nodes.py`; "
        "all programs checked by the independent simulator of the element's rules. The ripple tree "
        "(published order, one cell a cycle, under the same rules) fills the waits for sums with the next ready "
        "cell.\n\n" + sections.table(rows, columns)
    )
    sections.write("threshold_nodes", "Threshold nodes", text)
    print(text)


if __name__ == "__main__":
    main()
