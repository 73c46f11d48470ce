"""ATen operators element by element: activation functions, arithmetic, comparisons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onnx import TensorProto

from nc.compiler.frontends.torch_archive import Ref
from nc.compiler.frontends.torch_writer import Arguments, Writer, aten
from nc.ir.diagnostics import fail

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


_SIZES = {"add": "Add", "sub": "Sub", "mul": "Mul", "floordiv": "Div"}


def _size(w: Writer, a: Arguments) -> str:
    """Arithmetic with extents (not negative), which torch writes as Python's own operators on a and b."""
    base = a.call.target.split(".")[1]
    if base not in _SIZES:
        fail("NC103", f"{a.call.target} must be a sum, a difference, a product or a quotient of extents")
    left, right = (_operand(w, a.get(name, 0), TensorProto.INT64) for name in ("a", "b"))
    return w.node(_SIZES[base], left, right)


aten("floordiv")(_size)


@aten(*_BINARY)
def _binary(w: Writer, a: Arguments) -> str:
    if "b" in a.call.arguments:
        return _size(w, a)
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
