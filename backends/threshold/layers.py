"""A network as the array runs it: layers of nodes with windows, weight bits and addends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nc.backends.threshold.assembler import instruction_words, takes, weight_rows, weight_words
from nc.backends.threshold.node import Node
from nc.backends.threshold.schedule import Schedule, schedule
from nc.hdl.threshold.config import ArrayConfig, InputUnit, LayerDescriptor, OutputUnit
from nc.hdl.threshold.shape import PeShape

Array = np.ndarray[Any, Any]

SETUP_CYCLES = 3
"""Cycles of the controller before a layer's first instruction: describe, start, prime."""


@dataclass(frozen=True)
class Window:
    """Where a node finds its image bits: position-major words, `channels` bits each position, planes one after another.

    `kernel`, `stride`, `pool` (window of the OR; its stride is `pool_stride`, or the window) and `output` (after
    pooling) are (y, x); `extent` the input's. A dense layer is one position whose channels are all its inputs. Each
    plane of the window is read once for each of `weight_planes`. `pack`: image bits in a full word when that is not the
    width of the array.
    `planar`: one image after the other for the channels, a word for each bit, as an input (channels, y, x) arrives.
    `pad` (top, left, bottom, right): zeros around the input, as words that are there from the start; `border` has what
    a zero is: for each plane a pattern repeated over the channel bits. `masked`: no pattern is zero (bipolar values);
    the pattern stands for the products instead, ones and zeros in equal number whatever the weights.
    """

    channels: int
    planes: int = 1
    weight_planes: int = 1
    extent: tuple[int, int] = (1, 1)
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    pool: tuple[int, int] = (1, 1)
    pool_stride: tuple[int, int] = (0, 0)
    output: tuple[int, int] = (1, 1)
    pack: int = 0
    planar: bool = False
    pad: tuple[int, int, int, int] = (0, 0, 0, 0)
    border: tuple[tuple[bool, ...], ...] = ()
    masked: bool = False

    @property
    def span(self) -> tuple[int, int]:
        """The input's extent with its border."""
        return self.extent[0] + self.pad[0] + self.pad[2], self.extent[1] + self.pad[1] + self.pad[3]

    @property
    def positions(self) -> int:
        return self.output[0] * self.output[1]

    @property
    def subs(self) -> int:
        return self.pool[0] * self.pool[1]

    def packed(self, pes: int) -> int:
        """Image bits in a full channel word."""
        return 1 if self.planar else self.pack or pes

    def deep(self, pes: int) -> int:
        """Words of one position."""
        return -(-self.channels // self.packed(pes))

    def valid(self, pes: int) -> list[int]:
        """Image bits of each word of the window, in order."""
        deep, full = self.deep(pes), self.packed(pes)
        position = [full] * (deep - 1) + [self.channels - (deep - 1) * full]
        return position * (self.kernel[0] * self.kernel[1] * self.planes * self.weight_planes)

    def image_loops(self, pes: int, passes: int) -> tuple[tuple[int, int], ...]:
        """The address loops (count, step), innermost first, in the order of `nc.hdl.threshold.config.IMAGE_LOOPS`."""
        deep = self.deep(pes)
        height, width = self.span
        step, place = (height * width, 1) if self.planar else (1, deep)  # of a channel word, of a column
        line = width * place
        across = (self.pool_stride[1] or self.pool[1]) * self.stride[1]
        down = (self.pool_stride[0] or self.pool[0]) * self.stride[0]
        return (
            (deep, step),
            (self.kernel[1], place),
            (self.kernel[0], line),
            (self.weight_planes, 0),
            (self.planes, height * width * deep),
            (self.pool[1], self.stride[1] * place),
            (self.pool[0], self.stride[0] * line),
            (passes, 0),
            (self.output[1], across * place),
            (self.output[0], down * line),
        )

    def gaps(self, pes: int) -> tuple[int, int, int]:
        """Words of the padded image: in front of the first value, after each row, and after each plane's last row."""
        place = 1 if self.planar else self.deep(pes)
        top, left, bottom, right = self.pad
        width = self.span[1]
        return (top * width + left) * place, (left + right) * place, (top + bottom) * width * place

    def border_words(self, pes: int) -> Iterator[tuple[int, int]]:
        """(word number from the start of the image, word) of the border; bit `pes` of a word marks products."""
        height, width = self.span
        top, left = self.pad[:2]
        deep, packed = self.deep(pes), self.packed(pes)
        outside = np.ones((height, width), np.bool_)
        outside[top : top + self.extent[0], left : left + self.extent[1]] = False
        for plane, pattern in enumerate(self.border):
            for word in range(deep):
                bits = [
                    pattern[c % len(pattern)] for c in range(word * packed, min(self.channels, (word + 1) * packed))
                ]
                value = sum(1 << k for k, bit in enumerate(bits) if bit) | self.masked << pes
                for place in np.flatnonzero(outside).tolist():
                    inside = word * height * width + place if self.planar else place * deep + word
                    yield plane * height * width * deep + inside, value


@dataclass(frozen=True)
class ArrayLayer:
    """`weights` (O, n) bool in the order in which the window delivers its bits; `addends` (O,) int64."""

    name: str
    node: Node
    window: Window
    weights: Array = field(repr=False)
    addends: Array = field(repr=False)

    @property
    def outputs(self) -> int:
        return len(self.weights)

    @property
    def operations(self) -> int:
        """Multiplications and additions of one inference, as accelerators count them."""
        return 2 * self.node.fan_in * self.outputs * self.window.positions * self.window.subs

    def passes(self, pes: int) -> int:
        return -(-self.outputs // pes)

    def nodes(self, pes: int) -> int:
        """Node programs run one after the other."""
        return self.passes(pes) * self.window.positions * self.window.subs


@dataclass(frozen=True)
class Network:
    """Layers in order, how the input becomes bits, and what leaves: everything but the size of the array. `shift`: low
    bits of integer results that do not leave."""

    input: InputUnit
    layers: tuple[ArrayLayer, ...]
    output_width: int
    argmax: bool = False
    bipolar: bool = True
    shift: int = 0


@dataclass(frozen=True)
class PlacedLayer:
    """A layer on an array: its schedule, its addresses, and its exact cycles (setup and gearbox waits included)."""

    layer: ArrayLayer
    schedule: Schedule
    descriptor: LayerDescriptor
    stalls: int
    cycles: int

    @property
    def utilisation(self) -> float:
        """Useful neuron evaluations over neuron cycles, idle PEs of the last pass included in neither."""
        useful = self.layer.node.evaluations * self.layer.outputs * self.layer.window.positions * self.layer.window.subs
        return useful / (self.cycles * self.schedule.shape.neurons)


@dataclass(frozen=True)
class Placement:
    """A network on an array: `config` for the hardware, `layers` for the golden model and the reports."""

    network: Network
    config: ArrayConfig
    layers: tuple[PlacedLayer, ...]

    @property
    def load_cycles(self) -> int:
        return self.config.input.beats * self.config.input.planes

    @property
    def output_cycles(self) -> int:
        return self.config.output.elements * (self.config.output.planes + 2)

    @property
    def latency(self) -> int:
        """Cycles from the last input beat to the first output beat."""
        unit = self.config.output
        first = self.output_cycles if unit.argmax else unit.planes + 2
        return sum(layer.cycles for layer in self.layers) + 1 + first

    @property
    def cycles(self) -> int:
        """From the first input beat to the last output beat, when neither side makes the array wait."""
        return self.load_cycles + sum(layer.cycles for layer in self.layers) + 1 + self.output_cycles


def gearbox_stalls(take: Array, words: list[int], lanes: int) -> int:
    """Cycles one node waits for image bits: `words` are the valid bits of the window's words in order."""
    supply = iter(words)
    fill = next(supply)
    waits = 0
    for count in take:
        while count > fill:
            fill += next(supply)
            waits += 1
        fill -= int(count)
        if fill < lanes:
            fill += next(supply, 0)
    return waits


def _input_unit(network: Network, pes: int) -> InputUnit:
    """The input unit with the addresses that the border of the first layer's image asks for."""
    unit, window = network.input, network.layers[0].window
    if not any(window.pad):
        return unit
    first, row_gap, image_gap = window.gaps(pes)
    deep = 1 if window.planar else window.deep(pes)
    words = window.span[0] * window.span[1] * window.deep(pes)
    return replace(unit, start=first, row=window.extent[1] * deep, row_gap=row_gap, rows=window.extent[0],
                   image_gap=image_gap, plane_words=words)  # fmt: skip


def place_network(
    network: Network, pes: int, shape: PeShape, effort: int = 0, cell: str = "", images: bool = True
) -> Placement:
    """Schedule every layer and lay out the memories; `images` False leaves the weight image out (timing only)."""
    instructions: list[int] = []
    weights: list[int] = []
    placed: list[PlacedLayer] = []
    unit = _input_unit(network, pes)
    address = unit.planes * unit.plane_step
    source = 0
    weight_address = 0
    borders: list[tuple[int, int]] = []
    for layer, following in zip(network.layers, [*network.layers[1:], None], strict=True):
        found = schedule(layer.node, shape, True, effort)
        program = found.program
        window = layer.window
        passes = layer.passes(pes)
        rows = len(weight_rows(program))
        valid = window.valid(pes)
        borders += [(source + place, word) for place, word in window.border_words(pes)]
        per_pass = layer.node.columns if layer.node.kind == "value" else 1
        results = window.positions * passes * per_pass
        first, row_gap = 0, 0
        if following is not None and any(following.window.pad):
            first, row_gap, _ = following.window.gaps(pes)
            span = following.window.span
            room = span[0] * span[1] * passes
        else:
            room = results
        descriptor = LayerDescriptor(
            program=len(instructions),
            image_start=source,
            image_loops=window.image_loops(pes, passes),
            full=window.packed(pes),
            valid=valid[window.deep(pes) - 1],
            weight_start=weight_address,
            weight_loops=((rows, 1), (window.subs, 0), (passes, rows), (window.positions, 0)),
            output_start=address + first,
            subs=window.subs,
            nodes=layer.nodes(pes),
            output_row=window.output[1] * passes * per_pass,
            output_gap=row_gap,
        )
        source = address
        address += room
        stalls = gearbox_stalls(takes(program), valid, shape.fresh)
        instructions += instruction_words(program)
        weight_address += passes * rows
        if images:
            weights += weight_words(program, layer.weights, layer.addends, layer.node.columns, pes)
        cycles = SETUP_CYCLES + descriptor.nodes * (found.cycles + stalls)
        placed.append(PlacedLayer(layer, found, descriptor, stalls, cycles))
    last = network.layers[-1]
    planes = last.node.columns if last.node.kind == "value" else 1
    output = OutputUnit(
        start=source,
        elements=last.outputs * last.window.positions,  # several positions only with full words
        planes=planes,
        width=network.output_width,
        bipolar=last.node.kind == "compare" and network.bipolar,
        argmax=network.argmax,
        shift=network.shift,
    )
    config = ArrayConfig(
        shape, pes, instructions, weights, address, tuple(p.descriptor for p in placed), unit, output, cell,
        tuple(borders),
    )  # fmt: skip
    return Placement(network, config, tuple(placed))
