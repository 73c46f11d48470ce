"""Float spiking network to exact integers: gains folded, scales chosen, everything rounded once, here.

The state's unit is a power of two chosen for each population from the largest |v| and |i| seen on calibration data
(or given); weights of a projection share a shift, so that they keep `weight_bits` significant bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, floor, log2
from typing import Any

import numpy as np

from nc.compiler.spiking.fold import Coefficients, coefficients
from nc.ir.diagnostics import Where, fail
from nc.ir.spiking import reference
from nc.ir.spiking.connect import Connectivity, Dense, IntArray, Sparse
from nc.ir.spiking.fixed import FixedNetwork, FixedPopulation, FixedProjection
from nc.ir.spiking.models import MODELS
from nc.ir.spiking.network import FloatArray, Network, Population, Projection


@dataclass(frozen=True)
class Precision:
    """Widths in bits. `fraction`: fraction bits by population, where they are not to be chosen.

    `headroom`: without calibration, the state holds 2**headroom times the largest threshold. `input_bits` and
    `input_signed` describe the values that arrive from outside (1 bit: spikes).
    """

    state_bits: int = 28
    decay_bits: int = 16
    weight_bits: int = 16
    input_bits: int = 1
    input_signed: bool = False
    rounding: str = "nearest"
    overflow: str = "saturate"
    headroom: int = 9
    fraction: Mapping[str, int] = field(default_factory=dict)


def quantise(network: Network, precision: Precision, calibration: FloatArray | None = None) -> FixedNetwork:
    """The fixed-point network. calibration: sequences (N, T, inputs) that set the ranges; None uses `headroom`."""
    peaks = reference.run(network, calibration).peak if calibration is not None else {}
    populations = []
    units: dict[str, float] = {}
    folded: dict[str, Coefficients] = {}
    for p in network.populations:
        folded[p.name] = coefficients(network, p)
        fraction = _fraction_bits(network, p, precision, folded[p.name], peaks.get(p.name))
        units[p.name] = 2.0**-fraction
        incoming = [q for q in network.projections if q.target == p.name]
        populations.append(_population(p, precision, folded[p.name], fraction, reference.sum_biases(incoming)))
    emitted = {p.name: _emitted_unit(p, units[p.name]) for p in network.populations}
    projections = tuple(
        _projection(network, q, precision, folded[q.target].gain / units[q.target], emitted[q.source])
        for q in network.projections
    )
    fixed = FixedNetwork(
        network.name,
        network.dt,
        tuple(populations),
        projections,
        network.outputs,
        network.semantics,
        network.update_order,
    )
    fixed.verify()
    return fixed


def _emitted_unit(p: Population, unit: float) -> float:
    """What one integer of the population's output is worth: spikes and counts 1, states their unit."""
    return unit if not MODELS[p.model].fires and p.model not in ("input", "delta") else 1.0


def _fraction_bits(
    network: Network, p: Population, precision: Precision, c: Coefficients, peak: tuple[float, float] | None
) -> int:
    if p.name in precision.fraction:
        return precision.fraction[p.name]
    if p.model == "input":
        return 0
    thresholds = np.abs(p.value("v_threshold")) if "v_threshold" in MODELS[p.model].parameters else np.ones(1)
    if peak is None:
        largest = float(thresholds.max()) * 2.0**precision.headroom
    else:
        largest = max(peak[0], peak[1] * float(np.abs(c.current_gain).max()), float(thresholds.max())) * 1.25
    if p.model in ("linear", "threshold"):
        largest = max(largest, _largest_sum(network, p, precision))
    if peak is None and MODELS[p.model].membrane and not MODELS[p.model].fires:
        # A read-out holds what it is fed: for ever without a leak, for which 64 ticks are reckoned.
        kept = np.minimum(1 / np.maximum(1 - c.decay_mem, 1e-9), 64.0)
        largest = max(largest, _largest_sum(network, p, precision) * float((np.abs(c.gain) * kept).max()))
    return precision.state_bits - 1 - ceil(log2(max(largest, 2.0**-30)))


def _largest_sum(network: Network, p: Population, precision: Precision) -> float:
    total = np.zeros(p.size)
    for q in (q for q in network.projections if q.target == p.name):
        np.add.at(total, q.connectivity.synapses.post, np.abs(q.connectivity.synapses.weight))
        total += np.abs(q.bias) if q.bias is not None else 0.0
    return float(total.max(initial=1.0)) * (2.0**precision.input_bits - 1)


