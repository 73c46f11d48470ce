"""Sums of branches with scales of their own: least integers, and the exact level for every value of the branches."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nc.compiler.passes.integerize import Integerize, Port
from nc.compiler.passes.integerize.separate import Join
from nc.compiler.passes.integerize.staircase import round_exact
from nc.ir.graph import Builder, Graph
from nc.ir.interpret import evaluate
from nc.ir.ops import OPS
from nc.ir.simplest import scale_of
from nc.ir.types import F32, TensorType
from nc.ir.verify import verify

SEEDS = range(10)
ZERO = np.asarray(0)


def joined(scales: list[Any], out: Any, *, signs: str = "+++", act: Any = None, top: int = 15, shape: int = 1) -> Graph:
    """quantise(act(sum of +-branches)) with a branch an input."""
    b = Builder()
    total = None
    for i, scale in enumerate(scales):
        x = b.input("abc"[i], TensorType((shape,), F32))
        s = np.asarray(scale)
        x = b.add(OPS["dequantize"](s, ZERO), b.add(OPS["quantize"](s, ZERO, 0, top), x))
        total = x if total is None else b.add(OPS["add" if signs[i] == "+" else "sub"](), total, x)
    assert total is not None
    total = total if act is None else b.add(act, total)
    b.output("y", b.add(OPS["quantize"](np.asarray(out), ZERO, 0, top), total))
    return b.finish()


def ports(scales: list[float], top: int) -> dict[str, Port]:
    return {"abc"[i]: Port(0, top, scale_of(s)) for i, s in enumerate(scales)}


def points(count: int, top: int) -> np.ndarray:
    return np.array(list(product(range(top + 1), repeat=count)), np.int64)


def levels(graph: Graph, q: np.ndarray) -> np.ndarray:
    return evaluate(graph, {"abc"[i]: column[:, None] for i, column in enumerate(q.T)})["y"][:, 0]


def widest(graph: Graph) -> int:
    return max(node.type.int.bits for node in graph.nodes if node.type.is_int)


def exact(scales: list[float], out: float, signs: str, q: np.ndarray, top: int) -> list[int]:
    """By fractions: round half to even of (+-s_i q_i) / out, clamped."""
    units = [scale_of(s) * (1 if sign == "+" else -1) / scale_of(out) for s, sign in zip(scales, signs, strict=False)]
    real = (sum((u * int(v) for u, v in zip(units, row, strict=True)), Fraction(0)) for row in q)
    return [min(max(round_exact(x, "half_even"), 0), top) for x in real]


def drawn(seed: int, count: int, digits: int | None) -> tuple[list[float], float]:
    rng = np.random.default_rng(seed)
    draw = rng.uniform(0.02, 0.09, count + 1)
    draw[-1] *= 1.5
    values = [float(np.float32(v)) if digits is None else round(float(v), digits) for v in draw]
    return values[:-1], values[-1]


@pytest.mark.parametrize("digits", [None, 2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_two_learned_scales_of_four_bits(seed: int, digits: int | None) -> None:
    scales, out = drawn(seed, 2, digits)
    whole = Integerize(ports(scales, 15)).run(joined(scales, out))
    verify(whole, "integer")
    q = points(2, 15)
    assert levels(whole, q).tolist() == exact(scales, out, "++", q, 15)
    assert widest(whole) <= 16


@pytest.mark.parametrize("signs", ["+-+", "+++", "++-"])
@pytest.mark.parametrize("seed", [0, 1])
def test_three_branches(seed: int, signs: str) -> None:
    scales, out = drawn(seed, 3, None)
    whole = Integerize(ports(scales, 7)).run(joined(scales, out, signs=signs, top=7))
    q = points(3, 7)
    assert levels(whole, q).tolist() == exact(scales, out, signs, q, 7)
    assert widest(whole) <= 16


def test_eight_bits_exhaustively() -> None:
    scales, out = drawn(3, 2, None)
    whole = Integerize(ports(scales, 255)).run(joined(scales, out, top=255))
    q = points(2, 255)
    assert levels(whole, q).tolist() == exact(scales, out, "++", q, 255)
    assert widest(whole) <= 28  # 33 on the common grid


def test_falling_functions_and_curves() -> None:
    scales, out = drawn(4, 2, None)
    for act in (OPS["neg"](), OPS["sigmoid"](), OPS["relu"](), OPS["tanh"]()):
        graph = joined(scales, out, signs="+-", act=act)
        q = points(2, 15)
        want = evaluate(graph, {"ab"[i]: (q[:, i : i + 1] * s) for i, s in enumerate(scales)})["y"][:, 0]
        assert np.array_equal(levels(Integerize(ports(scales, 15)).run(graph), q), want), act.name


def test_scales_by_channel() -> None:
    """Each channel has multipliers of its own; one of them has ties."""
    first, second, out = [0.03, 0.0271, 0.05], [0.041, 0.0333, 0.05], [0.05, 0.061, 0.1]
    graph = joined([first, second], out, shape=3)
    whole = Integerize({name: Port(0, 15) for name in "ab"}).run(
        joined([first, second], out, shape=3) if False else graph
    )
    reals = points(2, 15)
    got = evaluate(whole, {"ab"[i]: np.repeat(reals[:, i : i + 1], 3, axis=1) for i in range(2)})["y"]
    want = evaluate(graph, {"ab"[i]: np.repeat(reals[:, i : i + 1], 3, axis=1) * 1.0 for i in range(2)})["y"]
    assert np.array_equal(got, want)


def test_the_join_is_named_after_the_addition() -> None:
    b = Builder()
    x, y = (b.input(name, TensorType((1,), F32)) for name in "ab")
    b.origin = "residual"
    total = b.add(OPS["add"](), x, y)
    b.origin = "requant"
    b.output("y", b.add(OPS["quantize"](np.asarray(0.07), ZERO, 0, 15), total))
    whole = Integerize(ports([0.031, 0.047], 15)).run(b.finish())
    assert [n.origin for n in whole.nodes if n.op.name == "add"] == ["residual"]


def test_least_pairs_by_search() -> None:
    """Of all pairs that decide alike, tried one by one, none has a smaller number."""
    rng = np.random.default_rng(1)
    for _ in range(60):
        counts = tuple(sorted(int(c) for c in rng.integers(1, 8, 2)))
        scales = tuple(int(s) for s in rng.integers(1, 2000, 2))
        top = scales[0] * counts[0] + scales[1] * counts[1]
        edges = tuple(sorted({int(e) for e in rng.integers(1, top + 1, 4)}))
        found = Join(scales, counts, edges).least()
        assert found is not None
        tried = [p for p in product(range(1, max(found) + 1), repeat=2) if alike(p, scales, counts, edges)]
        assert found in tried
        assert max(found) == min(max(p) for p in tried)


def alike(pair: tuple[int, ...], scales: tuple[int, ...], counts: tuple[int, ...], edges: tuple[int, ...]) -> bool:
    q = np.array(list(product(*(range(c + 1) for c in counts))))
    exact_sum, short = q @ np.array(scales), q @ np.array(pair)
    sides = ((short[exact_sum >= e], short[exact_sum < e]) for e in edges)
    return all(not len(above) or not len(below) or above.min() > below.max() for above, below in sides)


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_to_the_qonnx_executor(tmp_path: Path, seed: int) -> None:
    """On all pairs of a join; 32-bit floats may decide ties otherwise: those pairs are within 1e-5 of one."""
    pytest.importorskip("qonnx")
    from onnx import TensorProto, helper, save
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    from nc.compiler.frontends.onnx import read_onnx
    from nc.compiler.passes.fold_constants import FoldConstants

    scales, out = drawn(seed, 2, None if seed % 2 else 3)
    constants = {"sa": scales[0], "sb": scales[1], "so": out, "z": 0.0, "b4": 4.0}
    quant = {"domain": "qonnx.custom_op.general", "signed": 0, "narrow": 0, "rounding_mode": "ROUND"}
    graph = helper.make_graph(
        [
            helper.make_node("Quant", ["a", "sa", "z", "b4"], ["aq"], **quant),
            helper.make_node("Quant", ["b", "sb", "z", "b4"], ["bq"], **quant),
            helper.make_node("Add", ["aq", "bq"], ["k"]),
            helper.make_node("Quant", ["k", "so", "z", "b4"], ["y"], **quant),
        ],
        "join",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [256, 1]) for n in "ab"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [256, 1])],
        [helper.make_tensor(n, TensorProto.FLOAT, [], [v]) for n, v in constants.items()],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)]
    path = tmp_path / "join.onnx"
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    q = points(2, 15)
    real = {n: (q[:, i : i + 1] * scales[i]).astype(np.float32) for i, n in enumerate("ab")}
    theirs = np.rint(
        execute_onnx(ModelWrapper(str(path)).transform(InferShapes()), real)["y"][:, 0] / np.float32(out)
    ).astype(int)
    whole = Integerize().run(FoldConstants().run(read_onnx(path)))
    ours = levels(whole, q)
    quotient = q @ np.array(scales) / out
    tie = np.abs(quotient - np.floor(quotient) - 0.5) < 1e-5
    assert np.array_equal(ours[~tie], theirs[~tie])
    assert np.abs(ours - theirs).max() <= 1
    assert np.mean(tie) < 0.2
