"""Recurrent networks in hardware: one step a transaction, the state in registers; equal to the integer graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nc.backends.fpga.backend import BACKEND
from nc.backends.fpga.design import build as build_design
from nc.backends.fpga.options import Options
from nc.compiler.config import Common
from nc.compiler.data import Dataset
from nc.compiler.driver.compiling import compile
from nc.compiler.driver.simulating import simulate
from nc.compiler.driver.synthesising import synth
from nc.compiler.driver.verifying import verify
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers, to_primitives
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate
from nc.ir.ops.add import Add
from nc.ir.ops.clip import Clip
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.mul import Mul
from nc.ir.ops.requantize import Requantize
from nc.ir.types import IntType, TensorType
from nc.sim.amaranth_engine import run
from nc.sim.engine import SimulationRequest

STEPS = 220


def random_network(seed: int) -> Graph:
    """Two coupled states with initial values, of different widths; one is fed a narrower value than it holds."""
    rng = np.random.default_rng(seed)
    b = Builder("random")
    x = b.input("x", TensorType((3,), IntType(-8, 7)))
    s = b.state("s", TensorType((2,), IntType(-40, 40)), rng.integers(-40, 41, 2))
    t = b.state("t", TensorType((2,), IntType(0, 63)), rng.integers(0, 64, 2))
    mixed = b.add(Add(), b.add(MatMul(), x, b.constant(rng.integers(-3, 4, (3, 2)))),
                  b.add(MatMul(), s, b.constant(rng.integers(-3, 4, (2, 2)))))  # fmt: skip
    b.origin = "a"
    first = b.add(Requantize(np.array([3]), np.array([int(rng.integers(-50, 50))]), 4, -30, 30), mixed)
    b.origin = "b"
    second = b.add(Clip(0, 63), b.add(Add(), b.add(Mul(), first, t), s))
    b.feed(s, first)
    b.feed(t, second)
    b.output("y", b.add(Add(), first, second))
    b.output("t", t)
    return b.finish()


@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (0, {}),
        (1, {"io": {"width": 4}}),
        (2, {"pipeline": {"stages": 1}}),
        (3, {"pipeline": {"stages": 3}, "io": {"width": 8}}),
        (4, {"pipeline": {"stages": 6}, "optimise": {"technology": "xilinx"}}),
    ],
)
def test_random_networks(seed: int, options: dict[str, Any], tmp_path: Path) -> None:
    """Without and with stalls, reset between the two; latency and II as predicted: a loop of n registers takes n."""
    graph = random_network(seed)
    design = build_design(graph, Options.model_validate(options))
    spec = design.spec
    assert [p.name for p in spec.inputs] == ["x"] and [p.name for p in spec.outputs] == ["y", "t"]
    x = np.random.default_rng(seed).integers(-8, 8, (STEPS, 3))
    want = evaluate(graph, {"x": x})
    request = SimulationRequest(
        build=tmp_path, spec=spec, inputs=[x], expected=[want["y"], want["t"]], module=design.top(inline=True)
    )
    found = run(request)
    assert found.mismatches == 0 and not found.violations
    assert found.latency_cycles == spec.latency
    assert found.ii_cycles == spec.ii == max(design.latency + 1, spec.s_beats, spec.m_beats)


def lstm() -> Graph:
    import importlib.util

    here = Path(__file__).parents[2] / "compiler" / "frontends" / "test_onnx_recurrent.py"
    module_spec = importlib.util.spec_from_file_location("recurrent_models", here)
    assert module_spec is not None and module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    from nc.compiler.frontends.onnx import from_onnx

    return from_onnx(module.model("LSTM", ["T", 1, 3]))


def test_an_lstm_from_onnx_is_verified(tmp_path: Path) -> None:
    """The whole chain: floats, integers, words, registers, and Verilator or what stands in for it."""
    build = tmp_path / "build"
    data = Dataset.of(np.sin(np.arange(300)[:, None, None] / np.array([7.0, 23.0, 11.0])))
    made = compile(lstm(), target="fpga", output=build, calib=data,
                   set=["quantise.activation_bits=5", "pipeline.stages=2"])  # fmt: skip
    assert made.build.manifest.estimate["ii_cycles"] == 3
    links = {link.name: link.verdict for link in verify(build).links}
    assert links["primitive graph ≡ word graph"] == "equal"
    assert links["integer graph ≡ primitive graph"] == "equal"
    assert "different" not in links.values()


def test_memory_is_not_for_other_kinds_of_hardware() -> None:
    common = Common.model_validate({"input": {"x": {"bits": 8, "scale": "1/64", "signed": True}}})
    integer, _ = run_passes(lstm(), to_integers(lstm(), common, {"x": np.ones((4, 1, 3)) * [[[0.1, 0.2, 0.3]]]}))
    found = BACKEND.check(integer, Options(style="streaming"))
    assert {str(d).splitlines()[0] for d in found} >= {"error[NC610]: operation 'state' must be one that streams"}
    primitive, _ = run_passes(integer, to_primitives())
    assert not BACKEND.check(primitive, Options())


def test_data_are_one_sequence(tmp_path: Path) -> None:
    """`nc simulate` on data: the state is kept from sample to sample."""
    build = tmp_path / "build"
    x = np.random.default_rng(0).integers(-8, 8, (STEPS, 3))
    compile(random_network(7), target="fpga", output=build)
    found = simulate(build, Dataset.of(x), engine="amaranth")
    assert found.ok and found.vectors == STEPS


def test_a_state_without_a_step_in_between_is_refused() -> None:
    b = Builder()
    x = b.input("x", TensorType((1,), IntType(0, 1)))
    s = b.state("s", TensorType((1,), IntType(0, 1)), np.array([0]))
    with pytest.raises(NcError, match=r"NC205.*state 's' must be fed with u1\[1\], not u2<0..2>\[1\]"):
        b.feed(s, b.add(Add(), s, x))


LIBERTY = """library (few) { leakage_power_unit : "1nW";
  cell (INV) { area : 0.5; cell_leakage_power : 1; pin (A) { direction : input; }
    pin (Y) { direction : output; function : "!A"; } }
  cell (NAND2) { area : 0.8; cell_leakage_power : 2; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "!(A & B)"; } }
  cell (XOR2) { area : 1.6; cell_leakage_power : 4; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "(A ^ B)"; } }
  cell (DFF) { area : 4.5; cell_leakage_power : 5; ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }
    pin (CK) { direction : input; clock : true; } pin (D) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; } } }
