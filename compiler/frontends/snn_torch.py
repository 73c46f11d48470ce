"""Torch modules with snnTorch neurons as spiking networks: a sequence of linear layers and Leaky or Synaptic neurons.

snnTorch steps mem <- beta mem + input (Synaptic: syn <- alpha syn + input; mem <- beta mem + syn) and by default resets
one step late: the next mem loses the whole threshold after its decay, which is an immediate reset by threshold / beta.
A late reset to zero comes before the next input in Leaky, which is an immediate one, and after it in Synaptic, which
is one with a refractory tick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.ir.spiking.connect import Chain, Connectivity, Conv2d, Dense, SumPool2d, identity
from nc.ir.spiking.network import FloatArray, Network, Population, Projection

Shape = tuple[int, ...]
Stage = tuple[list[Connectivity], FloatArray | None, Shape]


def from_modules(modules: Iterable[Any], input_shape: Shape, *, name: str = "snn") -> Network:
    """modules: `nn.Sequential` or a list; input_shape: of one tick, without batch. NC902: an unknown module."""
    populations = [Population("input", "input", tuple(input_shape))]
    projections: list[Projection] = []
    stages: list[Connectivity] = []
    bias: FloatArray | None = None
    shape = tuple(input_shape)
    for k, module in enumerate(modules):
        kind = type(module).__name__
        label = f"{k}"
        if kind in _LAYERS:
            new, added, shape = _LAYERS[kind](module, shape)
            bias = _pushed(bias, new)
            stages += new
            bias = added if bias is None else bias if added is None else bias + added
        elif kind in _NEURONS:
            size = int(np.prod(shape))
            populations.append(_NEURONS[kind](module, label, shape))
            whole = identity(size) if not stages else stages[0] if len(stages) == 1 else Chain(tuple(stages))
            projections.append(Projection(f"{label}.in", populations[-2].name, label, whole, bias))
            stages, bias = [], None
        elif kind not in ("Dropout", "Identity"):
            fail("NC902", f"module must be one of {', '.join([*_LAYERS, *_NEURONS])}, not {kind}",
                 where=Where(node=label))  # fmt: skip
    if stages or len(populations) == 1:
        fail("NC908", "the last module must be a neuron", help="append snntorch.Leaky(..., output=True)")
    network = Network(name, 1.0, tuple(populations), tuple(projections), (populations[-1].name,))
    network.verify()
    return network


def _pushed(bias: FloatArray | None, stages: list[Connectivity]) -> FloatArray | None:
    """A constant through further linear maps."""
    for stage in stages if bias is not None else []:
        bias = np.asarray(sum(op @ bias for op in stage.operators.values()))
    return bias


def _array(tensor: Any) -> FloatArray:
    return np.asarray(tensor.detach().cpu().numpy(), np.float64)


def _linear(module: Any, shape: Shape) -> Stage:
    bias = None if module.bias is None else _array(module.bias)
    return [Dense(_array(module.weight))], bias, (module.out_features,)


def _conv(module: Any, shape: Shape) -> Stage:
    if module.padding_mode != "zeros" or isinstance(module.padding, str):
        fail("NC902", "padding of a convolution must be numbers of zeros")
    high, wide = module.padding
    conv = Conv2d(
        _array(module.weight), (shape[0], shape[1], shape[2]), module.stride, (high, wide, high, wide),
        module.dilation, module.groups,
    )  # fmt: skip
    bias = None if module.bias is None else np.repeat(_array(module.bias), int(np.prod(conv.output_shape[1:])))
    return [conv], bias, conv.output_shape


def _average(module: Any, shape: Shape) -> Stage:
    kernel, stride = (_pair(v) for v in (module.kernel_size, module.stride))
    high, wide = _pair(module.padding)
    pool = SumPool2d((shape[0], shape[1], shape[2]), kernel, stride, (high, wide, high, wide))
    weight = np.full((shape[0], 1, *kernel), 1.0 / np.prod(kernel))
    return [Conv2d(weight, pool.input_shape, stride, pool.padding, groups=shape[0])], None, pool.output_shape


def _flatten(module: Any, shape: Shape) -> Stage:
    return [], None, (int(np.prod(shape)),)


def _pair(value: Any) -> tuple[int, int]:
    flat = np.broadcast_to(np.ravel(value), (2,))
    return int(flat[0]), int(flat[1])


_LAYERS: dict[str, Callable[[Any, Shape], Stage]] = {
    "Linear": _linear,
    "Conv2d": _conv,
    "AvgPool2d": _average,
    "Flatten": _flatten,
}


def _leaky(module: Any, name: str, shape: Shape) -> Population:
    beta = _decay(module.beta, name)
    tau = 1 / (1 - beta)
    return _neuron(module, name, shape, "lif", {"tau": tau, "r": tau}, beta)


def _synaptic(module: Any, name: str, shape: Shape) -> Population:
    alpha, beta = _decay(module.alpha, name), _decay(module.beta, name)
    tau_syn, tau_mem = 1 / (1 - alpha), 1 / (1 - beta)
    parameters = {"tau_syn": tau_syn, "w_in": tau_syn, "tau_mem": tau_mem, "r": tau_mem}
    return _neuron(module, name, shape, "cuba_lif", parameters, beta)


def _decay(value: Any, name: str) -> FloatArray:
    found = np.clip(_array(value), 0.0, 1.0).reshape(-1)
    if ((found <= 0) | (found >= 1)).any():
        fail("NC905", "decays must lie between 0 and 1, both excluded", where=Where(node=name))
    return found


def _neuron(
    module: Any, name: str, shape: Shape, model: str, parameters: dict[str, FloatArray], beta: FloatArray
) -> Population:
    threshold = _array(module.threshold).reshape(-1)
    parameters = {**parameters, "v_threshold": threshold}
    late = bool(getattr(module, "reset_delay", True))
    mode = module.reset_mechanism
    if mode == "subtract":
        return Population(name, model, shape, {**parameters, "reset_by": threshold / beta if late else threshold},
                          reset="subtract")  # fmt: skip
    if mode == "zero":
        return Population(
            name, model, shape, parameters, reset="to_value", refractory=int(late and model == "cuba_lif")
        )
    return Population(name, model, shape, parameters, reset="none")


_NEURONS: dict[str, Callable[[Any, str, Shape], Population]] = {"Leaky": _leaky, "Synaptic": _synaptic}
