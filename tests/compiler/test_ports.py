"""DATA at the ports: the exact mapping of real samples to integers, and decisions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nc.compiler.answers import decisions
from nc.compiler.data import Dataset
from nc.compiler.ports import inputs_of, to_port
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.ops.argmax import ArgMax
from nc.ir.ops.base import Op
from nc.ir.types import BIPOLAR, F32, Affine, IntType, TensorType


def port(lo: int, hi: int, scale: Fraction | int = 1, zero_point: int = 0, shape: tuple[int, ...] = (1,)) -> TensorType:
    return TensorType(shape, IntType(lo, hi), Affine.of(Fraction(scale), zero_point))


def test_pixels_return_exactly() -> None:
    pixels = np.arange(256)[:, None]
    for x in (pixels / 255, (pixels / 255).astype(np.float32)):
        np.testing.assert_array_equal(to_port(x, port(0, 255, Fraction(1, 255))), pixels)


@given(st.integers(-128, 127), st.sampled_from([Fraction(1, 32), Fraction(3, 7), Fraction(5)]), st.integers(-9, 9))
def test_every_integer_returns(q: int, scale: Fraction, zero_point: int) -> None:
    kind = port(-128, 127, scale, zero_point)
    real = np.array([[float(scale * (q - zero_point))]])
    assert to_port(real, kind)[0, 0] == q


def test_ties_go_to_even_and_the_range_is_clamped() -> None:
    x = np.array([[-9.0], [0.5], [1.5], [2.5], [99.0]])
    assert to_port(x, port(0, 16)).ravel().tolist() == [0, 0, 2, 2, 16]


def test_an_odd_zero_point_is_added_after_rounding() -> None:
    """QuantizeLinear: saturate(round half even(x / scale) + zero_point)."""
    x = np.array([[0.0625], [0.1875], [0.3125], [-0.0625]])
    assert to_port(x, port(0, 255, Fraction(1, 8), 77)).ravel().tolist() == [77, 79, 79, 77]


def test_a_rounding_of_its_own_takes_the_zero_point_with_it() -> None:
    x = np.array([[0.0625], [0.1875], [-0.19], [-9.0]])
    kind = port(-8, 7, Fraction(1, 8), 1)
    assert to_port(x, kind, "floor").ravel().tolist() == [1, 2, -1, -8]
    assert to_port(x, kind, "half_even").ravel().tolist() == [2, 2, -1, -8]
    assert to_port(x, TensorType((1,), BIPOLAR, Affine()), "sign").ravel().tolist() == [1, 1, -1, -1]


def test_the_division_is_that_of_the_runtime() -> None:
    """In float32 the quotient is the tie 3.5 exactly, in float64 it lies below: onnxruntime gives 4."""
    x, scale = np.float32(0.35), np.float32(0.1)
    assert float(x / scale) == 3.5 > float(x) / float(scale)
    for meant in (Fraction(float(scale)), Fraction(1, 10)):
        assert to_port(np.array([[x]]), port(0, 9, meant)).tolist() == [[4]]


def test_bipolar_and_channels() -> None:
    kind = TensorType((2,), BIPOLAR, Affine())
    np.testing.assert_array_equal(to_port(np.array([[-0.3, 0.9]]), kind), [[-1, 1]])
    by_channel = Affine((Fraction(1, 2), Fraction(1, 4)), (Fraction(0), Fraction(0)), 0)
    kind = TensorType((2, 1), IntType(-8, 7), by_channel)
    np.testing.assert_array_equal(to_port(np.array([[[1.0], [1.0]]]), kind), [[[2], [4]]])


def graph(*kinds: TensorType) -> Graph:
    build = Builder()
    for index, kind in enumerate(kinds):
        build.output(f"y{index}", build.input(f"x{index}", kind))
    return build.finish()


def test_inputs_are_integers_or_real_as_the_graph_wants() -> None:
    data = Dataset.of(np.array([[0.5, 1.0]]))
    integers = inputs_of(graph(port(0, 3, Fraction(1, 2), shape=(1, 2))), data)
    np.testing.assert_array_equal(integers["x0"], [[[1, 2]]])
    reals = inputs_of(graph(TensorType((2,), F32)), data)
    np.testing.assert_array_equal(reals["x0"], [[0.5, 1.0]])


def test_several_inputs_cannot_be_fed_from_x() -> None:
    with pytest.raises(NcError) as caught:
        inputs_of(graph(port(0, 3), port(0, 3)), Dataset.of(np.ones((1, 1))))
    assert str(caught.value) == (
        "error[NC406]: data must hold an array for each input of the model, x0, x1, not only x\n"
        "  --> arrays: tensor 'x0'\n  help: np.savez('data.npz', x0=..., x1=..., y=labels)"
    )


def decided(kind: TensorType, outputs: list[list[float]], op: Op | None = None) -> list[int]:
    build = Builder()
    x = build.input("x", kind)
    build.output("y", x if op is None else build.add(op, x))
    return decisions(build.finish(), {"y": np.array(outputs)}).tolist()


def test_decisions() -> None:
    assert decided(port(0, 9, shape=(3,)), [[1, 3, 3], [2, 0, 1]]) == [1, 0]
    assert decided(port(0, 9, shape=(3,)), [[2], [0]], ArgMax(0, True)) == [2, 0]
    assert decided(TensorType((1,), F32), [[0.2], [-1.0]]) == [1, 0]
    assert decided(port(0, 9, zero_point=4), [[5], [4]]) == [1, 0]
