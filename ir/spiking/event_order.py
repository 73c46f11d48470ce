"""The integer interpreter for the `event_ordered` semantics: thresholds are tested after every event, not every tick.

One population, all-to-all addressable, as on cores of the ODIN family: an event of source k adds row k of the weights
to the states, neuron by neuron in order; a neuron that reaches its threshold is reset to 0 at once and its own event
is queued first in, first out. Leak is an event too: every state moves toward 0 by a constant. The order of events
thus decides the result; nothing is summed before it is tested.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.spiking.connect import IntArray

LEAK, SPIKE, VIRTUAL = "leak", "spike", "virtual"


@dataclass(frozen=True)
class Event:
    """`kind` leak (`address` None: all neurons), spike of source `address`, or a weight for one neuron alone."""

    kind: str
    address: int | None = None
    weight: int = 0


@dataclass(frozen=True)
class EventNeurons:
    """weights (sources, neurons); threshold and leak (n,); `enabled` (n,) neurons only are updated.

    `bits`: width of the saturating state; `depth`: of the queue, beyond which events are lost; `recurrent`: whether
    the neurons' own spikes are queued as events of the source with their number.
    """

    weights: IntArray
    threshold: IntArray
    leak: IntArray
    enabled: IntArray
    bits: int = 12
    depth: int = 128
    recurrent: bool = True


@dataclass
class EventRun:
    """State and output: `spikes` in order of their appearance; `lost` events found the queue full."""

    neurons: EventNeurons
    state: IntArray = field(init=False)
    queue: deque[Event] = field(default_factory=deque)
    spikes: list[int] = field(default_factory=list)
    lost: int = 0

    def __post_init__(self) -> None:
        self.state = np.zeros(len(self.neurons.threshold), np.int64)

    def burst(self, events: Iterable[Event]) -> None:
        """Events that arrive without waiting: leaks act at once, the others queue; a full queue is served first."""
        for event in events:
            while len(self.queue) >= self.neurons.depth:
                self._serve()
            if event.kind == LEAK:
                self._leak(event.address)
            else:
                self.queue.append(event)

    def drain(self, limit: int = 100_000) -> None:
        """Serve the queue until it is empty. Raises NC931 when spikes keep causing spikes for `limit` events."""
        for _ in range(limit):
            if not self.queue:
                return
            self._serve()
        fail("NC931", f"events must die out, but {limit} were served and {len(self.queue)} wait",
             help="raise the thresholds, or weaken the recurrent weights")  # fmt: skip

    def _serve(self) -> None:
        event = self.queue.popleft()
        p = self.neurons
        if event.kind == VIRTUAL:
            self._add(np.array([event.address]), np.array([event.weight]))
        else:
            self._add(np.flatnonzero(p.enabled), p.weights[event.address][p.enabled.astype(bool)])

    def _add(self, who: IntArray, weight: IntArray) -> None:
        limit = 1 << (self.neurons.bits - 1)
        self.state[who] = np.clip(self.state[who] + weight, -limit, limit - 1)
        self._test(who)

    def _leak(self, address: int | None) -> None:
        who = np.flatnonzero(self.neurons.enabled) if address is None else np.array([address])
        v = self.state[who]
        self.state[who] = np.sign(v) * np.maximum(np.abs(v) - self.neurons.leak[who], 0)
        self._test(who)

    def _test(self, who: IntArray) -> None:
        """A threshold is compared as an unsigned number with states that are not negative."""
        fired = who[(self.state[who] >= 0) & (self.state[who] >= self.neurons.threshold[who])]
        self.state[fired] = 0
        for n in fired.tolist():
            self.spikes.append(n)
            if not self.neurons.recurrent:
                continue
            if len(self.queue) < self.neurons.depth:
                self.queue.append(Event(SPIKE, n))
            else:
                self.lost += 1
