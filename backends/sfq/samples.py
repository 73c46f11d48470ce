"""Circuits made here, for tests and benchmarks: adders, multiplier, popcount, priority chain, random logic."""

from __future__ import annotations

import numpy as np

from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import YOSYS_GATES


def full_adder(make: NetlistBuilder, a: int, b: int, c: int) -> tuple[int, int]:
    half = make.cell("$_XOR_", [a, b])[0]
    total = make.cell("$_XOR_", [half, c])[0]
    carry = make.cell("$_OR_", [make.cell("$_AND_", [a, b])[0], make.cell("$_AND_", [half, c])[0]])[0]
    return total, carry


def ripple_adder(width: int) -> Netlist:
    make = NetlistBuilder(f"adder{width}", YOSYS_GATES)
    a, b, carry, total = make.input("a", width), make.input("b", width), 0, []
    for x, y in zip(a, b):
        bit, carry = full_adder(make, x, y, carry)
        total.append(bit)
    make.output("s", [*total, carry])
    return make.build()


def multiplier(width: int) -> Netlist:
    """Carry-save array."""
    make = NetlistBuilder(f"multiplier{width}", YOSYS_GATES)
    a, b = make.input("a", width), make.input("b", width)
    columns: list[list[int]] = [[] for _ in range(2 * width + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            columns[i + j] += make.cell("$_AND_", [x, y])
    total = []
    for i in range(2 * width):
        while len(columns[i]) > 1:
            x, y, z = (*columns[i][:2], 0) if len(columns[i]) == 2 else columns[i][:3]
            del columns[i][:3]
            bit, carry = full_adder(make, x, y, z)
            columns[i].append(bit)
            columns[i + 1].append(carry)
        total.append(columns[i][0] if columns[i] else 0)
    make.output("p", total)
    return make.build()


def priority(width: int) -> Netlist:
    """One-hot of the lowest set bit, and whether there is one."""
    make = NetlistBuilder(f"priority{width}", YOSYS_GATES)
    none, hot = 1, []
    for bit in make.input("x", width):
        hot.append(make.cell("$_AND_", [bit, none])[0])
        none = make.cell("$_ANDNOT_", [none, bit])[0]
    make.output("hot", hot)
    make.output("none", [none])
    return make.build()


def popcount(width: int) -> Netlist:
    make = NetlistBuilder(f"popcount{width}", YOSYS_GATES)
    columns: list[list[int]] = [make.input("x", width)]
    total = []
    for column in columns:
        while len(column) > 1:
            a, b, c = (*column[:2], 0) if len(column) == 2 else column[:3]
            del column[:3]
            bit, carry = full_adder(make, a, b, c)
            column.append(bit)
            if column is columns[-1]:
                columns.append([])
            columns[columns.index(column) + 1].append(carry)
        total.append(column[0])
    make.output("n", total)
    return make.build()


def random_logic(seed: int, inputs: int, cells: int, outputs: int) -> Netlist:
    rng, make = np.random.default_rng(seed), NetlistBuilder(f"random{seed}", YOSYS_GATES)
    nets = make.input("x", inputs)
    for _ in range(cells):
        kind = str(rng.choice(["$_AND_", "$_OR_", "$_XOR_", "$_NOT_", "$_MUX_"]))
        width = len(YOSYS_GATES[kind].inputs)
        nets += make.cell(kind, [nets[max(0, len(nets) - 1 - int(rng.exponential(20)))] for _ in range(width)])
    make.output("y", nets[-outputs:])
    return make.build()
