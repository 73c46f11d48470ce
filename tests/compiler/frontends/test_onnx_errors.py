"""What the ONNX frontend refuses, and the exact words with which it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nc.compiler.frontends.onnx import from_onnx, read_onnx
from nc.ir.diagnostics import NcError

F = TensorProto.FLOAT
Info = onnx.ValueInfoProto


def tensor(name: str, shape: Any, dtype: int = F) -> Info:
    return helper.make_tensor_value_info(name, dtype, shape)


def build(
    nodes: list[onnx.NodeProto],
    inputs: list[Info] | None = None,
    outputs: tuple[str, ...] = ("y",),
    opset: int = 17,
    functions: tuple[onnx.FunctionProto, ...] = (),
    **weights: Any,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "g",
        [tensor("x", ["N", 4])] if inputs is None else inputs,
        [tensor(name, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(a), n) for n, a in weights.items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions)


def node(op: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def refusal(model: onnx.ModelProto, **options: Any) -> str:
    with pytest.raises(NcError) as caught:
        from_onnx(model, **options)
    return str(caught.value)


def test_every_problem_is_reported_at_once() -> None:
    model = build(
        [
            node("NonMaxSuppression", "x x", "a", name="boxes"),
            node("Relu", "a", "b"),
            node("Loop", "b w w", "c", name="memory"),
            node("MatMul", "x lost", "d", name="head"),
            node("Add", "c d", "y"),
        ],
        w=np.zeros((1, 4, 4), np.float32),
    )
    assert refusal(model) == (
        "error[NC102]: operator NonMaxSuppression must be one that nc translates\n"
        "  --> node 'boxes'\n"
        "   |  a = NonMaxSuppression(x, x)\n"
        "  help: replace the layer before export; docs/onnx.md lists what is supported\n"
        "error[NC102]: operator Loop must be one that nc translates\n"
        "  --> node 'memory'\n"
        "   |  c = Loop(b, w, w)\n"
        "  help: export without loops; unroll them in the model\n"
        "error[NC108]: operand 'lost' of MatMul must be an input, an initialiser or a node's result\n"
        "  --> node 'head'\n"
        "   |  d = MatMul(x, lost)\n"
        "  help: its weights may have been stripped from the file; export the model again"
    )


def test_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "readme.onnx"
    path.write_text("This is not a model.\n" * 20, encoding="utf-8")
    with pytest.raises(NcError) as caught:
        read_onnx(path)
    assert str(caught.value) == (
        "error[NC101]: the file must be an ONNX model, but its bytes do not decode\n"
        "  --> readme.onnx\n"
        "  help: it is truncated, damaged, or of another format; export it again"
    )


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NcError) as caught:
        read_onnx(tmp_path / "none.onnx")
    assert str(caught.value) == (
        "error[NC101]: the model must be a readable file: No such file or directory\n  --> none.onnx"
    )


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.onnx").write_bytes(b"")
    with pytest.raises(NcError, match="the file must hold a graph with outputs"):
        read_onnx(tmp_path / "empty.onnx")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_numbers(bad: float) -> None:
    weights = np.ones((4, 2), np.float32)
    weights[1, 1] = bad
    assert refusal(build([node("MatMul", "x w", name="fc1")], w=weights)) == (
        "error[NC111]: a constant of MatMul must be finite, but 1 of its 8 numbers are NaN or infinite\n"
        "  --> node 'fc1', tensor 'w'\n"
        "   |  y = MatMul(x, w)\n"
        "  help: train again from a good checkpoint; such weights compute nothing"
    )


def test_a_cycle() -> None:
    model = build([node("Add", "x b", "a"), node("Relu", "a", "b", name="back"), node("Relu", "a")])
    assert refusal(model) == (
        "error[NC107]: nodes must not wait for each other, but these do: a, back, y\n"
        "  --> node 'a'\n"
        "  help: ONNX graphs are acyclic; the tool that wrote the file is wrong"
    )


def test_unsorted_nodes_are_sorted() -> None:
    graph = from_onnx(build([node("Relu", "a"), node("Neg", "x", "a")]))
    assert [n.op.name for n in graph.nodes] == ["input", "neg", "relu"]


def test_a_dynamic_shape() -> None:
    model = build([node("Relu", "x")], [tensor("x", ["N", 3, "height", 8])])
    assert refusal(model) == (
        "error[NC106]: every extent of input 'x' but the batch must be a number, not 'height'\n"
        "  --> tensor 'x'\n"
        "  help: --shape x=N,N,... says all extents, or export the model with fixed shapes"
    )
    graph = from_onnx(model, shapes={"x": [1, 3, 16, 8]})
    assert graph.type(graph.inputs["x"]).shape == (3, 16, 8)


def test_an_unknown_shape() -> None:
    assert "input 'x' must have a known shape" in refusal(build([node("Relu", "x")], [tensor("x", None)]))


@pytest.mark.parametrize(
    "made, words",
    [
        (node("Concat", "x x", axis=0), "axis of Concat must not be the batch axis 0 of [N, 4]"),
        (node("ReduceSum", "x"), "axis of ReduceSum must not be the batch axis 0 of [N, 4]"),
        (node("Reshape", "x two"), "Reshape must keep the batch as the leading axis of [N, 4], not make [-1, 2]"),
        (node("Flatten", "x", axis=0), "Flatten must keep the batch as the leading axis of [N, 4], not make [-1]"),
        (
            node("Add", "x rows"),
            "a constant of Add must have a leading extent of 1 where its partner has the batch, not [3, 4]",
        ),
        (node("MatMul", "square x"), "MatMul must keep the batch axis in front, not multiply [4, 4] by [N, 4]"),
        (node("Softmax", "x", axis=0), "axis of Softmax must not be the batch axis 0 of [N, 4]"),
        (node("Gather", "x two", axis=0), "axis of Gather must not be the batch axis 0 of [N, 4]"),
        (node("Slice", "x two two"), "axis of Slice must not be the batch axis 0 of [N, 4]"),
    ],
)  # fmt: skip
def test_the_batch_is_not_data(made: onnx.NodeProto, words: str) -> None:
    weights = {"two": np.array([-1, 2]), "rows": np.ones((3, 4), np.float32), "square": np.ones((4, 4), np.float32)}
    text = refusal(build([made], **weights))
    assert text.startswith(f"error[NC105]: {words}\n")
    assert "  help: " in text


def test_batch_size_as_data() -> None:
    model = build([node("Shape", "x", "s"), node("Cast", "s", "f", to=F), node("Add", "x f")], [tensor("x", ["N", 2])])
    assert refusal(model).startswith("error[NC105]: Add must not use the batch size as data\n")


def test_wrong_operand_count_and_attributes() -> None:
    model = build(
        [
            node("Relu", "x x", "a", name="two"),
            node("Elu", "x", "b", name="typo", alfa=1.0),
            node("Elu", "x", "c", name="kind", alpha="much"),
            node("Sum", "a b c"),
        ]
    )
    assert refusal(model) == (
        "error[NC109]: Relu must have 1 operands, not 2\n"
        "  --> node 'two'\n"
        "   |  a = Relu(x, x)\n"
        "error[NC109]: attribute of Elu must be one that the operator set defines, not 'alfa'\n"
        "  --> node 'typo'\n"
        "   |  b = Elu(x)\n"
        "  help: did you mean 'alpha'?\n"
        "error[NC109]: attribute 'alpha' of Elu must be a FLOAT, not of type 3\n"
        "  --> node 'kind'\n"
        "   |  c = Elu(x)"
    )


def test_wrong_types() -> None:
    model = build([node("Softmax", "b", "s"), node("Add", "x i", "t"), node("Sum", "s t")],
                  [tensor("x", ["N", 4]), tensor("b", ["N", 4], TensorProto.BOOL)], i=np.ones(4, np.int64))  # fmt: skip
    text = refusal(model)
    assert "error[NC109]: operand 'input' of Softmax must not be bool\n  --> node 's'\n" in text
    assert "error[NC109]: operands 'A' and 'B' of Add must have one type, not float and int64\n" in text


def test_windows_of_impossible_size() -> None:
    model = build([node("MaxPool", "x", kernel_shape=[3, 2**40], auto_pad="SAME_UPPER")], [tensor("x", ["N", 1, 5, 5])])
    assert refusal(model).startswith("error[NC113]: a tensor must hold at most 134217728 elements, not ")


@pytest.mark.parametrize("opset", [0, 99])
def test_operator_sets_out_of_range(opset: int) -> None:
    newest = onnx.defs.onnx_opset_version()
    text = refusal(build([node("Relu", "x")], opset=opset))
    assert f"error[NC115]: the model's operator set must lie in 1..{newest}, not {opset}\n" in text


def test_huge_shapes_are_refused_before_allocation() -> None:
    weights = {"much": np.array([1, 2**40]), "one": np.ones(1, np.float32)}
    text = refusal(
        build([node("ConstantOfShape", "much", "a"), node("Expand", "one much", "b"), node("Sum", "a b")], **weights)
    )
    bound = "error[NC113]: a tensor must hold at most 134217728 elements, not 1099511627776 of shape"
    assert text.count(bound) == 2
    assert bound in refusal(build([node("Relu", "x")], [tensor("x", ["N", 2**40])]))


def test_truncated_weights() -> None:
    model = build([node("MatMul", "x w")], w=np.ones((4, 2), np.float32))
    model.graph.initializer[0].raw_data = b"\0" * 12
    assert refusal(model).startswith("error[NC110]: the data of a tensor must fill its shape [4, 2] of float: ")


def test_types_without_hardware_form() -> None:
    text = refusal(build([node("Identity", "x")], [tensor("x", ["N"], TensorProto.STRING)]))
    assert text.startswith(
        "error[NC114]: a tensor must hold floats, integers or booleans, not string\n  --> tensor 'x'\n"
    )


def test_small_integers_must_not_wrap() -> None:
    model = build([node("Add", "x x")], [tensor("x", ["N", 4], TensorProto.INT8)])
    assert refusal(model) == (
        "error[NC116]: the result of Add must fit int8, but it can reach -256..254\n"
        "  --> node 'y'\n"
        "   |  y = Add(x, x)\n"
        "  help: cast to int32 before the operation, or quantise its result"
    )


def test_computed_weights_shapes_and_scales_are_refused() -> None:
    inputs = [tensor("x", ["N", 4]), tensor("s", ["N"], TensorProto.INT64)]
    assert refusal(build([node("Reshape", "x s")], inputs)).startswith(
        "error[NC104]: the shape of Reshape must be constant, not computed from the inputs\n"
    )


def _external(folder: Path, location: str, length: int = 32) -> Path:
    model = build([node("MatMul", "x w")], w=np.ones((4, 2), np.float32))
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        weights.external_data.add(key=key, value=value)
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_external_data_within_the_folder(tmp_path: Path) -> None:
    data = np.arange(8, dtype=np.float32)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(data.tobytes())
    graph = read_onnx(_external(tmp_path, "data/w.bin"))
    (held,) = (n.constant for n in graph.nodes if n.constant is not None)
    np.testing.assert_array_equal(held, data.reshape(4, 2))


@pytest.mark.parametrize("kind", ["absolute", "parent", "link", "hidden parent"])
def test_external_data_that_leaves_the_folder(tmp_path: Path, kind: str) -> None:
    (tmp_path / "secret.bin").write_bytes(b"\0" * 32)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    location = {
        "absolute": str(tmp_path / "secret.bin"),
        "parent": "../secret.bin",
        "link": "link.bin",
        "hidden parent": "./x/../../secret.bin",
    }[kind]
    with pytest.raises(NcError) as caught:
        read_onnx(_external(folder, location))
    assert str(caught.value) == (
        f"error[NC112]: external data must lie in the model's folder, not at '{location}'\n"
        "  --> m.onnx: tensor 'w'\n"
        "  help: save the model with all its data in one folder"
    )


def test_external_data_that_is_missing_or_short(tmp_path: Path) -> None:
    with pytest.raises(NcError, match="external data 'w.bin' must be readable: No such file or directory"):
        read_onnx(_external(tmp_path, "w.bin"))
    (tmp_path / "w.bin").write_bytes(b"\0" * 20)
    with pytest.raises(NcError, match="external data of 32 bytes at 0 must lie within 20 bytes"):
        read_onnx(_external(tmp_path, "w.bin"))


def _function(name: str, nodes: list[onnx.NodeProto], attributes: list[str] | None = None) -> onnx.FunctionProto:
    return helper.make_function(
        "local", name, ["a", "b"], ["c"], nodes, [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)],
        attributes=attributes,
    )  # fmt: skip


def test_functions_are_inlined_with_their_attributes() -> None:
    leaky = node("LeakyRelu", "a", "t")
    leaky.attribute.add(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
    function = _function("Scaled", [leaky, node("Mul", "t b", "c")], ["slope"])
    call = helper.make_node("Scaled", ["x", "w"], ["y"], domain="local", slope=0.25)
    graph = from_onnx(build([call], functions=(function,), w=np.float32(2)))
    assert [n.op.name for n in graph.nodes] == ["input", "leaky_relu", "constant", "mul"]
    assert "alpha=0.25" in str(graph)
    assert graph.nodes[1].origin == "y/t"


def test_functions_that_call_themselves() -> None:
    again = helper.make_node("Again", ["a", "b"], ["c"], domain="local")
    call = helper.make_node("Again", ["x", "x"], ["y"], domain="local")
    text = refusal(build([call], functions=(_function("Again", [again]),)))
    assert "function 'Again' must not call itself, directly or through others" in text


def test_functions_that_multiply_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty functions of which each calls the next twice would be a billion nodes."""
    monkeypatch.setattr("nc.compiler.frontends.onnx.walk.MAX_INLINED", 500)
    functions = []
    for level in range(30):
        inner = f"F{level + 1}" if level < 29 else "F_last"
        steps = [
            helper.make_node(inner, ["a", "b"], ["t"], domain="local"),
            helper.make_node(inner, ["t", "b"], ["c"], domain="local"),
        ]
        functions.append(_function(f"F{level}", steps))
    functions.append(_function("F_last", [node("Add", "a b", "c")]))
    call = helper.make_node("F0", ["x", "x"], ["y"], domain="local")
    text = refusal(build([call], functions=tuple(functions)))
    assert text == "error[NC113]: functions of the model must inline to at most 500 nodes"
