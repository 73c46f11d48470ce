"""The cycle model: every process, FIFO and pipeline of a dataflow, clock by clock, exactly as the hardware moves.

A process makes at most one step a clock. FIFOs answer from registers, so what a clock does depends on nothing but the
state before it; only a wire (depth 0) lets a reader take from the end of a pipeline in the same clock, which is why
processes are visited from the output to the input. The state is finite and nothing depends on data, so a run that
comes back to its steady rhythm can never get stuck later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nc.ir.dataflow.graph import SMALL, WIRE, Dataflow, Source
from nc.ir.dataflow.streams import IntArray, Process
from nc.ir.diagnostics import fail

COUNTER, REGISTERS, MEMORY, DIRECT = 0, 1, 2, 3
STEADY = 3  # equal intervals in a row that count as the steady state
MOST_SAMPLES = 40
LEAST_SAMPLES = 4


@dataclass(frozen=True)
class Prediction:
    """`latency`: clocks from a sample's last token in to its first token out (its last one, where the first comes out
    before all are in); `first`: clocks until the first sample is
    out whole; `ii`: clocks between samples, once
    `settle` samples have passed; `cycles` until the last of `samples` was out; `held`: the most tokens that lay in the
    FIFO in front of (node, input); `busy`: by node, the share of clocks in which its slowest process stepped."""

    latency: int
    first: int
    ii: float
    settle: int
    samples: int
    cycles: int
    held: Mapping[tuple[int, int], int]
    busy: Mapping[str, float]


def predict(flow: Dataflow, *, samples: int | None = None, slim: bool = False) -> Prediction:
    """Run the model with a source and a sink that never pause, until the rhythm is steady (or for `samples`).

    `slim`: pipelines hold one token only, the least that they can hold in any schedule: a dataflow that lives so lives
    under any pauses. Raises NC612 when it gets stuck.
    """
    model = _Model(flow, slim)
    asked = samples or LEAST_SAMPLES
    while True:
        ins, outs, ends, held, steps, cycles = model.run(asked)
        gaps = np.diff(outs)
        if len(outs) < asked:
            fail("NC612", f"the dataflow must never get stuck, and it stops after {cycles} clocks with {len(outs)} of "
                 f"{asked} samples out", help="deepen the FIFOs of the branches that join")  # fmt: skip
        same = len(gaps) and int(np.argmax(np.append(gaps[::-1] != gaps[-1], True)))
        if samples or same >= STEADY or asked >= MOST_SAMPLES:
            break
        asked = min(MOST_SAMPLES, asked * 2)
    ii = (
        float(gaps[-1])
        if same >= min(STEADY, len(gaps)) and len(gaps)
        else float(gaps[len(gaps) // 2 :].mean() if len(gaps) else 0)
    )
    wait = int(outs[0] - ins[0])
    return Prediction(
        latency=wait if wait >= 0 else int(ends[0] - ins[0]),
        first=int(ends[0]) + 1,
        ii=int(ii) if ii == int(ii) else ii,
        settle=len(gaps) - int(same),
        samples=asked,
        cycles=int(cycles),
        held={key: int(held[c]) for key, c in model.fifo.items()},
        busy=model.busy(steps, cycles),
    )


class _Model:
    """The dataflow as flat arrays."""

    def __init__(self, flow: Dataflow, slim: bool) -> None:
        self.flow = flow
        self.kind: list[int] = []
        self.capacity: list[int] = []
        self.initial: list[int] = []
        self.fifo: dict[tuple[int, int], int] = {}
        self.processes: list[tuple[Process, dict[str, int]]] = []
        self.owner: list[int] = []
        place: dict[Source, int] = {}
        for index, node in enumerate(flow.nodes):
            for port, (source, depth) in enumerate(zip(node.inputs, node.depths)):
                place[source] = self.fifo[index, port] = self._fifo(depth)
        place[flow.output] = self.fifo[len(flow.nodes), 0] = self._fifo(flow.output_depth)
        ones = np.ones(flow.input.count, np.int64)
        self._process(Process(flow.input.count, {}, {"out0": ones}), {"out0": place[Source(-1)]}, -1)
        for index, node in enumerate(flow.nodes):
            behaviour = node.actor.behaviour(*flow.inputs(node))
            names = {name: self._counter(start) for name, start in behaviour.counters.items()}
            names |= {f"in{k}": self.fifo[index, k] for k in range(len(node.inputs))}
            names |= {f"out{s.port}": c for s, c in place.items() if s.node == index}
            for process in behaviour.processes:
                delay = min(process.delay, 1) if slim else process.delay
                self._process(replace(process, delay=delay), names, index)
        ones = np.ones(flow.result.count, np.int64)
        self._process(Process(flow.result.count, {"in0": ones}, {}), {"in0": place[flow.output]}, len(flow.nodes))

    def _fifo(self, depth: int) -> int:
        self.kind.append(DIRECT if depth == WIRE else REGISTERS if depth <= SMALL else MEMORY)
        self.capacity.append(depth)
        self.initial.append(0)
        return len(self.kind) - 1

    def _counter(self, start: int) -> int:
        self.kind.append(COUNTER)
        self.capacity.append(0)
        self.initial.append(start)
        return len(self.kind) - 1

    def _process(self, process: Process, names: Mapping[str, int], owner: int) -> None:
        used = {n: names[n] for n in (*process.takes, *process.gives)}
        self.processes.append((process, used))
        self.owner.append(owner)

    def run(self, samples: int) -> Any:
        from nc.ir.dataflow.cycle_kernel import run

        tables: list[IntArray] = []
        uses: list[tuple[int, int, int]] = []
        start, offset = [0], 0
        writer = np.full(len(self.kind), -1, np.int64)
        for number, (process, used) in enumerate(self.processes):
            for give, rows in ((0, process.takes), (1, process.gives)):
                for name, row in rows.items():
                    uses.append((used[name], give, offset))
                    tables.append(np.asarray(row, np.int32))
                    offset += process.steps
                    if give and self.kind[used[name]] != COUNTER:
                        writer[used[name]] = number
            start.append(len(uses))
        steps = np.array([p.steps for p, _ in self.processes], np.int64)
        delay = np.array([p.delay for p, _ in self.processes], np.int64)
        return run(
            np.array(self.kind, np.int64), np.array(self.capacity, np.int64), np.array(self.initial, np.int64), writer,
            steps, delay, np.array(start, np.int64), np.array(uses, np.int64).reshape(-1, 3),
            np.concatenate(tables), samples,
        )  # fmt: skip

    def busy(self, steps: IntArray, cycles: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for owner, count in zip(self.owner, steps.tolist()):
            if 0 <= owner < len(self.flow.nodes):
                name = self.flow.nodes[owner].name
                found[name] = round(max(found.get(name, 0.0), count / max(cycles, 1)), 4)
        return found
