"""The standard's node tests run against importer and interpreter; `main` writes the table of docs/onnx.md.

Each test is a model of one operator (or its expansion into others) with stored inputs and outputs. Data operands
stay inputs of the graph; the others (weights, shapes, axes, scales ...) are bound as constants, as in hardware.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

from nc.compiler.frontends.onnx import from_onnx
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate

LISTED = """Gemm MatMul Conv BatchNormalization Relu LeakyRelu PRelu Clip HardSigmoid HardSwish Sigmoid Tanh Elu Selu
Gelu Softplus Erf Sign Abs Neg Add Sub Mul Div Min Max MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceMean
ReduceSum ReduceMax Softmax LogSoftmax ArgMax Flatten Reshape Squeeze Unsqueeze Transpose Floor Ceil Round Pow Sqrt
Concat Split Slice Gather Pad Resize Upsample Identity Dropout Constant Cast Where Exp Log Reciprocal Shape
ConstantOfShape Range Expand Size""".split()  # noqa: SIM905
FURTHER = """LayerNormalization RMSNormalization InstanceNormalization GroupNormalization ConvTranspose DepthToSpace
SpaceToDepth Tile Sum Mean And Or Xor Not Equal Greater GreaterOrEqual Less LessOrEqual ReduceMin ReduceL1 ReduceL2
ReduceSumSquare ReduceLogSum ReduceLogSumExp Mish Swish Softsign ThresholdedRelu ArgMin CastLike RNN GRU LSTM""".split()  # noqa: SIM905
QUANTISED = ["QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "MatMulInteger", "ConvInteger"]

_PLAIN = {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.BOOL}
_ALL_DATA = set("Add Sub Mul Div Min Max Concat MatMul Pow PRelu Where Sum Mean And Or Xor Equal".split())  # noqa: SIM905
_ALL_BOUND = ["Range", "ConstantOfShape", "Expand", "Size", "Shape"]  # arithmetic with shapes

MARKERS = ("<!-- node tests: begin -->", "<!-- node tests: end -->")
DOCS = Path(__file__).parents[3] / "docs" / "onnx.md"


@dataclass(frozen=True)
class Result:
    """`reason`: why the test does not pass; empty when it does."""

    name: str
    op: str
    plain: bool
    reason: str

    @property
    def passed(self) -> bool:
        return not self.reason


def run_all(batch: int | None = None) -> list[Result]:
    """Every node test of a listed operator, expansions of it included, in order of name.

    batch: None keeps tensors whole; 0 takes the leading axis of the data as the batch, where that has a meaning.
    """
    found = []
    for case in sorted(load_model_tests(kind="node"), key=lambda c: str(c.name)):
        folder = Path(case.model_dir)
        model = onnx.load(folder / "model.onnx")
        op = _operator(case.name, model)
        if op not in LISTED + FURTHER + QUANTISED:
            continue
        inputs = [_stored(path, info) for path, info in _files(folder, "input", model.graph.input)]
        outputs = [_stored(path, info) for path, info in _files(folder, "output", model.graph.output)]
        found.append(Result(case.name, op, _is_plain(model), _reason(model, op, inputs, outputs, batch)))
    return found


def _operator(name: str, model: onnx.ModelProto) -> str:
    """The operator under test; an expansion is found by the name of the test that it expands."""
    nodes = model.graph.node
    if "_expanded" not in name:
        kinds = {n.op_type for n in nodes}
        return nodes[0].op_type if len(kinds) == 1 else ""
    original = name.split("_expanded")[0]
    return _ORIGINALS.get(original, "")


def _originals() -> dict[str, str]:
    found = {}
    for case in load_model_tests(kind="node"):
        if "_expanded" not in case.name:
            kinds = {n.op_type for n in onnx.load(Path(case.model_dir) / "model.onnx").graph.node}
            if len(kinds) == 1:
                found[case.name] = kinds.pop()
    return found


_ORIGINALS = _originals()


def _files(folder: Path, kind: str, infos: Any) -> list[tuple[Path, Any]]:
    return [(folder / "test_data_set_0" / f"{kind}_{i}.pb", info) for i, info in enumerate(infos)]


def _stored(path: Path, info: Any) -> Any:
    if info.type.WhichOneof("value") != "tensor_type":
        return None
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(tensor)


def _is_plain(model: onnx.ModelProto) -> bool:
    """Are all tensors at the ports float32, int64 or bool?"""
    ports = [*model.graph.input, *model.graph.output]
    return all(p.type.WhichOneof("value") == "tensor_type" and p.type.tensor_type.elem_type in _PLAIN for p in ports)


def _placed(got: Any, want: Any) -> Any:
    """The samples of an output on the axis where the model has them, or the one sample of a model without that axis."""
    choices = [np.moveaxis(got, 0, axis) for axis in range(got.ndim)] + [got[0]] * (len(got) == 1)
    return next((choice for choice in choices if choice.shape == want.shape and _same(choice, want)), got)


def _reason(model: onnx.ModelProto, op: str, inputs: list[Any], outputs: list[Any], batch: int | None) -> str:
    names = [info.name for info in model.graph.input]
    data = _data(op, names)
    if batch is not None and op in _ALL_DATA:  # a smaller operand is a constant: it has no batch axis
        largest = max(array.shape for array in inputs)
        data = {n for n, a in zip(names, inputs, strict=True) if n in data and a.shape == largest}
    batch = batch if data else None  # a constant has no batch
    bound = {n: a for n, a in zip(names, inputs, strict=True) if n not in data}
    fed = {n: a for n, a in zip(names, inputs, strict=True) if n in data and a is not None}
    shapes = {n: a.shape for n, a in fed.items()}
    try:
        graph = from_onnx(model, batch=batch, constants=bound, shapes=shapes)
        made = evaluate(graph, {n: a if batch is not None else a[None] for n, a in fed.items() if n in graph.inputs})
    except NcError as error:
        return error.diagnostics[0].message
    names_out = [info.name for info in model.graph.output]
    got = [
        made[name] if batch is None else _placed(made[name], want)
        for name, want in zip(names_out, outputs, strict=True)
    ]
    got = [array[0] for array in got] if batch is None else got
    if all(map(_same, got, outputs)):
        return ""
    theirs = _onnxruntime(model, dict(zip(names, inputs, strict=True)))
    agree = theirs is not None and all(map(_same, got, theirs))
    return "the stored result differs" + (", onnxruntime's equals ours" if agree else "")


def _data(op: str, names: list[str]) -> set[str]:
    """Inputs that stay inputs of the graph."""
    if op in _ALL_BOUND:
        return set()
    return {"Where": set(names[1:])}.get(op, set(names if op in _ALL_DATA else names[:1]))


def _same(got: Any, want: Any) -> bool:
    if got.shape != want.shape:
        return False
    if want.dtype.kind not in "fV":
        return np.array_equal(got, want)
    return np.allclose(got.astype(np.float64), want.astype(np.float64), rtol=1e-3, atol=1e-7, equal_nan=True)


def _onnxruntime(model: onnx.ModelProto, inputs: dict[str, Any]) -> list[Any] | None:
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return list(session.run(None, inputs))
    except RuntimeError:  # what it does not implement
        return None


def table(results: list[Result]) -> str:
    """The generated part of docs/onnx.md."""
    rows = []
    for title, part in (
        ("float32 / int64 / bool tensors", [r for r in results if r.plain and r.op in LISTED]),
        ("further operators, same types", [r for r in results if r.plain and r.op in FURTHER]),
        ("other element types", [r for r in results if not r.plain and r.op not in QUANTISED]),
        ("quantised operators", [r for r in results if r.op in QUANTISED]),
    ):
        passed = sum(r.passed for r in part)
        rows.append(f"| {title} | {len(part)} | {passed} | {100 * passed / len(part):.1f} % |")
    lines = [
        f"Node tests of onnx {onnx.__version__}, expansions into other operators included.",
        "",
        "| tests | run | pass | share |",
        "|---|---|---|---|",
        *rows,
        "",
        "Tests that do not pass, with what the importer says (float32 / int64 / bool tensors):",
        "",
    ]
    lines += [f"- `{r.name}`: {r.reason}" for r in results if r.plain and not r.passed]
    others = Counter((r.op, r.reason) for r in results if not r.plain and not r.passed)
    lines += ["", "Other element types, by operator and reason:", ""]
    lines += [f"- {op}: {reason} ({count})" for (op, reason), count in sorted(others.items())]
    return "\n".join(lines)


def main() -> None:
    warnings.simplefilter("ignore")
    text = DOCS.read_text(encoding="utf-8")
    head, rest = text.split(MARKERS[0])
    tail = rest.split(MARKERS[1])[1]
    DOCS.write_text(f"{head}{MARKERS[0]}\n{table(run_all())}\n{MARKERS[1]}{tail}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
