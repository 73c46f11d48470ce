"""cocotb test: streams vectors through `top` without and with stalls, compares every word, explains a difference.

Reads `bench.json` beside it and the run's settings from the JSON file named in NC_BENCH_RUN; writes `results.json`
and `outputs.npz` into the folder that the settings name.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from packing import StreamSpec, unpack
from protocol import Flow, Patience
from verdict import complete, first_layer, from_words, judge, tensors_of, words_of

STALL_FREE = 64  # vectors of the phase that measures latency and II


def load(settings: dict[str, Any], spec: StreamSpec) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """(inputs, expected, probes): arrays with the vector's index first."""
    with np.load(settings["vectors_file"], allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files}
    many_x, many_y = len(spec.inputs) > 1, len(spec.outputs) > 1
    inputs = [arrays[f"x{i}" if many_x else "x"] for i in range(len(spec.inputs))]
    expected = [arrays[f"y{i}" if many_y else "y"] for i in range(len(spec.outputs))]
    count = settings["vectors"] or len(inputs[0])
    probes = {name.removeprefix("probe."): value for name, value in arrays.items() if name.startswith("probe.")}
    return [x[:count] for x in inputs], [y[:count] for y in expected], probes


def number(handle: Any) -> int | None:
    """A signal's bits as an unsigned integer; None when any is X or Z."""
    try:
        return int(str(handle.value), 2)
    except ValueError:
        return None


class Ports:
    """The stream ports of the device. Writes only what changes: a write costs more than the comparison."""

    def __init__(self, dut: Any) -> None:
        self.clk, self.rst = dut.clk, dut.rst
        self.s_tdata, self.s_tvalid, self.s_tready, self.s_tlast = (
            dut.s_tdata, dut.s_tvalid, dut.s_tready, dut.s_tlast,
        )  # fmt: skip
        self.m_tdata, self.m_tvalid, self.m_tready, self.m_tlast = (
            dut.m_tdata, dut.m_tvalid, dut.m_tready, dut.m_tlast,
        )  # fmt: skip
        self.edge = RisingEdge(dut.clk)
        self._driven: list[int] = [0, 0, 0, 0]

    async def reset(self) -> None:
        self.s_tvalid.value = self.s_tdata.value = self.s_tlast.value = self.m_tready.value = 0
        self._driven = [0, 0, 0, 0]
        self.rst.value = 1
        for _ in range(4):
            await self.edge
        self.rst.value = 0
        await self.edge

    def drive(self, flow: Flow) -> None:
        driven = self._driven
        if driven[0] != flow.s_valid:
            driven[0] = flow.s_valid
            self.s_tvalid.value = int(flow.s_valid)
        if flow.s_valid:
            if driven[1] != flow.s_data:
                driven[1] = flow.s_data
                self.s_tdata.value = flow.s_data
            if driven[2] != flow.s_last:
                driven[2] = flow.s_last
                self.s_tlast.value = int(flow.s_last)
        if driven[3] != flow.m_ready:
            driven[3] = flow.m_ready
            self.m_tready.value = int(flow.m_ready)

    async def run(self, flow: Flow, each_edge: Any = None) -> None:
        """Drive a phase to its end."""
        edge, s_tready, m_tvalid, m_tdata, m_tlast = (
            self.edge, self.s_tready, self.m_tvalid, self.m_tdata, self.m_tlast,
        )  # fmt: skip
        self.drive(flow)
        while True:
            await edge
            ready = flow.s_valid and str(s_tready.value) == "1"
            if str(m_tvalid.value) == "1":
                over = flow.edge(ready, True, number(m_tdata), str(m_tlast.value) == "1")
            else:
                over = flow.edge(ready, False, 0, False)
            if over or (each_edge is not None and each_edge()):
                return
            self.drive(flow)


async def explain(
    dut: Any, ports: Ports, spec: StreamSpec, words: list[int], wanted: list[int], vector: int, probes: Any,
    patience: Patience, first: dict[str, Any],
) -> None:  # fmt: skip
    """Hold one vector until every stage carries it, watch the probes for two periods, find the first wrong layer."""
    handles = {}
    for probe in spec.probes:
        handle = dut
        for part in probe.signal.split("."):
            handle = getattr(handle, part)
        handles[probe.layer] = (handle, probe.tensor)
    own = words[vector * spec.s_beats : (vector + 1) * spec.s_beats]
    flow = Flow(own, spec.s_beats, spec.m_beats, patience, hold=True)
    settle: int = 4 + -(-(spec.latency or 0) // max(spec.ii or 1, 1))
    seen: dict[str, dict[int, None]] = {layer: {} for layer in handles}

    def watch() -> bool:
        if flow.vectors_out >= settle:
            for layer, (handle, _) in handles.items():
                value = number(handle)
                if value is not None:
                    seen[layer][value] = None
        return bool(flow.vectors_out >= settle + 2)

    await ports.reset()
    await ports.run(flow, watch)
    steady = flow.received[-spec.m_beats :] if flow.vectors_out >= settle else []
    observed = {
        layer: [unpack(from_words([v], 1, t.width), [t], t.width)[0][0] for v in seen[layer]]
        for layer, (_, t) in handles.items()
        if seen[layer]
    }
    layers = {layer: value[vector] for layer, value in probes.items() if vector < len(value)}
    found = first_layer(observed, layers, [probe.layer for probe in spec.probes])
    complete(first, found, steady, wanted[vector * spec.m_beats : (vector + 1) * spec.m_beats])


@cocotb.test()
async def stream(dut: Any) -> None:
    here = Path(__file__).resolve().parent
    settings = json.loads(Path(os.environ["NC_BENCH_RUN"]).read_text())
    spec = StreamSpec.from_json(json.loads((here / "bench.json").read_text())["stream"])
    inputs, expected, probes = load(settings, spec)
    words = words_of(inputs, spec.inputs, spec.s_width)
    wanted = words_of(expected, spec.outputs, spec.m_width)
    patience = Patience.of(spec.latency, spec.ii, spec.s_beats, spec.m_beats)
    ports = Ports(dut)
    Clock(dut.clk, 10, unit="ns").start()
    begin = time.perf_counter()

    some = min(len(inputs[0]), STALL_FREE)
    free = Flow(words[: some * spec.s_beats], spec.s_beats, spec.m_beats, patience)
    await ports.reset()
    await ports.run(free)
    stalled = Flow(words, spec.s_beats, spec.m_beats, patience, stalls=settings["seed"])
    await ports.reset()
    await ports.run(stalled)
    seconds = time.perf_counter() - begin

    results = judge(spec, free, stalled, wanted, expected, len(inputs[0]))
    results["seconds"] = round(seconds, 3)
    wrong = results.pop("wrong")
    if wrong:
        await explain(dut, ports, spec, words, wanted, wrong[0], probes, patience, results["first_mismatch"])

    out = Path(settings["results"])
    outputs = tensors_of(stalled.received, spec.outputs, spec.m_beats, spec.m_width) if stalled.vectors_out else []
    np.savez(out / "outputs.npz", **{f"y{i}": tensor for i, tensor in enumerate(outputs)})
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
