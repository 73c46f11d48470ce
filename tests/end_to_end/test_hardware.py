"""Public networks as hardware: the Verilog of whole builds in Verilator under cocotb, equal to the golden model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
TFC = ("--set", "input.0.bits=8", "--set", "input.0.scale=1/255")


def nc(*arguments: object, limit_s: float = 1800) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "nc.compiler.cli", *map(str, arguments), "--json"],
        capture_output=True, text=True, check=False, timeout=limit_s,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def in_verilator(build: Path, data: Path, count: int) -> dict[str, Any]:
    found = nc("simulate", build, "--data", data, "--vectors", count, "--engine", "verilator")
    assert (found["engine"], found["vectors"], found["mismatches"]) == ("verilator", count, 0), found
    return found


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_tfc_on_mnist(shared: Path, tmp_path: Path) -> None:
    """The first 1,000 test images; the golden model itself equals the reference executor on all 10,000."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        from datasets import mnist
    finally:
        sys.path.remove(str(EXAMPLES))
    images = mnist()
    data = saved(tmp_path / "mnist.npz", x=images.x_test[:1000].reshape(-1, 1, 28, 28) / 255, y=images.y_test[:1000])
    made = nc(
        "compile", shared / "models" / "qonnx" / "TFC_1W1A.onnx", "-o", tmp_path / "build", "--target", "fpga", *TFC
    )
    assert made["seconds"] <= 90
    found = in_verilator(tmp_path / "build", data, 1000)
    decided = np.load(Path(__file__).with_name("tfc_mnist_decisions.npz"))["decisions"][:1000]
    assert found["accuracy"] == np.mean(decided == images.y_test[:1000])


def test_jet_tagging(shared: Path, tmp_path: Path) -> None:
    port = (
        "--set",
        "input.global_in.bits=8",
        "--set",
        "input.global_in.signed=true",
        "--set",
        "input.global_in.scale=2**-5",
    )
    nc(
        "compile",
        shared / "models" / "qonnx" / "qkeras_jettagging.onnx",
        "-o",
        tmp_path / "build",
        "--target",
        "fpga",
        *port,
    )
    x = np.random.default_rng(1).integers(-128, 128, (1000, 16)) / 32
    in_verilator(tmp_path / "build", saved(tmp_path / "x.npz", x=x), 1000)


@pytest.mark.parametrize("model", ["three_layer_pytorch", "conv2d_small_keras"])
def test_float_models(shared: Path, tmp_path: Path, model: str) -> None:
    from nc.compiler.frontends.onnx import read_onnx

    path = shared / "models" / "onnx" / f"{model}.onnx"
    graph = read_onnx(path)
    (value,) = graph.inputs.values()
    rng = np.random.default_rng(1)
    calibration = saved(tmp_path / "calibration.npz", x=rng.normal(size=(1000, *graph.type(value).shape)))
    test = saved(tmp_path / "test.npz", x=rng.normal(size=(200, *graph.type(value).shape)))
    nc(
        "compile",
        path,
        "-o",
        tmp_path / "build",
        "--target",
        "fpga",
        "--calib",
        calibration,
        "--set",
        "pipeline.every=4",
    )
    in_verilator(tmp_path / "build", test, 200)
