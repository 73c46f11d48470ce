"""verify: the chain of equivalences from the float model to what the target emits, each link with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nc.backends.backend import Link
from nc.compiler.driver.converted_form import Converted
from nc.compiler.driver.forms import Array
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.simulating import GOLDEN, simulate
from nc.compiler.driver.tensor_form import TENSOR
from nc.compiler.ports import real_of
from nc.ir.diagnostics import ToolMissing
from nc.ir.graph import Graph
from nc.ir.ops.argmax import ArgMax

SAMPLES = 1000
_CLOSE = 1e-9  # float64 evaluation of the float graph against exact integers, relative to the largest output


@dataclass(frozen=True)
class Verification:
    """`ok`: no link is 'different'. A skipped link says why."""

    links: Sequence[Link]

    @property
    def ok(self) -> bool:
        return all(link.verdict != "different" for link in self.links)

    def to_json(self) -> dict[str, object]:
        """The fields of `nc verify --json`."""
        return {"links": [asdict(link) for link in self.links], "ok": self.ok}


def verify(build: Path | str | Opened) -> Verification:
    """Check every link that applies to the build's target. Written to reports/verify.json."""
    opened = build if isinstance(build, Opened) else Opened.of(build)
    inputs = opened.form.draw(opened.integer, SAMPLES, opened.settings)
    links = [_float_link(opened), *_stage_link(opened, inputs), *_simulation_link(opened)]
    links += opened.backend.links(opened.build.folder, opened.staged, opened.settings.options)
    result = Verification(links)
    opened.build.report("verify", result.to_json())
    return result


def _float_link(opened: Opened) -> Link:
    """The model's own quantised arithmetic, evaluated in float64, against the integers. Not for float models, whose
    quantisation is an approximation that `nc eval` measures."""
    name = "float64 evaluation ≡ integer graph"
    real, integer = opened.real, opened.integer
    if isinstance(integer, Converted):
        integer = integer.graph  # what the spiking network was made from; how well it follows is what nc eval measures
    if real is None:
        return Link(name, "skipped", "compiled with --no-float")
    if not (
        isinstance(real, Graph)
        and isinstance(integer, Graph)
        and any(node.op.name == "quantize" for node in real.nodes)
    ):
        return Link(name, "skipped", "the model was quantised here: nc eval measures how well it agrees")
    inputs = TENSOR.draw(integer, SAMPLES, opened.settings)
    wanted = TENSOR.run(real, TENSOR.to_real(integer, inputs))
    found = TENSOR.run(integer, inputs)
    worst, count = 0.0, 0
    for (label, value), expected in zip(integer.outputs.items(), wanted.values()):
        if integer.nodes[value].op.name == ArgMax.name and expected.shape != found[label].shape:
            decided = expected.reshape(len(expected), -1).argmax(axis=1)
            count += int((decided != found[label].reshape(len(expected), -1)[:, 0]).sum())
            continue
        error = np.abs(real_of(found[label], integer.type(value)) - expected)
        span = max(float(np.abs(expected).max()), 1e-300)
        worst = max(worst, float(error.max()) / span)
        count += int((error > _CLOSE * span).reshape(len(error), -1).any(axis=1).sum())
    if count:
        return Link(name, "different", f"{count} of {SAMPLES} random inputs differ, by up to {worst:.3g} of the range")
    return Link(name, "equal", f"{SAMPLES} random inputs, largest relative difference {worst:.2g}")


def _stage_link(opened: Opened, inputs: Mapping[str, Array]) -> list[Link]:
    if opened.staged is opened.integer or not isinstance(opened.integer, Graph):
        return []
    wanted, found = opened.form.run(opened.integer, inputs), opened.form.run(opened.staged, inputs)
    count = sum(int((wanted[k] != found[k]).reshape(SAMPLES, -1).any(axis=1).sum()) for k in wanted)
    name = f"integer graph ≡ {opened.backend.stage} graph"
    return [Link(name, "different" if count else "equal", f"{SAMPLES} random inputs, {count} differ")]


def _simulation_link(opened: Opened) -> list[Link]:
    engines = [e for e in opened.backend.engines if e != GOLDEN]
    if not engines:
        return []
    try:
        result = simulate(opened)
    except ToolMissing as error:
        return [Link(f"integer graph ≡ hardware in {engines[0]}", "skipped", error.diagnostics[0].message)]
    detail = f"{result.vectors} random vectors, {result.mismatches} mismatches"
    if result.latency_cycles is not None:
        detail += f", latency {result.latency_cycles} cycles, II {result.ii_cycles}"
    verdict = "equal" if result.ok else "different"
    return [Link(f"integer graph ≡ hardware in {result.engine}", verdict, detail)]
