"""Operators one by one as printed words and gates and as shared words: equal to the integer graph, padding included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nc.backends.printed.flow import Circuit
from nc.backends.printed.lowering import to_words
from nc.compiler.passes.lower_primitive import LowerPrimitive
from nc.compiler.words.lower import lower
from nc.ir.graph import Builder
from nc.ir.interpret import evaluate
from nc.ir.ops import OPS
from nc.ir.ops.base import frozen
from nc.ir.types import IntType, TensorType
from nc.ir.words import evaluate as evaluate_words


def op(name: str, **fields: Any) -> Any:
    return OPS[name](**{k: frozen(v) if isinstance(v, np.ndarray) else v for k, v in fields.items()})


def _pool(name: str) -> Any:
    return op(name, kernel=(2, 2), strides=(1, 1), pads=(1, 0, 1, 0), dilations=(1, 1))


def _padded_conv(value: float) -> Callable[[Builder, int], int]:
    def make(b: Builder, x: int) -> int:
        weights = np.random.default_rng(3).integers(-3, 4, (2, 2, 2, 2))
        padded = b.add(op("pad", pads=(0, 1, 1, 0, 1, 0), value=value), x)
        conv = op("conv", strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), groups=1)
        return b.add(conv, padded, b.constant(weights))

    return make


def _product(b: Builder, x: int) -> int:
    return b.add(op("matmul"), x, b.add(op("transpose", perm=(0, 2, 1)), x))


def _joined(b: Builder, x: int) -> int:
    return b.add(op("concat", axis=1), b.add(op("abs"), x), b.add(op("neg"), x))


def _stairs(b: Builder, x: int) -> int:
    thresholds, sign = np.array([[-2, 1, 4], [0, 2, 3]]), np.array([1, -1])
    return b.add(op("multi_threshold", thresholds=thresholds, sign=sign, axis=0, base=-1, step=3), x)


def _rescaled(b: Builder, x: int) -> int:
    fields = {"multiplier": np.array([3, 5]), "offset": np.array([-7, 6]), "shift": 3, "lo": -3, "hi": 4, "axis": 0}
    return b.add(op("requantize", rounding="half_even", **fields), x)


NETWORKS: dict[str, Callable[[Builder, int], int]] = {
    "pad": lambda b, x: b.add(op("pad", pads=(0, 1, 0, 0, 0, 2), value=3.0), x),
    "pad-negative": lambda b, x: b.add(op("pad", pads=(0, 1, 0, 0, 0, 2), value=-5.0), x),
    "pad-edge": lambda b, x: b.add(op("pad", pads=(0, 1, 0, 0, 0, 2), mode="edge"), x),
    "conv-zero-point-3": _padded_conv(3.0),
    "conv-zero-point-128": _padded_conv(128.0),
    "take": lambda b, x: b.add(op("take", indices=np.array([[-1, 3], [17, -1]])), x),
    "take-value": lambda b, x: b.add(op("take", indices=np.array([[-1, 3], [17, -1]]), value=-3.0), x),
    "gather": lambda b, x: b.add(op("gather", indices=np.array([2, 0, 2]), axis=2), x),
    "batched-matmul": lambda b, x: b.add(op("matmul"), x, b.constant(np.arange(-9, 9).reshape(2, 3, 3))),
    "broadcast-matmul": lambda b, x: b.add(op("matmul"), b.constant(np.arange(-4, 5).reshape(3, 3)), x),
    "product-of-two": _product,
    "abs-neg-concat": _joined,
    "max-pool": lambda b, x: b.add(_pool("max_pool"), x),
    "sum-pool": lambda b, x: b.add(_pool("sum_pool"), x),
    "stairs": _stairs,
    "rescaled": _rescaled,
    "argmax-last": lambda b, x: b.add(op("argmax", axis=1, keepdims=False, last=True), x),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("low", [0, -4], ids=["unsigned", "signed"])
def test_words_and_gates_equal_the_graph(name: str, low: int) -> None:
    build = Builder(name)
    x = build.input("x", TensorType((2, 3, 3), IntType(low, low + 7)))
    build.output("y", NETWORKS[name](build, x))
    graph = build.finish()
    primitive = LowerPrimitive().run(graph)
    data = np.random.default_rng(0).integers(low, low + 8, (64, 2, 3, 3))
    wanted = evaluate(graph, {"x": data})["y"]
    printed = to_words(primitive)
    for words in (lower(primitive), printed):
        assert np.array_equal(evaluate_words(words, [data])[0].reshape(wanted.shape), wanted)
    assert np.array_equal(Circuit.of_gates(printed).gate_outputs(data)["y"].reshape(wanted.shape), wanted)
