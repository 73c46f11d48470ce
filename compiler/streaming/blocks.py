"""Which block RAMs and DSP blocks of a device family memories and products take: the rules that hardware is emitted by.

Memories get an attribute that says block or logic (`nc.backends.fpga.memories`), so that synthesis does what is counted
here; products become DSP blocks as Yosys' own `mul2dsp` cuts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """`shapes`: (width, depth) of a block RAM; `block_price`: what a block is worth, in prices a bit of read-only
    (`rom_price`) or of writable memory (`ram_price`) in logic; `lut_ram`: LUTs can be memories of 16 x 4 bits;
    `dsp_width`: bits of a DSP block's factors, 0 where the device has none; `dsp_least`: products of fewer bits stay in
    LUTs.
    """

    shapes: tuple[tuple[int, int], ...]
    block_price: float
    rom_price: float
    ram_price: float
    lut_ram: bool
    dsp_width: int
    dsp_least: int


_ECP5 = Family(
    ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)), 128, 1 / 16, 1 / 16, True, 18, 9
)  # fmt: skip

FAMILIES: Mapping[str, Family] = {
    "ice40": Family(((16, 256), (8, 512), (4, 1024), (2, 2048)), 64, 1 / 16, 1.0, False, 16, 11),
    "ecp5": _ECP5,
    "generic": _ECP5,
}
"""The prices are those by which Yosys decides (`memory_libmap`, share/lattice and share/ice40)."""


def blocks(width: int, depth: int, family: Family) -> tuple[int, int]:
    """The fewest block RAMs that hold `depth` words of `width` bits, and how many banks of them are in depth."""
    choices = [(-(-width // w) * -(-depth // d), -(-depth // d)) for w, d in family.shapes]
    return min(choices)


def in_blocks(width: int, depth: int, family: Family, *, rom: bool) -> bool:
    """Whether a memory is worth block RAMs."""
    if depth <= 1 or width == 0:
        return False
    if rom:
        logic = width * depth * family.rom_price
    elif family.lut_ram:
        logic = 64 * -(-width // 4) * -(-depth // 16) * family.ram_price
    else:
        logic = width * depth * family.ram_price
    return logic >= family.block_price * blocks(width, depth, family)[0]


def dsps(a: int, b: int, result: int, family: Family) -> int:
    """DSP blocks of a product of factors of `a` and `b` bits (their signs harmonised) of which `result` bits count: one
    for each pair of pieces that a block can take and that is not too small for one."""
    limit = family.dsp_width
    if not limit:
        return 0
    a, b = max(a, b), min(a, b)
    return _pieces(a, b, min(result, a + b), limit, family.dsp_least)


def _pieces(a: int, b: int, result: int, limit: int, least: int) -> int:
    if min(a, b) < 2 or result < least:
        return 0
    if a > limit:
        whole = (a - 1) // limit
        last = a - whole * limit
        return whole * _pieces(limit, b, min(result, b + limit), limit, least) + _pieces(
            last, b, b + last, limit, least
        )
    if b > limit:
        whole = (b - 1) // limit
        last = b - whole * limit
        return whole * _pieces(a, limit, min(result, a + limit), limit, least) + _pieces(
            a, last, a + last, limit, least
        )
    return 1
