"""A popcount-threshold node: how many product bits enter each binary column, and what is asked of their sum.

    S = sum_j 2^j * (number of ones among the products of column j) + C

A binary neuron has all its products in column 0; bit planes of multi-bit inputs or weights use more columns.
`compare` asks for [S >= 2^K] with C = 2^K - T, which is [popcount >= T]: the program does not depend on T, which
enters as data. `value` asks for the K low bits of S.
"""

from __future__ import annotations

from dataclasses import dataclass

from nc.ir.diagnostics import InternalError, fail


@dataclass(frozen=True)
class Node:
    """`products[j]`: product bits of weight 2^j; `kind`: compare or value.

    `order`: (column, count) runs in which the products arrive; by default column after column.

    `columns` K: width of the addend C, and of the result for `value` (S modulo 2^K). Without `addend` C is absent.
    """

    products: tuple[int, ...]
    kind: str = "compare"
    columns: int = 0
    addend: bool = True
    order: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in ("compare", "value"):
            raise InternalError(f"node kind must be compare or value, not {self.kind!r}")
        if self.fan_in < 1 or min(self.products) < 0:
            fail("NC702", f"a threshold node must have at least 1 input, not {self.fan_in}")
        if not self.order:
            object.__setattr__(self, "order", tuple((j, count) for j, count in enumerate(self.products) if count))
        for j, count in enumerate(self.products):
            if count != sum(run for column, run in self.order if column == j):
                raise InternalError(f"the order of products {self.order} is not one of {self.products}")
        needed = self.largest.bit_length()
        if not self.columns:
            object.__setattr__(self, "columns", needed)
        elif self.kind == "compare" and self.columns < needed:
            fail(
                "NC702",
                f"a node with sums up to {self.largest} must have at least {needed} columns, not {self.columns}",
            )

    @property
    def fan_in(self) -> int:
        return sum(self.products)

    @property
    def largest(self) -> int:
        """Largest sum of the products, without C."""
        return sum(count << j for j, count in enumerate(self.products))

    def bits(self) -> list[int]:
        """Bits that ever enter each column: products, the addend bit, and carries of the column below."""
        totals: list[int] = []
        carries = 0
        for j in range(self.columns):
            fresh = self.products[j] if j < len(self.products) else 0
            totals.append(fresh + int(self.addend) + carries)
            carries = self.cells_of(totals[j])
        return totals

    def cells_of(self, bits: int) -> int:
        """Full and half adders that reduce one column of `bits` bits to its last one."""
        if self.kind == "value":
            return max(bits // 2, min(bits, 1))  # a lone bit still passes through one neuron to be emitted
        return bits // 2

    def cells(self) -> list[int]:
        """Cells of each column: exactly n - H(n) in all for a bare popcount (H: ones of n in binary)."""
        return [self.cells_of(bits) for bits in self.bits()]

    @property
    def evaluations(self) -> int:
        """Neuron evaluations of the FA/HA network: carry and sum of each cell, less the sums nobody reads."""
        skipped = sum(1 for count in self.cells() if count) if self.kind == "compare" else 0
        return 2 * sum(self.cells()) - skipped

    def addend_for(self, threshold: int) -> int:
        """C = 2^K - T, clipped so that T <= 0 is always true and T > largest always false."""
        return (1 << self.columns) - min(max(threshold, 0), 1 << self.columns)


def popcount_threshold(fan_in: int) -> Node:
    """The binary neuron of `fan_in` inputs: [popcount >= T] for every T, one program.

    >>> node = popcount_threshold(288)
    >>> sum(node.cells()), node.evaluations
    (290, 571)
    """
    return Node(products=(fan_in,))
