"""Writes spiking networks as NIR files; what NIR cannot say is refused with the reason, all of it at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nc.compiler.frontends.nir import delay_loops
from nc.compiler.frontends.nir_nodes import NODES
from nc.ir.diagnostics import Collector, ToolMissing, Where, fail
from nc.ir.spiking.connect import Chain, Connectivity, Conv2d, Dense, Scale, Sparse, SumPool2d
from nc.ir.spiking.models import MODELS
from nc.ir.spiking.network import Network, Population, Projection

TYPES = {spec.model: kind for kind, spec in NODES.items() if spec.model}


def write(network: Network, path: Path | str) -> None:
    """Raises NC908 with everything that would be lost. dt and the integrator are lost by NIR's design."""
    try:
        import nir
    except ImportError:
        fail("NC990", "nir must be installed to write NIR files", help="pip install nir", kind=ToolMissing)
    check(network)
    recurrent = _implied(network)
    nodes: dict[str, Any] = {p.name: _node(nir, network, p) for p in network.populations}
    edges: list[tuple[str, str]] = []
    for q in network.projections:
        edges += _projection(nir, network, q, q.delay - recurrent.get(q.name, 0), nodes)
    for name in network.outputs:
        shape = np.array(network.by_name[name].shape)
        port = f"output_{name}" if len(network.outputs) > 1 else "output"
        nodes[port] = nir.Output(shape)
        edges.append((name, port))
    nir.write(str(path), nir.NIRGraph(nodes, edges, type_check=False))


def check(network: Network) -> None:
    """Raise NC908 with everything that NIR has no word for."""
    found = Collector()
    for p in network.populations:
        _check(p, found)
    for q in network.projections:
        if isinstance(q.connectivity, Sparse) and q.connectivity.delay.any():
            found.error("NC908", "delays must be one a signal in NIR, not one a synapse", where=Where(node=q.name))
    found.raise_if_any()


def _check(p: Population, found: Collector) -> None:
    lost = (
        (p.model not in TYPES and p.model != "input", f"neuron model must be one of NIR's, not {p.model}"),
        (p.reset == "subtract", "reset must be to a value in NIR, not by subtraction"),
        (p.reset == "none" and MODELS[p.model].fires and MODELS[p.model].membrane, "a spike must reset in NIR"),
        (p.refractory > 0, "there must be no refractory time in NIR"),
        (p.rectify > 0, "there must be no membrane rectifier in NIR"),
        (p.spike_delay > 0, "there must be no spike delay in NIR"),
        (p.compare == ">=" and MODELS[p.model].fires, "thresholds must be strict in NIR"),
        ("v_init" in p.parameters and bool(p.value("v_init").any()), "membranes must start at 0 in NIR"),
    )
    for is_lost, message in lost:
        if is_lost:
            found.error("NC908", message, where=Where(node=p.name))


def _implied(network: Network) -> dict[str, int]:
    """Delays that a reader of the file adds by itself: one tick where a loop closes."""
    bare = [Projection(q.name, q.source, q.target, q.connectivity) for q in network.projections]
    added = delay_loops([p.name for p in network.populations], bare)
    return {q.name: q.delay for q, own in zip(added, network.projections) if own.delay}


def _node(nir: Any, network: Network, p: Population) -> Any:
    if p.model == "input":
        return nir.Input(np.array(p.shape))
    kind = TYPES[p.model]
    spec = NODES[kind]
    names = {k: "v_threshold" if k == "threshold" else k for k in (*spec.required, *spec.optional)}
    return getattr(nir, kind)(**{k: p.value(v).reshape(p.shape).copy() for k, v in names.items()})


def _projection(nir: Any, network: Network, q: Projection, delay: int, nodes: dict[str, Any]) -> list[tuple[str, str]]:
    """Nodes of the maps on the way, and the edges through them."""
    stages = q.connectivity.stages if isinstance(q.connectivity, Chain) else (q.connectivity,)
    made: list[Any] = []
    shape = network.by_name[q.source].shape
    if delay:
        made.append(nir.Delay(np.full(shape, delay * network.dt)))
    for k, stage in enumerate(stages):
        bias = q.bias if k == len(stages) - 1 else None
        if isinstance(stage, Dense | Sparse) and len(shape) > 1:
            made.append(nir.Flatten({"input": np.array(shape)}, 0, -1))
        new, shape = _STAGES[type(stage)](nir, stage, bias, shape)
        made += new
    path = [q.source]
    for k, node in enumerate(made):
        name = q.name if len(made) == 1 else f"{q.name}_{k}"
        nodes[name] = node
        path.append(name)
    path.append(q.target)
    return list(zip(path, path[1:]))


def _dense(nir: Any, stage: Connectivity, bias: Any, shape: Any) -> Any:
    weight = np.zeros((stage.out_size, stage.in_size))
    s = stage.synapses
    weight[s.post, s.pre] = s.weight
    return [nir.Linear(weight) if bias is None else nir.Affine(weight, bias)], (stage.out_size,)


def _scale(nir: Any, stage: Scale, bias: Any, shape: Any) -> Any:
    if bias is not None:
        return [nir.Flatten({"input": np.array(shape)}, 0, -1), nir.Affine(np.diag(stage.weight), bias)], (bias.size,)
    return [nir.Scale(np.asarray(stage.weight, np.float64).reshape(shape))], shape


def _conv(nir: Any, stage: Conv2d, bias: Any, shape: Any) -> Any:
    channels, high, wide = stage.output_shape
    values = np.zeros(channels) if bias is None else bias.reshape(channels, -1)
    if bias is not None and (values != values[:, :1]).any():
        fail("NC908", "biases of a convolution must be one a channel in NIR")
    top, left, bottom, right = stage.padding
    if (top, left) != (bottom, right):
        fail("NC908", f"padding must be the same on both sides in NIR, not {stage.padding}")
    node = nir.Conv2d(
        stage.input_shape[1:], stage.weight, stage.stride, (top, left), stage.dilation, stage.groups,
        values if bias is None else values[:, 0].copy(),
    )  # fmt: skip
    return [node], (channels, high, wide)


def _pool(nir: Any, stage: SumPool2d, bias: Any, shape: Any) -> Any:
    if bias is not None:
        fail("NC908", "a pool must not have a bias in NIR")
    padding = np.array(stage.padding[:2])
    return [nir.SumPool2d(np.array(stage.kernel), np.array(stage.stride), padding)], stage.output_shape


_STAGES: dict[type[Connectivity], Callable[..., Any]] = {
    Dense: _dense,
    Sparse: _dense,
    Scale: _scale,
    Conv2d: _conv,
    SumPool2d: _pool,
}
