"""A netlist as structural Verilog (instances by cell name) and as BLIF (for ABC)."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from nc.ir.netlist import FALSE, TRUE, Netlist
from nc.ir.netlist_cells import CellType

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_KEYWORDS = frozenset(
    {"always", "and", "assign", "begin", "buf", "case", "default", "else", "end", "endcase", "endfunction", "endmodule"}
    | {"for", "function", "if", "initial", "inout", "input", "integer", "module", "nand", "negedge", "nor", "not", "or"}
    | {"output", "parameter", "posedge", "reg", "signed", "supply0", "supply1", "tri", "wire", "xnor", "xor"}
)


def identifier(name: str) -> str:
    """A Verilog identifier; one that is not plain is escaped (a trailing blank belongs to it)."""
    return name if _PLAIN.fullmatch(name) and name not in _KEYWORDS else f"\\{name} "


def _model(kind: CellType) -> Iterable[str]:
    ports = [f"input {identifier(p)}" for p in kind.inputs]
    ports += [f"output {'reg ' if kind.sequential else ''}{identifier(p)}" for p in kind.outputs]
    yield f"module {identifier(kind.name)} ({', '.join(ports)});"
    if kind.sequential:
        yield "  parameter INIT = 1'b0;"
        yield f"  initial begin {' '.join(f'{identifier(p)} = INIT;' for p in kind.outputs)} end"
    for pin, function in zip(kind.outputs, kind.functions):
        body = re.sub(r"[A-Za-z_]\w*", lambda m: identifier(m[0]), function.replace("+", "|").replace("*", "&"))
        body = re.sub(r"\b([01])\b", r"1'b\1", body).replace("!", "~")
        if kind.sequential:
            yield f"  always @(posedge {identifier(kind.clock)}) {identifier(pin)} <= {body};"
        else:
            yield f"  assign {identifier(pin)} = {body};"
    yield "endmodule"


def to_verilog(netlist: Netlist, *, models: bool = False) -> str:
    """Structural Verilog-2005: one module, one instance a cell; `models` appends a behavioural module a type."""
    wire = {FALSE: "1'b0", TRUE: "1'b1"}
    for port in netlist.inputs:
        for i, net in enumerate(port.nets.tolist()):
            wire[net] = f"{identifier(port.name)}[{i}]" if port.width > 1 else identifier(port.name)
    declared = []
    for net in np.unique(netlist.pins).tolist():
        if net not in wire:
            wire[net] = f"n{net}"
            declared.append(wire[net])
    ports = [(w, p) for w, side in (("input", netlist.inputs), ("output", netlist.outputs)) for p in side]
    rows = [f"module {identifier(netlist.name)} ({', '.join(identifier(p.name) for _, p in ports)});"]
    for word, port in ports:
        rows.append(f"  {word} {f'[{port.width - 1}:0] ' if port.width > 1 else ''}{identifier(port.name)};")
    rows += [f"  wire {name};" for name in declared]
    for cell in range(netlist.n_cells):
        kind = netlist.type_of(cell)
        joined = ", ".join(f".{identifier(p)}({wire[n]})" for p, n in zip(kind.pins, netlist.pins_of(cell).tolist()))
        init = f" #(.INIT(1'b{netlist.init[cell]}))" if kind.sequential and netlist.init[cell] else ""
        rows.append(f"  {identifier(kind.name)}{init} {identifier(netlist.cell_name(cell))} ({joined});")
    for port in netlist.outputs:
        for i, net in enumerate(port.nets.tolist()):
            left = f"{identifier(port.name)}[{i}]" if port.width > 1 else identifier(port.name)
            rows.append(f"  assign {left} = {wire[net]};")
    rows.append("endmodule")
    if models:
        for kind in netlist.types:
            rows += ["", *_model(kind)]
    return "\n".join(rows) + "\n"


def _cover(kind: CellType, output: int) -> list[str]:
    table, n = kind.truth_table(output), len(kind.inputs)
    if table.all():  # a cover without rows would read as constant 0
        return ["-" * n + (" " if n else "") + "1"]
    phase = "1" if 2 * int(table.sum()) <= len(table) else "0"
    rows = np.flatnonzero(table == int(phase)).tolist()
    return ["".join("01"[row >> i & 1] for i in range(n)) + (" " if n else "") + phase for row in rows]


def to_blif(netlist: Netlist) -> str:
    """BLIF of a combinational netlist, `.names` a cell. Port bits are called `port[i]`, in order of the ports."""
    if netlist.is_sequential.any():
        raise ValueError("to_blif takes a combinational netlist")
    name = {net: f"{p.name}[{i}]" for p in netlist.inputs for i, net in enumerate(p.nets.tolist())}
    bits = [(f"{p.name}[{i}]", net) for p in netlist.outputs for i, net in enumerate(p.nets.tolist())]
    rows = [f".model {netlist.name}", ".inputs " + " ".join(name.values())]
    rows.append(".outputs " + " ".join(bit for bit, _ in bits))
    rows += [".names n0", ".names n1", "1"]
    covers: dict[tuple[str, int], list[str]] = {}
    for cell in range(netlist.n_cells):
        kind, pins = netlist.type_of(cell), netlist.pins_of(cell).tolist()
        left = [name.get(net, f"n{net}") for net in pins[: len(kind.inputs)]]
        for i, net in enumerate(pins[len(kind.inputs) :]):
            key = (kind.name, i)
            covers.setdefault(key, _cover(kind, i))
            rows += [" ".join([".names", *left, f"n{net}"]), *covers[key]]
    for bit, net in bits:
        rows += [f".names {name.get(net, f'n{net}')} {bit}", "1 1"]
    return "\n".join([*rows, ".end"]) + "\n"
