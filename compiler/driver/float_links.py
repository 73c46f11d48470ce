"""verify's first links: how the model as it was read relates to the truth of the build.

A model that brings its own quantisers is computed exactly: its evaluation in float64 must equal the integers. One that
was quantised here, or turned into spikes, is approximated: how well is a figure, so the verdict is 'measured'.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nc.backends.backend import Link
from nc.compiler.driver.converted_form import Converted
from nc.compiler.driver.forms import Array
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.spiking_form import SPIKING
from nc.compiler.driver.tensor_form import TENSOR
from nc.compiler.passes.pipelines import unquantised
from nc.compiler.passes.quantise.places import find_places
from nc.compiler.passes.strip_heads import StripHeads
from nc.compiler.ports import real_of
from nc.ir.graph import Graph
from nc.ir.ops.argmax import ArgMax

SAMPLES = 1000
SEQUENCES = 50  # of spikes: each is many ticks
_CLOSE = 1e-9  # float64 evaluation of the float graph against exact integers, relative to the largest output
_EXACT = "float64 evaluation ≡ integer graph"


def float_links(opened: Opened) -> list[Link]:
    """From the model as it was read to the truth, one link a step."""
    integer = opened.integer
    if isinstance(integer, Converted):
        return [_tensor(opened, integer.graph), _converted(opened, integer)]
    return [_tensor(opened, integer) if isinstance(integer, Graph) else _spiking(opened)]


def _tensor(opened: Opened, integer: Graph) -> Link:
    real = opened.real
    if real is None:
        return Link(_EXACT, "skipped", "compiled with --no-float")
    inputs = TENSOR.draw(integer, SAMPLES, opened.settings)
    left = StripHeads(opened.settings.common.output).run(real)
    wanted = TENSOR.run(left, TENSOR.to_real(integer, inputs))
    found = TENSOR.run(integer, inputs)
    if _quantised_here(opened, left):
        return _nearly(left, integer, wanted, found)
    return _exactly(integer, wanted, found)


def _quantised_here(opened: Opened, real: Graph) -> bool:
    """Whether compiling put quantisers in: it does where data is given and the model has places without one."""
    if opened.build.manifest.calibration is None:
        return False
    real = unquantised(real, opened.settings.common.output)
    shared = opened.settings.common.quantise.scales == "arbitrary"
    return not find_places(real, frozenset(real.inputs), shared).empty


def _exactly(integer: Graph, wanted: Mapping[str, Array], found: Mapping[str, Array]) -> Link:
    worst, count = 0.0, 0
    for (label, value), expected in zip(integer.outputs.items(), wanted.values(), strict=True):
        if _decides(integer, label) and expected.shape != found[label].shape:
            decided = expected.reshape(SAMPLES, -1).argmax(axis=1)
            count += int((decided != found[label].reshape(SAMPLES, -1)[:, 0]).sum())
            continue
        error = np.abs(real_of(found[label], integer.type(value)) - expected)
        span = max(float(np.abs(expected).max()), 1e-300)
        worst = max(worst, float(error.max()) / span)
        count += int((error > _CLOSE * span).reshape(SAMPLES, -1).any(axis=1).sum())
    if count:
        return Link(
            _EXACT, "different", f"{count} of {SAMPLES} random inputs differ, by up to {worst:.2g} of the range"
        )
    return Link(_EXACT, "equal", f"{SAMPLES} random inputs, largest relative difference {worst:.2g}")


def _nearly(real: Graph, integer: Graph, wanted: Mapping[str, Array], found: Mapping[str, Array]) -> Link:
    agreed = int((TENSOR.decide(real, wanted) == TENSOR.decide(integer, found)).sum())
    detail = f"quantised here: {agreed} of {SAMPLES} random inputs are decided alike"
    errors = [
        np.sqrt(np.mean((real_of(found[label], integer.type(value)) - expected) ** 2)) / max(expected.std(), 1e-300)
        for (label, value), expected in zip(integer.outputs.items(), wanted.values(), strict=True)
        if not _decides(integer, label)
    ]
    if errors and np.isfinite(errors).all():
        detail += f", RMS error {100 * max(errors):.2g} % of the outputs' deviation"
    return Link("float model ≈ integer graph", "measured", f"{detail}; on data: nc eval")


def _decides(graph: Graph, label: str) -> bool:
    return graph.nodes[graph.outputs[label]].op.name == ArgMax.name


def _converted(opened: Opened, integer: Converted) -> Link:
    samples = TENSOR.draw(integer.graph, SEQUENCES, opened.settings)
    shown = opened.form.draw(integer, SEQUENCES, opened.settings)
    return _alike(
        "integer graph ≈ spiking network",
        TENSOR.decide(integer.graph, TENSOR.run(integer.graph, samples)),
        opened.form.decide(integer, opened.form.run(integer, shown)),
        f"{integer.ticks} ticks: ",
    )


def _spiking(opened: Opened) -> Link:
    name = "float network ≈ fixed-point network"
    if opened.real is None:
        return Link(name, "skipped", "compiled with --no-float")
    shown = SPIKING.draw(opened.integer, SEQUENCES, opened.settings)
    decided = [SPIKING.decide(model, SPIKING.run(model, shown)) for model in (opened.real, opened.integer)]
    return _alike(name, decided[0], decided[1], "")


def _alike(name: str, wanted: Any, found: Any, before: str) -> Link:
    agreed = int((wanted == found).sum())
    return Link(name, "measured", f"{before}{agreed} of {SEQUENCES} random inputs are decided alike; on data: nc eval")
