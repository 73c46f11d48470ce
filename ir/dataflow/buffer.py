"""buffer: a memory between a writer in stream order and a reader in any affine order: sliding windows, transposes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.streams import Behaviour, IntArray, Process, Stream, at, every
from nc.ir.types import IntType


@dataclass(frozen=True)
class Bound:
    """A coordinate of the reader, start + sum of index * stride, that must lie in 0..limit-1, or the fill is read."""

    strides: tuple[int, ...]
    start: int
    limit: int


@dataclass(frozen=True, eq=False)
class Buffer(Actor):
    """Chunks of `chunk` tokens are written to a ring of `chunks` places; a nest of loops reads the sample.

    The reader's loops, outermost first, run over `counts`; it reads the sample's token start + sum of index * stride,
    or `fill` where a bound is broken. Before round r of the outermost loop `takes[r]` more chunks must have been
    written; after it `gives[r]` chunks are free again. Both sum to the chunks of a sample.
    """

    chunk: int
    chunks: int
    counts: tuple[int, ...]
    strides: tuple[int, ...]
    start: int
    takes: tuple[int, ...]
    gives: tuple[int, ...]
    bounds: tuple[Bound, ...] = ()
    fill: int = 0

    name = "buffer"

    @classmethod
    def window(
        cls, height: int, width: int, groups: int, kernel: tuple[int, int], strides: tuple[int, int],
        pads: tuple[int, int, int, int], dilations: tuple[int, int] = (1, 1), fill: int = 0,
    ) -> Buffer:  # fmt: skip
        """Sliding windows over pixels of `groups` tokens (rows first): for each window, for each group, its taps.

        `pads` = (top, left, bottom, right), as in ONNX. The ring holds the rows of a window and those of the next
        step, or those that the first windows of the next sample need: so reading and writing overlap.
        """
        (kh, kw), (sh, sw), (dh, dw) = kernel, strides, dilations
        top, left, bottom, right = pads
        rows = (height + top + bottom - dh * (kh - 1) - 1) // sh + 1
        columns = (width + left + right - dw * (kw - 1) - 1) // sw + 1
        line = width * groups
        row = np.arange(rows)
        needed = np.clip(row * sh - top + dh * (kh - 1) + 1, 0, height)
        needed = np.maximum(np.maximum.accumulate(needed), 1)  # nothing moves before there is a sample
        free = np.clip((row + 1) * sh - top, 0, height)
        free = np.minimum(free, needed)
        needed[-1] = free[-1] = height
        held = int((needed - np.concatenate(([0], free[:-1]))).max())
        counts = (rows, columns, groups, kh, kw)
        bounds = []
        if top or bottom:
            bounds.append(Bound((sh, 0, 0, dh, 0), -top, height))
        if left or right:
            bounds.append(Bound((0, sw, 0, 0, dw), -left, width))
        return cls(
            chunk=line,
            chunks=held + max(int(needed[0]), min(sh, height)),
            counts=counts,
            strides=(sh * line, sw * groups, 1, dh * line, dw * groups),
            start=-top * line - left * groups,
            takes=tuple(np.diff(needed, prepend=0).tolist()),
            gives=tuple(np.diff(free, prepend=0).tolist()),
            bounds=tuple(bounds),
            fill=fill,
        )

    @classmethod
    def reorder(cls, size: int, counts: tuple[int, ...], strides: tuple[int, ...]) -> Buffer:
        """A whole sample of `size` tokens in another order, two samples deep."""
        return cls(size, 2, (1, *counts), (0, *strides), 0, (1,), (1,))

    @property
    def depth(self) -> int:
        return self.chunk * self.chunks

    @property
    def steps(self) -> int:
        return int(np.prod(self.counts))

    @property
    def tokens(self) -> int:
        """Tokens of a sample as written."""
        return self.chunk * sum(self.takes)

    @cached_property
    def addresses(self) -> IntArray:
        """The sample's token that each step reads, -1 for the fill."""
        found = self._affine(self.strides, self.start)
        for bound in self.bounds:
            place = self._affine(bound.strides, bound.start)
            found = np.where((place < 0) | (place >= bound.limit), -1, found)
        return found

    def _affine(self, strides: tuple[int, ...], start: int) -> IntArray:
        total = np.full(self.counts, start, np.int64)
        for axis, (count, stride) in enumerate(zip(self.counts, strides, strict=True)):
            shape = [1] * len(self.counts)
            shape[axis] = count
            total = total + (np.arange(count) * stride).reshape(shape)
        return total.ravel()

    def outputs(self, *inputs: Stream) -> tuple[Stream, ...]:
        kind = inputs[0].kind
        if self.bounds and self.fill not in kind:
            kind = IntType(min(kind.lo, self.fill), max(kind.hi, self.fill))
        return (Stream(self.steps, inputs[0].lanes, kind),)

    def evaluate(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        places = self.addresses
        read = inputs[0][:, places]
        return (np.where((places < 0)[None, :, None], self.fill, read),)

    def behaviour(self, *inputs: Stream) -> Behaviour:
        chunks = sum(self.takes)
        written = self.chunk * chunks
        begin = np.arange(chunks) * self.chunk
        writer = Process(
            written,
            {"in0": every(written), "free": at(written, begin)},
            {"full": at(written, begin + self.chunk - 1)},
        )
        steps, inner = self.steps, self.steps // self.counts[0]
        takes, gives = np.zeros(steps, np.int64), np.zeros(steps, np.int64)
        takes[::inner], gives[inner - 1 :: inner] = self.takes, self.gives
        reader = Process(steps, {"full": takes}, {"free": gives, "out0": every(steps)}, delay=1)
        return Behaviour((writer, reader), {"full": 0, "free": self.chunks})
