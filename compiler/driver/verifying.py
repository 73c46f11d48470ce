"""verify: the chain of equivalences from the float model to what the target emits, each link with its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from nc.backends.backend import Link
from nc.compiler.driver.float_links import SAMPLES, float_links
from nc.compiler.driver.forms import stage_of
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.simulating import GOLDEN, simulate
from nc.ir.diagnostics import ToolMissing
from nc.ir.graph import Graph


@dataclass(frozen=True)
class Verification:
    """`ok`: no link is 'different'. A measured link is an approximation and says how good; a skipped one says why."""

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
    links = [*float_links(opened), *_stage_link(opened), *_simulation_link(opened)]
    links += opened.backend.links(opened.build.folder, opened.staged, opened.settings.options)
    result = Verification(links)
    opened.build.report("verify", result.to_json())
    return result


def _stage_link(opened: Opened) -> list[Link]:
    if opened.staged is opened.integer or not isinstance(opened.integer, Graph):
        return []
    inputs = opened.form.draw(opened.integer, SAMPLES, opened.settings)
    wanted, found = opened.form.run(opened.integer, inputs), opened.form.run(opened.staged, inputs)
    count = sum(int((wanted[k] != found[k]).reshape(SAMPLES, -1).any(axis=1).sum()) for k in wanted)
    stage = stage_of(opened.backend, opened.integer, opened.settings.options)
    name = f"integer graph ≡ {stage} graph"
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
        detail += f", latency {result.latency_cycles} cycles, II {result.ii_cycles:g}"
    verdict = "equal" if result.ok else "different"
    return [Link(f"integer graph ≡ hardware in {result.engine}", verdict, detail)]
