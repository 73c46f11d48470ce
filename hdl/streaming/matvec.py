"""matvec: `pe` accumulators, each fed by `simd` multipliers a clock; weights in a memory, the vector kept for reuse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from amaranth.hdl import Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib.memory import Memory

from nc.hdl.streaming.pipe import Component, Loops, Pipe, lanes, pack, rom, shape
from nc.ir.dataflow.matvec import MatVec as Actor
from nc.ir.dataflow.matvec import row_stages


class MatVec(Component[Actor]):
    """The hardware of `nc.ir.dataflow.MatVec`.

    token or kept token, weights -> products -> adder tree -> accumulators (from the bias) -> out
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        actor, result = self.actor, self.outs[0].kind
        folds, terms = actor.folds
        pipe = Pipe(m, self.o0, actor.delay)
        go = Signal(name="go")
        loops = Loops(m, (actor.groups, folds, terms), go, "step")
        fresh = loops.first_of(1) if folds > 1 else Const(1, 1)
        m.d.comb += [go.eq(pipe.enable & (~fresh | self.i0.valid)), self.i0.ready.eq(pipe.enable & fresh)]
        pipe.advance(go & loops.ends[2])

        token = self._token(m, pipe, loops, go, fresh)
        address = loops.affine((folds * terms, terms, 1), 0, "weight_address")
        memory = actor.memory()
        fetched = rom(m, "weights", memory.reshape(actor.steps, -1), pipe.enable, address)
        weights = [fetched[k * actor.simd : (k + 1) * actor.simd] for k in range(actor.pe)]

        first = pipe.follow(loops.first(2, "term_first"), actor.delay - 1, "first")
        active = pipe.follow(go, actor.delay - 1, "active")
        bias = self._bias(m, pipe, loops)
        totals = []
        for k in range(actor.pe):
            x = [token[k]] if actor.lanewise else token
            sums = [self._product(m, pipe, a, w, f"product{k}_{s}") for s, (a, w) in enumerate(zip(x, weights[k]))]
            total = self._tree(m, pipe, sums, f"sum{k}")
            held = Signal(shape(result), name=f"accumulator{k}", reset_less=True)
            with m.If(pipe.enable & active):
                m.d.sync += held.eq(Mux(first, bias[k], held) + total)
            totals.append(held)
        m.d.comb += self.o0.payload.eq(pack(totals, result))
        return m

    def _token(self, m: Module, pipe: Pipe, loops: Loops, go: Value, fresh: Value) -> list[Value]:
        """The lanes of this step, one clock later: from the stream, or from the memory of this vector."""
        actor, x = self.actor, self.inputs[0]
        taken = Signal(x.width, name="taken", reset_less=True)
        with m.If(pipe.enable & fresh):
            m.d.sync += taken.eq(self.i0.payload)
        folds, terms = actor.folds
        payload: Value = taken
        if folds > 1 and terms > 1:
            memory = Memory(shape=unsigned(x.width), depth=terms, init=[])
            m.submodules.vector = memory
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(loops.index[2]), write.data.eq(self.i0.payload), write.en.eq(go & fresh),
                read.addr.eq(loops.index[2]), read.en.eq(pipe.enable),
            ]  # fmt: skip
            payload = Mux(pipe.follow(fresh, 1, "fresh"), taken, read.data)
        return lanes(payload, x.kind, x.lanes)

    def _bias(self, m: Module, pipe: Pipe, loops: Loops) -> list[Value]:
        """What the accumulators start from, aligned with the last stage."""
        actor = self.actor
        rows = actor.bias.reshape(-1, actor.pe)
        if not np.any(rows):
            return [Const(0, 1)] * actor.pe
        if (rows == rows[0]).all():
            rows = rows[:1]
        place = loops.affine((actor.folds[0], 1, 0), 0, "bias_address")
        later = pipe.follow(place, actor.delay - 2, "bias_place")
        return rom(m, "bias", rows, pipe.enable, later)

    def _product(self, m: Module, pipe: Pipe, x: Value, w: Value, name: str) -> Value:
        """x * w, `product_stages` clocks later."""
        made = 0

        def held(value: Value) -> Value:
            nonlocal made
            signal = Signal(value.shape(), name=name if made == 0 else f"{name}_{made}", reset_less=True)
            made += 1
            with m.If(pipe.enable):
                m.d.sync += signal.eq(value)
            return signal

        actor = self.actor
        product = multiply(x, w, held) if actor.multiplier == "lut" else held(x * w)
        stages = row_stages(min(len(x), len(w))) if actor.multiplier == "lut" else 1
        for _ in range(actor.product_stages - stages):  # a factor may be narrower than the widest weight
            product = held(product)
        return product

    def _tree(self, m: Module, pipe: Pipe, terms: list[Value], name: str) -> Value:
        """A level of adders, then a register: adders in a chain would be merged, as those of `multiply`."""
        level = 0
        while len(terms) > 1:
            terms = [sum(terms[i + 1 : i + 2], terms[i]) for i in range(0, len(terms), 2)]
            held = []
            for i, term in enumerate(terms):
                signal = Signal(term.shape(), name=f"{name}_{level}_{i}", reset_less=True)
                with m.If(pipe.enable):
                    m.d.sync += signal.eq(term)
                held.append(signal)
            terms, level = list(held), level + 1
        return terms[0]


def multiply(x: Value, w: Value, held: Callable[[Value], Value]) -> Value:
    """x * w as gated rows, for multipliers that shall not take a DSP block. The narrower factor picks the rows, two an
    adder; `held` is a register behind every adder: Yosys would merge a chain of them into carry-save adders, which
    take more than twice the LUTs on ECP5, and the clock would wait for all rows."""
    if len(x) < len(w):
        x, w = w, x
    negative, last = w.shape().signed, len(w) - 1
    rows = [Mux(bit, x, Const(0, x.shape())) for bit in w]
    terms: list[tuple[int, Value]] = []
    for k in range(0, len(w), 2):
        total = -rows[k] if negative and k == last else rows[k]
        if k < last:
            above = rows[k + 1].shift_left(1)
            total = total - above if negative and k + 1 == last else total + above
        terms.append((k, held(total)))
    while len(terms) > 1:
        pairs = [terms[k : k + 2] for k in range(0, len(terms), 2)]
        terms = [(pair[0][0], held(_joined(pair))) for pair in pairs]
    width = len(x) + len(w)
    return fitted(terms[0][1], width)


def _joined(pair: list[tuple[int, Value]]) -> Value:
    (low, total), *rest = pair
    for place, value in rest:
        total = total + value.shift_left(place - low)
    return total


def fitted(total: Value, width: int) -> Value:
    return total.as_signed()[:width].as_signed() if total.shape().signed else total[:width]
