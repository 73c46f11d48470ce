"""Bit-parallel vectors for node programs: random products and addends, packed 64 to a word."""

from __future__ import annotations

from typing import Any

import numpy as np

from nc.backends.threshold.node import Node
from nc.backends.threshold.program import Program
from nc.backends.threshold.simulator import execute

Array = np.ndarray[Any, Any]


def pack(bits: Array) -> Array:
    """bool (rows, vectors) -> uint64 (rows, vectors / 64)."""
    padded = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 64)))
    return np.ascontiguousarray(np.packbits(padded, axis=1, bitorder="little")).view(np.uint64)


def unpack(words: Array, vectors: int) -> Array:
    return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, :vectors].astype(np.int64)


def run(node: Node, program: Program, bits: Array, addend: Array) -> Array:
    """Emitted bits (emits, vectors) for product bits (fan_in, vectors) and addends (vectors,)."""
    constant = (addend[None, :] >> np.arange(node.columns + 1)[:, None]) & 1
    return unpack(execute(program, pack(bits), pack(constant.astype(np.bool_))), bits.shape[1])


def mismatches(node: Node, program: Program, vectors: int, seed: int, lowest: int = 1, bias: float = 0.5) -> int:
    """Vectors on which the program of a compare node differs from [sum >= T], T random for each vector."""
    rng = np.random.default_rng(seed)
    bits = rng.random((node.fan_in, vectors)) < bias
    weights = np.concatenate([np.full(count, 1 << j) for j, count in node.order])
    total = weights @ bits
    near = rng.integers(-2, 4, vectors) + total  # thresholds around the sum, where mistakes show
    anywhere = rng.integers(lowest, node.largest + 1, vectors)
    threshold = np.where(rng.random(vectors) < 0.8, np.clip(near, lowest, node.largest), anywhere)
    addend = np.array([node.addend_for(int(t)) for t in threshold])
    return int(np.count_nonzero(run(node, program, bits, addend)[0] != (total >= threshold)))
