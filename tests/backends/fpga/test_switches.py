"""Every optimisation has a switch of its own, and no switch changes an output of a random network."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.backends.fpga.design import build
from nc.backends.fpga.options import Optimise, Options
from nc.ir.interpret import evaluate as interpret
from nc.ir.words import evaluate, verify

_path = Path(__file__).parents[2] / "compiler/words/networks.py"
_spec = importlib.util.spec_from_file_location("networks", _path)
assert _spec is not None and _spec.loader is not None
networks: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)

SWITCHES = [name for name, field in Optimise.model_fields.items() if field.default is True]


def test_switches_are_those_of_the_ablation() -> None:
    assert {"affine_ranges", "merge_sums", "unshare", "mapped_adders", "small_tables"} <= set(SWITCHES)
    # What is off by default changes results, and has its own tests.
    flags = {name for name, field in Optimise.model_fields.items() if field.annotation is bool}
    assert flags - set(SWITCHES) == {"calibrated_ranges"}


@pytest.mark.parametrize("switch", [*SWITCHES, "effort"])
@settings(max_examples=8, derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["generic", "xilinx", "lut6"]))
def test_a_switch_changes_no_output(switch: str, seed: int, technology: str) -> None:
    graph = networks.random_network(seed)
    off = 0 if switch == "effort" else False
    words = build(graph, Options.model_validate({"optimise": {"technology": technology, switch: off}})).words
    verify(words)
    inputs = networks.samples(graph, 30, seed)
    want = interpret(graph, inputs)
    for port, got in zip(words.outputs, evaluate(words, [inputs[p.name] for p in words.inputs]), strict=True):
        np.testing.assert_array_equal(got, want[port.name])
