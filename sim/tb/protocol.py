"""Both ends of a stream under test, one clock edge at a time: the source with its stalls, the sink with its checks.

A simulator calls `Flow.edge` with what it sampled just before a rising clock edge and drives what `Flow` then says.
The class knows no simulator, so that every engine applies the very same stimuli and rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

STALL_BLOCK = 512
# (chance that the source pauses, chance that the sink pauses), each for a sixteenth of a block: from no stalls at
# all over one-sided ones to long starvation and long blockage. The first serves runs of a few vectors.
STALL_MIX = (
    (0.3, 0.3), (0.0, 0.5), (0.5, 0.0), (0.05, 0.05), (0.0, 0.9), (0.0, 0.0), (0.9, 0.0), (0.5, 0.5),
    (0.0, 0.1), (0.1, 0.0), (0.2, 0.6), (0.6, 0.2), (0.0, 0.0), (0.02, 0.3), (0.3, 0.02), (0.1, 0.1),
)  # fmt: skip
MOST_VIOLATIONS = 4


@dataclass(frozen=True)
class Patience:
    """When to give up and when to be content, in cycles: `stuck` without any transfer, `quiet` after the last word."""

    stuck: int
    quiet: int

    @classmethod
    def of(cls, latency: int | None, ii: int | None, s_beats: int, m_beats: int) -> Patience:
        if latency is None or ii is None:
            return cls(stuck=2_000_000, quiet=256)
        once = latency + ii + s_beats + m_beats
        return cls(stuck=4 * once + 5_000, quiet=min(once + 16, 4096))


@dataclass
class Flow:
    """Streams `words` in, collects words out, and holds the device to the rules of AXI4-Stream.

    `words`: the beats of all vectors one after another, as unsigned integers; `s_beats`, `m_beats`: beats a vector;
    `stalls`: a seed for random pauses on both sides, or None for none; `hold`: repeat `words` for ever (until the
    caller stops). After each `edge`, the caller drives `s_valid, s_data, s_last, m_ready`.

    `received`: the words that came out; an unknown (X) word is None. `accepted`: cycle of each vector's last beat
    in; `returned`, `finished`: of its first and of its last beat out.
    """

    words: Sequence[int]
    s_beats: int
    m_beats: int
    patience: Patience
    stalls: int | None = None
    hold: bool = False

    s_valid: bool = False
    s_data: int = 0
    s_last: bool = False
    m_ready: bool = False

    cycle: int = 0
    received: list[int | None] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sent = 0
        self._wanted = len(self.words) // self.s_beats * self.m_beats
        self._held: tuple[int | None, bool] | None = None
        self._since_transfer = 0
        self._since_done = 0
        self._random = None if self.stalls is None else np.random.default_rng(self.stalls)
        self._source_goes = [True] * STALL_BLOCK
        self._sink_goes = [True] * STALL_BLOCK
        self._drive()

    @property
    def vectors_in(self) -> int:
        return self._sent // self.s_beats

    @property
    def vectors_out(self) -> int:
        return len(self.received) // self.m_beats

    def edge(self, s_ready: bool, m_valid: bool, m_data: int | None, m_last: bool) -> bool:
        """One rising clock edge: what the device's ports carried before it. True when the phase is over."""
        moved = False
        if self.s_valid and s_ready:
            moved = True
            self._sent += 1
            if self.s_last:
                self.accepted.append(self.cycle)
            self.s_valid = False
        if self._held is not None:
            self._check_held(m_valid, m_data, m_last)
        if m_valid and self.m_ready:
            moved = True
            self._take(m_data, m_last)
        self._held = (m_data, m_last) if m_valid and not self.m_ready else None
        self.cycle += 1
        self._since_transfer = 0 if moved else self._since_transfer + 1
        self._drive()
        return self._over()

    def _take(self, m_data: int | None, m_last: bool) -> None:
        place = len(self.received) % self.m_beats
        if place == 0:
            self.returned.append(self.cycle)
        if place == self.m_beats - 1:
            self.finished.append(self.cycle)
        if m_last != (place == self.m_beats - 1):
            self._violation(
                f"m_tlast must be {int(not m_last)}, not {int(m_last)}, on beat {place + 1} of {self.m_beats} "
                f"of vector {self.vectors_out}"
            )
        if not self.hold and len(self.received) == self._wanted:
            self._violation(f"no word may follow the {self._wanted} that were asked for, and one did")
            return
        if self._sent == 0:
            self._violation("no word may come out before one went in")
        self.received.append(m_data)

    def _check_held(self, m_valid: bool, m_data: int | None, m_last: bool) -> None:
        assert self._held is not None
        if not m_valid:
            self._violation("m_tvalid must stay high until m_tready, and it fell")
        elif m_data != self._held[0]:
            self._violation("m_tdata must stay while m_tvalid waits for m_tready, and it changed")
        elif m_last != self._held[1]:
            self._violation("m_tlast must stay while m_tvalid waits for m_tready, and it changed")

    def _drive(self) -> None:
        """The ports for the coming cycle. A word once offered stays until it is taken."""
        slot = self.cycle % STALL_BLOCK
        if slot == 0 and self._random is not None:
            self._draw()
        self.m_ready = self._sink_goes[slot]
        if self.s_valid or not self._source_goes[slot]:
            return
        if self.hold or self._sent < len(self.words):
            self.s_valid = True
            self.s_data = self.words[self._sent % len(self.words)]
            self.s_last = self._sent % self.s_beats == self.s_beats - 1

    def _draw(self) -> None:
        assert self._random is not None
        chances = np.repeat(np.array(STALL_MIX), STALL_BLOCK // len(STALL_MIX), axis=0)
        goes = self._random.random((STALL_BLOCK, 2)) >= chances
        self._source_goes, self._sink_goes = goes[:, 0].tolist(), goes[:, 1].tolist()

    def _over(self) -> bool:
        if self._since_transfer > self.patience.stuck:
            self._violation(
                f"the stream is stuck: nothing moved for {self.patience.stuck} cycles after {self._sent} words in "
                f"and {len(self.received)} of {self._wanted} words out"
            )
            return True
        if self.hold or self._sent < len(self.words) or len(self.received) < self._wanted:
            return False
        self._since_done += 1
        return self._since_done > self.patience.quiet

    def _violation(self, text: str) -> None:
        if len(self.violations) < MOST_VIOLATIONS:
            self.violations.append(f"cycle {self.cycle}: {text}")

    def latency(self) -> int | None:
        """Cycles from the last beat of the first vector in to the first beat of it out.

        Where a vector starts to come out while it still goes in (spikes, tick by tick), to the last beat of it out.
        """
        if not self.finished or not self.accepted:
            return None
        wait = self.returned[0] - self.accepted[0]
        return wait if wait >= 0 else self.finished[0] - self.accepted[0]

    def ii(self) -> float | None:
        """Cycles between vectors, over the later half, where the pipeline is full; None for fewer than two."""
        n = len(self.returned)
        if n < 2:
            return None
        start = n // 2 if n > 2 else 0
        if start == n - 1:
            start -= 1
        return (self.returned[-1] - self.returned[start]) / (n - 1 - start)
