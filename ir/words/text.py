"""The text form of a WordGraph: one line a node; prints and parses back to an equal graph.

words
tables {
  t0 = 0 1 4 9
}
layer "fc1" {
  %4 = sum(%0 << 2, -%1) {3} : -4..19
  %5 = shr(%4) {1} : -2..9
}
input "x" [2] u4 = %0 %1
output "y" [1] s5 = %5
"""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeVar

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.ir.words.graph import IntArray, WordGraph, WordPort
from nc.ir.words.kinds import SIGNATURES, Kind

T = TypeVar("T")


def to_text(graph: WordGraph) -> str:
    """Print; `parse` gives the same arrays back."""
    lines = ["words", "layers " + json.dumps(list(graph.layers)), "tables {"]
    lines += [f"  t{i} = {_numbers(table)}" for i, table in enumerate(graph.tables)]
    lines.append("}")
    previous = -1
    for node, layer in enumerate(graph.layer.tolist()):
        if layer != previous:
            lines += (["}"] if previous >= 0 else []) + [f"layer {json.dumps(graph.layers[layer])} {{"]
            previous = layer
        lines.append("  " + node_text(graph, node))
    lines += ["}"] if len(graph) else []
    lines += [f"input {_port_text(port)}" for port in graph.inputs]
    lines += [f"output {_port_text(port)}" for port in graph.outputs]
    lines += [f"probe {json.dumps(name)} {_port_text(port)}" for name, port in graph.probes.items()]
    return "\n".join(lines) + "\n"


def node_text(graph: WordGraph, node: int) -> str:
    """One node, as a diagnostic shows it."""
    kind = Kind(int(graph.kind[node]))
    entries = graph.operands(node)
    operands = ", ".join(
        ("-" if neg else "") + f"%{src}" + (f" << {shift}" if shift else "")
        for src, shift, neg in zip(
            graph.src[entries].tolist(), graph.shift[entries].tolist(), graph.neg[entries].tolist()
        )
    )
    params = [int(graph.p0[node]), int(graph.p1[node])][: SIGNATURES[kind].params]
    braces = f" {{{', '.join(map(str, params))}}}" if params else ""
    return f"%{node} = {kind.name.lower()}({operands}){braces} : {graph.lo[node]}..{graph.hi[node]}"


def _numbers(values: IntArray) -> str:
    return " ".join(map(str, values.tolist()))


def _port_text(port: WordPort) -> str:
    shape = ",".join(map(str, port.shape))
    nodes = " ".join(f"%{n}" for n in port.nodes.tolist())
    return f"{json.dumps(port.name)} [{shape}] {'s' if port.signed else 'u'}{port.bits} = {nodes}"


_NODE = re.compile(r"^%(\d+) = (\w+)\((.*)\)(?: \{(.*)\})? : (-?\d+)\.\.(-?\d+)$")
_OPERAND = re.compile(r"^(-?)%(\d+)(?: << (\d+))?$")
_PORT = re.compile(
    r'^(input|output|probe) (?:("(?:[^"\\]|\\.)*") )?("(?:[^"\\]|\\.)*") \[([\d,]*)\] ([su])(\d+) =(.*)$'
)


def parse(text: str, file: str = "") -> WordGraph:
    """Read the text form. NC604 names the line that cannot be read."""
    return _Parser(text, file).graph()


