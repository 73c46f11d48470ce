"""The dataflow itself: its text, its invariants, FIFOs that are too short, the cycle model's figures."""

from __future__ import annotations

import numpy as np
import pytest

from nc.compiler.words.pipeline import Pipeline
from nc.compiler.words.rebuild import rebuild
from nc.ir.dataflow import (
    Buffer,
    Dataflow,
    DataflowBuilder,
    Fork,
    MatVec,
    Reduce,
    Source,
    Stream,
    Words,
    dumps,
    loads,
    predict,
    size_fifos,
)
from nc.ir.diagnostics import InternalError, NcError
from nc.ir.types import IntType
from nc.ir.words import WordBuilder


def adder() -> Words:
    b = WordBuilder()
    x, y = (b.input(f"x{k}", (1,), 0, 15) for k in range(2))
    total = b.add(int(x[0]), int(y[0]))
    words = rebuild(b.build([b.port("y", np.array([total]))], {}))
    return Words(Pipeline(stages=1).run(words)[0], 1, np.zeros((1, 0), np.int64))


def diamond(depth: int = 2) -> Dataflow:
    """x + (3 x 3 window sums of x): the window must see more than a row before it gives anything."""
    build = DataflowBuilder("diamond", Stream(64, 1, IntType(0, 1)))
    fork = build.add("fork", Fork(2), Source(-1))
    window = build.add("window", Buffer.window(8, 8, 1, (3, 3), (1, 1), (1, 1, 1, 1)), fork)
    total = build.add("sum", Reduce("sum", 9), window)
    join = build.add("join", adder(), total, Source(fork.node, 1), depths=(2, depth))
    return build.finish(join)


def test_a_short_fifo_gets_stuck_and_says_so() -> None:
    with pytest.raises(NcError) as error:
        predict(diamond())
    assert str(error.value) == (
        "error[NC612]: the dataflow must never get stuck, and it stops after 5 clocks with 0 of 4 samples out\n"
        "  help: deepen the FIFOs of the branches that join"
    )


def test_sizing_finds_what_the_join_needs() -> None:
    sized = size_fifos(diamond())
    prediction = predict(sized)
    assert prediction.ii == 64 * 9
    depth = sized.nodes[3].depths[1]
    assert 8 < depth <= 48
    x = np.random.default_rng(0).integers(0, 2, (3, 64, 1))
    padded = np.pad(x.reshape(3, 8, 8), ((0, 0), (1, 1), (1, 1)))
    sums = sum(padded[:, i : i + 8, j : j + 8] for i in range(3) for j in range(3))
    assert np.array_equal(sized.evaluate(x).reshape(3, 8, 8), sums + x.reshape(3, 8, 8))


def test_text_reads_back() -> None:
    flow = size_fifos(diamond())
    text, arrays = dumps(flow)
    assert text.splitlines()[:3] == [
        'dataflow "diamond"', "input 64 x 1 x 0..1", '"fork" = fork(input:2) {"ways":2}',
    ]  # fmt: skip
    assert loads(text, arrays) == flow


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('"a" = nothing(input:2) {}', "unknown kind 'nothing'"),
        ("what is this", 'expected "name" = kind(inputs) {parameters}'),
        ('"a" = fork("b":2) {"ways":2}', "'b'"),
    ],
)
def test_unreadable_text(line: str, why: str) -> None:
    with pytest.raises(NcError) as error:
        loads(f'dataflow "d"\ninput 4 x 1 x 0..1\n{line}\n', {})
    assert str(error.value) == (f"error[NC613]: dataflow text must parse: {why}\n  --> line 3\n   |  {line}")


def test_every_stream_has_one_reader() -> None:
    build = DataflowBuilder("d", Stream(4, 1, IntType(0, 1)))
    build.add("a", Reduce("max", 2), Source(-1))
    second = build.add("b", Reduce("max", 2), Source(-1))
    with pytest.raises(InternalError, match="has 2 readers, not one"):
        build.finish(second)


def test_a_matrix_product_takes_its_folds() -> None:
    """II = results / pe * terms / simd a vector, and the delay of the pipeline."""
    weights, bias = np.ones((1, 8, 12), np.int64), np.zeros((1, 8), np.int64)
    for pe, simd in ((1, 1), (2, 3), (8, 12)):
        build = DataflowBuilder("d", Stream(12 // simd, simd, IntType(0, 3)))
        flow = build.finish(build.add("m", MatVec(weights, bias, pe, simd), Source(-1)))
        assert predict(flow).ii == 8 // pe * 12 // simd
