"""The batch axis: found, followed, proved by example, or refused."""

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


def build(
    nodes: list[onnx.NodeProto], shape: list[int | str], opset: int = 21, output: Any = None, **weights: Any
) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, output)
    initialisers = [numpy_helper.from_array(np.asarray(v), name) for name, v in weights.items()]
    graph = helper.make_graph(nodes, "g", [x], [y], initialisers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def node(op: str, operands: str, result: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, operands.split(), [result], **attributes)


def whole(model: onnx.ModelProto, x: Any) -> Any:
    """What the reference evaluator computes of the model's own tensors."""
    return ReferenceEvaluator(model).run(None, {"x": x.astype(np.float32)})[0]


def mixed(steps: int) -> list[onnx.NodeProto]:
    """Every step of every sample through one matrix: time and batch are one axis in between."""
    return [node("Reshape", "x rows", "r"), node("MatMul", "r w", "m"), node("Reshape", "m back")]


W = np.arange(6, dtype=np.float32).reshape(3, 2) - 2


@pytest.mark.parametrize("batch", ["N", 1])
def test_a_batch_merged_with_time(batch: int | str) -> None:
    model = build(mixed(5), [batch, 5, 3], w=W, rows=[-1, 3], back=[-1, 5, 2])
    x = np.random.default_rng(0).normal(size=(4, 5, 3))
    got = evaluate(from_onnx(model), {"x": x})["y"]
    assert np.allclose(got, x @ W)


def test_a_fixed_batch_of_several_says_how_to_export() -> None:
    model = build(mixed(5), [4, 5, 3], w=W, rows=[20, 3], back=[4, 5, 2])
    with pytest.raises(NcError) as caught:
        from_onnx(model)
    assert str(caught.value) == (
        "error[NC105]: Reshape must keep the batch as the leading axis of [N, 5, 3], not make [20, 3]\n"
        "  --> node 'r'\n"
        "   |  r = Reshape(x, rows)\n"
        "  help: export with one sample instead of 4, or with a dynamic batch axis; --batch none keeps tensors whole"
    )
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 3))
    assert np.allclose(evaluate(from_onnx(model, batch=None), {"x": x})["y"][0], x[0] @ W)


def test_samples_that_depend_on_each_other_are_refused() -> None:
    flat = [node("Reshape", "x one", "r"), node("Softmax", "r", "s", axis=0), node("Reshape", "s back")]
    model = build(flat, ["N", 3], one=[-1], back=[-1, 3])
    with pytest.raises(NcError, match="Reshape must keep the batch"):
        from_onnx(model)


def test_the_axis_without_a_number_is_the_batch() -> None:
    """torch's recurrent networks with time in front, at the ports too."""
    nodes = [node("MatMul", "x w", "m"), node("Tanh", "m")]
    model = build(nodes, [5, "batch", 3], output=[5, "batch", 2], w=W)
    graph = from_onnx(model)
    assert graph.type(graph.inputs["x"]).shape == (5, 3)
    x = np.random.default_rng(0).normal(size=(5, 4, 3))  # time, batch
    got = evaluate(graph, {"x": x.transpose(1, 0, 2)})["y"]
    assert np.allclose(got.transpose(1, 0, 2), whole(model, x), atol=1e-5)


def test_an_axis_that_is_said() -> None:
    model = build(
        [
            node("ReduceMax", "x axes", keepdims=0),
        ],
        [3, 5],
        axes=[0],
    )
    x = np.random.default_rng(0).normal(size=(3, 5))
    with pytest.raises(NcError, match="NC105"):
        from_onnx(model)
    assert np.allclose(evaluate(from_onnx(model, batch=1), {"x": x.T})["y"], whole(model, x))
    with pytest.raises(NcError, match="input 'x' must have a batch axis 2, not 2 axes"):
        from_onnx(model, batch=2)


def test_sizes_in_the_command_line_form() -> None:
    model = build([node("Relu", "x")], ["N", "T"])
    with pytest.raises(NcError, match="--shape x=N,N,"):
        from_onnx(model)
    assert from_onnx(model, shapes={"x": [1, 6]}).type(0).shape == (6,)
    with pytest.raises(NcError, match="the shape of input 'x' must have 2 extents, not 3"):
        from_onnx(model, shapes={"x": [1, 6, 2]})


