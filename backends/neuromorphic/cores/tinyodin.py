"""tinyODIN: 256 neurons, 4-bit signed weights, thresholds tested after every event; set up over SPI, driven over AER.

Neuron word (32 bits): state 12 signed | threshold 12 | leak 7 | disable 1, from bit 0. Synapse of pre and post: word
{pre, post[7:3]}, byte post[2:1], nibble post[0]. An SPI transfer is 20 address bits {R, W, command 2, address 16},
then 20 data bits {0000, mask 8 (1 = keep), byte 8}; SCK at most CLK / 4. AER words of 10 bits: 00|pre spike,
01|neuron leak (FF: all), 10|weight 4, neuron 4 a virtual event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nc.ir.diagnostics import Collector, Diagnostic, Where
from nc.ir.spiking.connect import IntArray
from nc.ir.spiking.event_order import LEAK, SPIKE, VIRTUAL, Event, EventNeurons, EventRun
from nc.ir.spiking.fixed import FixedNetwork

NEURONS, WEIGHT_BITS, STATE_BITS = 256, 4, 12
NEVER = 0x800
CYCLES_A_SPIKE = 611
CONFIGURE, NEURON, SYNAPSE = 0, 1, 2
GATE_ACTIVITY, OPEN_LOOP, AER_SOURCE, MAX_NEURON = range(4)


@dataclass(frozen=True)
class TinyOdinProgram:
    """weights (256, 256) from pre to post; threshold, leak, disable (256,). `inputs`: of them for AER input."""

    weights: IntArray
    threshold: IntArray
    leak: IntArray
    disable: IntArray
    inputs: int = 0
    names: tuple[str, ...] = ()

    def check(self) -> list[Diagnostic]:
        found = Collector()
        if len(self.threshold) > NEURONS:
            found.error("NC930", f"neurons of tinyODIN must be at most {NEURONS}, not {len(self.threshold)}")
        if self.weights.size and (self.weights.min() < -8 or self.weights.max() > 7):
            worst = int(max(self.weights.max() - 7, -8 - self.weights.min()))
            found.error("NC930", f"weights must lie in -8 … 7, but pass it by {worst}", where=Where(tensor="weights"))
        limits = (("threshold", self.threshold, 1, (1 << 12) - 1), ("leak", self.leak, 0, 127))
        for name, value, low, high in limits:
            if value.size and (value.min() < low or value.max() > high):
                found.error("NC930", f"{name} must lie in {low} … {high}, not {value.min()} … {value.max()}",
                            where=Where(tensor=name))  # fmt: skip
        silent = int(((self.threshold >= NEVER) & (self.disable == 0)).sum())
        if silent > self.inputs:
            found.warn("NC930", f"{silent - self.inputs} neurons never fire: their threshold is {NEVER} or more")
        return found.diagnostics

    def start(self) -> EventRun:
        """The golden model in its state after configuration."""
        size = len(self.threshold)
        return EventRun(EventNeurons(self.weights, self.threshold, self.leak, 1 - self.disable[:size], STATE_BITS))

    def spi(self) -> list[tuple[int, int]]:
        """(address, data) transfers of 20 bits each, the gate opened last."""
        script = [_config(GATE_ACTIVITY, 1), _config(OPEN_LOOP, 0), _config(AER_SOURCE, 1)]
        script.append(_config(MAX_NEURON, len(self.threshold) - 1))
        for n, word in enumerate(self.neuron_words()):
            script += [_write(NEURON, byte << 8 | n, word >> 8 * byte & 0xFF) for byte in range(4)]
        for pre, row in enumerate(self.synapse_bytes()):
            for group, bytes_ in enumerate(row.reshape(-1, 4).tolist()):
                script += [_write(SYNAPSE, k << 13 | pre << 5 | group, value) for k, value in enumerate(bytes_)]
        return [*script, _config(GATE_ACTIVITY, 0)]

    def neuron_words(self) -> list[int]:
        fields = zip(self.threshold.tolist(), self.leak.tolist(), self.disable.tolist())
        return [t << 12 | leak << 24 | disable << 31 for t, leak, disable in fields]

    def synapse_bytes(self) -> IntArray:
        """(pre, 128) bytes: even post in the low nibble."""
        nibbles = np.zeros((len(self.threshold), NEURONS), np.int64)
        nibbles[:, : len(self.threshold)] = self.weights & 0xF
        return nibbles[:, 0::2] | nibbles[:, 1::2] << 4

    def write(self, folder: Path) -> None:
        """`spi.txt`: one transfer a line, address and data as hexadecimal numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "spi.txt").write_text("".join(f"{a:05x} {d:05x}\n" for a, d in self.spi()))


