"""Networks with memory on their way to integers: where states get quantisers, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from nc.compiler.config import Common
from nc.compiler.passes.integerize import Integerize, Port
from nc.compiler.passes.manager import run_passes
from nc.compiler.passes.pipelines import to_integers
from nc.ir.diagnostics import NcError
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate
from nc.ir.ops.add import Add
from nc.ir.ops.dequantize import Dequantize
from nc.ir.ops.matmul import MatMul
from nc.ir.ops.mul import Mul
from nc.ir.ops.quantize import Quantize
from nc.ir.ops.tanh import Tanh
from nc.ir.types import F32, IntType, TensorType
from nc.ir.verify import verify

PORTS = {"x": Port(-128, 127, Fraction(1, 64))}
X = np.sin(np.arange(400)[:, None] / np.array([7.0, 19.0, 5.0]))


def filtered(initial: float = 0.0, *, keep: float = 0.9375, quantised: bool = True) -> Graph:
    """s' = keep * s + (1 - keep) * x, quantised to sixteenths of the port's steps where asked for."""
    b = Builder("filter")
    x = b.input("x", TensorType((3,), F32))
    s = b.state("s", TensorType((3,), F32), np.full(3, initial))
    b.origin = "sum"
    total = b.add(Add(), b.add(Mul(), s, b.constant(np.array(keep))), b.add(Mul(), x, b.constant(np.array(1 - keep))))
    if quantised:
        scale, zero = np.array(1 / 1024), np.zeros((), np.int64)
        total = b.add(Dequantize(scale, zero), b.add(Quantize(scale, zero, -2048, 2047, "half_up"), total))
    b.feed(s, total)
    b.output("y", total)
    return b.finish()


def cell() -> Graph:
    """s' = tanh(s W + x): its state is bounded by a function; t' = t / 2 + s': its state adds up."""
    b = Builder("cell")
    x = b.input("x", TensorType((3,), F32))
    s = b.state("s", TensorType((3,), F32), np.zeros(3))
    t = b.state("t", TensorType((3,), F32), np.full(3, 0.3))
    weights = b.constant(np.random.default_rng(0).normal(0, 0.5, (3, 3)))
    after = b.add(Tanh(), b.add(Add(), b.add(MatMul(), s, weights), x))
    b.feed(s, after)
    total = b.add(Add(), b.add(Mul(), t, b.constant(np.array(0.5))), after)
    b.feed(t, total)
    b.output("y", total)
    return b.finish()


def integers(graph: Graph, **options: Any) -> Graph:
    common = Common.model_validate({"input": {"x": {"bits": 8, "scale": "1/64", "signed": True}}, **options})
    made, _ = run_passes(graph, to_integers(graph, common, {"x": X}))
    verify(made, "integer")
    return made


def test_a_quantised_model_is_exact_over_time() -> None:
    """Integers equal the float model's numbers at every step, to the last bit."""
    graph = filtered()
    made = Integerize(PORTS).run(graph)
    kind = made.type(made.states["s"])
    assert kind.int == IntType(-2048, 2047) and kind.meaning is not None and kind.meaning.scale == (Fraction(1, 1024),)
    q = np.random.default_rng(0).integers(-128, 128, (300, 3))
    assert np.array_equal(evaluate(made, {"x": q})["y"] / 1024, evaluate(graph, {"x": q / 64})["y"])


def test_calibration_quantises_states() -> None:
    """Those that add up get more bits; initial values go to the nearest integer; the outputs stay near."""
    graph = cell()
    made = integers(graph)
    bits = {label: made.type(value).int.bits for label, value in made.states.items()}
    assert bits == {"s": 8, "t": 12}
    assert integers(graph, quantise={"state_bits": 0}).type(made.states["t"]).int.bits == 8
    start = made.nodes[made.states["t"]]
    scale = float(start.type.meaning.scale[0])  # type: ignore[union-attr]
    assert np.all(np.abs(start.op.initial * scale - 0.3) <= scale / 2)  # type: ignore[attr-defined]
    q = np.rint(X * 64).astype(np.int64)
    out = made.outputs["y"]
    found = evaluate(made, {"x": q})["y"] * float(made.type(out).meaning.scale[0])  # type: ignore[union-attr]
    want = evaluate(graph, {"x": X})["y"]
    assert np.sqrt(np.mean((found - want) ** 2)) < 0.03 * want.std()


def test_a_delay_line_has_the_ports_integers() -> None:
    b = Builder("delay")
    x = b.input("x", TensorType((1,), F32))
    first, second = (b.state(name, TensorType((1,), F32), np.zeros(1)) for name in ("z1", "z2"))
    b.feed(first, x)
    b.feed(second, first)
    b.output("y", b.add(Add(), x, second))
    made = Integerize(PORTS).run(b.finish())
    assert {made.type(v).int for v in made.states.values()} == {IntType(-128, 127)}
    q = np.array([[1], [2], [3], [4]])
    assert evaluate(made, {"x": q})["y"].ravel().tolist() == [1, 2, 4, 6]


def refusal(graph: Graph) -> str:
    with pytest.raises(NcError) as caught:
        Integerize(PORTS).run(graph)
    return str(caught.value)


def test_refused() -> None:
    assert refusal(filtered(quantised=False)) == (
        "error[NC301]: the next value of state 's' must come from a quantiser with one scale for the tensor\n"
        "   |  state\n"
        "  help: give calibration data, so that the 'quantise' pass puts one there, or quantise it in the model"
    )
    assert refusal(filtered(initial=0.3)) == (
        "error[NC301]: the initial value of state 's' must be numbers of its quantiser (i12 in steps of 1/1024)\n"
        "   |  state\n"
        "  help: start from zero, or round the initial value to the quantiser's scale"
    )
