"""A network of two-input gates with structural hashing, and the arithmetic that bespoke circuits are made of.

A literal is 2*node + inverted; node 0 is the constant 0, so literals 0 and 1 are the constants. Nodes are inputs and
ANDs; an XOR is built in its four-NAND form (a nand-b shared), the cheapest XOR of a technology without complex gates.
Numbers are lists of literals, least significant first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

FALSE, TRUE = 0, 1


@dataclass
class Logic:
    """The network. `fanin[n]` is None for the constant and inputs, else the two literals of an AND."""

    fanin: list[tuple[int, int] | None] = field(default_factory=lambda: [None])
    inputs: list[tuple[str, int]] = field(default_factory=list)
    outputs: list[tuple[str, int]] = field(default_factory=list)
    _hash: dict[tuple[int, int], int] = field(default_factory=dict)

    def input(self, name: str) -> int:
        self.fanin.append(None)
        self.inputs.append((name, 2 * (len(self.fanin) - 1)))
        return self.inputs[-1][1]

    def word(self, name: str, bits: int) -> list[int]:
        return [self.input(f"{name}[{b}]") for b in range(bits)]

    def output(self, name: str, literal: int) -> None:
        self.outputs.append((name, literal))

    def and_(self, a: int, b: int) -> int:
        if a > b:
            a, b = b, a
        if a == FALSE or a == b ^ 1:
            return FALSE
        if a in (TRUE, b):
            return b
        found = self._hash.get((a, b))
        if found is None:
            self.fanin.append((a, b))
            found = self._hash[a, b] = 2 * (len(self.fanin) - 1)
        return found

    def or_(self, a: int, b: int) -> int:
        return self.and_(a ^ 1, b ^ 1) ^ 1

    def xor(self, a: int, b: int) -> int:
        """Four NANDs on the literals as they are, so that the first one is shared with a carry."""
        if a <= TRUE or b <= TRUE or a >> 1 == b >> 1:
            return self._xor_trivial(a, b)
        both = self.and_(a, b) ^ 1
        return self.and_(self.and_(a, both) ^ 1, self.and_(b, both) ^ 1) ^ 1

    @staticmethod
    def _xor_trivial(a: int, b: int) -> int:
        if a <= TRUE:
            return b ^ a
        return a ^ b

    def mux(self, select: int, one: int, zero: int) -> int:
        """`one` where `select` else `zero`."""
        if one == zero:
            return one
        return self.or_(self.and_(select, one), self.and_(select ^ 1, zero))

    def all_(self, literals: Iterable[int]) -> int:
        return self._tree(list(literals), self.and_, TRUE)

    def any_(self, literals: Iterable[int]) -> int:
        return self._tree(list(literals), self.or_, FALSE)

    @staticmethod
    def _tree(items: list[int], op: Callable[[int, int], int], neutral: int) -> int:
        if not items:
            return neutral
        while len(items) > 1:
            items = [op(items[i], items[i + 1]) for i in range(0, len(items) - 1, 2)] + (
                [items[-1]] if len(items) % 2 else []
            )
        return items[0]

    def full_add(self, a: int, b: int, c: int) -> tuple[int, int]:
        """(sum, carry); nine NANDs when nothing is constant."""
        for _ in range(2):  # constants, then equal or opposite literals, go first
            if a > TRUE and b <= TRUE:
                a, b = b, a
            if b > TRUE and c <= TRUE:
                b, c = c, b
        if a == FALSE:
            return self.xor(b, c), self.and_(b, c)
        if a == TRUE:
            return self.xor(b, c) ^ 1, self.or_(b, c)
        if (a & 1) + (b & 1) + (c & 1) >= 2:
            # an adder is self-dual: two or three inverted inputs cost no inverters
            total, carry = self.full_add(a ^ 1, b ^ 1, c ^ 1)
            return total ^ 1, carry ^ 1
        half = self.xor(a, b)
        return self.xor(half, c), self.or_(self.and_(a, b), self.and_(half, c))

    # --- multi-operand addition -------------------------------------------------------------------------------

    def add_columns(self, columns: Sequence[Sequence[int]], width: int) -> list[int]:
        """The sum of weighted bits modulo 2**width: `columns[k]` holds literals of weight 2**k.

        Columns are reduced from the low end with one full adder for each bit removed and the carries rippling on,
        which is the least number of adders (area first; the delay is linear).
        """
        heap = [list(c) for c in columns[:width]] + [[] for _ in range(width - len(columns))]
        total: list[int] = []
        for k in range(width):
            bits = sorted(heap[k])
            constants = sum(1 for b in bits if b == TRUE)
            bits = [b for b in bits if b > TRUE]
            if constants >= 2 and k + 1 < width:
                heap[k + 1] += [TRUE] * (constants // 2)
            if constants % 2:
                bits.append(TRUE)
            queue = bits
            while len(queue) > 1:
                rest = _same_polarity_first(queue)
                a, b, c = rest.pop(0), rest.pop(0), rest.pop(0) if rest else FALSE
                s, carry = self.full_add(a, b, c)
                # the new sum goes last, so that the tree is balanced
                queue = rest + ([s] if s != FALSE else [])
                if carry != FALSE and k + 1 < width:
                    heap[k + 1].append(carry)
            total.append(queue[0] if queue else FALSE)
        return total

    # --- comparison ----------------------------------------------------------------------------------------------

    def greater(self, a: Sequence[int], b: Sequence[int], or_equal: bool = False) -> int:
        """Unsigned a > b (or a >= b), lists padded with zeros: a ripple from the low end of one majority each."""
        width = max(len(a), len(b))
        a = list(a) + [FALSE] * (width - len(a))
        b = list(b) + [FALSE] * (width - len(b))
        result = TRUE if or_equal else FALSE
        for x, y in zip(a, b):
            result = self.majority(x, y ^ 1, result)
        return result

    def majority(self, a: int, b: int, c: int) -> int:
        for _ in range(2):
            if a > TRUE and b <= TRUE:
                a, b = b, a
            if b > TRUE and c <= TRUE:
                b, c = c, b
        if a == FALSE:
            return self.and_(b, c)
        if a == TRUE:
            return self.or_(b, c)
        if a == b:
            return a
        return self.or_(self.and_(a, b), self.and_(self.or_(a, b), c))

    # --- meaning -------------------------------------------------------------------------------------------------

    @property
    def gates(self) -> int:
        return sum(1 for f in self.fanin if f is not None)

    def evaluate(self, planes: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs for packed input bits: `planes[i]` (any integer array, e.g. uint64 words) belongs to input i."""
        if not self.inputs:
            raise ValueError("a network without inputs has no batch to evaluate")
        values: list[np.ndarray] = [np.zeros_like(planes[0])] * len(self.fanin)
        for (_, literal), plane in zip(self.inputs, planes, strict=True):
            values[literal >> 1] = plane

        def of(literal: int) -> np.ndarray:
            value = values[literal >> 1]
            return ~value if literal & 1 else value

        for node, pair in enumerate(self.fanin):
            if pair is not None:
                values[node] = of(pair[0]) & of(pair[1])
        return [of(literal) for _, literal in self.outputs]

    def write_blif(self, name: str = "top") -> str:
        """The used part of the network as BLIF."""
        used = self.cone([literal for _, literal in self.outputs])
        names = {literal >> 1: label for label, literal in self.inputs}

        def net(node: int) -> str:
            return names.get(node, f"n{node}")

        rows = [f".model {name}", ".inputs " + " ".join(label for label, _ in self.inputs)]
        rows.append(".outputs " + " ".join(label for label, _ in self.outputs))
        for node in used:
            pair = self.fanin[node]
            if pair is not None:
                a, b = pair
                rows += [f".names {net(a >> 1)} {net(b >> 1)} {net(node)}", f"{1 - (a & 1)}{1 - (b & 1)} 1"]
        for label, literal in self.outputs:
            if literal <= TRUE:
                rows += [f".names {label}"] + (["1"] if literal else [])
            else:
                rows += [f".names {net(literal >> 1)} {label}", f"{1 - (literal & 1)} 1"]
        return "\n".join([*rows, ".end", ""])

    def cone(self, literals: Iterable[int]) -> list[int]:
        """The nodes on which literals depend, in topological (index) order."""
        seen: set[int] = set()
        stack = [literal >> 1 for literal in literals]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            pair = self.fanin[node]
            if pair is not None:
                stack += [pair[0] >> 1, pair[1] >> 1]
        return sorted(seen)


def _same_polarity_first(queue: list[int]) -> list[int]:
    """The queue with three literals of one polarity moved to its front where there are three (no inverters)."""
    for polarity in (queue[0] & 1, 1 - (queue[0] & 1)):
        same = [i for i, literal in enumerate(queue) if literal & 1 == polarity and literal > TRUE][:3]
        if len(same) == 3:
            return [queue[i] for i in same] + [x for i, x in enumerate(queue) if i not in same]
    return list(queue)
