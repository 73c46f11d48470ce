"""One quantised operation a model, by the hundred: every operator's quantised forms, with what each standard lets vary.

`cases()` yields them with names; `reference` runs one in onnxruntime without graph optimisation, or in the QONNX
executor; `ours` gives the integer graph's real outputs. Inputs are multiples of 1/32, so that ties are common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from nc.compiler.config import Common
from nc.compiler.frontends.onnx import from_onnx
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers
from nc.compiler.ports import port_rounding, real_of, to_port
from nc.ir.interpret import evaluate

Array = NDArray[Any]
MICROSOFT, QONNX = "com.microsoft", "qonnx.custom_op.general"
SAMPLES = 48
F = np.float32


@dataclass(frozen=True)
class Case:
    """`near`: the operation rounds in float32, so that a result next to a tie may differ by one `step`."""

    name: str
    model: onnx.ModelProto
    x: Array
    near: bool = False
    step: float = 0.0


@dataclass
class Net:
    """Appends nodes to one model; operands are names or constants."""

    shape: tuple[int, ...]
    dtype: type = np.float32
    opset: int = 17
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, op: str, *operands: Any, domain: str = "", **attributes: Any) -> str:
        names = [o if isinstance(o, str) else self._constant(o) for o in operands]
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [out], f"{op}_{out}", domain=domain, **attributes))
        return out

    def _constant(self, data: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(data), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def quantised(self, value: str, scale: Any, zero: Any, axis: int = 1) -> str:
        """Through QuantizeLinear and back."""
        return self.add("DequantizeLinear", self.integers(value, scale, zero, axis), scale, zero, axis=axis)

    def integers(self, value: str, scale: Any, zero: Any, axis: int = 1) -> str:
        return self.add("QuantizeLinear", value, scale, zero, axis=axis)

    def case(self, name: str, value: str, *, near: bool = False, step: float = 0.0, low: int = -160) -> Case:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        graph = helper.make_graph(
            self.nodes, "g", [helper.make_tensor_value_info("x", kind, ["N", *self.shape])],
            [helper.make_tensor_value_info(value, kind, None)], self.constants,
        )  # fmt: skip
        domains = {"": self.opset} | {n.domain: 1 for n in self.nodes if n.domain}
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid(d, v) for d, v in domains.items()], ir_version=10
        )
        x = np.random.default_rng(len(name)).integers(low, 160, (SAMPLES, *self.shape)) / 32
        return Case(name, model, x.astype(self.dtype), near, step)


def ours(case: Case) -> Array:
    """The integer graph on the case's samples. Raises NcError where the model is refused."""
    real = from_onnx(case.model)
    graph, _ = run_passes(real, to_integers(real, Common(), None))
    ((label, port),) = graph.inputs.items()
    ((name, value),) = graph.outputs.items()
    integers = to_port(case.x, graph.type(port), port_rounding(graph, label))
    return real_of(evaluate(graph, {label: integers})[name], graph.type(value))


def reference(case: Case) -> Array:
    if any(n.domain == QONNX for n in case.model.graph.node):
        return _qonnx(case)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(case.model.SerializeToString(), options)
    return np.asarray(session.run(None, {"x": case.x})[0])


def _qonnx(case: Case) -> Array:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = SAMPLES
    found: Mapping[str, Array] = execute_onnx(ModelWrapper(model).transform(InferShapes()), {"x": case.x})
    return next(iter(found.values()))


def difference(case: Case) -> str:
    """What is wrong, or nothing."""
    wanted, found = reference(case), ours(case)
    if found.shape != wanted.shape:
        return f"shape {found.shape}, not {wanted.shape}"
    apart = np.abs(found - wanted)
    wrong = apart > 1e-5 * np.maximum(1, np.abs(wanted))  # float32 multiplies by the scale at the very end
    if case.near and np.any(wrong):
        wrong &= ~_at_a_tie(case, wanted, found)
    if not np.any(wrong):
        return ""
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{int(wrong.sum())} of {wrong.size}, e.g. {found[index]:g}, not {wanted[index]:g} at {index}"


