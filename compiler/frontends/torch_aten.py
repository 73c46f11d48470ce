"""The table of ATen operators: each call of an exported program as ONNX nodes, which the ONNX importer then reads.

Keys are names without namespace, overload and leading or trailing underscore. An operator without an entry becomes a
node of the domain 'aten', which the importer reports together with everything else that is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from nc.compiler.frontends.torch_archive import Call, Meta, Program, Ref
from nc.ir.diagnostics import Diagnostic, NcError, Where, fail

OPSET = 20
_DOMAIN = "aten"

Handler = Callable[["Writer", "Arguments"], "str | Sequence[str]"]
HANDLERS: dict[str, Handler] = {}


def aten(*names: str) -> Callable[[Handler], Handler]:
    """Register a function as the translation of ATen operators."""

    def register(function: Handler) -> Handler:
        for name in names:
            HANDLERS[name] = function
        return function

    return register


@dataclass
class Writer:
    """Collects ONNX nodes; every node carries the path of the module that it comes from."""

    metas: dict[str, Meta]
    nodes: list[NodeProto] = field(default_factory=list)
    label: str = ""
    count: int = 0

    def node(self, op: str, *operands: str, domain: str = "", results: int = 1, **attributes: Any) -> str:
        """Add a node; the name of its first result."""
        self.count += 1
        names = [f"{self.label}#{self.count}" + (f".{i}" if i else "") for i in range(results)]
        while operands and not operands[-1]:
            operands = operands[:-1]
        given = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(helper.make_node(op, operands, names, name=self.label, domain=domain, **given))
        return names[0]

    def constant(self, value: Any, dtype: int = TensorProto.FLOAT) -> str:
        array = np.asarray(value).astype(helper.tensor_dtype_to_np_dtype(dtype))
        return self.node("Constant", value=numpy_helper.from_array(array))

    def ints(self, values: Sequence[int]) -> str:
        return self.constant(list(values), TensorProto.INT64)

    def extents(self, values: Sequence[Any]) -> str:
        """A shape of numbers and symbolic sizes."""
        if not any(isinstance(v, Ref) for v in values):
            return self.ints(values)
        zero = self.ints([0])
        parts = [self.node("Unsqueeze", v.name, zero) if isinstance(v, Ref) else self.ints([v]) for v in values]
        return self.node("Concat", *parts, axis=0)

    def shape(self, name: str) -> tuple[int | None, ...]:
        return self.metas[name].shape

    def rank(self, name: str) -> int:
        return len(self.metas[name].shape)


@dataclass(frozen=True)
class Arguments:
    """Arguments of a call by name, with torch's defaults given by the reader."""

    call: Call
    overload: str

    def tensor(self, name: str) -> str:
        value = self.call.arguments.get(name)
        if not isinstance(value, Ref):
            fail("NC103", f"argument '{name}' of {self.call.target} must be a tensor")
        return value.name

    def optional(self, name: str) -> str:
        value = self.call.arguments.get(name)
        return value.name if isinstance(value, Ref) else ""

    def get(self, name: str, default: Any = None) -> Any:
        value = self.call.arguments.get(name)
        return default if value is None else value

    def pair(self, name: str, rank: int, default: Any) -> list[int]:
        """A number for every axis of a window; torch lets one number stand for all."""
        given = self.get(name, default)
        values = list(given) if isinstance(given, (list, tuple)) else [given]
        return values * rank if len(values) == 1 else values

    @property
    def own(self) -> str:
        """The first operand, which torch calls 'self' or 'input'."""
        return self.tensor("self") if "self" in self.call.arguments else self.tensor("input")


def to_onnx(program: Program) -> ModelProto:
    """The program as an ONNX model; weights become inputs, to be bound by name. Raises NC103 for all bad arguments."""
    writer = Writer(program.metas)
    found = []
    for call in program.calls:
        writer.label = f"{call.path}/{call.name}" if call.path else call.name
        try:
            _write(writer, call)
        except NcError as error:
            found += [replace(d, where=Where(node=writer.label)) for d in error.diagnostics]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError) as error:
            message = f"arguments of {call.target} must follow its schema: {error!r}"
            found.append(Diagnostic("NC109", message, Where(node=writer.label), help="export the program again"))
    if found:
        raise NcError(found)
    inputs = [_port(name, program.metas[name]) for name in (*program.inputs, *program.weights)]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in program.outputs]
    graph = helper.make_graph(writer.nodes, "torch", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])


