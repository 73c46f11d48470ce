"""Programs to instruction words, weights to memory words: the bit images that the array's memories start with."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.lib import data

from nc.backends.threshold.program import Program
from nc.hdl.threshold.instruction import LANE_ADDEND, LANE_PRODUCT, layout
from nc.hdl.threshold.shape import PeShape
from nc.ir.diagnostics import InternalError

Array = np.ndarray[Any, Any]


def words(bits: Array) -> list[int]:
    """bool (rows, width), bit 0 first, to integers."""
    return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(bits, axis=1, bitorder="little")]


def instruction_words(program: Program) -> list[int]:
    """One word for each cycle of the program's evaluations; the emission that follows an evaluation is part of it."""
    rows = program.length - 1  # the last row only emits, in the first cycle of whatever comes next
    fields = layout(program.shape)
    bits = np.zeros((rows, fields.size), np.bool_)

    def put(offset: int, width: int, value: Array) -> None:
        if ((value < 0) | (value >> width != 0)).any():
            raise InternalError(f"an instruction field of {width} bits cannot hold {value.max()}")
        bits[:, offset : offset + width] = (value[:, None] >> np.arange(width)) & 1

    shape = program.shape
    for i in range(shape.neurons):
        neuron = fields["neuron"].shape[i]
        start = fields["neuron"].offset + neuron.offset
        for k, slot in enumerate("abcd"):
            put(start + neuron.shape[slot].offset, _width(neuron.shape[slot]), program.source[:rows, i, k])
            put(start + neuron.shape["invert"].offset + k, 1, program.invert[:rows, i, k].astype(np.int64))
        put(start + neuron.shape["threshold"].offset, 3, program.threshold[:rows, i])
        write = fields["write"].shape[i]
        start = fields["write"].offset + write.offset
        register = program.write[:rows, i]
        put(start, 1, (register >= 0).astype(np.int64))
        put(start + write.shape["register"].offset, _width(write.shape["register"]), np.maximum(register, 0))
    for p in range(shape.reads):
        field = fields["port"].shape[p]
        put(fields["port"].offset + field.offset, _width(field), np.maximum(program.port[:rows, p], 0))
    for b in range(shape.fresh):
        lane = program.lane[:rows, b]
        kind = np.where(lane >= 0, LANE_PRODUCT, np.where(lane <= -2, LANE_ADDEND, 0))
        put(fields["lane"].offset + 2 * b, 2, kind)
    emit = program.emit[1:]
    if program.emit[0] >= 0 or (program.write[rows:] >= 0).any():
        raise InternalError("a program must not emit in its first cycle nor write after its last evaluation")
    put(fields["emit"].offset, 1, (emit >= 0).astype(np.int64))
    neuron_index = np.where(emit >= 0, emit - shape.q_source(0), 0)
    put(fields["emit_neuron"].offset, _width(fields["emit_neuron"]), neuron_index)
    put(fields["last"].offset, 1, (np.arange(rows) == rows - 1).astype(np.int64))
    return words(bits)


def _width(field: data.Field) -> int:
    shape = field.shape
    return shape if isinstance(shape, int) else int(shape.width)


def weight_rows(program: Program) -> Array:
    """Cycles that read a weight word, as indices."""
    return np.flatnonzero((program.lane[:-1] != -1).any(axis=1))


def weight_words(program: Program, weights: Array, addends: Array, columns: int, pes: int) -> list[int]:
    """Weight memory of one layer: pass by pass, one word for each cycle that uses a fresh lane.

    weights (O, n) bool: the weight bit of each product; addends (O,): C of each output, `columns` + 1 bits.
    Word layout: PE p has the bits p * B .. p * B + B - 1; PEs without an output hold zeros.
    """
    outputs, fan_in = weights.shape
    passes = -(-outputs // pes)
    table = np.zeros((passes * pes, fan_in + columns + 2), np.bool_)  # products, addend bits, an always-zero column
    table[:outputs, :fan_in] = weights
    table[:outputs, fan_in : fan_in + columns + 1] = (addends[:, None] >> np.arange(columns + 1)) & 1
    lane = program.lane[weight_rows(program)]
    column = np.where(lane >= 0, lane, np.where(lane <= -2, fan_in - 2 - lane, fan_in + columns + 1))
    bits = table[:, column].reshape(passes, pes, *lane.shape)  # pass, PE, row, lane
    return words(bits.transpose(0, 2, 1, 3).reshape(passes * len(lane), pes * program.shape.fresh))


def takes(program: Program) -> Array:
    """Image bits that each cycle takes (cycles,)."""
    return np.asarray((program.lane[:-1] >= 0).sum(axis=1))


def check_shape(program: Program, shape: PeShape) -> None:
    """A program runs only on the shape it was made for."""
    if program.shape != shape:
        raise InternalError(f"a program for {program.shape} cannot run on {shape}")
