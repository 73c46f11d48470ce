"""The target `c`: a dense integer network as one C function. A backend in one file, outside the repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from nc.backends.backend import Link, SynthesisRequest
from nc.ir.diagnostics import Diagnostic, Where, fail
from nc.ir.graph import Graph, Node

_SCALAR = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "neg": "-{0}",
    "relu": "{0} > 0 ? {0} : 0",
}
"""Element by element, in C."""


class COptions(BaseModel):
    """`function`: its name in C."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    function: str = "network"


class CSource:
    """Satisfies `nc.backends.backend.Backend`."""

    name, summary, stage, Options = "c", "one C function (example of a plugin)", "primitive", COptions
    engines: Sequence[str] = ()

    def check(self, graph: Graph, options: COptions) -> Sequence[Diagnostic]:
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            return [Diagnostic("NC608", "a C function must have one input and one output")]
        return [
            Diagnostic("NC608", f"operation '{node.op.name}' on {node.type} has no C form", Where(node=node.origin))
            for node in graph.nodes
            if node.constant is None
            and (
                node.op.name not in (*_SCALAR, *_TENSOR, "input")
                or node.type.rank != 1
                or node.op.name != "input"
                and getattr(node.op, "rounding", "floor") != "floor"
            )
        ]

    def lower(self, graph: Graph, options: COptions) -> str:
        ((_, source),), ((_, output),) = graph.inputs.items(), graph.outputs.items()
        lines = [f"void {options.function}(const long long *x, long long *y)", "{"]
        for value, node in enumerate(graph.nodes):
            if value == source:
                lines.append(f"    const long long *v{value} = x;")
            elif node.constant is not None:
                numbers = ", ".join(map(str, node.constant.ravel().tolist()))
                lines.append(f"    static const long long v{value}[] = {{{numbers}}};")
            else:
                lines += [f"    long long v{value}[{node.type.size}];", *_loop(graph, value, node)]
        size = graph.type(output).size
        return "\n".join([*lines, f"    for (int i = 0; i < {size}; i++) y[i] = v{output}[i];", "}", ""])

    def emit(self, design: str, folder: Path) -> None:
        (folder / "hdl").mkdir(parents=True, exist_ok=True)
        (folder / "hdl" / "network.c").write_text(design)

    def testbench(self, design: str) -> None:
        return None

    def module(self, design: str) -> None:
        return None

    def estimate(self, design: str) -> Mapping[str, object]:
        return {"lines": design.count("\n")}

    def links(self, build: Path, graph: Graph, options: COptions) -> Sequence[Link]:
        same = (build / "hdl" / "network.c").read_text() == self.lower(graph, options)
        return [Link("C source ≡ the source lowered again", "equal" if same else "different")]

    def synthesise(
        self, build: Path, graph: Graph, options: COptions, request: SynthesisRequest
    ) -> Mapping[str, object]:
        fail("NC608", "target c has no synthesis", help="cc -c hdl/network.c")


def _loop(graph: Graph, value: int, node: Node) -> list[str]:
    if node.op.name in _TENSOR:
        return _TENSOR[node.op.name](graph, value, node)
    operands = [_element(graph, o, node) for o in node.operands]
    body = _SCALAR[node.op.name].format(*operands)
    return [f"    for (int i = 0; i < {node.type.size}; i++) v{value}[i] = {body};"]


def _element(graph: Graph, operand: int, node: Node) -> str:
    """Element i of an operand: itself, or one number for all."""
    return f"v{operand}[{'i' if graph.type(operand).size == node.type.size else '0'}]"


def _matmul(graph: Graph, value: int, node: Node) -> list[str]:
    x, w = node.operands
    inner, outer = graph.type(w).shape
    return [
        f"    for (int i = 0; i < {outer}; i++) {{",
        f"        v{value}[i] = 0;",
        f"        for (int k = 0; k < {inner}; k++) v{value}[i] += v{x}[k] * v{w}[k * {outer} + i];",
        "    }",
    ]


def _threshold(graph: Graph, value: int, node: Node) -> list[str]:
    op: Any = node.op
    rows, steps = op.thresholds.shape
    table = ", ".join(map(str, op.thresholds.ravel().tolist()))
    signs = ", ".join(map(str, np.broadcast_to(op.sign, rows).tolist()))
    row = "i" if rows > 1 else "0"
    return [
        f"    static const long long t{value}[] = {{{table}}}, s{value}[] = {{{signs}}};",
        f"    for (int i = 0; i < {node.type.size}; i++) {{",
        f"        v{value}[i] = {op.base};",
        f"        for (int k = 0; k < {steps}; k++)",
        f"            v{value}[i] += {op.step} * (s{value}[{row}] * (v{node.operands[0]}[i] - "
        f"t{value}[{row} * {steps} + k]) >= 0);",
        "    }",
    ]


def _requantize(graph: Graph, value: int, node: Node) -> list[str]:
    op: Any = node.op
    m, c = (", ".join(map(str, np.broadcast_to(a, node.type.size).tolist())) for a in (op.multiplier, op.offset))
    return [
        f"    static const long long m{value}[] = {{{m}}}, c{value}[] = {{{c}}};",
        f"    for (int i = 0; i < {node.type.size}; i++) {{",
        f"        long long q = (v{node.operands[0]}[i] * m{value}[i] + c{value}[i]) >> {op.shift};",
        f"        v{value}[i] = q < {op.lo} ? {op.lo} : q > {op.hi} ? {op.hi} : q;",
        "    }",
    ]


_TENSOR = {"matmul": _matmul, "multi_threshold": _threshold, "requantize": _requantize}

BACKEND = CSource()
