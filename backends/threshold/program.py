"""A PE program: one wide instruction a cycle, as struct-of-arrays; the text form used in listings and golden files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.hdl.threshold.shape import IDLE_THRESHOLD, PeShape

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Program:
    """Instructions of `length` L cycles on `shape`; N neurons, P read ports, B fresh lanes.

    source (L, N, 4): operand sources of slots a, b, c (weight 1) and d (weight 2);
    invert (L, N, 4): free inversion of each operand; threshold (L, N): 1..5, or 7 for an idle neuron;
    write (L, N): register of the neuron that takes the value now in its output flip-flop, or -1;
    port (L, P): neuron * registers + register that each read port shows, or -1;
    lane (L, B): what each fresh lane carries: product index >= 0, addend bit j as -2 - j, or -1 (nothing);
    emit (L,): source of the result bit given out in this cycle, or -1; emitted bits come in the order of the columns;
    preload (K,): register (as in port) that holds addend bit j before the first cycle; empty when C is streamed.
    """

    shape: PeShape
    source: Array
    invert: Array
    threshold: Array
    write: Array
    port: Array
    lane: Array
    emit: Array
    preload: Array

    @property
    def length(self) -> int:
        return int(self.source.shape[0])

    def __str__(self) -> str:
        return "\n".join(self.line(t) for t in range(self.length))

    def line(self, t: int) -> str:
        """One instruction: lanes, ports, writes, neurons; for reading by people."""
        shape = self.shape
        parts = []
        for b, what in enumerate(self.lane[t]):
            if what != -1:
                parts.append(f"f{b}={'x' + str(what) if what >= 0 else 'c' + str(-2 - what)}")
        for p, register in enumerate(self.port[t]):
            if register >= 0:
                parts.append(f"r{p}={register // shape.registers}.{register % shape.registers}")
        for i in range(shape.neurons):
            if self.write[t, i] >= 0:
                parts.append(f"{i}.{self.write[t, i]}<=q{i}")
        for i in range(shape.neurons):
            if self.threshold[t, i] == IDLE_THRESHOLD:
                continue
            terms = [
                ("2*" if k == 3 else "") + ("~" if self.invert[t, i, k] else "") + shape.source_name(int(s))
                for k, s in enumerate(self.source[t, i])
                if s != 0 or self.invert[t, i, k]
            ]
            parts.append(f"n{i}=[{'+'.join(terms)}>={self.threshold[t, i]}]")
        if self.emit[t] >= 0:
            parts.append(f"emit {shape.source_name(int(self.emit[t]))}")
        return f"{t}: " + " ".join(parts)


def empty_program(shape: PeShape, length: int, preload: int = 0) -> Program:
    """A program in which nothing happens for `length` cycles."""
    n = shape.neurons
    return Program(
        shape=shape,
        source=np.zeros((length, n, 4), np.int16),
        invert=np.zeros((length, n, 4), np.bool_),
        threshold=np.full((length, n), IDLE_THRESHOLD, np.int8),
        write=np.full((length, n), -1, np.int16),
        port=np.full((length, shape.reads), -1, np.int16),
        lane=np.full((length, shape.fresh), -1, np.int32),
        emit=np.full(length, -1, np.int16),
        preload=np.full(preload, -1, np.int16),
    )
