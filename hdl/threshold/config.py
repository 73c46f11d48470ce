"""The array's configuration: memory sizes and layer descriptors, as data shared with the compiler."""

from __future__ import annotations

from dataclasses import dataclass, field

from amaranth.lib import data

from nc.hdl.threshold.address import loop_layout
from nc.hdl.threshold.shape import PeShape

IMAGE_LOOPS = 10
"""Loops of the image address: channel word, kernel x, kernel y, weight plane, input plane, pool x, pool y, pass,
position x, position y."""

IMAGE_GROUP = 5
"""The first loops make one node: the words of its window."""

WEIGHT_LOOPS = 4
"""Loops of the weight address: word of the node, pool sub-position, pass, position."""


@dataclass(frozen=True)
class LayerDescriptor:
    """One layer as the controller runs it. `loops` are (count, step), innermost first; addresses are word numbers.

    `program`: first instruction; `full`, `valid`: image bits in a channel word of a position, and in its last;
    `subs`: nodes that are OR-ed into one output bit (pool window), `nodes`: all nodes of one element, subs included;
    `output_row`: result words of a row, after each of which `output_gap` words are skipped (the next layer's border).
    """

    program: int
    image_start: int
    image_loops: tuple[tuple[int, int], ...]
    full: int
    valid: int
    weight_start: int
    weight_loops: tuple[tuple[int, int], ...]
    output_start: int
    subs: int
    nodes: int
    output_row: int = 1
    output_gap: int = 0


@dataclass(frozen=True)
class OutputUnit:
    """What leaves the array: `elements` values from `start`, each `planes` bits in two's complement, plane words of one
    pass adjacent, without their `shift` low bits. `bipolar`: a single plane becomes -1 / +1. `argmax`: only the index
    of the largest leaves."""

    start: int
    elements: int
    planes: int
    width: int
    bipolar: bool = False
    argmax: bool = False
    shift: int = 0


@dataclass(frozen=True)
class InputUnit:
    """How elements become image bits: `bits` wide, `signed`; with `planes` 1 the bit is [x >= threshold], otherwise
    the bit planes of x with the top plane inverted when signed. `beats` of `lanes` elements, one word each.

    A border around the image leaves gaps: the first word goes to `start`; after each `row` words `row_gap` words are
    skipped, after each `rows` rows `image_gap` more (0: no rows). Planes are `plane_words` apart (0: `beats`)."""

    bits: int
    signed: bool
    threshold: int
    planes: int
    beats: int
    lanes: int
    start: int = 0
    row: int = 0
    row_gap: int = 0
    rows: int = 0
    image_gap: int = 0
    plane_words: int = 0

    @property
    def plane_step(self) -> int:
        """Words from one bit plane to the next."""
        return self.plane_words or self.beats

    def addresses(self) -> list[int]:
        """The word of each beat in the first plane."""
        made, address = [], self.start
        for beat in range(1, self.beats + 1):
            made.append(address)
            address += 1
            if self.row and not beat % self.row:
                address += self.row_gap
                if self.rows and not beat % (self.row * self.rows):
                    address += self.image_gap
        return made


@dataclass(frozen=True)
class ArrayConfig:
    """An array of `pes` processing elements with everything it runs. Memory images are lists of words:
    `instructions`; `weights` (B bits for each PE in a word, PE 0 lowest); `image_words`: depth of the image buffer.

    `borders`: (address, word) of the image words that padding reads, never written. In a word with bit `pes` set (a
    zero that is no bit) every bit is the product itself, whatever the weight."""

    shape: PeShape
    pes: int
    instructions: list[int] = field(repr=False)
    weights: list[int] = field(repr=False)
    image_words: int
    layers: tuple[LayerDescriptor, ...]
    input: InputUnit
    output: OutputUnit
    cell: str = ""
    borders: tuple[tuple[int, int], ...] = field(default=(), repr=False)

    @property
    def masked(self) -> bool:
        """Whether any border word stands for products: only then image words have the bit that says so."""
        return any(word >> self.pes for _, word in self.borders)

    def image_init(self) -> list[int]:
        """The image buffer as it starts: borders, zeros elsewhere."""
        words = [0] * self.image_words if self.borders else []
        for address, word in self.borders:
            words[address] = word
        return words

    @property
    def address_bits(self) -> int:
        """One width for all addresses and counters."""
        most = [len(self.instructions), len(self.weights), self.image_words, self.input.beats, self.output.elements]
        most += [count for layer in self.layers for count, _ in (*layer.image_loops, *layer.weight_loops)]
        most += [layer.nodes for layer in self.layers]
        return max(most).bit_length() + 1


def descriptor_layout(width: int, pes: int) -> data.StructLayout:
    """The layer descriptor as the controller reads it from its table."""
    return data.StructLayout(
        {
            "program": width,
            "image_start": width,
            "image_loops": loop_layout(IMAGE_LOOPS, width),
            "full": pes.bit_length(),
            "valid": pes.bit_length(),
            "weight_start": width,
            "weight_loops": loop_layout(WEIGHT_LOOPS, width),
            "output_start": width,
            "last_sub": width,
            "last_node": width,
            "last_in_row": width,
            "row_step": width,
        }
    )


def descriptor_value(layer: LayerDescriptor, width: int, pes: int) -> int:
    """The descriptor as one word of the controller's table."""
    mask = (1 << width) - 1

    def loops(pairs: tuple[tuple[int, int], ...]) -> list[dict[str, int]]:
        return [{"last": count - 1, "step": step & mask} for count, step in pairs]

    return int(
        descriptor_layout(width, pes)
        .const(
            {
                "program": layer.program,
                "image_start": layer.image_start,
                "image_loops": loops(layer.image_loops),
                "full": layer.full,
                "valid": layer.valid,
                "weight_start": layer.weight_start,
                "weight_loops": loops(layer.weight_loops),
                "output_start": layer.output_start,
                "last_sub": layer.subs - 1,
                "last_node": layer.nodes - 1,
                "last_in_row": layer.output_row - 1,
                "row_step": layer.output_gap + 1,
            }
        )
        .as_bits()
    )
