"""Spiking networks through the front door: NIR file to build, golden model, hardware."""

from __future__ import annotations

import json
from pathlib import Path

import nir
import numpy as np
import pytest

from nc.backends import registry
from nc.compiler.cli.main import run
from nc.compiler.driver.opened import Opened


@pytest.fixture
def network(tmp_path: Path) -> Path:
    rng = np.random.default_rng(4)

    def lif(n: int) -> nir.LIF:
        return nir.LIF(
            tau=np.full(n, 0.004),
            r=np.full(n, 1.0),
            v_leak=np.zeros(n),
            v_threshold=np.full(n, 0.1),
            v_reset=np.zeros(n),
        )

    graph = nir.NIRGraph(
        nodes={
            "input": nir.Input(np.array([6])),
            "fc1": nir.Linear(rng.normal(0.4, 0.5, (8, 6))),
            "lif1": lif(8),
            "fc2": nir.Linear(rng.normal(0.3, 0.5, (3, 8))),
            "lif2": lif(3),
            "output": nir.Output(np.array([3])),
        },
        edges=[("input", "fc1"), ("fc1", "lif1"), ("lif1", "fc2"), ("fc2", "lif2"), ("lif2", "output")],
    )
    nir.write(tmp_path / "net.nir", graph)
    return tmp_path / "net.nir"


def json_of(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, object]:
    assert run([*map(str, arguments), "--json"]) == code, capsys.readouterr().out
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_from_nir_to_hardware(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=(rng.random((12, 10, 6)) < 0.4).astype(np.uint8), y=rng.integers(0, 3, 12))
    made = json_of(
        capsys, "compile", network, "-o", tmp_path / "build", "--target", "neuromorphic",
        "--set", "spiking.ticks=8", "--set", "spiking.dt=0.001",
    )  # fmt: skip
    assert made["target"] == "neuromorphic" and made["estimate"]["neurons"] == 11  # type: ignore[index]
    found = json_of(capsys, "eval", tmp_path / "build", "--data", tmp_path / "d.npz")
    assert found["samples"] == 12 and float(found["agreement"]) >= 0.75  # type: ignore[arg-type]
    found = json_of(capsys, "simulate", tmp_path / "build", "--engine", "golden", "--data", tmp_path / "d.npz")
    assert (found["vectors"], found["mismatches"]) == (12, 0)
    found = json_of(capsys, "simulate", tmp_path / "build", "--engine", "amaranth", "--vectors", "4")
    assert (found["engine"], found["vectors"], found["mismatches"]) == ("amaranth", 4, 0)
    shown, single = tmp_path / "build", tmp_path / "d.npz"
    found = json_of(capsys, "run", shown, "--data", single, "--layers", "--vectors", "3")
    opened = Opened.of(shown)
    spikes = opened.form.run(opened.integer, opened.form.bind(opened.integer, opened.data(single), opened.settings))
    (name,) = opened.integer.outputs
    np.testing.assert_array_equal(found["values"][name], spikes["output"][:3])  # type: ignore[index]
    assert {"layer.lif1", "layer.lif2"} <= found["values"].keys()  # type: ignore[attr-defined]
    hardware = json_of(capsys, "run", shown, "--data", single, "--engine", "amaranth", "--vectors", "3")
    assert hardware["values"][name] == found["values"][name]  # type: ignore[index]
    given = ["--set", "spiking.ticks=8", "--set", "spiking.dt=0.001", "--vectors", "3"]
    real = json_of(capsys, "run", network, "--data", single, *given)
    assert np.shape(real["values"][name]) == (3, 8, 3)  # type: ignore[index]
    monkeypatch.setattr(registry, "names", lambda: ("neuromorphic",))
    found = json_of(capsys, "inspect", tmp_path / "build")
    assert found["inputs"] == {"input": "6 neurons"}


def test_every_neuron_can_be_watched(tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, more in (("one", []), ("mesh", ["--set", "mesh.columns=2", "--set", "mesh.neurons=6"])):
        json_of(
            capsys, "compile", network, "-o", tmp_path / name, "--target", "neuromorphic", "--set", "spiking.ticks=4",
            "--set", "spiking.dt=0.001", "--set", "spiking.observe=all", *more,
        )  # fmt: skip
        found = json_of(capsys, "simulate", tmp_path / name, "--engine", "amaranth", "--vectors", "2")
        assert (found["vectors"], found["mismatches"]) == (2, 0)
        assert Opened.of(tmp_path / name).design.frames.outputs == 11


def test_sequences_that_are_too_short(tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]) -> None:
    json_of(capsys, "compile", network, "-o", tmp_path / "build", "--target", "neuromorphic")
    np.save(tmp_path / "d.npy", np.zeros((2, 5, 6)))
    assert run(["eval", str(tmp_path / "build"), "--data", str(tmp_path / "d.npy"), "--quiet"]) == 1
    assert capsys.readouterr().err == (
        "error[NC406]: a sample must be [16 or more ticks, 6 inputs], not [5, 6]\n  --> d.npy\n"
        "  help: --set spiking.ticks=N takes the first N ticks of each sample\n"
    )


def test_a_spiking_network_needs_a_target_that_runs_spikes(
    tmp_path: Path, network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compile", str(network), "-o", str(tmp_path / "build"), "--target", "paper", "--quiet"]) == 1
    assert capsys.readouterr().err == (
        "error[NC406]: a spiking network must be compiled for a target that runs spikes\n"
        "  help: --target neuromorphic\n"
    )


def test_an_ordinary_network_becomes_a_spiking_one(
    tmp_path: Path, model: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    json_of(
        capsys, "compile", model, "-o", tmp_path / "build", "--target", "neuromorphic", "--calib", data,
        "--set", "spiking.ticks=64",
    )  # fmt: skip
    found = json_of(capsys, "eval", tmp_path / "build", "--data", data)
    assert found["samples"] == 50 and float(found["agreement"]) >= 0.9  # type: ignore[arg-type]
    labelled = tmp_path / "labelled.npz"
    with np.load(data) as arrays:
        np.savez(labelled, x=arrays["x"][:2], y=np.zeros(2, np.int64))
    found = json_of(capsys, "simulate", tmp_path / "build", "--engine", "amaranth", "--data", labelled)
    assert (found["vectors"], found["mismatches"]) == (2, 0)
    assert found["accuracy"] in (0, 0.5, 1)
    monkeypatch.setattr(type(registry.find("neuromorphic")), "engines", ())
    found = json_of(capsys, "verify", tmp_path / "build")
    assert found["links"][0]["verdict"] == "equal"  # type: ignore[index]
