"""The graph as text, and back. Arrays that do not fit a line go to a companion mapping (weights.npz).

graph "digits"
%0 = input {label="x"} : u5<0..16>[64] as 1*q
%1 = constant {value=@0} : i4[64,32]
%2 = matmul(%0, %1) : i11<-640..704>[32]  # fc1/MatMul
output "logits" = %2
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Any

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.ir.graph import Graph, Node
from nc.ir.ops import OPS
from nc.ir.ops.base import Array, Op, frozen
from nc.ir.ops.constant import Constant
from nc.ir.ops.input import NEAREST, Input
from nc.ir.ops.state import State
from nc.ir.types import BIPOLAR, Affine, Element, IntType, RawType, TensorType, natural_range

INLINE = 8  # arrays of at most this many numbers are written in the line


def to_text(graph: Graph) -> tuple[str, dict[str, Array]]:
    """The text, and the arrays that it names by '@key'. Deterministic: equal graphs give equal text."""
    store = _Store()
    lines = [f"graph {json.dumps(graph.name)}"]
    for value, node in enumerate(graph.nodes):
        args = f"({', '.join(f'%{o}' for o in node.operands)})" if node.operands else ""
        origin = f"  # {node.origin}" if node.origin else ""
        lines.append(
            f"%{value} = {node.op.name}{args}{attributes(node.op, store)} : {_typed(node.type, store)}{origin}"
        )
    lines += [f"output {json.dumps(label)} = %{value}" for label, value in graph.outputs.items()]
    return "\n".join(lines) + "\n", store.arrays


def from_text(text: str, arrays: Mapping[str, Array], *, file: str = "") -> Graph:
    """Parse what `to_text` wrote. Raises NC206 with the line."""
    reader = _Reader(arrays, file)
    for number, line in enumerate(text.splitlines(), 1):
        reader.line(number, line)
    return Graph(tuple(reader.nodes), reader.outputs, reader.name)


def attributes(op: Op, store: _Store | None = None) -> str:
    """The fields of an operation in braces; arrays inline when small, else '@key' (or a summary without store)."""
    hidden = {"kind"} if isinstance(op, (Input, State, Constant)) else set()
    if isinstance(op, Input) and op.rounding == NEAREST:
        hidden.add("rounding")
    shown = [f"{f.name}={_write(getattr(op, f.name), store)}" for f in fields(op) if f.name not in hidden]
    return f" {{{', '.join(shown)}}}" if shown else ""


class _Store:
    """Arrays by key, numbered in order of appearance; equal arrays share a key."""

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self._keys: dict[tuple[object, ...], str] = {}

    def put(self, array: Array) -> str:
        identity = (array.dtype.str, array.shape, array.tobytes())
        if identity not in self._keys:
            self._keys[identity] = str(len(self.arrays))
            self.arrays[str(len(self.arrays))] = array
        return self._keys[identity]


def _write(value: Any, store: _Store | None) -> str:
    if isinstance(value, np.generic):  # what arithmetic on arrays of no axis gives
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        if value.ndim <= 1 and value.size <= INLINE and value.dtype.kind in "if":
            kind = "i" if value.dtype.kind == "i" else "f"
            body = ",".join(map(repr, value.tolist())) if value.ndim else repr(value.item())
            return f"{kind}[{body}]" if value.ndim else f"{kind}({body})"
        return f"@{store.put(value)}" if store else f"array{list(value.shape)}"
    if isinstance(value, tuple):
        return f"({','.join(_write(v, store) for v in value)})"
    if isinstance(value, str):
        return json.dumps(value)
    return repr(value)


def _typed(kind: TensorType, store: _Store) -> str:
    return f"{kind}{'' if kind.meaning is None else ' as ' + _meaning(kind.meaning, store)}"


def _meaning(meaning: Affine, store: _Store) -> str:
    if meaning.axis is None:
        return str(meaning)
    scale, offset = (store.put(np.array([str(f) for f in side])) for side in (meaning.scale, meaning.offset))
    return f"@{scale}*q + @{offset} by {meaning.axis}"


_NODE = re.compile(r"%(\d+) = (\w+)(?:\(([^)]*)\))?(?: \{(.*)\})? : (\S+)(?: as (.+?))?(?:  # (.*))?$")
_ELEMENT = re.compile(r"([iu])(\d+)(?:<(-?\d+)\.\.(-?\d+)(?::(\d+))?>)?$")
_TYPE = re.compile(r"([^\[]+)\[([\d,]*)\]$")
_UNIFORM = re.compile(r"(-?\d+(?:/\d+)?)\*q(?: ([+-]) (\d+(?:/\d+)?))?$")
_CHANNELS = re.compile(r"@(\w+)\*q \+ @(\w+) by (\d+)$")
_TOKEN = re.compile(r"""(\w+)=("(?:[^"\\]|\\.)*"|@\w+|[if]\[[^\]]*\]|[if]\([^)]*\)|\([^()]*\)|[^,]+)(?:, |$)""")


