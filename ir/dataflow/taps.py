"""taps: sliding windows with all taps at once: a line buffer in front of a window of registers, a pixel a clock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.streams import Behaviour, IntArray, Process, Stream
from nc.ir.types import IntType


@dataclass(frozen=True, eq=False)
class Taps(Actor):
    """One token a pixel in, one a window out: its columns from the left, each from the top, each with its channels.

    `pads` = (top, left, bottom, right) of pixels with `fill`. It steps once for every pixel, padding included. Where it
    begins with padding it takes each pixel ahead, so that nothing moves before there is a sample.
    """

    height: int
    width: int
    kernel: tuple[int, int]
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]
    fill: int = 0

    name = "taps"
    delay = 2

    @property
    def area(self) -> tuple[int, int]:
        """Rows and columns, padding included."""
        top, left, bottom, right = self.pads
        return self.height + top + bottom, self.width + left + right

    @property
    def ahead(self) -> bool:
        """The first pixel is taken by a step that does not use it, each other by the step that uses the one before."""
        return self.pads[0] > 0 or self.pads[1] > 0

    @cached_property
    def ends(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The rows and columns in which windows end."""
        found = zip(self.area, self.kernel, self.strides)
        rows, columns = (tuple(range(kernel - 1, size, stride)) for size, kernel, stride in found)
        return rows, columns

    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        x, (rows, columns), kind = inputs[0], self.ends, inputs[0].kind
        if any(self.pads) and self.fill not in kind:
            kind = IntType(min(kind.lo, self.fill), max(kind.hi, self.fill))
        return (Stream(len(rows) * len(columns), x.lanes * self.kernel[0] * self.kernel[1], kind),)

    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        x = inputs[0]
        top, left, bottom, right = self.pads
        image = x.reshape(len(x), self.height, self.width, -1)
        image = np.pad(image, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=self.fill)
        view = np.lib.stride_tricks.sliding_window_view(image, self.kernel, axis=(1, 2))  # type: ignore[call-overload]
        view = view[:, :: self.strides[0], :: self.strides[1]]  # N, rows, columns, lanes, ky, kx
        rows, columns = self.ends
        return (np.ascontiguousarray(view.transpose(0, 1, 2, 5, 4, 3)).reshape(len(x), len(rows) * len(columns), -1),)

    def behaviour(self, *inputs: Stream) -> Behaviour:
        rows, columns = self.area
        top, left, _, _ = self.pads
        takes, gives = np.zeros((rows, columns), np.int64), np.zeros((rows, columns), np.int64)
        takes[top : top + self.height, left : left + self.width] = 1
        if self.ahead:
            takes[0, 0], takes[top + self.height - 1, left + self.width - 1] = 1, 0
        gives[np.ix_(*self.ends)] = 1
        return Behaviour((Process(rows * columns, {"in0": takes.ravel()}, {"out0": gives.ravel()}, self.delay),))
