"""The graph: built node by node, errors at the node that caused them, text that parses back."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.ir.diagnostics import InternalError, NcError
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate, steps
from nc.ir.loops import open_loops
from nc.ir.ops import OPS
from nc.ir.text import from_text, to_text
from nc.ir.types import F32, Affine, IntType, TensorType
from nc.ir.verify import verify


def op(name: str, *args: object, **kwargs: object):
    return OPS[name](*args, **kwargs)


def small(seed: int = 0) -> Graph:
    rng = np.random.default_rng(seed)
    b = Builder("small")
    x = b.input("x", TensorType((4,), IntType(0, 15), Affine.of(0.5, 1)))
    b.origin = "fc"
    h = b.add(op("matmul"), x, b.constant(rng.integers(-7, 8, (4, 3))))
    h = b.add(op("requantize", np.array([3, 5, 7]), np.array([4]), 3, -8, 7, 0, "half_even"), h)
    b.output("y", b.add(op("argmax", 0, False), h))
    b.output("h", h)
    return b.finish()


def test_text() -> None:
    assert str(small()).splitlines() == [
        'graph "small"',
        '%0 = input {label="x"} : u4[4] as 1/2*q - 1/2',
        "%1 = constant {value=@0} : i4<-7..6>[4,3]  # fc",
        "%2 = matmul(%0, %1) : i9<-180..150>[3]  # fc",
        "%3 = requantize(%2) {multiplier=i[3,5,7], offset=i[4], shift=3, lo=-8, hi=7, axis=0, "
        'rounding="half_even"} : i4[3]  # fc',
        "%4 = argmax(%3) {axis=0, keepdims=False, last=False} : u2<0..2>[]  # fc",
        'output "y" = %4',
        'output "h" = %3',
    ]


@settings(derandomize=True, deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_text_parses_back(seed: int) -> None:
    graph = small(seed)
    text, arrays = to_text(graph)
    again = from_text(text, arrays)
    assert to_text(again)[0] == text
    x = np.random.default_rng(seed).integers(0, 16, (9, 4))
    before, after = evaluate(graph, {"x": x}), evaluate(again, {"x": x})
    assert all(np.array_equal(before[k], after[k]) for k in before)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("%0 = nothing : u4[1]", "unknown operation 'nothing'"),
        ('%1 = input {label="x"} : u4[1]', "expected %0, found %1"),
        ("%0 = relu(%3) : u4[1]", "%3 is not defined above"),
        ("%0 = relu", "expected '%N = op(...) {...} : type'"),
        ('%0 = input {label="x"} : q4[1]', "unknown element 'q4'"),
        ("%0 = constant {value=@9} : u4[1]", "'9'"),
    ],
)
def test_malformed_text_names_the_line(line: str, why: str) -> None:
    with pytest.raises(NcError) as caught:
        from_text('graph "m"\n' + line, {}, file="model.nc")
    assert str(caught.value).splitlines()[:2] == [
        f"error[NC206]: graph text must parse: {why}",
        "  --> model.nc:2",
    ]


def test_numbers_that_arithmetic_on_arrays_leaves_are_read_back() -> None:
    b = Builder()
    x = b.input("x", TensorType((2,), F32), "floor")
    zero = np.zeros((), np.int64) // 2  # no array any more
    b.output(
        "y", b.add(op("dequantize", np.float64(0.25), zero), b.add(op("quantize", np.float64(0.5), zero, 0, 3), x))
    )
    text, arrays = to_text(b.finish())
    again = from_text(text, arrays)
    assert (to_text(again)[0], again.nodes[0].op) == (text, b.nodes[0].op)
    assert evaluate(again, {"x": np.array([[1.0, 9.0]])})["y"].tolist() == [[0.5, 0.75]]


def test_an_error_shows_the_operation() -> None:
    b = Builder()
    x = b.input("x", TensorType((4,), F32))
    b.origin = "fc1/MatMul"
    with pytest.raises(NcError) as caught:
        b.add(op("matmul"), x, b.constant(np.zeros((5, 2))))
    assert str(caught.value) == (
        "error[NC205]: the inner extents of matmul must agree, not [4] and [5, 2]\n"
        "  --> node 'fc1/MatMul'\n"
        "   |  matmul(%0: f32[4], %1: f32[5,2])\n"
        "  help: check the sizes of the layer's weights"
    )


def test_integers_beyond_64_bits_are_refused() -> None:
    b = Builder()
    x = b.input("x", TensorType((1,), IntType(0, 2**40)))
    with pytest.raises(NcError, match="NC203.*integers of mul must fit 64 bits, not 82"):
        b.add(op("mul"), x, x)


def test_a_state_delays_by_one_step() -> None:
    b = Builder()
    x = b.input("x", TensorType((2,), IntType(0, 3)))
    s = b.state("sum", TensorType((2,), IntType(0, 100)), np.array([0, 5]))
    total = b.add(op("clip", 0, 100), b.add(op("add"), s, x))
    b.feed(s, total)
    b.output("y", total)
    graph = b.finish()
    verify(graph, "integer")
    assert to_text(from_text(*to_text(graph)))[0] == to_text(graph)[0]
    inputs = [{"x": np.array([[1, 2]])}, {"x": np.array([[3, 3]])}]
    assert [out["y"].tolist() for out in steps(graph, iter(inputs))] == [[[1, 7]], [[4, 10]]]


def _running_sum() -> Graph:
    """Two states: a clipped running sum of x, and x one step ago."""
    b = Builder()
    x = b.input("x", TensorType((2,), IntType(0, 3)))
    s = b.state("sum", TensorType((2,), IntType(0, 100), Affine.of(Fraction(1, 4))), np.array([0, 5]))
    late = b.state("late", TensorType((2,), IntType(0, 3)), np.array([1, 2]))
    total = b.add(op("clip", 0, 100), b.add(op("add"), s, b.add(op("abs"), x)))
    b.feed(s, total)
    b.feed(late, x)
    b.output("y", total)
    b.output("late", late)
    return b.finish()


def test_samples_are_steps_where_there_is_a_state() -> None:
    graph = _running_sum()
    x = np.array([[1, 2], [3, 3], [0, 1]])
    found = evaluate(graph, {"x": x}, probes=(graph.states["sum"],))
    assert found["y"].tolist() == [[1, 7], [4, 10], [4, 11]]
    assert found["late"].tolist() == [[1, 2], [1, 2], [3, 3]]
    assert found[f"%{graph.states['sum']}"].tolist() == [[0, 5], [1, 7], [4, 10]]
    for count in (0, 1):
        assert evaluate(graph, {"x": x[:count]})["y"].tolist() == [[1, 7]][:count]
    many = np.random.default_rng(0).integers(0, 4, (50, 7, 2))  # steps, sequences
    stepped = [out["y"] for out in steps(graph, ({"x": part} for part in many))]
    alone = np.stack([evaluate(graph, {"x": many[:, k]})["y"] for k in range(7)], axis=1)
    assert np.array_equal(np.stack(stepped), alone)


def test_what_a_state_means_is_printed_and_read_back() -> None:
    graph = _running_sum()
    again = from_text(*to_text(graph))
    assert again.nodes == graph.nodes
    assert again.nodes[again.states["sum"]].op.kind.meaning == Affine.of(Fraction(1, 4))  # type: ignore[attr-defined]


def test_one_step_without_loops() -> None:
    graph = _running_sum()
    step, loops = open_loops(graph)
    verify(step, "integer")
    assert not step.states
    assert list(step.inputs) == ["x", "sum", "late'"]
    assert list(step.outputs) == ["y", "late", "sum.next", "late'.next"]
    assert [(p.state, p.following, p.initial.tolist()) for p in loops] == [
        ("sum", "sum.next", [0, 5]),
        ("late'", "late'.next", [1, 2]),
    ]
    x = np.random.default_rng(1).integers(0, 4, (20, 2))
    state = {p.state: p.initial[None] for p in loops}
    for row, want in zip(x, evaluate(graph, {"x": x})["y"], strict=True):
        out = evaluate(step, {"x": row[None], **state})
        state = {p.state: out[p.following] for p in loops}
        assert out["y"][0].tolist() == want.tolist()
    plain, none = open_loops(step)
    assert plain is step and none == ()


def test_two_states_of_one_name() -> None:
    b = Builder()
    b.state("s", TensorType((1,), IntType(0, 1)), np.array([0]))
    with pytest.raises(NcError, match="NC205.*state 's' must be declared once"):
        b.state("s", TensorType((1,), IntType(0, 1)), np.array([0]))


def test_a_state_must_be_fed() -> None:
    b = Builder()
    b.output("y", b.state("s", TensorType((1,), IntType(0, 1)), np.array([0])))
    with pytest.raises(InternalError, match="state 's' was never fed"):
        b.finish()


def test_unused_nodes_go_and_inputs_stay() -> None:
    b = Builder()
    x = b.input("x", TensorType((1,), IntType(0, 1)))
    b.input("unused", TensorType((1,), IntType(0, 1)))
    b.add(op("neg"), x)
    b.output("y", b.add(op("relu"), x))
    assert [n.op.name for n in b.finish().nodes] == ["input", "input", "relu"]


def test_the_verifier_refuses_floats_in_the_integer_stage() -> None:
    b = Builder()
    b.origin = "act"
    b.output("y", b.add(op("tanh"), b.input("x", TensorType((1,), F32))))
    with pytest.raises(NcError) as caught:
        verify(b.finish(), "integer")
    assert [d.message for d in caught.value.diagnostics] == [
        "'input' must yield exact integers at stage 'integer', not f32",
        "operation 'tanh' must be gone before stage 'integer'",
    ]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 5)), "input 'x' must have shape (N, 4), not (3, 5)"),
        (np.full((3, 4), 0.5), "input 'x' must hold whole numbers"),
        (np.full((3, 4), 16), "input 'x' must lie in 0..15, not 16..16"),
    ],
)
def test_inputs_are_checked(x: np.ndarray, message: str) -> None:
    with pytest.raises(NcError) as caught:
        evaluate(small(), {"x": x})
    assert caught.value.diagnostics[0].message == message
