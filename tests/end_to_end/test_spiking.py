"""Spiking networks as a user takes them through: NIR or ONNX to cores, Verilator, place and route."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import nir
import numpy as np
import pytest

from nc.compiler.data import Dataset
from nc.compiler.driver.compiling import compile
from nc.compiler.driver.evaluating import evaluate
from nc.compiler.driver.simulating import simulate
from nc.compiler.driver.synthesising import synth

DIGITS = Path(__file__).parents[2] / "examples/digits"


def data(x: np.ndarray, y: np.ndarray | None = None) -> Dataset:
    return Dataset(x, y, "data", "0" * 64)


def small(folder: Path) -> Path:
    """16-24-4 LIF, random."""
    rng = np.random.default_rng(1)

    def lif(n: int) -> nir.LIF:
        return nir.LIF(tau=np.full(n, 0.004), r=np.ones(n), v_leak=np.zeros(n), v_threshold=np.full(n, 0.1))

    nodes = {
        "input": nir.Input(np.array([16])),
        "fc1": nir.Linear(rng.normal(0.2, 0.4, (24, 16))),
        "lif1": lif(24),
        "fc2": nir.Linear(rng.normal(0.1, 0.4, (4, 24))),
        "lif2": lif(4),
        "output": nir.Output(np.array([4])),
    }
    names = list(nodes)
    nir.write(folder / "small.nir", nir.NIRGraph(nodes, list(zip(names, names[1:]))))
    return folder / "small.nir"


@pytest.fixture(scope="module")
def split():
    """The one split of the examples, whose folder is no package."""
    spec = importlib.util.spec_from_file_location("datasets", DIGITS.parent / "datasets.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("datasets", module)  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module.digits()


def converted(folder: Path, split, ticks: int) -> Path:
    calibration = data(split.x_train, split.y_train)
    compile(DIGITS / "digits_mlp.onnx", target="neuromorphic", output=folder / "build", calib=calibration,
            config=DIGITS / "digits_spiking.yaml", options={"spiking": {"ticks": ticks}})  # fmt: skip
    return folder / "build"


def test_ticks_chosen_on_training_images_keep_the_test_accuracy(tmp_path, split):
    """The fewest ticks that cost at most a point on the training images; the test images are seen once, after."""
    build = converted(tmp_path, split, 32)
    on_training = evaluate(build, data(split.x_train, split.y_train))
    by_ticks = on_training.more["accuracy_by_ticks"]
    ticks = min(int(t) for t, a in by_ticks.items() if a >= on_training.float_accuracy - 0.01)
    assert ticks == 8  # as in digits_spiking.yaml
    tested = evaluate(build, data(split.x_test, split.y_test))
    assert tested.more["accuracy_by_ticks"][str(ticks)] >= tested.float_accuracy - 0.01
    assert tested.more["metrics"]["rates"]["relu1"] > 0


def test_mapping_is_reported(tmp_path, split):
    build = converted(tmp_path, split, 8)
    report = json.loads((build / "reports/mapping.json").read_text())
    assert report["cores"] == 4 and sum(c["neurons"] for c in report["cells"]) == 26
    assert (build / "reports/mesh.svg").read_text().count("<rect") == 4


@pytest.mark.slow
def test_digits_on_four_cores_in_verilator(tmp_path, split):
    build = converted(tmp_path, split, 8)
    found = simulate(build, data=data(split.x_test[:60], split.y_test[:60]), engine="verilator")
    assert (found.vectors, found.mismatches) == (60, 0)


@pytest.mark.slow
def test_braille_whole_in_verilator(tmp_path, shared):
    """All 45 neurons at each of 256 ticks, input rates from 0.02 to 0.2."""
    rng = np.random.default_rng(1)
    rate = np.repeat([0.02, 0.05, 0.1, 0.2], 5)[:, None, None]
    x = (rng.random((20, 256, 12)) < rate).astype(np.uint8)
    compile(shared / "models/nir/braille_noDelay_bias_zero.nir", target="neuromorphic", output=tmp_path / "build",
            calib=data(x), options={"spiking": {"ticks": 256, "observe": "all"}})  # fmt: skip
    found = simulate(tmp_path / "build", data=data(x), engine="verilator")
    assert (found.vectors, found.mismatches) == (20, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("device", "least_mhz"), [("ice40-hx8k", 50), ("ecp5-25k", 60)])
def test_core_is_placed_and_routed(tmp_path, device, least_mhz):
    x = (np.random.default_rng(2).random((10, 20, 16)) < 0.3).astype(np.uint8)
    widths = {"ticks": 20, "dt": 0.001, "state_bits": 16, "weight_bits": 8, "decay_bits": 8}
    compile(small(tmp_path), target="neuromorphic", output=tmp_path / "build", calib=data(x),
            options={"spiking": widths})  # fmt: skip
    found = synth(tmp_path / "build", device=device, pnr=True)
    assert found.luts < 1000 and found.fmax_mhz > least_mhz and found.bitstream
