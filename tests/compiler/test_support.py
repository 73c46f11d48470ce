"""The support matrix of README.md is what compiling a network around each operator gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from nc.compiler import samples, support
from nc.compiler.frontends.onnx.registry import TRANSLATIONS
from nc.ir.diagnostics import UsageError

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # logarithms and roots outside their domain are refused later
def test_readme_holds_the_measured_matrix() -> None:
    text = README.read_text(encoding="utf-8")
    assert support.written(text, support.table(support.measure())) == text, f"update it: {support.UPDATE}"


def test_samples_are_of_operators_that_the_importer_knows() -> None:
    assert not set(samples.SAMPLES) - set(TRANSLATIONS)


@pytest.mark.parametrize(
    ("domain", "op", "takes", "refuses"),
    [
        ("", "MatMul", "threshold", None),
        ("", "GlobalMaxPool", "fpga", "neuromorphic"),
        ("", "LayerNormalization", None, "fpga"),
    ],
)
def test_known_cells(domain: str, op: str, takes: str | None, refuses: str | None) -> None:
    targets = support.targets_of(domain, op)
    assert takes is None or takes in targets
    assert refuses not in targets


def test_operators_of_the_same_targets_share_a_row() -> None:
    both = frozenset({"fpga", "sfq"})
    assert support.table({("", "Relu"): both, ("", "Abs"): both, ("qonnx", "Quant"): frozenset()}) == (
        "| operators | fpga | printed | threshold | sfq | neuromorphic |\n"
        "|---|:-:|:-:|:-:|:-:|:-:|\n"
        "| ONNX: Abs, Relu | ✓ | – | – | ✓ | – |\n"
        "| QONNX: Quant | – | – | – | – | – |\n"
    )


def test_a_file_without_markers() -> None:
    with pytest.raises(UsageError, match="the file must hold the lines <!-- support matrix -->"):
        support.written("nothing", "table")
