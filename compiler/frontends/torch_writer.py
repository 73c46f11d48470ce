"""The writer of ONNX nodes for ATen calls, the calls' arguments, and the table of handlers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from nc.compiler.frontends.torch_archive import Call, Meta, Ref
from nc.ir.diagnostics import fail

Handler = Callable[["Writer", "Arguments"], "str | Sequence[str]"]
HANDLERS: dict[str, Handler] = {}


def aten(*names: str) -> Callable[[Handler], Handler]:
    """Register a function as the translation of ATen operators."""

    def register(function: Handler) -> Handler:
        for name in names:
            HANDLERS[name] = function
        return function

    return register


@dataclass
class Writer:
    """Collects ONNX nodes; every node carries the path of the module that it comes from."""

    metas: dict[str, Meta]
    nodes: list[NodeProto] = field(default_factory=list)
    label: str = ""
    count: int = 0

    def node(self, op: str, *operands: str, domain: str = "", results: int = 1, **attributes: Any) -> str:
        """Add a node; the name of its first result."""
        self.count += 1
        names = [f"{self.label}#{self.count}" + (f".{i}" if i else "") for i in range(results)]
        while operands and not operands[-1]:
            operands = operands[:-1]
        given = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(helper.make_node(op, operands, names, name=self.label, domain=domain, **given))
        return names[0]

    def constant(self, value: Any, dtype: int = TensorProto.FLOAT) -> str:
        array = np.asarray(value).astype(helper.tensor_dtype_to_np_dtype(dtype))
        return self.node("Constant", value=numpy_helper.from_array(array))

    def ints(self, values: Sequence[int]) -> str:
        return self.constant(list(values), TensorProto.INT64)

    def extents(self, values: Sequence[Any]) -> str:
        """A shape of numbers and symbolic sizes."""
        if not any(isinstance(v, Ref) for v in values):
            return self.ints(values)
        zero = self.ints([0])
        parts = [self.node("Unsqueeze", v.name, zero) if isinstance(v, Ref) else self.ints([v]) for v in values]
        return self.node("Concat", *parts, axis=0)

    def shape(self, name: str) -> tuple[int | None, ...]:
        return self.metas[name].shape

    def rank(self, name: str) -> int:
        return len(self.metas[name].shape)


@dataclass(frozen=True)
class Arguments:
    """Arguments of a call by name, with torch's defaults given by the reader."""

    call: Call
    overload: str

    def tensor(self, name: str) -> str:
        value = self.call.arguments.get(name)
        if not isinstance(value, Ref):
            fail("NC103", f"argument '{name}' of {self.call.target} must be a tensor")
        return value.name

    def optional(self, name: str) -> str:
        value = self.call.arguments.get(name)
        return value.name if isinstance(value, Ref) else ""

    def get(self, name: str, default: Any = None) -> Any:
        value = self.call.arguments.get(name)
        return default if value is None else value

    def pair(self, name: str, rank: int, default: Any) -> list[int]:
        """A number for every axis of a window; torch lets one number stand for all."""
        given = self.get(name, default)
        values = list(given) if isinstance(given, (list, tuple)) else [given]
        return values * rank if len(values) == 1 else values

    @property
    def own(self) -> str:
        """The first operand, which torch calls 'self' or 'input'."""
        return self.tensor("self") if "self" in self.call.arguments else self.tensor("input")
