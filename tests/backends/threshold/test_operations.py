"""Operations beside popcount nodes: legal on the element, and right on every input."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from nc.backends.threshold.operations import add, compare, max_pool, relu
from nc.backends.threshold.program import Program
from nc.backends.threshold.simulator import check, execute
from nc.hdl.threshold.shape import PeShape
from nc.ir.diagnostics import NcError

sys.path.insert(0, str(Path(__file__).parent))
from vectors import Array, pack, unpack  # noqa: E402

SHAPES = [PeShape(neurons=2), PeShape(neurons=4)]


def outputs(program: Program, bits: int) -> tuple[Array, Array]:
    """(inputs (bits, 2^bits), emitted bits) over every input."""
    check(program, bits)
    inputs = (np.arange(1 << bits)[None, :] >> np.arange(bits)[:, None]) & 1
    words = pack(inputs.astype(np.bool_))
    return inputs, unpack(execute(program, words, np.zeros((1, words.shape[1]), np.uint64)), 1 << bits)


def number(bits: Array) -> Array:
    return (bits << np.arange(len(bits))[:, None]).sum(0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [1, 2, 5])
def test_add_and_compare(width: int, shape: PeShape) -> None:
    inputs, got = outputs(add(width, shape), 2 * width)
    x, y = number(inputs[:width]), number(inputs[width:])
    assert (number(got) == x + y).all()
    assert check(add(width, shape), 2 * width).cycles == width + 2  # the top carry follows the last sum
    _, got = outputs(compare(width, shape), 2 * width)
    assert (got[0] == (x > y)).all()
    assert check(compare(width, shape), 2 * width).cycles == width


@pytest.mark.parametrize("shape", SHAPES)
def test_max_pool_and_relu(shape: PeShape) -> None:
    for count in (1, 4, 9):
        inputs, got = outputs(max_pool(count, shape), count)
        assert (got[0] == inputs.max(0)).all()
        assert check(max_pool(count, shape), count).evaluations == -(-count // 3)
    inputs, got = outputs(relu(6, shape), 6)
    assert (number(got) == np.where(inputs[5], 0, number(inputs[:5]))).all()


def test_too_few_registers() -> None:
    with pytest.raises(NcError) as error:
        relu(12, PeShape(neurons=2, registers=2))
    assert str(error.value) == (
        "error[NC704]: an operation must fit 4 register bits of the element\n"
        "  help: give the processing element more registers (array.pe.registers)"
    )
