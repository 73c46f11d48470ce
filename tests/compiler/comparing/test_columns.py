"""Each target's results in common units: the arithmetic of a comparison, and the words for what is not there."""

from __future__ import annotations

import pytest

from nc.backends.backend import Link
from nc.backends.registry import BUILT_IN
from nc.compiler.comparing.columns import COLUMNS, Evidence, figures
from nc.compiler.comparing.figures import LABELS, Figure, prefixed
from nc.compiler.driver.evaluating import Evaluation
from nc.compiler.driver.simulating import Simulation

HARDWARE = Link("integer graph ≡ hardware in verilator", "equal")


def evidence(estimate: dict, *, options: dict | None = None, synthesis: dict | None = None, **run: object) -> Evidence:
    simulation = Simulation("verilator", 64, 0, accuracy=0.9, **run) if run else None
    why = {"simulation": "verilator must be installed", "synthesis": "needs synthesis: --fidelity synth"}
    found = Evaluation(360, 0.95, 0.96, 0.99, 1e4)
    return Evidence(estimate, options or {}, found, "test.npz", simulation, synthesis, [HARDWARE], why)


def test_every_target_has_a_column() -> None:
    assert set(COLUMNS) == set(BUILT_IN)


def test_fpga_divides_measured_cycles_by_the_placed_clock() -> None:
    synthesis = {"device": "ice40-hx8k", "luts": 4506, "ffs": 1494, "brams": 0, "dsps": None, "fmax_mhz": 100.0}
    made = figures("fpga", evidence({}, synthesis=synthesis, latency_cycles=7, ii_cycles=10.0))
    assert made["latency"].value == pytest.approx(70e-9) and made["throughput"].value == pytest.approx(10e6)
    assert (made["luts"].value, made["luts"].basis) == (4506, "Yosys for ice40-hx8k") and "dsps" not in made
    assert made["energy"] == Figure(
        None, "J", "nc has no power model of FPGAs, and the vendors' estimators are not open"
    )  # fmt: skip
    assert made["accuracy"].link == HARDWARE.name and made["hardware_accuracy"].value == 0.9


def test_logic_without_registers_takes_a_period() -> None:
    synthesis = {"device": "ecp5-85k", "fmax_mhz": 50.0}
    made = figures("fpga", evidence({}, synthesis=synthesis, latency_cycles=0, ii_cycles=1.0))
    assert made["latency"].value == pytest.approx(20e-9)


def test_without_tools_there_is_a_reason_in_place_of_a_figure() -> None:
    made = figures("fpga", evidence({}))
    assert made["luts"] == Figure(None, "", "needs synthesis: --fidelity synth")
    assert made["clock"] == Figure(None, "Hz", "needs place and route: --fidelity pnr")
    assert made["latency_cycles"] == Figure(None, "cycles", "verilator must be installed")
    assert made["hardware_accuracy"] == Figure(None, "", "verilator must be installed")


def test_a_printed_circuit_leaks_for_its_whole_delay() -> None:
    estimate = {"power_mw": {"1.0": 5.0, "0.6": 2.0}, "delay_ms": {"1.0": 100.0, "0.6": 200.0}, "area_cm2": 1.5,
                "cell_counts": {"INVX1": 2, "NAND2X1": 3}}  # fmt: skip
    made = figures("printed", evidence(estimate, options={"printed": {"vdd": "0.6"}}, latency_cycles=0))
    assert made["energy"].value == pytest.approx(2e-3 * 0.2) and made["throughput"].value == pytest.approx(5)
    assert made["area"].value == pytest.approx(150) and made["cells"].value == 5


def test_threshold_takes_the_clock_of_its_technology() -> None:
    estimate = {"pes": 64, "clock_ns": 2.0, "area_um2": 1e6, "energy_nj": 1.5, "technology": "X, published figures"}
    made = figures("threshold", evidence(estimate, latency_cycles=100, ii_cycles=200.0))
    assert made["latency"].value == pytest.approx(200e-9) and made["throughput"].value == pytest.approx(2.5e6)
    assert made["area"].value == pytest.approx(1) and made["energy"].value == pytest.approx(1.5e-9)


@pytest.mark.parametrize(("unit", "scale"), [("fj", 1e-15), ("nj", 1e-9)])
def test_sfq_netlists_and_engines(unit: str, scale: float) -> None:
    estimate = {"clock_ghz": 20.0, "latency_ps": 500.0, "jj": {"total": 1000}, "area_mm2": 2.0, "power_rsfq_uw": 3.0,
                f"energy_rsfq_{unit}": 4.0, f"energy_ersfq_{unit}": 1.0}  # fmt: skip
    if unit == "nj":
        estimate["frames_per_second"] = 5e7
    made = figures("sfq", evidence(estimate, latency_cycles=10, ii_cycles=1.0))
    assert made["energy"].value == pytest.approx(4 * scale) and made["junctions"].value == 1000
    assert made["throughput"].value == pytest.approx(5e7 if unit == "nj" else 2e10)


def test_a_spiking_core_counts_all_its_memories() -> None:
    estimate = {"memory_bits": {"synapses": 100, "state": 28}, "neurons": 26, "synapses": 490}
    synthesis = {"device": "ecp5-85k", "fmax_mhz": 50.0, "luts": 700}
    made = figures("neuromorphic", evidence(estimate, synthesis=synthesis, latency_cycles=1100, ii_cycles=1000.0))
    assert made["latency"].value == pytest.approx(22e-6) and made["throughput"].value == pytest.approx(5e4)
    assert (made["memory"].value, made["cores"].value) == (128, 1)


def test_a_target_from_outside_has_what_every_simulation_has() -> None:
    assert figures("mine", evidence({}, latency_cycles=3, ii_cycles=1.0))["latency_cycles"].value == 3


def test_every_figure_has_a_label_and_words() -> None:
    made = figures("fpga", evidence({}))
    assert set(made) <= set(LABELS) and all(f.basis for f in made.values())


@pytest.mark.parametrize(
    ("value", "text"), [(9.996e5, "1,000 ks"), (1e-18, "0.001 fs"), (2.5e-3, "2.5 ms"), (5e12, "5,000 Gs")]
)
def test_prefixes(value: float, text: str) -> None:
    assert prefixed(value, "s") == text
