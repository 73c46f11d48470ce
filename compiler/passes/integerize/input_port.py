"""The integers at an input port: their range, and what they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from nc.ir.ops.base import Array
from nc.ir.ops.input import NEAREST, SIGN
from nc.ir.ops.quantize import ROUNDINGS
from nc.ir.types import Affine


@dataclass(frozen=True)
class Port:
    """The integers at an input port: their range and meaning, real = scale * (q - zero_point); `rounding` as that of
    `Input`.

    `channels`: a scale and an offset for each index of an axis, instead of the two; such a port rounds half to even.
    """

    lo: int
    hi: int
    scale: Fraction = Fraction(1)
    zero_point: int = 0
    rounding: str = NEAREST
    channels: Affine | None = None

    @classmethod
    def of_channels(cls, lo: int, hi: int, channels: Affine) -> Port:
        """A port whose zero points need not be whole."""
        return cls(lo, hi, rounding="half_even", channels=channels)

    @property
    def meaning(self) -> Affine:
        return self.channels or Affine.of(self.scale, self.zero_point)

    @property
    def uniform(self) -> bool:
        """One scale for the whole tensor."""
        return self.channels is None

    def integers(self, real: Array) -> Array:
        """Real numbers (N, *shape) to the port's integers, clamped."""
        if self.rounding == SIGN:
            return np.where(real >= 0, np.int64(1), np.int64(-1))
        scale, zero_point = self._lined(real.ndim)
        if self.rounding == NEAREST:
            rounded = np.rint(real / scale) + zero_point
        else:
            rounded = ROUNDINGS[self.rounding](real / scale + zero_point)
        return np.clip(rounded, self.lo, self.hi).astype(np.int64)

    def carried(self, real: Array) -> Array:
        """The real numbers that the port's integers stand for."""
        scale, zero_point = self._lined(real.ndim)
        return (self.integers(real) - zero_point) * scale

    def _lined(self, rank: int) -> tuple[Array, Array]:
        """(scales, zero points), to broadcast with samples of `rank` axes, batch included."""
        meaning = self.meaning
        extents = [1] * rank
        if meaning.axis is not None:
            extents[1 + meaning.axis] = -1
        pairs = list(zip(meaning.scale, meaning.offset, strict=True))
        scale = np.array([float(s) for s, _ in pairs]).reshape(extents)
        return scale, np.array([float(-o / s) for s, o in pairs]).reshape(extents)