def _at_a_tie(case: Case, wanted: Array, found: Array) -> Array:
    """Where the two are neighbours, and the number that was quantised lies half way between them."""
    graph = from_onnx(case.model)
    last = max(v for v, node in enumerate(graph.nodes) if node.op.name == "quantize")
    (before,) = graph.nodes[last].operands
    exact = evaluate(graph, {"x": case.x}, probes=(before,))[f"%{before}"]
    near = np.abs(exact.reshape(found.shape) - (found + wanted) / 2) < 1e-4 * case.step
    return np.asarray(near & (np.abs(found - wanted) < 1.001 * case.step))


# --- the standard's quantisers, alone and around one operation --------------------------------------------------------

TYPES = (np.uint8, np.int8)
ZEROS = (0, 3, 6)


def quantisers() -> Iterator[Case]:
    for kind, zero, scale in product((*TYPES, np.uint16, np.int16), (*ZEROS, 77), (0.125, 0.1)):
        net = Net((4,), opset=21)
        yield net.case(f"port-{kind.__name__}-{zero}-{scale}", net.quantised("x", F(scale), kind(zero)))
    for kind, zeros in product(TYPES, ((2, 4, 8), (3, 5, 7), (2, 3, 4), (0, 0, 0), (5, 5, 5))):
        net = Net((3,))
        inner = net.add("Neg", net.quantised("x", F(0.125), kind(3)))
        yield net.case(
            f"channels-{kind.__name__}-{zeros}",
            net.quantised(inner, np.array([0.25, 0.5, 0.25], F), np.array(zeros, kind)),
        )
        net = Net((3, 2))
        inner = net.add("Tanh", net.quantised("x", F(0.125), kind(3)))
        yield net.case(
            f"channels-table-{kind.__name__}-{zeros}",
            net.quantised(inner, np.array([0.25, 0.125, 0.5], F), np.array(zeros, kind)), near=True, step=0.5,
        )  # fmt: skip
    for name, zero in (("half", 3), ("half", 0)):
        net = Net((4,), np.float16, opset=21)
        scale = np.float16(0.125)
        inner = net.add("Relu", net.quantised("x", scale, np.int8(zero)))
        yield net.case(f"{name}-{zero}", net.quantised(inner, np.float16(0.25), np.int8(zero)))


EXACT: Mapping[str, list[dict[str, Any]]] = {
    "Abs": [{}], "Neg": [{}], "Relu": [{}], "Identity": [{}], "Floor": [{}], "Ceil": [{}], "Round": [{}], "Sign": [{}],
    "LeakyRelu": [{"alpha": 0.25}, {"alpha": 0.5}, {"alpha": -0.5}, {"alpha": 2.0}],
    "ThresholdedRelu": [{"alpha": 0.5}], "Reciprocal": [{}],
}  # fmt: skip
SMOOTH: Mapping[str, list[dict[str, Any]]] = {
    "LeakyRelu": [{"alpha": 0.3}], "Elu": [{}, {"alpha": 0.5}], "Selu": [{}], "Celu": [{}, {"alpha": 2.0}],
    "Sigmoid": [{}], "Tanh": [{}], "HardSigmoid": [{}, {"alpha": 0.25, "beta": 0.5}], "HardSwish": [{}],
    "Softplus": [{}], "Softsign": [{}], "Erf": [{}], "Exp": [{}], "Sin": [{}], "Cos": [{}], "Atan": [{}], "Mish": [{}],
}  # fmt: skip
POSITIVE: Mapping[str, list[dict[str, Any]]] = {"Log": [{}], "Sqrt": [{}], "Reciprocal": [{}]}


