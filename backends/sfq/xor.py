"""The XOR network as junction circuits: two synapses, a merger, and a loop-storage neuron that is read by the clock.

The neuron is a T1 cell: pulses toggle its storage loop, the clock reads the loop out (sum) and every second pulse
leaves as a carry, so one neuron computes XOR and AND of its synapses. Styles:

- `popcount`: the synapses are wires (weights +1); the sum output of the counter is XOR.
- `crosspoint`: each synapse is an NDRO cell that holds a weight (0 or 1) and passes the input's pulses when it is 1.
- `tuned`: each synapse is a bias-tuned decision pair, that passes pulses when the tuning current TUNE is high and
  rejects them when it is low: one external current switches the function on and off (after Krylov et al.,
  arXiv:2311.10721, whose circuit values are not published; these are our own).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nc.backends.sfq.circuits import deck, junctions
from nc.backends.sfq.library import Library, load_library
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder

Instance = tuple[str, str, Mapping[str, str]]

PERIOD = 50.0
"""ps: 20 GHz."""

_NEURON: tuple[Instance, ...] = (
    ("merge", "MERGE", {"a": "da", "b": "db", "q": "w"}),
    ("soma", "JTL", {"a": "w", "q": "t"}),
    ("neuron", "T1", {"t": "t", "clk": "clk", "s": "s", "co": "co"}),
)


def _tuned(pin: str) -> tuple[Instance, ...]:
    return (
        (f"in_{pin}", "JTL", {"a": pin, "q": f"{pin}1"}),
        (f"syn_{pin}", "SYNAPSE", {"a": f"{pin}1", "q": f"{pin}2"}),
        (f"out_{pin}", "JTL", {"a": f"{pin}2", "q": f"d{pin}"}),
    )


@dataclass(frozen=True)
class Style:
    """`instances` between the pins a, b, clk and s, co; pulses of b come `delay_b` ps after a's slot, the clock
    `delay_clk` ps (mergers need separated pulses)."""

    instances: tuple[Instance, ...]
    delay_b: float
    delay_clk: float
    weights: tuple[str, ...] = ()
    """Lines whose pulse sets a stored weight to 1, before the first slot."""
    pulse_clk: float = 0.0
    """`delay_clk` with the cells of the library, where those are faster than our circuits."""

    @property
    def at_pulse_level(self) -> Style:
        """The same network timed for the library's cells."""
        return replace(self, delay_clk=self.pulse_clk or self.delay_clk)

    @property
    def junctions(self) -> int:
        """Between the pins of the network; cells abut, so nothing else is needed."""
        return sum(junctions(kind) for _, kind, _ in self.instances)


def _wired() -> tuple[Instance, ...]:
    merge, *rest = _NEURON
    return ((merge[0], merge[1], {"a": "a", "b": "b", "q": "w"}), *rest)


def _delayed_clock(stages: int) -> tuple[Instance, ...]:
    """JTLs, so that the clock's delay moves with the bias as that of the synapses does."""
    names = ["clk", *(f"clk{i}" for i in range(1, stages + 1))]
    return tuple((f"late_{i}", "JTL", {"a": a, "q": q}) for i, (a, q) in enumerate(zip(names, names[1:])))


CROSSPOINT: tuple[Instance, ...] = (
    ("syn_a", "NDRO", {"a": "wa", "b": "ra", "clk": "a", "q": "da"}),
    ("syn_b", "NDRO", {"a": "wb", "b": "rb", "clk": "b", "q": "db"}),
    *_delayed_clock(4),
    *_NEURON[:2],
    ("neuron", "T1", {"t": "t", "clk": "clk4", "s": "s", "co": "co"}),
)
"""NDRO synapses store the weights (pulses on wa, wb set them, on ra, rb clear them) and gate the input pulses."""

STYLES: Mapping[str, Style] = {
    "popcount": Style(_wired(), 15.0, 48.0),
    "crosspoint": Style(CROSSPOINT, 14.0, 50.0, ("wa", "wb"), 37.0),
    "tuned": Style((*_tuned("a"), *_tuned("b"), *_NEURON), 15.0, 58.0),
}

OFF, ON = 100.0, 250.0
"""uA: tuning currents of a synapse that rejects, and of one that passes."""

EVERY_ORDER = (0, 0, 1, 0, 2, 0, 3, 1, 1, 2, 1, 3, 2, 2, 3, 3, 0)
"""Inputs a + 2 b in which each of the four follows each of the four (a de Bruijn sequence)."""


def netlist(instances: Sequence[Instance], library: Library) -> Netlist:
    """The network for the pulse simulator: every undriven pin net is an input, every unread one an output."""
    kinds = {name: library[name].pulse_type for _, name, _ in instances}
    make, nets = NetlistBuilder("xor", kinds), {}
    driven = {joined[pin] for _, kind, joined in instances for pin in kinds[kind].outputs}
    read = {joined[pin] for _, kind, joined in instances for pin in kinds[kind].inputs}
    for name in sorted(read - driven):
        nets[name] = make.input(name, 1)[0]
    nets |= {name: make.nets(1)[0] for name in sorted(driven)}
    for name, kind, joined in instances:
        pins = kinds[kind]
        make.cell(kind, [nets[joined[p]] for p in pins.inputs], [nets[joined[p]] for p in pins.outputs], name=name)
    for name in sorted(driven - read):
        make.output(name, [nets[name]])
    return make.build()


def _outputs(kind: str) -> tuple[str, ...]:
    return load_library()[kind].data.outputs


def bench(
    style: str, inputs: Sequence[int] = EVERY_ORDER, *, period: float = PERIOD, start: float = 100.0,
    temperature: float = 0.0,
) -> str:  # fmt: skip
    """A deck that applies `inputs` (a + 2 b) one a period; outputs at the junctions `Xload_s_1.B2`, `Xload_co_1.B2`."""
    s = STYLES[style]
    applied = stimuli(s, inputs, period=period, start=start)
    read = {net for _, kind, joined in s.instances for pin, net in joined.items() if pin not in _outputs(kind)}
    driven = {net for _, kind, joined in s.instances for pin, net in joined.items() if pin in _outputs(kind)}
    applied |= {net: [] for net in sorted(read - driven) if net not in applied}  # unused pins end in JTLs, too
    stop = start + period * (len(inputs) - 1) + s.delay_clk + 100.0
    return deck(s.instances, applied, ["s", "co"], stop=stop, temperature=temperature)


def stimuli(
    style: Style, inputs: Sequence[int], *, period: float = PERIOD, start: float = 100.0
) -> dict[str, list[float]]:
    """Pulse times (ps) of a, b and clk for `inputs` (a + 2 b), one a period; stored weights are set to 1 before."""
    slots = [start + period * i for i in range(len(inputs))]
    return {
        **{line: [start - 70.0] for line in style.weights},
        "a": [t for t, x in zip(slots, inputs) if x & 1],
        "b": [t + style.delay_b for t, x in zip(slots, inputs) if x & 2],
        "clk": [t + style.delay_clk for t in slots],
    }


def slots_of(style: str | Style, times: Sequence[float], *, period: float = PERIOD, start: float = 100.0) -> list[int]:
    """The input slot that each output pulse (ps) belongs to."""
    found = STYLES[style] if isinstance(style, str) else style
    return [int((t - start - found.delay_clk) // period) for t in times]
