"""Recurrent operators: both readings of time against the standard's reference, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from nc.compiler.frontends.onnx import from_onnx
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
STATES = {"RNN": 1, "GRU": 1, "LSTM": 2}
FEATURES, HIDDEN, STEPS = 3, 4, 6


def model(
    op: str,
    shape: list[Any],
    results: str = "Y",
    extra: dict[str, Any] | None = None,
    wires: str = "",
    **attributes: Any,
) -> onnx.ModelProto:
    """One node; `extra`: initialisers besides the weights; `wires`: operands behind the bias, '-' for none."""
    rng, ways = np.random.default_rng(3), 1 + (attributes.get("direction") == "bidirectional")
    rows = GATES[op] * HIDDEN
    arrays = {
        "W": rng.normal(0, 0.7, (ways, rows, FEATURES)),
        "R": rng.normal(0, 0.7, (ways, rows, HIDDEN)),
        "B": rng.normal(0, 0.5, (ways, 2 * rows)),
        **(extra or {}),
    }
    operands = ["x", "W", "R", "B", *("" if w == "-" else w for w in wires.split())]
    given = {k: v for k, v in attributes.items() if v is not None}
    node = helper.make_node(op, operands, results.split(), name="cell", hidden_size=HIDDEN, **given)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    kept = [numpy_helper.from_array(np.asarray(a, None if np.asarray(a).dtype.kind == "i" else np.float32), n)
            for n, a in arrays.items()]  # fmt: skip
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in results.split()]
    graph = helper.make_graph([node], op, inputs, outputs, kept)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def reference(made: onnx.ModelProto, x: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    return ReferenceEvaluator(made).run(None, {"x": x.astype(np.float32)})  # type: ignore[return-value]


def refusal(made: onnx.ModelProto) -> str:
    with pytest.raises(NcError) as caught:
        from_onnx(made)
    return str(caught.value)


@pytest.mark.parametrize("op", GATES)
def test_time_in_front_is_a_state(op: str) -> None:
    """Samples are steps: outputs of each, and the final state as of each."""
    names = "Y Y_h"  # the reference gives no Y_c
    made = model(op, ["T", 1, FEATURES], names, linear_before_reset=1 if op == "GRU" else None)
    graph = from_onnx(made)
    assert list(graph.states) == [f"cell/{name}" for name in ("h", "c")[: STATES[op]]]
    x = np.random.default_rng(0).normal(size=(STEPS, 1, FEATURES))
    found, want = evaluate(graph, {"x": x}), reference(made, x)
    assert np.allclose(found["Y"].reshape(want[0].shape), want[0], atol=1e-6)
    for label, last in zip(names.split()[1:], want[1:], strict=True):
        assert np.allclose(found[label][-1], last, atol=1e-6)


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("before", [0, 1])
def test_initial_states_and_both_resets(op: str, before: int) -> None:
    rng = np.random.default_rng(5)
    extra = {name: rng.normal(size=(1, 1, HIDDEN)) for name in ("h0", "c0")[: STATES[op]]}
    made = model(op, ["T", 1, FEATURES], extra=extra, wires="- " + " ".join(extra),
                 linear_before_reset=before if op == "GRU" else None)  # fmt: skip
    x = rng.normal(size=(STEPS, 1, FEATURES))
    (want,) = reference(made, x)
    assert np.allclose(evaluate(from_onnx(made), {"x": x})["Y"].reshape(want.shape), want, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "direction"),
    [("RNN", "forward"), *((op, way) for op in ("GRU", "LSTM") for way in ("forward", "reverse", "bidirectional"))],
)
def test_time_in_a_sample_is_laid_out(op: str, direction: str) -> None:
    """[batch, time, features] by layout 1: every sample by itself, in any direction."""
    made = model(op, ["N", STEPS, FEATURES], "Y Y_h", layout=1, direction=direction)
    graph = from_onnx(made)
    assert not graph.states
    x = np.random.default_rng(0).normal(size=(5, STEPS, FEATURES))
    found = evaluate(graph, {"x": x})
    ways = 2 if direction == "bidirectional" else 1
    assert found["Y"].shape == (5, STEPS, ways, HIDDEN) and found["Y_h"].shape == (5, ways, HIDDEN)
    if direction != "forward":
        last = found["Y"][:, 0, ways - 1]  # the reverse direction ends at the first step
        assert np.allclose(found["Y_h"][:, ways - 1], last)
        ahead = evaluate(from_onnx(_one_way(made, ways - 1)), {"x": x[:, ::-1]})["Y"][:, ::-1, 0]
        assert np.allclose(found["Y"][:, :, ways - 1], ahead)
        return
    for row, got in zip(x, found["Y"], strict=True):
        (want,) = reference(model(op, ["T", 1, FEATURES]), row[:, None])
        assert np.allclose(got[:, 0], want[:, 0, 0], atol=1e-6)


def _one_way(made: onnx.ModelProto, way: int) -> onnx.ModelProto:
    """The same weights, those of one direction, run forward."""
    copy = onnx.ModelProto.FromString(made.SerializeToString())
    for tensor in copy.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[way : way + 1], tensor.name))
    (direction,) = (a for a in copy.graph.node[0].attribute if a.name == "direction")
    direction.s = b"forward"
    return copy


def test_transposed_around_as_exporters_write_batch_first() -> None:
    """Transpose, GRU, Squeeze, Transpose; and the last state by Gather."""
    inner = model("GRU", ["T", 1, FEATURES], "Y Y_h")
    weights = list(inner.graph.initializer)
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        helper.make_node("GRU", ["t", "W", "R", "B"], ["Y", "Y_h"], name="cell", hidden_size=HIDDEN),
        helper.make_node("Squeeze", ["Y", "one"], ["s"]),
        helper.make_node("Transpose", ["s"], ["y"], perm=[1, 0, 2]),
        helper.make_node("Gather", ["Y_h", "zero"], ["last"], axis=0),
    ]
    for name, value in (("one", [1]), ("zero", 0)):
        weights.append(numpy_helper.from_array(np.array(value, np.int64), name))
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y", "last")]
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", STEPS, FEATURES])
    graph = helper.make_graph(nodes, "g", [info], outputs, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    x = np.random.default_rng(0).normal(size=(3, STEPS, FEATURES))
    found = evaluate(from_onnx(made), {"x": x})
    assert found["y"].shape == (3, STEPS, HIDDEN) and found["last"].shape == (3, HIDDEN)
    for k, row in enumerate(x):
        want, last = reference(inner, row[:, None])
        assert np.allclose(found["y"][k], want[:, 0, 0], atol=1e-6)
        assert np.allclose(found["last"][k], last[0, 0], atol=1e-6)


LIVE = ["T", 1, FEATURES]
HERE = "\n  --> node 'cell'\n"


@pytest.mark.parametrize(
    ("made", "message", "help"),
    [
        (
            model("LSTM", LIVE, direction="bidirectional"),
            "error[NC103]: LSTM must run forward where every sample is one step of time, not bidirectional",
            "a step cannot see later ones; put the time axis behind the batch axis to compute whole sequences",
        ),
        (
            model("GRU", LIVE, clip=3.0),
            "error[NC103]: GRU must not clip its gates",
            "quantisers bound them: train and export without clip",
        ),
        (
            model("LSTM", LIVE, input_forget=1),
            "error[NC103]: LSTM must have separate input and forget gates",
            "export with input_forget=0",
        ),
        (
            model("GRU", LIVE, activations=["Sigmoid", "Elu"]),
            "error[NC103]: activations of GRU must be Sigmoid, Tanh, Relu or HardSigmoid, not Elu",
            "train with one of these",
        ),
        (
            model("GRU", [4, STEPS, FEATURES], extra={"lengths": np.array([4], np.int32)}, wires="lengths", layout=1),
            f"error[NC103]: sequences of GRU must fill all {STEPS} steps, with no sequence_lens",
            "hardware computes a fixed number of steps: pad at the front, or make every sample one step",
        ),
        (
            model("GRU", LIVE, wires="- x"),
            "error[NC103]: the initial state of GRU must be constant where every sample is one step of time",
            "leave it out: the state is kept from step to step, and reset brings back the initial one",
        ),
        (
            model("GRU", LIVE, extra={"R": np.zeros((1, 12, 5))}),
            "error[NC109]: operand 'R' of GRU must have shape [1, 12, 4], not [1, 12, 5]",
            "",
        ),
        (
            model("GRU", ["N", 2000, FEATURES], layout=1),
            "error[NC103]: a sequence inside a sample must have 1 to 1024 steps, not 2000: each is laid out by itself",
            "put the time axis in front, so that every sample is one step",
        ),
    ],
)
def test_refused(made: onnx.ModelProto, message: str, help: str) -> None:
    text = refusal(made)
    assert text.startswith(message + HERE)
    assert not help or text.endswith(f"\n  help: {help}")


def test_the_cell_is_a_result() -> None:
    """h = o * tanh(c), so that |h| <= |tanh(c)| with the same sign."""
    graph = from_onnx(model("LSTM", LIVE, "Y Y_h Y_c"))
    found = evaluate(graph, {"x": np.random.default_rng(0).normal(size=(50, 1, FEATURES))})
    hidden, cell = found["Y_h"].reshape(50, -1), found["Y_c"].reshape(50, -1)
    assert np.all(np.sign(hidden) == np.sign(cell)) and np.all(np.abs(hidden) < np.abs(np.tanh(cell)))


def test_peepholes_and_other_activations() -> None:
    rng = np.random.default_rng(1)
    extra = {"P": rng.normal(size=(1, 3 * HIDDEN)), "h0": np.zeros((1, 1, HIDDEN)), "c0": np.zeros((1, 1, HIDDEN))}
    made = model("LSTM", LIVE, extra=extra, wires="- h0 c0 P")
    x = rng.normal(size=(STEPS, 1, FEATURES))
    (want,) = reference(made, x)
    assert np.allclose(evaluate(from_onnx(made), {"x": x})["Y"].reshape(want.shape), want, atol=1e-6)
    hard = model("GRU", LIVE, activations=["HardSigmoid", "Relu"], activation_alpha=[0.25], activation_beta=[0.5])
    kinds = {n.op.name for n in from_onnx(hard).nodes}
    assert {"hard_sigmoid", "relu"} <= kinds and not {"sigmoid", "tanh"} & kinds
