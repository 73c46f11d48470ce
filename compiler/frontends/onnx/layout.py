"""Operators that move elements: reshape, transpose, join, cut, gather, pad."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.values import BATCH, Tensor, has_batch
from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array
from nc.ir.ops.broadcast import Broadcast
from nc.ir.ops.concat import Concat
from nc.ir.ops.gather import Gather
from nc.ir.ops.pad import Pad
from nc.ir.ops.slice import Slice
from nc.ir.ops.transpose import Transpose

_REST = -1


@translates("Reshape")
def reshape(node: Node) -> Tensor:
    """0 copies an extent, -1 is inferred; the batch must stay the leading axis by itself."""
    x, target = node[0], node.data(1, "the shape").ravel().tolist()
    if not node.attributes.get("allowzero"):
        whole = [BATCH, *x.shape] if x.batched else list(x.shape)
        target = [whole[i] if t == 0 and i < len(whole) else t for i, t in enumerate(target)]
    if not x.batched:
        return node.reshape(x, _inferred(node, x, target))
    lead, *rest = target or [None]
    if not (lead is BATCH or lead in (_REST, 1, node.declared_batch)) or lead == _REST == min(
        _numbers(rest), default=0
    ):
        _merged(node, x, target)
    shape = _inferred(node, x, rest)
    if math.prod(shape) != math.prod(x.shape):
        _merged(node, x, target)
    return node.reshape(x, shape)


def _numbers(extents: list[object]) -> list[int]:
    return [int(e) for e in extents if e is not BATCH]  # type: ignore[call-overload]


def _merged(node: Node, x: Tensor, target: list[object]) -> None:
    fail(
        "NC105",
        f"{node.op} must keep the batch as the leading axis of {x}, not make {target}",
        help="flatten from axis 1 on, as torch.flatten(x, 1) does",
    )


def _inferred(node: Node, x: Tensor, target: list[object]) -> tuple[int, ...]:
    if any(t is BATCH for t in target):
        _merged(node, x, target)
    shape = _numbers(target)
    if shape.count(_REST) > 1 or min(shape, default=0) < _REST:
        fail("NC109", f"the shape of {node.op} must be non-negative extents and at most one -1, not {shape}")
    if _REST in shape:
        known = math.prod(e for e in shape if e != _REST)
        shape[shape.index(_REST)] = math.prod(x.shape) // known if known else 0
    if not x.batched and math.prod(shape) != math.prod(x.shape):
        fail("NC109", f"{node.op} must keep the {math.prod(x.shape)} elements of {x}, not make {shape}")
    return tuple(shape)


@translates("Flatten")
def flatten(node: Node) -> Tensor:
    x, axis = node[0], node.attributes["axis"]
    if not -x.rank <= axis <= x.rank:
        fail("NC109", f"axis of Flatten must lie in {-x.rank}..{x.rank}, not {axis}")
    axis += x.rank if axis < 0 else 0
    if not x.batched:
        return node.reshape(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))
    if axis == 0 and node.declared_batch == 1:
        axis = 1  # a batch of 1 flattened from axis 0 on is the same: (1, all)
    if axis == 0 or math.prod(x.shape[: axis - 1]) != 1:
        _merged(node, x, [BATCH, *x.shape[: axis - 1], _REST] if axis else [_REST])
    return node.reshape(x, (math.prod(x.shape[axis - 1 :]),))


def _axes(node: Node) -> tuple[int, ...] | None:
    """Axes of Squeeze and Unsqueeze: an attribute before operator set 13, an operand since."""
    if node.version < 13:
        stated: tuple[int, ...] | None = node.attributes.get("axes")
        return stated
    return node.ints(1, "the axes") if node.maybe(1) else None


@translates("Squeeze")
def squeeze(node: Node) -> Tensor:
    x, axes = node[0], _axes(node)
    if axes is None:
        return node.reshape(x, tuple(e for e in x.shape if e != 1))
    gone = {node.axis(x, axis) for axis in axes}
    if any(x.shape[axis] != 1 for axis in gone):
        fail("NC109", f"Squeeze must drop axes of extent 1, not {list(axes)} of {x}")
    made = node.reshape(x, tuple(e for a, e in enumerate(x.shape) if a not in gone))
    return replace(made, lead=x.lead - sum(a < x.lead for a in gone)) if x.lead else made


@translates("Unsqueeze")
def unsqueeze(node: Node) -> Tensor:
    x, axes = node[0], _axes(node) or ()
    whole = Tensor(x.dtype, (1,) * (len(x.shape) + len(axes)), batched=x.batched)
    new = {node.axis(whole, axis) for axis in axes}
    if len(new) != len(axes):
        fail("NC109", f"axes of Unsqueeze must differ from each other, not {list(axes)}")
    old = iter(x.shape)
    return node.reshape(x, tuple(1 if a in new else next(old) for a in range(len(whole.shape))))


@translates("Transpose")
def transpose(node: Node) -> Tensor:
    x = node[0]
    perm = node.attributes["perm"] or tuple(reversed(range(x.rank)))
    if sorted(perm) != list(range(x.rank)):
        fail("NC109", f"perm of Transpose must order the axes of {x}, not be {list(perm)}")
    if not x.batched:
        return x if perm == tuple(range(x.rank)) else node.emit(Transpose(perm), x)
    lead = perm.index(x.lead)
    if lead and x.rank < 3:  # of more axes, it may be the way into a recurrent layer
        fail(
            "NC105",
            f"Transpose must leave the batch axis in front, not order {x} by {list(perm)}",
            help="--batch none (batch=None in Python) if the model's leading axis is no batch",
        )
    own = tuple(axis - (axis > x.lead) for axis in perm if axis != x.lead)
    return replace(x if own == tuple(range(len(own))) else node.emit(Transpose(own), x), lead=lead)


@translates("Concat")
def concat(node: Node) -> Tensor:
    parts = [node[i] for i in range(len(node.operands))]
    if len({t.rank for t in parts}) != 1:
        fail("NC109", f"operands of Concat must have one rank, not {', '.join(map(str, parts))}")
    first = next((t for t in parts if t.batched), parts[0])
    axis = node.axis(first, node.attributes["axis"])
    lined = node.lined(*parts)
    return replace(lined[0] if len(lined) == 1 else node.emit(Concat(axis), *lined), lead=first.lead)


@translates("Split")
def split(node: Node) -> list[Tensor]:
    """Sizes: an attribute before operator set 13, an operand since; equal parts (the last one smaller) otherwise."""
    x, count = node[0], len(node.results)
    axis = node.axis(x, node.attributes["axis"])
    extent = x.shape[axis]
    sizes = node.attributes.get("split") or (node.ints(1, "the sizes") if node.maybe(1) else None)
    if sizes is None:
        most = -(-extent // max(count, 1))
        sizes = tuple(max(0, min(most, extent - i * most)) for i in range(count))
    if sum(sizes) != extent or min(sizes, default=0) < 0 or len(sizes) < count:
        fail("NC109", f"sizes of Split must add up to {extent} in {count} parts, not be {list(sizes)}")
    starts = np.cumsum((0, *sizes)).tolist()
    return [node.cut(x, axis, starts[i], starts[i + 1]) for i in range(count)]


@translates("Slice")
def cut(node: Node) -> Tensor:
    """Bounds are attributes before operator set 10, operands since."""
    x = node[0]
    if node.version < 10:
        begins, ends = node.attributes["starts"], node.attributes["ends"]
        axes, steps = node.attributes["axes"], None
    else:
        begins, ends = node.ints(1, "the starts"), node.ints(2, "the ends")
        axes = node.ints(3, "the axes") if node.maybe(3) else None
        steps = node.ints(4, "the steps") if node.maybe(4) else None
    axes = tuple(range(len(begins))) if axes is None else axes
    steps = (1,) * len(begins) if steps is None else steps
    if not len(begins) == len(ends) == len(axes) == len(steps) or 0 in steps:
        fail("NC109", "starts, ends, axes and steps of Slice must be of one length, and no step 0")
    starts, stops, strides = [0] * len(x.shape), list(x.shape), [1] * len(x.shape)
    for begin, end, axis, step in zip(begins, ends, axes, steps, strict=True):
        if x.batched and axis % max(x.rank, 1) == 0 and begin == 0 and step == 1 and end >= 2**31 - 1:
            continue  # the whole batch
        own = node.axis(x, axis)
        start, stop, stride = slice(begin, end, step).indices(x.shape[own])
        starts[own], stops[own], strides[own] = start, stop if stop >= 0 else -x.shape[own] - 1, stride
    if (starts, stops, strides) == ([0] * len(x.shape), list(x.shape), [1] * len(x.shape)):
        return x
    return node.emit(Slice(tuple(starts), tuple(stops), tuple(strides)), x)


@translates("Gather")
def gather(node: Node) -> Tensor:
    x, axis = node[0], node.axis(node[0], node.attributes["axis"])
    indices = node.data(1, "the indices")
    made = node.emit(Gather(_within(node, indices, x.shape[axis]), axis), x)
    return replace(made, lead=x.lead + (indices.ndim - 1) * (axis < x.lead)) if x.lead else made


def _within(node: Node, indices: Array, extent: int) -> Array:
    """Indices counted from the front. Raises NC109."""
    if has_batch(indices) or indices.dtype.kind not in "iO":
        fail("NC109", f"the indices of {node.op} must be whole numbers")
    whole = np.asarray(indices, np.int64)
    if whole.size and not -extent <= whole.min() <= whole.max() < extent:
        fail("NC109", f"the indices of {node.op} must lie in {-extent}..{extent - 1}")
    return np.where(whole < 0, whole + extent, whole)


@translates("Tile")
def tile(node: Node) -> Tensor:
    x, repeats = node[0], node.ints(1, "the repeats")
    if len(repeats) != x.rank or min(repeats, default=1) < 0 or x.batched and repeats[0] != 1:
        fail("NC109", f"repeats of Tile must be one number for each axis of {x} (1 for the batch), not {list(repeats)}",
             help="write 1 for the batch, which is given by the number of samples")  # fmt: skip
    for axis, count in enumerate(repeats[x.batched :]):
        if count != 1:
            node.check_extent(count * x.shape[axis])
            x = node.emit(Gather(np.tile(np.arange(x.shape[axis]), count), axis), x)
    return x


@translates("Expand")
def expand(node: Node) -> Tensor:
    x, target = node[0], node.data(1, "the shape").ravel().tolist()
    if target and target[0] is BATCH and not x.batched:  # one constant for every sample
        inner = node.without_lead(x) if x.rank == len(target) else x
        x = replace(inner, batched=True)
    if not x.batched:
        return _broadcast(node, x, _numbers(target))
    if len(target) > x.rank:
        fail("NC105", f"Expand must keep the batch as the leading axis of {x}, not make {target}",
             help="write 1 for the batch, which is given by the number of samples")  # fmt: skip
    if len(target) == x.rank and not (target[0] is BATCH or target[0] in (1, node.declared_batch)):
        fail("NC105", f"Expand must keep the batch as the leading axis of {x}, not make {target}",
             help="write 1 for the batch, which is given by the number of samples")  # fmt: skip
    return _broadcast(node, x, _numbers(target[1:] if len(target) == x.rank else target))


def _broadcast(node: Node, x: Tensor, target: list[int]) -> Tensor:
    try:
        shape = np.broadcast_shapes(x.shape, tuple(target))
    except ValueError:
        fail("NC109", f"Expand must broadcast {x}, which does not fit {target}")
    return x if shape == x.shape else node.emit(Broadcast(shape), x)


@translates("Pad")
def pad(node: Node) -> Tensor:
    """Pads are an attribute before operator set 11, operands since; negative pads cut."""
    x = node[0]
    if node.version < 11:
        pads, value = node.attributes["pads"], node.attributes["value"]
    else:
        pads = node.ints(1, "the pads")
        value = node.number(2, "the value") if node.maybe(2) else 0.0
    axes = node.ints(3, "the axes") if node.maybe(3) else tuple(range(x.rank))
    if len(pads) != 2 * len(axes):
        fail("NC109", f"pads of Pad must be {2 * len(axes)} numbers, not {list(pads)}")
    begins, ends = [0] * len(x.shape), [0] * len(x.shape)
    for axis, begin, end in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        if not (x.batched and axis % max(x.rank, 1) == 0 and begin == end == 0):
            own = node.axis(x, axis)
            begins[own], ends[own] = begin, end
    for axis, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        x = node.cut(x, axis, max(0, -begin), max(0, x.shape[axis] - max(0, -end)))
    widths = (*(max(0, b) for b in begins), *(max(0, e) for e in ends))
    if not any(widths):
        return x
    mode = node.attributes["mode"]
    if mode not in ("constant", "reflect", "edge", "wrap"):
        fail("NC109", f"mode of Pad must be constant, reflect, edge or wrap, not '{mode}'")
    if mode != "constant" and 0 in x.shape:
        fail("NC109", f"Pad with mode {mode} must have something to copy, not the empty tensor {x}")
    return node.emit(Pad(widths, mode, float(value)), x)


@translates("DepthToSpace", "SpaceToDepth")
def blocks(node: Node) -> Tensor:
    """Blocks of b x b pixels to channels and back (NCHW)."""
    block = node.attributes["blocksize"]
    if node[0].rank != 4 or block < 1:
        fail("NC109", f"{node.op} must have an input (N, C, H, W) and a positive block size, not {node[0]} and {block}")
    forward = node.op == "SpaceToDepth"

    def one(x: Tensor) -> Tensor:
        c, h, w = x.shape
        if (h % block or w % block) if forward else c % block**2:
            fail("NC109", f"the extents of {node.op} must be multiples of the block size {block}, not {x}")
        if forward:
            split = node.reshape(x, (c, h // block, block, w // block, block))
            return node.reshape(node.emit(Transpose((2, 4, 0, 1, 3)), split), (c * block**2, h // block, w // block))
        inner = c // block**2
        column = node.attributes["mode"] == "CRD"
        split = node.reshape(x, (inner, block, block, h, w) if column else (block, block, inner, h, w))
        perm = (0, 3, 1, 4, 2) if column else (2, 3, 0, 4, 1)
        return node.reshape(node.emit(Transpose(perm), split), (inner, h * block, w * block))

    return node.per_sample(node[0], one)
