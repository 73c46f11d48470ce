"""Gates, adders, comparators: against integers, exhaustively or on random numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.backends.printed.logic import FALSE, TRUE, Logic
from nc.backends.printed.mapping import map_network
from nc.backends.printed.netlist import MappedNetlist, pack, read_mapped_blif, unpack
from nc.backends.printed.technology import egfet


def test_full_adder_is_nine_nands() -> None:
    logic = Logic()
    total, carry = logic.full_add(*(logic.input(n) for n in "abc"))
    logic.output("s", total)
    logic.output("co", carry)
    mapping = map_network(logic, egfet(), scripts=("direct", "amap"), polish=0)
    assert mapping.netlist.counts == {"NAND2X1": 9}
    assert mapping.netlist.area_mm2 == pytest.approx(9 * 0.24786)


@pytest.mark.parametrize("pattern", range(4**3))
def test_full_adder_with_any_constants_and_polarity(pattern: int) -> None:
    logic = Logic()
    literals, values = [], []
    for i in range(3):
        choice = pattern >> 2 * i & 3
        variable = logic.input(f"i{i}")
        literals.append([FALSE, TRUE, variable, variable ^ 1][choice])
        column = np.array([r >> i & 1 for r in range(8)])
        values.append([0 * column, 0 * column + 1, column, 1 - column][choice])
    total, carry = logic.full_add(*literals)
    logic.output("s", total)
    logic.output("co", carry)
    planes = [np.array([sum((r >> i & 1) << r for r in range(8))]) for i in range(3)]
    s, c = (np.array([int(p[0]) >> r & 1 for r in range(8)]) for p in logic.evaluate(planes))
    assert np.array_equal(s + 2 * c, sum(values))


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.booleans()), max_size=24), st.integers(0, 255))
def test_columns_add_up(bits: list[tuple[int, int, bool]], constant: int) -> None:
    logic = Logic()
    inputs = [logic.input(f"x{i}") for i in range(6)]
    columns: list[list[int]] = [[] for _ in range(8)]
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (6, 100))
    want = np.full(100, constant)
    for i, k, inverted in bits:
        columns[k].append(inputs[i] ^ int(inverted))
        want = want + ((x[i] ^ int(inverted)) << k)
    for k in range(8):
        if constant >> k & 1:
            columns[k].append(TRUE)
    for k, literal in enumerate(logic.add_columns(columns, 8)):
        logic.output(f"s{k}", literal)
    planes = logic.evaluate([pack(row) for row in x])
    got = sum(unpack(p, 100).astype(int) << k for k, p in enumerate(planes))
    assert np.array_equal(got, want % 256)


@pytest.mark.parametrize("or_equal", [False, True])
def test_comparison(or_equal: bool) -> None:
    logic = Logic()
    a, b = logic.word("a", 3), logic.word("b", 3)
    logic.output("y", logic.greater(a, b, or_equal))
    codes = np.arange(64)
    planes = [pack(codes >> i & 1) for i in range(6)]
    got = unpack(logic.evaluate(planes)[0], 64)
    p, q = codes & 7, codes >> 3
    assert np.array_equal(got, p >= q if or_equal else p > q)


def _mapped() -> tuple[Logic, MappedNetlist]:
    logic = Logic()
    a, b = logic.word("a", 4), logic.word("b", 4)
    for k, literal in enumerate(logic.add_columns([[x, y] for x, y in zip(a, b)], 5)):
        logic.output(f"s[{k}]", literal)
    logic.output("wire", a[2])
    logic.output("one", TRUE)
    return logic, map_network(logic, egfet(), scripts=("amap", "dch"), polish=0).netlist


def test_mapped_netlist_equals_its_source_and_reads_back() -> None:
    logic, netlist = _mapped()
    codes = np.arange(256)
    planes = {f"{'ab'[i // 4]}[{i % 4}]": pack(codes >> i & 1) for i in range(8)}
    for candidate in (netlist, read_mapped_blif(netlist.write_blif(), egfet())):
        nets = candidate.evaluate(planes)
        total = sum(unpack(nets[f"s[{k}]"], 256).astype(int) << k for k in range(5))
        assert np.array_equal(total, (codes & 15) + (codes >> 4))
        assert np.array_equal(unpack(nets["wire"], 256), codes >> 2 & 1)
        assert unpack(nets["one"], 256).all()
    assert logic.gates > 0


def test_leakage_is_the_mean_over_states() -> None:
    _, netlist = _mapped()
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, (8, 77))  # no multiple of 64: the padding must not count
    planes = {f"{'ab'[i // 4]}[{i % 4}]": pack(x[i]) for i in range(8)}
    nets = {name: unpack(words, 77) for name, words in netlist.evaluate(planes).items()}
    want = 0.0
    for gate in netlist.gates:
        rows = sum(nets[pin].astype(int) << i for i, pin in enumerate(gate.pins))
        want += egfet().cells[gate.cell].leakage_by_row("0.6")[rows].mean()
    assert netlist.leakage_uw(planes, 77, "0.6") == pytest.approx(want)
    assert netlist.power_mw(planes, 77, "0.6") == pytest.approx(want * 1.05 / 1e3)


def test_delay_is_the_longest_path() -> None:
    _, netlist = _mapped()
    slowest = max(egfet().cells[g.cell].corners["1.0"].delay_us for g in netlist.gates) / 1e3
    fastest = min(egfet().cells[g.cell].corners["1.0"].delay_us for g in netlist.gates) / 1e3
    assert 0.999 * fastest * netlist.depth <= netlist.delay_ms("1.0") <= 1.001 * slowest * netlist.depth
