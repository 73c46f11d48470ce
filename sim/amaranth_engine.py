"""Amaranth's own simulator as an engine: the same stimuli, stalls and rules, and no tool to install."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from amaranth.hdl import Cat, Elaboratable, Fragment, ResetInserter, Signal, Value
from amaranth.sim import Simulator

from nc.ir.diagnostics import fail
from nc.ir.stream import StreamSpec, unpack
from nc.sim.engine import SimulationRequest, SimulationResult
from nc.sim.tb.protocol import Flow, Patience
from nc.sim.tb.verdict import complete, first_layer, from_words, judge, tensors_of, words_of

STALL_FREE = 64
Watch = Callable[[Any], bool] | None  # called after each edge of a phase; True ends the phase


def run(request: SimulationRequest) -> SimulationResult:
    """Simulate `request.module`. Raises NcError (NC513) when there is no module or it lacks a port."""
    if request.module is None:
        fail("NC513", "the amaranth engine needs the Amaranth module of the design, and there is none",
             help="use --engine verilator, which takes the build's Verilog")  # fmt: skip
    spec = request.spec
    words = words_of(request.inputs, spec.inputs, spec.s_width)
    wanted = words_of(request.expected, spec.outputs, spec.m_width)
    patience = Patience.of(spec.latency, spec.ii, spec.s_beats, spec.m_beats)
    waves = request.build / "reports" / "sim" / "results-amaranth" / "waves.vcd" if request.waves else None

    bench = _Bench(request.module)
    count = len(request.inputs[0])
    free = Flow(words[: min(count, STALL_FREE) * spec.s_beats], spec.s_beats, spec.m_beats, patience)
    stalled = Flow(words, spec.s_beats, spec.m_beats, patience, stalls=request.seed)
    begin = time.perf_counter()
    results: dict[str, Any] = {}

    def phases() -> Iterator[tuple[Flow, Watch]]:
        yield free, None
        yield stalled, None
        results.update(judge(spec, free, stalled, wanted, request.expected, count))
        results["seconds"] = round(time.perf_counter() - begin, 3)
        if results["wrong"]:
            yield from _explain(bench, request, words, wanted, results, patience)

    bench.run(phases(), waves)
    outputs = tensors_of(stalled.received, spec.outputs, spec.m_beats, spec.m_width) if stalled.vectors_out else []
    return SimulationResult(
        engine="amaranth",
        vectors=count,
        mismatches=results["mismatches"],
        outputs=tuple(outputs),
        cycles=results["cycles"],
        latency_cycles=results["latency_cycles"],
        ii_cycles=results["ii_cycles"],
        first_mismatch=results["first_mismatch"],
        violations=tuple(results["violations"]),
        seconds=results["seconds"],
        waves=waves,
    )


class _Bench:
    """The module's ports, and phases run one after another with a reset before each."""

    def __init__(self, module: Elaboratable) -> None:
        self.reset = Signal(name="nc_bench_reset")
        self.fragment = Fragment.get(ResetInserter(self.reset)(module), None)
        self.sampled = [_port(module, name) for name in ("s_tready", "m_tvalid", "m_tlast", "m_tdata")]
        self.driven = [_port(module, name) for name in ("s_tvalid", "s_tlast", "m_tready", "s_tdata")]

    def run(self, phases: Iterator[tuple[Flow, Watch]], waves: Path | None) -> None:
        s_tvalid, s_tlast, m_tready, s_tdata = self.driven

        async def bench(ctx: Any) -> None:
            for flow, watch in phases:
                for port in self.driven:
                    ctx.set(port, 0)
                ctx.set(self.reset, 1)
                await ctx.tick().repeat(4)
                ctx.set(self.reset, 0)
                await ctx.tick()
                while True:
                    ctx.set(s_tvalid, flow.s_valid)
                    ctx.set(m_tready, flow.m_ready)
                    if flow.s_valid:
                        ctx.set(s_tdata, flow.s_data)
                        ctx.set(s_tlast, flow.s_last)
                    _, _, ready, valid, last, data = await ctx.tick().sample(*self.sampled)
                    if flow.edge(bool(ready), bool(valid), data, bool(last)):
                        break
                    if watch is not None and watch(ctx):
                        break

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a module may leave a port of its own unused
            simulator = Simulator(self.fragment)
        simulator.add_clock(1e-8)
        simulator.add_testbench(bench)
        if waves is None:
            simulator.run()
            return
        waves.parent.mkdir(parents=True, exist_ok=True)
        with simulator.write_vcd(str(waves)):
            simulator.run()


def _explain(
    bench: _Bench, request: SimulationRequest, words: list[int], wanted: list[int], results: dict[str, Any],
    patience: Patience,
) -> Iterator[tuple[Flow, Watch]]:  # fmt: skip
    """Hold the first wrong vector and compare the probed signals."""
    spec, vector = request.spec, results["wrong"][0]
    handles = {p.layer: (h, p.tensor) for p in spec.probes if (h := _at(bench.fragment, p.signal)) is not None}
    seen: dict[str, dict[int, None]] = {layer: {} for layer in handles}
    own = words[vector * spec.s_beats : (vector + 1) * spec.s_beats]
    flow = Flow(own, spec.s_beats, spec.m_beats, patience, hold=True)
    settle = settle_vectors(spec)

    def watch(ctx: Any) -> bool:
        if flow.vectors_out >= settle:
            for layer, (handle, _) in handles.items():
                seen[layer][ctx.get(handle)] = None
        return flow.vectors_out >= settle + 2

    yield flow, watch
    observed = {
        layer: [unpack(from_words([v], 1, t.width), [t], t.width)[0][0] for v in seen[layer]]
        for layer, (_, t) in handles.items()
        if seen[layer]
    }
    layers = {layer: value[vector] for layer, value in request.probes.items()}
    found = first_layer(observed, layers, [p.layer for p in spec.probes])
    steady = flow.received[-spec.m_beats :] if flow.vectors_out >= settle else []
    complete(results["first_mismatch"], found, steady, wanted[vector * spec.m_beats : (vector + 1) * spec.m_beats])


def settle_vectors(spec: StreamSpec) -> int:
    """How many copies of one vector must have come out before every stage carries it."""
    return 4 + -(-(spec.latency or 0) // max(spec.ii or 1, 1))


def _port(module: Elaboratable, name: str) -> Any:
    """`module.s_tdata`, or `module.s.tdata` of a component with an interface `s`."""
    interface, _, member = name.partition("_")
    found = getattr(module, name, None)
    if found is None:
        found = getattr(getattr(module, interface, None), member, None)
    if found is None:
        fail("NC513", f"the module must have the port '{name}', and it has not")
    return Cat(Value.cast(found))


def _at(fragment: Any, path: str) -> Any:
    """The signal at a path of submodule names, found where it is driven; None when there is none of that name."""
    *instances, signal = path.split(".")
    for instance in instances:
        fragment = next((sub for sub, name, *_ in fragment.subfragments if name == instance), None)
        if fragment is None:
            return None
    for statements in fragment.statements.values():
        for statement in statements:
            for driven in statement._lhs_signals():
                if driven.name == signal:
                    return Cat(driven)
    return None
