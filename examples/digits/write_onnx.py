"""Writes the examples' networks as ONNX: the few nodes they need, in byte-reproducible form."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"


@dataclass
class Writer:
    """Appends nodes one after another; `last` is the newest tensor."""

    name: str
    shape: tuple[int, ...]
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    last: str = "x"

    def constant(self, name: str, data: Any) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(data, np.float32), name))
        return name

    def node(self, kind: str, name: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node that reads `last` and further inputs."""
        out = f"{name}_out"
        self.nodes.append(helper.make_node(kind, [self.last, *inputs], [out], name=name, domain=domain, **attributes))
        self.last = out
        return out

    def side(self, kind: str, name: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node beside the chain (a weight's quantiser); `last` stays."""
        out = f"{name}_out"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], name=name, domain=domain, **attributes))
        return out

    def save(self, path: Path, outputs: int) -> None:
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *self.shape])],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, ["N", outputs])],
            self.weights,
        )
        opsets = [helper.make_opsetid("", 13)]
        if any(n.domain == QONNX for n in self.nodes):
            opsets.append(helper.make_opsetid(QONNX, 1))
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="nc examples")
        path.write_bytes(model.SerializeToString(deterministic=True))
