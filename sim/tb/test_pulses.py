"""cocotb test of an SFQ netlist: a vector a clock period, waves one behind the other, every output compared.

`bench.json` says how a pulse is encoded: `pulse` (a rising edge, 1 ps wide, cells with delays and limits) or `period`
(a level for a clock period, cells without delays, for large netlists). Writes `results.json` and `outputs.npz`.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import Timer, ValueChange
from cocotb.utils import get_sim_time


def words(bits: Any) -> list[int]:
    """(N, width) bits as integers, bit 0 lowest."""
    return [int.from_bytes(np.packbits(row, bitorder="little").tobytes(), "little") for row in np.asarray(bits)]


async def by_period(dut: Any, bench: dict[str, Any], inputs: dict[str, Any], count: int) -> dict[str, Any]:
    """Tick m fires the clock of phase m mod k; stage s of wave v is clocked by tick v k + s."""
    clocks, depth = [getattr(dut, name) for name in bench["clocks"]], bench["depth"]
    k, driven = len(clocks), {name: words(bits) for name, bits in inputs.items()}
    found: dict[str, list[int]] = {name: [] for name in bench["outputs"]}
    for clock in clocks:
        clock.value = 0
    for tick in range(count * k + depth + 1):
        done, rest = divmod(tick - 1 - depth, k)
        if rest == 0 and 0 <= done < count:
            for name, values in found.items():
                values.append(int(getattr(dut, name).value))
        clocks[tick % k].value = 1
        await Timer(5, unit="ps")
        if tick % k == 0:
            for name, values in driven.items():
                getattr(dut, name).value = values[tick // k] if tick // k < count else 0
        clocks[tick % k].value = 0
        await Timer(5, unit="ps")
    for name, values in found.items():
        if len(values) < count:
            values.append(int(getattr(dut, name).value))
    return {name: (values, bench["outputs"][name]) for name, values in found.items()}


def schedule(bench: dict[str, Any], inputs: dict[str, Any], count: int) -> dict[int, list[tuple[str, int]]]:
    """Pulses by time in tenths of a ps: (port, bits that rise). As `nc.sim.pulse_waves` drives them."""
    period, k = bench["period"], len(bench["clocks"])
    base = max(bench["insertion"])
    events: dict[int, list[tuple[str, int]]] = {}
    periods = count + -(-bench["depth"] // k) + 1

    def at(moment: float, port: str, value: int) -> None:
        events.setdefault(round(10 * (moment + bench["start"])), []).append((port, value))

    for phase, (port, insertion) in enumerate(zip(bench["clocks"], bench["insertion"])):
        for m in range(periods):
            at((m + phase / k) * period + base - insertion, port, 1)
    for port, bits in inputs.items():
        for wave, value in enumerate(words(bits)):
            if value:
                at(wave * period + base + bench["launch"], port, value)
    return events


async def by_pulse(dut: Any, bench: dict[str, Any], inputs: dict[str, Any], count: int) -> dict[str, Any]:
    """Pulses of 1 ps; an output bit of wave v is 1 when it rises in that wave's window."""
    events = schedule(bench, inputs, count)
    rises = [(moment, port, value) for moment, group in events.items() for port, value in group]
    for moment, port, value in rises:  # every pulse falls 1 ps later
        events.setdefault(moment + 10, []).append((port, ~value))
    period, k = bench["period"], len(bench["clocks"])
    first = (bench["depth"] + 1 - k) / k * period + max(bench["insertion"]) - bench["skew"] + bench["start"]
    found = {name: [0] * count for name in bench["outputs"]}

    async def watch(name: str) -> None:
        handle = getattr(dut, name)
        await Timer(1, unit="ps")
        before = int(handle.value)
        found[name] = [before] * count  # what is 1 before any pulse is a constant
        while True:
            await ValueChange(handle)
            now = int(handle.value)
            wave = int((get_sim_time("ps") - first) // period)
            if 0 <= wave < count:
                found[name][wave] |= now & ~before
            before = now

    for name in found:
        cocotb.start_soon(watch(name))
    level = dict.fromkeys((*bench["clocks"], *inputs), 0)
    for port in level:
        getattr(dut, port).value = 0
    now = 0
    for moment in sorted(events):
        await Timer((moment - now) * 100, unit="fs")
        now = moment
        for port, value in events[moment]:
            level[port] = level[port] & value if value < 0 else level[port] | value
            getattr(dut, port).value = level[port]
    await Timer(round(3 * period), unit="ps")
    return {name: (values, bench["outputs"][name]) for name, values in found.items()}


@cocotb.test()
async def waves(dut: Any) -> None:
    here = Path(__file__).resolve().parent
    settings = json.loads(Path(os.environ["NC_BENCH_RUN"]).read_text())
    bench = json.loads((here / "bench.json").read_text())
    with np.load(settings["vectors_file"], allow_pickle=False) as data:
        arrays = {name: data[name] for name in data.files}
    count = min(settings["vectors"] or 10**9, *(len(array) for array in arrays.values()))
    inputs = {name: arrays[f"in.{name}"][:count] for name in bench["inputs"]}
    begin = time.perf_counter()
    run = {"pulse": by_pulse, "period": by_period}[bench["encoding"]]
    found = await run(dut, bench, inputs, count)
    seconds = time.perf_counter() - begin
    wrong, first, outputs = np.zeros(count, bool), None, {}
    for name, (values, width) in found.items():
        got = np.array([[value >> bit & 1 for bit in range(width)] for value in values], np.uint8)
        differs = (got != arrays[f"out.{name}"][:count]).any(axis=1)
        wrong |= differs
        outputs[name] = got
        if first is None and differs.any():
            at = int(differs.argmax())
            text = (
                f"vector {at}, output '{name}': expected {arrays[f'out.{name}'][at].tolist()}, got {got[at].tolist()}"
            )
            first = {"vector": at, "output": name, "expected": arrays[f"out.{name}"][at].tolist(),
                     "got": got[at].tolist(), "layer": None, "text": text}  # fmt: skip
    k = len(bench["clocks"])
    results = {
        "vectors": count, "mismatches": int(wrong.sum()), "latency_cycles": -(-bench["depth"] // k), "ii_cycles": 1.0,
        "cycles": count + -(-bench["depth"] // k) + 1, "first_mismatch": first, "violations": [],
        "seconds": round(seconds, 3),
    }  # fmt: skip
    out = Path(settings["results"])
    np.savez(out / "outputs.npz", **outputs)  # type: ignore[arg-type]  # numpy mistakes the names for allow_pickle
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