def test_shape_arithmetic_of_any_operator() -> None:
    """Reshape to (-1, (7 mod 4) * 2), by operators without a hardware form."""
    nodes = [
        node("Mod", "seven four", "three"),
        node("CumSum", "pair zero", "sums"),  # 1, 2
        node("GatherElements", "sums last", "two"),
        node("Mul", "three two", "six"),
        node("Shape", "x", "shape"),
        node("Slice", "shape zeros ones", "lead"),
        node("Concat", "lead six", "target", axis=0),
        node("Reshape", "x target"),
    ]
    model = build(nodes, ["N", 3, 2], seven=[7], four=[4], pair=[1, 1], zero=0, last=[1], zeros=[0], ones=[1])
    assert from_onnx(model).type(1).shape == (6,)


def test_an_operator_on_data_is_still_refused() -> None:
    model = build([node("CumSum", "x one")], ["N", 3], one=1)
    with pytest.raises(NcError, match="operator CumSum must be one that nc translates"):
        from_onnx(model)


def branches(condition: str) -> onnx.NodeProto:
    inner = [
        helper.make_graph([node(op, "h w", f"{op}_y")], op, [], [helper.make_tensor_value_info(f"{op}_y", 1, None)])
        for op in ("MatMul", "Add")
    ]
    return node("If", condition, then_branch=inner[0], else_branch=inner[1])


@pytest.mark.parametrize("choice", [True, False])
def test_if_with_a_constant_condition(choice: bool) -> None:
    nodes = [branches("c"), node("Relu", "x", "h")]  # what a branch reads comes later in the file
    model = build(nodes, ["N", 2], c=choice, w=np.array([[1, 2], [3, 4]], np.float32)[: 2 if choice else 1])
    x = np.array([[1.0, -1.0], [2.0, 3.0]])
    h = np.maximum(x, 0)
    want = h @ [[1, 2], [3, 4]] if choice else h + [1, 2]
    assert np.array_equal(evaluate(from_onnx(model), {"x": x})["y"], want)


def test_if_on_a_shape_and_on_data() -> None:
    nodes = [node("Shape", "x", "s", start=1), node("Equal", "s two", "c"), node("Relu", "x", "h"), branches("c")]
    model = build(nodes, ["N", 2], two=[2], w=np.eye(2, dtype=np.float32))
    assert [n.op.name for n in from_onnx(model).nodes] == ["input", "relu", "constant", "matmul"]
    on_data = [node("ReduceMax", "x", "m", keepdims=0), node("Cast", "m", "c", to=TensorProto.BOOL),
               node("Relu", "x", "h"), branches("c")]  # fmt: skip
    with pytest.raises(NcError, match="the condition of If must be constant"):
        from_onnx(build(on_data, [1, 2], w=np.eye(2, dtype=np.float32)), batch=None)


@pytest.mark.parametrize("opset", [1, 5, 6])
def test_old_operator_sets(opset: int) -> None:
    """Add with broadcast and axis, Gemm with broadcast, as before operator set 7."""
    options = {"consumed_inputs": [0]} if opset == 1 else {}
    nodes = [node("Gemm", "x w b", "g", broadcast=1), node("Relu", "g", "r", **options),
             node("Add", "r c", broadcast=1, axis=1, **options)]  # fmt: skip
    bias = np.array([1, -1], np.float32)
    model = build(nodes, ["N", 3], opset, output=["N", 2], w=W, b=bias, c=np.array([3, 4], np.float32))
    x = np.random.default_rng(0).normal(size=(4, 3))
    got = evaluate(from_onnx(model), {"x": x})["y"]
    assert np.allclose(got, np.maximum(x @ W + bias, 0) + [3, 4])


def test_attributes_of_the_first_operator_set() -> None:
    nodes = [node("Pad", "x", "p", paddings=[0, 1, 0, 0]), node("Reshape", "p", "r", shape=[-1, 4, 1]),
             node("Concat", "r r", "c"), node("Cast", "c", "y", to="FLOAT")]  # fmt: skip
    x = np.arange(6.0).reshape(2, 3)
    got = evaluate(from_onnx(build(nodes, ["N", 3], 1, output=["N", 8, 1])), {"x": x})["y"]
    padded = np.pad(x, ((0, 0), (1, 0)))
    assert np.array_equal(got[..., 0], np.concatenate([padded, padded], 1))
