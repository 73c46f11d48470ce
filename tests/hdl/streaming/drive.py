"""Runs a dataflow in Amaranth's simulator, without and with random stalls, against its untimed meaning."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nc.hdl.streaming.network import StreamingTop
from nc.ir.dataflow import Dataflow, DataflowBuilder, Source, Stream, predict, size_fifos
from nc.ir.dataflow.actor import Actor
from nc.ir.stream import StreamSpec, TensorPort
from nc.sim.engine import SimulationRequest, SimulationResult, simulate


def alone(actor: Actor, stream: Stream) -> Dataflow:
    """A dataflow of one actor."""
    build = DataflowBuilder("alone", stream)
    return size_fifos(build.finish(build.add("actor", actor, Source(-1))))


def run(flow: Dataflow, samples: int = 4, seed: int = 1) -> SimulationResult:
    """Random tokens; a wrong latency or II counts as a violation."""
    rng = np.random.default_rng(seed)
    kind, result = flow.input.kind, flow.result
    steps = rng.integers(
        0, (kind.hi - kind.lo) // kind.step, (samples, flow.input.count, flow.input.lanes), endpoint=True
    )
    tokens = kind.lo + kind.step * steps
    expected = flow.evaluate(tokens)
    prediction = predict(flow)
    spec = StreamSpec(
        (TensorPort("x", tokens.shape[1:], kind.bits, kind.signed),),
        (TensorPort("y", expected.shape[1:], result.kind.bits, result.kind.signed),),
        flow.input.width,
        result.width,
        prediction.latency,
        prediction.ii,
    )
    request = SimulationRequest(Path(), spec, [tokens], [expected], module=StreamingTop(flow), seed=seed)
    return simulate(request, "amaranth")


def check(flow: Dataflow, samples: int = 4, seed: int = 1) -> None:
    result = run(flow, samples, seed)
    assert (result.mismatches, result.violations, result.first_mismatch) == (0, (), None)
