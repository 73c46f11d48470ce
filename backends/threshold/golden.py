"""Golden model of the array: runs the programs themselves on whole batches, every PE and image a bit of a word.

It shares data with the hardware (programs, weight bits, address loops) and nothing of its construction, so that its
image buffer can be compared word by word. `fast_run` computes the same decisions with matrix products.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nc.backends.threshold.layers import PlacedLayer, Placement
from nc.backends.threshold.simulator import execute

Array = np.ndarray[Any, Any]


def load(placement: Placement, inputs: Array) -> Array:
    """Image bits of the first layer: inputs (N, ...) integers to a buffer (N, image words, W) bool."""
    unit, pes = placement.config.input, placement.config.pes
    flat = np.asarray(inputs, np.int64).reshape(len(inputs), -1)
    padded = np.zeros((len(flat), unit.beats * unit.lanes), np.int64)
    padded[:, : flat.shape[1]] = flat
    start = np.zeros((placement.config.image_words, pes), np.bool_)
    for address, word in placement.config.borders:
        start[address] = (word >> np.arange(pes, dtype=object)) & 1
    addresses = np.array(unit.addresses())
    buffer = np.repeat(start[None], len(flat), axis=0)
    for plane in range(unit.planes):
        if unit.planes == 1:
            bits = padded >= unit.threshold
        else:
            top = plane == unit.planes - 1
            bits = ((padded >> plane) & 1).astype(np.bool_) ^ (top and unit.signed)
        at = plane * unit.plane_step + addresses
        buffer[:, at, : unit.lanes] = bits.reshape(len(flat), unit.beats, unit.lanes)
    return buffer


def window_indices(placed: PlacedLayer, pes: int) -> Array:
    """Flat buffer bits of every window: (positions, subs, fan_in), in the order in which the gearbox takes them."""
    loops = placed.descriptor.image_loops
    deep = loops[0][0]
    words = np.zeros(1, np.int64)
    for count, step in loops[:5]:  # one window: channel words innermost
        words = (np.arange(count)[:, None] * step + words[None, :]).reshape(-1)
    bits = words[:, None] * pes + np.arange(pes)
    valid = np.where(np.arange(len(words)) % deep == deep - 1, placed.descriptor.valid, placed.descriptor.full)
    window = bits[np.arange(pes) < valid[:, None]]
    sub = np.zeros(1, np.int64)
    for count, step in loops[5:7]:
        sub = (np.arange(count)[:, None] * step + sub[None, :]).reshape(-1)
    position = np.zeros(1, np.int64)
    for count, step in loops[8:10]:
        position = (np.arange(count)[:, None] * step + position[None, :]).reshape(-1)
    start = (position[:, None] + sub[None, :]) * pes + placed.descriptor.image_start * pes
    return np.asarray(start[:, :, None] + window)


def border_bits(placement: Placement) -> Array:
    """(image words,) bool: whose bits are products of a border instead of image bits."""
    flags = np.zeros(placement.config.image_words, np.bool_)
    flags[[address for address, word in placement.config.borders if word >> placement.config.pes]] = True
    return flags


def _exact(placed: PlacedLayer, bits: Array, given: Array) -> Array:
    """Run the program: window bits (M, n), `given` (M, n) those that are products, to results (M, O, emitted)."""
    layer = placed.layer
    factor = layer.weights.T[:, None, :] | given.T[:, :, None]
    products = ~(bits.T[:, :, None] ^ factor)  # n, M, O
    addend = (layer.addends[:, None] >> np.arange(layer.node.columns + 1)) & 1
    constants = np.broadcast_to(addend.T[:, None, :].astype(np.bool_), (addend.shape[1], len(bits), layer.outputs))
    out = execute(placed.schedule.program, _pack(products), _pack(constants))
    flat = np.unpackbits(out.view(np.uint8), axis=1, bitorder="little")[:, : len(bits) * layer.outputs]
    return np.moveaxis(flat.reshape(-1, len(bits), layer.outputs), 0, 2)


def _pack(bits: Array) -> Array:
    flat = bits.reshape(len(bits), -1)
    padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % 64)))
    return np.ascontiguousarray(np.packbits(padded, axis=1, bitorder="little")).view(np.uint64)


def _fast(placed: PlacedLayer, bits: Array, given: Array) -> Array:
    """The same by integer arithmetic on +-1 matrix products, a given bit being 0 (exact in float32 below 2^24)."""
    layer = placed.layer
    total = np.zeros((len(bits), layer.outputs), np.int64)
    start = 0
    for column, count in layer.node.order:
        x = bits[:, start : start + count].astype(np.float32) * 2 - 1
        x[given[:, start : start + count]] = 0
        w = layer.weights[:, start : start + count].astype(np.float32) * 2 - 1
        total += (((x @ w.T).astype(np.int64) + count) >> 1) << column
        start += count
    total += layer.addends
    if layer.node.kind == "compare":
        return (total >> layer.node.columns > 0)[:, :, None].astype(np.uint8)
    return ((total[:, :, None] >> np.arange(layer.node.columns)) & 1).astype(np.uint8)


def run(placement: Placement, inputs: Array, exact: bool = True) -> tuple[Array, Array]:
    """Results of inputs (N, ...): outputs (N, elements) or (N,) for argmax, and the whole image buffer (N, words, W).

    `exact`: run the programs cycle by cycle, bit-parallel; otherwise matrix products give the same bits faster.
    """
    config = placement.config
    buffer = load(placement, inputs)
    borders = border_bits(placement)
    for placed in placement.layers:
        layer = placed.layer
        step = _exact if exact else _fast
        flat = buffer.reshape(len(buffer), -1)
        index = window_indices(placed, config.pes)
        positions, subs, fan_in = index.shape
        chunk = max(1, (1 << 25) // max(1, len(buffer) * fan_in * (layer.outputs if exact else 1)))
        planes = layer.node.columns if layer.node.kind == "value" else 1
        passes = layer.passes(config.pes)
        result = np.zeros((len(buffer), positions, passes * config.pes, planes), np.bool_)
        for first in range(0, positions, chunk):
            part = index[first : first + chunk]
            bits = flat[:, part].reshape(-1, fan_in)
            given = np.tile(borders[part // config.pes].reshape(-1, fan_in), (len(buffer), 1))
            got = step(placed, bits, given).reshape(len(buffer), len(part), subs, layer.outputs, planes)
            result[:, first : first + len(part), : layer.outputs] = got.any(axis=2)
        # words: position, pass, plane
        words = result.reshape(len(buffer), positions, passes, config.pes, planes).transpose(0, 1, 2, 4, 3)
        row, gap = placed.descriptor.output_row, placed.descriptor.output_gap
        number = np.arange(positions * passes * planes)
        at = placed.descriptor.output_start + number + number // row * gap
        buffer[:, at] = words.reshape(len(buffer), -1, config.pes)
    return decode(placement, buffer), buffer


def decode(placement: Placement, buffer: Array) -> Array:
    """What the output unit sends for a final image buffer."""
    unit, pes = placement.config.output, placement.config.pes
    passes = -(-unit.elements // pes)
    words = buffer[:, unit.start : unit.start + passes * unit.planes].reshape(len(buffer), passes, unit.planes, pes)
    bits = words.transpose(0, 1, 3, 2).reshape(len(buffer), passes * pes, unit.planes)[:, : unit.elements]
    if unit.bipolar:
        return bits[:, :, 0].astype(np.int64) * 2 - 1
    if unit.planes == 1:
        return bits[:, :, 0].astype(np.int64)
    weights = np.left_shift(np.int64(1), np.arange(unit.planes))
    weights[-1] = -weights[-1]
    values = bits.astype(np.int64) @ weights >> unit.shift
    return np.asarray(values.argmax(axis=1) if unit.argmax else values)
