"""The area model ranks random candidates as synthesis does, and populations are evaluated fast: the slow proof."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]


def _benchmark(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))  # it imports its neighbours
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_rank_correlation_of_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyosys")
    rows = _benchmark("printed_area", monkeypatch).ranking(15, seed=7)
    assert rows[0]["shape"] == "all" and rows[0]["candidates"] == 15
    assert float(rows[0]["spearman"]) >= 0.9


@pytest.mark.slow
def test_rank_correlation_of_two_hundred(monkeypatch: pytest.MonkeyPatch) -> None:
    """Candidates that the prices were not fitted to (another seed than the fit's)."""
    pytest.importorskip("pyosys")
    rows = _benchmark("printed_area", monkeypatch).ranking(200, seed=2024)
    assert float(rows[0]["spearman"]) >= 0.95