def unary() -> Iterator[Case]:
    groups = ((EXACT, False), (SMOOTH, True), (POSITIVE, True))
    for (group, near), kind, zero in product(groups, TYPES, (0, 3)):
        for op, attributes in ((op, a) for op, settings in group.items() for a in settings):
            net = Net((5,), opset=18 if op == "Mish" else 17)
            value = net.quantised("x", F(0.125), kind(zero))
            if group is POSITIVE:
                value = net.add("Add", net.add("Abs", value), F(0.125))
            value = net.add(op, value, **attributes)
            name = f"{op}-{'-'.join(map(str, attributes.values()))}-{kind.__name__}-{zero}"
            yield net.case(name, net.quantised(value, F(0.0625), kind(zero)), near=near, step=0.0625)
    for lo, hi in ((-1.0, 1.5), (0.0, 6.0), (-0.3, 0.7)):
        net = Net((5,))
        value = net.add("Clip", net.quantised("x", F(0.125), np.int8(1)), F(lo), F(hi))
        yield net.case(f"Clip-{lo}-{hi}", net.quantised(value, F(0.0625), np.int8(3)))


def composed() -> Iterator[Case]:
    """Functions that exporters write as a product of x and a function of x."""
    for kind, zero, name in product(TYPES, (0, 3), ("silu", "mish", "gelu", "hard_swish", "residual", "difference")):
        net = Net((5,), opset=18)
        x = net.quantised("x", F(0.125), kind(zero))
        if name == "silu":
            value = net.add("Mul", x, net.add("Sigmoid", x))
        elif name == "mish":
            value = net.add("Mish", x)
        elif name == "gelu":
            half = net.add("Mul", x, F(0.5))
            value = net.add("Mul", half, net.add("Add", net.add("Erf", net.add("Div", x, F(np.sqrt(2)))), F(1)))
        elif name == "hard_swish":
            value = net.add("Mul", x, net.add("HardSigmoid", x, alpha=1 / 6, beta=0.5))
        else:
            value = net.add("Add" if name == "residual" else "Sub", x, net.add("Tanh", x))
        yield net.case(
            f"{name}-{kind.__name__}-{zero}", net.quantised(value, F(0.0625), kind(zero)), near=True, step=0.0625
        )


def binary() -> Iterator[Case]:
    for op, kind, zero in product(("Add", "Sub", "Mul", "Max", "Min", "PRelu"), TYPES, (0, 3)):
        for other in ("computed", "number", "channels"):
            net = Net((4,))
            a = net.quantised("x", F(0.125), kind(zero))
            b: Any = {"number": F(-0.75), "channels": np.array([0.5, -1.25, 2, 0], F)}.get(other)
            if other == "computed":
                if op == "PRelu":
                    continue
                b = net.quantised(net.add("Neg", a), F(0.25), kind(zero))
            yield net.case(
                f"{op}-{other}-{kind.__name__}-{zero}", net.quantised(net.add(op, a, b), F(0.125), kind(zero))
            )
    for divisor, kind in product((F(0.5), F(3), np.array([1, -2, 4, 8], F)), TYPES):
        net = Net((4,))
        value = net.add("Div", net.quantised("x", F(0.125), kind(3)), divisor)
        yield net.case(f"Div-{divisor}-{kind.__name__}", net.quantised(value, F(0.125), kind(3)), near=True, step=0.125)
    for exponent, kind in product((1.0, 2.0, 3.0, 4.0, 5.0), TYPES):
        net = Net((4,))
        value = net.add("Pow", net.quantised("x", F(0.125), kind(3)), F(exponent))
        yield net.case(f"Pow-{exponent}-{kind.__name__}", net.quantised(value, F(1), kind(3)), near=True, step=1)
    for exponent in (0.5, -1.0, 1.5):
        net = Net((4,))
        value = net.add("Add", net.add("Abs", net.quantised("x", F(0.125), np.int8(3))), F(0.125))
        value = net.add("Pow", value, F(exponent))
        yield net.case(f"Pow-{exponent}", net.quantised(value, F(0.125), np.int8(3)), near=True, step=0.125)


