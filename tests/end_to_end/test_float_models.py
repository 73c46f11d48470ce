"""Float networks of public examples: eight bits decide like the floats, bit for bit down to the hardware.

Data: N(0, 1) with a fixed seed, calibration and test disjoint.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.compiler.config import Common
from nc.compiler.frontends.onnx import read_onnx
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers
from nc.compiler.passes.strip_heads import StripHeads
from nc.compiler.ports import real_of, to_port
from nc.ir.interpret import evaluate


@pytest.mark.parametrize("model", ["three_layer_pytorch", "conv2d_small_keras"])
@pytest.mark.parametrize(("scales", "least"), [("power_of_two", 0.98), ("arbitrary", 0.99)])
def test_quantised_decisions(shared: Path, model: str, scales: str, least: float) -> None:
    """On 10,000 samples: a thousand would leave a standard error of 0.3 points, as much as there is to decide."""
    graph = read_onnx(shared / "models" / "onnx" / f"{model}.onnx")
    ((label, value),) = graph.inputs.items()
    rng = np.random.default_rng(1)
    calibration = rng.normal(size=(1000, *graph.type(value).shape))
    test = rng.normal(size=(10_000, *graph.type(value).shape))
    common = Common.model_validate({"quantise": {"scales": scales}})
    integer, _ = run_passes(graph, to_integers(graph, common, {label: calibration}))
    wanted = next(iter(evaluate(StripHeads().run(graph), {label: test}).values()))
    q = next(iter(evaluate(integer, {label: to_port(test, integer.type(integer.inputs[label]))}).values()))
    made = real_of(q, integer.type(next(iter(integer.outputs.values()))))
    assert np.bincount(wanted.argmax(1)).max() <= 0.7 * len(test)
    assert np.mean(made.argmax(1) == wanted.argmax(1)) >= least
    assert np.sqrt(np.mean((made - wanted) ** 2)) <= 0.03 * wanted.std()
