"""One-operation models and their judgement: the same numbers as onnxruntime without optimisation, or refused by name.

A `Case` says an operator's attributes, operands and shapes; `model` puts it alone ('float') or between quantisers
('qdq'). Tables of cases are lists by operator: to sweep another operator, add its list to a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nc.backends import registry
from nc.compiler.config import resolve
from nc.compiler.frontends.onnx import from_onnx
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers
from nc.compiler.ports import real_of, to_port
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate

Array = NDArray[Any]
COMMON = resolve(registry.find("fpga").Options).common
SAMPLES = 6
SCALE = 0.125  # of activations; a power of two, so that single precision adds nothing of its own


@dataclass(frozen=True)
class Case:
    """`operands`: constants behind the input, '' for none. `weights`: place of the operand that is quantised in qdq
    form, by `channel` axis if not None. `zero_points`: of input, weights, output. `outputs`: how many."""

    op: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = (2, 5, 4)
    operands: tuple[Any, ...] = ()
    weights: int | None = None
    channel: int | None = None
    opset: int = 18
    zero_points: tuple[int, int, int] = (0, 0, 0)
    outputs: int = 1
    forms: tuple[str, ...] = ("float", "qdq")

    def __str__(self) -> str:
        shown = [f"{k}={v}" for k, v in self.attributes.items()]
        shown += [str(np.asarray(o).tolist()) for o in self.operands if not isinstance(o, str) and np.size(o) < 9]
        channel = "" if self.channel is None else f" by channel {self.channel}"
        return f"{self.op}-{self.opset} {list(self.shape)} {', '.join(shown)} zero {self.zero_points}{channel}"


def model(case: Case, form: str) -> onnx.ModelProto:
    """The case as a model with input x and outputs y0, y1, ..."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(data: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(data), f"c{len(constants)}"))
        return constants[-1].name

    def node(op: str, *operands: str, outputs: int = 1, **attributes: Any) -> list[str]:
        names = [f"n{len(nodes)}_{i}" for i in range(outputs)]
        nodes.append(helper.make_node(op, operands, names, f"{op}_{len(nodes)}", **attributes))
        return names

    def quantised(x: str, zero_point: int) -> str:
        grid = constant(np.float32(SCALE)), constant(np.int8(zero_point))
        (q,) = node("QuantizeLinear", x, *grid)
        return node("DequantizeLinear", q, *grid)[0]

    qdq = form == "qdq"
    names = [quantised("x", case.zero_points[0]) if qdq else "x"]
    for place, operand in enumerate(case.operands, 1):
        if isinstance(operand, str):
            names.append(operand)
        elif qdq and place == case.weights:
            names += node("DequantizeLinear", *_quantised_weights(case, operand, constant), **_axis(case))
        else:
            names.append(constant(operand))
    made = node(case.op, *names, outputs=case.outputs, **case.attributes)
    for i, name in enumerate(made):
        node("Identity", quantised(name, case.zero_points[2]) if qdq else name)
        nodes[-1].output[0] = f"y{i}"
    graph = helper.make_graph(
        nodes,
        case.op,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *case.shape])],
        [helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, None) for i in range(case.outputs)],
        constants,
    )
    # Operator sets without QuantizeLinear are swept in float alone.
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", case.opset)], ir_version=8)


def _axis(case: Case) -> dict[str, int]:
    return {} if case.channel is None else {"axis": case.channel}


def _quantised_weights(case: Case, weights: Array, constant: Any) -> tuple[str, str, str]:
    whole = np.clip(np.rint(weights * 8), -9, 9).astype(np.int8) + np.int8(case.zero_points[1])
    if case.channel is None:
        return constant(whole), constant(np.float32(0.0625)), constant(np.int8(case.zero_points[1]))
    channels = whole.shape[case.channel]
    scales = np.float32(2.0) ** -(np.arange(channels) % 3 + 3)
    points = np.full(channels, case.zero_points[1], np.int8)
    return constant(whole), constant(scales.astype(np.float32)), constant(points)


def reference(made: onnx.ModelProto, x: Array) -> list[Array] | None:
    """What onnxruntime computes without optimisation, one sample at a time; None where it refuses the model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(made.SerializeToString(), options)
        rows = [session.run(None, {"x": sample[None]}) for sample in x]
    except Exception:  # every class of its own that onnxruntime raises
        return None
    return [np.stack([row[i] for row in rows]) for i in range(len(rows[0]))]


def draw(case: Case) -> Array:
    """Samples on the grid of the input's quantiser, so that no sample is a tie."""
    return (np.random.default_rng(0).integers(-40, 41, (SAMPLES, *case.shape)) * SCALE).astype(np.float32)


def judge(case: Case, form: str) -> str:
    """'equal', 'refused NCxxx' or 'no reference'. Raises AssertionError where numbers differ or a refusal has no help.

    Every other exception is a crash of the compiler.
    """
    made = model(case, form)
    x = draw(case)
    wanted = reference(made, x)
    try:
        found = integers(made, x) if form == "qdq" else list(evaluate(from_onnx(made), {"x": x}).values())
    except NcError as error:
        for diagnostic in error.diagnostics:
            assert wanted is None or diagnostic.help, f"{diagnostic.code} has no help: {diagnostic.message}"
        return f"refused {error.diagnostics[0].code}"
    if wanted is None:
        return "no reference"
    for ours, theirs in zip(found, wanted, strict=True):
        of_one = theirs.shape[1:]  # with the batch of one wherever the operator leaves it
        kept = [of_one[:at] + of_one[at + 1 :] for at, extent in enumerate(of_one) if extent == 1]
        assert ours.shape[1:] in kept, f"{case}: shape {ours.shape[1:]}, not {of_one} without its batch"
        theirs = theirs.reshape(ours.shape)
        if form == "qdq":
            theirs = np.where(_ties(made, x, ours, theirs), ours, theirs)
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5, err_msg=str(case))
    return "equal"


def _ties(made: onnx.ModelProto, x: Array, ours: Array, theirs: Array) -> Array:
    """Where neighbours differ since the exact result is a tie, or so near that single precision cannot tell."""
    if (ours == theirs).all():
        return np.zeros(ours.shape, bool)
    graph = from_onnx(made)
    last = max(v for v, n in enumerate(graph.nodes) if n.op.name == "quantize")
    before = graph.nodes[last].operands[0]
    steps = evaluate(graph, {"x": x}, probes=(before,))[f"%{before}"] / SCALE
    near = np.abs(np.abs(steps - np.floor(steps)) - 0.5) < 1e-5
    return np.asarray(near & (np.abs(ours - theirs) <= SCALE))


def integers(made: onnx.ModelProto, x: Array) -> list[Array]:
    """What the integer graph computes, as real numbers."""
    graph, _ = run_passes(from_onnx(made), to_integers(from_onnx(made), COMMON, None))
    ports = {label: to_port(x, graph.type(value)) for label, value in graph.inputs.items()}
    found = evaluate(graph, ports)
    return [real_of(found[label], graph.type(value)) for label, value in graph.outputs.items()]
