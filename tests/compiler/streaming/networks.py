"""Random integer networks of what streams: convolutions, staircases, pools, residual joins, dense ends."""

from __future__ import annotations

import numpy as np

from nc.ir.graph import Builder, Graph
from nc.ir.ops.add import Add
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.base import frozen
from nc.ir.ops.conv import Conv
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.max_pool import MaxPool
from nc.ir.ops.mul import Mul
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.relu import Relu
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.sum_pool import SumPool
from nc.ir.ops.transpose import Transpose
from nc.ir.types import IntType, TensorType

Rng = np.random.Generator


def random_network(rng: Rng, *, blocks: int = 2, extent: int = 6, most_channels: int = 4) -> Graph:
    """A graph with one input (C, H, W) and one output."""
    build = Builder("random")
    channels = int(rng.integers(1, most_channels + 1))
    height, width = (int(v) for v in rng.integers(extent - 1, extent + 2, 2))
    low = int(rng.choice([0, -8]))
    x = build.input("x", TensorType((channels, height, width), IntType(low, low + 15)))
    for block in range(blocks):
        build.origin = f"block{block}"
        x = BLOCKS[int(rng.integers(len(BLOCKS)))](build, rng, x, most_channels)
    build.origin = "head"
    x = HEADS[int(rng.integers(len(HEADS)))](build, rng, x)
    build.output("y", x)
    return build.finish()


def conv(build: Builder, rng: Rng, x: int, channels: int, *, kernel: int = 3, stride: int = 1, groups: int = 1) -> int:
    """Same padding, 3-bit weights."""
    inside = build.type(x).shape[0]
    weights = rng.integers(-3, 4, (channels, inside // groups, kernel, kernel))
    pad = (kernel - 1) // 2
    return build.add(Conv((stride, stride), (pad, pad, pad, pad), (1, 1), groups), x, build.constant(weights))


def narrow(build: Builder, rng: Rng, x: int) -> int:
    """Any staircase to 3 or 4 bits, by channel or not, so that integers stay small."""
    kind, channels = build.type(x).int, build.type(x).shape[0]
    rows = int(rng.choice([1, channels]))
    if rng.random() < 0.5:
        shift = max(0, kind.bits - 4)
        multiplier = rng.integers(1, 4, rows) if rng.random() < 0.5 else np.ones(rows, np.int64)
        offset = rng.integers(-(1 << shift), (1 << shift) + 1, rows)
        rounding = str(rng.choice(["floor", "half_even"]))
        return build.add(Requantize(frozen(multiplier), frozen(offset), shift, -8, 7, 0, rounding), x)
    levels = int(rng.choice([1, 3, 7, 10]))
    edges = np.sort(rng.integers(kind.lo, kind.hi + 2, (rows, levels)), axis=1)
    sign = rng.choice([-1, 1], rows) if rng.random() < 0.3 else np.ones(rows, np.int64)
    return build.add(MultiThreshold(frozen(edges), frozen(sign), 0, int(rng.integers(-3, 1))), x)


def plain(build: Builder, rng: Rng, x: int, most: int) -> int:
    kernel, stride = int(rng.choice([1, 2, 3])), int(rng.choice([1, 2]))
    if min(build.type(x).shape[1:]) < kernel:
        kernel = 1
    x = conv(build, rng, x, int(rng.integers(1, most + 1)), kernel=kernel, stride=stride)
    if rng.random() < 0.5:
        x = build.add(Add(), x, build.constant(rng.integers(-9, 10, (build.type(x).shape[0], 1, 1))))
    return narrow(build, rng, x)


def depthwise(build: Builder, rng: Rng, x: int, most: int) -> int:
    channels = build.type(x).shape[0]
    return narrow(build, rng, conv(build, rng, x, channels, groups=channels))


def grouped(build: Builder, rng: Rng, x: int, most: int) -> int:
    channels = build.type(x).shape[0]
    groups = 2 if channels % 2 == 0 else 1
    return narrow(build, rng, conv(build, rng, x, 2 * groups, groups=groups))


def pooled(build: Builder, rng: Rng, x: int, most: int) -> int:
    x = plain(build, rng, x, most)
    kernel = min(2, *build.type(x).shape[1:])
    pool = (MaxPool, SumPool)[int(rng.integers(2))]
    x = build.add(pool((kernel, kernel), (kernel, kernel), (0, 0, 0, 0), (1, 1)), x)
    return narrow(build, rng, x)


def padded_pool(build: Builder, rng: Rng, x: int, most: int) -> int:
    if min(build.type(x).shape[1:]) < 3:
        return plain(build, rng, x, most)
    pool = (MaxPool, SumPool)[int(rng.integers(2))]
    return narrow(build, rng, build.add(pool((3, 3), (2, 2), (1, 1, 1, 1), (1, 1)), x))


def residual(build: Builder, rng: Rng, x: int, most: int) -> int:
    channels = build.type(x).shape[0]
    branch = narrow(build, rng, conv(build, rng, x, channels))
    branch = conv(build, rng, branch, channels)
    return narrow(build, rng, build.add(Relu(), build.add(Add(), branch, x)))


def down(build: Builder, rng: Rng, x: int, most: int) -> int:
    """A residual block with a strided shortcut."""
    wide = 2 * build.type(x).shape[0]
    branch = narrow(build, rng, conv(build, rng, x, wide, stride=2))
    branch = conv(build, rng, branch, wide)
    short = conv(build, rng, x, wide, kernel=1, stride=2)
    return narrow(build, rng, build.add(Add(), branch, short))


BLOCKS = (plain, depthwise, grouped, pooled, padded_pool, residual, down)


def dense(build: Builder, rng: Rng, x: int) -> int:
    size = build.type(x).size
    flat = build.add(Reshape((size,)), x)
    made = build.add(MatMul(), flat, build.constant(rng.integers(-3, 4, (size, 3))))
    return build.add(Add(), made, build.constant(rng.integers(-99, 100, 3)))


def decided(build: Builder, rng: Rng, x: int) -> int:
    return build.add(ArgMax(0, True, bool(rng.integers(2))), dense(build, rng, x))


def global_pool(build: Builder, rng: Rng, x: int) -> int:
    shape = build.type(x).shape
    x = build.add(SumPool(shape[1:], (1, 1), (0, 0, 0, 0), (1, 1)), x)
    x = build.add(Reshape((shape[0],)), x)
    x = build.add(Mul(), x, build.constant(rng.integers(-3, 4, shape[0])))
    return build.add(MatMul(), x, build.constant(rng.integers(-3, 4, (shape[0], 2))))


def as_it_is(build: Builder, rng: Rng, x: int) -> int:
    """Pixels out: the order of the tensor must be restored."""
    return build.add(Transpose((1, 2, 0)), x) if rng.random() < 0.5 else x


HEADS = (dense, decided, global_pool, as_it_is)
