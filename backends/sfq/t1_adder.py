"""A full adder of 27 junctions around the T1 cell: three staggered inputs merge into its toggling loop.

The loop's parity is the sum, read by `clk`; the second pulse leaves as the carry at once, and a DFF holds it until
`clk2`. A gate-level full adder takes two XOR, two AND and an OR or merger, their clock splitters and DFFs: about three
times as many junctions. (Parallel counters of T1 cells: JBNN, IEEE Trans. Computers, 2022: 28 JJ.)
"""

from __future__ import annotations

from collections.abc import Sequence

from nc.backends.sfq.circuits import deck, junctions
from nc.backends.sfq.xor import Instance

PERIOD = 100.0
"""ps: 10 GHz."""

OFFSETS = {"a": 0.0, "b": 25.0, "c": 60.0, "clk": 98.0, "clk2": 104.0}
"""ps of each pin's pulse in a period: the inputs reach the loop about 25 ps apart."""

INSTANCES: tuple[Instance, ...] = (
    ("merge_ab", "MERGE", {"a": "a", "b": "b", "q": "w1"}),
    ("between", "JTL", {"a": "w1", "q": "w2"}),
    ("merge_c", "MERGE", {"a": "w2", "b": "c", "q": "w3"}),
    ("into", "JTL", {"a": "w3", "q": "t"}),
    ("count", "T1", {"t": "t", "clk": "clk", "s": "s", "co": "k"}),
    ("hold", "DFF", {"a": "k", "clk": "clk2", "q": "co"}),
)

JUNCTIONS = sum(junctions(kind) for _, kind, _ in INSTANCES)


def bench(inputs: Sequence[int], *, start: float = 100.0) -> str:
    """A deck that applies `inputs` (a + 2 b + 4 c), one a period; outputs at `Xload_s_1.B2`, `Xload_co_1.B2`."""
    slots = [start + PERIOD * i for i in range(len(inputs))]
    applied = {
        pin: [t + OFFSETS[pin] for t, x in zip(slots, inputs) if x >> bit & 1]
        for bit, pin in enumerate(("a", "b", "c"))
    }
    applied |= {pin: [t + OFFSETS[pin] for t in slots] for pin in ("clk", "clk2")}
    return deck(INSTANCES, applied, ["s", "co"], stop=slots[-1] + OFFSETS["clk2"] + 100.0)


def slots_of(pin: str, times: Sequence[float], *, start: float = 100.0) -> list[int]:
    """The input slot of each pulse (ps) of the outputs `s` and `co`."""
    offset = OFFSETS[{"s": "clk", "co": "clk2"}[pin]]
    return [int((t - start - offset) // PERIOD) for t in times]
