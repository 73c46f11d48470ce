"""Whole networks through the streaming style: LeNet-5 on an ECP5, an MLP on an iCE40 UP5K, ResNet-8 by Verilator."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nc.compiler.driver.compiling import compile
from nc.compiler.driver.evaluating import evaluate
from nc.compiler.driver.simulating import simulate
from nc.compiler.driver.synthesising import synth

EXAMPLES = Path(__file__).parents[2] / "examples"
CONFIG = EXAMPLES / "mnist" / "mnist.yaml"
IMAGES = 20


def load(path: Path) -> ModuleType:
    sys.path.insert(0, str(EXAMPLES))
    try:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(EXAMPLES))
    return module


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The test images of MNIST as DATA."""
    try:
        data = load(EXAMPLES / "datasets.py").mnist()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    path = tmp_path_factory.mktemp("mnist") / "mnist.npz"
    np.savez(path, x=data.x_test.reshape(-1, 1, 28, 28), y=data.y_test)
    yield path


def test_lenet_and_mlp_fold_to_what_the_page_says(tmp_path: Path) -> None:
    """The figures of docs/fpga.md that need no simulator."""
    lenet = compile(EXAMPLES / "mnist" / "lenet_w4a4.onnx", target="fpga", output=tmp_path / "lenet", config=CONFIG,
                    set=["io.width=8", "fold.target_ii=20000"])  # fmt: skip
    assert lenet.build.manifest.estimate["style"] == "streaming"
    assert (lenet.build.manifest.estimate["ii_cycles"], lenet.build.manifest.estimate["latency_cycles"]) == (
        20000,
        38157,  # an adder tree has a register a level
    )
    mlp = compile(EXAMPLES / "mnist" / "mlp_w4a4.onnx", target="fpga", output=tmp_path / "mlp", config=CONFIG,
                  set=["io.width=8", "fit.device=ice40-up5k"])  # fmt: skip
    estimate = mlp.build.manifest.estimate
    assert (estimate["ii_cycles"], estimate["latency_cycles"], estimate["brams"]) == (6851, 6382, 29)


@pytest.mark.slow
def test_lenet_in_verilator_and_on_an_ecp5(tmp_path: Path, images: Path) -> None:
    build = tmp_path / "lenet"
    compile(EXAMPLES / "mnist" / "lenet_w4a4.onnx", target="fpga", output=build, config=CONFIG,
            set=["io.width=8", "fold.target_ii=20000"])  # fmt: skip
    assert evaluate(build, images).accuracy >= 0.985
    found = simulate(build, images, vectors=IMAGES)
    assert found.ok and found.ii_cycles == 20000
    placed = synth(build, device="ecp5-85k", pnr=True)
    assert placed.bitstream and placed.brams and placed.dsps


@pytest.mark.slow
def test_an_mlp_fits_an_up5k(tmp_path: Path, images: Path) -> None:
    build = tmp_path / "mlp"
    compile(EXAMPLES / "mnist" / "mlp_w4a4.onnx", target="fpga", output=build, config=CONFIG,
            set=["io.width=8", "fit.device=ice40-up5k"])  # fmt: skip
    assert simulate(build, images, vectors=IMAGES).ok
    placed = synth(build, pnr=True)
    assert placed.device == "ice40-up5k" and placed.bitstream
    assert placed.luts is not None and placed.luts < 5280 and placed.brams


@pytest.mark.slow
def test_resnet8_equals_its_integer_graph(tmp_path: Path) -> None:
    model = tmp_path / "resnet8.onnx"
    load(EXAMPLES / "resnet8" / "make.py").main(model)
    build = tmp_path / "build"
    made = compile(model, target="fpga", output=build, config=CONFIG, set=["io.width=8", "fold.target_ii=74000"])
    assert made.build.manifest.estimate["ii_cycles"] == 73728
    assert simulate(build, vectors=1).ok
