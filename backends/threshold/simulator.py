"""The PE's rules as an independent simulator: it knows programs and shapes, and nothing of how they were made.

Rules, a cycle: at most B fresh lanes, each product used in one cycle only; register reads only through the P ports;
a neuron's output is readable from its flip-flop Q one cycle after its evaluation and, when written then, from its own
register two cycles after; the weight-1 operands of a neuron can be read again in the next cycle (held).
`check` proves a program legal and counts what it uses; `execute` runs it on 64 vectors a machine word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from nc.backends.threshold.program import Program
from nc.hdl.threshold.shape import IDLE_THRESHOLD
from nc.ir.diagnostics import InternalError

Array = np.ndarray[Any, Any]

_BROKEN = {
    1: "a fresh lane is read that carries nothing",
    2: "a port is read that shows no register",
    3: "a register is read before it was written",
    4: "a held operand is read that was not used in the cycle before",
    5: "a neuron output is read that was not evaluated in the cycle before",
    6: "a product is not used in exactly one cycle",
    7: "an addend bit is not used exactly once",
    8: "a source number is out of range",
    9: "a port or a write names a register that does not exist",
    10: "a threshold is not 1..5 or idle",
    11: "an idle output is written",
    12: "the weight-2 operand reads something else than 0, a fresh lane or a flip-flop",
}


@dataclass(frozen=True)
class Usage:
    """What a program used: `cycles` end with the last evaluation (its result is emitted in the first cycle of whatever
    comes next); `live_bits` counts every stored bit that is still to be read (registers, output
    flip-flops, held operands) at its peak; `stored_reads` are register and flip-flop reads for operands other than
    held ones and other than a sum's own carry, at their peak in one cycle; `evaluations` are busy neuron cycles."""

    cycles: int
    evaluations: int
    live_bits: int
    register_bits: int
    stored_reads: int
    port_reads: int
    fresh_lanes: int

    @property
    def utilisation(self) -> float:
        return self.evaluations / self.cycles if self.cycles else 0.0


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _check(
    source: Array,
    threshold: Array,
    write: Array,
    port: Array,
    lane: Array,
    emit: Array,
    preload: Array,
    registers: int,
    products: int,
    used: Array,
) -> tuple[int, int]:
    """Returns (0, 0) or (broken rule, cycle); fills used = evaluations, live, register bits, reads, ports, lanes."""
    cycles, neurons = threshold.shape
    lanes = lane.shape[1]
    ports = port.shape[1]
    first_q = 1 + lanes
    first_held = first_q + neurons
    first_port = first_held + 3 * neurons
    values = preload.size + cycles * neurons  # value ids: preloaded bits, then one for each evaluation
    product_base = values  # held fresh bits need ids of their own: one for each lane and cycle
    total = values + cycles * lanes
    born = np.full(total, -1, np.int64)
    last = np.full(total, -1, np.int64)
    in_register = np.full(values, -1, np.int64)
    memory = np.full(neurons * registers, -1, np.int64)
    q = np.full(neurons, -1, np.int64)
    held = np.full((neurons, 3), -1, np.int64)
    next_held = np.full((neurons, 3), -1, np.int64)
    product_seen = np.zeros(products, np.int8)
    addend_seen = np.zeros(64, np.int8)
    for j in range(preload.size):
        memory[preload[j]] = j
        born[j] = 0
        in_register[j] = 0
        addend_seen[j] = 1
    register_last = np.full(values, -1, np.int64)
    for t in range(cycles):
        for b in range(lanes):
            what = lane[t, b]
            if what >= 0:
                if what >= products or product_seen[what]:
                    return 6, t
                product_seen[what] = 1
            elif what <= -2:
                if addend_seen[-2 - what]:
                    return 7, t
                addend_seen[-2 - what] = 1
        reads = 0
        port_count = 0
        lane_count = 0
        for p in range(ports):
            if port[t, p] >= memory.size:
                return 9, t
            port_count += port[t, p] >= 0
        for b in range(lanes):
            lane_count += lane[t, b] != -1
        used[4] = max(used[4], port_count)
        used[5] = max(used[5], lane_count)
        for i in range(neurons + 1):
            if i < neurons and threshold[t, i] == 7:
                for k in range(3):
                    next_held[i, k] = -1
                continue
            if i < neurons:
                if threshold[t, i] < 1 or threshold[t, i] > 5:
                    return 10, t
                used[0] += 1
            for k in range(4):
                if i == neurons:  # the emitted bit is a read like any other
                    if k > 0 or emit[t] < 0:
                        continue
                    s = emit[t]
                else:
                    s = source[t, i, k]
                value = -1
                if s < 0 or s >= first_port + ports:
                    return 8, t
                if k == 3 and s >= first_held:
                    return 12, t
                if s == 0:
                    value = -1
                elif s < first_q:
                    if lane[t, s - 1] == -1:
                        return 1, t
                    value = product_base + t * lanes + s - 1
                    if born[value] < 0:
                        born[value] = t + 1
                elif s < first_held:
                    value = q[s - first_q]
                    if value < 0:
                        return 5, t
                    reads += k < 3 and i < neurons
                elif s < first_port:
                    value = held[(s - first_held) // 3, (s - first_held) % 3]
                    if value < 0:
                        return 4, t
                else:
                    if port[t, s - first_port] < 0:
                        return 2, t
                    value = memory[port[t, s - first_port]]
                    if value < 0:
                        return 3, t
                    register_last[value] = t
                    reads += i < neurons
                if value >= 0:
                    last[value] = t
                if i < neurons and k < 3:
                    next_held[i, k] = value
        used[3] = max(used[3], reads)
        for i in range(neurons):
            if write[t, i] >= 0:
                if write[t, i] >= registers:
                    return 9, t
                if q[i] < 0:
                    return 11, t
                memory[i * registers + write[t, i]] = q[i]
                in_register[q[i]] = t + 1
        for i in range(neurons):
            q[i] = -1
            if threshold[t, i] != 7:
                q[i] = preload.size + t * neurons + i
                born[q[i]] = t + 1
            for k in range(3):
                held[i, k] = next_held[i, k]
    for p in range(products):
        if not product_seen[p]:
            return 6, cycles
    change = np.zeros(cycles + 2, np.int64)
    stored = np.zeros(cycles + 2, np.int64)
    for v in range(total):
        if born[v] >= 0 and last[v] >= born[v]:
            change[born[v]] += 1
            change[last[v] + 1] -= 1
    for v in range(values):
        if in_register[v] >= 0 and register_last[v] >= in_register[v]:
            stored[in_register[v]] += 1
            stored[register_last[v] + 1] -= 1
    live = 0
    bits = 0
    for t in range(cycles + 1):
        live += change[t]
        bits += stored[t]
        used[1] = max(used[1], live)
        used[2] = max(used[2], bits)
    return 0, 0


def check(program: Program, products: int) -> Usage:
    """Prove every rule for `program` over `products` product bits; raises InternalError naming rule and cycle."""
    used = np.zeros(6, np.int64)
    rule, cycle = _check(
        program.source,
        program.threshold,
        program.write,
        program.port,
        program.lane,
        program.emit,
        program.preload,
        program.shape.registers,
        products,
        used,
    )
    if rule:
        line = program.line(cycle) if cycle < program.length else "end of program"
        raise InternalError(f"illegal PE program: {_BROKEN[rule]} (cycle {cycle}: {line})")
    evaluations, live, bits, reads, ports, lanes = (int(x) for x in used)
    busy = np.flatnonzero((program.threshold != IDLE_THRESHOLD).any(axis=1))
    return Usage(int(busy[-1]) + 1 if busy.size else 0, evaluations, live, bits, reads, ports, lanes)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _execute(
    source: Array,
    invert: Array,
    threshold: Array,
    write: Array,
    port: Array,
    lane: Array,
    emit: Array,
    preload: Array,
    registers: int,
    products: Array,
    addend: Array,
    out: Array,
) -> None:
    cycles, neurons = threshold.shape
    lanes = lane.shape[1]
    ports = port.shape[1]
    words = products.shape[1]
    ones = np.uint64(0xFFFFFFFFFFFFFFFF)
    zero = np.uint64(0)
    first_q = 1 + lanes
    first_held = first_q + neurons
    first_port = first_held + 3 * neurons
    for w in range(words):
        memory = np.zeros(neurons * registers, np.uint64)
        value = np.zeros(first_port + ports, np.uint64)
        result = np.zeros(neurons, np.uint64)
        for j in range(preload.size):
            memory[preload[j]] = addend[j, w]
        emitted = 0
        for t in range(cycles):
            for b in range(lanes):
                what = lane[t, b]
                if what >= 0:
                    value[1 + b] = products[what, w]
                elif what <= -2:
                    value[1 + b] = addend[-2 - what, w]
                else:
                    value[1 + b] = zero
            for p in range(ports):
                value[first_port + p] = memory[port[t, p]] if port[t, p] >= 0 else zero
            if emit[t] >= 0:
                out[emitted, w] = value[emit[t]]
                emitted += 1
            for i in range(neurons):
                a = value[source[t, i, 0]] ^ (ones if invert[t, i, 0] else zero)
                b2 = value[source[t, i, 1]] ^ (ones if invert[t, i, 1] else zero)
                c = value[source[t, i, 2]] ^ (ones if invert[t, i, 2] else zero)
                d = value[source[t, i, 3]] ^ (ones if invert[t, i, 3] else zero)
                s = a ^ b2 ^ c  # a + b + c = 2m + s, so the weighted sum is 4(d&m) + 2(d^m) + s
                m = (a & b2) | (c & (a | b2))
                level = threshold[t, i]
                if level == 1:
                    r = a | b2 | c | d
                elif level == 2:
                    r = d | m
                elif level == 3:
                    r = (d & m) | ((d ^ m) & s)
                elif level == 4:
                    r = d & m
                elif level == 5:
                    r = d & m & s
                else:
                    r = zero
                result[i] = r
            for i in range(neurons):
                if write[t, i] >= 0:
                    memory[i * registers + write[t, i]] = value[first_q + i]
            held = np.zeros(3 * neurons, np.uint64)
            for i in range(neurons):
                for k in range(3):
                    held[3 * i + k] = value[source[t, i, k]] ^ (ones if invert[t, i, k] else zero)
            for k in range(3 * neurons):
                value[first_held + k] = held[k]
            for i in range(neurons):
                value[first_q + i] = result[i]


def execute(program: Program, products: Array, addend: Array) -> Array:
    """Run `program` bit-parallel. products (n, W) and addend (K + 1, W) uint64, 64 vectors a word, each vector with
    its own products and its own addend; returns the emitted bits (number of emits, W) uint64 in emission order."""
    out = np.zeros((int(np.count_nonzero(program.emit >= 0)), products.shape[1]), np.uint64)
    _execute(
        program.source,
        program.invert,
        program.threshold,
        program.write,
        program.port,
        program.lane,
        program.emit,
        program.preload,
        program.shape.registers,
        products,
        addend,
        out,
    )
    return out
