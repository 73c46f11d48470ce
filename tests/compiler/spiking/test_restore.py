"""The float network of a fixed one says the same at every tick."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nc.compiler.spiking.restore import restore
from nc.ir.diagnostics import NcError
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.reference import run
from nc.ir.spiking.run_fixed import run as run_fixed
from tests.ir.spiking.networks import random_fixed


def wide(seed: int, cuba: bool) -> FixedNetwork:
    """Decays that never round: all or nothing is kept; and room for every sum."""
    network = random_fixed(seed, cuba=cuba)
    changed = []
    for p in network.populations:
        if p.kind != "input":
            arrays = {**p.arrays, "decay_syn": p.arrays["decay_syn"] * 0}
            arrays["decay_mem"] = np.where(p.arrays["decay_mem"] > 170, 256, 0)
            arrays["reset_to"] = np.minimum(arrays["reset_to"], arrays["threshold"] - 1)
            p = replace(p, arrays=arrays, state_bits=24, overflow="saturate")
        changed.append(p)
    return replace(network, populations=tuple(changed))


@pytest.mark.parametrize("seed", range(4))
def test_same_spikes(seed):
    fixed = wide(seed, cuba=bool(seed % 2))
    x = (np.random.default_rng(seed).random((3, 20, 6)) < 0.4).astype(np.int64)
    want = run_fixed(fixed, x, record=["a", "b"]).outputs
    have = run(restore(fixed), x.astype(float), record=["a", "b"]).outputs
    assert want["a"].any() and want["b"].any()
    assert (have["a"] == want["a"]).all() and (have["b"] == want["b"]).all()


def test_a_current_without_decay_has_no_equation():
    fixed = random_fixed(1)
    kept = {**fixed.by_name["a"].arrays, "decay_syn": np.full(9, 256)}
    populations = tuple(replace(p, arrays=kept) if p.name == "a" else p for p in fixed.populations)
    with pytest.raises(NcError) as error:
        restore(replace(fixed, populations=populations))
    assert str(error.value) == ("error[NC931]: the current must decay to have a time constant\n  --> node 'a'")
