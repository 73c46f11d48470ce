"""The backend satisfies the protocol and emits the same bytes twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nc.backends.neuromorphic import BACKEND
from nc.backends.registry import find
from nc.ir.graph import Builder
from nc.ir.interpret import evaluate
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.requantize import Requantize
from nc.ir.spiking.run_fixed import run
from nc.ir.types import IntType, TensorType
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


def test_memories_read_back_are_the_network():
    (link,) = BACKEND.links(Path(), random_fixed(4), OPTIONS)
    assert (link.verdict, link.detail.split()[1]) == ("equal", "synapses")


def test_ordinary_graph_is_converted():
    build = Builder("mlp")
    x = build.input("x", TensorType((6,), IntType(0, 7)))
    weight = np.random.default_rng(0).integers(-3, 4, (6, 5))
    act = build.add(Requantize(np.array([1]), np.array([2]), 2, 0, 7), build.add(MatMul(), x, build.constant(weight)))
    build.output("y", build.add(MatMul(), act, build.constant(np.eye(5, dtype=np.int64))))
    graph = build.finish()
    options = BACKEND.Options.model_validate({"spiking": {"ticks": 64}})
    network = BACKEND.lower(graph, options).network
    inputs = np.random.default_rng(1).integers(0, 8, (50, 6))
    out = run(network, np.repeat(inputs[:, None], 64, axis=1)).outputs["y"][:, -1] * network.by_name["y"].scale / 64
    want = evaluate(graph, {"x": inputs})["y"]
    assert np.abs(out - want).mean() < 0.5
