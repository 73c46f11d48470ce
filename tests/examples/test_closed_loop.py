"""The GRU that brings a swinging mass to rest: its integers do so in a closed loop, and the hardware equals them."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nc.compiler.data import Dataset
from nc.compiler.driver.compiling import compile
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.simulating import simulate
from nc.ir.graph import Graph
from nc.ir.interpret import evaluate, steps
from nc.sim.engine import available

torch = pytest.importorskip("torch")

FOLDER = Path(__file__).parents[2] / "examples" / "closed_loop"
STEPS = 250


@pytest.fixture(scope="module")
def plant() -> Any:
    spec = importlib.util.spec_from_file_location("closed_loop_train", FOLDER / "train.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("closed") / "build"
    compile(FOLDER / "controller.onnx", target="fpga", output=folder, calib=FOLDER / "recording.npz",
            set=["quantise.activation_bits=7", "pipeline.stages=2"])  # fmt: skip
    return folder


def closed(graph: Graph, plant: Any, position: float, velocity: float) -> tuple[Any, Any]:
    """Positions (STEPS,) of the closed loop, and the integers that the controller saw, (STEPS, 1, 1)."""
    port, out = graph.type(graph.inputs["position"]), graph.type(graph.outputs["force"])
    assert port.meaning is not None and out.meaning is not None
    step, gain, offset = (float(f[0]) for f in (port.meaning.scale, out.meaning.scale, out.meaning.offset))
    forces: list[float] = []
    positions, seen = [], []

    def measured() -> Iterator[dict[str, Any]]:
        x, v = position, velocity
        while True:
            positions.append(x)
            seen.append(int(np.clip(np.rint(x / step), port.int.lo, port.int.hi)))
            yield {"position": np.array([[[seen[-1]]]])}
            x, v = plant.advance(x, v, forces[-1])

    for _, made in zip(range(STEPS), steps(graph, measured())):
        forces.append(gain * made["force"].item() + offset)
    return np.array(positions[:STEPS]), np.array(seen[:STEPS]).reshape(-1, 1, 1)


def test_the_integers_bring_the_mass_to_rest(plant: Any, build: Path) -> None:
    graph = Opened.of(build).integer
    for start in ((1.0, 0.0), (-0.7, 0.7), (0.2, -1.0)):
        positions, _ = closed(graph, plant, *start)
        assert np.abs(positions[:20]).max() > 0.5
        assert np.abs(positions[100:]).max() < 0.05


def test_without_memory_it_would_not(plant: Any, build: Path) -> None:
    """The same controller, reset before every step."""
    graph = Opened.of(build).integer
    port, out = graph.type(graph.inputs["position"]), graph.type(graph.outputs["force"])
    assert port.meaning is not None and out.meaning is not None
    x, v, late = 1.0, 0.0, []
    for k in range(STEPS):
        q = int(np.clip(np.rint(x / float(port.meaning.scale[0])), port.int.lo, port.int.hi))
        force = evaluate(graph, {"position": np.array([[[q]]])})["force"].item()
        x, v = plant.advance(x, v, float(out.meaning.scale[0]) * force + float(out.meaning.offset[0]))
        late += [abs(x)] if k >= 100 else []
    assert max(late) > 0.5


def test_hardware_replays_the_loop(plant: Any, build: Path) -> None:
    """Every force, with and without stalls: the state stays from sample to sample, and a reset brings it back (each of
    the bench's two passes begins with one)."""
    opened = Opened.of(build)
    _, seen = closed(opened.integer, plant, 1.0, 0.0)
    kind = opened.integer.type(opened.integer.inputs["position"])
    assert kind.meaning is not None
    engine = "verilator" if available("verilator") else "amaranth"
    found = simulate(build, Dataset.of(seen * float(kind.meaning.scale[0])), engine=engine)
    assert found.ok and found.vectors == STEPS and found.mismatches == 0
    assert found.ii_cycles == 3  # two registers in the core and the state's own
