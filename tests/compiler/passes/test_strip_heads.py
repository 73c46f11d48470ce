"""strip-heads: what keeps the order of the logits goes, what does not stays."""

from __future__ import annotations

import numpy as np
import pytest

from nc.compiler.passes.strip_heads import StripHeads
from nc.ir.graph import Builder, Graph
from nc.ir.ops import OPS
from nc.ir.types import F32, TensorType

SCALE, ZERO = np.asarray(1 / 255), np.asarray(0)


def chain(*names: str) -> Graph:
    """x -> relu -> the named operations -> output."""
    arguments: dict[str, tuple[object, ...]] = {
        "softmax": ((0,),),
        "log_softmax": ((0,),),
        "quantize": (SCALE, ZERO, 0, 255),
        "dequantize": (SCALE, ZERO),
        "reshape": ((4, 1),),
        "argmax": (0, False),
    }
    b = Builder()
    value = b.add(OPS["relu"](), b.input("x", TensorType((4,), F32)))
    for name in names:
        value = b.add(OPS[name](*arguments.get(name, ())), value)
    b.output("y", value)
    return b.finish()


@pytest.mark.parametrize(
    ("names", "left"),
    [
        (("softmax",), ()),
        (("log_softmax", "reshape"), ("reshape",)),
        (("softmax", "quantize", "dequantize"), ()),
        (("softmax", "argmax"), ("argmax",)),
        (("sigmoid",), ()),
        (("quantize", "dequantize"), ("quantize", "dequantize")),
        (("softmax", "tanh"), ("softmax", "tanh")),
    ],
)
def test_heads(names: tuple[str, ...], left: tuple[str, ...]) -> None:
    graph = StripHeads().run(chain(*names))
    assert tuple(n.op.name for n in graph.nodes)[2:] == left


def test_a_softmax_that_another_reader_needs_stays() -> None:
    b = Builder()
    soft = b.add(OPS["softmax"]((0,)), b.input("x", TensorType((4,), F32)))
    b.output("y", soft)
    b.output("z", b.add(OPS["tanh"](), soft))
    assert "softmax" in {n.op.name for n in StripHeads().run(b.finish()).nodes}
