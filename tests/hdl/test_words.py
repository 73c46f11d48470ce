"""Word graphs in Amaranth: simulation equals evaluation, with cells inlined, for random graphs of every kind."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.hdl.word_files import design_verilog
from nc.hdl.words import WordDesign
from nc.ir.stream import pack, unpack
from nc.ir.words import Term, WordBuilder, WordGraph, evaluate

_spec = importlib.util.spec_from_file_location("random_words", Path(__file__).parents[1] / "ir/words/test_words.py")
assert _spec is not None and _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
random_words, random_inputs = _module.random_words, _module.random_inputs


def simulate(graph: WordGraph, inputs: list[Any], **options: Any) -> list[Any]:
    design = WordDesign(graph, **options)
    packed = [
        [int.from_bytes(row.tobytes(), "little") for row in pack([x], [port.tensor], max(1, port.tensor.width))[:, 0]]
        for x, port in zip(inputs, graph.inputs)
    ]
    found: list[list[int]] = [[] for _ in graph.outputs]

    async def bench(context: Any) -> None:
        for vector in zip(*packed):
            for signal, value in zip(design.inputs, vector):
                context.set(signal, value)
            for column, signal in zip(found, design.outputs):
                column.append(context.get(signal))

    simulator = Simulator(design)
    simulator.add_testbench(bench)
    simulator.run()
    result = []
    for values, port in zip(found, graph.outputs):
        size = -(-port.tensor.width // 8)
        words = np.array([list(v.to_bytes(size, "little")) for v in values], np.uint8)[:, None, :]
        result += unpack(words, [port.tensor], port.tensor.width)
    return result


@settings(max_examples=25, derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_amaranth_equals_evaluation(seed: int, adder_cells: bool) -> None:
    graph = random_words(seed)
    inputs = random_inputs(graph, 8, seed)
    for got, want in zip(simulate(graph, inputs, adder_cells=adder_cells), evaluate(graph, inputs), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 8, 15, 31, 64, 100])
def test_popcount(size: int) -> None:
    b = WordBuilder()
    x = b.input("x", (size,), 0, 1)
    rng = np.random.default_rng(size)
    neg = rng.integers(0, 2, size).astype(bool)
    graph = b.build({"y": np.array(b.sum([Term(int(n), 1, bool(s)) for n, s in zip(x, neg)], 3))})
    inputs = [np.concatenate([np.zeros((1, size)), np.ones((1, size)), rng.integers(0, 2, (6, size))]).astype(np.int64)]
    np.testing.assert_array_equal(simulate(graph, inputs)[0], evaluate(graph, inputs)[0])


def test_verilog_holds_each_cell_once() -> None:
    b = WordBuilder()
    x = b.input("x", (64,), 0, 1)
    b.layer("fc1")
    rng = np.random.default_rng(0)
    y = [b.sum([Term(int(n), 0, bool(rng.integers(2))) for n in x]) for _ in range(5)]
    graph = b.build({"y": np.array(y)}, probes={"fc1": b.port("y", np.array(y))})
    design = WordDesign(graph, cells="instances")
    text = design_verilog(design, design, design.ports)
    assert text.count("module popcount64(") == 1
    assert text.count("popcount64 popcount") == 5
    assert "fc1_out" in text
    design = WordDesign(graph, cells="instances")
    assert design_verilog(design, design, design.ports) == text
