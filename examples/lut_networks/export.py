"""Networks of look-up tables in torch, and their export to ONNX with nc's own domain `nc.lut`.

    python examples/lut_networks/export.py            writes lut_network.onnx, compiles it, prints the estimate

`Thermometer`, `Codes`, `LutLayer` and `TableSum` are modules whose tables are buffers, as training leaves them behind;
`truth_tables` tabulates any trained neuron of small fan-in. A network is an `nn.Sequential` of these modules.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

DOMAIN = "nc.lut"


class Thermometer(nn.Module):
    """Bits x >= threshold; `thresholds` (features, levels)."""

    def __init__(self, thresholds: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("thresholds", thresholds.float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x[:, :, None] >= self.thresholds).flatten(1).long()

    def onnx(self) -> tuple[str, list[np.ndarray], dict[str, int]]:
        return "Thermometer", [self.thresholds.numpy()], {}


class Codes(nn.Module):
    """round(x / scale) clamped to 0 .. 2**bits - 1."""

    def __init__(self, scale: float, bits: int) -> None:
        super().__init__()
        self.scale, self.bits = scale, bits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.round(x / self.scale).clamp(0, (1 << self.bits) - 1).long()

    def onnx(self) -> tuple[str, list[np.ndarray], dict[str, int]]:
        return "Codes", [np.array(self.scale, np.float32)], {"bits": self.bits}


class LutLayer(nn.Module):
    """`indices` (neurons, fan_in) into codes of `bits` bits; `tables` (neurons, 2**(bits * fan_in))."""

    def __init__(self, indices: torch.Tensor, tables: torch.Tensor, bits: int = 1) -> None:
        super().__init__()
        self.bits = bits
        self.register_buffer("indices", indices.long())
        self.register_buffer("tables", tables.long())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = self.bits * torch.arange(self.indices.shape[1])
        address = (x[:, self.indices] << places).sum(2)
        return self.tables[torch.arange(len(self.tables)), address]

    def onnx(self) -> tuple[str, list[np.ndarray], dict[str, int]]:
        return "LutLayer", [self.indices.numpy(), self.tables.numpy()], {"bits": self.bits}


class TableSum(nn.Module):
    """Sums of one-dimensional functions, tabulated: `tables` (outputs, inputs, span); `bits` > 0 shifts and clips."""

    def __init__(self, tables: torch.Tensor, shift: int = 0, bits: int = 0) -> None:
        super().__init__()
        self.shift, self.bits = shift, bits
        self.register_buffer("tables", tables.long())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = torch.stack([self.tables[:, i][:, x[:, i]].T for i in range(x.shape[1])]).sum(0)
        return (total >> self.shift).clamp(0, (1 << self.bits) - 1) if self.bits else total

    def onnx(self) -> tuple[str, list[np.ndarray], dict[str, int]]:
        return "TableSum", [self.tables.numpy()], {"shift": self.shift, "bits": self.bits}


def truth_tables(neuron: Callable[[torch.Tensor], torch.Tensor], fan_in: int, bits: int) -> torch.Tensor:
    """(neurons, 2**(bits * fan_in)) from `neuron`: codes (rows, fan_in) -> codes (rows, neurons)."""
    address = torch.arange(1 << bits * fan_in)
    columns = [address >> bits * k & (1 << bits) - 1 for k in range(fan_in)]
    return neuron(torch.stack(columns, 1)).T.long()


def to_onnx(network: nn.Sequential, features: int) -> onnx.ModelProto:
    """The network as an ONNX model with one input `x` (N, features) and one output `y` of integers."""
    nodes, data, name = [], [], "x"
    outputs = int(network(torch.zeros(1, features)).shape[1])
    for i, layer in enumerate(network):
        made: Any = layer
        op, arrays, attributes = made.onnx()
        data += [numpy_helper.from_array(array, f"{op}{i}_{k}") for k, array in enumerate(arrays)]
        operands = [name, *(f"{op}{i}_{k}" for k in range(len(arrays)))]
        name = f"h{i}" if i + 1 < len(network) else "y"
        nodes.append(helper.make_node(op, operands, [name], name=f"{op}{i}", domain=DOMAIN, **attributes))
    graph = helper.make_graph(
        nodes, "lut_network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", features])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, ["N", outputs])], data,
    )  # fmt: skip
    imports = [helper.make_opsetid("", 17), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def weightless(features: int = 8, levels: int = 4, neurons: int = 24, classes: int = 4) -> nn.Sequential:
    """Thermometer, a layer of LUT6, a layer of logic gates, and a count of bits a class, all random."""
    generator = torch.Generator().manual_seed(0)

    def draw(high: int, *shape: int) -> torch.Tensor:
        return torch.randint(0, high, shape, generator=generator)

    thresholds = (torch.arange(1, levels + 1) / (levels + 1)).repeat(features, 1)
    members = torch.arange(neurons) % classes
    counts = torch.zeros(classes, neurons, 2, dtype=torch.long)
    counts[members, torch.arange(neurons), 1] = 1
    return nn.Sequential(
        Thermometer(thresholds),
        LutLayer(draw(features * levels, neurons, 6), draw(2, neurons, 64)),
        LutLayer(draw(neurons, neurons, 2), draw(2, neurons, 4)),
        TableSum(counts),
    )


if __name__ == "__main__":
    import nc.compiler

    target = Path("lut_network.onnx")
    onnx.save(to_onnx(weightless(), 8), target)
    options = {"input": {"x": {"bits": 8, "scale": "1/255"}}, "optimise": {"technology": "lut6"}}
    built = nc.compiler.compile(target, target="fpga", output="lut_network_build", options=options, force=True)
    print(built.estimate)
