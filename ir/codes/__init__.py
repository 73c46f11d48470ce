"""The error codes and their explanations (`nc explain NC210`), one module a family.

Each module of this package holds `CODES: dict[str, Code]`; families own a range of numbers:
0xx ours and usage · 1xx model files · 2xx graph, types (281–289 netlists) · 3xx quantisation and passes ·
4xx data, options, build directories · 5xx tools, simulation, synthesis · 60x–64x fpga · 65x–69x printed ·
7xx threshold · 8xx sfq · 9xx spiking.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import NamedTuple


class Code(NamedTuple):
    """`title` in a few words; `text` says what it means, why it is refused, and what to do."""

    title: str
    text: str


def _collect() -> dict[str, Code]:
    codes: dict[str, Code] = {}
    for module in pkgutil.iter_modules(__path__):
        family: dict[str, Code] = importlib.import_module(f"{__name__}.{module.name}").CODES
        if clash := codes.keys() & family.keys():
            raise ImportError(f"error codes defined twice: {sorted(clash)}")
        codes.update(family)
    return dict(sorted(codes.items()))


CODES: dict[str, Code] = _collect()
