"""The engine's program: what enters it in every clock period, and the golden model that executes the same streams.

A column of the engine is a neuron: `lanes` XORs a period count into a ripple counter of `stages` bits. A layer is
1. presets: pulses into the counter's fields set it to 2**stages - theta (fields of FIELD bits, so a few periods);
2. data: `lanes` input bits a period, each against its own weight bit (streamed inverted: XOR then is XNOR);
3. an overflow of the counter within these periods means [c >= theta] and is kept in the column's latch;
4. one period in which the counters are cleared and the latches move into the shift register that feeds the lanes.
The last layer has no thresholds: after its data one pulse a period goes into every counter, and the first to overflow
has the largest sum (ties: the lowest index of that period).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.backends.sfq.engine.network import BinaryNetwork, Layer

Array = np.ndarray[Any, Any]

FIELD = 3
"""Bits of the counter that one preset line sets; the lowest field is set through the lanes."""

ZERO, ONE = -1, -2
"""In `Program.x`: no pulse, and a pulse in every image."""


@dataclass(frozen=True)
class Shape:
    """`columns` neurons, `lanes` inputs a period, counters of `stages` bits, `classes` columns that race."""

    columns: int
    lanes: int
    stages: int
    classes: int

    @property
    def preset_stages(self) -> tuple[int, ...]:
        return tuple(range(FIELD, self.stages, FIELD))

    @property
    def depth(self) -> int:
        """Positions of a lane's shift register."""
        return self.columns // self.lanes


