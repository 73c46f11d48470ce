"""The printed target behind the front door: graph, gates, mapped netlist, stream, budgets; words of every refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.backends.printed.backend import BACKEND
from nc.backends.printed.blast import blast
from nc.backends.printed.flow import Circuit, synthesise
from nc.backends.printed.lowering import registered, to_words
from nc.backends.printed.options import Options
from nc.backends.printed.technology import egfet
from nc.compiler.printed.genome import Shape, forward
from nc.compiler.printed.sample import random_candidate
from nc.compiler.printed.to_graph import to_graph
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.multi_threshold import MultiThreshold
from nc.ir.ops.requantize import Requantize
from nc.ir.ops.table import Table
from nc.ir.types import IntType, TensorType
from nc.ir.words import evaluate as evaluate_words

SHAPE = Shape(6, 3, 3, max_bits=3)


def options(**sections: dict[str, object]) -> Options:
    return Options.model_validate(sections)


def _graph(seed: int = 3) -> tuple[np.ndarray, Graph]:
    genome = random_candidate(SHAPE, np.random.default_rng(seed))
    return genome, to_graph(genome, SHAPE)


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_mapped_netlist_equals_the_genome(seed: int) -> None:
    genome, graph = _graph(seed)
    x = np.random.default_rng(seed).integers(0, 16, (500, 6))
    circuit = synthesise(graph, egfet(), effort="quick")
    want = forward(genome, SHAPE, x)[2]
    assert np.array_equal(circuit.classify(x), want)
    assert np.array_equal(circuit.gate_outputs(x)["class"][:, 0], want)
    assert sum(circuit.layer_shares().values()) == pytest.approx(1.0)


def _awkward(seed: int) -> Graph:
    """Signed inputs, products of variables' signs, tables, half-even rounding, clamps to odd limits."""
    rng = np.random.default_rng(seed)
    build = Builder()
    x = build.input("x", TensorType((4,), IntType(-5, 9)))
    y = build.add(MatMul(), x, build.constant(rng.integers(-9, 10, (4, 3))))
    multiplier, offset = rng.integers(1, 12, 3), rng.integers(-30, 30, 3)
    z = build.add(Requantize(multiplier, offset, 3, -11, 13, rounding="half_even"), y)
    kind = build.type(z).int
    t = build.add(Table(rng.integers(-3, 9, (1, kind.hi - kind.lo + 1)), kind.lo), z)
    build.output("t", t)
    build.output("first", build.add(ArgMax(0, False), t))
    build.output("last", build.add(ArgMax(0, False, last=True), y))
    return build.finish()


@pytest.mark.parametrize("seed", range(6))
def test_gates_equal_the_graph_on_awkward_operations(seed: int) -> None:
    graph = _awkward(seed)
    x = np.random.default_rng(9).integers(-5, 10, (400, 4))
    want = evaluate(graph, {"x": x})
    words = to_words(graph)
    got = Circuit.of_gates(words).gate_outputs(x)
    for port, word in zip(words.outputs, evaluate_words(words, [x])):
        assert np.array_equal(word, want[port.name])
        assert np.array_equal(got[port.name], want[port.name]), port.name


@pytest.mark.parametrize(("base", "step"), [(0, 1), (-1, 2), (3, -2), (-4, 5)])
@pytest.mark.parametrize("levels", [1, 3])
def test_staircases_of_any_step_rising_and_falling(base: int, step: int, levels: int) -> None:
    rng = np.random.default_rng(levels)
    build = Builder()
    x = build.input("x", TensorType((4,), IntType(-5, 9)))
    edges, signs = np.sort(rng.integers(-6, 11, (4, levels)), axis=1), np.array([1, -1, -1, 1])
    build.output("y", build.add(MultiThreshold(edges, signs, 0, base, step), x))
    graph = build.finish()
    values = np.repeat(np.arange(-5, 10)[:, None], 4, axis=1)
    words = to_words(graph)
    want = evaluate(graph, {"x": values})["y"]
    assert np.array_equal(evaluate_words(words, [values])[0], want)
    assert np.array_equal(Circuit.of_gates(words).gate_outputs(values)["y"], want)


