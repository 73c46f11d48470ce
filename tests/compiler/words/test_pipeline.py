"""Pipelining: all paths hold the same registers, the period is kept, the linear program never holds more bits."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.compiler.words.delay import TECHNOLOGIES, delays
from nc.compiler.words.lower import lower
from nc.compiler.words.pipeline import Pipeline, _arrivals, asap, register_bits, schedule
from nc.compiler.words.sums import SumTrees
from nc.ir.diagnostics import NcError
from nc.ir.words import Kind, Term, WordBuilder, WordGraph, evaluate, verify

_spec = importlib.util.spec_from_file_location("networks", Path(__file__).with_name("networks.py"))
assert _spec is not None and _spec.loader is not None
networks: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)


def depth_of_registers(graph: WordGraph) -> set[int]:
    """Registers on every path from an input to an output: one number when all are aligned."""
    low, high = np.zeros(len(graph), np.int64), np.zeros(len(graph), np.int64)
    fixed = graph.kind == Kind.CONST
    for node in range(len(graph)):
        sources = graph.src[graph.operands(node)]
        sources = sources[~fixed[sources]]
        if not len(sources):
            fixed[node] |= graph.kind[node] != Kind.INPUT
            continue
        step = int(graph.kind[node] == Kind.REG)
        low[node], high[node] = low[sources].min() + step, high[sources].max() + step
        assert low[node] == high[node], f"node {node} mixes stages"
    return {int(low[n]) for p in graph.outputs for n in p.nodes if not fixed[n]}


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["stages", "every", "clock_mhz"]), st.integers(1, 5))
def test_all_paths_hold_the_same_number_of_registers(seed: int, how: str, amount: int) -> None:
    graph = networks.random_network(seed)
    words = SumTrees(2).run(lower(graph))
    piped, latency = Pipeline(**{how: amount * (20 if how == "clock_mhz" else 1)}).run(words)
    verify(piped)
    assert depth_of_registers(piped) <= {latency}
    inputs = networks.samples(graph, 10)
    data = [inputs[p.name] for p in words.inputs]
    for a, b in zip(evaluate(words, data), evaluate(piped, data)):
        np.testing.assert_array_equal(a, b)
    if how == "stages":
        assert latency == amount


@settings(max_examples=20, derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_linear_program_keeps_the_period_and_saves_registers(seed: int, stages: int) -> None:
    words = SumTrees(2).run(lower(networks.random_network(seed)))
    cost = delays(words, TECHNOLOGIES["generic"])
    period = float(max(cost.max(initial=0.0), _arrivals(words, cost, np.inf)[1].max(initial=0.0) / stages))
    count = int(asap(words, cost, period).max(initial=0)) + 1
    stage = schedule(words, cost, period, count)
    assert (stage[words.src] <= stage[words.owner])[words.kind[words.src] != Kind.CONST].all()
    assert register_bits(words, stage, count) <= register_bits(words, asap(words, cost, period), count)
    time = np.zeros(len(words))
    for node in range(len(words)):
        before = [time[s] for s in words.src[words.operands(node)] if stage[s] == stage[node]]
        time[node] = max(before, default=0.0) + cost[node]
    assert time.max(initial=0) <= period + 1e-6


def test_register_goes_where_the_word_is_narrow() -> None:
    b = WordBuilder()
    x = [int(n) for n in b.input("x", (4,), 0, 255)]
    total = b.sum([Term(n) for n in x[:2]])
    total = b.sum((Term(total), Term(x[2])))
    narrow = b.ge(b.sum((Term(total), Term(x[3]))), offset=100)
    graph = b.build({"y": np.array([b.ge(b.sum((Term(narrow), Term(b.ge(x[0], x[1])))), offset=2)])})
    whole = float(_arrivals(graph, delays(graph, TECHNOLOGIES["generic"]), np.inf)[1].max())
    piped, latency = Pipeline(clock_mhz=1000 / (whole - 0.1)).run(graph)
    assert latency == 2
    assert int(piped.bits[piped.kind == Kind.REG].sum()) == 3


def test_a_slower_clock_saves_registers() -> None:
    bits = [0, 0, 0]
    for seed in range(8):
        words = SumTrees(3).run(lower(networks.random_network(seed)))
        for i, relax in enumerate((0.0, 0.5, 2.0)):
            piped, latency = Pipeline(stages=3, relax=relax).run(words)
            assert latency == 3
            bits[i] += int(piped.bits[piped.kind == Kind.REG].sum())
    assert bits == sorted(bits, reverse=True)
    assert bits[0] > bits[-1]


def test_impossible_clock_is_refused() -> None:
    b = WordBuilder()
    x = b.input("x", (2,), 0, 255)
    graph = b.build({"y": np.array([b.add(*(int(n) for n in x))])})
    with pytest.raises(NcError) as error:
        Pipeline(clock_mhz=2000, technology="ice40").run(graph)
    assert str(error.value) == (
        "error[NC609]: a stage must fit 0.50 ns, but one operation alone takes 3.04 ns\n"
        "   |  %2 (sum, 9 bits)\n"
        "  help: lower pipeline.clock_mhz, or let requantisation narrow the layer"
    )
