"""From cells in time to instructions: which bit each cell takes, on which neuron, in which register.

Two sweeps, both linear. The first gives identities: cells take the newest bits of their column, so that many values
go straight from flip-flop to operand and never need a register. The second gives places: every value has exactly one
reading cell, so its register is free again from that cycle on; a value that is stored goes to the neuron with most
free registers.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from nc.backends.threshold.node import Node
from nc.backends.threshold.program import Program, empty_program
from nc.hdl.threshold.shape import PeShape

Array = np.ndarray[Any, Any]

NONE = -1
"""Operand that is absent (a half adder's third)."""


def operand_of_product(product: int) -> int:
    return -2 - 2 * product


def operand_of_addend(bit: int) -> int:
    return -3 - 2 * bit


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def identities(cells: Array, bits: int, columns: int, preloaded: int, products: Array, operands: Array) -> None:
    """Fills operands (n, 3). Value ids: 2i carry and 2i + 1 sum of cell i; preloaded addend bit j: 2n + j;
    products -2 - 2p, streamed addend bits -3 - 2j, -1 absent."""
    n = cells.shape[0]
    stack = np.full((columns + 1, bits + 8), -1, np.int64)
    depth = np.zeros(columns + 1, np.int64)
    next_product = np.zeros(columns, np.int64)
    base = 0
    for j in range(columns):
        next_product[j] = base
        if j < products.size:
            base += products[j]
    for j in range(preloaded):
        stack[j, 0] = 2 * n + j
        depth[j] = 1
    first = 0  # cells of the cycle before, whose sums become readable after this cycle
    i = 0
    older = 0
    while i < n:
        t = cells[i, 0]
        end = i
        while end < n and cells[end, 0] == t:
            end += 1
        # values readable in cycle t: sums of cells before t - 1, carries of cells before t
        while first < i and cells[first, 0] < t:
            j = cells[first, 1] + 1
            stack[j, depth[j]] = 2 * first
            depth[j] += 1
            first += 1
        while older < i and cells[older, 0] < t - 1:
            if cells[older, 5]:
                j = cells[older, 1]
                stack[j, depth[j]] = 2 * older + 1
                depth[j] += 1
            older += 1
        for c in range(i, end):
            j = cells[c, 1]
            k = 0
            for _ in range(cells[c, 2]):
                depth[j] -= 1
                operands[c, k] = stack[j, depth[j]]
                k += 1
            for _ in range(cells[c, 3]):
                operands[c, k] = -2 - 2 * next_product[j]
                next_product[j] += 1
                k += 1
            for _ in range(cells[c, 4]):
                operands[c, k] = -3 - 2 * j
                k += 1
            while k < 3:
                operands[c, k] = -1
                k += 1
        i = end


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def _place(
    cycle: Array,
    with_sum: Array,
    operands: Array,
    override: int,
    emitted: Array,
    neurons: int,
    registers: int,
    lanes: int,
    ports: int,
    preloaded: int,
    source: Array,
    invert: Array,
    threshold: Array,
    write: Array,
    port: Array,
    lane: Array,
    emit: Array,
    preload: Array,
) -> int:
    """Fills the program arrays; `override`: addend bit on the weight-2 operand of the last cell, or -1.

    `emitted[v]` marks result values. Returns 0, or 1 when the registers do not suffice.
    """
    n = cycle.size
    first_q = 1 + lanes
    first_held = first_q + neurons
    first_port = first_held + 3 * neurons
    total = 2 * n + preloaded
    use = np.full(total, -1, np.int64)
    neuron_of = np.full(total, -1, np.int64)
    register_of = np.full(total, -1, np.int64)
    for c in range(n):
        for k in range(3):
            if operands[c, k] >= 0:
                use[operands[c, k]] = cycle[c]
    busy_until = np.full((neurons, registers), -1, np.int64)
    for j in range(preloaded):
        v = 2 * n + j
        i = j % neurons
        neuron_of[v] = i
        register_of[v] = j // neurons
        if j // neurons >= registers:
            return 1
        preload[j] = i * registers + j // neurons
        busy_until[i, j // neurons] = use[v]
    start = 0
    before = 0  # first cell of the cycle before
    before_end = 0
    taken = np.zeros(neurons, np.int64)
    for t in range(source.shape[0]):
        end = start
        while end < n and cycle[end] == t:
            end += 1
        for i in range(neurons):
            taken[i] = 0
        lane_next = 0
        port_next = 0
        # carries first, then the sums of the cells started one cycle ago; stored values choose their neuron first
        for stored in range(2):
            for kind in range(2):
                lo = start if kind == 0 else before
                hi = end if kind == 0 else before_end
                for c in range(lo, hi):
                    if kind == 1 and not with_sum[c]:
                        continue
                    v = 2 * c + kind
                    needs_register = use[v] > t + 1
                    if needs_register == (stored == 1):
                        continue
                    chosen = -1
                    most = -1
                    for i in range(neurons):
                        if taken[i]:
                            continue
                        free = 0
                        if needs_register:
                            for r in range(registers):
                                free += busy_until[i, r] <= t + 1
                        if free > most:
                            most = free
                            chosen = i
                    if chosen < 0 or (needs_register and most == 0):
                        return 1
                    i = chosen
                    taken[i] = 1
                    neuron_of[v] = i
                    if needs_register:
                        for r in range(registers):
                            if busy_until[i, r] <= t + 1:
                                busy_until[i, r] = use[v]
                                register_of[v] = r
                                write[t + 1, i] = r
                                break
                    if emitted[v]:
                        emit[t + 1] = first_q + i
                    if kind == 1:
                        h = neuron_of[2 * c]
                        threshold[t, i] = 3
                        for k in range(3):
                            source[t, i, k] = first_held + 3 * h + k if operands[c, k] != -1 else 0
                        source[t, i, 3] = first_q + h
                        invert[t, i, 3] = True
                        continue
                    threshold[t, i] = 2
                    for k in range(3):
                        o = operands[c, k]
                        if o == -1:
                            source[t, i, k] = 0
                        elif o < 0:
                            if lane_next >= lanes:
                                return 1
                            source[t, i, k] = 1 + lane_next
                            even = (-2 - o) % 2 == 0
                            lane[t, lane_next] = (-2 - o) // 2 if even else -2 - (-3 - o) // 2
                            lane_next += 1
                        elif register_of[o] < 0:
                            source[t, i, k] = first_q + neuron_of[o]
                        else:
                            made = cycle[o // 2] + o % 2 if o < 2 * n else -2
                            if made + 1 == t:
                                source[t, i, k] = first_q + neuron_of[o]
                            else:
                                if port_next >= ports:
                                    return 1
                                source[t, i, k] = first_port + port_next
                                port[t, port_next] = neuron_of[o] * registers + register_of[o]
                                port_next += 1
                    if override >= 0 and c == n - 1:
                        if lane_next >= lanes:
                            return 1
                        source[t, i, 3] = 1 + lane_next
                        lane[t, lane_next] = -2 - override
                        lane_next += 1
        if end > start:
            before = start
            before_end = end
        else:
            before = before_end
        start = end
    return 0


def place(
    node: Node, shape: PeShape, streamed: bool, cycle: Array, with_sum: Array, operands: Array, emitted: Array
) -> Program | None:
    """Instructions for cells given in order of their cycles; None when registers, ports or lanes do not suffice.

    cycle (n,), with_sum (n,) bool, operands (n, 3) as in `identities`; emitted (2n + preloaded,) bool marks results.
    """
    preloaded = node.columns if node.addend and not streamed else 0
    length = int((cycle + with_sum).max()) + 2
    program = empty_program(shape, length, preloaded)
    override = node.columns if node.kind == "compare" and streamed and node.addend else -1
    failed = _place(
        cycle,
        with_sum,
        operands,
        override,
        emitted,
        shape.neurons,
        shape.registers,
        shape.fresh,
        shape.reads,
        preloaded,
        program.source,
        program.invert,
        program.threshold,
        program.write,
        program.port,
        program.lane,
        program.emit,
        program.preload,
    )
    if failed:
        return None
    # products of one column are interchangeable: number them in the order in which the lanes take them
    program.lane[program.lane >= 0] = np.arange(node.fan_in)
    return program


def assemble(node: Node, shape: PeShape, streamed: bool, cells: Array) -> Program | None:
    """Instructions for the cells (n, 6) that the search issued."""
    n = len(cells)
    preloaded = node.columns if node.addend and not streamed else 0
    operands = np.full((n, 3), NONE, np.int64)
    bits = max(node.bits(), default=0)
    identities(cells, min(bits, shape.storage), node.columns, preloaded, np.array(node.products, np.int64), operands)
    emitted = np.zeros(2 * n + preloaded, np.bool_)
    if node.kind == "compare":
        emitted[2 * (n - 1)] = True
    else:
        for column in range(node.columns):
            emitted[2 * int(np.flatnonzero(cells[:, 1] == column)[-1]) + 1] = True
    return place(node, shape, streamed, cells[:, 0].astype(np.int64), cells[:, 5].astype(np.bool_), operands, emitted)
