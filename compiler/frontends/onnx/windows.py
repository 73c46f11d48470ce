"""Strides, pads and dilations of convolutions and pools, with ONNX' automatic padding and ceil_mode resolved."""

from __future__ import annotations

from dataclasses import dataclass

from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.tensors import check_size
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail


@dataclass(frozen=True)
class Geometry:
    """One entry an axis of the window; `pads` = (begin..., end...) as read; `declared` = pads that the model states
    (those of ceil_mode not included)."""

    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    declared: tuple[int, ...]

    @classmethod
    def of(cls, node: Node, kernel: tuple[int, ...], x: Tensor) -> Geometry:
        """From a node's attributes. Raises NC109 for a wrong number of entries or negative ones."""
        rank = len(kernel)
        if x.rank != rank + 2:
            fail("NC109", f"{node.op} must have an input (N, C, *spatial) with {rank} spatial axes, not {x}")
        ones = (1,) * rank
        strides = node.attributes["strides"] or ones
        dilations = node.attributes.get("dilations") or ones
        spatial = x.shape[-rank:]
        _check(node, "kernel", kernel, rank, 1)
        _check(node, "strides", strides, rank, 1)
        _check(node, "dilations", dilations, rank, 1)
        spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
        auto = node.attributes["auto_pad"] or "NOTSET"
        if auto == "NOTSET":
            pads = node.attributes["pads"] or (0,) * (2 * rank)
        elif auto == "VALID":
            pads = (0,) * (2 * rank)
        elif auto in ("SAME_UPPER", "SAME_LOWER"):
            pads = _same(spatial, spans, strides, auto == "SAME_UPPER")
        else:
            fail("NC109", f"auto_pad of {node.op} must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, not '{auto}'")
        _check(node, "pads", pads, 2 * rank, 0)
        padded = tuple(s + pads[i] + pads[i + rank] for i, s in enumerate(spatial))
        check_size((*x.shape[:-rank], *padded))  # before the interpreter, or a lowering, builds it
        check_size((*x.shape[:-rank], *(p // s + 1 for p, s in zip(padded, strides, strict=True)), *kernel))
        read = _ceiled(spatial, spans, strides, pads) if node.attributes.get("ceil_mode") else pads
        return cls(strides, read, dilations, pads)


def _check(node: Node, what: str, entries: tuple[int, ...], count: int, least: int) -> None:
    if len(entries) != count or min(entries, default=least) < least:
        fail("NC109", f"{what} of {node.op} must be {count} numbers of at least {least}, not {list(entries)}")


def _same(spatial: tuple[int, ...], spans: list[int], strides: tuple[int, ...], upper: bool) -> tuple[int, ...]:
    begins, ends = [], []
    for size, span, stride in zip(spatial, spans, strides, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + span - size)
        small, large = total // 2, total - total // 2
        begins.append(small if upper else large)
        ends.append(large if upper else small)
    return (*begins, *ends)


def _ceiled(
    spatial: tuple[int, ...], spans: list[int], strides: tuple[int, ...], pads: tuple[int, ...]
) -> tuple[int, ...]:
    """End pads so that the last, partial window fits; windows that start beyond the data are dropped."""
    rank = len(spatial)
    ends = []
    for axis, (size, span, stride) in enumerate(zip(spatial, spans, strides, strict=True)):
        begin, end = pads[axis], pads[axis + rank]
        count = -(-(size + begin + end - span) // stride) + 1
        if (count - 1) * stride >= size + begin:
            count -= 1
        ends.append(max(0, (count - 1) * stride + span - size - begin))
    return (*pads[:rank], *ends)