def _port(name: str, meta: Meta) -> Any:
    shape = [extent if extent is not None else f"{name}_{axis}" for axis, extent in enumerate(meta.shape)]
    return helper.make_tensor_value_info(name, meta.dtype, shape)


def _write(writer: Writer, call: Call) -> None:
    _, base, overload = (*call.target.split("."), "", "")[:3]
    changes = base.endswith("_") and not base.endswith("__")
    if changes and base not in ("detach_",):
        fail(
            "NC103",
            f"{call.target} must not change its operand in place",
            help="call exported.run_decompositions({}) before torch.export.save",
        )
    handler = HANDLERS.get(base.strip("_"))
    if handler is None:
        tensors = [v.name for v in call.arguments.values() if isinstance(v, Ref)]
        writer.nodes.append(
            helper.make_node(call.target, tensors, list(call.results), name=writer.label, domain=_DOMAIN)
        )
        return
    made = handler(writer, Arguments(call, overload))
    names = [made] if isinstance(made, str) else made
    for result, name in zip(call.results, names):
        if name:
            writer.nodes.append(helper.make_node("Identity", [name], [result], name=writer.label))


# ---- element-wise ------------------------------------------------

_PLAIN = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "erf": "Erf",
    "abs": "Abs",
    "neg": "Neg",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "floor": "Floor",
    "ceil": "Ceil",
    "round": "Round",
    "sign": "Sign",
    "reciprocal": "Reciprocal",
    "selu": "Selu",
    "hardswish": "HardSwish",
    "mish": "Mish",
    "softsign": "Softsign",
    "logical_not": "Not",
}
_SAME = (
    "clone", "detach", "alias", "lift_fresh_copy", "lift_fresh", "contiguous", "dropout", "native_dropout",
    "feature_dropout", "alpha_dropout", "positive",
)  # fmt: skip


@aten(*_PLAIN)
def _plain(w: Writer, a: Arguments) -> str:
    return w.node(_PLAIN[a.call.target.split(".")[1].strip("_")], a.own)


@aten(*_SAME)
def _same(w: Writer, a: Arguments) -> str:
    if a.get("train", False) and a.get("p", 0.5):
        fail("NC103", f"{a.call.target} must be in inference mode", help="call module.eval() before export")
    return a.own


@aten("to", "to_copy", "type_as")
def _to(w: Writer, a: Arguments) -> str:
    return w.node("Cast", a.own, to=w.metas[a.call.results[0]].dtype)


@aten("leaky_relu", "elu", "hardsigmoid", "softplus", "gelu", "silu", "square", "rsqrt", "relu6", "log1p", "expm1")
def _activation(w: Writer, a: Arguments) -> str:
    x = a.own
    made: dict[str, Callable[[], str]] = {
        "leaky_relu": lambda: w.node("LeakyRelu", x, alpha=float(a.get("negative_slope", 0.01))),
        "elu": lambda: w.node("Elu", x, alpha=float(a.get("alpha", 1.0))),
        "hardsigmoid": lambda: w.node("HardSigmoid", x, alpha=1 / 6, beta=0.5),
        "softplus": lambda: w.node("Softplus", x),
        "gelu": lambda: w.node("Gelu", x, approximate=a.get("approximate", "none")),
        "silu": lambda: w.node("Mul", x, w.node("Sigmoid", x)),
        "log1p": lambda: w.node("Log", w.node("Add", x, w.constant(1.0))),
        "expm1": lambda: w.node("Sub", w.node("Exp", x), w.constant(1.0)),
        "square": lambda: w.node("Mul", x, x),
        "rsqrt": lambda: w.node("Reciprocal", w.node("Sqrt", x)),
        "relu6": lambda: w.node("Clip", x, w.constant(0.0), w.constant(6.0)),
    }
    if any(a.get(name, 1) != 1 for name in ("scale", "input_scale", "beta")):
        fail("NC103", f"{a.call.target} must have its default scales")
    return made[a.call.target.split(".")[1].strip("_")]()


