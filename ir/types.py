"""Types of tensor values: shape, element, and what an integer stands for.

Shapes are those of one sample: the batch axis exists in the interpreter only. An integer element carries its exact
range, from which its width follows; `meaning` relates it to the real number of the trained network.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from nc.ir.diagnostics import InternalError


@dataclass(frozen=True, slots=True)
class RawType:
    """A machine element of the float stage: 'f32', 'i64' (shape arithmetic, indices) or 'bool'."""

    name: str

    def __str__(self) -> str:
        return self.name


F32 = RawType("f32")
I64 = RawType("i64")
BOOL = RawType("bool")


@dataclass(frozen=True, slots=True)
class IntType:
    """Integers lo, lo + step, ..., hi; both ends are reached by some input or are safe bounds.

    `step` is 1 except for bipolar values (-1, +1), whose step is 2.
    """

    lo: int
    hi: int
    step: int = 1

    def __post_init__(self) -> None:
        if self.lo > self.hi:
            raise InternalError(f"empty range {self.lo}..{self.hi}")

    @property
    def signed(self) -> bool:
        return self.lo < 0

    @property
    def bits(self) -> int:
        """Width in two's complement (signed) or plain binary; at least 1."""
        return bits_for(self.lo, self.hi)

    @property
    def magnitude(self) -> int:
        return max(abs(self.lo), abs(self.hi))

    def __contains__(self, value: int) -> bool:
        return self.lo <= value <= self.hi and (value - self.lo) % self.step == 0

    def __str__(self) -> str:
        if self == BIPOLAR:
            return "bipolar"
        name = f"{'i' if self.signed else 'u'}{self.bits}"
        step = f":{self.step}" if self.step != 1 else ""
        full = natural_range(self.bits, self.signed)
        return name if not step and (self.lo, self.hi) == full else f"{name}<{self.lo}..{self.hi}{step}>"


BIPOLAR = IntType(-1, 1, 2)
BIT = IntType(0, 1)

Element = RawType | IntType


@dataclass(frozen=True, slots=True)
class Affine:
    """What integers stand for: real = scale[c] * q + offset[c], exactly.

    One scale and offset for the tensor (`axis` None, tuples of length 1) or one for each index c of `axis`, an axis
    of the sample's shape. A zero point z is the offset -z * scale.
    """

    scale: tuple[Fraction, ...] = (Fraction(1),)
    offset: tuple[Fraction, ...] = (Fraction(0),)
    axis: int | None = None

    @classmethod
    def of(cls, scale: Fraction | int | float, zero_point: int = 0) -> Affine:
        exact = Fraction(scale)
        return cls((exact,), (-zero_point * exact,))

    @property
    def uniform(self) -> bool:
        """One scale and one offset for the whole tensor."""
        return len(set(self.scale)) == 1 and len(set(self.offset)) == 1

    def __str__(self) -> str:
        if self.axis is not None:
            return f"per channel of axis {self.axis}"
        sign = "" if self.offset[0] == 0 else f" {'+' if self.offset[0] > 0 else '-'} {abs(self.offset[0])}"
        return f"{self.scale[0]}*q{sign}"


@dataclass(frozen=True, slots=True)
class TensorType:
    """`shape` of one sample (no batch axis), element, and the integers' meaning when it is known."""

    shape: tuple[int, ...]
    element: Element = F32
    meaning: Affine | None = None

    @property
    def size(self) -> int:
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_int(self) -> bool:
        return isinstance(self.element, IntType)

    @property
    def int(self) -> IntType:
        """The integer element; InternalError when it is a machine type."""
        if not isinstance(self.element, IntType):
            raise InternalError(f"{self} has no integer element")
        return self.element

    def __str__(self) -> str:
        return f"{self.element}[{','.join(map(str, self.shape))}]"


def bits_for(lo: int, hi: int) -> int:
    """Bits that hold lo..hi: two's complement when lo < 0, plain binary otherwise; at least 1.

    >>> bits_for(0, 15), bits_for(-8, 7), bits_for(0, 0), bits_for(-1, 0)
    (4, 4, 1, 1)
    """
    if lo < 0:
        return max((-lo - 1).bit_length(), max(hi, 0).bit_length()) + 1
    return max(hi.bit_length(), 1)


def natural_range(bits: int, signed: bool) -> tuple[int, int]:
    """The full range of a width.

    >>> natural_range(4, True), natural_range(4, False)
    ((-8, 7), (0, 15))
    """
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
