"""FIFO depths: branches that part and join again get what the schedule needs, found by running it."""

from __future__ import annotations

from nc.ir.dataflow.cycles import predict
from nc.ir.dataflow.graph import DEFAULT_DEPTH, SMALL, Dataflow

SPARE = 2


def size_fifos(flow: Dataflow) -> Dataflow:
    """The dataflow with sufficient FIFOs at every join.

    With a whole sample of room at the joins nothing can get stuck there; the most that then lies in each FIFO bounds
    its depth, which is halved as long as the II stays. The schedule is run once more with pipelines that hold one
    token, the least that any schedule leaves them: it must live, which for static rates and blocking reads and writes
    proves that no pattern of pauses can stop it (Kahn 1974; Parks 1995); where it does not, the FIFOs are doubled
    until it does. Every other deep FIFO, put there for throughput, is shortened where the II stays without it.
    """
    return _shortened(_joined(flow))


def _joined(flow: Dataflow) -> Dataflow:
    joins = [(i, k) for i, node in enumerate(flow.nodes) if len(node.inputs) > 1 for k in range(len(node.inputs))]
    if not joins:
        predict(flow, slim=True, samples=2)
        return flow
    room = {place: _tokens(flow, place) + SPARE for place in joins}
    run = predict(flow.with_depths(room))
    depths = {place: max(DEFAULT_DEPTH, run.held[place] + SPARE) for place in joins}
    while not _lives(flow.with_depths(depths)):
        depths = {place: min(depth * 2, room[place]) for place, depth in depths.items()}
    return _halved(flow.with_depths(depths), joins)


def _halved(flow: Dataflow, joins: list[tuple[int, int]]) -> Dataflow:
    """A schedule that never pauses fills a FIFO with what the branch in front can make ahead; less is enough."""
    ii = predict(flow).ii
    for place in joins:
        while (depth := flow.nodes[place[0]].depths[place[1]] // 2) > SMALL:
            shorter = flow.with_depths({place: depth})
            if not _lives(shorter) or predict(shorter).ii > ii:
                break
            flow = shorter
    return flow


def _shortened(flow: Dataflow) -> Dataflow:
    places = deep(flow)
    if not places:
        return flow
    ii = predict(flow).ii
    for place in places:
        shorter = flow.with_depths({place: DEFAULT_DEPTH})
        if predict(shorter).ii <= ii:
            flow = shorter
    return flow


def deep(flow: Dataflow) -> list[tuple[int, int]]:
    """The FIFOs in memory that are not at joins."""
    nodes = enumerate(flow.nodes)
    return [(i, 0) for i, node in nodes if len(node.inputs) == 1 and node.depths[0] > SMALL]


def _tokens(flow: Dataflow, place: tuple[int, int]) -> int:
    return flow.streams[flow.nodes[place[0]].inputs[place[1]]].count


def _lives(flow: Dataflow) -> bool:
    from nc.ir.diagnostics import NcError

    try:
        predict(flow, slim=True, samples=2)
    except NcError:
        return False
    return True
