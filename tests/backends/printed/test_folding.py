"""Sequential circuits: steps equal the graph, in numpy, in gates and in Verilator; what cannot be folded says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nc.backends.printed.backend import BACKEND
from nc.backends.printed.folding import fold
from nc.backends.printed.options import Options
from nc.compiler.data import Dataset
from nc.compiler.driver.compiling import compile
from nc.compiler.driver.simulating import simulate
from nc.compiler.printed.genome import Shape, forward
from nc.compiler.printed.sample import random_candidate
from nc.compiler.printed.to_graph import to_graph
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate
from nc.ir.ops.add import Add
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.greater import Greater
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.requantize import Requantize
from nc.ir.types import IntType, TensorType

SEQUENTIAL = Options.model_validate({"printed": {"style": "sequential"}})


def _svm(classes: int, seed: int = 0) -> Graph:
    rng = np.random.default_rng(seed)
    build = Builder("svm")
    x = build.input("x", TensorType((7,), IntType(0, 15)))
    y = build.add(MatMul(), x, build.constant(rng.integers(-7, 8, (7, classes))))
    y = build.add(Add(), y, build.constant(rng.integers(-40, 41, classes)))
    zero = build.constant(np.array([3]), TensorType((1,), IntType(3, 3)))
    build.output("class", build.add(ArgMax(0, True), y) if classes > 1 else build.add(Greater(), y, zero))
    return build.finish()


@pytest.mark.parametrize("seed", range(6))
def test_steps_equal_searched_networks(seed: int) -> None:
    shape = Shape(9, 4, 5, max_bits=4) if seed % 2 else Shape(6, 3, 3, max_bits=3)
    genome = random_candidate(shape, np.random.default_rng(seed))
    x = np.random.default_rng(seed).integers(0, 16, (150, shape.features))
    folded = fold(to_graph(genome, shape))
    assert np.array_equal(folded.run(x)[:, 0], forward(genome, shape, x)[2])
    assert folded.registers > 8


@pytest.mark.parametrize("classes", [1, 2, 5])
def test_steps_equal_linear_classifiers(classes: int) -> None:
    graph = _svm(classes)
    x = np.random.default_rng(1).integers(0, 16, (300, 7))
    folded = fold(graph)
    assert np.array_equal(folded.run(x), evaluate(graph, {"x": x})["class"])
    assert folded.cycles <= 7 * classes + (classes == 1)


def test_scaled_activations_are_applied_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    build = Builder()
    x = build.input("x", TensorType((5,), IntType(-4, 11)))
    h = build.add(MatMul(), x, build.constant(rng.integers(-5, 6, (5, 4))))
    h = build.add(Requantize(np.array([1, 3, 5, 7]), np.array([9, -4, 2, 30]), 4, 0, 7), h)
    y = build.add(MatMul(), h, build.constant(rng.integers(-5, 6, (4, 3))))
    build.output("class", build.add(ArgMax(0, True), y))
    graph = build.finish()
    x_rows = rng.integers(-4, 12, (400, 5))
    assert np.array_equal(fold(graph).run(x_rows), evaluate(graph, {"x": x_rows})["class"])


def test_a_folded_circuit_runs_in_verilator(tmp_path: Path) -> None:
    """The whole of the samples, with stalls, through the stream; the step's netlist is proved."""
    pytest.importorskip("pyosys")
    graph = _svm(5, seed=3)
    x = np.random.default_rng(4).integers(0, 16, (200, 7))
    build = tmp_path / "build"
    made = compile(graph, target="printed", output=build, options={"printed": {"style": "sequential"}})
    figures = made.build.manifest.estimate
    assert figures["cycles"] == fold(graph).cycles > 20
    assert figures["registers"] == fold(graph).registers
    result = simulate(build, Dataset.of(x.astype(float)), engine="verilator")
    assert result.mismatches == 0 and result.vectors == 200
    assert result.ii_cycles == figures["cycles"]
    assert [link.verdict for link in BACKEND.links(build, graph, SEQUENTIAL)] == ["equal", "equal"]


def test_what_cannot_be_folded() -> None:
    build = Builder()
    x = build.input("x", TensorType((3,), IntType(0, 15)))
    build.output("y", build.add(MatMul(), x, build.constant(np.array([[3, 5], [-7, 11], [6, 1]]))))
    with pytest.raises(NcError) as open_end:
        BACKEND.check(build.finish(), SEQUENTIAL)
    assert str(open_end.value) == (
        "error[NC650]: a sequential circuit must end in an arg-max, not in 'matmul'\n"
        "  help: --set output=argmax, or printed.style=combinational"
    )
