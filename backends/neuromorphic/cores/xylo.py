"""Xylo (SynSense, audio 2): one hidden recurrent layer and a read-out of current-based neurons in 16-bit saturating
integers, with bit-shift decays.

One step, exact (checked against `xylosim.v2`; decay(x) = x >> dash, or sign(x) where that is 0):

    I = sat(I + n · (w << shift));  I -= decay(I);  v = sat(v - decay(v) + I + bias)
    while v >= threshold and fewer than the limit have fired: spike, v -= threshold

Hidden spikes reach hidden and read-out neurons at the next step, so a network's outputs appear one step late.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nc.compiler.spiking.fold import coefficients
from nc.compiler.spiking.quantise import round_weights
from nc.ir.diagnostics import Collector, Diagnostic, Where
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.network import FloatArray, Network, Population, Projection

INPUTS, HIDDEN, OUTPUTS = 16, 1000, 8
INPUT_SPIKES, HIDDEN_SPIKES, OUTPUT_SPIKES = 15, 31, 1
STATE = 1 << 15
MAX_DASH, MAX_SHIFT, MAX_FAN_IN = 15, 7, 63


@dataclass(frozen=True)
class XyloProgram:
    """int8 weights `w_in` (in, hidden), `w_rec` (hidden, hidden), `w_out` (hidden, out); the rest per neuron.

    `shift`: left shifts of the three weight groups.
    """

    w_in: IntArray
    w_rec: IntArray
    w_out: IntArray
    shift: tuple[int, int, int]
    threshold: IntArray
    threshold_out: IntArray
    dash_mem: IntArray
    dash_mem_out: IntArray
    dash_syn: IntArray
    dash_syn_out: IntArray
    bias: IntArray
    bias_out: IntArray

    def specification(self) -> dict[str, Any]:
        """The arguments of Rockpool's `XyloSim.from_specification`, JSON types only."""
        return {
            "weights_in": self.w_in.tolist(),
            "weights_rec": self.w_rec.tolist(),
            "weights_out": self.w_out.tolist(),
            "dash_mem": self.dash_mem.tolist(),
            "dash_mem_out": self.dash_mem_out.tolist(),
            "dash_syn": self.dash_syn.tolist(),
            "dash_syn_out": self.dash_syn_out.tolist(),
            "threshold": self.threshold.tolist(),
            "threshold_out": self.threshold_out.tolist(),
            "bias_hidden": self.bias.tolist(),
            "bias_out": self.bias_out.tolist(),
            "weight_shift_in": self.shift[0],
            "weight_shift_rec": self.shift[1],
            "weight_shift_out": self.shift[2],
            "aliases": None,
        }

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.specification(), indent=1) + "\n")

    def check(self) -> list[Diagnostic]:
        """Every limit that is exceeded, at once."""
        found = Collector()
        sizes = (
            ("inputs", self.w_in.shape[0], INPUTS),
            ("hidden neurons", self.w_rec.shape[0], HIDDEN),
            ("outputs", self.w_out.shape[1], OUTPUTS),
        )
        for what, have, limit in sizes:
            if have > limit:
                found.error("NC930", f"{what} of Xylo must be at most {limit}, not {have}")
        fan_in = (self.w_rec != 0).sum(axis=0).max(initial=0)
        if fan_in > MAX_FAN_IN:
            found.warn("NC930", f"recurrent fan-in of the audio 2 chip must be at most {MAX_FAN_IN}, not {fan_in}")
        for name in ("w_in", "w_rec", "w_out"):
            w = getattr(self, name)
            if w.size and (w.min() < -128 or w.max() > 127):
                found.error("NC930", f"weights must fit int8, not reach {np.abs(w).max()}", where=Where(tensor=name))
        if any(not 0 <= s <= MAX_SHIFT for s in self.shift):
            found.error("NC930", f"weight shifts must be 0 to {MAX_SHIFT}, not {self.shift}")
        for name in ("dash_mem", "dash_mem_out", "dash_syn", "dash_syn_out"):
            d = getattr(self, name)
            if d.size and (d.min() < 0 or d.max() > MAX_DASH):
                found.error("NC930", f"decay shifts must be 0 to {MAX_DASH}, not {d.max()}", where=Where(tensor=name))
        for name in ("threshold", "threshold_out", "bias", "bias_out"):
            t: IntArray = getattr(self, name)
            if t.size and np.abs(t).max() >= STATE:
                found.error("NC930", f"values must fit int16, not reach {np.abs(t).max()}", where=Where(tensor=name))
        for name in ("threshold", "threshold_out"):
            if (getattr(self, name) <= 0).any():
                found.error("NC905", "thresholds must be positive", where=Where(tensor=name))
        return found.diagnostics


