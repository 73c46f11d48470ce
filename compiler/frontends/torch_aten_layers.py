"""ATen layers: matrix products, convolutions, normalisation, pools, reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from nc.compiler.frontends.torch_writer import Arguments, Writer, aten
from nc.ir.diagnostics import fail


@aten("linear")
def _linear(w: Writer, a: Arguments) -> str:
    weight, bias = a.tensor("weight"), a.optional("bias")
    if w.rank(a.own) == 2:
        return w.node("Gemm", a.own, weight, bias, transB=1)
    made = w.node("MatMul", a.own, w.node("Transpose", weight, perm=[1, 0]))
    return w.node("Add", made, bias) if bias else made


@aten("addmm")
def _addmm(w: Writer, a: Arguments) -> str:
    alpha, beta = float(a.get("alpha", 1)), float(a.get("beta", 1))
    return w.node("Gemm", a.tensor("mat1"), a.tensor("mat2"), a.own, alpha=alpha, beta=beta)


@aten("mm", "bmm", "matmul")
def _matmul(w: Writer, a: Arguments) -> str:
    return w.node("MatMul", a.own, a.tensor("mat2" if "mat2" in a.call.arguments else "other"))


@aten("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _conv_transpose(w: Writer, a: Arguments) -> str:
    return _transposed(w, a)


def _transposed(w: Writer, a: Arguments) -> str:
    weight = a.tensor("weight")
    rank = w.rank(weight) - 2
    return w.node(
        "ConvTranspose",
        a.own,
        weight,
        a.optional("bias"),
        strides=a.pair("stride", rank, 1),
        pads=a.pair("padding", rank, 0) * 2,
        output_padding=a.pair("output_padding", rank, 0),
        dilations=a.pair("dilation", rank, 1),
        group=a.get("groups", 1),
    )


@aten("conv1d", "conv2d", "conv3d", "convolution", "conv_depthwise2d")
def _conv(w: Writer, a: Arguments) -> str:
    if a.get("transposed", False):
        return _transposed(w, a)
    weight = a.tensor("weight")
    rank = w.rank(weight) - 2
    attributes: dict[str, Any] = {
        "strides": a.pair("stride", rank, 1),
        "dilations": a.pair("dilation", rank, 1),
        "group": a.get("groups", 1),
    }
    padding = a.get("padding", 0)
    if isinstance(padding, str):
        attributes["auto_pad"] = {"same": "SAME_UPPER", "valid": "VALID"}[padding]
    else:
        attributes["pads"] = a.pair("padding", rank, 0) * 2
    return w.node("Conv", a.own, weight, a.optional("bias"), **attributes)


@aten("batch_norm", "native_batch_norm_legit_no_training", "native_batch_norm", "cudnn_batch_norm")
def _batch_norm(w: Writer, a: Arguments) -> list[str]:
    if a.get("training", False) or not a.optional("running_mean"):
        fail("NC103", f"{a.call.target} must use stored statistics", help="call module.eval() before export")
    channels = w.shape(a.tensor("running_mean"))[0]
    scale = a.optional("weight") or w.constant(np.ones(channels or 0))
    bias = a.optional("bias") or w.constant(np.zeros(channels or 0))
    statistics = (a.tensor("running_mean"), a.tensor("running_var"))
    return [w.node("BatchNormalization", a.own, scale, bias, *statistics, epsilon=float(a.get("eps", 1e-5)))]


@aten("layer_norm", "native_layer_norm")
def _layer_norm(w: Writer, a: Arguments) -> list[str]:
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last axes."""
    axes = w.ints([-1 - i for i in range(len(a.get("normalized_shape")))])
    centred = w.node("Sub", a.own, w.node("ReduceMean", a.own, axes))
    variance = w.node("ReduceMean", w.node("Mul", centred, centred), axes)
    made = w.node("Div", centred, w.node("Sqrt", w.node("Add", variance, w.constant(a.get("eps", 1e-5)))))
    if a.optional("weight"):
        made = w.node("Mul", made, a.optional("weight"))
    return [w.node("Add", made, a.optional("bias")) if a.optional("bias") else made]


