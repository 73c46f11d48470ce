"""From a binary network's file to pulses: compile, simulate, verify; budget and determinism."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from nc.backends.sfq import BACKEND
from nc.backends.sfq.backend import Design
from nc.backends.sfq.budget import estimate
from nc.backends.sfq.emit import design_json
from nc.backends.sfq.engine.design import EngineDesign
from nc.backends.sfq.engine.program import execute
from nc.compiler.driver import compiling, simulating, verifying
from nc.compiler.driver.opened import Opened
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate as interpret

pytest.importorskip("pyosys", reason="ABC comes with pyosys: pip install pyosys")
PORT = ["input.x.bits=2", "input.x.scale=1", "input.x.signed=true"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.spec_from_file_location("sfq_bnn", Path(__file__).with_name("bnn.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path: Path = module.write_bnn(tmp_path_factory.mktemp("bnn") / "bnn.onnx", (8, 5, 3))
    return path


@pytest.fixture(scope="module")
def build(model: Path) -> Path:
    out = model.parent / "build"
    compiling.compile(model, target="sfq", output=out, set=PORT)
    return out


def test_pulses_equal_the_golden_model(build: Path) -> None:
    found = simulating.simulate(build, engine="pulse", vectors=300)
    assert found.engine == "pulse" and found.ok
    assert found.vectors == 300 and found.mismatches == 0
    assert found.more["violation_count"] == 0
    assert found.ii_cycles == 1.0


def test_every_link_of_the_chain_holds(build: Path) -> None:
    result = verifying.verify(build)
    assert result.ok
    verdicts = {link.name: link.verdict for link in result.links}
    assert verdicts["logic ≡ SFQ netlist (SAT proof by ABC, balancing as wires)"] == "equal"
    assert verdicts["integer graph ≡ logic (1024 random vectors)"] == "equal"


def test_a_damaged_netlist_is_found(build: Path, tmp_path: Path) -> None:
    """Swap one XOR for an OR in the build: the proof says so, and so do the pulses."""
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(build, broken)
    path = broken / "hdl" / "netlist.json"
    data = json.loads(path.read_text())
    rows = data["netlist"].splitlines()
    at = max(i for i, row in enumerate(rows) if row.startswith("cell ") and " XOR " in row)
    rows[at] = rows[at].replace(" XOR ", " OR2 ")
    data["netlist"] = "\n".join(rows) + "\n"
    path.write_text(json.dumps(data))
    opened = Opened.of(build)
    links = BACKEND.links(broken, opened.staged, opened.settings.options)
    assert [link.verdict for link in links] == ["equal", "different"]


def test_junctions_by_role_are_in_the_manifest(build: Path) -> None:
    found = json.loads((build / "manifest.json").read_text())["estimate"]
    assert set(found["jj"]) == {"logic", "balance", "split", "clock", "wire", "interface", "total"}
    assert found["jj"]["total"] == sum(v for k, v in found["jj"].items() if k != "total")


@pytest.fixture(scope="module")
def again(build: Path) -> Design:
    opened = Opened.of(build)
    return BACKEND.lower(opened.staged, opened.settings.options)


def test_lowering_is_deterministic(build: Path, again: Design) -> None:
    written = json.loads((build / "hdl" / "netlist.json").read_text())
    made = json.loads(json.dumps(design_json(again.result.design)))
    assert made["netlist"] == written["netlist"]


def test_a_network_beyond_the_budget_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(NcError) as error:
        compiling.compile(model, target="sfq", output=tmp_path / "out", set=[*PORT, "sfq.max_jj=2000"])
    assert str(error.value) == (
        "error[NC805]: unrolled network must need at most 2,000 Josephson junctions, not about 4,410: layer 'q1' alone "
        "takes 2,250, 2,410 too many in all\n  --> node 'q1'\n  help: --set sfq.style=engine time-multiplexes a binary "
        "network; or shrink the layer, or raise sfq.max_jj"
    )


def test_the_estimate_is_of_the_right_size(again: Design) -> None:
    guess = sum(estimate(again.words).values())
    assert 0.4 < guess / again.result.design.jj()["total"] < 2.5
    assert np.isfinite(guess)


@pytest.fixture(scope="module")
def engine(model: Path) -> Path:
    out = model.parent / "engine"
    compiling.compile(model, target="sfq", output=out, set=[*PORT, "output=argmax", "sfq.style=engine"])
    return out


def test_the_engine_s_pulses_equal_the_golden_model(engine: Path) -> None:
    found = simulating.simulate(engine, engine="pulse", vectors=40)
    assert found.ok and found.vectors == 40 and found.more["violation_count"] == 0
    estimate = json.loads((engine / "manifest.json").read_text())["estimate"]
    assert found.ii_cycles == estimate["periods_per_image"]
    assert estimate["style"] == "engine" and estimate["jj"]["total"] < 5000


def test_the_engine_s_program_is_verified(engine: Path) -> None:
    links = {link.name: link.verdict for link in verifying.verify(engine).links}
    assert links["integer graph ≡ engine's program (256 random vectors)"] == "equal"


def test_a_network_beyond_the_unrolled_budget_is_time_multiplexed(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compiling.compile(model, target="sfq", output=out, set=[*PORT, "output=argmax", "sfq.max_jj=2000"])
    assert (out / "hdl" / "program.npz").is_file()


def test_an_engine_without_arg_max_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(NcError) as error:
        compiling.compile(model, target="sfq", output=tmp_path / "out", set=[*PORT, "sfq.style=engine"])
    assert str(error.value) == (
        "error[NC806]: the sfq engine decides by a race of its counters: output 'y' must be the arg-max of the last "
        "layer\n  help: --set output=argmax"
    )


@pytest.mark.slow
def test_tfc_on_mnist(tmp_path: Path) -> None:
    """FINN's TFC_1W1A, time-multiplexed: within 100,000 junctions, all 10,000 decisions, 10 images pulse by pulse."""
    import os

    examples = Path(__file__).parents[3] / "examples" / "datasets.py"
    spec = importlib.util.spec_from_file_location("example_datasets", examples)
    assert spec is not None and spec.loader is not None
    datasets = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = datasets  # dataclasses look their module up
    spec.loader.exec_module(datasets)
    shared = os.environ.get("NC_SHARED")
    if shared is None:
        pytest.skip("NC_SHARED names no folder with models")
    out = tmp_path / "tfc"
    path = Path(shared) / "models" / "qonnx" / "TFC_1W1A.onnx"
    compiling.compile(path, target="sfq", output=out, set=["input.0.scale=1/255", "output=argmax"])
    opened = Opened.of(out)
    made = BACKEND.lower(opened.staged, opened.settings.options)
    assert isinstance(made, EngineDesign) and made.engine.jj()["total"] <= 100_000
    images = datasets.mnist().x_test[:, None].astype(np.int64)
    wanted = interpret(opened.staged, {made.network.port: images})[made.network.output].reshape(-1)
    np.testing.assert_array_equal(execute(made.program, made.network.bits(images)), wanted)
    found = simulating.simulate(out, engine="pulse", vectors=10)
    assert found.ok and found.more["violation_count"] == 0
