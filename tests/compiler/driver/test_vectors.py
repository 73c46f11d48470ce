"""How many vectors a run takes when nobody says."""

from __future__ import annotations

from nc.compiler.driver.vectors import default_vectors
from nc.ir.stream import StreamSpec, TensorPort


def spec(ii: int | None) -> StreamSpec:
    port = TensorPort("x", (4,), 5, False)
    return StreamSpec((port,), (port,), 20, 20, latency=ii, ii=ii)


def test_fewer_where_a_vector_takes_long() -> None:
    """Half a million cycles, three times over: without stalls once, with stalls twice as long."""
    assert default_vectors(None, {}) == 256
    assert default_vectors(spec(1), {}) == 256
    assert default_vectors(spec(9_367), {}) == 17
    assert default_vectors(spec(9_367), {}, most=8) == 8
    assert default_vectors(spec(10_000_000), {}) == 2


def test_cycles_that_depend_on_data() -> None:
    """The target's bound stands in for the interval."""
    assert default_vectors(spec(None), {}) == 256
    assert default_vectors(spec(None), {"ii_cycles_most": 10_000}) == 16
