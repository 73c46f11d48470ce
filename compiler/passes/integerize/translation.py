"""The state of one translation: the integer graph being built, and the float node at hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from nc.ir.diagnostics import Where, fail
from nc.ir.graph import Builder, Node


@dataclass
class Translation:
    """`source_shape` is the shape of the float node's first operand (or its own, without operands).

    `computed`: what deferred sums have become for the readers so far, shared by all translations of one graph.
    """

    build: Builder
    node: Node
    source_shape: tuple[int, ...] = ()
    computed: dict[Any, Any] = field(default_factory=dict)

    def refuse(self, code: str, message: str, help: str = "") -> NoReturn:
        """Raise a diagnostic at the float node."""
        fail(code, message, where=Where(node=self.node.origin), op=self.node.op.name, help=help)
