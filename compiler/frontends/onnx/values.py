"""What the importer knows of a tensor of the model: its type, its shape, and its data when that is constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.graph import Value
from nc.ir.ops.base import Array


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of the ONNX graph.

    dtype: ONNX element type. shape: of one sample when `batched`, of the whole tensor otherwise.
    value: the graph's value, None while the tensor is a plain constant. data: its numbers when they follow from
    constants alone (float64, int64, bool, or object where the symbolic batch size occurs). lead: where the batch axis
    lies in the model's tensor; anywhere but in front only around recurrent layers, whose sequences have time in front.
    """

    dtype: int
    shape: tuple[int, ...]
    value: Value | None = None
    data: Array | None = None
    batched: bool = False
    lead: int = 0

    @property
    def rank(self) -> int:
        """The rank in the model, batch axis included."""
        return len(self.shape) + self.batched

    def __str__(self) -> str:
        extents = [str(e) for e in self.shape]
        if self.batched:
            extents.insert(self.lead, "N")
        return f"[{', '.join(extents)}]"


class BatchSize:
    """The unknown number of samples where a model computes with shapes; it may be passed on, not computed with."""

    HELP = "reshape with -1 for the extent that is to be inferred, and keep the batch as its own axis"

    def __repr__(self) -> str:
        return "N"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (int, np.integer)) and other > 0:
            self._refuse(other)  # it may be
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def _times(self, other: Any) -> BatchSize:
        if isinstance(other, (int, np.integer)) and other == 1:
            return self
        return self._refuse(other)

    def _refuse(self, *_: Any) -> BatchSize:
        fail(
            "NC105",
            "the batch size must not be computed with",
            help=self.HELP,
        )

    __mul__ = __rmul__ = __floordiv__ = __truediv__ = _times
    __add__ = __radd__ = __sub__ = __rsub__ = __rfloordiv__ = __rtruediv__ = __neg__ = __abs__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __index__ = __int__ = __float__ = _refuse


BATCH = BatchSize()


def has_batch(data: Array | None) -> bool:
    """Does shape data mention the symbolic batch size?"""
    return data is not None and data.dtype == object and any(item is BATCH for item in data.ravel())
