"""ConvTranspose as a convolution: zeros between the samples, kernels turned around."""

from __future__ import annotations

import math

import numpy as np

from nc.compiler.frontends.onnx.node import Node
from nc.compiler.frontends.onnx.registry import translates
from nc.compiler.frontends.onnx.tensors import check_size
from nc.compiler.frontends.onnx.values import Tensor
from nc.ir.diagnostics import fail
from nc.ir.ops.add import Add
from nc.ir.ops.conv import Conv
from nc.ir.ops.slice import Slice
from nc.ir.ops.take import Take
from nc.ir.ops.transpose import Transpose


@translates("ConvTranspose")
def conv_transpose(node: Node) -> Tensor:
    """out[i * stride + k * dilation - pad] += x[i] w[k]: the transpose of Conv's matrix."""
    x, weights, groups = node[0], node[1], node.attributes["group"]
    rank = len(weights.shape) - 2
    if weights.batched or rank < 1 or x.rank != rank + 2 or groups < 1 or weights.shape[0] % groups:
        fail(
            "NC109", f"{node.op} must have weights (C, O / groups, *kernel) of the rank of its input {x}, not {weights}"
        )
    kernel = weights.shape[2:]
    strides = node.attributes["strides"] or (1,) * rank
    dilations = node.attributes["dilations"] or (1,) * rank
    extra = node.attributes["output_padding"] or (0,) * rank
    if not len(strides) == len(dilations) == len(extra) == rank or min(*strides, *dilations, *kernel) < 1:
        fail("NC109", f"strides, dilations and output_padding of {node.op} must be {rank} positive numbers each")
    spatial = x.shape[-rank:]
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True))
    full = tuple((e - 1) * s + span + p for e, s, span, p in zip(spatial, strides, spans, extra, strict=True))
    begins, ends = _pads(node, spatial, strides, full)
    wanted = tuple(f - b - e for f, b, e in zip(full, begins, ends, strict=True))
    check_size((*x.shape[:-rank], *full))
    if min(*extra, *begins, 0) < 0 or min(wanted) < 1:
        fail("NC109", f"pads of {node.op} must leave a result, not cut {list(full)} to {list(wanted)}")
    turned = _turned(node, weights, groups)
    op = Conv((1,) * rank, (0,) * (2 * rank), dilations, groups)

    def one(sample: Tensor) -> Tensor:
        return node.emit(op, _stretched(node, sample, strides, spans, begins, wanted), turned)

    made = node.per_sample(x, one)
    bias = node.maybe(2)
    if bias is None:
        return made
    return node.emit(Add(), *node.lined(made, node.reshape(bias, (math.prod(bias.shape), *(1,) * rank))))


_Extents = tuple[int, ...]


def _pads(node: Node, spatial: _Extents, strides: _Extents, full: _Extents) -> tuple[_Extents, _Extents]:
    """What is cut off at the begin and at the end of each axis of the full result."""
    rank, shape, auto = len(spatial), node.attributes["output_shape"], node.attributes["auto_pad"] or "NOTSET"
    if auto in ("SAME_UPPER", "SAME_LOWER") and not shape:
        shape = tuple(e * s for e, s in zip(spatial, strides, strict=True))
    if not shape:
        pads = node.attributes["pads"] if auto == "NOTSET" else None
        pads = pads or (0,) * (2 * rank)
        if len(pads) != 2 * rank:
            fail("NC109", f"pads of {node.op} must be {2 * rank} numbers, not {list(pads)}")
        return pads[:rank], pads[rank:]
    if len(shape) not in (rank, rank + 2):
        fail("NC109", f"output_shape of {node.op} must be {rank} numbers, not {list(shape)}")
    totals = [f - e for f, e in zip(full, shape[-rank:], strict=True)]
    # What an odd total leaves over is cut at the begin, but for SAME_UPPER; what is missing is added at the end.
    begins = tuple((t if auto == "SAME_UPPER" else t + 1) // 2 if t > 0 else 0 for t in totals)
    return begins, tuple(t - b for t, b in zip(totals, begins, strict=True))


def _turned(node: Node, weights: Tensor, groups: int) -> Tensor:
    """(C, O / groups, *kernel) to (O, C / groups, *kernel), every kernel axis reversed."""
    channels, made, *kernel = weights.shape
    inside = channels // groups
    parts = node.reshape(weights, (groups, inside, made, *kernel))
    swapped = node.emit(Transpose((0, 2, 1, *range(3, 3 + len(kernel)))), parts)
    joined = node.reshape(swapped, (groups * made, inside, *kernel))
    keep, turn = (0, 0), tuple(k - 1 for k in kernel)
    stops = (groups * made, inside, *(-k - 1 for k in kernel))
    return node.emit(Slice((*keep, *turn), stops, (1, 1, *(-1 for _ in kernel))), joined)


def _stretched(node: Node, x: Tensor, strides: _Extents, spans: _Extents, begins: _Extents, wanted: _Extents) -> Tensor:
    """The sample with strides - 1 zeros between its elements and a border, so that Conv yields `wanted` extents."""
    check_size((x.shape[0], *(extent + span - 1 for extent, span in zip(wanted, spans, strict=True))))
    indices = np.arange(math.prod(x.shape), dtype=np.int64).reshape(x.shape)
    for axis, (stride, span, begin, extent) in enumerate(zip(strides, spans, begins, wanted, strict=True), start=1):
        at = np.arange(extent + span - 1) + begin - (span - 1)  # positions on the stretched axis
        source, rest = np.divmod(at, stride)
        real = (rest == 0) & (source >= 0) & (source < x.shape[axis])
        taken = indices.take(np.where(real, source, 0), axis=axis)
        shape = [-1 if a == axis else 1 for a in range(indices.ndim)]
        indices = np.where(real.reshape(shape), taken, -1)
    return node.emit(Take(indices), x)
