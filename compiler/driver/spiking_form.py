"""Spiking networks as the front door sees them: fixed point by `quantise`, run tick by tick.

A sample is a sequence (ticks, inputs); shorter DATA than `spiking.ticks` is refused, longer is cut. The decision is
the output neuron with the most spikes (the largest sum of states where neurons do not fire), ties to the lowest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nc.compiler.answers import Answer
from nc.compiler.builds.graphs import Names, write_arrays
from nc.compiler.config import Settings
from nc.compiler.data import Dataset
from nc.compiler.data.npy import read_arrays
from nc.compiler.driver.forms import Array, Arrays, Description, Figures, Row
from nc.compiler.progress import Stopwatch
from nc.ir.diagnostics import Where, fail
from nc.ir.spiking import reference, run_fixed
from nc.ir.spiking.fixed import FixedNetwork, FixedPopulation
from nc.ir.spiking.network import Network, Population
from nc.ir.spiking.text import dumps, loads

_LIMIT = 4 << 30
OBSERVED = 256
"""Sequences of the calibration data on which rates and saturation are looked at."""
INPUT, OUTPUT = "input", "output"
"""The port names of a spiking core."""


class SpikingForm:
    """Satisfies `nc.compiler.driver.forms.Form`."""

    word = "spiking"

    def to_integers(
        self, real: Network | FixedNetwork, settings: Settings, calibration: Dataset | None, watch: Stopwatch
    ) -> FixedNetwork:
        from nc.compiler.spiking.agreement import observed
        from nc.compiler.spiking.quantise import quantise

        if isinstance(real, FixedNetwork):
            return real
        options = spiking_options(settings)
        with watch.stage("quantise"):
            sequences = None if calibration is None else _sequences(real, calibration, settings).astype(np.float64)
            fixed = quantise(real, options.precision(), sequences)
            fixed.verify()
        fixed = fixed.watching_all() if options.observe == "all" else fixed
        with watch.stage("observe"):
            return fixed if sequences is None else observed(fixed, sequences[:OBSERVED])

    def to_stage(self, integer: FixedNetwork, stage: str, watch: Stopwatch) -> FixedNetwork:
        del stage, watch
        return integer

    def write(self, model: Network | FixedNetwork, folder: Path, names: Names) -> None:
        text, arrays = dumps(model)
        (folder / names.text).write_text(text, encoding="utf-8")
        write_arrays(folder / names.arrays, arrays)

    def read(self, folder: Path, names: Names, settings: Settings) -> Network | FixedNetwork:
        arrays = read_arrays(folder / names.arrays, names.arrays, _LIMIT)
        network = loads((folder / names.text).read_text(encoding="utf-8"), arrays, file=names.text)
        network.verify()
        return network

    def bind(self, model: Network | FixedNetwork, data: Dataset, settings: Settings) -> dict[str, Array]:
        return {INPUT: _sequences(model, data, settings)}

    def draw(self, integer: FixedNetwork, count: int, settings: Settings) -> dict[str, Array]:
        """Sequences of every density: spike probability (or amplitude) uniform in 0 … 1 by sequence."""
        rng = np.random.default_rng(settings.common.seed)
        ticks = spiking_options(settings).ticks
        density = rng.random((count, 1, 1))
        parts = []
        for population in integer.inputs:
            active = rng.random((count, ticks, population.size)) < density
            values = rng.integers(population.low, population.high, active.shape, endpoint=True)
            parts.append(np.where(active, values if population.state_bits > 1 else 1, 0))
        return {INPUT: np.concatenate(parts, axis=2).astype(np.int64)}

    def run(self, model: Network | FixedNetwork, inputs: Mapping[str, Array]) -> Arrays:
        return self.watch(model, inputs, ())[0]

    def watch(
        self, model: Network | FixedNetwork, inputs: Mapping[str, Array], layers: Sequence[str]
    ) -> tuple[Arrays, Arrays]:
        """`output`: (N, ticks, n), the populations of the frame side by side; a layer is a population."""
        names = [p.name for p in model.populations]
        frame = frame_of(model)
        record = [*frame, *(layer for layer in layers if layer in names and layer not in frame)]
        kept: Mapping[str, Any]
        if isinstance(model, FixedNetwork):
            kept = run_fixed.run(model, inputs[INPUT], record=record).outputs
        else:
            kept = reference.run(model, inputs[INPUT], record=record).outputs
        outputs = np.concatenate([kept[name] for name in frame], axis=2)
        return {OUTPUT: outputs}, {layer: kept[layer] for layer in layers if layer in kept}

    def decide(
        self, model: Network | FixedNetwork, outputs: Mapping[str, Array], real: Any = None
    ) -> NDArray[np.int64]:
        return self.answers(model, outputs)[0].decided

    def answers(
        self, model: Network | FixedNetwork, outputs: Mapping[str, Array], reference: Any = None, real: Any = None
    ) -> list[Answer]:
        return [chosen(of_outputs(model, outputs[OUTPUT]).sum(axis=1))]

    def reference(self, real: Network | FixedNetwork, settings: Settings) -> Network | FixedNetwork:
        return real

    def evaluated(
        self, model: FixedNetwork, inputs: Mapping[str, Array], outputs: Mapping[str, Array], labels: Array | None
    ) -> dict[str, object]:
        """NeuroBench's metrics on the first sequences."""
        from nc.compiler.spiking.metrics import measure

        del outputs, labels
        return {"metrics": measure(model, inputs[INPUT][:OBSERVED]).to_json()}

    def layers(self, model: Network | FixedNetwork) -> list[str]:
        inputs = {p.name for p in model.inputs}
        return [p.name for p in model.populations if p.name not in inputs]

    def results(self, model: Network | FixedNetwork, outputs: Mapping[str, Array]) -> Arrays:
        """(N, ticks, n) of each output population."""
        frames = of_outputs(model, outputs[OUTPUT])
        ends = np.cumsum([model.by_name[name].size for name in model.outputs])[:-1]
        return dict(zip(model.outputs, np.split(frames, ends, axis=2), strict=True))

    def real(self, model: Network | FixedNetwork, name: str, values: Array, layer: bool = False) -> Array:
        """Spikes as they are; states of neurons that do not fire in units of the float network."""
        del layer
        population = model.by_name[name]
        scale = 1.0 if not isinstance(population, FixedPopulation) or population.fires else population.scale
        return np.asarray(values * scale, np.float64)

    def shapes(self, model: Network | FixedNetwork) -> dict[str, tuple[int, ...]]:
        return {}  # how many ticks of a sequence are taken is an option

    def figures(self, integer: FixedNetwork) -> Figures:
        return Figures(
            ops=len(integer.populations) + len(integer.projections),
            parameters=integer.synapses,
            bits=max((p.state_bits for p in integer.populations), default=0),
        )

    def describe(self, model: Network | FixedNetwork) -> Description:
        populations: Sequence[FixedPopulation | Population] = model.populations
        kinds = [p.kind if isinstance(p, FixedPopulation) else p.model for p in populations]
        rows = [Row(kind, str(list(p.shape)), p.name) for kind, p in zip(kinds, populations)]
        rows += [Row(q.connectivity.kind, f"{q.source} to {q.target}", q.name) for q in model.projections]
        sizes = {p.name: f"{p.size} neurons" for p in model.populations}
        return Description(
            {p.name: sizes[p.name] for p in model.inputs}, {name: sizes[name] for name in model.outputs}, rows
        )