@dataclass(frozen=True)
class XyloRecord:
    """Spike counts a step (T, n) and membranes after firing (T, n)."""

    hidden: IntArray
    outputs: IntArray
    v_hidden: IntArray
    v_outputs: IntArray


def run(program: XyloProgram, events: IntArray) -> XyloRecord:
    """The golden model. events: (T, inputs) spike counts; more than 15 a step are cut off, as on the chip."""
    hidden = _Layer(program.threshold, program.dash_mem, program.dash_syn, program.bias, HIDDEN_SPIKES)
    out = _Layer(program.threshold_out, program.dash_mem_out, program.dash_syn_out, program.bias_out, OUTPUT_SPIKES)
    into, rec, readout = (w << s for w, s in zip((program.w_in, program.w_rec, program.w_out), program.shift))
    fired = np.zeros(len(program.threshold), np.int64)
    rows: list[tuple[IntArray, ...]] = []
    for counts in np.minimum(events, INPUT_SPIKES):
        read = out.step([(fired, readout)])
        fired = hidden.step([(counts, into), (fired, rec)])
        rows.append((fired, read, hidden.v, out.v))
    return XyloRecord(*(np.array(column) for column in zip(*rows)))


class _Layer:
    def __init__(self, threshold: IntArray, dash_mem: IntArray, dash_syn: IntArray, bias: IntArray, limit: int):
        self.threshold, self.dash_mem, self.dash_syn, self.bias, self.limit = threshold, dash_mem, dash_syn, bias, limit
        self.v: IntArray = np.zeros(len(threshold), np.int64)
        self.i: IntArray = np.zeros(len(threshold), np.int64)

    def step(self, sources: Sequence[tuple[IntArray, IntArray]]) -> IntArray:
        for counts, weights in sources:
            # Saturation after every spike matters: rows are added one at a time, in order of the sources.
            for k in np.flatnonzero(counts):
                for _ in range(int(counts[k])):
                    self.i = _saturate(self.i + weights[k])
        self.i = self.i - _decay(self.i, self.dash_syn)
        self.v = _saturate(self.v - _decay(self.v, self.dash_mem) + self.i + self.bias)
        count: IntArray = np.clip(self.v // self.threshold, 0, self.limit)
        self.v = self.v - count * self.threshold
        return count


def _saturate(value: IntArray) -> IntArray:
    return np.clip(value, -STATE, STATE - 1)


def _decay(value: IntArray, dash: IntArray) -> IntArray:
    shifted = value >> dash
    return np.where(shifted == 0, np.sign(value), shifted)


def lower(network: Network) -> XyloProgram:
    """A program for input -> hidden (-> hidden) -> output of `cuba_lif` neurons.

    Time constants become the nearest bit-shift decays, resets subtract, weights share a shift a group: an
    approximation of the float network, which the golden model then defines. Raises NC931 with every obstacle.
    """
    found = Collector()
    hidden, output = _layers(network, found)
    found.raise_if_any()
    groups = {
        "in": [q for q in network.projections if q.target == hidden.name and q.source != hidden.name],
        "rec": [q for q in network.projections if q.target == hidden.name and q.source == hidden.name],
        "out": [q for q in network.projections if q.target == output.name],
    }
    program = _assemble(network, hidden, output, groups)
    found.extend(program.check())
    found.raise_if_any()
    return program


def _layers(network: Network, found: Collector) -> tuple[Population, Population]:
    neurons = [p for p in network.order if p.model != "input"]
    for p in neurons:
        if p.model != "cuba_lif":
            found.error("NC931", f"Xylo's neurons must be cuba_lif, not {p.model}", where=Where(node=p.name))
        if p.rectify:
            found.error("NC931", "Xylo has no membrane rectifier", where=Where(node=p.name))
        if p.refractory or p.spike_delay:
            found.error("NC931", "Xylo has neither refractory times nor spike delays", where=Where(node=p.name))
    if len(neurons) != 2 or network.outputs != (neurons[-1].name,):
        found.error("NC931", f"Xylo takes one hidden and one output population, not {len(neurons)} populations")
        found.raise_if_any()
    hidden, output = neurons
    legal = {(network.inputs[0].name, hidden.name, 0), (hidden.name, hidden.name, 1), (hidden.name, output.name, 0)}
    for q in network.projections:
        if (q.source, q.target, q.delay) not in legal or q.connectivity.synapses.delay.any():
            found.error("NC931", f"Xylo has no projection {q.source} -> {q.target} with delay {q.delay}",
                        where=Where(node=q.name))  # fmt: skip
    return hidden, output


def _assemble(
    network: Network, hidden: Population, output: Population, groups: dict[str, list[Projection]]
) -> XyloProgram:
    parts: dict[str, Any] = {}
    layers: list[list[IntArray]] = []
    for p, names in ((hidden, ("in", "rec")), (output, ("out",))):
        c = coefficients(network, p)
        dash_syn, dash_mem = (_dash(1 - d) for d in (c.decay_syn, c.decay_mem))
        # A new input is decayed once before it acts, so weights are raised by what that loses.
        gain = c.gain / (1 - 2.0**-dash_syn)
        exact = {n: _matrix(groups[n], p.size, sizes) * gain for n, sizes in _sizes(network, hidden, names)}
        threshold = p.value("v_threshold")
        # The finest unit in which thresholds keep to 14 bits and weights to 8 bits with the largest shift.
        largest = max(float(np.abs(w).max(initial=0.0)) for w in exact.values())
        unit = max(float(threshold.max()) / 2**13, largest / (127 << MAX_SHIFT))
        biases = [np.asarray(q.bias) for n in names for q in groups[n] if q.bias is not None]
        steady = sum(biases, start=np.zeros(p.size)) * c.gain / (1 - c.decay_syn) + c.constant
        held = (np.rint(threshold / unit), dash_mem, dash_syn, np.rint(steady / unit))
        layers.append([np.asarray(a, np.int64) for a in held])
        for n, w in exact.items():
            parts[n] = round_weights(w / unit, 8)
    shift = tuple(parts[n][0] for n in ("in", "rec", "out"))
    (th, dm, ds, b), (th_o, dm_o, ds_o, b_o) = layers
    return XyloProgram(
        parts["in"][1], parts["rec"][1], parts["out"][1], (shift[0], shift[1], shift[2]),
        th, th_o, dm, dm_o, ds, ds_o, b, b_o,
    )  # fmt: skip


def _sizes(network: Network, hidden: Population, names: tuple[str, ...]) -> list[tuple[str, int]]:
    have = {"in": sum(p.size for p in network.inputs), "rec": hidden.size, "out": hidden.size}
    return [(n, have[n]) for n in names]


def _matrix(projections: list[Projection], targets: int, sources: int) -> FloatArray:
    total = np.zeros((sources, targets))
    for q in projections:
        s = q.connectivity.synapses
        np.add.at(total, (s.pre, s.post), s.weight)
    return total


def _dash(leak: FloatArray) -> IntArray:
    """The shift whose decay is nearest in time constant: leak ≈ 2^-dash."""
    dash = np.rint(-np.log2(np.maximum(leak, 2.0**-MAX_DASH)))
    return np.asarray(np.clip(dash, 1, MAX_DASH), np.int64)
