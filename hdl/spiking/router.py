"""A router of a 2-D mesh: five ports, one packet a register, first along x and then along y, which cannot deadlock."""

from __future__ import annotations

from amaranth.hdl import Module, Shape, Signal, unsigned
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from nc.hdl.spiking.memory import Table
from nc.hdl.spiking.mesh_program import Routes

PORTS = ("local", "east", "west", "north", "south")


def packet_layout(width: int, height: int, axon_bits: int, value: Shape) -> data.StructLayout:
    """x, y of the destination, its axon, and the value."""
    return data.StructLayout(
        {
            "x": unsigned(max(1, (width - 1).bit_length())),
            "y": unsigned(max(1, (height - 1).bit_length())),
            "axon": unsigned(axon_bits),
            "value": value,
        }
    )


class Router(Component):
    """Streams `<port>_in` and `<port>_out` for each of `PORTS`; `empty` when no packet is inside."""

    def __init__(self, x: int, y: int, layout: data.StructLayout):
        self.x, self.y = x, y
        ports = {f"{p}_in": In(stream.Signature(layout)) for p in PORTS}
        ports |= {f"{p}_out": Out(stream.Signature(layout)) for p in PORTS}
        super().__init__({**ports, "empty": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held = {p: Signal(self.local_in.payload.shape(), name=f"{p}_held") for p in PORTS}
        full = {p: Signal(name=f"{p}_full") for p in PORTS}
        taken = {p: Signal(name=f"{p}_taken") for p in PORTS}
        wants: dict[str, dict[str, Signal]] = {}
        for p in PORTS:
            here = held[p]
            ways = {
                "east": here.x > self.x,
                "west": here.x < self.x,
                "south": (here.x == self.x) & (here.y > self.y),
                "north": (here.x == self.x) & (here.y < self.y),
                "local": (here.x == self.x) & (here.y == self.y),
            }
            wants[p] = {out: Signal(name=f"{p}_to_{out}") for out in PORTS}
            m.d.comb += [wants[p][out].eq(full[p] & way) for out, way in ways.items()]
            port = getattr(self, f"{p}_in")
            m.d.comb += port.ready.eq(~full[p])
            with m.If(port.valid & port.ready):
                m.d.sync += [held[p].eq(port.payload), full[p].eq(1)]
            with m.Elif(taken[p]):
                m.d.sync += full[p].eq(0)
        # Whoever was served last comes last: a rotating start of the search.
        for out in PORTS:
            port = getattr(self, f"{out}_out")
            turn = Signal(range(len(PORTS)), name=f"{out}_turn")
            chosen = Signal(range(len(PORTS)), name=f"{out}_chosen")
            with m.Switch(turn):
                for start in range(len(PORTS)):
                    with m.Case(start):
                        for k in reversed(range(len(PORTS))):
                            source = (start + k) % len(PORTS)
                            with m.If(wants[PORTS[source]][out]):
                                m.d.comb += [chosen.eq(source), port.valid.eq(1)]
            with m.Switch(chosen):
                for k, p in enumerate(PORTS):
                    with m.Case(k):
                        m.d.comb += port.payload.eq(held[p])
                        with m.If(port.valid & port.ready):
                            m.d.comb += taken[p].eq(1)
                            m.d.sync += turn.eq((k + 1) % len(PORTS))
        m.d.comb += self.empty.eq(~_any(list(full.values())))
        return m


class Fanout(Component):
    """A spike in, its packets out, one entry of the routing table after another. `idle` when none is in work."""

    def __init__(self, routes: Routes, sources: int, layout: data.StructLayout, value: Shape):
        self.routes = routes
        number = unsigned(max(1, (sources - 1).bit_length()))
        spike = data.StructLayout({"source": number, "value": value})
        super().__init__(
            {"spike": In(stream.Signature(spike)), "packet": Out(stream.Signature(layout)), "idle": Out(1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        r = self.routes
        m.submodules.sources = sources = Table({"first": r.first[:-1], "last": r.first[1:]})
        m.submodules.entries = entries = Table({"x": r.x, "y": r.y, "axon": r.axon})
        entry = Signal(range(max(len(r.x), 1) + 1))
        last = Signal.like(entry)
        value = Signal.like(self.spike.payload.value)
        m.d.comb += [
            sources.address.eq(self.spike.payload.source),
            entries.address.eq(entry),
            self.packet.payload.x.eq(entries.row["x"]),
            self.packet.payload.y.eq(entries.row["y"]),
            self.packet.payload.axon.eq(entries.row["axon"]),
            self.packet.payload.value.eq(value),
        ]
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.comb += self.spike.ready.eq(1)
                with m.If(self.spike.valid):
                    m.d.sync += value.eq(self.spike.payload.value)
                    m.next = "RANGE"
            with m.State("RANGE"):
                m.d.sync += [entry.eq(sources.row["first"]), last.eq(sources.row["last"])]
                m.next = "FETCH"
            with m.State("FETCH"):
                m.next = "SEND"
                with m.If(entry == last):
                    m.next = "IDLE"
            with m.State("SEND"):
                m.d.comb += self.packet.valid.eq(1)
                with m.If(self.packet.ready):
                    m.d.sync += entry.eq(entry + 1)
                    m.next = "FETCH"
            m.d.comb += self.idle.eq(fsm.ongoing("IDLE") & ~self.spike.valid)
        return m


def _any(signals: list[Signal]) -> Signal:
    total = signals[0]
    for s in signals[1:]:
        total = total | s
    return total
