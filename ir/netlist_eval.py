"""Bit-parallel evaluation of a netlist: 64 vectors a word, one numpy operation for all like cells of a level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.netlist import TRUE, Bytes, Ints, Longs, Netlist
from nc.ir.netlist_cells import CellType, Words

BitArray = np.ndarray[Any, Any]


def pack(bits: BitArray) -> Words:
    """(N, k) bits -> (k, ceil(N / 64)) words; vector v is bit v % 64 of word v // 64."""
    n, k = bits.shape
    padded = np.zeros((k, -(-n // 64) * 64), np.uint8)
    padded[:, :n] = np.asarray(bits).T != 0
    words: Words = np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64, copy=False)
    return words


def unpack(words: Words, n: int) -> Bytes:
    """The inverse of `pack`: (k, words) -> (n, k) bits."""
    raw = np.ascontiguousarray(words.astype("<u8", copy=False)).view(np.uint8)
    return np.ascontiguousarray(np.unpackbits(raw, axis=1, bitorder="little")[:, :n].T)


def to_bits(values: BitArray, width: int) -> Bytes:
    """(...) integers -> (..., width) bits, least significant first, two's complement."""
    wide = np.asarray(values, np.int64)[..., None]
    bits: Bytes = ((wide >> np.minimum(np.arange(width), 63)) & 1).astype(np.uint8)
    return bits


def from_bits(bits: BitArray, *, signed: bool = False) -> Longs:
    """(..., width) bits -> (...) integers; width at most 63 (64 when signed)."""
    weights = np.int64(1) << np.arange(bits.shape[-1], dtype=np.int64)
    if signed:
        weights[-1] = -weights[-1]
    return np.asarray(bits, np.int64) @ weights


class Evaluator:
    """A netlist scheduled once, run many times. `run` takes and returns packed words, in the order of the ports."""

    def __init__(self, netlist: Netlist):
        if len(netlist.clock_nets) > 1:
            names = ", ".join(netlist.net_name(int(net)) for net in netlist.clock_nets)
            fail("NC285", f"netlist '{netlist.name}' must have one clock, not {len(netlist.clock_nets)}", op=names)
        self.netlist = netlist
        self._plan: list[tuple[int, CellType, Ints]] = []
        self._flops: list[tuple[CellType, Longs, Ints]] = []
        levels = netlist.levels
        for kind, cells, pins in netlist.groups():
            if kind.sequential:
                self._flops.append((kind, cells, pins))
                continue
            order = np.argsort(levels[cells], kind="stable")
            ranked = levels[cells][order]
            cuts = np.flatnonzero(np.diff(ranked)) + 1
            for part in np.split(order, cuts):
                self._plan.append((int(levels[cells[part[0]]]), kind, pins[part]))
        self._plan.sort(key=lambda step: step[0])

    def values(self, words: int) -> Words:
        """The working array (nets, words): constants set, flip-flops at their reset state."""
        held = np.zeros((self.netlist.n_nets, words), np.uint64)
        held[TRUE] = ~np.uint64(0)
        for kind, cells, pins in self._flops:
            reset = np.where(self.netlist.init[cells] != 0, ~np.uint64(0), np.uint64(0))
            held[pins[:, len(kind.inputs) :]] = reset[:, None, None]
        return held

    def settle(self, held: Words) -> None:
        """Combinational cells, level by level, in place."""
        for _, kind, pins in self._plan:
            n = len(kind.inputs)
            arguments = [held[pins[:, i]] for i in range(n)]
            for i, function in enumerate(kind.compiled):
                held[pins[:, n + i]] = function(*arguments)

    def clock(self, held: Words) -> None:
        """One rising edge of every flip-flop at once, in place."""
        following = []
        for kind, _, pins in self._flops:
            arguments = [held[pins[:, i]] for i in range(len(kind.pins))]
            following += [function(*arguments) for function in kind.compiled]
        done = iter(following)
        for kind, _, pins in self._flops:
            for i in range(len(kind.outputs)):
                held[pins[:, len(kind.inputs) + i]] = next(done)

    @property
    def data_inputs(self) -> list[str]:
        """Names of the input ports that carry data (a port that is the clock alone does not)."""
        clocks = set(self.netlist.clock_nets.tolist())
        return [p.name for p in self.netlist.inputs if not (p.width == 1 and int(p.nets[0]) in clocks)]

    def checked(self, inputs: Mapping[str, BitArray], axes: int) -> dict[str, BitArray]:
        """Inputs as arrays, one for every data port, each with its port's width, or an error that says which."""
        if missing := [name for name in self.data_inputs if name not in inputs]:
            fail("NC285", f"inputs of netlist '{self.netlist.name}' must include {', '.join(missing)}")
        found = {}
        for name in self.data_inputs:
            array, width = np.asarray(inputs[name]), self.netlist.port(name).width
            if array.ndim != axes or array.shape[-1] != width:
                shape = ("T, " if axes == 3 else "") + f"N, {width}"
                fail("NC285", f"input '{name}' must have shape ({shape}), not {array.shape}")
            found[name] = array
        if len({array.shape[:-1] for array in found.values()}) > 1:
            fail("NC285", f"inputs of netlist '{self.netlist.name}' must have the same number of vectors")
        return found


def evaluate(netlist: Netlist, inputs: Mapping[str, BitArray]) -> dict[str, Bytes]:
    """Outputs of a combinational netlist: port name -> (N, width) bits, for inputs of that shape.

    Flip-flops, if any, hold their reset state (use `simulate` to clock them).
    """
    engine = Evaluator(netlist)
    given = engine.checked(inputs, 2)
    n = next((len(array) for array in given.values()), 1)
    held = engine.values(-(-n // 64))
    for name, array in given.items():
        held[netlist.port(name).nets] = pack(array)
    engine.settle(held)
    return {port.name: unpack(held[port.nets], n) for port in netlist.outputs}


def simulate(netlist: Netlist, inputs: Mapping[str, BitArray], cycles: int = 0) -> dict[str, Bytes]:
    """N independent runs of a clocked netlist from reset: inputs (T, N, width) -> outputs (T, N, width).

    Outputs of cycle t are those that settle before the t-th rising edge. `cycles` is T for a netlist without inputs.
    """
    engine = Evaluator(netlist)
    given = engine.checked(inputs, 3)
    t, n = next((array.shape[:2] for array in given.values()), (cycles, 1))
    held = engine.values(-(-n // 64))
    found = {port.name: np.zeros((t, n, port.width), np.uint8) for port in netlist.outputs}
    for cycle in range(t):
        for name, array in given.items():
            held[netlist.port(name).nets] = pack(array[cycle])
        engine.settle(held)
        for port in netlist.outputs:
            found[port.name][cycle] = unpack(held[port.nets], n)
        engine.clock(held)
    return found