@aten("group_norm")
def _group_norm(w: Writer, a: Arguments) -> str:
    channels = w.shape(a.own)[1]
    scale = a.optional("weight") or w.constant(np.ones(channels or 0))
    bias = a.optional("bias") or w.constant(np.zeros(channels or 0))
    groups, epsilon = int(a.get("num_groups")), float(a.get("eps", 1e-5))
    return w.node("GroupNormalization", a.own, scale, bias, num_groups=groups, epsilon=epsilon)


@aten("embedding")
def _embedding(w: Writer, a: Arguments) -> str:
    return w.node("Gather", a.tensor("weight"), a.tensor("indices"), axis=0)


@aten("max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices")
@aten("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _pool(w: Writer, a: Arguments) -> list[str]:
    base = a.call.target.split(".")[1]
    rank = int(base[base.index("pool") + 4])
    kernel = a.pair("kernel_size", rank, 1)
    attributes: dict[str, Any] = {
        "kernel_shape": kernel,
        "strides": a.pair("stride", rank, kernel) or kernel,
        "pads": a.pair("padding", rank, 0) * 2,
        "ceil_mode": int(a.get("ceil_mode", False)),
    }
    if base.startswith("max"):
        return [w.node("MaxPool", a.own, dilations=a.pair("dilation", rank, 1), **attributes)]
    if a.get("divisor_override") is not None:
        fail("NC103", f"{a.call.target} must divide by the size of its window")
    return [w.node("AveragePool", a.own, count_include_pad=int(a.get("count_include_pad", True)), **attributes)]


@aten("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d")
def _adaptive_pool(w: Writer, a: Arguments) -> list[str]:
    """Windows of equal size, where the output divides the input."""
    base = a.call.target.split(".")[1].strip("_")
    rank = int(base[-2])
    inside = w.shape(a.own)[-rank:]
    outside = [o if o is not None else i for o, i in zip(a.pair("output_size", rank, 1), inside, strict=True)]
    if any(i is None or i % o for i, o in zip(inside, outside, strict=True)):
        fail("NC103", f"{a.call.target} must divide {list(inside)} evenly, not into {outside}", help="use fixed pools")
    kernel = [int(i or 1) // o for i, o in zip(inside, outside, strict=True)]
    return [w.node("AveragePool" if "avg" in base else "MaxPool", a.own, kernel_shape=kernel, strides=kernel)]


@aten("softmax", "log_softmax")
def _softmax(w: Writer, a: Arguments) -> str:
    return w.node("LogSoftmax" if "log" in a.call.target else "Softmax", a.own, axis=a.get("dim", -1))


@aten("mean", "sum", "amax", "amin")
def _reduce(w: Writer, a: Arguments) -> str:
    base = a.call.target.split(".")[1]
    op = {"mean": "ReduceMean", "sum": "ReduceSum", "amax": "ReduceMax", "amin": "ReduceMin"}[base]
    axes = a.get("dim", [])
    listed = w.ints(axes if isinstance(axes, list) else [axes]) if axes != [] else ""
    return w.node(op, a.own, listed, keepdims=int(a.get("keepdim", False)))


@aten("max", "min")
def _extreme(w: Writer, a: Arguments) -> list[str]:
    """Over one axis: the value and its index; of two tensors: element by element."""
    base = a.call.target.split(".")[1].capitalize()
    if a.overload == "other":
        return [w.node(base, a.own, a.tensor("other"))]
    if a.get("dim") is None:
        return [w.node(f"Reduce{base}", a.own, keepdims=0)]
    keep = int(a.get("keepdim", False))
    index = w.node(f"Arg{base}", a.own, axis=a.get("dim"), keepdims=keep)
    return [w.node(f"Reduce{base}", a.own, w.ints([a.get("dim")]), keepdims=keep), index]


@aten("argmax", "argmin")
def _argmax(w: Writer, a: Arguments) -> str:
    if a.get("dim") is None:
        fail("NC105", f"{a.call.target} must have an axis", help="torch.argmax(x, dim=1)")
    op = "ArgMax" if "max" in a.call.target else "ArgMin"
    return w.node(op, a.own, axis=a.get("dim"), keepdims=int(a.get("keepdim", False)))
