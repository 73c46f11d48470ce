"""The standard's node tests: the share that passes, and that docs/onnx.md says the same."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _runner() -> ModuleType:
    path = Path(__file__).with_name("onnx_node_tests.py")
    spec = importlib.util.spec_from_file_location("onnx_node_tests", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runner() -> Any:
    return _runner()


@pytest.fixture(scope="module")
def results(runner: Any) -> Any:
    return runner.run_all()


@pytest.mark.filterwarnings("ignore")
def test_at_least_95_percent_of_the_plain_tests_pass(runner: Any, results: Any) -> None:
    plain = [r for r in results if r.plain and r.op in runner.LISTED]
    failing = [r.name for r in plain if not r.passed]
    assert len(plain) >= 400
    assert len(failing) <= 0.05 * len(plain), failing


@pytest.mark.filterwarnings("ignore")
def test_with_a_batch_axis_the_same_or_refused(runner: Any, results: Any) -> None:
    """Taking the leading axis as the batch changes no result; it may have no meaning, then NC105 says so."""
    batched = runner.run_all(0)
    whole = {r.name: r.reason for r in results}
    # Of a recurrent operator the leading axis is time: each sample is a step, and Y_h the state after it.
    steps = {"GRU", "LSTM", "RNN"}
    wrong = [
        r.name for r in batched
        if r.reason.startswith("the stored") and r.reason != whole[r.name] and r.op not in steps
    ]  # fmt: skip
    assert wrong == []
    assert sum(r.passed for r in batched) >= 380


@pytest.mark.filterwarnings("ignore")
def test_every_listed_operator_is_tested(runner: Any, results: Any) -> None:
    tested = {r.op for r in results if r.passed}
    assert set(runner.LISTED + runner.QUANTISED) - tested == set()


@pytest.mark.filterwarnings("ignore")
def test_the_documentation_shows_these_results(runner: Any, results: Any) -> None:
    import onnx

    text = runner.DOCS.read_text(encoding="utf-8")
    if f"onnx {onnx.__version__}," not in text:
        pytest.skip(f"docs/onnx.md was written with another onnx than {onnx.__version__}")
    assert runner.table(results) in text, "run python tests/compiler/frontends/onnx_node_tests.py"
