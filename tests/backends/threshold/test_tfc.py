"""FINN's TFC_1W1A on the array: cycles as scheduled, decisions of MNIST test images as the integer graph's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nc.compiler
from nc.backends.threshold import golden
from nc.backends.threshold.options import Options
from nc.compiler.driver.opened import Opened

ROOT = Path(__file__).parents[3]
ORACLE = ROOT / "tests" / "end_to_end" / "tfc_mnist_decisions.npz"


def compiled(shared: Path, build: Path) -> Any:
    """TFC on the default 64 elements; its input is the pixels."""
    model = shared / "models" / "qonnx" / "TFC_1W1A.onnx"
    return nc.compiler.compile(
        model, target="threshold", output=build, set=["input.0.scale=1/255", "input.0.bits=8", "output=argmax"]
    )


def test_images() -> tuple[Any, Any]:
    """The 10,000 MNIST test images (N, 1, 28, 28) uint8 and their labels."""
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        from datasets import mnist
    finally:
        sys.path.remove(str(ROOT / "examples"))
    data = mnist()
    return data.x_test.reshape(-1, 1, 28, 28), data.y_test


test_images.__test__ = False  # type: ignore[attr-defined]


def test_tfc_maps(tmp_path: Path, shared: Path) -> None:
    """Through the front door: cycles and schedules in the manifest."""
    estimate = compiled(shared, tmp_path / "tfc").build.manifest.estimate
    assert estimate["cycles"] == 635 and estimate["latency_cycles"] == 622
    assert [layer["node_cycles"] for layer in estimate["layers"]] == [397, 36, 36, 40]


@pytest.mark.slow
def test_golden_array_decides_like_the_executor_on_all_of_mnist(tmp_path: Path, shared: Path) -> None:
    """The programs, cycle by cycle, on all 10,000 test images: the QONNX executor's stored decisions."""
    opened = Opened.of(compiled(shared, tmp_path / "tfc").build.folder)
    placement = opened.backend.lower(opened.staged, Options()).placement
    images, labels = test_images()
    runs = [golden.run(placement, images[k : k + 1000])[0] for k in range(0, len(images), 1000)]
    made = np.concatenate(runs).reshape(-1)
    assert np.array_equal(made, np.load(ORACLE)["decisions"])
    assert np.mean(made == labels) == 0.9296


@pytest.mark.slow
def test_tfc_runs_on_the_array(tmp_path: Path, shared: Path) -> None:
    """In Verilator under cocotb: 256 MNIST test images, decisions and cycles exactly as predicted."""
    build = tmp_path / "tfc"
    compiled(shared, build)
    images, labels = test_images()
    np.savez(tmp_path / "mnist.npz", x=images[:256] / 255, y=labels[:256])
    result = nc.compiler.simulate(build, tmp_path / "mnist.npz", engine="verilator").to_json()
    assert (result["vectors"], result["mismatches"], result["violations"]) == (256, 0, [])
    assert (result["latency_cycles"], result["ii_cycles"]) == (622, 635)
    stored = np.load(ORACLE)["decisions"][:256]
    assert result["accuracy"] == pytest.approx(np.mean(stored == labels[:256]))
