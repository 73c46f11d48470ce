"""The inner loop of the cycle model, compiled by numba."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

COUNTER, REGISTERS, MEMORY, DIRECT = 0, 1, 2, 3


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def run(
    kind: Any, capacity: Any, initial: Any, writer: Any, steps: Any, delay: Any, start: Any, uses: Any, table: Any,
    samples: int,
) -> Any:  # fmt: skip
    """(clock of each sample's last token in, of its first and of its last token out, most tokens by place, steps by
    process, clocks).

    Fewer samples come out when the model is stuck. A place is a counter, a FIFO of registers (`level`), of memory
    (`level` in the memory, `ready` in its output register), or a wire. Process 0 is the source, the last the sink.
    """
    places, processes = len(kind), len(steps)
    level, ready = initial.copy(), np.zeros(places, np.int64)
    pushed, popped = np.zeros(places, np.int64), np.zeros(places, np.int64)
    most = np.zeros(places, np.int64)
    position, made = np.zeros(processes, np.int64), np.zeros(processes, np.int64)
    pipe, out = np.zeros(processes, np.int64), np.full(processes, -1, np.int64)
    for p in range(processes):
        for u in range(start[p], start[p + 1]):
            if uses[u, 1] == 1 and kind[uses[u, 0]] != COUNTER:
                out[p] = uses[u, 0]
    ins, outs, ends = np.zeros(samples, np.int64), np.zeros(samples, np.int64), np.zeros(samples, np.int64)
    n_in, n_out, cycle = 0, 0, 0
    while n_out < samples:
        moved = False
        for p in range(processes - 1, -1, -1):
            tail = 0
            if delay[p] > 0:
                tail = (pipe[p] >> (delay[p] - 1)) & 1
                if tail:
                    c = out[p]
                    if kind[c] == DIRECT:
                        free = popped[c] > 0
                    else:
                        free = level[c] < capacity[c]
                        if free:
                            pushed[c] = 1
                    if not free:
                        continue
            can = True
            for u in range(start[p], start[p + 1]):
                amount = table[uses[u, 2] + position[p]]
                if amount == 0:
                    continue
                c = uses[u, 0]
                if uses[u, 1] == 0:
                    if kind[c] == MEMORY:
                        can = can and ready[c] > 0
                    elif kind[c] == DIRECT:
                        w = writer[c]
                        can = can and (pipe[w] >> (delay[w] - 1)) & 1 == 1
                    else:
                        can = can and level[c] >= amount
                elif delay[p] == 0 and kind[c] != COUNTER:
                    can = can and level[c] < capacity[c]
                if not can:
                    break
            gave = 0
            if can:
                for u in range(start[p], start[p + 1]):
                    amount = table[uses[u, 2] + position[p]]
                    if amount == 0:
                        continue
                    c = uses[u, 0]
                    if uses[u, 1] == 0:
                        popped[c] += amount
                    elif kind[c] == COUNTER or delay[p] == 0:
                        pushed[c] += amount
                    else:
                        gave = 1
                if p == 0 and position[p] == steps[p] - 1:
                    if n_in < samples:
                        ins[n_in] = cycle
                    n_in += 1
                if p == processes - 1:
                    if position[p] == 0:
                        outs[n_out] = cycle
                    if position[p] == steps[p] - 1:
                        ends[n_out] = cycle
                        n_out += 1
                position[p] = 0 if position[p] == steps[p] - 1 else position[p] + 1
                made[p] += 1
                moved = True
                if n_out == samples:
                    break
            if delay[p] > 0:
                if pipe[p] or gave:
                    moved = True
                pipe[p] = ((pipe[p] << 1) | gave) & ((1 << delay[p]) - 1)
        for c in range(places):
            if kind[c] == MEMORY:
                fetch = level[c] > 0 and (ready[c] == 0 or popped[c] > 0)
                if popped[c] > 0:
                    ready[c] = 0
                if fetch:
                    ready[c] = 1
                    level[c] -= 1
                    moved = True
                level[c] += pushed[c]
                most[c] = max(most[c], level[c] + ready[c])
            elif kind[c] != DIRECT:
                level[c] += pushed[c] - popped[c]
                most[c] = max(most[c], level[c])
            pushed[c] = 0
            popped[c] = 0
        cycle += 1
        if not moved:
            break
    return ins, outs[:n_out], ends, most, made, cycle