def reductions() -> Iterator[Case]:
    ops = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare")
    for op, kind, keep in product(ops, TYPES, (0, 1)):
        net = Net((3, 4))
        value = net.quantised("x", F(0.125), kind(3))
        value = (
            net.add(op, value, np.array([2], np.int64), keepdims=keep)
            if op == "ReduceSum"
            else net.add(op, value, axes=[2], keepdims=keep)
        )
        near = op == "ReduceL2"
        yield net.case(f"{op}-{kind.__name__}-{keep}", net.quantised(value, F(0.25), kind(5)), near=near, step=0.25)


# --- operators on integers --------------------------------------------------------------------------------------------


def linear() -> Iterator[Case]:
    """QLinear* of the standard and of com.microsoft. Weights of 7 bits: onnxruntime's kernels saturate wider ones on
    processors without dot products of bytes."""
    rng = np.random.default_rng(4)
    for kind, zero, scale in product(TYPES, (0, 3, 6), (0.25, 0.3)):
        x_scale, x_zero, y_scale, y_zero = F(0.125), kind(5), F(scale), kind(zero)
        near = scale == 0.3
        tag = f"{kind.__name__}-{zero}-{scale}"

        def made(name: str, net: Net, value: str, tag: str = tag, near: bool = near,
                 to: tuple[Any, Any] = (y_scale, y_zero)) -> Case:  # fmt: skip
            return net.case(f"{name}-{tag}", net.add("DequantizeLinear", value, *to), near=near, step=float(to[0]))

        for op, other in product(("QLinearAdd", "QLinearMul"), ("computed", "channels", "number")):
            net = Net((6,))
            q = net.integers("x", x_scale, x_zero)
            b: Any = {"channels": np.array([2, 7, 9, 1, 4, 4], kind), "number": np.array(7, kind)}.get(other, q)
            yield made(
                f"{op}-{other}", net,
                net.add(op, q, x_scale, x_zero, b, x_scale, x_zero, y_scale, y_zero, domain=MICROSOFT),
            )  # fmt: skip
        for op, more in (("QLinearLeakyRelu", {"alpha": 0.5}), ("QLinearSigmoid", {})):
            net = Net((6,))
            q = net.integers("x", x_scale, x_zero)
            yield made(op, net, net.add(op, q, x_scale, x_zero, y_scale, y_zero, domain=MICROSOFT, **more))
        pools: tuple[dict[str, Any], ...] = (
            {"kernel_shape": [2, 2], "strides": [2, 2]},
            {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]},
            {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
        )
        for index, more in enumerate(pools):
            net = Net((2, 4, 6))
            q = net.integers("x", x_scale, x_zero)
            value = net.add("QLinearAveragePool", q, x_scale, x_zero, y_scale, y_zero, domain=MICROSOFT, **more)
            case = made(f"QLinearAveragePool-{index}", net, value)
            yield case if index == 0 else Case(case.name, case.model, case.x, True, case.step)
        net = Net((2, 4, 4))
        q = net.integers("x", x_scale, x_zero)
        yield made("QLinearGlobalAveragePool", net, net.add(
            "QLinearGlobalAveragePool", q, x_scale, x_zero, y_scale, y_zero, domain=MICROSOFT, channels_last=0
        ))  # fmt: skip
        net = Net((3,))
        q = net.integers("x", x_scale, x_zero)
        more_q = net.integers(net.add("Neg", net.add("DequantizeLinear", q, x_scale, x_zero)), F(0.5), kind(1))
        yield made("QLinearConcat", net, net.add(
            "QLinearConcat", y_scale, y_zero, q, x_scale, x_zero, more_q, F(0.5), kind(1), domain=MICROSOFT, axis=1
        ))  # fmt: skip
        weights = rng.integers(0 if kind is np.uint8 else -60, 60, (4, 3)).astype(kind)
        for channels in (False, True):
            w_scale = np.array([0.25, 0.125, 0.5], F) if channels else F(0.25)
            w_zero = np.zeros(3, kind) if channels else kind(0)
            net = Net((4,))
            q = net.integers("x", x_scale, x_zero)
            yield made(f"QLinearMatMul-{channels}", net, net.add(
                "QLinearMatMul", q, x_scale, x_zero, weights, w_scale, w_zero, F(8 * scale), y_zero
            ), to=(F(8 * scale), y_zero))  # fmt: skip
            net = Net((4,))
            q = net.integers("x", x_scale, x_zero)
            yield made(f"QGemm-{channels}", net, net.add(
                "QGemm", q, x_scale, x_zero, weights, w_scale, w_zero, np.array([5, -7, 100], np.int32),
                F(8 * scale), y_zero, domain=MICROSOFT, alpha=1.0,
            ), to=(F(8 * scale), y_zero))  # fmt: skip
            net = Net((2, 5, 5))
            q = net.integers("x", x_scale, x_zero)
            taps = rng.integers(0 if kind is np.uint8 else -60, 60, (3, 2, 3, 3)).astype(kind)
            yield made(f"QLinearConv-{channels}", net, net.add(
                "QLinearConv", q, x_scale, x_zero, taps, w_scale, w_zero, F(16 * scale), y_zero,
                np.array([5, -7, 100], np.int32), pads=[1, 1, 1, 1],
            ), to=(F(16 * scale), y_zero))  # fmt: skip