class _Parser:
    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.lines = text.splitlines()
        self.layers: list[str] = []
        self.tables: list[IntArray] = []
        self.nodes: list[tuple[int, int, int, int, int, int]] = []
        self.operands: list[list[tuple[int, int, bool]]] = []
        self.ports: dict[str, list[tuple[str, WordPort]]] = {"input": [], "output": [], "probe": []}

    def graph(self) -> WordGraph:
        if not self.lines or self.lines[0].strip() != "words":
            self.error(1, "the first line must be 'words'")
        section, layer = "", 0
        for number, raw in enumerate(self.lines[1:], start=2):
            line = raw.strip()
            if not line:
                continue
            if line == "}":
                section = ""
            elif line.startswith("layers "):
                self.layers = self.quoted(number, line[len("layers ") :], list)
            elif line == "tables {":
                section = "tables"
            elif line.startswith("layer ") and line.endswith(" {"):
                name = self.quoted(number, line[len("layer ") : -2], str)
                if name not in self.layers:
                    self.error(number, f"layer '{name}' must be listed under 'layers'")
                section, layer = "nodes", self.layers.index(name)
            elif section == "tables":
                self.table(number, line)
            elif section == "nodes":
                self.node(number, line, layer)
            else:
                self.port(number, line)
        return self.finish()

    def quoted(self, number: int, text: str, kind: type[T]) -> T:
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, kind):
            self.error(number, f"{text!r} must be a JSON {kind.__name__}")
        return value

    def table(self, number: int, line: str) -> None:
        name, _, entries = line.partition(" = ")
        if name != f"t{len(self.tables)}" or not re.fullmatch(r"-?\d+( -?\d+)*", entries):
            self.error(number, f"a table must read 't{len(self.tables)} = numbers', not {line!r}")
        self.tables.append(np.array(entries.split(), np.int64))

    def node(self, number: int, line: str, layer: int) -> None:
        match = _NODE.match(line)
        if match is None or match[2].upper() not in Kind.__members__:
            self.error(number, f"a node must read '%id = kind(operands) {{constants}} : low..high', not {line!r}")
        if int(match[1]) != len(self.nodes):
            self.error(number, f"the node must be %{len(self.nodes)}, not %{match[1]}")
        terms = []
        for part in filter(None, match[3].split(", ")):
            term = _OPERAND.match(part)
            if term is None or int(term[2]) >= len(self.nodes):
                self.error(number, f"an operand must be an earlier node, not {part!r}")
            terms.append((int(term[2]), int(term[3] or 0), bool(term[1])))
        params = [int(p) for p in (match[4] or "").split(", ") if p]
        params += [0] * (2 - len(params))
        kind = Kind[match[2].upper()]
        self.nodes.append((int(kind), int(match[5]), int(match[6]), params[0], params[1], layer))
        self.operands.append(terms)

    def port(self, number: int, line: str) -> None:
        match = _PORT.match(line)
        if match is None:
            self.error(number, f"a port must read 'input \"name\" [shape] u4 = %ids', not {line!r}")
        shape = tuple(int(d) for d in match[4].split(",") if d)
        nodes = np.array([int(n[1:]) for n in match[7].split()], np.int64)
        if len(nodes) and nodes.max() >= len(self.nodes):
            self.error(number, f"a port must name nodes below %{len(self.nodes)}")
        port = WordPort(json.loads(match[3]), shape, nodes, int(match[6]), match[5] == "s")
        self.ports[match[1]].append((json.loads(match[2]) if match[2] else "", port))

    def finish(self) -> WordGraph:
        table = np.array(self.nodes, np.int64).reshape(-1, 6)
        flat = np.array([t for o in self.operands for t in o], np.int64).reshape(-1, 3)
        counts = np.array([len(o) for o in self.operands], np.int64)
        return WordGraph(
            kind=table[:, 0].astype(np.uint8),
            lo=table[:, 1].copy(),
            hi=table[:, 2].copy(),
            p0=table[:, 3].copy(),
            p1=table[:, 4].copy(),
            layer=table[:, 5].astype(np.int32),
            start=np.concatenate(([0], np.cumsum(counts))),
            src=flat[:, 0].astype(np.int32),
            shift=flat[:, 1].astype(np.int8),
            neg=flat[:, 2].astype(bool),
            layers=tuple(self.layers),
            tables=tuple(self.tables),
            inputs=tuple(port for _, port in self.ports["input"]),
            outputs=tuple(port for _, port in self.ports["output"]),
            probes=dict(self.ports["probe"]),
        )

    def error(self, number: int, message: str) -> NoReturn:
        fail("NC604", message, where=Where(file=f"{self.file or 'words'}:{number}"))