def chosen(activity: Array) -> Answer:
    """The output neuron with the largest of (N, neurons), ties to the lowest; a single neuron decides by its sign."""
    single = activity.shape[1] == 1
    decided = activity[:, 0] > 0 if single else activity.argmax(axis=1)
    return Answer(OUTPUT, np.asarray(decided, np.int64), 2 if single else activity.shape[1])


def frame_of(model: Network | FixedNetwork) -> tuple[str, ...]:
    """The populations of an output frame."""
    return model.frame if isinstance(model, FixedNetwork) else model.outputs


def of_outputs(model: Network | FixedNetwork, frames: Array) -> Array:
    """The part of frames (N, ticks, n) that belongs to the network's outputs."""
    start, found = 0, {}
    for name in frame_of(model):
        found[name] = frames[:, :, start : start + model.by_name[name].size]
        start += model.by_name[name].size
    return np.concatenate([found[name] for name in model.outputs], axis=2)


def spiking_options(settings: Settings) -> Any:
    """The section `spiking` of the target's options (NC406 for targets without one)."""
    section = getattr(settings.options, "spiking", None)
    if section is None:
        fail("NC406", "a spiking network must be compiled for a target that runs spikes", help="--target neuromorphic")
    return section


def _sequences(model: Network | FixedNetwork, data: Dataset, settings: Settings) -> Array:
    """DATA (N, T, inputs), or of as many elements a tick, cut to the ticks of a sequence; whole numbers (NC406)."""
    ticks = spiking_options(settings).ticks
    size = sum(p.size for p in model.inputs)
    if data.x.ndim < 3 or data.x.shape[1] < ticks or data.x[0, 0].size != size:
        fail("NC406", f"a sample must be [{ticks} or more ticks, {size} inputs], not {list(data.x.shape[1:])}",
             where=Where(file=data.name),
             help="--set spiking.ticks=N takes the first N ticks of each sample")  # fmt: skip
    x = data.x[:, :ticks].reshape(len(data), ticks, size)
    if not np.array_equal(x, np.rint(x)):
        fail(
            "NC406",
            "the inputs of a spiking network must be whole numbers (spikes, counts)",
            where=Where(file=data.name),
        )
    return x.astype(np.int64)


SPIKING = SpikingForm()