def test_registers_keep_the_function() -> None:
    _, graph = _graph()
    words = to_words(graph)
    delayed = registered(words)
    x = np.random.default_rng(1).integers(0, 16, (50, 6))
    assert np.array_equal(evaluate_words(words, [x])[0], evaluate_words(delayed, [x])[0])
    assert len(delayed) == len(words) + 1


def test_emits_the_same_bytes_twice(tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    _, graph = _graph()
    texts = []
    for name in ("a", "b"):
        design = BACKEND.lower(graph, options())
        BACKEND.emit(design, tmp_path / name)
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        texts.append({p.relative_to(tmp_path / name).as_posix(): p.read_bytes() for p in files})
    assert texts[0] == texts[1]
    assert {"hdl/top.v", "netlist/classifier.v", "netlist/cells.lib", "netlist/area.svg"} <= set(texts[0])
    links = BACKEND.links(tmp_path / "a", graph, options())
    assert [link.verdict for link in links] == ["equal", "equal"]


def test_a_changed_netlist_is_found_out(tmp_path: Path) -> None:
    pytest.importorskip("pyosys")
    _, graph = _graph()
    BACKEND.emit(BACKEND.lower(graph, options()), tmp_path)
    path = tmp_path / "netlist" / "classifier.blif"
    text = path.read_text()
    assert "NAND2X1" in text
    path.write_text(text.replace("NAND2X1", "NOR2X1", 1))
    assert [link.verdict for link in BACKEND.links(tmp_path, graph, options())] == ["equal", "different"]


def test_figures_count_registers_and_budgets() -> None:
    _, graph = _graph()
    plain = BACKEND.estimate(BACKEND.lower(graph, options()))
    clocked = BACKEND.estimate(BACKEND.lower(graph, options(printed={"registered": True})))
    flipflop = egfet().flipflop
    assert clocked["registers"] == 2
    difference = clocked["area_cm2"] - plain["area_cm2"]  # type: ignore[operator]
    assert difference == pytest.approx(2 * flipflop.area_mm2 / 100, abs=1e-5)
    assert plain["power_mw"]["0.6"] < plain["power_mw"]["1.0"]  # type: ignore[index]
    assert plain["adc"]["pruned"]["comparators"] <= plain["adc"]["whole"]["comparators"]  # type: ignore[index]


def test_budget_below_the_circuit() -> None:
    _, graph = _graph()
    with pytest.raises(NcError, match="NC654.*: area must stay within 1e-05 cm2, but this circuit has"):
        BACKEND.lower(graph, options(budget={"area_cm2": 1e-5}))
    with pytest.raises(NcError, match="power at 0.6 V must stay within 1e-06 mW"):
        BACKEND.lower(graph, options(printed={"vdd": "0.6"}, budget={"power_mw": 1e-6}))


def test_too_large_to_print() -> None:
    build = Builder()
    x = build.input("x", TensorType((64,), IntType(0, 255)))
    rng = np.random.default_rng(0)
    build.output("y", build.add(MatMul(), x, build.constant(rng.integers(-127, 128, (64, 8)))))
    found = BACKEND.check(build.finish(), options())
    assert [d.code for d in found] == ["NC650"]
    assert "the circuit must have at most 60000 gates before mapping, not" in found[0].message


def test_approximate_weights_are_the_new_truth() -> None:
    build = Builder()
    x = build.input("x", TensorType((3,), IntType(0, 15)))
    build.output("y", build.add(MatMul(), x, build.constant(np.array([[3, 5], [-7, 11], [6, 1]]))))
    graph = build.finish()
    assert BACKEND.approximate(graph, options(), None) is graph
    rounded = BACKEND.approximate(graph, options(approx={"weights": "po2"}), None)
    gates = [blast(to_words(g)).logic.gates for g in (graph, rounded)]
    assert gates[1] < gates[0]