# --- QONNX ------------------------------------------------------------------------------------------------------------

MODES = ("ROUND", "HALF_EVEN", "HALF_UP", "HALF_DOWN", "CEIL", "FLOOR", "UP", "DOWN")


def qonnx() -> Iterator[Case]:
    def quant(net: Net, value: str, bits: int, scale: Any = 0.25, zero: Any = 0.0, mode: str = "ROUND",
              signed: int = 1, narrow: int = 0, op: str = "Quant") -> str:  # fmt: skip
        return net.add(op, value, np.asarray(scale, F), np.asarray(zero, F), F(bits), domain=QONNX,
                       rounding_mode=mode, signed=signed, narrow=narrow)  # fmt: skip

    for mode, zero, inside in product(MODES, (0, 3, 2), (False, True)):
        net = Net((4,))
        value = net.add("Neg", quant(net, "x", 8, 0.125)) if inside else "x"
        yield net.case(f"Quant-{mode}-{zero}-{inside}", quant(net, value, 4, zero=float(zero), mode=mode))
    for bits, signed, narrow, op in product((1, 2, 3, 8), (0, 1), (0, 1), ("Quant", "IntQuant")):
        if (bits, narrow) == (1, 1):
            continue
        net = Net((4,))
        value = net.add("Neg", quant(net, "x", 8, 0.125))
        yield net.case(f"{op}-{bits}-{signed}-{narrow}", quant(net, value, bits, signed=signed, narrow=narrow, op=op))
        net = Net((4,))
        yield net.case(
            f"{op}-port-{bits}-{signed}-{narrow}", quant(net, "x", bits, signed=signed, narrow=narrow, op=op)
        )
    for zeros, mode in product((((1.0, 2.0, 3.0),), ((0.0, 0.0, 0.0),), 2.0), ("ROUND", "FLOOR", "HALF_UP")):
        net = Net((3,))
        value = net.add("Neg", quant(net, "x", 8, 0.125))
        yield net.case(f"Quant-channels-{zeros}-{mode}", quant(net, value, 5, ((0.25, 0.5, 0.125),), zeros, mode))
    for inside in (False, True):
        net = Net((4,))
        value = net.add("Neg", quant(net, "x", 8, 0.125)) if inside else "x"
        yield net.case(f"BipolarQuant-{inside}", net.add("BipolarQuant", value, F(0.5), domain=QONNX))
    for mode, after in product(("FLOOR", "ROUND", "CEIL", "HALF_UP"), (3, 4, 6)):
        net = Net((4,))
        value = quant(net, "x", 6, 0.125)
        trunc = net.add("Trunc", value, F(0.125), F(0), F(6), F(after), domain=QONNX, rounding_mode=mode)
        yield net.case(f"Trunc-{mode}-{after}", trunc)
    edges = {
        "rows": np.array([[-1, 0, 1], [0, 0.5, 2], [-3, -2.125, 0]], F),
        "one": np.array([[-1.5, 0.25, 1]], F),
        "endless": np.array([[-np.inf, 0, 1], [0, 1, np.inf], [-np.inf, 0, np.inf]], F),
    }
    outs: tuple[dict[str, Any], ...] = (
        {"out_dtype": "UINT2"},
        {"out_dtype": "INT4", "out_bias": -2.0},
        {"out_dtype": "INT4", "out_bias": -1.0, "out_scale": 2.0},
        {"out_dtype": "FLOAT32", "out_bias": 0.5, "out_scale": 0.25},
        {"out_dtype": "FLOAT32", "out_bias": 0.3, "out_scale": -0.5},
    )
    for (name, rows), (index, more), inside in product(edges.items(), enumerate(outs), (False, True)):
        net = Net((3,))
        value = quant(net, "x", 6, 0.125)
        value = net.add("Mul", value, np.array([1, -0.5, 2], F)) if inside else value
        yield net.case(f"MultiThreshold-{name}-{index}-{inside}", net.add(
            "MultiThreshold", value, rows, domain=QONNX, **more
        ))  # fmt: skip


