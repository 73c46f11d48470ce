"""The demonstration: a trained network compiled, evaluated, simulated on its whole test set, placed and routed."""

from __future__ import annotations

import importlib.util
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from nc.compiler.data import Dataset
from nc.compiler.driver.compiling import Compiled, compile
from nc.compiler.driver.evaluating import Evaluation, evaluate
from nc.compiler.driver.opened import Opened
from nc.compiler.driver.simulating import Simulation, simulate
from nc.compiler.driver.synthesising import Synthesis, synth
from nc.compiler.progress import Progress, Silent
from nc.ir.diagnostics import InternalError, fail

MODEL = Path("examples/digits/digits_mlp.onnx")
OPTIONS = Path("examples/digits/digits_mlp.yaml")
DATASETS = Path("examples/datasets.py")


@dataclass(frozen=True)
class Demonstration:
    """The results of the four commands that it ran, and the wall-clock seconds of all."""

    compiled: Compiled
    evaluation: Evaluation
    simulation: Simulation
    synthesis: Synthesis
    seconds: float

    @property
    def ok(self) -> bool:
        return self.simulation.ok

    def to_json(self) -> dict[str, object]:
        return {
            "compile": self.compiled.to_json(),
            "eval": self.evaluation.to_json(),
            "simulate": self.simulation.to_json(),
            "synth": self.synthesis.to_json(),
            "seconds": self.seconds,
        }


def demo(output: Path, device: str, progress: Progress | None = None) -> Demonstration:
    """Run the demonstration into the folder `output`. Needs a clone of the repository, for its examples."""
    listener = progress or Silent()
    begin = time.perf_counter()
    root = examples_root()
    data = _load(root / DATASETS).digits()
    calibration = Dataset.of(data.x_train, data.y_train, "digits-train")
    test = Dataset.of(data.x_test, data.y_test, "digits-test")
    made = compile(
        root / MODEL,
        target="fpga",
        output=output,
        calib=calibration,
        config=root / OPTIONS,
        force=False,
        progress=progress,
    )
    opened = Opened.of(output)
    listener.stage("evaluate")
    evaluation = evaluate(opened, test)
    listener.stage(f"simulate {len(test)} images")
    simulation = simulate(opened, test)
    listener.stage(f"place and route on {device}")
    synthesis = synth(opened, device=device, pnr=True)
    return Demonstration(made, evaluation, simulation, synthesis, round(time.perf_counter() - begin, 1))


def examples_root() -> Path:
    """The clone whose examples are at hand: the current folder, or the one this package runs from (NC008)."""
    roots = [r for r in (Path(), Path(__file__).resolve().parents[2]) if (r / MODEL).is_file()]
    if not roots:
        fail("NC008", "the demonstration must run in a clone of the repository, which holds its examples",
             help="git clone the repository, then: make demo")  # fmt: skip
    return roots[0]


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("nc_example_datasets", path)
    if spec is None or spec.loader is None:
        raise InternalError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