@aten("clamp", "hardtanh", "clamp_min", "clamp_max")
def _clamp(w: Writer, a: Arguments) -> str:
    hard = "hardtanh" in a.call.target
    lo = a.get("min_val", -1.0) if hard else a.get("min")
    hi = a.get("max_val", 1.0) if hard else a.get("max")
    if isinstance(lo, Ref) or isinstance(hi, Ref):
        x = w.node("Max", a.own, lo.name) if isinstance(lo, Ref) else a.own
        return w.node("Min", x, hi.name) if isinstance(hi, Ref) else x
    dtype = w.metas[a.own].dtype
    bounds = ["" if bound is None else w.constant(bound, dtype) for bound in (lo, hi)]
    return w.node("Clip", a.own, *bounds)


@aten("prelu")
def _prelu(w: Writer, a: Arguments) -> str:
    """The slope of each channel, axis 1."""
    tail = (1,) * max(0, w.rank(a.own) - 2)
    return w.node("PRelu", a.own, w.node("Reshape", a.tensor("weight"), w.ints((-1, *tail))))


_BINARY = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow", "maximum": "Max", "minimum": "Min",
    "rsub": "Sub", "true_divide": "Div",
}  # fmt: skip
_COMPARE = {
    "eq": "Equal", "ne": "Equal", "gt": "Greater", "ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual",
    "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor",
}  # fmt: skip


def _operand(w: Writer, value: Any, dtype: int) -> str:
    """A tensor or a Python number, in the type of the result (torch promotes by itself)."""
    if not isinstance(value, Ref):
        return w.constant(value, dtype)
    known = w.metas.get(value.name)
    return value.name if known is None or known.dtype == dtype else w.node("Cast", value.name, to=dtype)


@aten(*_BINARY)
def _binary(w: Writer, a: Arguments) -> str:
    base, dtype = a.call.target.split(".")[1].strip("_"), w.metas[a.call.results[0]].dtype
    x = _operand(w, a.get("self"), dtype)
    y = _operand(w, a.get("exponent") if base == "pow" else a.get("other"), dtype)
    if a.get("alpha", 1) != 1:
        scaled = w.constant(a.get("alpha"), dtype)
        x, y = (w.node("Mul", x, scaled), y) if base == "rsub" else (x, w.node("Mul", y, scaled))
    made = w.node(_BINARY[base], *((y, x) if base == "rsub" else (x, y)))
    if a.get("rounding_mode") == "floor":
        return w.node("Floor", made)
    if a.get("rounding_mode") is not None:
        fail("NC103", f"{a.call.target} must not truncate", help="divide, then torch.floor")
    return made


@aten(*_COMPARE)
def _compare(w: Writer, a: Arguments) -> str:
    base, dtype = a.call.target.split(".")[1].strip("_"), w.metas[a.own].dtype
    made = w.node(_COMPARE[base], a.own, _operand(w, a.get("other"), dtype))
    return w.node("Not", made) if base == "ne" else made


@aten("where")
def _where(w: Writer, a: Arguments) -> str:
    dtype = w.metas[a.call.results[0]].dtype
    return w.node("Where", a.tensor("condition"), *(_operand(w, a.get(n), dtype) for n in ("self", "other")))


# ---- layers ------------------------------------------------------


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


@aten("conv1d", "conv2d", "conv3d", "convolution", "conv_depthwise2d")
def _conv(w: Writer, a: Arguments) -> str:
    if a.get("transposed", False):
        fail("NC102", "operator aten.convolution must not be transposed", help="upsample, then convolve")
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


# ---- layout ------------------------------------------------------


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


# ---- constants and sizes -----------------------------------------


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
