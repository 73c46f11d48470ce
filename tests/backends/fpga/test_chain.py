"""The end of the chain on random networks: the Verilog in Verilator, and the netlists of every family cell by cell,
equal the integer graph. (Word graph and Amaranth: test_lower.py, test_fpga.py.)"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from nc.backends.backend import SynthesisRequest
from nc.backends.fpga import BACKEND
from nc.backends.fpga.options import Options
from nc.backends.fpga.proofs import links
from nc.ir.interpret import evaluate as interpret
from nc.sim import tools
from nc.sim.bench import write_bench
from nc.sim.engine import SimulationRequest, simulate

_path = Path(__file__).parents[2] / "compiler/words/networks.py"
_spec = importlib.util.spec_from_file_location("networks", _path)
assert _spec is not None and _spec.loader is not None
networks: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)

TECHNOLOGY = {"ice40-hx8k": "ice40", "ecp5-25k": "ecp5", "xcup": "xilinx", "lut6": "generic"}


def chosen(technology: str, stages: int) -> Options:
    return Options.model_validate(
        {"io": {"width": 8}, "pipeline": {"stages": stages}, "optimise": {"technology": technology}}
    )


def in_verilator(folder: Path, seed: int, stages: int, count: int = 100) -> None:
    graph, options = networks.random_network(seed), chosen("generic", stages)
    design = BACKEND.lower(graph, options)
    BACKEND.emit(design, folder)
    inputs = networks.samples(graph, count, seed)
    expected = interpret(graph, inputs)
    spec = BACKEND.testbench(design)
    assert spec is not None
    given, wanted = [inputs[p.name] for p in spec.inputs], [expected[p.name] for p in spec.outputs]
    write_bench(folder / "tb", spec, sorted((folder / "hdl").glob("*.v")), given, wanted)
    request = SimulationRequest(folder, spec, given, wanted, seed=seed)
    result = simulate(request, "verilator")
    assert result.ok, (result.first_mismatch, result.violations)


def as_netlist(folder: Path, seed: int, device: str, stages: int) -> str:
    """What the last link of the chain says about the synthesised netlist."""
    graph, options = networks.random_network(seed), chosen(TECHNOLOGY[device], stages)
    BACKEND.emit(BACKEND.lower(graph, options), folder)
    out = folder / "reports" / "synth"
    figures = BACKEND.synthesise(folder, graph, options, SynthesisRequest(out, device=device))
    (folder / "reports" / "synth.json").write_text(json.dumps(figures))
    link = links(folder, graph, options)[-1]
    assert (link.name, link.verdict) == ("word graph ≡ synthesised netlist", "equal"), link
    return link.detail


@pytest.mark.skipif(tools.find("verilator") is None, reason="Verilator is not installed")
def test_verilator(tmp_path: Path) -> None:
    """A dense layer and tables, two stages deep."""
    in_verilator(tmp_path, 12, 2)


@pytest.mark.slow
@pytest.mark.skipif(tools.find("verilator") is None, reason="Verilator is not installed")
@pytest.mark.parametrize("seed", [0, 2, 5, 8, 15, 17, 27, 32, 34])
def test_verilator_more(tmp_path: Path, seed: int) -> None:
    in_verilator(tmp_path, seed, seed % 4)


@pytest.mark.parametrize(("device", "seed"), [("ice40-hx8k", 8), ("ecp5-25k", 18), ("xcup", 29), ("lut6", 12)])
def test_netlists(tmp_path: Path, device: str, seed: int) -> None:
    assert "; against the Verilog: proved for all inputs" in as_netlist(tmp_path, seed, device, 2)


@pytest.mark.slow
@pytest.mark.parametrize("device", list(TECHNOLOGY))
@pytest.mark.parametrize("seed", [1, 5, 14, 23, 30, 33])
def test_netlists_more(tmp_path: Path, device: str, seed: int) -> None:
    as_netlist(tmp_path, seed, device, seed % 4)


def test_a_wrong_netlist_is_told(tmp_path: Path) -> None:
    """The chain must be able to break: one table of the netlist inverted."""
    graph, options = networks.random_network(12), chosen("generic", 0)
    as_netlist(tmp_path, 12, "lut6", 0)
    variant = json.loads((tmp_path / "reports" / "synth.json").read_text())["variant"]
    netlist = tmp_path / "reports" / "synth" / f"netlist-{variant}.v"
    turned, count = re.subn(r"(assign m_tdata\[\d+\] = )(\d+'[hd])", r"\1~\2", netlist.read_text(), count=1)
    assert count == 1
    netlist.write_text(turned)
    assert links(tmp_path, graph, options)[-1].verdict == "different"