def _population(
    p: Population, precision: Precision, c: Coefficients, fraction: int, bias: FloatArray | float
) -> FixedPopulation:
    if p.model == "input":
        return FixedPopulation(p.name, "input", p.shape, precision.input_bits, signed=precision.input_signed)
    model = MODELS[p.model]
    unit = 2.0**-fraction
    one = 1 << precision.decay_bits
    arrays: dict[str, IntArray] = {
        "decay_syn": np.rint(c.decay_syn * one),
        "decay_mem": np.rint(c.decay_mem * one),
        "bias_in": np.broadcast_to(np.rint(bias * c.gain / unit), (p.size,)),
        "bias": np.rint(c.constant / unit),
    }
    if "v_threshold" in model.parameters:
        level = p.value("v_threshold") / unit
        # v > θ on integers is v >= floor(θ) + 1; v >= θ is v >= ceil(θ).
        arrays["threshold"] = np.floor(level) + 1 if p.compare == ">" else np.ceil(level)
        if p.model == "delta":
            arrays["threshold"] = np.maximum(np.rint(level), 1)
    if "v_init" in model.parameters:
        arrays["v_init"] = np.rint(p.value("v_init") / unit)
    if model.fires and model.membrane:
        arrays["reset_to"] = np.rint(p.value("v_reset") / unit)
        arrays["reset_by"] = np.rint(p.reset_by / unit)
    kind = {"linear": "linear", "delta": "delta"}.get(p.model, "neuron")
    made = FixedPopulation(
        p.name,
        kind,
        p.shape,
        precision.state_bits,
        {name: np.ascontiguousarray(a, np.int64) for name, a in arrays.items()},
        has_current=model.current,
        fires=model.fires,
        reset=p.reset if model.fires and model.membrane else "none",
        refractory=p.refractory,
        spike_delay=p.spike_delay,
        rectify=p.rectify,
        decay_bits=precision.decay_bits,
        rounding=precision.rounding,
        overflow=precision.overflow,
        scale=unit,
    )
    _check_threshold(made, fraction)
    return made


def _check_threshold(p: FixedPopulation, fraction: int) -> None:
    threshold = p.array("threshold")
    if p.fires and p.kind == "neuron" and (threshold > p.high).any():
        fail(
            "NC920",
            f"threshold must fit the state of {p.state_bits} bits, not be {int(threshold.max())}",
            where=Where(node=p.name),
            help=f"give it fewer fraction bits than {fraction}",
        )


def _projection(
    network: Network, q: Projection, precision: Precision, gain: FloatArray, source_unit: float
) -> FixedProjection:
    """Weights in units of the target's state, as integers of `weight_bits` after a shared right shift."""
    found = q.connectivity.synapses
    exact = np.asarray(found.weight, np.float64) * gain[found.post] * source_unit
    shift, weight = round_weights(exact, precision.weight_bits)
    keep = weight != 0
    connectivity: Connectivity
    if isinstance(q.connectivity, Dense):
        dense = np.zeros((q.connectivity.out_size, q.connectivity.in_size), np.int64)
        dense[found.post, found.pre] = weight
        connectivity = Dense(dense)
    else:
        connectivity = Sparse(
            q.connectivity.in_size,
            q.connectivity.out_size,
            found.pre[keep],
            found.post[keep],
            weight[keep],
            found.delay[keep],
        )
    return FixedProjection(q.name, q.source, q.target, connectivity, precision.weight_bits, shift, q.delay)


def round_weights(exact: FloatArray, bits: int) -> tuple[int, IntArray]:
    """(shift, w): the least shift >= 0 for which w = rint(exact / 2**shift) fits `bits` signed bits."""
    largest = float(np.abs(exact).max(initial=0.0))
    limit = (1 << (bits - 1)) - 1
    shift = max(0, floor(log2(largest / limit))) if largest > limit else 0
    while np.rint(largest / 2.0**shift) > limit:
        shift += 1
    return shift, np.rint(exact / 2.0**shift).astype(np.int64)


def with_widths(network: FixedNetwork, **changes: Any) -> FixedNetwork:
    """The same integers under other population attributes (a narrower state, wrapping instead of saturating, ...)."""
    changed = tuple(p if p.kind == "input" else replace(p, **changes) for p in network.populations)
    made = replace(network, populations=changed)
    made.verify()
    return made
