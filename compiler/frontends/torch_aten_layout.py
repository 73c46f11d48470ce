"""ATen operators that move elements or make constants and sizes."""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from nc.compiler.frontends.torch_archive import Ref
from nc.compiler.frontends.torch_writer import Arguments, Writer, aten
from nc.ir.diagnostics import fail


@aten("view", "reshape", "unsafe_view")
def _view(w: Writer, a: Arguments) -> str:
    return w.node("Reshape", a.own, w.extents(a.get("size") or a.get("shape") or []), allowzero=1)


@aten("flatten")
def _flatten(w: Writer, a: Arguments) -> str:
    rank = w.rank(a.own)
    start, end = a.get("start_dim", 0) % rank, a.get("end_dim", -1) % rank
    if start == 1 and end == rank - 1:
        return w.node("Flatten", a.own, axis=1)
    shape = w.shape(a.own)
    extents = [*(0 for _ in range(start)), -1, *(e or 0 for e in shape[end + 1 :])]
    return w.node("Reshape", a.own, w.ints(extents))


@aten("unflatten")
def _unflatten(w: Writer, a: Arguments) -> str:
    axis = a.get("dim") % w.rank(a.own)
    return w.node("Reshape", a.own, w.extents([*[0] * axis, *a.get("sizes"), *w.shape(a.own)[axis + 1 :]]))


@aten("squeeze", "unsqueeze")
def _squeeze(w: Writer, a: Arguments) -> str:
    axes = a.get("dim")
    if axes is None:
        return w.node("Squeeze", a.own)
    listed = axes if isinstance(axes, list) else [axes]
    if "unsqueeze" in a.call.target:
        return w.node("Unsqueeze", a.own, w.ints(listed))
    ones = [axis for axis in listed if w.shape(a.own)[axis] == 1]
    return w.node("Squeeze", a.own, w.ints(ones)) if ones else a.own


@aten("permute", "transpose", "t", "numpy_T")
def _permute(w: Writer, a: Arguments) -> str:
    rank = w.rank(a.own)
    perm = [d % rank for d in a.get("dims", list(range(rank)))]
    if "permute" not in a.call.target:
        first, second = (a.get("dim0", 0) % rank, a.get("dim1", 1) % rank) if rank > 1 else (0, 0)
        perm[first], perm[second] = perm[second], perm[first]
    return w.node("Transpose", a.own, perm=perm)


@aten("expand")
def _expand(w: Writer, a: Arguments) -> str:
    return w.node("Expand", a.own, w.extents([1 if e == -1 else e for e in a.get("size")]))


@aten("repeat", "tile")
def _repeat(w: Writer, a: Arguments) -> str:
    repeats = a.get("repeats") or a.get("dims")
    return w.node("Tile", a.own, w.ints(repeats))


@aten("cat", "stack")
def _cat(w: Writer, a: Arguments) -> str:
    names, axis = [ref.name for ref in a.get("tensors")], a.get("dim", 0)
    if "stack" in a.call.target:
        listed = w.ints([axis])
        names = [w.node("Unsqueeze", name, listed) for name in names]
    return w.node("Concat", *names, axis=axis)


