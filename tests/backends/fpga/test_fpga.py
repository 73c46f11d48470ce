"""The FPGA target: random networks between streams of any width, under stalls, equal to the integer graph."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.backends.backend import SynthesisRequest
from nc.backends.fpga import BACKEND
from nc.backends.fpga.mapped import compare, gates
from nc.backends.fpga.options import Options
from nc.backends.fpga.proofs import adder_shapes
from nc.ir.graph import Builder
from nc.ir.interpret import evaluate as interpret
from nc.ir.types import IntType, TensorType
from nc.sim.engine import SimulationRequest, simulate

_path = Path(__file__).parents[2] / "compiler/words/networks.py"
_spec = importlib.util.spec_from_file_location("networks", _path)
assert _spec is not None and _spec.loader is not None
networks: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)


def options(width: int | str = "full", technology: str = "generic", **pipeline: int) -> Options:
    return Options.model_validate(
        {"io": {"width": width}, "pipeline": pipeline, "optimise": {"technology": technology, "effort": 1}}
    )


def run(seed: int, chosen: Options, folder: Path, count: int = 12, engine: str = "amaranth") -> None:
    graph = networks.random_network(seed)
    assert not BACKEND.check(graph, chosen)
    design = BACKEND.lower(graph, chosen)
    inputs = networks.samples(graph, count, seed)
    expected = interpret(graph, inputs)
    spec = BACKEND.testbench(design)
    assert spec is not None
    request = SimulationRequest(
        folder, spec, [inputs[p.name] for p in spec.inputs], [expected[p.name] for p in spec.outputs],
        module=BACKEND.module(design), seed=seed,
    )  # fmt: skip
    result = simulate(request, engine)
    assert result.ok, (result.first_mismatch, result.violations)


@settings(max_examples=10, derandomize=True, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["full", 1, 3, 8, 16]),
    st.integers(0, 3),
    st.sampled_from(["generic", "xilinx", "lut6"]),
)
def test_streams_of_any_width_and_depth(tmp_path_factory: Any, seed: int, width: int, stages: int, kind: str) -> None:
    run(seed, options(width, kind, stages=stages), tmp_path_factory.mktemp("fpga"))


def test_builds_are_identical_and_complete(tmp_path: Path) -> None:
    graph = networks.random_network(3)
    texts = []
    for name in ("a", "b"):
        design = BACKEND.lower(graph, options(8, "xilinx", every=2))
        BACKEND.emit(design, tmp_path / name)
        texts.append({p.name: p.read_bytes() for p in sorted((tmp_path / name / "hdl").rglob("*.*"))})
    assert texts[0] == texts[1]
    assert b"module top(" in texts[0]["top.v"]
    estimate = BACKEND.estimate(design)
    assert estimate["latency_cycles"] == design.latency
    assert estimate["ii_cycles"] == BACKEND.testbench(design).ii  # type: ignore[union-attr]


def test_links_hold(tmp_path: Path) -> None:
    graph = networks.random_network(12)
    chosen = options(8, "xilinx", stages=2)
    links = BACKEND.links(tmp_path, graph, chosen)
    assert [(link.name, link.verdict) for link in links] == [
        ("primitive graph ≡ word graph", "equal"),
        ("word graph ≡ pipelined word graph", "equal"),
        ("adder cells ≡ LUT6_2 and CARRY8", "equal"),
        ("word graph ≡ synthesised netlist", "skipped"),
    ]
    assert adder_shapes(BACKEND.lower(graph, chosen))


def test_heaps_of_lut6_stand_in_for_the_sums(tmp_path: Path) -> None:
    graph = networks.random_network(12)
    chosen = options(8, "lut6")
    link = BACKEND.links(tmp_path, graph, chosen)[2]
    assert (link.name, link.verdict) == ("adder cells ≡ LUT1 to LUT6", "equal")
    design = BACKEND.lower(graph, chosen)
    BACKEND.emit(design, tmp_path)
    assert "LUT" in (tmp_path / "hdl" / "lut6" / "cells.v").read_text()
    figures = BACKEND.synthesise(tmp_path, graph, chosen, SynthesisRequest(tmp_path / "synth", device="lut6"))
    luts: Any = figures["variants"]
    assert luts["opened"] < luts["ripple"] <= luts["prefix"]
    inputs = networks.samples(graph, 32)
    expected = interpret(graph, inputs)
    for variant in ("opened", "ripple"):
        mapped = gates(tmp_path / "synth" / f"netlist-{variant}.v", "lut", tmp_path)
        assert compare(mapped, design, list(inputs.values()), list(expected.values())) == 0


def test_pipeline_takes_one_of_three() -> None:
    with pytest.raises(ValueError, match="must have one of stages, every and clock_mhz, not stages and every"):
        Options.model_validate({"pipeline": {"stages": 1, "every": 2}})


def test_synthesised_netlist_equals_the_word_graph(tmp_path: Path) -> None:
    b = Builder("sum")
    x = b.input("x", TensorType((6,), IntType(0, 255)))
    b.origin = "fc"
    w = np.array([[1, 3], [1, -2], [1, 1], [1, 5], [1, 1], [1, -7]])
    b.output("y", b.add(networks.op("matmul"), x, b.constant(w)))
    graph = b.finish()
    chosen = options(24, "xilinx", stages=1)
    design = BACKEND.lower(graph, chosen)
    BACKEND.emit(design, tmp_path)
    out = tmp_path / "reports" / "synth"
    figures = BACKEND.synthesise(tmp_path, graph, chosen, SynthesisRequest(out, device="xcup"))
    predicted = BACKEND.estimate(design)["adder_luts"]
    assert isinstance(predicted, int)
    # Beside the adders: the streams' control, and inverters that Yosys did not absorb.
    assert predicted <= figures["luts"] <= predicted * 1.1 + 40  # type: ignore[operator]
    # Two LUTs an adder: carry-save bits do not ripple, though each LUT6_2 is wired to the one below.
    assert figures["depth"] <= 2 * int(design.words.level.max()) + 2  # type: ignore[operator]
    (tmp_path / "reports" / "synth.json").write_text(json.dumps(figures))
    link = BACKEND.links(tmp_path, graph, chosen)[-1]
    assert (link.name, link.verdict) == ("word graph ≡ synthesised netlist", "equal")
    mapped = gates(out / "netlist-default.v", "xilinx", tmp_path)
    inputs = networks.samples(graph, 64)
    expected = interpret(graph, inputs)["y"]
    assert compare(mapped, design, [inputs["x"]], [expected]) == 0
    assert compare(mapped, design, [inputs["x"]], [expected + (np.arange(64) == 5)[:, None]]) == 1
