"""Sliding windows over the spatial axes: what convolution and pooling have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array


@dataclass(frozen=True)
class Window:
    """Kernel, strides, dilations by spatial axis; `pads` = (begin per axis..., end per axis...), as in ONNX."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]

    def output(self, spatial: tuple[int, ...], name: str) -> tuple[int, ...]:
        """Spatial extents of the result. Raises NC205 when the window does not fit."""
        rank = len(self.kernel)
        fits = len(spatial) == rank == len(self.strides) == len(self.dilations) and len(self.pads) == 2 * rank
        extents = []
        for axis, (size, kernel, stride, dilation) in enumerate(
            zip(spatial, self.kernel, self.strides, self.dilations, strict=False)
        ):
            room = size + self.pads[axis] + self.pads[axis + rank] - (dilation * (kernel - 1) + 1) if fits else -1
            fits = fits and room >= 0
            extents.append(room // stride + 1)
        if not fits:
            fail(
                "NC205",
                f"the window of {name} must fit its input: kernel {list(self.kernel)}, strides {list(self.strides)}, "
                f"pads {list(self.pads)}, dilations {list(self.dilations)} on {list(spatial)}",
                help="check kernel size and padding of the layer",
            )
        return tuple(extents)

    def pad(self, x: Array, value: Any) -> Array:
        """Pad the trailing spatial axes of x with a value."""
        rank = len(self.kernel)
        if not any(self.pads):
            return x
        widths = [(0, 0)] * (x.ndim - rank) + list(zip(self.pads[:rank], self.pads[rank:], strict=True))
        return np.pad(x, widths, constant_values=value)

    def view(self, x: Array) -> Array:
        """Windows of an already padded x: (..., *spatial) to (..., *output, *kernel), without copying."""
        rank = len(self.kernel)
        axes = tuple(range(x.ndim - rank, x.ndim))
        spans = tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilations, strict=True))
        view: Array = np.lib.stride_tricks.sliding_window_view(x, spans, axis=axes)  # type: ignore[call-overload]  # numpy takes several axes
        lead = (slice(None),) * (x.ndim - rank)
        steps = (slice(None, None, step) for step in (*self.strides, *self.dilations))
        result: Array = view[(*lead, *steps)]
        return result

    def indices(self, spatial: tuple[int, ...]) -> Array:
        """Flat positions in `spatial` that each window reads: (outputs, taps); -1 where it reads padding."""
        positions = np.arange(int(np.prod(spatial)), dtype=np.int64).reshape(spatial)
        view = self.view(self.pad(positions, -1))
        rank = len(self.kernel)
        return view.reshape(int(np.prod(view.shape[:rank])), -1)