def shape_of(network: BinaryNetwork, lanes: int) -> Shape:
    """The smallest engine for a network: columns for its widest layer, counters for its largest threshold."""
    columns = -(-max(layer.outputs for layer in network.layers) // lanes) * lanes
    *hidden, last = network.layers
    need = last.inputs + int(last.theta.max()) + 1
    for layer in hidden:
        idle = layer.outputs % lanes  # their lanes are read by the next layer, so they must never fire
        need = max(need, int(layer.theta.max()), layer.inputs + 1 if idle else 0)
        if (layer.theta > layer.inputs).any():
            need = max(need, layer.inputs + 1)
    return Shape(columns, lanes, max(FIELD, (need - 1).bit_length()), last.outputs)


@dataclass(frozen=True, eq=False)
class Program:
    """Streams, a row a clock period. `x` (T, K): index of the input bit in each lane, or ZERO, ONE; `w` (T, N, K): the
    weight lines; `preset` (T, N, L); `shift`, `clear`, `load` (T,). `race`: first period whose overflows decide, and
    one beyond the last; `periods` T is the time from one image to the next."""

    shape: Shape
    x: Array
    w: Array
    preset: Array
    shift: Array
    clear: Array
    load: Array
    race: tuple[int, int]
    layers: tuple[tuple[str, int], ...]

    @property
    def periods(self) -> int:
        return len(self.shift)


class _Writer:
    """Appends periods."""

    def __init__(self, shape: Shape):
        self.shape = shape
        self.rows: list[tuple[Array, Array, Array, bool, bool, bool]] = []

    def period(
        self, x: Array | None = None, w: Array | None = None, preset: Array | None = None, *, shift: bool = False,
        clear: bool = False, load: bool = False,
    ) -> None:  # fmt: skip
        s = self.shape
        self.rows.append((
            np.full(s.lanes, ZERO, np.int32) if x is None else x,
            np.zeros((s.columns, s.lanes), bool) if w is None else w,
            np.zeros((s.columns, len(s.preset_stages)), bool) if preset is None else preset,
            shift, clear, load,
        ))  # fmt: skip

    def presets(self, value: Array) -> None:
        """Bring cleared counters to `value` (N,)."""
        s = self.shape
        most = (1 << FIELD) - 1
        fine = value & most
        fields = value[:, None] >> np.array(s.preset_stages, np.int64) & most
        for i in range(max(int(fields.max(initial=0)), -(-int(fine.max()) // s.lanes))):
            lane = np.arange(s.lanes)[None] + i * s.lanes
            counted = lane < fine[:, None]
            some = bool(counted.any())
            self.period(np.full(s.lanes, ONE if some else ZERO, np.int32), ~counted if some else None, i < fields)

    def data(self, layer: Layer, first: bool) -> None:
        """Inputs in order, `lanes` a period; the first layer's from outside, the others' from the shift register."""
        s, n = self.shape, layer.inputs
        for at in range(0, n, s.lanes):
            lane = at + np.arange(s.lanes)
            there = lane < n
            w = np.zeros((s.columns, s.lanes), bool)
            w[: layer.outputs, there] = ~layer.weights[:, lane[there]]
            x = np.where(there, lane, ZERO).astype(np.int32) if first else None
            self.period(x, w, shift=not first)


def assemble(network: BinaryNetwork, shape: Shape, gap: int) -> Program:
    """The streams of one image. `gap`: least periods from a load to the first shift that may read it."""
    write, full = _Writer(shape), 1 << shape.stages
    spans, loaded = [], -(10**9)

    def wait() -> None:
        while len(write.rows) < loaded + gap:
            write.period()

    race = (0, 0)
    for number, layer in enumerate(network.layers):
        begin = len(write.rows)
        preset = np.zeros(shape.columns, np.int64)
        last = number == len(network.layers) - 1
        if last:
            top = layer.inputs + int(layer.theta.max())
            preset[: layer.outputs] = full - 1 - top + layer.theta
        else:
            idle = shape.columns - layer.outputs
            never = layer.inputs + 1 if layer.outputs % shape.lanes else 0
            theta = np.concatenate([layer.theta, np.full(idle, never, np.int64)])
            preset = np.clip(full - theta, 0, full - 1)
            if not never:
                preset[layer.outputs :] = 0
        write.presets(preset)
        if number:
            wait()
        write.data(layer, number == 0)
        if not last and (layer.theta == 0).any():  # one count more than a preset can hold
            always = np.zeros(shape.columns, bool)
            always[: layer.outputs] = layer.theta == 0
            _pulse(write, always)
        if last:
            classes = np.arange(shape.columns) < layer.outputs
            first = len(write.rows)
            for _ in range(top + 1):
                _pulse(write, classes)
            race = (first, len(write.rows))
        write.period(clear=True, load=True)
        loaded = len(write.rows) - 1
        spans.append((layer.name, len(write.rows) - begin))
    begin = len(write.rows)
    wait()
    for _ in range(shape.depth):  # what the race left in the latches must not meet the next image
        write.period(shift=True)
    write.period(clear=True)
    spans.append(("flush", len(write.rows) - begin))
    x, w, presets, shift, clear, load = (np.array(column) for column in zip(*write.rows))
    return Program(shape, x, w, presets, shift, clear, load, race, tuple(spans))


def _pulse(write: _Writer, columns: Array) -> None:
    """One count in the given columns, none in the others."""
    lanes = write.shape.lanes
    x = np.full(lanes, ZERO, np.int32)
    x[0] = ONE
    w = np.zeros((len(columns), lanes), bool)
    w[:, 0] = ~columns
    write.period(x, w)


def execute(program: Program, bits: Array) -> Array:
    """The golden model, period by period: decisions (N,) of input bits (N, n); -1 where no counter overflows.

    It starts from an engine at rest; a program leaves the engine as it found it.
    """
    s, count = program.shape, len(bits)
    decided = np.full(count, -1, np.int64)
    for at in range(0, count, 512):
        decided[at : at + 512] = _execute(program, s, bits[at : at + 512].astype(np.uint8))
    return decided


def _execute(program: Program, s: Shape, bits: Array) -> Array:
    m, full = len(bits), 1 << s.stages
    known = np.concatenate([bits, np.ones((m, 1), np.uint8), np.zeros((m, 1), np.uint8)], axis=1)  # [-2] one, [-1] zero
    counter = np.zeros((m, s.columns), np.int32)
    latch = np.zeros((m, s.columns), bool)
    register = np.zeros((m, s.depth, s.lanes), np.uint8)
    decided = np.full(m, -1, np.int64)
    weight = np.array([1 << stage for stage in s.preset_stages], np.int32)
    minus = 1 - 2 * program.w.astype(np.float32)  # xor(x, w) = w + x (1 - 2 w)
    offset = program.w.sum(axis=2).astype(np.int32) + program.preset @ weight
    for t in range(program.periods):
        lanes = known[:, program.x[t]]
        if program.shift[t]:
            lanes = lanes | register[:, 0]
            register = np.concatenate([register[:, 1:], np.zeros((m, 1, s.lanes), np.uint8)], axis=1)
        counter += (lanes.astype(np.float32) @ minus[t].T).astype(np.int32) + offset[t]
        over = counter >= full
        counter &= full - 1
        latch |= over
        if program.race[0] <= t < program.race[1]:
            hit = over[:, : s.classes]
            first = (decided < 0) & hit.any(axis=1)
            decided[first] = hit[first].argmax(axis=1)
        if program.clear[t]:
            counter[:] = 0
        if program.load[t]:
            register |= latch.reshape(m, s.depth, s.lanes).astype(np.uint8)
            latch[:] = False
    return decided
