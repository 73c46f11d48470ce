"""Fine-tuning with surrogate gradients: weights learn in float while the forward pass sees them rounded (torch extra).

A spike is a step whose derivative is replaced by that of a fast sigmoid (Zenke and Ganguli 2018; Neftci et al. 2019);
rounding to the core's weight grid passes gradients straight through (Bengio et al. 2013). Dense and sparse
projections learn, convolutions and pools keep their weights: their synapses share parameters that a projection of
synapses cannot tie.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nc.compiler.spiking.fold import Coefficients, coefficients
from nc.compiler.spiking.quantise import Precision, quantise
from nc.ir.diagnostics import Collector, ToolMissing, Where, fail
from nc.ir.spiking.connect import Connectivity, Dense, IntArray, Sparse
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.models import MODELS
from nc.ir.spiking.network import FloatArray, Network, Population, Projection
from nc.ir.spiking.reference import sum_biases


@dataclass(frozen=True)
class Training:
    """Full-batch Adam; `slope`: steepness of the surrogate, in thresholds."""

    epochs: int = 40
    learning_rate: float = 1e-2
    slope: float = 2.0
    seed: int = 0


def finetune(
    network: Network, precision: Precision, x: FloatArray, y: IntArray, training: Training = Training()
) -> Network:
    """The network with weights tuned for `precision`; the epoch with the lowest loss is kept.

    x: (N, T, inputs) and y: (N,) classes, decided by the largest count of output spikes (or sum of membranes).
    Raises NC931 for refractory times, delays of synapses and values between neurons, which are not trained here.
    """
    try:
        import torch
    except ImportError:
        fail("NC990", "torch must be installed to fine-tune", help="pip install torch", kind=ToolMissing)
    _check(network)
    torch.manual_seed(training.seed)
    model = _Model(torch, network, quantise(network, precision, x), training.slope)
    optimiser = torch.optim.Adam(list(model.learned.values()), lr=training.learning_rate)
    data, labels = torch.tensor(np.asarray(x), dtype=torch.float32), torch.tensor(np.asarray(y), dtype=torch.long)
    best, kept = np.inf, {}
    for _ in range(training.epochs):
        scores = model.run(data)
        loss = torch.nn.functional.cross_entropy(scores / scores.detach().std().clamp_min(1e-6) * 2, labels)
        if loss.item() < best:
            best, kept = loss.item(), {n: model.rounded(n).detach().numpy().astype(np.float64) for n in model.learned}
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return replace(
        network,
        projections=tuple(
            replace(q, connectivity=_with(q.connectivity, kept[q.name] * model.unit[q.name])) if q.name in kept else q
            for q in network.projections
        ),
    )


def _check(network: Network) -> None:
    found = Collector()
    for p in network.populations:
        if p.refractory or p.spike_delay or p.rectify or p.model == "delta":
            found.error("NC931", "refractory times, spike delays, rectifiers and delta encoders are not fine-tuned",
                        where=Where(node=p.name))  # fmt: skip
    for q in network.projections:
        if q.connectivity.synapses.delay.any():
            found.error("NC931", "delays of synapses are not fine-tuned", where=Where(node=q.name))
    found.raise_if_any()


class _Model:
    """The network in torch, its weights rounded to the grid of `fixed`. `learned`: weights in units of `unit`."""

    def __init__(self, torch: Any, network: Network, fixed: FixedNetwork, slope: float):
        self.torch, self.network = torch, network
        self.spike = _surrogate(torch, slope)
        self.folded = {p.name: self._tensors(network, p) for p in network.order if p.model != "input"}
        self.learned: dict[str, Any] = {}
        self.unit: dict[str, float] = {}
        self.step: dict[str, Any] = {}
        self.limit: dict[str, float] = {}
        self.frozen: dict[str, Any] = {}
        self.at: dict[str, Any] = {}
        for q, made in zip(network.projections, fixed.projections):
            s = q.connectivity.synapses
            if not isinstance(q.connectivity, Dense | Sparse):
                (operator,) = q.connectivity.operators.values()
                self.frozen[q.name] = torch.tensor(operator.toarray(), dtype=torch.float32)
                continue
            gain = coefficients(network, network.by_name[q.target]).gain[s.post]
            # Weights learn at a scale of one, whatever their unit is.
            self.unit[q.name] = unit = max(float(np.abs(s.weight).std()), 1e-9)
            grid = fixed.by_name[q.target].scale * 2.0**made.shift / np.maximum(np.abs(gain), 1e-30) / unit
            self.step[q.name] = torch.tensor(grid, dtype=torch.float32)
            self.limit[q.name] = float((1 << (made.bits - 1)) - 1)
            self.at[q.name] = (torch.tensor(s.post), torch.tensor(s.pre))
            self.learned[q.name] = torch.tensor(s.weight / unit, dtype=torch.float32, requires_grad=True)

    def _tensors(self, network: Network, p: Population) -> dict[str, Any]:
        c: Coefficients = coefficients(network, p)
        bias = sum_biases([q for q in network.projections if q.target == p.name]) * c.gain
        held = {"decay_mem": c.decay_mem, "decay_syn": c.decay_syn, "gain": c.gain, "constant": c.constant, "in": bias}
        for name in ("v_threshold", "v_reset", "v_init"):
            held[name] = p.value(name) if name in MODELS[p.model].parameters else np.zeros(p.size)
        if MODELS[p.model].fires:
            held["reset_by"] = p.reset_by
        return {k: self.torch.tensor(np.asarray(v), dtype=self.torch.float32) for k, v in held.items()}

    def matrix(self, q: Projection) -> Any:
        """(out, in), the forward value on the grid, the gradient that of the weights."""
        if q.name in self.frozen:
            return self.frozen[q.name]
        free = self.learned[q.name]
        seen = free + (self.rounded(q.name) - free).detach()
        zeros = self.torch.zeros((q.connectivity.out_size, q.connectivity.in_size))
        return zeros.index_put(self.at[q.name], seen * self.unit[q.name])

    def rounded(self, name: str) -> Any:
        step, limit = self.step[name], self.limit[name]
        return (self.learned[name] / step).round().clamp(-limit, limit) * step

    def run(self, x: Any) -> Any:
        """Scores (N, classes): spikes (or membranes) of the outputs summed over the ticks."""
        torch, network = self.torch, self.network
        matrices = {q.name: self.matrix(q) for q in network.projections}
        count, ticks = x.shape[0], x.shape[1]
        emitted: dict[str, list[Any]] = {p.name: [] for p in network.populations}
        state = {n: (f["v_init"].expand(count, -1), torch.zeros(count, len(f["gain"]))) for n, f in self.folded.items()}
        for t in range(ticks):
            start = 0
            for p in network.inputs:
                emitted[p.name].append(x[:, t, start : start + p.size])
                start += p.size
            for p in (p for p in network.order if p.model != "input"):
                f = self.folded[p.name]
                total = f["in"].expand(count, -1)
                for q in (q for q in network.projections if q.target == p.name and t >= q.delay):
                    total = total + emitted[q.source][t - q.delay] @ matrices[q.name].T * f["gain"]
                out, state[p.name] = self.update(p, f, total, *state[p.name])
                emitted[p.name].append(out)
        return torch.cat([torch.stack(emitted[n]).sum(dim=0) for n in network.outputs], dim=1)

    def update(self, p: Population, f: dict[str, Any], total: Any, v: Any, i: Any) -> tuple[Any, tuple[Any, Any]]:
        model = MODELS[p.model]
        if not model.membrane:
            return (self.spike(total - f["v_threshold"]) if model.fires else total), (v, i)
        drive = total
        if model.current:
            old, i = i, i * f["decay_syn"] + total
            drive = i if self.network.update_order == "current_before_voltage" else old
        v = v * f["decay_mem"] + drive + f["constant"]
        if not model.fires:
            return v, (v, i)
        fired = self.spike((v - f["v_threshold"]) / f["v_threshold"].abs().clamp_min(1e-9))
        if p.reset == "subtract":
            v = v - fired * f["reset_by"]
        elif p.reset == "to_value":
            v = v * (1 - fired) + fired * f["v_reset"]
        return fired, (v, i)


def _surrogate(torch: Any, slope: float) -> Any:
    class Spike(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, v: Any) -> Any:
            ctx.save_for_backward(v)
            return (v > 0).to(v.dtype)

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            (v,) = ctx.saved_tensors
            return gradient / (1 + slope * v.abs()) ** 2

    return Spike.apply


def _with(connectivity: Connectivity, weight: FloatArray) -> Connectivity:
    s = connectivity.synapses
    if isinstance(connectivity, Dense):
        dense = np.zeros((connectivity.out_size, connectivity.in_size))
        dense[s.post, s.pre] = weight
        return Dense(dense)
    return Sparse(connectivity.in_size, connectivity.out_size, s.pre, s.post, weight, s.delay)
