"""Folding: how many multipliers each layer gets, so that all are about equally fast and the whole fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nc.compiler.streaming.blocks import Family, dsps
from nc.compiler.streaming.layers import Fold, Layer
from nc.ir.diagnostics import Collector, suggest
from nc.ir.graph import Value

DEFAULT_MULTIPLIERS = 64
"""Without any wish: the throughput that so many multipliers give, spread over the layers by their work."""


def for_target(layers: list[Layer], target_ii: int) -> dict[Value, Fold]:
    """For each layer the fewest multipliers that need at most `target_ii` clocks a sample; its fastest folding where
    none is so fast."""
    return {layer.value: _fewest(layer, target_ii // max(1, layer.vectors)) for layer in layers}


def for_reuse(layers: list[Layer], reuse: int | Mapping[str, int], others: Mapping[Value, Fold]) -> dict[Value, Fold]:
    """Every multiplier used (at most) `reuse` times a position; by layer name, the unnamed as in `others`.

    Raises NC616 for names that are no layers.
    """
    if isinstance(reuse, int):
        return {layer.value: _fewest(layer, reuse) for layer in layers}
    names = {layer.name: layer for layer in layers}
    found = Collector()
    for name in reuse:
        if name not in names:
            found.error("NC616", f"'{name}' must be a layer that multiplies", help=suggest(name, names))
    found.raise_if_any()
    return {**others, **{names[name].value: _fewest(names[name], factor) for name, factor in reuse.items()}}


def _fewest(layer: Layer, steps: int) -> Fold:
    """The folding of at most `steps` clocks a position with the fewest multipliers, then the fewest accumulators."""
    folds = list(layer.folds())
    quick = [f for f in folds if layer.steps(f) <= steps]
    if not quick:
        return min(folds, key=lambda f: (layer.steps(f), f.pe * f.simd))
    return min(quick, key=lambda f: (f.pe * f.simd, layer.steps(f), f.pe))


def default_target(layers: list[Layer]) -> int:
    work = sum(layer.work for layer in layers)
    return max(-(-work // DEFAULT_MULTIPLIERS), max((layer.vectors * layer.taps for layer in layers), default=1))


def targets(layers: list[Layer]) -> list[int]:
    """Every number of clocks a sample that some folding of the slowest layer has, ascending."""
    found = {layer.cycles(fold) for layer in layers for fold in layer.folds()}
    fastest = max((min(layer.cycles(f) for f in layer.folds()) for layer in layers), default=1)
    return sorted(c for c in found if c >= fastest)


@dataclass(frozen=True)
class Multipliers:
    """Which layers' multipliers become DSP blocks: the widest products first, up to the limit (None: any number)."""

    chosen: frozenset[Value] | None

    @classmethod
    def of(cls, layers: list[Layer], folds: Mapping[Value, Fold], limit: int | None, family: Family) -> Multipliers:
        if limit is None:
            return cls(None)
        left, chosen = limit, set()
        for layer in sorted(layers, key=lambda la: -la.product_bits):
            fold = folds[layer.value]
            taken = fold.pe * fold.simd * dsps(*layer.factor_bits, layer.product_bits, family)
            if 0 < taken <= left:
                chosen.add(layer.value)
                left -= taken
        return cls(frozenset(chosen))

    def __call__(self, layer: Layer) -> str:
        return "dsp" if self.chosen is None or layer.value in self.chosen else "lut"