"""


def counter() -> Graph:
    """A leaky sum that saturates."""
    b = Builder("leaky")
    x = b.input("x", TensorType((1,), IntType(-4, 3)))
    s = b.state("s", TensorType((1,), IntType(-32, 31)), np.array([5]))
    b.origin = "leak"
    total = b.add(Requantize(np.array([7]), np.array([0]), 3, -32, 31), b.add(Add(), s, x))
    b.feed(s, total)
    b.output("y", total)
    return b.finish()


@pytest.mark.slow
def test_standard_cells_keep_the_state(tmp_path: Path) -> None:
    """`nc synth --liberty`: area and leakage; the mapped netlist runs sequences as the integer graph does."""
    library, build = tmp_path / "few.lib", tmp_path / "build"
    library.write_text(LIBERTY)
    compile(counter(), target="fpga", output=build)
    made = synth(build, liberty=library)
    assert made.area_um2 and made.leakage_uw and made.depth and made.ffs == 6 + 1  # the state, and "out of reset"
    link = next(link for link in verify(build).links if link.name == "word graph ≡ synthesised netlist")
    assert link.verdict == "equal" and "in sequences of 16" in link.detail
    netlist = next((build / "reports" / "synth").glob(f"netlist-{made.more['variant']}.v"))
    text = netlist.read_text()
    assert text.count("XOR2 ") > 1
    netlist.write_text(text.replace("XOR2 ", "NAND2 ", 1))
    link = next(link for link in verify(build).links if link.name == "word graph ≡ synthesised netlist")
    assert link.verdict == "different"
