"""Netlists: invariants and their error texts, evaluation against Python, text and Verilog round trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.ir.diagnostics import NcError
from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import YOSYS_GATES, CellType, compile_function, from_truth_table
from nc.ir.netlist_eval import evaluate, from_bits, pack, simulate, to_bits, unpack
from nc.ir.netlist_export import to_blif, to_verilog
from nc.ir.netlist_text import parse_netlist, print_netlist

COMBINATIONAL = sorted(name for name, kind in YOSYS_GATES.items() if not kind.sequential)


def ripple_adder(width: int) -> Netlist:
    make = NetlistBuilder("adder", YOSYS_GATES)
    a, b, carry, total = make.input("a", width), make.input("b", width), 0, []
    for x, y in zip(a, b):
        half = make.cell("$_XOR_", [x, y])[0]
        total.append(make.cell("$_XOR_", [half, carry])[0])
        both, through = make.cell("$_AND_", [x, y])[0], make.cell("$_AND_", [half, carry])[0]
        carry = make.cell("$_OR_", [both, through])[0]
    make.output("s", [*total, carry])
    return make.build()


def counter(width: int) -> Netlist:
    """Counts `en` pulses; starts at 1."""
    make = NetlistBuilder("counter", YOSYS_GATES)
    clock, carry = make.input("clk", 1)[0], make.input("en", 1)[0]
    state = make.nets(width)
    for i, bit in enumerate(state):
        following = make.cell("$_XOR_", [bit, carry])[0]
        make.cell("$_DFF_P_", [following, clock], [bit], init=int(i == 0))
        carry = make.cell("$_AND_", [bit, carry])[0]
    make.output("q", state)
    return make.build()


@st.composite
def random_netlists(draw: st.DrawFn) -> Netlist:
    make = NetlistBuilder("random", YOSYS_GATES)
    nets = [0, 1, *make.input("a", draw(st.integers(1, 5)))]
    for _ in range(draw(st.integers(0, 20))):
        kind = draw(st.sampled_from(COMBINATIONAL))
        pins = [draw(st.sampled_from(nets)) for _ in YOSYS_GATES[kind].inputs]
        nets += make.cell(kind, pins)
    make.output("y", [draw(st.sampled_from(nets)) for _ in range(draw(st.integers(1, 4)))])
    return make.build()


def test_adder_adds() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 1 << 20, (2, 1000))
    got = evaluate(ripple_adder(20), {"a": to_bits(a, 20), "b": to_bits(b, 20)})
    np.testing.assert_array_equal(from_bits(got["s"]), a + b)


def test_depth_and_counts() -> None:
    adder = ripple_adder(8)
    assert adder.depth == 1 + 2 * 8
    assert adder.count() == {"$_AND_": 16, "$_OR_": 8, "$_XOR_": 16}
    assert adder.fanout[adder.port("a").nets].tolist() == [2] * 8


def test_counter_counts_from_its_initial_state() -> None:
    enable = np.random.default_rng(2).integers(0, 2, (50, 3, 1))
    got = from_bits(simulate(counter(6), {"en": enable})["q"])
    expected = 1 + np.cumsum(enable[:, :, 0], axis=0) - enable[:, :, 0]
    np.testing.assert_array_equal(got, expected % 64)


@given(random_netlists())
@settings(max_examples=60, derandomize=True, deadline=None)
def test_text_round_trip_and_evaluation_cell_by_cell(netlist: Netlist) -> None:
    again = parse_netlist(print_netlist(netlist))
    assert print_netlist(again) == print_netlist(netlist)
    width = netlist.port("a").width
    x = to_bits(np.arange(1 << width), width)
    got = evaluate(again, {"a": x})["y"]
    for row, vector in enumerate(x):
        value = {0: 0, 1: 1, **dict(zip(netlist.port("a").nets.tolist(), vector.tolist()))}
        for cell in range(netlist.n_cells):
            kind = netlist.type_of(cell)
            address = sum(value[net] << i for i, net in enumerate(netlist.inputs_of(cell).tolist()))
            value[int(netlist.outputs_of(cell)[0])] = int(kind.truth_table()[address])
        assert got[row].tolist() == [value[net] for net in netlist.port("y").nets.tolist()]


def test_sequential_text_round_trip() -> None:
    text = print_netlist(counter(3))
    assert "clock C" in text and "init 1" in text
    assert print_netlist(parse_netlist(text)) == text


@given(st.integers(1, 200), st.integers(1, 9))
@settings(max_examples=30, derandomize=True, deadline=None)
def test_pack_unpack(n: int, k: int) -> None:
    bits = np.random.default_rng(n * 10 + k).integers(0, 2, (n, k))
    np.testing.assert_array_equal(unpack(pack(bits), n), bits)


def test_truth_table_types() -> None:
    for table in ([0, 0, 0, 1], [1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]):
        assert from_truth_table("T", "ab", table).truth_table().tolist() == table


def test_precedence_is_liberty() -> None:
    table = CellType("T", ("a", "b", "c"), ("y",), ("a + b * !c ^ 1",)).truth_table()
    expected = [int(a or ((b and not c) != 1)) for c in (0, 1) for b in (0, 1) for a in (0, 1)]
    assert table.tolist() == expected


@pytest.mark.parametrize("text", ["A &", "A B", "Z", "A ** B", "A if B else A", "__import__('os')", "(A"])
def test_function_refused(text: str) -> None:
    with pytest.raises(NcError, match="NC281"):
        compile_function(text, ("A", "B"))


def test_verilog_and_blif_text() -> None:
    make = NetlistBuilder("half adder", YOSYS_GATES)
    a, b = make.input("a", 2)
    make.output("s", [*make.cell("$_XOR_", [a, b], name="x0"), *make.cell("$_AND_", [a, b], name="c0")])
    netlist = make.build()
    assert to_verilog(netlist) == (
        "module \\half adder  (a, s);\n  input [1:0] a;\n  output [1:0] s;\n  wire n4;\n  wire n5;\n"
        "  \\$_XOR_  x0 (.A(a[0]), .B(a[1]), .Y(n4));\n  \\$_AND_  c0 (.A(a[0]), .B(a[1]), .Y(n5));\n"
        "  assign s[0] = n4;\n  assign s[1] = n5;\nendmodule\n"
    )
    assert ".names a[0] a[1] n5\n11 1\n" in to_blif(netlist)


def test_two_drivers_are_refused() -> None:
    make = NetlistBuilder("bad", YOSYS_GATES)
    a = make.input("a", 1)
    make.cell("$_NOT_", a, a)
    with pytest.raises(NcError) as error:
        make.build()
    assert str(error.value) == "error[NC282]: net must have exactly one driver, not 2\n  --> tensor 'n2'"


def test_loop_is_refused_by_name() -> None:
    make = NetlistBuilder("bad", YOSYS_GATES)
    a, (p, q) = make.input("a", 1), make.nets(2)
    make.cell("$_AND_", [a[0], q], [p], name="u1")
    make.cell("$_NOT_", [p], [q], name="u2")
    with pytest.raises(NcError) as error:
        make.build()
    assert str(error.value) == (
        "error[NC283]: netlist 'bad' must have no combinational loop\n"
        "   |  u2 ($_NOT_) -> u1 ($_AND_) -> u2\n"
        "  help: break the loop with a flip-flop"
    )


def test_unknown_cell_and_wrong_width() -> None:
    make = NetlistBuilder("bad", YOSYS_GATES)
    with pytest.raises(NcError, match=r"NC284.*not '\$_ADN_'\n  help: did you mean '\$_AND_'"):
        make.cell("$_ADN_", [0, 1])
    with pytest.raises(NcError, match=r"NC285.*input 'a' must have shape \(N, 4\), not \(3, 2\)"):
        evaluate(ripple_adder(4), {"a": np.zeros((3, 2)), "b": np.zeros((3, 4))})


def test_parse_errors_name_the_line() -> None:
    with pytest.raises(
        NcError, match=r"NC286\]: line 2 must start with netlist, type, input, output, net, cell, not 'x'"
    ):
        parse_netlist("netlist n nets 2\nx")
