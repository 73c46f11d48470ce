"""A mesh of cores equals the integer interpreter, whichever neuron lies where."""

from __future__ import annotations

import numpy as np
import pytest

from nc.hdl.spiking.mesh import SpikingMesh
from nc.hdl.spiking.mesh_program import levels, neuron_order, spread
from nc.hdl.spiking.top import stream_spec
from nc.ir.spiking.run_fixed import run
from tests.hdl.spiking.drive import simulate
from tests.ir.spiking.networks import random_fixed


def on_mesh(network, inputs, mesh, seed, **kwargs):
    """All neurons (N, T, n), spread at random over every cell."""
    rng = np.random.default_rng(seed)
    cells = [(x, y) for y in range(mesh[1]) for x in range(mesh[0])]
    core = {p.name: rng.integers(0, len(cells), p.size) for p in network.populations if p.kind != "input"}
    top = SpikingMesh(spread(network, core, cells, mesh, observe="all"))
    return simulate(top, stream_spec(top.frames, inputs.shape[1]), inputs, **kwargs)


def golden(network, inputs):
    names = [p.name for p in neuron_order(network)]
    found = run(network, inputs, record=names).outputs
    return np.concatenate([found[n] for n in names], axis=2)


@pytest.mark.parametrize(("seed", "mesh", "stalls"), [(0, (2, 2), None), (1, (3, 2), 5), (2, (1, 3), None)])
def test_random_placement(seed, mesh, stalls):
    network = random_fixed(seed, cuba=bool(seed % 2), hidden=16)
    inputs = (np.random.default_rng(seed).random((2, 10, 6)) < 0.4).astype(np.int64)
    want = golden(network, inputs)
    assert want.any()
    assert (on_mesh(network, inputs, mesh, seed, stalls=stalls) == want).all()


def test_levels_count_instant_projections_only():
    assert levels(random_fixed(0)) == {"in": 0, "a": 0, "b": 1}


def test_output_membranes_of_different_cores_meet_in_one_frame():
    from dataclasses import replace

    network = random_fixed(6)
    readout = tuple(replace(p, fires=False, reset="none") if p.name == "b" else p for p in network.populations)
    keep = tuple(q for q in network.projections if q.source != "b")
    network = replace(network, populations=readout, projections=keep)
    inputs = (np.random.default_rng(1).random((1, 8, 6)) < 0.5).astype(np.int64)
    want = golden(network, inputs)
    assert (want[..., -4:] < 0).any()
    assert (on_mesh(network, inputs, (2, 2), 3) == want).all()
