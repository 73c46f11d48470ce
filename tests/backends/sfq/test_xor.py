"""The XOR network at 20 GHz, junction by junction: all inputs in every order, margins, tuning."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nc.backends.sfq import xor
from nc.backends.sfq.emit import cell_json
from nc.backends.sfq.library import load_library
from nc.backends.sfq.xor import (
    CROSSPOINT,
    EVERY_ORDER,
    OFF,
    ON,
    STYLES,
    Instance,
    Style,
    bench,
    netlist,
    slots_of,
    stimuli,
)
from nc.ir.netlist import Netlist
from nc.sim.josephson.deck import read_deck
from nc.sim.josephson.margins import margin
from nc.sim.josephson.solver import simulate
from nc.sim.pulse import PulseCircuit, PulseTrace
from nc.sim.pulse_build import cell_model

XOR = [i for i, x in enumerate(EVERY_ORDER) if x in (1, 2)]
AND = [i for i, x in enumerate(EVERY_ORDER) if x == 3]


def fired(style: str, seed: int = 0, temperature: float = 0.0, **parameters: float) -> tuple[list[int], int]:
    """Slots in which the sum fires, and how many carries there are."""
    text = bench(style, temperature=temperature)
    found = simulate(read_deck(text, parameters=parameters), seed=seed)
    return slots_of(style, found.pulses("Xload_s_1.B2").tolist()), len(found.pulses("Xload_co_1.B2"))


def test_the_sequence_holds_every_order() -> None:
    assert len(set(zip(EVERY_ORDER, EVERY_ORDER[1:]))) == 16


@pytest.mark.parametrize(("style", "tune"), [("popcount", 0.0), ("crosspoint", 0.0), ("tuned", ON)])
@pytest.mark.parametrize("bias", [0.8, 1.0, 1.2])
def test_xor_and_carry_within_twenty_percent_of_bias(style: str, tune: float, bias: float) -> None:
    slots, carries = fired(style, BIAS=bias, TUNE=tune)
    assert slots == XOR
    assert carries == len(AND)


@pytest.mark.parametrize("bias", [0.8, 1.0, 1.2])
def test_the_tuning_current_switches_the_function_off(bias: float) -> None:
    assert fired("tuned", BIAS=bias, TUNE=OFF) == ([], 0)


def test_thermal_noise_at_4_2_kelvin_does_not_disturb_it() -> None:
    assert fired("popcount", temperature=4.2, seed=3)[0] == XOR


def test_junctions() -> None:
    assert {name: style.junctions for name, style in STYLES.items()} == {
        "popcount": 16,
        "crosspoint": 80,
        "tuned": 28,
    }


def pulses(
    instances: tuple[Instance, ...], style: Style, *, period: float = 50.0, **more: list[float]
) -> tuple[PulseTrace, Netlist]:
    library = load_library()
    circuit = netlist(instances, library)
    models = {name: cell_model(name, cell_json(library[name])) for _, name, _ in instances}
    applied = {**stimuli(style, EVERY_ORDER, period=period), **more}
    applied |= {port.name: [] for port in circuit.inputs if port.name not in applied}
    nets = [int(circuit.port(name).nets[0]) for name, times in applied.items() for _ in times]
    return PulseCircuit(circuit, models).run(nets, [t for times in applied.values() for t in times]), circuit


@pytest.mark.parametrize("style", list(STYLES))
def test_pulse_counts_equal_those_of_the_junctions(style: str) -> None:
    timed = STYLES[style].at_pulse_level
    trace, circuit = pulses(timed.instances, timed)
    assert trace.violation_count == 0
    s, co = (trace.on(int(circuit.port(name).nets[0])) for name in ("s", "co"))
    assert slots_of(timed, s.tolist()) == XOR
    assert (XOR, len(co)) == fired(style, TUNE=ON)


@pytest.mark.parametrize(("style", "shortest"), [("popcount", 45.5), ("crosspoint", 43.0), ("tuned", 44.0)])
def test_exact_up_to_its_clock_and_violated_beyond(style: str, shortest: float) -> None:
    timed = STYLES[style].at_pulse_level
    for period, legal in ((shortest, True), (shortest - 1.0, False)):
        trace, circuit = pulses(timed.instances, timed, period=period)
        sums = trace.on(int(circuit.port("s").nets[0])).tolist()
        right = slots_of(timed, sums, period=period) == XOR
        assert (trace.violation_count == 0 and right) == legal


@pytest.mark.parametrize(("weights", "expected"), [((1, 1), (1, 2)), ((1, 0), (1, 3)), ((0, 1), (2, 3)), ((0, 0), ())])
def test_crosspoint_synapses_gate_their_inputs(weights: tuple[int, int], expected: tuple[int, ...]) -> None:
    """With both weights set the neuron's sum is XOR; with one it is that input; with none it is silent."""
    lines = tuple(line for line, weight in zip(("wa", "wb"), weights) if weight)
    style = replace(STYLES["crosspoint"].at_pulse_level, weights=lines)
    trace, circuit = pulses(CROSSPOINT, style, ra=[], rb=[])
    assert trace.violation_count == 0
    sums = trace.on(int(circuit.port("s").nets[0])).tolist()
    assert slots_of(style, sums) == [i for i, x in enumerate(EVERY_ORDER) if x in expected]


@pytest.mark.parametrize(("weights", "expected"), [((1, 0), (1, 3)), ((0, 1), (2, 3)), ((0, 0), ())])
def test_stored_weights_gate_the_junctions_too(
    weights: tuple[int, int], expected: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = tuple(line for line, weight in zip(("wa", "wb"), weights) if weight)
    monkeypatch.setattr(xor, "STYLES", {**STYLES, "crosspoint": replace(STYLES["crosspoint"], weights=lines)})
    assert fired("crosspoint")[0] == [i for i, x in enumerate(EVERY_ORDER) if x in expected]


def test_coincident_pulses_are_reported() -> None:
    style = Style(STYLES["popcount"].instances, 0.0, 48.0)
    trace, _ = pulses(style.instances, style)
    assert trace.violation_count > 0
    assert "node 'merge (MERGE)'" in str(trace.violations[0])


@pytest.mark.slow
def test_margins_of_the_popcount_style() -> None:
    found = margin(lambda bias: fired("popcount", BIAS=bias)[0] == XOR)
    assert found.low is not None and found.high is not None
    assert found.low <= 0.78 and found.high >= 1.26
