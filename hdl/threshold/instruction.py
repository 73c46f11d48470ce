"""The instruction word of the array: one wide word a cycle, the same for every processing element.

Fields, low bits first: for each neuron its operand sources a, b, c, d, their inversions and its threshold; register
writes; register read ports; what the fresh lanes carry; which flip-flop is emitted after this cycle; end of program.
"""

from __future__ import annotations

from amaranth.lib import data
from amaranth.utils import bits_for

from nc.hdl.threshold.shape import PeShape

LANE_IDLE, LANE_PRODUCT, LANE_ADDEND = 0, 1, 2
"""What a fresh lane carries: nothing; image bit XNOR weight bit; the weight bit itself (a bit of the addend)."""


def heavy_sources(shape: PeShape) -> int:
    """The weight-2 operand reads only the constant, the fresh lanes and the output flip-flops: the first sources."""
    return shape.held_source(0, 0)


def layout(shape: PeShape) -> data.StructLayout:
    """The instruction as an Amaranth layout; its width follows from the shape alone."""
    light = bits_for(shape.sources - 1)
    heavy = bits_for(heavy_sources(shape) - 1)
    neuron = data.StructLayout({"a": light, "b": light, "c": light, "d": heavy, "invert": 4, "threshold": 3})
    write = data.StructLayout({"enable": 1, "register": bits_for(shape.registers - 1)})
    return data.StructLayout(
        {
            "neuron": data.ArrayLayout(neuron, shape.neurons),
            "write": data.ArrayLayout(write, shape.neurons),
            "port": data.ArrayLayout(bits_for(shape.storage - 1), shape.reads),
            "lane": data.ArrayLayout(2, shape.fresh),
            "emit": 1,
            "emit_neuron": bits_for(shape.neurons - 1),
            "last": 1,
        }
    )
