"""The table of translations: (domain family, operator) -> function from a node to its results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nc.compiler.frontends.onnx.signatures import STANDARD
from nc.compiler.frontends.onnx.values import Tensor

if TYPE_CHECKING:
    from nc.compiler.frontends.onnx.node import Node

Translation = Callable[["Node"], "Tensor | Sequence[Tensor]"]

TRANSLATIONS: dict[tuple[str, str], Translation] = {}


def translates(*names: str, domain: str = STANDARD) -> Callable[[Translation], Translation]:
    """Register a function as the translation of the operators `names` of a domain family."""

    def register(function: Translation) -> Translation:
        for name in names:
            TRANSLATIONS[domain, name] = function
        return function

    return register