class _Reader:
    def __init__(self, arrays: Mapping[str, Array], file: str) -> None:
        self.arrays, self.file, self.name = arrays, file, "model"
        self.nodes: list[Node] = []
        self.outputs: dict[str, int] = {}

    def line(self, number: int, text: str) -> None:
        try:
            self._line(text)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            place = Where(file=f"{self.file}:{number}" if self.file else f"line {number}")
            fail("NC206", f"graph text must parse: {error}", where=place, op=text[:200], help="recompile the model")

    def _line(self, text: str) -> None:
        if not text.strip():
            return
        if text.startswith("graph "):
            self.name = json.loads(text[6:])
        elif text.startswith("output "):
            label, value = text[7:].rsplit(" = %", 1)
            self.outputs[json.loads(label)] = self._value(int(value))
        else:
            self._node(text)

    def _value(self, value: int) -> int:
        if not 0 <= value < len(self.nodes):
            raise ValueError(f"%{value} is not defined above")
        return value

    def _node(self, text: str) -> None:
        match = _NODE.match(text)
        if not match:
            raise ValueError("expected '%N = op(...) {...} : type'")
        index, word, args, attrs, kind_text, meaning, origin = match.groups()
        if int(index) != len(self.nodes):
            raise ValueError(f"expected %{len(self.nodes)}, found %{index}")
        if word not in OPS:
            raise ValueError(f"unknown operation '{word}'")
        kind = self._type(kind_text, meaning)
        operands = tuple(int(a.strip()[1:]) for a in args.split(",")) if args else ()
        if word != State.name:
            operands = tuple(self._value(o) for o in operands)
        given = {key: self._read(value) for key, value in _TOKEN.findall(attrs or "")}
        if word in (Input.name, State.name, Constant.name):
            given["kind"] = TensorType(kind.shape, kind.element, None if word == Constant.name else kind.meaning)
        self.nodes.append(Node(OPS[word](**given), operands, kind, origin or ""))

    def _type(self, text: str, meaning: str | None) -> TensorType:
        match = _TYPE.match(text)
        if not match:
            raise ValueError(f"expected a type, found '{text}'")
        shape = tuple(int(e) for e in match[2].split(",")) if match[2] else ()
        return TensorType(shape, _element(match[1]), self._affine(meaning) if meaning else None)

    def _affine(self, text: str) -> Affine:
        if match := _CHANNELS.match(text):
            scales, offsets = (tuple(Fraction(str(s)) for s in self.arrays[match[k]]) for k in (1, 2))
            return Affine(scales, offsets, int(match[3]))
        match = _UNIFORM.match(text)
        if not match:
            raise ValueError(f"expected 'scale*q + offset', found '{text}'")
        offset = Fraction(match[3] or 0) * (-1 if match[2] == "-" else 1)
        return Affine((Fraction(match[1]),), (offset,))

    def _read(self, text: str) -> Any:
        if text.startswith("@"):
            return frozen(self.arrays[text[1:]])
        if text[:2] in ("i[", "f["):
            items = text[2:-1].split(",") if text[2:-1] else []
            return frozen([_number(i) for i in items], np.int64 if text[0] == "i" else np.float64)
        if text[:2] in ("i(", "f("):
            return frozen(_number(text[2:-1]), np.int64 if text[0] == "i" else np.float64)
        if text.startswith("("):
            return tuple(self._read(t) for t in text[1:-1].split(",") if t)
        if text.startswith('"'):
            return json.loads(text)
        if text in ("True", "False"):
            return text == "True"
        return _number(text)


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _element(text: str) -> Element:
    if text == str(BIPOLAR):
        return BIPOLAR
    if text in ("f32", "i64", "bool"):
        return RawType(text)
    match = _ELEMENT.match(text)
    if not match:
        raise ValueError(f"unknown element '{text}'")
    if match[3] is None:
        return IntType(*natural_range(int(match[2]), match[1] == "i"))
    return IntType(int(match[3]), int(match[4]), int(match[5] or 1))
