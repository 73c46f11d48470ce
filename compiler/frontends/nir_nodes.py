"""The NIR 1.0 primitives as data: which parameters each has, and what it is to a spiking network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NirNode:
    """`required` and `optional` data sets of the node's group; `model` for neurons; `role` says how it is read."""

    role: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    model: str = ""


_CUBA = ("tau_syn", "tau_mem", "r", "v_leak")

NODES: dict[str, NirNode] = {
    "Input": NirNode("port", ("shape",)),
    "Output": NirNode("port", ("shape",)),
    "NIRGraph": NirNode("graph"),
    "LIF": NirNode("neuron", ("tau", "r", "v_leak", "v_threshold"), ("v_reset",), "lif"),
    "CubaLIF": NirNode("neuron", (*_CUBA, "v_threshold"), ("v_reset", "w_in"), "cuba_lif"),
    "IF": NirNode("neuron", ("r", "v_threshold"), ("v_reset",), "if"),
    "LI": NirNode("neuron", ("tau", "r", "v_leak"), (), "li"),
    "CubaLI": NirNode("neuron", _CUBA, ("w_in",), "cuba_li"),
    "I": NirNode("neuron", ("r",), (), "i"),
    "Threshold": NirNode("neuron", ("threshold",), (), "threshold"),
    "Affine": NirNode("linear", ("weight", "bias")),
    "Linear": NirNode("linear", ("weight",)),
    "Scale": NirNode("linear", ("scale",)),
    "Conv1d": NirNode("linear", ("weight", "stride", "padding", "dilation", "groups", "bias"), ("input_shape",)),
    "Conv2d": NirNode("linear", ("weight", "stride", "padding", "dilation", "groups", "bias"), ("input_shape",)),
    "SumPool2d": NirNode("linear", ("kernel_size", "stride", "padding")),
    "AvgPool2d": NirNode("linear", ("kernel_size", "stride", "padding")),
    "Flatten": NirNode("linear", (), ("input_type", "start_dim", "end_dim")),
    "Delay": NirNode("linear", ("delay",)),
}

IGNORED = ("type", "metadata", "input_type", "output_type")
"""Data sets that no equation needs."""
