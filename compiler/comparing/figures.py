"""One figure of a comparison: value, unit, where it comes from and assumes, and the check that stands behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Number = float | int

LABELS: Mapping[str, str] = {
    "accuracy": "accuracy",
    "float_accuracy": "accuracy, float model",
    "agreement": "agreement with float",
    "hardware_accuracy": "accuracy, hardware",
    "latency_cycles": "latency in cycles",
    "interval_cycles": "cycles an inference",
    "clock": "clock",
    "latency": "latency",
    "throughput": "inferences",
    "luts": "LUTs",
    "ffs": "flip-flops",
    "brams": "block RAMs",
    "dsps": "DSPs",
    "junctions": "Josephson junctions",
    "cells": "cells",
    "elements": "processing elements",
    "cores": "cores",
    "neurons": "neurons",
    "memory": "memory",
    "area": "area",
    "power": "power",
    "energy": "energy an inference",
}
"""The figures of a comparison, in the order of its rows, and what a reader calls them."""

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
_PREFIXED = ("s", "Hz", "W", "J", "1/s", "bit")


@dataclass(frozen=True)
class Figure:
    """`value` in `unit`; `basis`: how it was found and what it assumes, or why there is none (`value` is None).
    `link`: name of the link of the verification chain that it rests on, or empty."""

    value: Number | None
    unit: str
    basis: str
    link: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        """As a table shows it.

        >>> str(Figure(2.3e-7, "s", "")), str(Figure(0.9556, "", "")), str(Figure(None, "J", "no model"))
        ('230 ns', '0.9556', '–')
        """
        if self.value is None:
            return "–"
        if self.unit in _PREFIXED:
            return prefixed(self.value, self.unit)
        number = f"{self.value:,}" if isinstance(self.value, int) else f"{self.value:,.4g}"
        return f"{number} {self.unit}".rstrip()


def prefixed(value: Number, unit: str) -> str:
    """A value with the SI prefix that leaves one to three digits before the point.

    >>> prefixed(1.6447, "1/s"), prefixed(23.31e9, "1/s"), prefixed(0, "s")
    ('1.64/s', '23.3 G/s', '0 s')
    """
    power = 3 * math.floor(math.log10(abs(value)) / 3) if value else 0
    power = min(max(power, min(_PREFIXES)), max(_PREFIXES))
    scaled, prefix = value / 10.0**power, _PREFIXES[power]
    number = f"{scaled:.3g}" if abs(scaled) < 999.5 else f"{scaled:,.0f}"
    if unit == "1/s":
        return f"{number} {prefix}/s" if prefix else f"{number}/s"
    return f"{number} {prefix}{unit}"
