"""Every operator that moves, windows or resizes, in every form of its attributes, against onnxruntime."""

from __future__ import annotations

import pytest

from tests.compiler.frontends.onnx import layout_cases, window_cases
from tests.compiler.frontends.onnx.sweep import Case, judge

TABLES = {**window_cases.CASES, **layout_cases.CASES}
EVERY = 17
"""One case in so many stands in the fast suite."""

CASES = [(case, form) for cases in TABLES.values() for case in cases for form in case.forms]
QUICK = CASES[::EVERY]


def _names(cases: list[tuple[Case, str]]) -> list[str]:
    return [f"{i}-{case.op}-{form}" for i, (case, form) in enumerate(cases)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case, form", QUICK, ids=_names(QUICK))
def test_a_part_agrees_or_is_refused(case: Case, form: str) -> None:
    pytest.importorskip("onnxruntime", reason="the reference runtime: pip install onnxruntime")
    judge(case, form)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("case, form", CASES, ids=_names(CASES))
def test_all_agree_or_are_refused(case: Case, form: str) -> None:
    pytest.importorskip("onnxruntime", reason="the reference runtime: pip install onnxruntime")
    judge(case, form)