# --- functions of an accumulator --------------------------------------------------------------------------------------


def wide() -> Iterator[Case]:
    """Element-wise operations between a matrix product and the next quantiser: 17 bits."""
    rng = np.random.default_rng(3)
    chains: Mapping[str, list[tuple[str, tuple[Any, ...], dict[str, Any]]]] = {
        "Abs": [("Abs", (), {})],
        "Relu-Abs": [("Relu", (), {}), ("Abs", (), {})],
        "Abs-Sqrt": [("Abs", (), {}), ("Sqrt", (), {})],
        "Neg-Abs-Clip": [("Neg", (), {}), ("Abs", (), {}), ("Clip", (F(1), F(3)), {})],
        "Clip-Abs": [("Clip", (F(-3), F(1)), {}), ("Abs", (), {})],
        "LeakyRelu": [("LeakyRelu", (), {"alpha": 0.25})],
        "LeakyRelu-falling": [("LeakyRelu", (), {"alpha": -0.5})],
        "Elu": [("Elu", (), {})],
        "HardSigmoid-falling": [("HardSigmoid", (), {"alpha": -0.25, "beta": 0.5})],
        "Sigmoid": [("Sigmoid", (), {})],
        "Tanh": [("Tanh", (), {})],
        "Max": [("Max", (F(0.5),), {}), ("Abs", (), {})],
        "Min": [("Min", (F(0.5),), {}), ("Abs", (), {})],
        "Max-channels": [("Max", (np.array([0, 0.5, -1, 2, -4], F),), {}), ("Abs", (), {})],
        "Sign": [("Sign", (), {})],
        "Pow": [("Pow", (F(3),), {})],
    }
    for (name, chain), zero, widest in product(chains.items(), (0, 3), (60, 5)):
        net = Net((8,))
        weights = rng.integers(-widest, widest, (8, 5)).astype(np.int8)
        value = net.quantised("x", F(0.125), np.int8(zero))
        value = net.add("MatMul", value, net.add("DequantizeLinear", weights, F(0.015625), np.int8(0)))
        for op, operands, attributes in chain:
            value = net.add(op, value, *operands, **attributes)
        yield net.case(
            f"wide-{name}-{zero}-{widest}", net.quantised(value, F(0.125), np.int8(zero)), near=True, step=0.125
        )


def cases() -> Iterator[Case]:
    for group in (quantisers, unary, composed, binary, reductions, linear, qonnx, wide):
        yield from group()
