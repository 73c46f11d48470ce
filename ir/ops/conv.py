"""conv: convolution over any number of spatial axes, with groups, strides, dilations and asymmetric pads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nc.ir.diagnostics import fail
from nc.ir.ops.base import Array, Op, Operand, elementwise_machine, int_range
from nc.ir.ops.concat import Concat
from nc.ir.ops.exact import exact_matmul
from nc.ir.ops.matmul import MatMul, dot_corners
from nc.ir.ops.reshape import Reshape
from nc.ir.ops.take import Take
from nc.ir.ops.transpose import Transpose
from nc.ir.ops.windows import Window
from nc.ir.types import IntType, TensorType

if TYPE_CHECKING:
    from nc.ir.graph import Builder, Value


@dataclass(frozen=True, eq=False)
class Conv(Op):
    """Cross-correlation of x (C, *spatial) with w (O, C / groups, *kernel), zero padding: result (O, *output).

    `pads` = (begin per axis..., end per axis...), as in ONNX.
    """

    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int = 1

    name = "conv"
    arity = 2

    def window(self, weights: tuple[int, ...]) -> Window:
        return Window(weights[2:], self.strides, self.pads, self.dilations)

    def infer_type(self, *operands: Operand) -> TensorType:
        x, w = (o.type for o in operands)
        fits = x.rank == w.rank - 1 and x.rank >= 2 and w.shape[0] % self.groups == 0
        if not fits or x.shape[0] != w.shape[1] * self.groups:
            fail(
                "NC205",
                f"conv with {self.groups} group(s) must have weights (O, C / groups, *kernel), "
                f"not {list(w.shape)} for an input {list(x.shape)}",
                help="the input is (channels, *spatial) without its batch axis",
            )
        shape = (w.shape[0], *self.window(w.shape).output(x.shape[1:], self.name))
        machine = elementwise_machine(self.name, *operands)
        if machine is not None:
            return TensorType(shape, machine)
        return TensorType(shape, int_range(self.name, self._corners(*operands)))

    def _corners(self, x: Operand, w: Operand) -> list[int]:
        kind = x.type.int
        if any(self.pads):
            kind = IntType(min(kind.lo, 0), max(kind.hi, 0))  # padding feeds zeros
        if w.value is not None:
            return dot_corners(kind, w.value.reshape(w.value.shape[0], -1).T)
        terms = int(np.prod(w.type.shape[1:]))
        products = [p * q for p in (kind.lo, kind.hi) for q in (w.type.int.lo, w.type.int.hi)]
        return [terms * min(products), terms * max(products)]

    def evaluate(self, *operands: Array) -> Array:
        x, w = operands
        weights = w[0]
        window = self.window(weights.shape)
        rank = len(window.kernel)
        view = window.view(window.pad(x, 0))  # N, C, *output, *kernel
        n, channels, extents = view.shape[0], view.shape[1], view.shape[2 : 2 + rank]
        grouped = view.reshape(n, self.groups, channels // self.groups, *extents, *window.kernel)
        order = (1, 0, *range(3, 3 + rank), 2, *range(3 + rank, 3 + 2 * rank))
        columns = grouped.transpose(order).reshape(self.groups, n * int(np.prod(extents)), -1)
        kernels = weights.reshape(self.groups, weights.shape[0] // self.groups, -1)
        parts = [exact_matmul(columns[g], np.ascontiguousarray(kernels[g].T)) for g in range(self.groups)]
        result = np.concatenate(parts, axis=1).reshape(n, *extents, weights.shape[0])
        return np.ascontiguousarray(np.moveaxis(result, -1, 1))

    def decompose(self, build: Builder, *operands: Value) -> Value | None:
        """Gather the windows (im2col), multiply by the kernels as a matrix, a group at a time."""
        x, w = operands
        weights = build.operand(w).value
        if weights is None:
            return None
        shape, window = build.type(x).shape, self.window(weights.shape)
        spatial = window.indices(shape[1:])  # outputs, taps
        plane = int(np.prod(shape[1:]))
        members, made = shape[0] // self.groups, weights.shape[0] // self.groups
        parts = []
        for group in range(self.groups):
            channels = np.arange(group * members, (group + 1) * members) * plane
            taps = np.where(spatial[:, None, :] < 0, -1, spatial[:, None, :] + channels[None, :, None])
            rows = build.add(Take(taps.reshape(len(spatial), -1)), x)
            kernel = weights[group * made : (group + 1) * made].reshape(made, -1)
            parts.append(build.add(MatMul(), rows, build.constant(np.ascontiguousarray(kernel.T))))
        joined = parts[0] if len(parts) == 1 else build.add(Concat(1), *parts)
        extents = window.output(shape[1:], self.name)
        return build.add(Reshape((weights.shape[0], *extents)), build.add(Transpose((1, 0)), joined))
