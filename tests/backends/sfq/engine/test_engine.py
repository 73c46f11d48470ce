"""The time-multiplexed engine: program, cells and pulses against plain arithmetic."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.backends.sfq.engine.design import design, engine_json, figures, over_budget, streams
from nc.backends.sfq.engine.network import BinaryNetwork
from nc.backends.sfq.engine.program import assemble, execute, shape_of
from nc.backends.sfq.legal import check_wires
from nc.backends.sfq.library import load_library
from nc.ir.diagnostics import NcError
from nc.sim.pulse_program import EngineDesign, from_json


def _load(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"sfq_engine_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


networks = _load("networks")


def pulses(network: BinaryNetwork, lanes: int, wiring: str = "jtl") -> EngineDesign:
    made = design(network, load_library(), lanes=lanes, wiring=wiring, budget=10**9)  # type: ignore[arg-type]
    return from_json(json.loads(json.dumps(engine_json(made))), streams(made.program))


def bits_of(n: int, count: int = 20, seed: int = 5) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(seed).integers(0, 2, (count, n), np.uint8)


@given(
    st.lists(st.integers(1, 14), min_size=2, max_size=4), st.sampled_from([1, 2, 4]), st.integers(0, 99),
    st.integers(2, 12),
)  # fmt: skip
@settings(derandomize=True, deadline=None, max_examples=60)
def test_the_program_decides_as_arithmetic_does(sizes: list[int], lanes: int, seed: int, gap: int) -> None:
    network = networks.random_network(tuple(sizes), seed)
    bits = bits_of(sizes[0])
    program = assemble(network, shape_of(network, lanes), gap)
    np.testing.assert_array_equal(execute(program, bits), networks.decide(network, bits))


@pytest.mark.parametrize(
    ("sizes", "lanes", "wiring"),
    [((8, 5, 3), 1, "jtl"), ((8, 5, 3), 2, "ptl"), ((13, 9, 6, 4), 4, "jtl"), ((30, 16, 10), 4, "abut"),
     ((9, 4), 4, "jtl")],
)  # fmt: skip
def test_pulses_decide_as_arithmetic_does(sizes: tuple[int, ...], lanes: int, wiring: str) -> None:
    """Images one behind the other at the stated period: no violation, all decisions right."""
    network = networks.random_network(sizes, 3)
    bits = bits_of(sizes[0])
    run = pulses(network, lanes, wiring).run(bits)
    assert run.trace.violation_count == 0
    np.testing.assert_array_equal(run.decisions, networks.decide(network, bits))


def test_beyond_its_clock_there_are_violations() -> None:
    made = pulses(networks.random_network((13, 9, 6, 4), 3), 4)
    assert made.run(bits_of(13), period=made.period - 2.0).trace.violation_count > 0


def test_another_weight_is_another_decision() -> None:
    """The comparison can fail: the streams of another network."""
    network = networks.random_network((13, 9, 6, 4), 3)
    other = networks.random_network((13, 9, 6, 4), 4)
    bits = bits_of(13, 50)
    program = assemble(other, shape_of(other, 4), 8)
    assert (execute(program, bits) != networks.decide(network, bits)).any()


def test_junctions_by_role_and_figures() -> None:
    made = design(networks.random_network((30, 16, 10), 1), load_library(), lanes=4, wiring="jtl", budget=10**6)
    check_wires(made.engine.netlist)
    jj = made.engine.jj()
    assert jj["total"] == sum(n for role, n in jj.items() if role != "total")
    counts = made.engine.netlist.count()
    assert counts["XOR"] == 64 and counts["T1"] == 16 * made.engine.shape.stages
    found = figures(made)
    assert found["frames_per_second"] == round(1e12 / (made.timing.period * made.program.periods), 1)
    assert sum(row["periods"] for row in found["periods_by_layer"]) == made.program.periods  # type: ignore[attr-defined, misc]


def test_fewer_lanes_for_a_small_budget() -> None:
    network = networks.random_network((30, 16, 10), 1)
    totals = {
        k: design(network, load_library(), lanes=k, wiring="jtl", budget=1).engine.jj()["total"] for k in (1, 2, 4)
    }
    assert totals[1] < totals[2] < totals[4]
    assert design(network, load_library(), lanes=0, wiring="jtl", budget=totals[2]).engine.shape.lanes == 2


def test_an_engine_beyond_the_budget_names_layer_and_excess() -> None:
    made = design(networks.random_network((30, 16, 10), 1), load_library(), lanes=0, wiring="jtl", budget=1000)
    total = made.engine.jj()["total"]
    (found,) = over_budget(made, 1000)
    assert str(found) == (
        f"error[NC805]: time-multiplexed engine must need at most 1,000 Josephson junctions, not {total:,}: layer "
        f"'fc0' needs 16 columns, {total - 1000:,} junctions too many in all\n"
        "  --> node 'fc0'\n"
        "  help: split or shrink the layer, or raise sfq.engine_max_jj"
    )


def test_a_library_without_t1_is_refused(tmp_path: Path) -> None:
    from nc.backends.sfq.library import BUILT_IN

    path = tmp_path / "cells.yaml"
    rows = BUILT_IN.read_text().splitlines()
    at = next(i for i, row in enumerate(rows) if row.startswith("  T1:"))
    path.write_text("\n".join(rows[:at] + rows[at + 4 :]) + "\n")
    with pytest.raises(NcError) as error:
        design(networks.random_network((4, 2), 1), load_library(path), lanes=1, wiring="jtl", budget=10**6)
    assert str(error.value) == "error[NC801]: cell library must have a cell 'T1' for the engine"
