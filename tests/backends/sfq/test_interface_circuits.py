"""Cells at the edge of a chip as junction circuits: DC to SFQ, SFQ to DC, PTL driver and receiver."""

from __future__ import annotations

import numpy as np
import pytest

from nc.backends.sfq.circuits import deck, junctions
from nc.sim.josephson.circuit import K_PHI
from nc.sim.josephson.deck import read_deck
from nc.sim.josephson.solver import simulate


@pytest.mark.parametrize("bias", [0.8, 1.0, 1.2])
def test_a_rising_edge_is_one_pulse(bias: float) -> None:
    edges = " ".join(f"{60 + i}p 0 {80 + i}p 500u {120 + i}p 500u {140 + i}p 0" for i in (0, 100, 200))
    text = deck(
        [("u", "DCSFQ", {"a": "a", "q": "q"})], {}, ["q"], stop=420.0, extra=[f"Iin 0 a pwl(0 0 50p 0 {edges})"]
    )
    found = simulate(read_deck(text, parameters={"BIAS": bias})).pulses("Xload_q_1.B2")
    assert [int(t // 100) for t in found.tolist()] == [0, 1, 2]


@pytest.mark.parametrize("bias", [0.82, 1.0, 1.18])
def test_every_pulse_toggles_the_output_voltage(bias: float) -> None:
    applied = [100.0, 200.0, 300.0, 400.0, 500.0]
    text = deck([("u", "SFQDC", {"a": "a", "q": "q"})], {"a": applied}, [], stop=600.0, extra=["Rq q 0 50"])
    found = simulate(read_deck(text, parameters={"BIAS": bias}))
    phase = found.node_phase[found.circuit.node("Xu.s")]
    windows = [np.searchsorted(found.times, (t + 40.0, t + 95.0)) for t in [0.0, *applied]]
    volts = [K_PHI * (phase[b] - phase[a]) / (found.times[b] - found.times[a]) for a, b in windows]
    assert all(v < 0.03 for v in volts[::2]) and all(v > 0.1 for v in volts[1::2])  # mV


@pytest.mark.parametrize("delay", [3.0, 10.0, 20.0])
@pytest.mark.parametrize("bias", [0.8, 1.0, 1.2])
def test_pulses_pass_a_transmission_line(bias: float, delay: float) -> None:
    """Each pulse once, 20 to 50 ps apart, all as late as the first."""
    applied = [100.0, 130.0, 160.0, 200.0, 250.0, 270.0]
    instances = [("tx", "PTLTX", {"a": "a", "q": "from"}), ("rx", "PTLRX", {"a": "to", "q": "q"})]
    text = deck(instances, {"a": applied}, ["q"], stop=420.0, extra=[f"Tline from 0 to 0 z0=5 td={delay}p"])
    found = simulate(read_deck(text, parameters={"BIAS": bias})).pulses("Xload_q_1.B2")
    assert len(found) == len(applied)
    assert np.ptp(found - np.array(applied)) < 3.0


def test_junction_counts() -> None:
    found = {name: junctions(name) for name in ("DCSFQ", "SFQDC", "PTLTX", "PTLRX")}
    assert found == {"DCSFQ": 3, "SFQDC": 7, "PTLTX": 2, "PTLRX": 3}
