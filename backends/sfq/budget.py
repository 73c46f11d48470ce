"""How many junctions an unrolled network will need, layer by layer, before any synthesis."""

from __future__ import annotations

import numpy as np

from nc.ir.diagnostics import Diagnostic, Where
from nc.ir.words import Kind, WordGraph

JJ_PER_FULL_ADDER = 150
"""Two XORs, two ANDs, an OR with clock splitters, and their share of DFFs, data splitters and wires (measured on
unrolled binary networks, 1 phase)."""

JJ_PER_BIT = 60
"""A bit of a comparison, a multiplexer or a clamp."""


def estimate(words: WordGraph) -> dict[str, int]:
    """Junctions by layer. A sum takes a full adder for every bit that goes in and does not come out."""
    bits = words.bits
    into = np.zeros(len(words), np.int64)
    np.add.at(into, words.owner, bits[words.src])
    kind = words.kind
    jj = np.where(kind == Kind.SUM, np.maximum(into - bits, 0) * JJ_PER_FULL_ADDER, 0)
    plain = ~np.isin(kind, [Kind.INPUT, Kind.CONST, Kind.SUM, Kind.SHR, Kind.BITS, Kind.REG, Kind.MUL])
    jj = jj + np.where(plain, into * JJ_PER_BIT, 0)
    for node in np.flatnonzero(kind == Kind.MUL).tolist():
        jj[node] = int(np.prod(bits[words.src[words.operands(node)]])) * (JJ_PER_FULL_ADDER + 18)
    found = np.bincount(words.layer, weights=jj, minlength=len(words.layers)).astype(np.int64)
    return {name: int(n) for name, n in zip(words.layers, found.tolist()) if n}


def over_budget(words: WordGraph, budget: int) -> list[Diagnostic]:
    """NC805 when the network is too large, at its largest layer."""
    layers = estimate(words)
    total = sum(layers.values())
    if total <= budget:
        return []
    layer = max(layers, key=lambda name: layers[name])
    text = (
        f"unrolled network must need at most {budget:,} Josephson junctions, not about {total:,}: layer '{layer}' "
        f"alone takes {layers[layer]:,}, {total - budget:,} too many in all"
    )
    help = "--set sfq.style=engine time-multiplexes a binary network; or shrink the layer, or raise sfq.max_jj"
    return [Diagnostic("NC805", text, Where(node=layer), help=help)]
