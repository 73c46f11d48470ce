"""Quantised operations one at a time: the integer graph against onnxruntime or the QONNX executor, to the last bit."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from nc.ir.diagnostics import NcError


def _sibling(name: str) -> Any:
    """The generator of cases beside this file."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


made = _sibling("quantised_cases")


FEW = 12  # one case of so many in the fast test


def told(chosen: list[Any]) -> tuple[list[str], Counter[str]]:
    """What differs, and how many cases are equal or refused; a refusal names the operation or says what helps."""
    wrong, counts = [], Counter[str]()
    for case in chosen:
        try:
            found = made.difference(case)
        except NcError as error:
            assert all(d.help or "operator" in d.message for d in error.diagnostics), (case.name, str(error))
            counts["refused"] += 1
            continue
        counts["equal"] += not found
        wrong += [f"{case.name}: {found}"] if found else []
    return wrong, counts


@pytest.mark.filterwarnings("ignore")
def test_one_in_twelve() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("qonnx")
    wrong, counts = told(list(made.cases())[::FEW])
    assert not wrong
    assert counts["equal"] > 50


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_all() -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("qonnx")
    wrong, counts = told(list(made.cases()))
    assert not wrong
    assert counts["equal"] > 650 and counts["refused"] < 30
