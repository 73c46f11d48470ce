"""The float interpreter against closed-form solutions of NIR's equations."""

from __future__ import annotations

import numpy as np
import pytest

from nc.ir.diagnostics import NcError
from nc.ir.spiking.reference import run
from tests.ir.spiking.networks import one_neuron

DT, TAU, R, LEAK = 1e-3, 0.02, 3.0, 0.1


def constant(ticks: int, value: float = 1.0) -> np.ndarray:
    return np.full((1, ticks, 1), value)


def test_exponential_euler_of_a_leaky_integrator_is_the_exact_solution():
    network = one_neuron("li", DT, tau=TAU, r=R, v_leak=LEAK, integrator="exponential_euler")
    v = run(network, constant(50)).outputs["n"][0, :, 0]
    t = DT * np.arange(1, 51)
    np.testing.assert_allclose(v, (LEAK + R) * (1 - np.exp(-t / TAU)), rtol=1e-12)


def test_forward_euler_converges_to_it():
    network = one_neuron("li", DT / 100, tau=TAU, r=R, v_leak=LEAK)
    v = run(network, constant(5000)).outputs["n"][0, -1, 0]
    assert v == pytest.approx((LEAK + R) * (1 - np.exp(-0.05 / TAU)), rel=1e-3)


@pytest.mark.parametrize("tau_syn", [0.005, 0.02])
def test_exact_cuba_solves_both_states_together(tau_syn):
    network = one_neuron("cuba_li", DT, tau_syn=tau_syn, tau_mem=TAU, r=R, w_in=2.0, integrator="exact")
    coarse = run(network, constant(40)).outputs["n"][0, -1, 0]
    fine = one_neuron("cuba_li", DT / 1000, tau_syn=tau_syn, tau_mem=TAU, r=R, w_in=2.0)
    assert coarse == pytest.approx(run(fine, constant(40000)).outputs["n"][0, -1, 0], rel=1e-3)


@pytest.mark.parametrize(
    ("reset", "expected"),
    [("to_value", [0, 1, 0, 1, 0, 1]), ("subtract", [0, 1, 1, 0, 1, 1]), ("none", [0, 1, 1, 1, 1, 1])],
)
def test_reset_modes(reset, expected):
    network = one_neuron("if", 1.0, weight=0.7, v_threshold=1.0, reset=reset)
    assert run(network, constant(6)).outputs["n"][0, :, 0].tolist() == expected


def test_refractory_neuron_ignores_input_for_as_many_ticks():
    network = one_neuron("if", 1.0, weight=2.0, v_threshold=1.0, refractory=2)
    assert run(network, constant(7)).outputs["n"][0, :, 0].tolist() == [1, 0, 0, 1, 0, 0, 1]


def test_spike_delay_shifts_the_output():
    network = one_neuron("if", 1.0, weight=2.0, v_threshold=1.0, spike_delay=2)
    assert run(network, constant(5)).outputs["n"][0, :, 0].tolist() == [0, 0, 1, 1, 1]


def test_threshold_is_strict_unless_told_otherwise():
    values = np.array([[[1.0], [1.5]]])
    strict = one_neuron("threshold", 1.0, v_threshold=1.0)
    weak = one_neuron("threshold", 1.0, v_threshold=1.0, compare=">=")
    assert run(strict, values).outputs["n"].ravel().tolist() == [0, 1]
    assert run(weak, values).outputs["n"].ravel().tolist() == [1, 1]


def test_delta_sends_the_thresholded_change():
    network = one_neuron("delta", 1.0, v_threshold=1.0)
    values = np.array([0.4, 1.2, 3.9, 3.9, -1.0])[None, :, None]
    assert run(network, values).outputs["n"].ravel().tolist() == [0, 1, 2, 0, -4]


def test_wrong_input_shape():
    with pytest.raises(NcError) as error:
        run(one_neuron("if", v_threshold=1.0), np.zeros((1, 4, 2)))
    assert str(error.value) == "error[NC911]: input must have shape (sequences, ticks, 1), not (1, 4, 2)"
