"""--batch and --shape: what a file does not say is said on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from nc.compiler.cli.main import run
from nc.compiler.cli.words import reading
from nc.compiler.yaml_text import advised, parse_assignment
from nc.ir.diagnostics import UsageError


@pytest.fixture
def model(tmp_path: Path) -> str:
    info = helper.make_tensor_value_info("x.1", TensorProto.FLOAT, [3, "T", "C"])
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node("Relu", ["x.1"], ["y"])], "g", [info], [output])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), tmp_path / "m.onnx")
    return str(tmp_path / "m.onnx")


def shape(capsys: pytest.CaptureFixture[str]) -> object:
    return json.loads(capsys.readouterr().out)["inputs"]["x.1"]


@pytest.mark.parametrize("batch, want", [("0", "f32[4,5]"), ("1", "f32[3,5]"), ("none", "f32[3,4,5]")])
def test_inspect_reads_with_the_axis_and_the_shape(
    model: str, capsys: pytest.CaptureFixture[str], batch: str, want: str
) -> None:
    assert run(["inspect", model, "--json", "--shape", "x.1=3,4,5", "--batch", batch]) == 0
    assert shape(capsys) == want


def test_the_help_of_an_unknown_extent_can_be_followed(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", model]) == 1
    assert "help: --shape x.1=N,N,... says all extents" in capsys.readouterr().err


def test_wrong_words() -> None:
    assert reading("1", ["x.1=1,16,64"]) == ["model.batch=1", 'model.shapes."x.1"=[1,16,64]']
    for text in ("x", "=1,2", "x=1,,2", "x=a", 'x"=1'):
        with pytest.raises(UsageError, match="--shape must be NAME=N,N"):
            reading(None, [text])


def test_names_with_dots_are_quoted_where_help_names_them() -> None:
    assert advised("input", "x", "scale", value="1/255") == "--set input.x.scale=1/255"
    text = advised("input", "x.1", "bits", value="8")
    assert text == """--set 'input."x.1".bits=8'"""
    assert parse_assignment(text[len("--set '") : -1]).data == {"input": {"x.1": {"bits": 8}}}