@aten("split", "split_with_sizes", "chunk", "unbind", "tensor_split")
def _split(w: Writer, a: Arguments) -> list[str]:
    axis = a.get("dim", 0)
    extent = w.shape(a.own)[axis]
    if extent is None:
        fail("NC105", f"{a.call.target} must not cut the batch axis")
    base = a.call.target.split(".")[1]
    given = a.get("split_size") if base == "split" else a.get("split_sizes")
    if base == "chunk":
        given = -(-extent // a.get("chunks"))
    if base == "unbind":
        given = 1
    if not isinstance(given, (int, list)):
        fail("NC103", f"{a.call.target} must be replaced", help="use torch.split or torch.chunk")
    sizes = given if isinstance(given, list) else [min(given, extent - at) for at in range(0, extent, given)]
    first = w.node("Split", a.own, w.ints(sizes), results=len(sizes), axis=axis)
    parts = [first, *(f"{first}.{i}" for i in range(1, len(sizes)))]
    listed = w.ints([axis])
    return [w.node("Squeeze", part, listed) for part in parts] if base == "unbind" else parts


@aten("slice", "narrow")
def _slice(w: Writer, a: Arguments) -> str:
    start, end = a.get("start", 0), a.get("end", 2**63 - 1)
    if "length" in a.call.arguments:
        end = start + a.get("length")
    axis, step = a.get("dim", 0), a.get("step", 1)
    if (start, step) == (0, 1) and (isinstance(end, Ref) or end >= (w.shape(a.own)[axis] or 2**62)):
        return a.own
    return w.node("Slice", a.own, *(w.ints([v]) for v in (start, end, axis, step)))


@aten("select", "index_select")
def _select(w: Writer, a: Arguments) -> str:
    index = a.get("index")
    chosen = index.name if isinstance(index, Ref) else w.constant(index, TensorProto.INT64)
    return w.node("Gather", a.own, chosen, axis=a.get("dim"))


_PADS = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@aten("pad", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d")
def _pad(w: Writer, a: Arguments) -> str:
    """torch lists (begin, end) from the last axis backwards."""
    pads = a.get("pad") or a.get("padding")
    base = a.call.target.split(".")[1]
    mode = {"reflection": "reflect", "replication": "edge"}.get(base.split("_")[0], _PADS[a.get("mode", "constant")])
    axes = [-1 - i for i in range(len(pads) // 2)]
    widths = w.ints([*pads[0::2], *pads[1::2]])
    value = w.constant(a.get("value", 0), w.metas[a.own].dtype)
    return w.node("Pad", a.own, widths, value, w.ints(axes), mode=mode)


@aten("upsample_nearest1d", "upsample_nearest2d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_linear1d")
def _upsample(w: Writer, a: Arguments) -> str:
    base = a.call.target.split(".")[1]
    mode = next(m for name, m in (("nearest", "nearest"), ("linear", "linear"), ("cubic", "cubic")) if name in base)
    after = w.shape(a.call.results[0])
    sizes = w.ints([int(e or 1) for e in after[2:]])
    corner = "align_corners" if a.get("align_corners", False) else "pytorch_half_pixel"
    return w.node(
        "Resize", a.own, "", "", sizes,
        mode=mode, axes=list(range(2, len(after))), nearest_mode="floor",
        coordinate_transformation_mode="asymmetric" if mode == "nearest" else corner,
    )  # fmt: skip


@aten("pixel_shuffle")
def _pixel_shuffle(w: Writer, a: Arguments) -> str:
    return w.node("DepthToSpace", a.own, blocksize=a.get("upscale_factor"), mode="CRD")


@aten("sym_size")
def _sym_size(w: Writer, a: Arguments) -> str:
    return w.node("Gather", w.node("Shape", a.own), w.constant(a.get("dim"), TensorProto.INT64))


@aten("full", "zeros", "ones", "scalar_tensor", "full_like", "zeros_like", "ones_like", "new_zeros", "new_ones")
def _full(w: Writer, a: Arguments) -> str:
    base, meta = a.call.target.split(".")[1], w.metas[a.call.results[0]]
    fill = a.get("fill_value", a.get("s", 1 if "ones" in base else 0))
    value = numpy_helper.from_array(np.asarray([fill]).astype(helper.tensor_dtype_to_np_dtype(meta.dtype)))
    shape = w.node("Shape", a.own) if base.endswith("_like") else w.extents(a.get("size", []))
    return w.node("ConstantOfShape", shape, value=value)


@aten("arange")
def _arange(w: Writer, a: Arguments) -> str:
    dtype = w.metas[a.call.results[0]].dtype
    start, end, step = a.get("start", 0), a.get("end"), a.get("step", 1)
    if isinstance(end, Ref) or not math.isfinite(end):
        fail("NC105", "aten.arange must not depend on the batch size")
    return w.node("Range", *(w.constant(v, dtype) for v in (start, end, step)))
