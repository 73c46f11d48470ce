"""A time-multiplexed neuron core: one synapse a cycle, one neuron every five, exact to the integer model.

Events arrive on `event` (axon, value) and add their row of synapses to the input sums, a ring of as many slots as
the longest delay needs. In a phase the core updates its range of neurons in order; a neuron that fires offers its
number on `spike`, and the next one waits until that is taken, so a spike of delay 0 that comes back as an event finds
its targets not yet updated. Events always go first: the core never stops accepting them, so networks of cores
cannot lock up.

    event ─▶ segments ─▶ synapse words ─▶ sums (ring) ─▶ neuron update ─▶ spike
"""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data, stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from nc.hdl.spiking.memory import Table
from nc.hdl.spiking.program import CoreProgram, address_bits
from nc.ir.spiking.fixed import FixedPopulation


class NeuronCore(Component):
    """Ports.

    event: stream of {axon, value}. spike: stream of the neurons that fire. value, value_neuron, value_valid: a
    neuron's new membrane, for one cycle, after each update. start, phase: begin a phase (only when `idle`).
    end_tick: advance the ring (only when `idle`). clear: forget all state (sums and membranes; only when `idle`;
    `idle` comes back when done). idle: nothing to do and nothing in flight.
    """

    def __init__(self, program: CoreProgram):
        self.program = program
        self.neuron_bits = address_bits(program.size)
        value = signed(program.value_bits) if program.value_signed else unsigned(program.value_bits)
        self.event_layout = data.StructLayout({"axon": unsigned(address_bits(program.axons)), "value": value})
        super().__init__(
            {
                "event": In(stream.Signature(self.event_layout)),
                "spike": Out(stream.Signature(unsigned(self.neuron_bits))),
                "value": Out(signed(program.state_bits)),
                "value_neuron": Out(self.neuron_bits),
                "value_valid": Out(1),
                "start": In(1),
                "phase": In(address_bits(len(program.phases))),
                "end_tick": In(1),
                "clear": In(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        p = self.program
        slots = address_bits(p.delays)
        sum_shape = signed(p.sum_bits)
        sums = Memory(shape=sum_shape, depth=1 << (slots + self.neuron_bits), init=[])
        m.submodules.sums = sums
        write = sums.write_port()
        read = sums.read_port(transparent_for=(write,))
        now = Signal(slots)
        with m.If(self.end_tick):
            m.d.sync += now.eq(_next_slot(now, p.delays))

        row_busy, row_address, row_write = self._row(m, read.data, now, slots)
        update = _Update(self, m, read.data, now)
        clearing, clear_address = self._clear(m, len(now) + self.neuron_bits, now, update)
        m.d.comb += [
            read.addr.eq(Mux(row_busy, row_address, update.sum_address)),
            write.addr.eq(Mux(clearing, clear_address, Mux(row_busy, row_write["address"], update.sum_address))),
            write.data.eq(Mux(row_busy & ~clearing, row_write["data"], 0)),
            write.en.eq(clearing | Mux(row_busy, row_write["enable"], update.done)),
            self.idle.eq(
                ~row_busy & ~update.busy & ~update.pending & ~clearing & ~self.spike.valid & ~self.event.valid
            ),
        ]
        # An event goes before the next neuron; a neuron in progress is finished first.
        m.d.comb += self.event.ready.eq(~row_busy & ~update.busy & ~clearing)
        return m

    def _row(self, m: Module, sum_now: Value, now: Signal, slots: int) -> tuple[Signal, Value, dict[str, Value]]:
        """Walk the segments of the accepted event's axon; three cycles from a word's address to its sum."""
        p = self.program
        s = p.segments
        m.submodules.axons = axons = Table({"first": s.first[:-1], "last": s.first[1:]})
        m.submodules.segments = segments = Table(
            {"start": s.start, "length": s.length, "target": s.target, "delay": s.delay, "shift": s.shift}
        )
        m.submodules.words = words = Table({"weight": p.words, "target": p.word_target, "delay": p.word_delay})
        value = Signal.like(self.event.payload.value)
        segment = Signal(address_bits(len(s.start) + 1))
        last = Signal.like(segment)
        word, left, place = Signal(len(words.address)), Signal(range(p.size + 1)), Signal(self.neuron_bits)
        busy = Signal()
        # Two stages behind the word's address: the word itself, then its product and the old sum.
        fetch, add = Signal(), Signal()
        fetch_place, fetch_delay, fetch_shift = Signal.like(place), Signal(slots), _like(s.shift)
        add_address = Signal(slots + self.neuron_bits)
        product = Signal(signed(p.sum_bits))
        target, delay = words.row["target"] + fetch_place, words.row["delay"] + fetch_delay
        slot = Signal(slots)
        wrapped = now + delay
        m.d.comb += slot.eq(Mux(wrapped >= p.delays, wrapped - p.delays, wrapped))
        address = Signal(slots + self.neuron_bits)
        m.d.comb += address.eq(Cat(target[: self.neuron_bits], slot))
        weighted = words.row["weight"] * value if p.value_bits > 1 or p.value_signed else words.row["weight"]
        m.d.sync += [
            fetch.eq(0),
            add.eq(fetch),
            add_address.eq(address),
            product.eq(weighted << fetch_shift),
        ]
        m.d.comb += [axons.address.eq(self.event.payload.axon), segments.address.eq(segment), words.address.eq(word)]
        with m.FSM(name="row"):
            with m.State("IDLE"), m.If(self.event.valid & self.event.ready):
                m.d.sync += [value.eq(self.event.payload.value), busy.eq(1)]
                m.next = "AXON"
            with m.State("AXON"):
                m.d.sync += [segment.eq(axons.row["first"]), last.eq(axons.row["last"])]
                m.next = "LOOK"
            with m.State("LOOK"):
                m.next = "SEGMENT"
                with m.If(segment == last):
                    m.next = "DRAIN"
            with m.State("SEGMENT"):
                m.d.sync += [
                    word.eq(segments.row["start"]),
                    left.eq(segments.row["length"]),
                    place.eq(segments.row["target"]),
                    fetch_delay.eq(segments.row["delay"]),
                    fetch_shift.eq(segments.row["shift"]),
                    segment.eq(segment + 1),
                ]
                m.next = "WORDS"
            with m.State("WORDS"):
                m.d.sync += [fetch.eq(1), fetch_place.eq(place), word.eq(word + 1), left.eq(left - 1)]
                if not p.compressed:
                    m.d.sync += place.eq(place + 1)
                with m.If(left == 1):
                    m.next = "LOOK"
            with m.State("DRAIN"), m.If(~fetch & ~add):
                m.d.sync += busy.eq(0)
                m.next = "IDLE"
        return busy, address, {"address": add_address, "data": sum_now + product, "enable": add}

    def _clear(self, m: Module, bits: int, now: Signal, update: _Update) -> tuple[Signal, Signal]:
        """Zero every sum, one a cycle, and take the initial membranes in the next tick."""
        clearing, address = Signal(), Signal(bits)
        with m.If(clearing):
            m.d.sync += address.eq(address + 1)
            with m.If(address == (1 << bits) - 1):
                m.d.sync += clearing.eq(0)
        with m.Elif(self.clear):
            m.d.sync += [clearing.eq(1), now.eq(0), update.fresh.eq(1)]
        with m.Elif(self.end_tick):
            m.d.sync += update.fresh.eq(0)
        return clearing, address


class _Update:
    """The neuron update: fetch, decay, current, membrane, threshold; states in RAM, parameters in ROM."""

    def __init__(self, core: NeuronCore, m: Module, total: Value, now: Signal):
        p = core.program
        self.core, self.program = core, p
        state = {"v": signed(p.state_bits)}
        if any(q.has_current for q in p.populations):
            state["i"] = signed(p.state_bits)
        longest = max((q.refractory for q in p.populations), default=0)
        if longest:
            state["wait"] = unsigned(longest.bit_length())
        layout = data.StructLayout(state)
        memory = Memory(shape=layout, depth=p.size, init=[])
        m.submodules.states = memory
        m.submodules.parameters = table = Table(p.neurons)
        port, write = memory.read_port(), memory.write_port()
        # One more than the last neuron is counted too, so that a full power of two ends.
        count = Signal(range(p.size + 1))
        neuron = count[: core.neuron_bits]
        self.end = Signal.like(count)
        self.pending, self.busy, self.done = Signal(), Signal(), Signal()
        self.fresh = Signal(init=1)
        self.sum_address = Cat(neuron, now)
        self.row = table.row
        m.d.comb += [port.addr.eq(neuron), table.address.eq(neuron), write.addr.eq(neuron)]
        phases = Table({"start": np.array([a for a, _ in p.phases]), "end": np.array([b for _, b in p.phases])})
        m.submodules.phases = phases
        m.d.comb += phases.address.eq(core.phase)

        old_v = Mux(self.fresh, self.row["v_init"], port.data.v)
        old_i = Mux(self.fresh, 0, port.data.i) if "i" in state else None
        old_wait = Mux(self.fresh, 0, port.data.wait) if longest else None
        bits = p.state_bits
        product_v = Signal(signed(bits + p.decay_bits + 2))
        kept_v, kept_sum = Signal(signed(bits)), Signal(signed(p.sum_bits + 1))
        current, drive = Signal(signed(bits)), Signal(signed(max(bits, p.sum_bits + 1)))
        product_i = Signal(signed(bits + p.decay_bits + 2))
        v = Signal(signed(bits))
        with m.FSM(name="update"):
            with m.State("IDLE"), m.If(core.start):
                m.d.sync += self.pending.eq(1)
                m.next = "RANGE"
            with m.State("RANGE"):
                m.d.sync += [count.eq(phases.row["start"]), self.end.eq(phases.row["end"])]
                m.next = "NEXT"
            with m.State("NEXT"):
                with m.If(count == self.end):
                    m.d.sync += self.pending.eq(0)
                    m.next = "IDLE"
                with m.Elif(~core.event.valid & core.event.ready & ~core.spike.valid):
                    m.d.sync += self.busy.eq(1)
                    m.next = "DECAY"
            with m.State("DECAY"):
                m.d.sync += [
                    product_v.eq(old_v * self.row["decay_mem"]),
                    kept_v.eq(old_v),
                    kept_sum.eq(total + self.row["bias_in"]),
                ]
                if old_i is not None:
                    m.d.sync += product_i.eq(old_i * self.row["decay_syn"])
                m.next = "CURRENT"
            with m.State("CURRENT"):
                if old_i is None:
                    m.d.sync += drive.eq(kept_sum)
                else:
                    new = self._each(
                        m, "current", bits, lambda q: _limit(m, q, _rounded(q, product_i, p.decay_bits) + kept_sum)
                    )
                    two = self._flag(m, "has_current", lambda q: q.has_current)
                    chosen = new if p.newest_current else old_i
                    m.d.sync += [current.eq(new), drive.eq(Mux(two, chosen, kept_sum))]
                m.next = "MEMBRANE"
            with m.State("MEMBRANE"):
                m.d.sync += v.eq(
                    self._each(
                        m,
                        "membrane",
                        bits,
                        lambda q: _limit(m, q, _rounded(q, product_v, p.decay_bits) + drive + self.row["bias"]),
                    )
                )
                m.next = "FIRE"
            with m.State("FIRE"):
                waiting = (old_wait != 0) if old_wait is not None else Signal(1, name="never")
                pushed = self._each(m, "pushed", bits, lambda q: self._rectified(m, q, v))
                settled = Mux(waiting, kept_v, pushed)
                fires = self._flag(m, "fires", lambda q: q.fires)
                spike = Signal()
                m.d.comb += [spike.eq(fires & ~waiting & (settled >= self.row["threshold"])), self.done.eq(1)]
                after = self._each(m, "after", bits, lambda q: self._reset(m, q, settled))
                m.d.comb += [write.en.eq(1), write.data.v.eq(Mux(spike, after, settled))]
                if old_i is not None:
                    m.d.comb += write.data.i.eq(current)
                if old_wait is not None:
                    rest = self._each(m, "rest", longest.bit_length() + 1, lambda q: Value.cast(q.refractory))
                    m.d.comb += write.data.wait.eq(Mux(spike, rest, Mux(waiting, old_wait - 1, 0)))
                m.d.comb += [core.value.eq(settled), core.value_neuron.eq(neuron), core.value_valid.eq(1)]
                m.d.sync += [
                    core.spike.payload.eq(neuron),
                    core.spike.valid.eq(spike),
                    count.eq(count + 1),
                    self.busy.eq(0),
                ]
                m.next = "NEXT"
        with m.If(core.spike.valid & core.spike.ready):
            m.d.sync += core.spike.valid.eq(0)

    def _each(self, m: Module, name: str, bits: int, make: Any) -> Value:
        """A value that depends on the neuron's population: one expression if all agree, else a switch."""
        populations = self.program.populations
        groups: dict[tuple[object, ...], list[int]] = {}
        for k, q in enumerate(populations):
            groups.setdefault(_behaviour(q), []).append(k)
        if len(groups) == 1:
            return make(populations[0])
        result = Signal(signed(bits), name=f"{name}_of")
        with m.Switch(self.row["population"]):
            for members in groups.values():
                with m.Case(*members):
                    m.d.comb += result.eq(make(populations[members[0]]))
        return result

    def _flag(self, m: Module, name: str, test: Any) -> Value:
        populations = self.program.populations
        if len({bool(test(q)) for q in populations}) == 1:
            return Value.cast(int(test(populations[0])))
        result = Signal(name=f"{name}_of")
        with m.Switch(self.row["population"]), m.Case(*(k for k, q in enumerate(populations) if test(q))):
            m.d.comb += result.eq(1)
        return result

    def _rectified(self, m: Module, q: FixedPopulation, v: Value) -> Value:
        """Away from the threshold, within 0 and twice the threshold (`Population.rectify`)."""
        if not q.rectify:
            return v
        level = self.row["threshold"]
        far = level + ((v - level) << q.rectify)
        inside = (v >= 0) & (v <= level << 1)
        return _limit(m, q, Mux(inside, Mux(far < 0, 0, Mux(far > level << 1, level << 1, far)), v))

    def _reset(self, m: Module, q: FixedPopulation, v: Value) -> Value:
        if q.reset == "subtract":
            return _limit(m, q, v - self.row["reset_by"])
        return self.row["reset_to"] if q.reset == "to_value" else v


def _behaviour(q: FixedPopulation) -> tuple[object, ...]:
    """What the datapath sees of a population apart from its arrays."""
    return (q.state_bits, q.has_current, q.fires, q.reset, q.refractory, q.rectify, q.rounding, q.overflow)


def _rounded(q: FixedPopulation, product: Value, bits: int) -> Value:
    if bits == 0 or q.rounding == "floor":
        return product >> bits
    if q.rounding == "nearest":
        return (product + (1 << (bits - 1))) >> bits
    return Mux(product < 0, product + (1 << bits) - 1, product) >> bits


def _limit(m: Module, q: FixedPopulation, value: Value) -> Value:
    """Saturate or wrap to the population's state width."""
    exact = Signal(value.shape(), name="exact")
    m.d.comb += exact.eq(value)
    if q.overflow == "wrap":
        return exact[: q.state_bits].as_signed()
    return Mux(exact > q.high, q.high, Mux(exact < q.low, q.low, exact))


def _next_slot(now: Signal, delays: int) -> Value:
    return Mux(now == delays - 1, 0, now + 1)


def _like(values: np.ndarray[Any, np.dtype[np.int64]]) -> Signal:
    return Signal(Shape.cast(range(int(values.max(initial=0)) + 1)))
