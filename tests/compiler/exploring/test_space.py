"""space.yaml and its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from nc.compiler.exploring.space import read_space
from nc.ir.diagnostics import NcError


def test_space(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(
        "parameters:\n  quantise.weight_bits: {low: 2, high: 8, step: 2}\n"
        "  quantise.scales: [power_of_two, arbitrary]\n"
        "objectives: {accuracy: max, luts: min}\nconstraints: [accuracy >= 0.95]\n"
    )
    space = read_space(path)
    assert space.parameters["quantise.weight_bits"].values() == (2, 4, 6, 8)
    assert space.size == 8
    assert list(space.corners()) == [
        {"quantise.weight_bits": 2, "quantise.scales": "power_of_two"},
        {"quantise.weight_bits": 8, "quantise.scales": "arbitrary"},
    ]
    assert str(space.constraints[0]) == "accuracy >= 0.95"


def test_continuous() -> None:
    space = read_space({"parameters": {"x": {"low": 0.5, "high": 1}}, "objectives": {"accuracy": "max"}})
    assert space.parameters["x"].values() is None and space.size == float("inf")


def test_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(
        "parameters:\n  a: {low: 3}\n  b: []\n  c: [1, 1]\nobjective: {accuracy: max}\nobjectives: {luts: least}\n"
        "constraints: [accuracy is good]\n"
    )
    with pytest.raises(NcError) as caught:
        read_space(path)
    assert [(d.code, d.message, d.where.file) for d in caught.value.diagnostics] == [
        ("NC411", "'objective' must be a key of the configuration", "space.yaml:5"),
        ("NC412", "'parameters.a' must have low and high, in this order", "space.yaml:2"),
        ("NC412", "'parameters.b' must have at least one choice, or a step above 0", "space.yaml:3"),
        ("NC412", "'parameters.c' must have different choices", "space.yaml:4"),
        ("NC412", "'objectives.luts' must be 'max' or 'min', not 'least'", "space.yaml:6"),
        ("NC412", "'constraints.0' must be 'FIGURE >= NUMBER' or 'FIGURE <= NUMBER', a number or 'default', "
         "not 'accuracy is good'", "space.yaml:7"),
    ]  # fmt: skip
