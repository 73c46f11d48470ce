"""integerize: the integer graph equals the exact evaluation of the float graph."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nc.compiler.answers import decisions
from nc.compiler.passes.integerize import Integerize, Port
from nc.compiler.ports import real_of
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph, Value
from nc.ir.interpret import evaluate
from nc.ir.ops import OPS
from nc.ir.text import from_text, to_text
from nc.ir.types import F32, TensorType
from nc.ir.verify import verify


def op(name: str, *args: object, **kwargs: object):
    return OPS[name](*args, **kwargs)


def quantised(
    b: Builder, x: Value, scale: object, lo: int, hi: int, rounding: str = "half_even", zero: int = 0
) -> Value:
    s, z = np.asarray(scale, np.float64), np.asarray(0)
    return b.add(op("dequantize", s, z), b.add(op("quantize", s, z, lo, hi, rounding), x))


def weights(b: Builder, array: np.ndarray, scale: object, lo: int = -7, hi: int = 7) -> Value:
    return quantised(b, b.constant(array.astype(np.float64)), scale, lo, hi)


def check(graph: Graph, port: Port, *, seed: int = 0, samples: int = 200) -> Graph:
    """Both graphs on the same port integers; the float graph's reals must equal the integers' meaning."""
    verify(graph)
    whole = Integerize({"x": port}).run(graph)
    verify(whole, "integer")
    again = from_text(*to_text(whole))
    rng = np.random.default_rng(seed)
    shape = graph.type(graph.inputs["x"]).shape
    q = rng.integers(port.lo, port.hi + 1, (samples, *shape))
    reals = evaluate(graph, {"x": (q - port.zero_point) * float(port.scale)})
    ints = evaluate(again, {"x": q})
    for label, value in whole.outputs.items():
        meaning = whole.type(value).meaning
        if meaning is None:
            assert np.array_equal(ints[label], reals[label])
            continue
        assert meaning.axis is None
        want = ints[label] * float(meaning.scale[0]) + float(meaning.offset[0])
        np.testing.assert_allclose(want, reals[label], rtol=1e-12, atol=1e-12)
    return whole


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1.0, 0.25, 0.125, 3.0, 0.75]),
    rounding=st.sampled_from(["half_even", "half_up", "floor", "ceil", "zero", "half_away", "half_down", "away"]),
    act=st.sampled_from(["relu", "none", "leaky", "clip", "tanh"]),
    norm=st.booleans(),
)
def test_dense(seed: int, scale: float, rounding: str, act: str, norm: bool) -> None:
    rng = np.random.default_rng(seed)
    b = Builder()
    x = b.input("x", TensorType((5,), F32))
    w = weights(b, rng.normal(0, 4, (5, 4)), 1.0)
    h = b.add(op("matmul"), x, w)
    h = b.add(op("add"), h, b.constant(rng.integers(-40, 40, 4) / 8.0))
    if norm:
        gain, bias, mean = rng.normal(1, 1, 4).round(2), rng.normal(0, 3, 4).round(2), rng.normal(0, 3, 4).round(2)
        h = b.add(op("batch_norm", gain, bias, mean, rng.integers(1, 9, 4) ** 2 - 0.5, 0.5), h)
    if act == "tanh":
        h = quantised(b, h, 1.0, -63, 63)
    h = {
        "relu": lambda: b.add(op("relu"), h),
        "none": lambda: h,
        "leaky": lambda: b.add(op("leaky_relu", 0.25), h),
        "clip": lambda: b.add(op("clip", -3.0, 6.0), h),
        "tanh": lambda: b.add(op("tanh"), b.add(op("mul"), h, b.constant(1 / 16))),
    }[act]()
    h = quantised(b, h, scale / 64 if act == "tanh" else scale, -31, 31, rounding)
    y = b.add(op("matmul"), h, weights(b, rng.normal(0, 4, (4, 3)), [0.5, 0.25, 2.0]))
    b.output("y", b.add(op("add"), y, b.constant(rng.integers(-8, 8, 3) / 4.0)))
    check(b.finish(), Port(-8, 7, Fraction(1, 4), 2), seed=seed)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), groups=st.sampled_from([1, 2]), zero=st.sampled_from([0, 3]))
def test_convolution_residual_pool(seed: int, groups: int, zero: int) -> None:
    rng = np.random.default_rng(seed)
    b = Builder()
    x = b.input("x", TensorType((2, 7, 6), F32))
    conv = op("conv", (1, 1), (1, 1, 1, 1), (1, 1), groups)
    h = b.add(conv, x, weights(b, rng.normal(0, 4, (4, 2 // groups, 3, 3)), np.full((4, 1, 1, 1), 0.5)))
    h = b.add(op("relu"), b.add(op("add"), h, b.constant(rng.integers(-9, 9, (4, 1, 1)) / 2)))
    h = quantised(b, h, 2.0, 0, 15)
    skip = b.add(op("conv", (1, 1), (0, 0, 0, 0), (1, 1), 1), x, weights(b, rng.normal(0, 4, (4, 2, 1, 1)), 0.25))
    h = b.add(op("relu"), b.add(op("add"), h, skip))
    h = b.add(op("max_pool", (2, 2), (2, 2), (0, 0, 1, 0), (1, 1)), h)
    h = quantised(b, h, np.array([1.0, 2.0, 0.5, 1.0]).reshape(4, 1, 1), 0, 15, "half_up")
    h = b.add(op("average_pool", (2, 2), (1, 1), (0, 0, 1, 1), (1, 1), (0, 0, 0, 0)), h)
    h = b.add(op("reshape", (b.type(h).size,)), h)
    y = b.add(op("matmul"), h, weights(b, rng.normal(0, 4, (b.type(h).size, 3)), 1.0))
    b.output("y", y)
    check(b.finish(), Port(0, 15, Fraction(1, 2), zero), seed=seed, samples=40)


def test_requantises_by_shift_where_it_can() -> None:
    """A power-of-two scale is a shift, with ties to even where the model rounds so."""
    b = Builder()
    x = b.input("x", TensorType((4,), F32))
    y = b.add(op("relu"), b.add(op("matmul"), x, weights(b, np.arange(-6, 10).reshape(4, 4) % 7.0, 1.0)))
    b.output("y", quantised(b, y, 16.0, 0, 255))
    whole = check(b.finish(), Port(0, 63))
    stairs = [n.op for n in whole.nodes if n.op.name == "requantize"]
    assert [(s.shift, s.rounding) for s in stairs] == [(4, "half_even")]


def test_arbitrary_scale_is_an_exact_multiplication() -> None:
    b = Builder()
    x = b.input("x", TensorType((4,), F32))
    h = b.add(op("matmul"), x, weights(b, np.arange(-6, 10).reshape(4, 4) % 7.0, 1.0))
    b.output("y", quantised(b, h, float(np.float32(1.2345)), -128, 127))
    whole = check(b.finish(), Port(0, 15), samples=3000)
    assert "requantize" in {n.op.name for n in whole.nodes}


def test_sign_of_a_batch_norm_is_one_threshold() -> None:
    rng = np.random.default_rng(1)
    b = Builder()
    x = b.input("x", TensorType((16,), F32))
    bits = b.add(
        op("quantize", np.asarray(1.0), np.asarray(0), -1, 1, bipolar=True), b.add(op("sub"), x, b.constant(0.5))
    )
    h = b.add(op("dequantize", np.asarray(1.0), np.asarray(0)), bits)
    h = b.add(op("matmul"), h, b.constant(rng.choice([-1.0, 1.0], (16, 6))))
    h = b.add(
        op("batch_norm", rng.normal(0, 1, 6), rng.normal(0, 1, 6), rng.normal(0, 1, 6), rng.random(6) + 1, 1e-5), h
    )
    h = b.add(op("quantize", np.asarray(1.0), np.asarray(0), -1, 1, bipolar=True), h)
    b.output("y", h)
    whole = check(b.finish(), Port(0, 255, Fraction(1, 255)))
    stairs = [n.op for n in whole.nodes if n.op.name == "multi_threshold"]
    assert [s.thresholds.shape[1] for s in stairs] == [1, 1]
    assert stairs[0].thresholds.tolist() == [[128]]


def test_every_untranslatable_node_is_named() -> None:
    b = Builder("m")
    x = b.input("x", TensorType((4,), F32))
    b.origin = "fc"
    h = b.add(op("matmul"), x, b.constant(np.pi * np.arange(16.0).reshape(4, 4)))
    b.origin = "smooth"
    k = b.add(op("softmax", (0,)), x)
    b.output("y", b.add(op("add"), h, k))
    with pytest.raises(NcError) as caught:
        Integerize({"x": Port(0, 15)}).run(b.finish())
    assert str(caught.value) == (
        "error[NC301]: weights must be quantised, not 32-bit floats\n"
        "  --> node 'fc'\n"
        "   |  matmul\n"
        "  help: give calibration data (--calib), or export the model with quantised weights\n"
        "error[NC306]: softmax must be the last operation of the model (it keeps the order, so that the hardware "
        "omits it)\n"
        "  --> node 'smooth'\n"
        "   |  softmax\n"
        "  help: remove it, or replace it by a quantised function"
    )


def test_input_without_numbers() -> None:
    b = Builder()
    b.output("y", b.add(op("relu"), b.input("x", TensorType((4,), F32))))
    with pytest.raises(NcError, match=r"NC307.*input 'x' must have a quantiser, port options, or calibration data"):
        Integerize().run(b.finish())


def batch_norm_head() -> Graph:
    """Four logits behind a batch norm whose scales share no short grid."""
    rng = np.random.default_rng(5)
    b = Builder()
    h = b.add(op("matmul"), b.input("x", TensorType((6,), F32)), b.constant(rng.choice([-1.0, 1.0], (6, 4))))
    gain, bias, mean = rng.normal(0, 1, (3, 4))
    b.output("y", b.add(op("batch_norm", gain, bias, mean, rng.random(4) + 1, 1e-5), h))
    return b.finish()


def test_logits_behind_a_norm_keep_a_scale_a_channel() -> None:
    graph = batch_norm_head()
    whole = Integerize({"x": Port(-8, 7)}).run(graph)
    verify(whole, "integer")
    kind = whole.type(whole.outputs["y"])
    assert kind.meaning is not None and kind.meaning.axis == 0 and min(kind.meaning.scale) > 0
    q = np.random.default_rng(0).integers(-8, 8, (300, 6))
    made, want = evaluate(whole, {"x": q}), evaluate(graph, {"x": q.astype(float)})["y"]
    np.testing.assert_allclose(real_of(made["y"], kind), want, rtol=1e-12, atol=1e-12)
    assert np.array_equal(decisions(whole, made), want.argmax(axis=1))


def test_their_argmax_cannot_be_hardware() -> None:
    with pytest.raises(NcError, match="NC304.*common grid within 64 bits"):
        Integerize({"x": Port(-8, 7)}, output="argmax").run(batch_norm_head())


def test_a_constant_condition_chooses_by_element() -> None:
    b = Builder()
    x = b.input("x", TensorType((3,), F32))
    mask = b.constant(np.array([True, False, True]))
    b.output("y", b.add(op("select"), mask, x, b.add(op("mul"), x, b.constant(-1.5))))
    check(b.finish(), Port(-8, 7, Fraction(1, 2)))


def test_a_quantiser_of_32_bits_is_refused() -> None:
    b = Builder()
    x = b.add(op("mul"), b.input("x", TensorType((3,), F32)), b.constant(2.0**30 + 1))
    b.output("y", quantised(b, x, 0.75, -(2**31), 2**31 - 1))
    with pytest.raises(NcError, match="NC310.*at most 8,388,608 levels over all channels, not 4,294,967,295"):
        Integerize({"x": Port(-8, 7)}).run(b.finish())


@pytest.mark.parametrize("name", ["log", "sqrt", "reciprocal"])
def test_functions_without_a_value(name: str) -> None:
    b = Builder()
    b.output("y", quantised(b, b.add(op(name), b.input("x", TensorType((3,), F32))), 0.25, -8, 7))
    with pytest.raises(NcError, match="NC303.*a function of the model must be defined at"):
        Integerize({"x": Port(-1, 7)}).run(b.finish())
