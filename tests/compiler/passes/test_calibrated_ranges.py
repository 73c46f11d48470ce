"""calibrated-ranges: nothing changes on the data, hardware equals the clamped graph on everything."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.backends.fpga import BACKEND
from nc.backends.fpga.options import Options
from nc.compiler.passes.calibrated_ranges import CalibratedRanges, words
from nc.ir.diagnostics import NcError
from nc.ir.interpret import evaluate as interpret
from nc.ir.types import IntType
from nc.ir.words import evaluate, verify

_path = Path(__file__).parents[1] / "words/networks.py"
_spec = importlib.util.spec_from_file_location("networks", _path)
assert _spec is not None and _spec.loader is not None
networks: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)


def options(**optimise: object) -> Options:
    return Options.model_validate({"optimise": {"calibrated_ranges": True, **optimise}})


@settings(max_examples=30, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10**6), samples=st.integers(1, 6), technology=st.sampled_from(["generic", "xilinx", "lut6"]))
def test_the_data_keep_their_results_and_hardware_is_the_graph(seed: int, samples: int, technology: str) -> None:
    graph = networks.random_network(seed)
    data = networks.samples(graph, samples, seed + 1)
    chosen = options(technology=technology)
    clamped = BACKEND.approximate(graph, chosen, data)
    for label, found in interpret(clamped, data).items():
        np.testing.assert_array_equal(found, interpret(graph, data)[label])
    design = BACKEND.lower(clamped, chosen)
    verify(design.words)
    anything = networks.samples(graph, 30, seed)
    want = interpret(clamped, anything)
    got = evaluate(design.words, [anything[p.name] for p in design.words.inputs])
    for port, values in zip(design.words.outputs, got, strict=True):
        np.testing.assert_array_equal(values, want[port.name])


def test_words_keep_the_bits_that_were_used() -> None:
    low, high = words(np.array([0, 3, 7, -1, -3, 0]), np.array([4, 3, 12, 5, -3, 16]), IntType(-8, 16))
    assert low.tolist() == [0, 3, 0, -8, -3, 0]
    assert high.tolist() == [7, 3, 15, 7, -3, 16]


def test_a_pixel_that_never_changes_needs_no_logic() -> None:
    graph = networks.random_network(12)
    data = networks.samples(graph, 20, 0)
    label, samples = next(iter(data.items()))
    frozen = {label: np.broadcast_to(samples[:1], samples.shape)}
    clamped = CalibratedRanges(frozen).run(graph)
    words_made = BACKEND.lower(clamped, options()).words
    assert words_made.adders == 0
    first, other = (interpret(clamped, {label: np.broadcast_to(s, samples.shape)}) for s in samples[:2])
    for name in graph.outputs:
        np.testing.assert_array_equal(first[name], other[name])


def test_without_data_or_in_streaming_designs_it_is_refused() -> None:
    graph = networks.random_network(12)
    with pytest.raises(NcError) as error:
        BACKEND.approximate(graph, options(), None)
    assert str(error.value) == (
        "error[NC617]: optimise.calibrated_ranges must have calibration data\n  help: give samples with --calib DATA"
    )
    streaming = Options.model_validate({"style": "streaming", "optimise": {"calibrated_ranges": True}})
    with pytest.raises(NcError) as error:
        BACKEND.approximate(graph, streaming, networks.samples(graph, 3))
    assert str(error.value) == (
        "error[NC617]: optimise.calibrated_ranges must be used with style=spatial, not streaming\n"
        "  help: --set style=spatial, or leave the ranges as they are"
    )
    assert BACKEND.approximate(graph, Options(), None) is graph
