"""Random integer networks at the primitive stage, for property tests of everything below the tensor graph."""

from __future__ import annotations

from typing import Any

import numpy as np

from nc.compiler.passes.lower_primitive import LowerPrimitive
from nc.ir.graph import Builder, Graph
from nc.ir.ops import OPS
from nc.ir.ops.base import frozen
from nc.ir.types import IntType, TensorType


def op(name: str, **fields: Any) -> Any:
    return OPS[name](**{k: frozen(v) if isinstance(v, np.ndarray) else v for k, v in fields.items()})


def weights(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> Any:
    w = rng.integers(-(1 << bits - 1), 1 << bits - 1, shape) if bits > 1 else rng.choice([-1, 1], shape)
    w[rng.random(shape) < rng.choice([0, 0.5, 0.9])] *= 0 if bits > 1 else 1
    return w


def activation(rng: np.random.Generator, b: Builder, x: int, axis: int) -> int:
    kind = b.type(x)
    channels = kind.shape[axis]
    choice = rng.integers(5)
    if choice == 0:
        return b.add(op("clip", lo=float(rng.integers(-4, 1)), hi=float(rng.integers(1, 12))), x)
    if choice == 1:
        span = kind.int.hi - kind.int.lo
        levels = int(rng.choice([1, 3, 7]))
        t = np.sort(rng.integers(kind.int.lo, kind.int.lo + span + 2, (int(rng.choice([1, channels])), levels)), axis=1)
        sign = rng.choice([-1, 1], len(t))
        base, step = (-1, 2) if levels == 1 else (0, 1)
        return b.add(op("multi_threshold", thresholds=t, sign=sign, axis=axis, base=base, step=step), x)
    if choice == 2 and kind.int.bits < 8:
        entries = rng.integers(-8, 8, (1, kind.int.hi - kind.int.lo + 1))
        return b.add(op("table", entries=entries, lo=kind.int.lo, axis=axis), x)
    x = b.add(op("relu"), x) if rng.random() < 0.5 else x
    many = int(rng.choice([1, channels]))
    shift = int(rng.integers(0, 6))
    return b.add(
        op(
            "requantize", multiplier=rng.integers(1, 9, many), offset=rng.integers(-9, 9, many), shift=shift,
            lo=0, hi=int(rng.choice([1, 7, 15])), axis=axis, rounding=str(rng.choice(["floor", "half_even"])),
        ),
        x,
    )  # fmt: skip


def random_network(seed: int) -> Graph:
    """Dense or convolutional, mixed bits, residual joins, zero weights, argmax or logits."""
    rng = np.random.default_rng(seed)
    b = Builder("random")
    low = int(rng.choice([0, 0, -8, -1]))
    kind = IntType(-1, 1, 2) if low == -1 else IntType(low, low + int(rng.choice([1, 15, 16])))
    if rng.random() < 0.4:
        x = b.input("x", TensorType((2, 4, 4), kind))
        b.origin = "conv"
        w = weights(rng, (3, 2, 3, 3), int(rng.choice([1, 3])))
        x = b.add(op("conv", strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1), groups=1), x, b.constant(w))
        b.origin = "conv/act"
        x = activation(rng, b, x, 0)
        b.origin = "pool"
        pool = "max_pool" if rng.random() < 0.5 else "sum_pool"
        x = b.add(op(pool, kernel=(2, 2), strides=(2, 2), pads=(0, 0, 0, 0), dilations=(1, 1)), x)
        x = b.add(op("reshape", shape=(12,)), x)
    else:
        x = b.input("x", TensorType((int(rng.integers(1, 40)),), kind))
    for layer in range(int(rng.integers(1, 4))):
        width = int(rng.integers(1, 9))
        b.origin = f"fc{layer}"
        y = b.add(op("matmul"), x, b.constant(weights(rng, (b.type(x).shape[0], width), int(rng.choice([1, 2, 4, 6])))))
        if rng.random() < 0.7:
            y = b.add(op("add"), y, b.constant(rng.integers(-20, 20, width)))
        if width > 1 and rng.random() < 0.15:
            x = y
            break  # sums as they are, for the head
        b.origin = f"fc{layer}/act"
        y = activation(rng, b, y, 0)
        if rng.random() < 0.3 and b.type(y).shape == b.type(x).shape:
            b.origin = f"join{layer}"
            y = b.add(op(str(rng.choice(["add", "sub", "maximum", "minimum"]))), x, y)
        x = y
    b.origin = "head"
    if rng.random() < 0.4:
        x = b.add(op("argmax", axis=0, keepdims=False, last=bool(rng.integers(2))), x)
    b.output("y", x)
    return LowerPrimitive().run(b.finish())


def samples(graph: Graph, count: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    drawn = {}
    for label, value in graph.inputs.items():
        kind = graph.type(value)
        levels = (kind.int.hi - kind.int.lo) // kind.int.step
        drawn[label] = kind.int.lo + kind.int.step * rng.integers(0, levels + 1, (count, *kind.shape))
    return drawn
