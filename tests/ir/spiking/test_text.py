"""Spiking networks print and parse back, in both forms."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nc.compiler.spiking.quantise import Precision, quantise
from nc.ir.diagnostics import NcError
from nc.ir.spiking import text
from tests.ir.spiking.networks import one_neuron, random_fixed

CUBA = one_neuron("cuba_lif", tau_syn=0.005, tau_mem=0.01, v_threshold=0.3, reset="subtract", refractory=3)


@pytest.mark.parametrize("network", [CUBA, quantise(CUBA, Precision()), random_fixed(3)])
def test_round_trip(network):
    printed, arrays = text.dumps(network)
    again = text.loads(printed, arrays)
    assert type(again) is type(network)
    assert text.dumps(again)[0] == printed
    for a, b in zip(network.projections, again.projections):
        assert a.connectivity == b.connectivity
    inputs = np.ones((1, 6, sum(p.size for p in network.inputs)), np.int64)
    from nc.ir.spiking import reference, run_fixed

    engine = run_fixed if printed.startswith("spiking fixed") else reference
    assert (
        engine.run(network, inputs).outputs[network.outputs[0]] == engine.run(again, inputs).outputs[network.outputs[0]]
    ).all()


def test_damaged_line_is_located():
    printed, arrays = text.dumps(CUBA)
    broken = printed.replace('"kind": "dense"', '"kind": "dens"')
    with pytest.raises(NcError) as error:
        text.loads(broken, arrays)
    assert "connectivity must be one of chain, conv2d, dense, scale, sparse, sum_pool2d, not 'dens'" in str(error.value)
    with pytest.raises(NcError) as error:
        text.loads(printed, {})
    assert str(error.value) == "\n".join(
        [
            "error[NC909]: line 4: projection 'w' could not be read: array '@w/weight' is not in the companion file",
            "  --> model.nc",
        ]
    )


def test_text_is_json_after_the_name():
    line = text.dumps(CUBA)[0].splitlines()[2]
    assert json.loads(line.removeprefix('population "n" '))["model"] == "cuba_lif"
