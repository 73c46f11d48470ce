"""What the bench measures of a stream: latency, and the interval between vectors."""

from __future__ import annotations

import pytest

from nc.sim.tb.protocol import Flow, Patience


def run(delay: int, beats: int, *, whole: bool) -> Flow:
    """A device that returns each beat `delay` cycles later, or all beats of a vector once it has the last one."""
    flow = Flow(list(range(3 * beats)), beats, beats, Patience.of(delay, beats, beats, beats))
    ready: list[tuple[int, int]] = []
    taken: list[int] = []
    for cycle in range(200):
        word = ready[0][1] if ready and ready[0][0] <= cycle else None
        if flow.s_valid:
            taken.append(flow.s_data)
            if not whole:
                ready.append((cycle + delay, flow.s_data))
            elif flow.s_last:
                ready += [(cycle + delay + i, w) for i, w in enumerate(taken[-beats:])]
        if word is not None:
            ready.pop(0)
        if flow.edge(True, word is not None, word, word is not None and word % beats == beats - 1):
            break
    assert flow.received == flow.words and not flow.violations
    return flow


@pytest.mark.parametrize("delay", [1, 2, 7])
def test_latency_is_from_the_last_beat_in_to_the_first_out(delay: int) -> None:
    flow = run(delay, 4, whole=True)
    assert flow.latency() == delay
    assert flow.ii() == 4


def test_latency_of_a_vector_that_comes_out_while_it_goes_in_is_to_its_last_beat() -> None:
    flow = run(2, 16, whole=False)
    assert flow.returned[0] < flow.accepted[0]
    assert flow.latency() == 2
