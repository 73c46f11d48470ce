"""The SIMD array: processing elements under one controller, with its memories and AXI4-Stream ports.

One image at a time: load, then layer after layer, then output. The image buffer holds words of one bit for each PE; a
gearbox turns words into the one to three image bits that an instruction takes, and the whole array waits in the
cycles in which a window with few channels cannot supply them. Every PE multiplies (XNOR) the same image bits by
its own weight bits; addend bits come from the weight memory as they are.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, ResetSignal, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from nc.hdl.threshold.address import AddressGenerator
from nc.hdl.threshold.config import (
    IMAGE_GROUP,
    IMAGE_LOOPS,
    WEIGHT_LOOPS,
    ArrayConfig,
    descriptor_layout,
    descriptor_value,
)
from nc.hdl.threshold.instruction import LANE_ADDEND, LANE_PRODUCT, layout
from nc.hdl.threshold.pe import ProcessingElement


class ThresholdArray(wiring.Component):
    """The array of `config`: stream in `s_*` (`input.lanes` elements a beat), stream out `m_*` (one element a beat).

    `instances`: processing elements as instances of a module `threshold_pe` that is emitted once, instead of one
    submodule each: the Verilog stays short, and simulators compile it once.
    """

    def __init__(self, config: ArrayConfig, instances: bool = False) -> None:
        self.config = config
        self.instances = instances
        super().__init__(
            {
                "s_tdata": In(config.input.bits * config.input.lanes),
                "s_tvalid": In(1),
                "s_tlast": In(1),
                "s_tready": Out(1),
                "m_tdata": Out(config.output.width),
                "m_tvalid": Out(1),
                "m_tready": In(1),
                "m_tlast": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        width, pes, lanes = config.address_bits, config.pes, config.shape.fresh

        m.submodules.program = program = Memory(
            shape=layout(config.shape).size, depth=len(config.instructions), init=config.instructions
        )
        m.submodules.weights = weights = Memory(shape=pes * lanes, depth=len(config.weights), init=config.weights)
        m.submodules.image = image = Memory(
            shape=pes + config.masked, depth=config.image_words, init=config.image_init()
        )
        table = [descriptor_value(layer, width, pes) for layer in config.layers]
        m.submodules.layers = layers = Memory(shape=descriptor_layout(width, pes).size, depth=len(table), init=table)
        fetch, weight, read, write, describe = (
            program.read_port(),
            weights.read_port(),
            image.read_port(),
            image.write_port(),
            layers.read_port(),
        )
        instruction = data.View(layout(config.shape), fetch.data)
        layer = data.View(descriptor_layout(width, pes), describe.data)

        m.submodules.image_address = image_address = AddressGenerator(IMAGE_LOOPS, width, IMAGE_GROUP)
        m.submodules.weight_address = weight_address = AddressGenerator(WEIGHT_LOOPS, width, 1)
        m.d.comb += [
            image_address.loops.as_value().eq(layer.image_loops.as_value()),
            image_address.start.eq(layer.image_start),
            weight_address.loops.as_value().eq(layer.weight_loops.as_value()),
            weight_address.start.eq(layer.weight_start),
        ]

        # -- instruction issue and the gearbox --------------------------------------------------------------
        running, start, prime = Signal(), Signal(), Signal()
        counter = Signal(width)
        enable = Signal()
        take = Signal(range(lanes + 1))
        supply = Signal(pes + lanes)
        fill = Signal(range(pes + lanes + 1))
        node_fetched = Signal()  # all words of this node's window are in the gearbox
        kinds = [instruction.lane[b] for b in range(lanes)]
        is_product = Signal(lanes)
        uses_weights = Signal()
        m.d.comb += [
            is_product.eq(Cat(*(k == LANE_PRODUCT for k in kinds))),
            take.eq(sum(is_product[b] for b in range(lanes))),
            uses_weights.eq(Cat(*(k != 0 for k in kinds)).any()),
            enable.eq(running & (take <= fill)),
        ]
        left = Signal(range(pes + lanes + 1))
        flush = Signal()
        append = Signal()
        valid = Signal(range(pes + 1))
        rest = Signal(pes + lanes)
        m.d.comb += [
            flush.eq(prime | (enable & instruction.last)),
            left.eq(Mux(flush, 0, Mux(enable, fill - take, fill))),
            rest.eq(Mux(flush, 0, Mux(enable, supply >> take, supply))),
            append.eq(flush | (running & (left < lanes) & ~node_fetched)),
            valid.eq(Mux(image_address.inner_end, layer.valid, layer.full)),
            image_address.load.eq(start),
            image_address.step.eq(append),
        ]
        word = Signal(pes)
        m.d.comb += word.eq(read.data)
        flags = Signal(pes)
        if config.masked:
            m.d.comb += flags.eq(read.data[pes].replicate(pes))
        for k in range(pes):  # channels past the last one of a position never enter the gearbox
            with m.If(k >= valid):
                m.d.comb += [word[k].eq(0), flags[k].eq(0)]
        appended, shifted_flags = Signal(pes + lanes), Signal(pes + lanes)
        with m.Switch(left):
            for k in range(lanes):
                with m.Case(k):
                    m.d.comb += [appended.eq(word << k), shifted_flags.eq(flags << k)]
        m.d.sync += [supply.eq(rest | Mux(append, appended, 0)), fill.eq(left + Mux(append, valid, 0))]
        borders = Signal(pes + lanes)  # which of the bits in `supply` are products of a border
        if config.masked:
            kept = Mux(flush, 0, Mux(enable, borders >> take, borders))
            m.d.sync += borders.eq(kept | Mux(append, shifted_flags, 0))
        with m.If(append):
            m.d.sync += node_fetched.eq(image_address.ends)

        following = Signal(width)
        m.d.comb += [
            following.eq(
                Mux(start, layer.program, Mux(enable, Mux(instruction.last, layer.program, counter + 1), counter))
            ),
            fetch.addr.eq(following),
            weight_address.load.eq(start),
            weight_address.step.eq(enable & uses_weights),
            weight.addr.eq(weight_address.following),
        ]
        m.d.sync += counter.eq(following)

        # -- processing elements ----------------------------------------------------------------------------
        emitting = Signal()
        emitted = Signal(pes)
        emit_neuron = Signal.like(instruction.emit_neuron)
        m.d.sync += emitting.eq(enable & instruction.emit)
        with m.If(enable):
            m.d.sync += emit_neuron.eq(instruction.emit_neuron)
        pixels = Signal(lanes)  # the image bit of each product lane
        given = Signal(lanes)  # it is the product itself
        for b in range(lanes):
            order = sum((is_product[k] for k in range(b)), Const(0, 1))
            m.d.comb += [pixels[b].eq(supply.bit_select(order, 1)), given[b].eq(borders.bit_select(order, 1))]
        for p in range(pes):
            fresh = Signal(lanes, name=f"fresh{p}")
            q = self._element(m, p, fetch.data, enable, fresh)
            for b in range(lanes):
                own = weight.data[p * lanes + b]
                factor = own | given[b] if config.masked else own
                m.d.comb += fresh[b].eq(Mux(kinds[b] == LANE_ADDEND, own, is_product[b] & ~(factor ^ pixels[b])))
            m.d.comb += emitted[p].eq(q.bit_select(emit_neuron, 1))

        # -- results ----------------------------------------------------------------------------------------
        sub, node = Signal(width), Signal(width)
        first_sub, last_sub = Signal(), Signal()
        layer_row, row_step = Signal(width), Signal(width)  # of the layer whose last result may still be on its way
        gathered = Signal(pes)
        merged = Signal(pes)
        target = Signal(width)
        m.d.comb += merged.eq(emitted | Mux(first_sub, 0, gathered))
        with m.If(enable):
            m.d.sync += [first_sub.eq(sub == 0), last_sub.eq(sub == layer.last_sub)]
        with m.If(enable & instruction.last):
            m.d.sync += [node.eq(node + 1), sub.eq(Mux(sub == layer.last_sub, 0, sub + 1))]
        with m.If(emitting):
            m.d.sync += gathered.eq(merged)
        in_row = Signal(width)
        with m.If(emitting & last_sub):
            with m.If(in_row == layer_row):
                m.d.sync += [target.eq(target + row_step), in_row.eq(0)]
            with m.Else():
                m.d.sync += [target.eq(target + 1), in_row.eq(in_row + 1)]

        # -- controller -------------------------------------------------------------------------------------
        index = Signal(range(len(table) + 1))
        m.d.comb += describe.addr.eq(index)
        load_address, load_data, load_enable = Signal(width), Signal(pes), Signal()
        m.d.comb += [
            write.en.eq(load_enable | (emitting & last_sub)),
            write.addr.eq(Mux(load_enable, load_address, target)),
            write.data.eq(Mux(load_enable, load_data, merged)),
        ]
        output_address = Signal(width)
        reading = Signal()
        m.d.comb += read.addr.eq(Mux(reading, output_address, image_address.following))
        with m.FSM():
            with m.State("LOAD"):
                self._load(m, load_address, load_data, load_enable)
            with m.State("DESCRIBE"):
                m.next = "START"
            with m.State("START"):
                m.d.comb += start.eq(1)
                m.d.sync += [target.eq(layer.output_start), node.eq(0), sub.eq(0), in_row.eq(0)]
                m.d.sync += [layer_row.eq(layer.last_in_row), row_step.eq(layer.row_step)]
                m.next = "PRIME"
            with m.State("PRIME"):
                m.d.comb += prime.eq(1)
                m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += running.eq(1)
                with m.If(enable & instruction.last & (node == layer.last_node)):
                    with m.If(index == len(table) - 1):
                        m.d.sync += index.eq(0)
                        m.next = "DRAIN"
                    with m.Else():
                        m.d.sync += index.eq(index + 1)
                        m.next = "DESCRIBE"
            with m.State("DRAIN"):
                m.next = "READ"
            self._output(m, read.data, output_address, reading)
        return m

    def _element(self, m: Module, p: int, instruction: Any, enable: Signal, fresh: Signal) -> Signal:
        """Processing element p; returns its flip-flops."""
        if self.instances:
            q = Signal(self.config.shape.neurons, name=f"q{p}")
            m.submodules[f"pe{p}"] = Instance(
                "threshold_pe",
                i_clk=ClockSignal(),
                i_rst=ResetSignal(),
                i_instruction=instruction,
                i_enable=enable,
                i_fresh=fresh,
                o_q=q,
            )
            return q
        element = ProcessingElement(self.config.shape, self.config.cell)
        m.submodules[f"pe{p}"] = element
        m.d.comb += [
            element.instruction.as_value().eq(instruction),
            element.enable.eq(enable),
            element.fresh.eq(fresh),
        ]
        return element.q

    def _load(self, m: Module, address: Signal, word: Signal, enable: Signal) -> None:
        """One beat of elements becomes one word, or one word for each bit plane."""
        unit = self.config.input
        beat = Signal(range(max(2, unit.beats)))
        first = beat if not unit.row else self._load_address(m, beat == unit.beats - 1, len(address))
        plane = Signal(range(max(2, unit.planes)))
        last_plane = Signal()
        m.d.comb += [
            last_plane.eq(plane == unit.planes - 1),
            enable.eq(self.s_tvalid),
            self.s_tready.eq(last_plane),
            address.eq(first + sum((Mux(plane == p, p * unit.plane_step, 0) for p in range(1, unit.planes)), Const(0))),
        ]
        for p in range(unit.lanes):
            element = self.s_tdata[p * unit.bits : (p + 1) * unit.bits]
            if unit.planes == 1:
                value = element.as_signed() if unit.signed else element
                m.d.comb += word[p].eq(value >= unit.threshold)
            else:
                m.d.comb += word[p].eq(element.bit_select(plane, 1) ^ (last_plane if unit.signed else 0))
        with m.If(self.s_tvalid):
            m.d.sync += plane.eq(Mux(last_plane, 0, plane + 1))
            with m.If(last_plane):
                m.d.sync += beat.eq(beat + 1)
                with m.If(beat == unit.beats - 1):
                    m.d.sync += beat.eq(0)
                    m.next = "DESCRIBE"

    def _load_address(self, m: Module, end: Any, width: int) -> Signal:
        """The address of a beat in the first plane, when the image has a border."""
        unit = self.config.input
        address = Signal(width, init=unit.start)
        column, line = Signal(range(max(2, unit.row))), Signal(range(max(2, unit.rows)))
        with m.If(self.s_tvalid & self.s_tready):
            m.d.sync += [address.eq(address + 1), column.eq(column + 1)]
            with m.If(column == unit.row - 1):
                m.d.sync += [address.eq(address + 1 + unit.row_gap), column.eq(0), line.eq(line + 1)]
                with m.If(line == unit.rows - 1):
                    m.d.sync += [address.eq(address + 1 + unit.row_gap + unit.image_gap), line.eq(0)]
            with m.If(end):
                m.d.sync += [address.eq(unit.start), column.eq(0), line.eq(0)]
        return address

    def _output(self, m: Module, word: Any, address: Signal, reading: Signal) -> None:
        """Reads the planes of one element after the other; sends each, or keeps the largest."""
        unit, pes = self.config.output, self.config.pes
        plane = Signal(range(unit.planes + 1))
        element = Signal(range(unit.elements + 1))
        base = Signal(len(address))
        lane = Signal(range(max(2, pes)))
        value = Signal(unit.planes)
        best, best_index = Signal(unit.planes), Signal(range(max(2, unit.elements)))
        is_last = Signal()
        signed_value, signed_best = value.as_signed(), best.as_signed()
        m.d.comb += [address.eq(base + plane + unit.start), is_last.eq(element == unit.elements - 1)]
        with m.State("READ"):
            m.d.comb += reading.eq(1)
            m.d.sync += plane.eq(plane + 1)
            with m.If(plane != 0):
                m.d.sync += value.eq(Cat(value, word.bit_select(lane, 1))[1:])
            with m.If(plane == unit.planes):
                m.d.sync += plane.eq(0)
                m.next = "SEND"
        better = Signal()
        m.d.comb += better.eq((element == 0) | (signed_value > signed_best))
        with m.State("SEND"):
            advance = Signal()
            if unit.argmax:
                m.d.comb += [
                    self.m_tdata.eq(Mux(better, element, best_index)),
                    self.m_tvalid.eq(is_last),
                    advance.eq(~is_last | self.m_tready),
                ]
            else:
                bit = value[0]
                m.d.comb += [
                    self.m_tdata.eq(
                        Mux(bit, 1, -1) if unit.bipolar else (value if unit.planes == 1 else signed_value >> unit.shift)
                    ),
                    self.m_tvalid.eq(1),
                    advance.eq(self.m_tready),
                ]
            m.d.comb += self.m_tlast.eq(is_last)
            with m.If(advance):
                with m.If(better):
                    m.d.sync += [best.eq(value), best_index.eq(element)]
                m.d.sync += [element.eq(element + 1), lane.eq(lane + 1)]
                with m.If(lane == pes - 1):
                    m.d.sync += [lane.eq(0), base.eq(base + unit.planes)]
                m.next = "READ"
                with m.If(is_last):
                    m.d.sync += [element.eq(0), lane.eq(0), base.eq(0)]
                    m.next = "LOAD"
