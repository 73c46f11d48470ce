"""A word graph as Verilog text, written directly: the core with its ports and probes, and a module a layer.

The same hierarchy, names and values as `nc.hdl.words` elaborates in Amaranth, at 20 µs a node instead of milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from amaranth.hdl import Signal

from nc.hdl.word_adders import Adder
from nc.hdl.word_expressions import Cell, Layer, adder_verilog, concatenate, literal, wire
from nc.hdl.word_layout import Rows, probe_names
from nc.hdl.word_tables import TableCell, table_verilog
from nc.hdl.words import WordDesign
from nc.ir.words import Kind, WordPort
from nc.ir.words.graph import BoolArray, IntArray


def core_verilog(design: WordDesign, name: str) -> tuple[str, dict[str, partial[Cell]]]:
    """The Verilog of module `name` and its layers (`name`_<layer>), and the cells they need, by name.

    Ports: `in_<port>`, `out_<port>` (packed, element 0 in the low bits); `clk` and `enable` if it has registers.
    """
    graph, rows = design.graph, Rows(design.graph, design.widest)
    names = _names(design, rows)
    used: dict[str, partial[Cell]] = {}
    inner = ~np.isin(graph.kind, (Kind.INPUT, Kind.CONST))
    leaves, reads = _crossings(design, inner)
    order = np.flatnonzero(inner)
    order = order[np.argsort(graph.layer[order], kind="stable")]
    cuts = np.searchsorted(graph.layer[order], np.arange(len(graph.layers) + 1))
    declared: list[str] = []
    body: list[str] = []
    modules: list[str] = []
    for number, title in enumerate(graph.layers):
        nodes = order[cuts[number] : cuts[number + 1]]
        if not len(nodes):
            continue
        inputs, outputs = reads[number].tolist(), nodes[leaves[nodes]].tolist()
        layer = Layer(graph, rows, names, frozenset(outputs), used, design.adder_cells)
        for node in nodes.tolist():
            layer.add(node)
        module = f"{name}_{design.modules[number]}"
        modules.append(_layer(module, title, layer, rows, inputs, outputs))
        declared += [f"{wire(rows.bits[n], rows.signed[n])}{names[n]};" for n in outputs]
        ports = [*layer.clock, *(names[n] for n in (*inputs, *outputs))]
        body.append(f"{module} u_{design.modules[number]}(\n{_list([f'  .{p}({p})' for p in ports])}\n  );")
    return "\n".join([_core(design, name, rows, names, declared + body), *modules]), used


def cells_verilog(cells: Mapping[str, partial[Cell]]) -> tuple[str, dict[str, partial[Cell]]]:
    """The behaviour of tables and adders; and the popcounts, which only Amaranth describes."""
    text = [WRITERS[make.func](name, *make.args) for name, make in sorted(cells.items()) if make.func in WRITERS]
    return "\n".join(text), {name: make for name, make in cells.items() if make.func not in WRITERS}


WRITERS: dict[Any, Callable[..., str]] = {Adder: adder_verilog, TableCell: table_verilog}


def _names(design: WordDesign, rows: Rows) -> list[str]:
    graph = design.graph
    lower = {int(kind): kind.name.lower() for kind in Kind}
    names = [f"{lower[kind]}{node}" for node, kind in enumerate(rows.kind)]
    for node in np.flatnonzero(graph.kind == Kind.CONST).tolist():
        names[node] = f"({literal(rows.p0[node], rows.signed[node])})"
    for port, label in zip(graph.inputs, design.input_names):
        for i, node in enumerate(port.nodes.tolist()):
            names[node] = f"{label}_{i}"
    return names


def _crossings(design: WordDesign, inner: BoolArray) -> tuple[BoolArray, list[IntArray]]:
    """Which nodes leave their layer's module, and what each layer reads from outside."""
    graph = design.graph
    leaves = np.zeros(len(graph), bool)
    src, owner = graph.src.astype(np.int64), graph.owner
    crossing = (graph.kind[src] != Kind.CONST) & (~inner[src] | (graph.layer[src] != graph.layer[owner]))
    leaves[src[crossing]] = True
    for port in (*graph.outputs, *graph.probes.values()):
        leaves[port.nodes] = True
    pairs = np.unique(np.stack([graph.layer[owner[crossing]].astype(np.int64), src[crossing]]), axis=1)
    cuts = np.searchsorted(pairs[0], np.arange(len(graph.layers) + 1))
    return leaves & inner, [pairs[1, a:b] for a, b in zip(cuts[:-1], cuts[1:])]


