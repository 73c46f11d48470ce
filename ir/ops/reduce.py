"""What the reductions have in common: the shape that is left."""

from __future__ import annotations

from nc.ir.ops.base import normal_axis


def reduced_shape(name: str, shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """The sample's shape after reducing `axes`. Raises NC204."""
    gone = {normal_axis(a, len(shape), name) for a in axes}
    kept = [(1 if a in gone else extent) for a, extent in enumerate(shape) if keepdims or a not in gone]
    return tuple(kept)
