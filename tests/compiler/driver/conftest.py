"""A small QONNX network as a file, its data, and a target that needs no tools: enough to test the front door alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from pydantic import BaseModel, ConfigDict

from nc.backends import registry
from nc.backends.backend import Link
from nc.ir.diagnostics import Diagnostic
from nc.ir.graph import Graph


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    limit: int = 1000
    slow: bool = False


class Paper:
    """A target that writes the graph down: everything but hardware."""

    name, summary, stage, Options = "paper", "the graph on paper", "primitive", Options
    engines: Sequence[str] = ()

    def check(self, graph: Graph, options: Options) -> Sequence[Diagnostic]:
        if graph.parameters > options.limit:
            return [Diagnostic("NC430", f"parameters must be at most {options.limit}, not {graph.parameters}")]
        return [Diagnostic("NC430", "paper burns", severity="warning")]

    def lower(self, graph: Graph, options: Options) -> Graph:
        return graph

    def emit(self, design: Graph, folder: Path) -> None:
        (folder / "hdl").mkdir()
        (folder / "hdl" / "paper.txt").write_text(str(design))

    def testbench(self, design: Graph) -> None:
        return None

    def module(self, design: Graph) -> None:
        return None

    def estimate(self, design: Graph) -> Mapping[str, object]:
        return {"lines": str(design).count("\n")}

    def links(self, build: Path, graph: Graph, options: Options) -> Sequence[Link]:
        written = (build / "hdl" / "paper.txt").read_text()
        return [Link("graph ≡ paper", "equal" if written == str(graph) else "different")]

    def synthesise(self, build: Path, graph: Graph, options: Options, request: Any) -> Mapping[str, object]:
        return {}


@pytest.fixture(autouse=True)
def paper(monkeypatch: pytest.MonkeyPatch) -> Paper:
    target = Paper()
    find = registry.find
    monkeypatch.setattr(registry, "find", lambda name: target if name == "paper" else find(name))
    return target


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """x (N, 4) in 4 unsigned bits, 4 → 5 → 3 with 3-bit weights and 4-bit activations."""
    rng = np.random.default_rng(2)
    w1, w2 = rng.integers(-3, 4, (4, 5)), rng.integers(-3, 4, (5, 3))
    consts = {
        "w1": w1 * 0.25, "w2": w2 * 0.5, "b1": rng.integers(-9, 9, 5) * 0.25, "s_x": 1.0, "s_w": 0.25, "s_v": 0.5,
        "s_a": 2.0, "zero": 0.0, "b3": 3.0, "b4": 4.0,
    }  # fmt: skip

    def quant(x: str, scale: str, bits: str, y: str, signed: int) -> onnx.NodeProto:
        return helper.make_node(
            "Quant", [x, scale, "zero", bits], [y], name=f"quant_{y}", domain="qonnx.custom_op.general",
            signed=signed, narrow=0, rounding_mode="ROUND",
        )  # fmt: skip

    nodes = [
        quant("x", "s_x", "b4", "xq", 0),
        quant("w1", "s_w", "b3", "w1q", 1),
        helper.make_node("MatMul", ["xq", "w1q"], ["h"], name="fc1"),
        helper.make_node("Add", ["h", "b1"], ["hb"], name="bias1"),
        helper.make_node("Relu", ["hb"], ["r"], name="relu1"),
        quant("r", "s_a", "b4", "rq", 0),
        quant("w2", "s_v", "b3", "w2q", 1),
        helper.make_node("MatMul", ["rq", "w2q"], ["y"], name="fc2"),
    ]
    graph = helper.make_graph(
        nodes, "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in consts.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
    path = tmp_path / "tiny.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    np.savez(tmp_path / "data.npz", x=rng.integers(0, 16, (50, 4)).astype(np.float32), y=rng.integers(0, 3, 50))
    return tmp_path / "data.npz"
