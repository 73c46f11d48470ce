"""The streaming style as a user has it: hardware ≡ integer graph under stalls, clocks as predicted, blocks inferred."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nc.backends.fpga import streaming
from nc.backends.fpga.options import Options
from nc.backends.fpga.proofs import vectors
from nc.backends.synth.synthesise import synthesise
from nc.compiler.driver.compiling import compile
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.simulating import simulate
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate
from nc.ir.ops.base import frozen
from nc.ir.ops.conv import Conv
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.reshape import Reshape
from nc.ir.types import IntType, TensorType
from nc.sim.engine import SimulationRequest
from nc.sim.engine import simulate as run
from tests.compiler.streaming.networks import random_network

SEEDS = range(8)


def hardware(seed: int, folds: tuple[int, ...] = (20, 150, 400), samples: int = 3) -> None:
    rng = np.random.default_rng(seed)
    graph = random_network(rng, blocks=int(rng.integers(1, 3)), extent=4, most_channels=2)
    target = int(rng.choice(folds))
    width = "full" if rng.random() < 0.5 else 24
    options = Options.model_validate({"style": "streaming", "fold": {"target_ii": target}, "io": {"width": width}})
    design = streaming.build(graph, options)
    inputs = vectors(graph, samples)
    (name,) = graph.outputs
    expected = evaluate(graph, inputs)[name]
    request = SimulationRequest(Path(), design.spec, [inputs["x"]], [expected], module=design.top, seed=seed)
    found = run(request, "amaranth")
    assert (found.mismatches, found.violations) == (0, ()), design.flow


@pytest.mark.parametrize("seed", SEEDS)
def test_hardware_equals_the_graph_and_takes_the_predicted_clocks(seed: int) -> None:
    hardware(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
def test_more_hardware(seed: int) -> None:
    hardware(seed, (1, 40, 150, 600, 2000), samples=4)


def network() -> Graph:
    """A convolution and a dense layer with weights enough for block RAM."""
    rng = np.random.default_rng(0)
    build = Builder("g")
    x = build.input("x", TensorType((4, 8, 8), IntType(0, 255)))
    build.origin = "conv"
    x = build.add(Conv((2, 2), (1, 1, 1, 1), (1, 1), 1), x, build.constant(rng.integers(-127, 128, (8, 4, 3, 3))))
    x = build.add(Requantize(frozen(np.array([1])), frozen(rng.integers(0, 99, 8)), 8, 0, 255), x)
    build.origin = "fc"
    flat = build.add(Reshape((128,)), x)
    build.output("y", build.add(MatMul(), flat, build.constant(rng.integers(-127, 128, (128, 10)))))
    return build.finish()


@pytest.mark.parametrize(
    ("device", "ram", "dsp"),
    [
        pytest.param("ice40-up5k", "SB_RAM40_4K", "SB_MAC16", marks=pytest.mark.slow),
        ("ecp5-85k", "DP16KD", "MULT18X18D"),
    ],
)
def test_block_rams_and_dsps_are_inferred(device: str, ram: str, dsp: str, tmp_path: Path) -> None:
    options = Options.model_validate({"style": "streaming", "fit": {"device": device}, "fold": {"target_ii": 2000}})
    design = streaming.build(network(), options)
    streaming.emit(design, tmp_path)
    result = synthesise([tmp_path / "hdl" / "top.v"], "top", device, out_dir=tmp_path / "synth")
    assert result.cell_types[dsp] == result.dsps > 0
    assert result.cell_types[ram] == result.brams > 0


def test_a_build_from_compile_to_verify(tmp_path: Path) -> None:
    model = Path(__file__).parents[3] / "examples" / "digits" / "digits_cnn.onnx"
    calib = tmp_path / "calib.npz"
    np.savez(calib, x=np.random.default_rng(0).integers(0, 17, (40, 1, 8, 8)).astype(np.float64))
    given = ["fold.reuse=36", "io.width=32", "quantise.weight_bits=4", "quantise.activation_bits=4"]
    build = tmp_path / "build"
    made = compile(model, target="fpga", output=build, set=given, calib=calib)
    estimate = made.build.manifest.estimate
    assert estimate["style"] == "streaming"
    assert estimate["layers"]["conv1"] == {"pe": 2, "simd": 1, "reuse": 27, "cycles": 1728, "multipliers": 2}  # type: ignore[index]
    found = simulate(build, engine="amaranth", vectors=2)
    assert found.ok and not found.mismatches
    assert found.latency_cycles == estimate["latency_cycles"]
    bench = json.loads((build / "tb" / "bench.json").read_text())["stream"]
    assert (bench["s_width"], bench["ii"]) == (20, estimate["ii_cycles"])
    opened = Opened.of(build)
    links = {link.name: link.verdict for link in opened.backend.links(build, opened.staged, opened.settings.options)}
    assert links == {"integer graph ≡ dataflow": "equal", "dataflow never gets stuck": "equal"}
    again = tmp_path / "again"
    compile(model, target="fpga", output=again, set=given, calib=calib)
    assert (again / "hdl" / "top.v").read_bytes() == (build / "hdl" / "top.v").read_bytes()
