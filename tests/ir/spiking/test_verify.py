"""Contradictory networks are refused, with every problem at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nc.ir.diagnostics import NcError
from nc.ir.spiking.connect import Dense
from nc.ir.spiking.network import Projection
from tests.ir.spiking.networks import one_neuron, random_fixed


def refused(network) -> str:
    with pytest.raises(NcError) as error:
        network.verify()
    return str(error.value)


def test_every_bad_parameter_is_named():
    text = refused(one_neuron("lif", tau=-1.0, v_leak=np.nan, v_treshold=1.0))
    assert text == "\n".join(
        [
            "error[NC904]: 'v_leak' must be finite, but 1 of 1 values are not",
            "  --> node 'n', tensor 'v_leak'",
            "error[NC903]: parameter 'v_threshold' of lif must be given",
            "  --> node 'n'",
            "  help: tau dv/dt = (v_leak - v) + r S; spike when v > v_threshold",
            "error[NC910]: lif has no parameter 'v_treshold'",
            "  --> node 'n'",
            "  help: did you mean 'v_threshold'?",
        ]
    )


def test_zero_threshold():
    assert refused(one_neuron("if", v_threshold=0.0)) == "\n".join(
        [
            "error[NC905]: 'v_threshold' must be above v_reset, but is not for 1 of 1 neurons",
            "  --> node 'n', tensor 'v_threshold'",
            "  help: a neuron that is reset to its threshold or above fires at every tick",
        ]
    )


def test_time_constant_below_dt():
    assert "'tau' must be at least dt = 0.001 s with forward Euler, not 0.0005 s" in refused(
        one_neuron("lif", tau=5e-4, v_threshold=1.0)
    )
    one_neuron("lif", tau=5e-4, v_threshold=1.0, integrator="exponential_euler").verify()


def test_instant_loop():
    network = one_neuron("if", v_threshold=1.0)
    loop = Projection("loop", "n", "n", Dense(np.ones((1, 1))))
    assert refused(replace(network, projections=(*network.projections, loop))) == "\n".join(
        [
            "error[NC907]: projections of delay 0 must not form a cycle, as they do among n",
            "  help: give the recurrent projection a delay of at least one tick",
        ]
    )
    replace(network, projections=(*network.projections, replace(loop, delay=1))).verify()


def test_weights_must_fit_their_bits():
    network = random_fixed(0)
    narrow = replace(network.projections[0], bits=3)
    assert "error[NC910]: weights must fit 3 bits, not reach 3" in refused(
        replace(network, projections=(narrow, *network.projections[1:]))
    )
