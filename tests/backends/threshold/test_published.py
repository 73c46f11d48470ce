"""Layers of the published networks, whole, on the array in Verilator; whole networks scheduled in the time promised."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from nc.backends.threshold import BACKEND, golden
from nc.backends.threshold.layers import place_network
from nc.backends.threshold.options import Options
from nc.backends.threshold.published import NETWORKS, convolution, network
from nc.backends.threshold.report import layer_rows
from nc.hdl.threshold.shape import PeShape
from nc.ir.interpret import evaluate
from nc.sim.bench import write_bench
from nc.sim.engine import SimulationRequest, simulate


@pytest.mark.parametrize("name", ["TFC", "BinaryNet", "AlexNet"])
def test_whole_networks_are_scheduled(name: str) -> None:
    """256 elements: operations as the layer shapes say, and cycles no shorter than every layer's bound."""
    begin = time.process_time()
    placement = place_network(network(name, 256), 256, PeShape(), images=False)
    assert time.process_time() - begin < 120
    rows = layer_rows(placement)
    assert [row["layer"] for row in rows] == [shape.name for shape in NETWORKS[name]]
    for row, placed in zip(rows, placement.layers, strict=True):
        assert row["ops"] == 2 * placed.layer.node.fan_in * placed.layer.outputs * placed.layer.window.positions * (
            placed.layer.window.subs
        )
        assert int(str(row["node_cycles"])) >= int(str(row["lower_bound"]))
        assert 0 < float(str(row["utilisation"])) <= 1


@pytest.mark.parametrize(("name", "layer"), [("BinaryNet", "conv2"), ("AlexNet", "conv3")])
def test_a_whole_convolution_on_the_golden_array(name: str, layer: str) -> None:
    """Every output bit of the programs, run cycle by cycle, equals the integer graph's."""
    graph = convolution(name, layer)
    design = BACKEND.lower(graph, Options.model_validate({"array": {"pes": 128}}))
    x = np.random.default_rng(5).integers(0, 2, (1, *design.spec().inputs[0].shape)) * 2 - 1
    want = evaluate(graph, {"x": x})["y"]
    assert 0.1 < (want > 0).mean() < 0.9
    assert np.array_equal(golden.run(design.placement, x)[0].reshape(-1), want.reshape(-1))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "layer", "pes"), [("BinaryNet", "conv2", 128), ("AlexNet", "conv3", 128)])
def test_a_whole_convolution_in_verilator(name: str, layer: str, pes: int, tmp_path: Path) -> None:
    """All channels, all positions, with zero padding (and the pool of BinaryNet's conv2): every output bit equals the
    integer graph, latency and interval are those of the schedule."""
    graph = convolution(name, layer)
    design = BACKEND.lower(graph, Options.model_validate({"array": {"pes": pes}}))
    BACKEND.emit(design, tmp_path)
    spec = BACKEND.testbench(design)
    assert spec is not None
    x = np.random.default_rng(5).integers(0, 2, (1, *spec.inputs[0].shape)) * 2 - 1
    want = evaluate(graph, {"x": x})["y"]
    assert 0.1 < (want > 0).mean() < 0.9
    write_bench(tmp_path / "tb", spec, sorted((tmp_path / "hdl").glob("*.v")), [x], [want])
    found = simulate(SimulationRequest(tmp_path, spec, [x], [want], limit_s=3000), "verilator")
    assert (found.mismatches, found.violations) == (0, ())
    assert found.latency_cycles == design.placement.latency
