"""strip-heads: what keeps the order of the logits goes, what does not stays."""

from __future__ import annotations

import numpy as np
import pytest

from nc.compiler.passes.strip_heads import StripHeads, left_out
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
        (("softmax", "reshape", "quantize", "dequantize"), ("reshape",)),
        (("sigmoid", "reshape", "quantize", "dequantize"), ("sigmoid", "reshape", "quantize", "dequantize")),
    ],
)
def test_heads(names: tuple[str, ...], left: tuple[str, ...]) -> None:
    graph = StripHeads().run(chain(*names))
    assert tuple(n.op.name for n in graph.nodes)[2:] == left


@pytest.mark.parametrize("output", ["logits", "argmax"])
def test_asked_for_a_quantised_sigmoid_goes_too_and_nothing_is_said(output: str) -> None:
    graph = chain("sigmoid", "quantize", "dequantize")
    assert tuple(n.op.name for n in StripHeads(output).run(graph).nodes)[2:] == ()
    assert not left_out(graph, output)


def test_what_is_left_out_is_said_where_nobody_asked() -> None:
    assert [str(d) for d in left_out(chain("softmax", "quantize"), "auto")] == [
        "warning[NC313]: softmax is left out: the outputs are the logits in front of it\n"
        "  help: '--set output=logits' asks for that, '--set output=argmax' for the class index"
    ]
    assert not left_out(chain("softmax", "argmax"), "auto")  # the class index is the same
    assert not left_out(chain("sigmoid", "quantize"), "auto")


def test_a_softmax_that_another_reader_needs_stays() -> None:
    b = Builder()
    soft = b.add(OPS["softmax"]((0,)), b.input("x", TensorType((4,), F32)))
    b.output("y", soft)
    b.output("z", b.add(OPS["tanh"](), soft))
    assert "softmax" in {n.op.name for n in StripHeads().run(b.finish()).nodes}
