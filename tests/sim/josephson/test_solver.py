"""The solver against physics: oscillators, the Josephson relations, lines, couplings, Johnson noise."""

from __future__ import annotations

import time

import numpy as np
import pytest

from nc.ir.diagnostics import NcError
from nc.sim.josephson.circuit import BOLTZMANN, FLUX_QUANTUM, K_PHI
from nc.sim.josephson.deck import read_deck
from nc.sim.josephson.solver import simulate


def run(text: str, **parameters: float):  # type: ignore[no-untyped-def]
    return simulate(read_deck(text, parameters=parameters))


def test_lc_oscillates_at_its_frequency() -> None:
    """10 pH and 0.1 pF: period 2 pi sqrt(LC) = 6.2832 ps."""
    r = run("L1 a 0 10p\nC1 a 0 0.1p\nI1 0 a pwl(0 100u 1p 0)\n.tran 0.01p 200p")
    v = r.voltage("a")
    rising = np.flatnonzero((v[:-1] < 0) & (v[1:] >= 0))
    at = r.times[rising] + 0.01 * -v[rising] / (v[rising + 1] - v[rising])
    assert np.diff(at)[2:].mean() == pytest.approx(2 * np.pi, rel=1e-4)


def test_rc_decays() -> None:
    r = run("R1 a 0 5\nC1 a 0 1p\nI1 0 a 100u\n.tran 0.01p 40p")
    np.testing.assert_allclose(r.voltage("a")[100:-1], 0.5 * (1 - np.exp(-r.times[100:-1] / 5)), atol=2e-3)


@pytest.mark.parametrize("drive", [1.2, 1.7, 2.5])
def test_overdamped_junction_has_the_textbook_voltage(drive: float) -> None:
    """RSJ: <V> = R sqrt(I^2 - Ic^2) (D. E. McCumber, 1968)."""
    model = ".model j jj(icrit=0.1mA, cap=0.0001p, r0=1000, rn=1000, rtype=0)"
    r = run(f"{model}\nB1 a 0 j area=1\nR1 a 0 2\nI1 0 a pwl(0 0 50p {drive * 100}u)\n.tran 0.02p 3000p")
    phase = r.junction("B1")
    half = len(phase) // 2
    mean = K_PHI * (phase[-1] - phase[half]) / (r.times[-1] - r.times[half])
    parallel = 1 / (1 / 2 + 1 / 1000)
    assert mean == pytest.approx(parallel * 0.1 * np.sqrt(drive**2 - 1), rel=0.02)


def test_voltage_drives_phase_at_the_josephson_frequency() -> None:
    r = run(".model j jj(icrit=0.1mA)\nB1 a 0 j\nV1 a 0 0.5m\n.tran 0.05p 100p")
    assert r.junction("B1")[-1] == pytest.approx(2 * np.pi * 0.5 * 100 / FLUX_QUANTUM, rel=1e-6)
    assert len(r.pulses("B1")) == round(0.5 * 100 / FLUX_QUANTUM)


def test_matched_line_delays_and_does_not_reflect() -> None:
    r = run("I1 0 a pulse(0 1m 10p 1p 1p 5p)\nR1 a 0 5\nT1 a 0 b 0 z0=5 td=20p\nR2 b 0 5\n.tran 0.05p 100p")
    near, far = r.voltage("a"), r.voltage("b")
    assert near.max() == pytest.approx(2.5, rel=0.02) and far.max() == pytest.approx(2.5, rel=0.02)
    peaks = [r.times[np.flatnonzero(v > 1.25)[0]] for v in (near, far)]
    assert peaks[1] - peaks[0] == pytest.approx(20.0, abs=0.2)
    assert np.abs(near[r.times > 25]).max() < 0.02


def test_open_line_reflects() -> None:
    r = run("I1 0 a pulse(0 1m 10p 1p 1p 5p)\nR1 a 0 5\nT1 a 0 b 0 z0=5 td=20p\nR2 b 0 5000\n.tran 0.05p 100p")
    near = r.voltage("a")
    assert near[(r.times > 45) & (r.times < 60)].max() == pytest.approx(2.5, rel=0.05)