def aer(event: Event) -> int:
    """The 10-bit AER word of an event. A virtual event of weight 0 acts as a spike: that is how the core decodes it."""
    if event.kind == SPIKE:
        return int(event.address or 0)
    if event.kind == LEAK:
        return 0x100 | (0xFF if event.address is None else event.address)
    return 0x200 | (event.weight & 0xF) << 4 | int(event.address or 0)


def decode(word: int) -> Event:
    """What the core does with an AER word."""
    if word & 0x100:
        return Event(LEAK, None if word & 0xFF == 0xFF else word & 0xFF)
    if word & 0x200 and word >> 4 & 0xF:
        weight = word >> 4 & 0xF
        return Event(VIRTUAL, word & 0xF, weight - 16 * (weight >= 8))
    return Event(SPIKE, word & 0xFF)


def run(program: TinyOdinProgram, words: Iterable[Sequence[int]]) -> list[list[int]]:
    """Bursts of AER words, the queue drained after each: for each burst the neurons that fired, in order."""
    core = program.start()
    out = []
    for burst in words:
        core.spikes.clear()
        core.burst(decode(w) for w in burst)
        core.drain()
        out.append(list(core.spikes))
    return out


def lower(network: FixedNetwork) -> TinyOdinProgram:
    """A program for `event_ordered` integer networks: every input is a disabled neuron whose row its events use.

    A population's `bias` is its leak (a constant toward 0). Raises NC930 and NC931 with every obstacle.
    """
    found = Collector()
    if network.semantics != "event_ordered":
        found.error(
            "NC931",
            f"tinyODIN tests thresholds after every event: semantics must be event_ordered, not {network.semantics}",
            help="a sum-then-fire network computes something else there; use our core or RANC",
        )
    base, size = {}, 0
    for p in network.populations:
        base[p.name] = size
        size += p.size
        where = Where(node=p.name)
        if p.kind not in ("input", "neuron") or p.has_current or (p.kind == "neuron" and not p.fires):
            found.error("NC931", "tinyODIN's neurons must be firing ones with a single state", where=where)
        elif p.kind == "neuron":
            if (p.array("decay_mem") != 1 << p.decay_bits).any():
                found.error("NC931", "tinyODIN's leak must be constant, not proportional", where=where,
                            help="give decay 1 and the leak as 'bias'")  # fmt: skip
            if p.reset != "to_value" or p.array("reset_to").any():
                found.error("NC931", "tinyODIN resets to 0 only", where=where)
            if p.rectify:
                found.error("NC931", "tinyODIN has no membrane rectifier", where=where)
            if p.refractory or p.spike_delay:
                found.error("NC931", "tinyODIN has neither refractory times nor delays", where=where)
    weights = np.zeros((size, size), np.int64)
    for q in network.projections:
        s = q.connectivity.synapses
        np.add.at(weights, (s.pre + base[q.source], s.post + base[q.target]), s.weight << q.shift)
    firing = np.concatenate([np.full(p.size, p.kind == "neuron") for p in network.populations])
    program = TinyOdinProgram(
        weights,
        np.concatenate([p.array("threshold") if p.kind == "neuron" else np.full(p.size, NEVER)
                        for p in network.populations]),
        np.concatenate([p.array("bias") for p in network.populations]),
        1 - firing.astype(np.int64),
        int((~firing).sum()),
    )  # fmt: skip
    found.extend(d for d in program.check() if d.severity == "error")
    found.raise_if_any()
    return program


def _config(register: int, value: int) -> tuple[int, int]:
    return 1 << 18 | CONFIGURE << 16 | register, value


def _write(command: int, address: int, byte: int) -> tuple[int, int]:
    return 1 << 18 | command << 16 | address, byte
