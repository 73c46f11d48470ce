"""Drives a spiking top in Amaranth's simulator: sequences in, frames out, with optional stalls on both sides."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from nc.ir.stream import StreamSpec, pack, unpack


def simulate(top: Any, spec: StreamSpec, inputs: np.ndarray, *, stalls: int | None = None) -> np.ndarray:
    """inputs (N, T, n) to the output port's tensor (N, T, m). `stalls`: seed of random valid and ready gaps."""
    words = [[int.from_bytes(b.tobytes(), "little") for b in v] for v in pack([inputs], spec.inputs, spec.s_width)]
    gaps = np.random.default_rng(stalls)
    received: list[int] = []

    def stalled() -> int:
        return 0 if stalls is None else int(gaps.integers(0, 3))

    async def source(ctx):
        for vector in words:
            for k, word in enumerate(vector):
                for _ in range(stalled()):
                    await ctx.tick()
                ctx.set(top.s_tdata, word)
                ctx.set(top.s_tvalid, 1)
                ctx.set(top.s_tlast, int(k == len(vector) - 1))
                await ctx.tick().until(top.s_tready)
                ctx.set(top.s_tvalid, 0)

    async def sink(ctx):
        for k in range(len(words) * spec.m_beats):
            ctx.set(top.m_tready, 0)
            for _ in range(stalled()):
                await ctx.tick()
            ctx.set(top.m_tready, 1)
            data, last = await ctx.tick().sample(top.m_tdata, top.m_tlast).until(top.m_tvalid)
            assert last == (k % spec.m_beats == spec.m_beats - 1)
            received.append(data)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source, background=True)
    simulator.add_testbench(sink)
    simulator.run()
    size = -(-spec.m_width // 8)
    raw = np.frombuffer(b"".join(v.to_bytes(size, "little") for v in received), np.uint8)
    return unpack(raw.reshape(len(words), spec.m_beats, size), spec.outputs, spec.m_width)[0]
