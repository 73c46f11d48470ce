"""The backend satisfies the protocol and emits the same bytes twice."""

from __future__ import annotations

import numpy as np

from nc.backends.neuromorphic import BACKEND
from nc.backends.registry import find
from nc.ir.spiking.run_fixed import run
from tests.hdl.spiking.drive import simulate
from tests.ir.spiking.networks import one_neuron, random_fixed

OPTIONS = BACKEND.Options.model_validate({"spiking": {"ticks": 8}})


def test_found_by_the_registry():
    assert find("neuromorphic") is BACKEND


def test_module_computes_the_network():
    network = random_fixed(4)
    design = BACKEND.lower(network, OPTIONS)
    inputs = (np.random.default_rng(0).random((3, 8, 6)) < 0.5).astype(np.int64)
    got = simulate(BACKEND.module(design), BACKEND.testbench(design), inputs)
    assert (got == run(network, inputs).outputs["b"]).all()


def test_emission_is_reproducible(tmp_path):
    for name in ("one", "two"):
        BACKEND.emit(BACKEND.lower(random_fixed(4), OPTIONS), tmp_path / name)
    first, second = ((tmp_path / n / "hdl/top.v").read_bytes() for n in ("one", "two"))
    assert first == second
    assert b"module top(" in first


def test_check_returns_what_is_unsupported():
    found = BACKEND.check(one_neuron("delta", v_threshold=1.0), OPTIONS)
    assert [d.code for d in found] == ["NC931"]


def test_mesh_option_maps_and_computes_the_same(tmp_path):
    options = BACKEND.Options.model_validate({"spiking": {"ticks": 8}, "mesh": {"columns": 2, "rows": 2, "neurons": 4}})
    network = random_fixed(4)
    design = BACKEND.lower(network, options)
    inputs = (np.random.default_rng(0).random((2, 8, 6)) < 0.5).astype(np.int64)
    got = simulate(BACKEND.module(design), BACKEND.testbench(design), inputs)
    assert (got == run(network, inputs).outputs["b"]).all()
    assert BACKEND.estimate(design)["mapping"]["cores"] == 4
    BACKEND.emit(design, tmp_path)
    assert "module top_router_0_0(" in (tmp_path / "hdl/top.v").read_text()
