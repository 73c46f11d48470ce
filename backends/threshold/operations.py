"""The other operations of a binary network on the same processing element: add, compare, max pool, ReLU.

Operands arrive as products, least significant bits first: word x has the products 0 .. k - 1, word y the next k.
Results are emitted least significant bit first.
"""

from __future__ import annotations

from nc.backends.threshold.allocate import operand_of_product
from nc.backends.threshold.kernel import NOTHING, Kernel, Ref
from nc.backends.threshold.program import Program
from nc.backends.threshold.synthesis import at_least, fewest_neurons
from nc.hdl.threshold.shape import PeShape
from nc.ir.diagnostics import InternalError, fail


def _bits(count: int, first: int = 0) -> list[Ref]:
    return [operand_of_product(first + i) for i in range(count)]


def add(width: int, shape: PeShape) -> Program:
    """x + y, `width` bits and the carry: one full adder a cycle (accumulation is the same with x from registers)."""
    kernel = Kernel(shape)
    carry = NOTHING
    for a, b in zip(_bits(width), _bits(width, width), strict=True):
        carry, _ = kernel.full_adder(a, b, carry, emit=True)
    kernel.gate(carry, threshold=1, emit=True)
    return kernel.program()


def compare(width: int, shape: PeShape) -> Program:
    """[x > y]: c' = [x + ~y + c >= 2], one neuron, one bit a cycle."""
    kernel = Kernel(shape)
    carry = NOTHING
    for i, (a, b) in enumerate(zip(_bits(width), _bits(width, width), strict=True)):
        carry = kernel.gate(a, b, carry, threshold=2, invert="b", emit=i == width - 1)
    return kernel.program()


def max_pool(count: int, shape: PeShape) -> Program:
    """The maximum of `count` bits: an OR. A neuron with T = 1 takes three bits at once and the last result on its
    weight-2 operand: ceil((count - 1) / 3) neurons at least for any gates of four inputs, and this is as many, or one
    more where three lanes a cycle do not let the first neuron take four."""
    kernel = Kernel(shape)
    bits = _bits(count)
    best = NOTHING
    while bits:
        taken, bits = bits[:3], bits[3:]
        best = kernel.gate(*taken, heavy=best, threshold=1, emit=not bits)
    return kernel.program()


def small_node(inputs: int, threshold: int, shape: PeShape) -> Program:
    """[x0 + ... >= threshold] with the threshold fixed in the program, on the fewest neurons that compute it (exact
    synthesis, to five inputs)."""
    if inputs > 5:
        fail("NC707", f"exact synthesis must be of a node of at most 5 inputs, not {inputs}",
             help="schedule a popcount node instead: its threshold is data")  # fmt: skip
    found = fewest_neurons([at_least(inputs, threshold)], inputs, most=3)
    if found.network is None:
        raise InternalError(f"no three neurons compute {inputs} inputs >= {threshold}")
    return found.network.program(shape)


def relu(width: int, shape: PeShape) -> Program:
    """max(x, 0) of a two's complement word: every bit AND not the sign, which arrives last, so x waits in registers."""
    kernel = Kernel(shape)
    stored = [kernel.gate(bit, threshold=1) for bit in _bits(width)]
    for bit in stored[:-1]:
        kernel.gate(bit, stored[-1], threshold=2, invert="b", emit=True)
    kernel.gate(threshold=1, emit=True)  # the sign of a ReLU is 0
    return kernel.program()
