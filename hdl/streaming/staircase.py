"""staircase: bisection among thresholds, one bit a pipeline stage, each stage with a memory of its own."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from nc.hdl.streaming.pipe import Component, Loops, Pipe, fit, lanes, pack, rom
from nc.ir.dataflow.staircase import Staircase as Actor
from nc.ir.dataflow.streams import IntArray


class Staircase(Component[Actor]):
    """The hardware of `nc.ir.dataflow.Staircase`: stage k compares with the threshold in the middle of what the k bits
    found so far leave open, read at address (channel, bits)."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        actor, x = self.actor, self.inputs[0]
        pipe = Pipe(m, self.o0, actor.delay)
        go = Signal(name="go")
        m.d.comb += [go.eq(pipe.enable & self.i0.valid), self.i0.ready.eq(pipe.enable)]
        pipe.advance(go)
        period = len(actor.thresholds)
        row = Loops(m, (period,), go, "row").index[0]
        rows = [row] + [pipe.follow(row, k, "row_at") for k in range(1, actor.bits + 1)] if period > 1 else []
        values = lanes(self.i0.payload, x.kind, x.lanes)
        made = [self._lane(m, pipe, lane, value, rows) for lane, value in enumerate(values)]
        m.d.comb += self.o0.payload.eq(pack(made, self.outs[0].kind))
        return m

    def _lane(self, m: Module, pipe: Pipe, lane: int, x: Value, rows: list[Value]) -> Value:
        actor = self.actor
        tables = stages(actor.thresholds[:, lane], self.inputs[0].kind.lo, self.inputs[0].kind.hi)
        found: list[Value] = []  # the bits so far, highest first, as of the current stage
        for k, table in enumerate(tables):
            here = [rows[k]] if rows else []
            address = Cat(*reversed(found), *here)
            (threshold,) = rom(m, f"thresholds{lane}_{k}", table, pipe.enable, address)
            if len(table) == 1:
                threshold = Const(int(table[0, 0]), threshold.shape())
            x = pipe.follow(x, 1, f"x{lane}_{k}")
            found = [pipe.follow(bit, 1, f"bit{lane}_{k}_{i}") for i, bit in enumerate(found)]
            found.append(x >= threshold)
        count: Value = Cat(*reversed(found))
        if actor.falling.any():
            flags = actor.falling[:, lane].astype(np.int64)
            invert: Value = Const(int(flags[0]), 1)
            if (flags != flags[0]).any():
                invert = Signal(name=f"falling{lane}")
                with m.Switch(rows[-1]), m.Case(*np.flatnonzero(flags).tolist()):
                    m.d.comb += invert.eq(1)
            count = Mux(invert, actor.thresholds.shape[2] - count, count)
        out = self.outs[0].kind
        held = Signal(out.bits, name=f"step{lane}", reset_less=True)
        with m.If(pipe.enable):
            m.d.sync += held.eq(fit(count * actor.step + actor.base, out.bits))
        return held.as_signed() if out.signed else held


def stages(thresholds: IntArray, low: int, high: int) -> list[IntArray]:
    """The memory of each stage, (period * 2**k, 1): what row r compares with after the k bits p, at r * 2**k + p."""
    period, levels = thresholds.shape
    bits = int(levels).bit_length()
    padded = np.full((period, (1 << bits) - 1), high + 1, np.int64)
    padded[:, :levels] = np.clip(thresholds, low, high + 1)
    tables = []
    for k in range(bits):
        step = 1 << (bits - 1 - k)
        places = np.arange(1 << k) * 2 * step + step - 1
        tables.append(padded[:, places].reshape(-1, 1))
    return tables
