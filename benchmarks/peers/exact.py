"""A mapped netlist with one packed input and one packed output against stored vectors, by bit-parallel evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nc.backends.fpga.mapped import gates
from nc.ir.netlist_eval import simulate

Array = np.ndarray[Any, Any]
Layout = Sequence[Sequence[int]]
"""(bits, signed, fraction) of every element, element 0 in the low bits; fraction bits lie below the point."""


def pack(values: Array, layout: Layout) -> Array:
    """(N, elements) integers as bits (N, width)."""
    parts = [
        ((values[:, [i]] << fraction if fraction >= 0 else values[:, [i]] >> -fraction) >> np.arange(bits)) & 1
        for i, (bits, _, fraction) in enumerate(layout)
    ]
    return np.concatenate(parts, axis=1).astype(np.uint8)


def unpack(bits: Array, layout: Layout) -> Array:
    """The numbers (N, elements), as floats where there are fractions."""
    found, place = [], 0
    for width, signed, fraction in layout:
        weights = np.int64(1) << np.arange(width, dtype=np.int64)
        if signed and width:
            weights[-1] = -weights[-1]
        found.append((bits[:, place : place + width].astype(np.int64) @ weights) * 2.0**-fraction)
        place += width
    return np.stack(found, axis=1)


def exact(
    netlist: Path, flow: str, folder: Path, *, top: str, ports: tuple[str, str], layouts: tuple[Layout, Layout],
    x: Array, y: Array, latency: int = 0,
) -> bool:  # fmt: skip
    """Whether the netlist gives y (N, outputs) for x (N, inputs) after `latency` cycles."""
    mapped = gates(netlist, flow, folder, top=top)
    bits = pack(x, layouts[0])
    given = {ports[0]: np.repeat(bits[None], latency + 1, axis=0)}
    extra = {p.name for p in mapped.inputs} - {ports[0]}
    given |= {name: np.ones((latency + 1, len(x), 1), np.uint8) for name in extra - {"clk", "rst"}}
    if "rst" in extra:
        given["rst"] = np.zeros((latency + 1, len(x), 1), np.uint8)
    given = {name: value for name, value in given.items() if name != "clk"}
    found = simulate(mapped, given)[ports[1]][latency]
    return bool(np.array_equal(unpack(found, layouts[1]), y.astype(np.float64)))