def test_coupled_inductors_share_flux() -> None:
    """A current step of I in L1 drives M I / L2 through the shorted secondary."""
    deck = "L1 a 0 10p\nL2 b 0 40p\nK1 L1 L2 0.5\nI1 0 a pwl(0 0 10p 100u)\nR1 b c 0.001\nL3 c 0 1000p\nRa a 0 50\n"
    r = run(deck + "Rb b 0 50\n.tran 0.1p 100p")
    mutual = 0.5 * np.sqrt(10 * 40)
    flux = K_PHI * r.node_phase[r.circuit.node("b")][-1]
    current = flux / 1000  # through L3
    assert flux == pytest.approx(mutual * 0.1 - 40 * current, rel=0.02)


def test_johnson_noise_has_the_equipartition_variance() -> None:
    """kT/C: a resistor with a capacitor holds <V^2> = kT / C."""
    r = run("R1 a 0 5\nC1 a 0 0.5p\n.temp 4.2\n.tran 0.1p 40000p")
    v = np.diff(r.node_phase[1]) * K_PHI / 0.1
    assert np.var(v) == pytest.approx(BOLTZMANN * 4.2 / 0.5e-12 * 1e6, rel=0.1)


def test_subcircuits_in_both_orders_and_parameters() -> None:
    body = ".param rr=2*x\n.param x=1\n"
    text = ".param x=2\n.param rr={2*x+1k*0.001}\n.subckt half p\nR1 p 0 {rr}\n.ends\n"
    text += "Xa half n\nXb n half\nI1 0 n 1m\n.tran 0.1p 1p"
    c = read_deck(text)
    assert [r.value for r in c.resistors] == [5.0, 5.0]
    assert [r.name for r in c.resistors] == ["Xa.R1", "Xb.R1"]
    assert read_deck(text, parameters={"x": 4}).resistors[0].value == 9.0
    with pytest.raises(NcError, match="line 1: parameter must be defined before its use, not 'x'"):
        read_deck(body)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("Q1 a b c bjt", "line 1: element must be one of B R L C K T I V P X, not 'Q1'"),
        ("B1 a 0 nomodel", "line 1: junction 'B1' must name a .model, not 'nomodel'"),
        (".measure x", "line 1: command must be one of .param .model .subckt"),
        ("R1 a 0 -5", "line 1: value of 'R1' must be positive, not -5"),
        ("I1 0 a pwl(0 0 5p)", "line 1: pwl must be pairs of time and value"),
        ("X1 foo a b", "line 1: instance 'X1' must name a subcircuit with 2 pins"),
        ("L1 a 0 1p\nK1 L1 L9 0.5", "coupling must name two inductors, not 'L1' and 'L9'"),
    ],
)
def test_unsupported_decks_are_refused_by_line(row: str, message: str) -> None:
    with pytest.raises(NcError) as error:
        read_deck(row)
    assert "NC821" in str(error.value) and message in str(error.value)


def test_a_floating_node_is_named() -> None:
    with pytest.raises(NcError, match="NC822.*every node must have a path to ground; without one: z"):
        run("R1 a 0 5\nI1 0 z 1u\n.tran 0.1p 1p")


@pytest.mark.slow
def test_a_thousand_junctions_take_seconds() -> None:
    stage = "L{0} n{0} n{1} 4p\nB{0} n{1} 0 j area=2.5\nR{0} n{1} 0 2.7\nI{0} 0 n{1} pwl(0 0 5p 175u)\n"
    text = ".model j jj(icrit=0.1mA, cap=0.07p, r0=160, rn=16)\n"
    text += "".join(stage.format(i, i + 1) for i in range(1000))
    text += "Iin 0 n0 pwl(0 0 47.5p 0 50p 600u 52.5p 0)\nRin n0 0 100\nRend n1000 0 2\n.tran 0.1p 500p"
    circuit = read_deck(text)
    simulate(read_deck(text.replace("500p", "1p")))  # compile
    begin = time.perf_counter()
    simulate(circuit)
    assert time.perf_counter() - begin < 20.0
