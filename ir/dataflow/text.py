"""A dataflow as text, and back; arrays go to a companion mapping.

dataflow "lenet"
input 784 x 1 x u8
"conv1/window" = buffer(input:2) {"chunk":28,...}
"conv1" = matvec("conv1/window":2) {"weights":"@0",...}
output "conv1":2

`:2` is the depth of the FIFO in front of that input; `"fork".1` is the second output of an actor.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

import nc.ir.dataflow.kinds  # noqa: F401  (registers every kind)
from nc.ir.dataflow.actor import KINDS, Actor
from nc.ir.dataflow.buffer import Bound
from nc.ir.dataflow.graph import Dataflow, Node, Source
from nc.ir.dataflow.streams import IntArray, Stream
from nc.ir.diagnostics import Where, fail
from nc.ir.types import IntType
from nc.ir.words import WordGraph
from nc.ir.words.text import parse, to_text

_STREAM = re.compile(r"input (\d+) x (\d+) x (-?\d+)\.\.(-?\d+)(?::(\d+))?$")
_NODE = re.compile(r'("(?:[^"\\]|\\.)*") = (\w+)\((.*?)\) (\{.*\})$')
_INPUT = re.compile(r'(input|"(?:[^"\\]|\\.)*")(?:\.(\d+))?:(\d+)')


def dumps(flow: Dataflow) -> tuple[str, dict[str, IntArray]]:
    """The text and the arrays that it names by '@key'. Deterministic."""
    arrays: dict[str, IntArray] = {}
    kind = flow.input.kind
    step = f":{kind.step}" if kind.step != 1 else ""
    lines = [f"dataflow {json.dumps(flow.name)}"]
    lines.append(f"input {flow.input.count} x {flow.input.lanes} x {kind.lo}..{kind.hi}{step}")

    def place(source: Source, depth: int) -> str:
        port = f".{source.port}" if source.port else ""
        name = "input" if source.node < 0 else json.dumps(flow.nodes[source.node].name)
        return f"{name}{port}:{depth}"

    for node in flow.nodes:
        inputs = ", ".join(place(s, d) for s, d in zip(node.inputs, node.depths))
        given = {f.name: _encode(getattr(node.actor, f.name), arrays) for f in fields(node.actor)}
        text = json.dumps(given, separators=(",", ":"))
        lines.append(f"{json.dumps(node.name)} = {node.actor.name}({inputs}) {text}")
    lines.append(f"output {place(flow.output, flow.output_depth)}")
    return "\n".join(lines) + "\n", arrays


def loads(text: str, arrays: Mapping[str, IntArray]) -> Dataflow:
    """Read what `dumps` wrote. Raises NC613 with the line."""
    name, stream, output = "", None, (Source(-1), 0)
    nodes: list[Node] = []
    index: dict[str, int] = {"input": -1}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if line.startswith("dataflow "):
                name = json.loads(line[9:])
            elif line.startswith("output "):
                ((source, depth),) = _sources(line[7:], index)
                output = source, depth
            elif match := _STREAM.match(line):
                count, lanes, lo, hi, step = (int(v) if v else 1 for v in match.groups())
                stream = Stream(count, lanes, IntType(lo, hi, step))
            else:
                node = _node(line, index, arrays)
                index[node.name] = len(nodes)
                nodes.append(node)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            fail("NC613", f"dataflow text must parse: {error}", where=Where(file=f"line {number}"), op=line[:200])
    if stream is None:
        fail("NC613", "dataflow text must have an input line, and has none")
    return Dataflow(name, stream, tuple(nodes), *output)


def _node(line: str, index: Mapping[str, int], arrays: Mapping[str, IntArray]) -> Node:
    match = _NODE.match(line)
    if match is None:
        raise ValueError('expected "name" = kind(inputs) {parameters}')
    kind = KINDS.get(match[2])
    if kind is None:
        raise ValueError(f"unknown kind '{match[2]}'")
    sources = _sources(match[3], index)
    actor: Actor = kind(**{key: _decode(value, arrays) for key, value in json.loads(match[4]).items()})
    return Node(json.loads(match[1]), actor, tuple(s for s, _ in sources), tuple(d for _, d in sources))


def _sources(text: str, index: Mapping[str, int]) -> list[tuple[Source, int]]:
    found = []
    for name, port, depth in _INPUT.findall(text):
        node = index[name if name == "input" else json.loads(name)]
        found.append((Source(node, int(port or 0)), int(depth)))
    return found


def _encode(value: Any, arrays: dict[str, IntArray]) -> Any:
    if isinstance(value, np.ndarray):
        key = str(len(arrays))
        arrays[key] = value
        return f"@{key}"
    if isinstance(value, WordGraph):
        return {"words": to_text(value)}
    if isinstance(value, Bound):
        return {"strides": value.strides, "start": value.start, "limit": value.limit}
    if isinstance(value, tuple):
        return [_encode(v, arrays) for v in value]
    return value


def _decode(value: Any, arrays: Mapping[str, IntArray]) -> Any:
    if isinstance(value, str) and value.startswith("@"):
        return arrays[value[1:]]
    if isinstance(value, dict):
        return (
            parse(value["words"])
            if "words" in value
            else Bound(tuple(value["strides"]), value["start"], value["limit"])
        )
    if isinstance(value, list):
        return tuple(_decode(v, arrays) for v in value)
    return value
