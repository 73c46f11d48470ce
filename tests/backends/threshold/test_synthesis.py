"""Exact synthesis: known least numbers of neurons, networks that compute what they should, alone and on the element."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from nc.backends.threshold.ftl.identify import identify
from nc.backends.threshold.operations import small_node
from nc.backends.threshold.program import Program
from nc.backends.threshold.simulator import check, execute
from nc.backends.threshold.synthesis import at_least, count_bits, fewest_neurons, solve
from nc.hdl.threshold.shape import PeShape
from nc.ir.diagnostics import NcError

sys.path.insert(0, str(Path(__file__).parent))
from vectors import pack, unpack  # noqa: E402

SHAPES = [PeShape(neurons=2), PeShape(neurons=4)]


def tables_of(program: Program, inputs: int) -> list[int]:
    """Truth tables of the emitted bits; the program is legal."""
    check(program, inputs)
    bits = (np.arange(1 << inputs)[None, :] >> np.arange(inputs)[:, None]) & 1
    words = pack(bits.astype(np.bool_))
    out = unpack(execute(program, words, np.zeros((1, words.shape[1]), np.uint64)), 1 << inputs)
    return [sum(int(v) << m for m, v in enumerate(row)) for row in out]


@pytest.mark.parametrize(("inputs", "least"), [(3, [1, 1, 1]), (4, [1, 2, 2, 1]), (5, [2, 3, 3, 3, 2])])
def test_least_neurons_of_a_threshold(inputs: int, least: list[int]) -> None:
    """[x0 + ... >= T] for every T: the numbers known from exhaustive search, each proved again by SAT."""
    for threshold, neurons in enumerate(least, 1):
        table = at_least(inputs, threshold)
        found = fewest_neurons([table], inputs, most=3)
        assert found.network is not None and found.proved
        assert (len(found.network.neurons), found.network.tables()) == (neurons, [table])
        for shape in SHAPES:
            assert tables_of(small_node(inputs, threshold, shape), inputs) == [table]


def test_full_adder_and_parity() -> None:
    """Two neurons for a full adder; four for the parity of four, and three do not do."""
    adder = fewest_neurons(count_bits(3), 3)
    assert adder.network is not None and adder.tried == {2: "sat"} and adder.network.tables() == count_bits(3)
    parity = fewest_neurons(count_bits(4)[:1], 4)
    assert parity.network is not None and parity.tried == {1: "unsat", 2: "unsat", 3: "unsat", 4: "sat"}
    for shape in SHAPES:
        assert tables_of(parity.network.program(shape), 4) == count_bits(4)[:1]


@pytest.mark.slow
def test_parity_of_five_needs_four() -> None:
    found = fewest_neurons(count_bits(5)[:1], 5)
    assert found.tried == {1: "unsat", 2: "unsat", 3: "unsat", 4: "sat"}


@pytest.mark.parametrize("table", [0xF888, 0x8000, 0xFEE8, 0x0001, 0x6FF6])
def test_one_neuron_is_a_threshold_function(table: int) -> None:
    """What SAT does with one neuron, the linear program identifies."""
    verdict, network = solve([table], 4, 1, 100_000)
    assert (verdict == "sat") == (network is not None)
    if network is not None:
        assert network.tables() == [table] and identify(table, 4) is not None


def test_count_of_one_neuron_functions() -> None:
    """One neuron computes all 104 threshold functions of three inputs (free inversion, constants), and no others."""
    assert sum(solve([table], 3, 1, 100_000)[0] == "sat" for table in range(256)) == 104


def test_too_many_neurons() -> None:
    with pytest.raises(NcError) as error:
        small_node(7, 4, SHAPES[0])
    assert str(error.value) == (
        "error[NC707]: exact synthesis must be of a node of at most 5 inputs, not 7\n"
        "  help: schedule a popcount node instead: its threshold is data"
    )