def _layer(module: str, title: str, layer: Layer, rows: Rows, inputs: Sequence[int], outputs: Sequence[int]) -> str:
    """The text of a layer's module."""
    registers = {node for node, _ in layer.registers}
    ports = [f"input wire {port}" for port in layer.clock]
    ports += [f"{wire(rows.bits[n], rows.signed[n], 'input wire')}{layer.names[n]}" for n in inputs]
    for n in outputs:
        kind, value = ("output reg", " = 0") if n in registers else ("output wire", "")
        ports.append(f"{wire(rows.bits[n], rows.signed[n], kind)}{layer.names[n]}{value}")
    lines = [f"// layer {' '.join(title.split())}", f"module {module}(\n{_list(ports)}\n);"]
    inside = registers.difference(outputs)
    lines += [f"  {wire(rows.bits[n], rows.signed[n], 'reg')}{layer.names[n]} = 0;" for n in sorted(inside)]
    lines += [f"  {line}" for line in layer.lines]
    if registers:
        moves = [f"      {layer.names[n]} <= {layer.names[source]};" for n, source in layer.registers]
        lines += ["  always @(posedge clk)", "    if (enable) begin", *moves, "    end"]
    return "\n".join([*lines, "endmodule\n"])


def _core(design: WordDesign, name: str, rows: Rows, names: list[str], body: list[str]) -> str:
    graph = design.graph
    ports = ["input wire clk", "input wire enable"] if design.registered else []
    ports += [f"{_bus('input wire', s)}" for s in map(_signal, design.inputs)]
    ports += [f"{_bus('output wire', s)}" for s in map(_signal, design.outputs)]
    lines = [f"module {name}(\n{_list(ports)}\n);"]
    for port, (packed, _) in zip(graph.inputs, map(_signal, design.inputs)):
        for i, node in enumerate(port.nodes.tolist()):
            low = i * port.bits
            part = f"{low + rows.bits[node] - 1}:{low}" if rows.bits[node] > 1 else f"{low}"
            lines.append(f"  {wire(rows.bits[node], rows.signed[node])}{names[node]} = {packed}[{part}];")
    lines += [f"  {line}" for line in body]
    for label, port in zip(probe_names(graph), graph.probes.values()):
        lines.append(f"  wire [{max(1, port.tensor.width) - 1}:0] {label} = {_pack(port, rows, names)};")
    for port, (packed, _) in zip(graph.outputs, map(_signal, design.outputs)):
        lines.append(f"  assign {packed} = {_pack(port, rows, names)};")
    return "\n".join([*lines, "endmodule\n"])


def _signal(signal: Signal) -> tuple[str, int]:
    return signal.name, len(signal)


def _bus(kind: str, signal: tuple[str, int]) -> str:
    return f"{kind} [{signal[1] - 1}:0] {signal[0]}"


def _pack(port: WordPort, rows: Rows, names: list[str]) -> str:
    """The elements side by side, each as wide as the port's elements."""
    if not len(port.nodes):
        return "1'd0"
    parts = []
    for n in port.nodes.tolist():
        bits, name, missing = rows.bits[n], names[n], port.bits - rows.bits[n]
        if rows.kind[n] == Kind.CONST:
            parts.append(f"{port.bits}'d{rows.p0[n] & ((1 << port.bits) - 1)}")
        elif missing < 0:
            parts.append(f"{name}[{port.bits - 1}:0]")
        elif missing == 0:
            parts.append(name)
        elif rows.signed[n]:
            top = f"{name}[{bits - 1}]" if bits > 1 else name
            parts += [name, f"{{{missing}{{{top}}}}}"]
        else:
            parts += [name, f"{missing}'d0"]
    return concatenate(parts)


def _list(items: Sequence[str]) -> str:
    return ",\n".join(f"  {item}" for item in items)
