"""Heaps of bits under six-input counters: equal to the sum for every shape tried, and as cheap as they promise."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from nc.backends.fpga.proofs import prove
from nc.hdl.word_adders import AdderShape, Operand
from nc.hdl.word_heaps import Heap, plan


def random_shape(rng: random.Random, most: int) -> AdderShape:
    operands = [
        Operand(rng.randint(1, 7), rng.random() < 0.5, rng.randint(0, 4), rng.random() < 0.5)
        for _ in range(rng.randint(1, most))
    ]
    if rng.random() < 0.6 or len(operands) == 1:
        operands.append(Operand(0, True, value=rng.choice([-200, -37, -1, 1, 6, 64, 129])))
    return AdderShape(rng.randint(1, 13), tuple(operands))


def total(shape: AdderShape, words: list[int]) -> int:
    values = iter(words)
    result = 0
    for o in shape.operands:
        if o.value is not None:
            result += o.value
            continue
        x = next(values)
        x -= (x >> o.width - 1) << o.width if o.signed else 0
        result += (-x if o.neg else x) << o.shift
    return result % (1 << shape.width)


def evaluate(heap: Heap, words: list[int]) -> int:
    nets = [words[variable] >> bit & 1 for variable, bit in heap.sources]
    for counter in heap.counters:
        row = sum(nets[net] << place for place, ((net, _), _) in enumerate(counter.inputs))
        nets += [counter.table(k) >> row & 1 for k in range(len(counter.outputs))]
    bits = [b if isinstance(b, int) else nets[b[0]] ^ b[1] for b in heap.result]
    return sum(bit << column for column, bit in enumerate(bits))


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([2, 4, 12, 30]))
def test_counters_add(seed: int, most: int) -> None:
    rng = random.Random(seed)
    shape = random_shape(rng, most)
    heap = plan(shape)
    assert all(len(counter.inputs) <= 6 for counter in heap.counters)
    for _ in range(8):
        words = [rng.getrandbits(o.width) for o in shape.variables]
        assert evaluate(heap, words) == total(shape, words)


def test_four_operands_take_three_luts_a_bit_and_two_take_one_and_a_half() -> None:
    for operands, luts in ((2, 15), (3, 30), (4, 30), (7, 60)):
        assert plan(AdderShape(14, (Operand(10, False),) * operands)).luts <= luts


def test_an_increment_runs_through_a_lut_at_a_time() -> None:
    heap = plan(AdderShape(11, (Operand(10, False), Operand(1, False))))
    assert (heap.luts, heap.depth) == (12, 2)


def test_luts_equal_behaviour_by_sat(tmp_path: Path) -> None:
    rng = random.Random(3)
    shapes = [s for s in (random_shape(rng, 5) for _ in range(12)) if s.variables]
    prove(list(dict.fromkeys(shapes)), tmp_path, "lut6")
