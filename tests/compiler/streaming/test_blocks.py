"""Blocks that memories and products take, by the families' data sheets and Yosys' cutting of products."""

from __future__ import annotations

import pytest

from nc.compiler.streaming.blocks import FAMILIES, blocks, dsps, in_blocks

ECP5, ICE40 = FAMILIES["ecp5"], FAMILIES["ice40"]


@pytest.mark.parametrize(
    ("a", "b", "count"),
    [
        (8, 8, 1),
        (18, 18, 1),
        (19, 8, 1),  # the last piece has one bit: too few for a block
        (22, 12, 2),
        (36, 18, 2),
        (30, 30, 4),
        (7, 1, 0),
        (4, 4, 0),  # fewer than nine bits
    ],
)
def test_products_on_ecp5(a: int, b: int, count: int) -> None:
    assert dsps(a, b, a + b, ECP5) == dsps(b, a, a + b, ECP5) == count


def test_products_on_ice40() -> None:
    assert (dsps(16, 16, 32, ICE40), dsps(17, 16, 33, ICE40), dsps(20, 10, 30, ICE40), dsps(5, 5, 10, ICE40)) == (
        1, 1, 2, 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("family", "width", "depth", "count"),
    [(ECP5, 36, 512, 1), (ECP5, 37, 512, 2), (ECP5, 10, 768, 1), (ECP5, 1, 16384, 1), (ICE40, 16, 256, 1),
     (ICE40, 60, 5, 4)],
)  # fmt: skip
def test_block_rams(family: object, width: int, depth: int, count: int) -> None:
    assert blocks(width, depth, family)[0] == count  # type: ignore[arg-type]


def test_shallow_memories_stay_in_logic() -> None:
    assert not in_blocks(384, 10, ECP5, rom=True)
    assert in_blocks(36, 512, ECP5, rom=True)
    assert not in_blocks(60, 5, ECP5, rom=False)
    assert in_blocks(60, 5, ICE40, rom=False)
