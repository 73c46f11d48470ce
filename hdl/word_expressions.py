"""A node of the word graph as Verilog: declarations whose widths are the exact ranges, values modulo 2**width.

Verilog extends every operand of an expression to the widest of them and of the target, by sign only if all are signed:
an unsigned operand beside a signed one therefore becomes `$signed({1'b0, x})`. With that, sums are right modulo
2**width, and comparisons are right because nothing is computed inside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from nc.hdl.word_adders import Adder, AdderShape
from nc.hdl.word_layout import Entry, Rows
from nc.hdl.word_popcount import Popcount
from nc.hdl.word_tables import TableCell, entry_shape, table_cell
from nc.ir.words import Kind, WordGraph

Cell = Adder | Popcount | TableCell


class Layer:
    """The body of one layer's module: `lines` in order, `registers` as (target, source), `used` cells by name.

    `names`: of every node; `outputs`: nodes that are ports of the module, so declared already.
    """

    def __init__(
        self,
        graph: WordGraph,
        rows: Rows,
        names: list[str],
        outputs: frozenset[int],
        used: dict[str, partial[Cell]],
        adder_cells: bool,
    ) -> None:
        self.graph, self.rows, self.names, self.outputs = graph, rows, names, outputs
        self.used, self.adder_cells = used, adder_cells
        self.lines: list[str] = []
        self.registers: list[tuple[int, int]] = []
        self.buses: dict[tuple[int, ...], str] = {}

    def add(self, node: int) -> None:
        EMIT[self.rows.kind[node]](self, node, self.rows.operands(node))

    def ref(self, node: int, signed: bool) -> str:
        """The value of a node as an operand of a `signed` or an unsigned expression."""
        rows = self.rows
        if rows.kind[node] == Kind.CONST:
            return literal(rows.p0[node], signed)
        name = self.names[node]
        return f"$signed({{1'b0, {name}}})" if signed and not rows.signed[node] else name

    def refs(self, *nodes: int) -> list[str]:
        """The values of nodes for one expression: signed when one of them is."""
        signed = any(self.rows.signed[node] for node in nodes)
        return [self.ref(node, signed) for node in nodes]

    @property
    def clock(self) -> tuple[str, ...]:
        return ("clk", "enable") if self.registers else ()

    def declare(self, node: int) -> None:
        if node not in self.outputs:
            self.lines.append(f"{wire(self.rows.bits[node], self.rows.signed[node])}{self.names[node]};")

    def let(self, node: int, expression: str) -> None:
        rows = self.rows
        begin = "assign " if node in self.outputs else wire(rows.bits[node], rows.signed[node])
        self.lines.append(f"{begin}{self.names[node]} = {expression};")

    def instance(self, cell: str, name: str, make: partial[Cell], ports: Mapping[str, str]) -> None:
        self.used.setdefault(cell, make)
        self.lines.append(f"{cell} {name}({connect(ports)});")


def wire(bits: int, signed: bool, kind: str = "wire") -> str:
    """The beginning of a declaration."""
    return f"{kind} {'signed ' if signed else ''}{f'[{bits - 1}:0] ' if bits > 1 else ''}"


def connect(ports: Mapping[str, str]) -> str:
    return ", ".join(f".{port}({value})" for port, value in ports.items())


def literal(value: int, signed: bool) -> str:
    """A sized constant; a negative one has a bit to spare, so that it may be extended before it is negated."""
    if not signed:
        return f"{max(1, value.bit_length())}'d{value}"
    return f"{'-' if value < 0 else ''}{abs(value).bit_length() + 1}'sd{abs(value)}"


def sum_expression(terms: Sequence[tuple[str, bool, int, bool]], constant: int) -> str:
    """constant + sum of +-(name << shift), terms as (name, signed, shift, neg), modulo the width of the target."""
    signed = any(sign for _, sign, _, _ in terms)
    parts = []
    for name, sign, shift, neg in sorted(terms, key=lambda term: term[3]):  # additions first
        text = f"$signed({{1'b0, {name}}})" if signed and not sign else name
        if shift:
            text = f"({text} <<< {shift})"
        parts.append(f"- {text}" if neg else f"+ {text}")
    if constant:
        parts.append(f"{'-' if constant < 0 else '+'} {literal(abs(constant), signed)}")
    text = " ".join(parts)
    return text[2:] if text.startswith("+ ") else text


def adder_verilog(name: str, shape: AdderShape) -> str:
    """The adder cell of a shape, named `name`."""
    ports = [f"{wire(o.width, o.signed, 'input wire')}x{i}" for i, o in enumerate(shape.variables)]
    terms = [(f"x{i}", o.signed, o.shift, o.neg) for i, o in enumerate(shape.variables)]
    constant = sum(o.value for o in shape.operands if o.value is not None)
    return "\n".join([
        f"module {name}(", *(f"  {port}," for port in ports), f"  {wire(shape.width, False, 'output wire')}y", ");",
        f"  assign y = {sum_expression(terms, constant)};", "endmodule\n",
    ])  # fmt: skip


def _sum(d: Layer, node: int, operands: list[Entry]) -> None:
    rows = d.rows
    if rows.is_popcount(operands):
        return _popcount(d, node, operands)
    if rows.wires[node]:
        return d.let(node, _concatenation(d, operands))
    if d.adder_cells and rows.is_adder_cell(node, operands):
        return _adder_cell(d, node, operands)
    terms = [(d.names[src], rows.signed[src], shift, neg) for src, shift, neg in operands]
    return d.let(node, sum_expression(terms, rows.p0[node]))


def _concatenation(d: Layer, operands: list[Entry]) -> str:
    parts: list[str] = []
    place = 0
    for src, shift, _ in sorted(operands, key=lambda operand: operand[1]):
        if shift > place:
            parts.append(f"{shift - place}'d0")
        parts.append(d.names[src])
        place = shift + d.rows.bits[src]
    return f"{{{', '.join(reversed(parts))}}}"


def _popcount(d: Layer, node: int, operands: list[Entry]) -> None:
    """-b is (not b) - 1, so a signed count of bits is a popcount and a constant.

    Popcounts of the same bits (the neurons of a binary layer) read one bus and differ in what they invert.
    """
    rows, size = d.rows, len(operands)
    sources = tuple(src for src, _, _ in operands)
    bus = d.buses.get(sources)
    if bus is None:
        bus = d.buses[sources] = f"bus{node}"
        d.lines.append(f"wire [{size - 1}:0] {bus} = {concatenate([d.names[src] for src in sources])};")
    mask = sum(1 << i for i, (_, _, neg) in enumerate(operands) if neg)
    x = f"{bus} ^ {size}'h{mask:x}" if mask else bus
    shift = operands[0][1]
    offset = rows.p0[node] - (mask.bit_count() << shift)
    width, count = size.bit_length(), f"count{node}"
    d.lines.append(f"{wire(width, False)}{count};")
    d.instance(f"popcount{size}", f"popcount{node}", partial(Popcount, size), {"x": x, "y": count})
    d.let(node, sum_expression([(count, False, shift, False)], offset))


def _adder_cell(d: Layer, node: int, operands: list[Entry]) -> None:
    shape, order = d.rows.adder(node, operands)
    d.declare(node)
    ports = {f"x{i}": d.names[operands[k][0]] for i, k in enumerate(order)}
    d.instance(shape.name, f"add{node}", partial(Adder, shape), {**ports, "y": d.names[node]})


def _mul(d: Layer, node: int, operands: list[Entry]) -> None:
    a, b = d.refs(operands[0][0], operands[1][0])
    d.let(node, f"{a} * {b}")


def _compare(symbol: str, d: Layer, node: int, operands: list[Entry]) -> None:
    rows, offset = d.rows, d.rows.p0[node]
    a = operands[0][0]
    if len(operands) == 1:
        signed = rows.signed[a] or offset < 0
        return d.let(node, f"{d.ref(a, signed)} {symbol} {literal(offset, signed)}")
    b = operands[1][0]
    if not offset:
        left, right = d.refs(a, b)
        return d.let(node, f"{left} {symbol} {right}")
    # The sum in a wire of its own: within the comparison its carry would be lost.
    bits, negative = rows.bound(b, offset)
    total = sum_expression([(d.names[b], rows.signed[b], 0, False)], offset)
    d.lines.append(f"{wire(bits, negative)}bound{node} = {total};")
    signed = rows.signed[a] or negative
    bound = f"bound{node}" if negative or not signed else f"$signed({{1'b0, bound{node}}})"
    return d.let(node, f"{d.ref(a, signed)} {symbol} {bound}")


def _mux(d: Layer, node: int, operands: list[Entry]) -> None:
    select, then, otherwise = (src for src, _, _ in operands)
    a, b = d.refs(then, otherwise)
    d.let(node, f"{d.names[select]} ? {a} : {b}")


def _extreme(d: Layer, node: int, operands: list[Entry]) -> None:
    rows, nodes = d.rows, [src for src, _, _ in operands]
    least = rows.kind[node] == Kind.MIN
    if all(rows.bits[n] == 1 and not rows.signed[n] for n in nodes):
        return d.let(node, (" & " if least else " | ").join(d.refs(*nodes)))
    signed = any(rows.signed[n] for n in nodes)
    width = max(rows.bits[n] + (signed and not rows.signed[n]) for n in nodes)
    best = d.ref(nodes[0], signed)
    for i, other in enumerate(nodes[1:]):
        rival = d.ref(other, signed)
        chosen = f"({rival} {'<' if least else '>'} {best}) ? {rival} : {best}"
        if i == len(nodes) - 2:
            return d.let(node, chosen)
        best = f"best{node}_{i}"
        d.lines.append(f"{wire(width, signed)}{best} = {chosen};")
    return None


def _clamp(d: Layer, node: int, operands: list[Entry]) -> None:
    src = operands[0][0]
    rows, low, high, signed = d.rows, d.rows.p0[node], d.rows.p1[node], d.rows.signed[operands[0][0]]
    a = d.ref(src, signed)
    text = a
    if rows.hi[src] > high:
        text = f"({a} > {literal(high, signed)}) ? {literal(high, signed)} : {text}"
    if rows.lo[src] < low:
        below = f"{a}[{rows.bits[src] - 1}]" if low == 0 and rows.bits[src] > 1 else f"({a} < {literal(low, signed)})"
        text = f"{below} ? {literal(low, signed)} : {text}"
    d.let(node, text)


def _field(d: Layer, node: int, operands: list[Entry]) -> None:
    """SHR and BITS: the bits from p0 upwards, as many as the result has."""
    src, rows = operands[0][0], d.rows
    low, high = rows.p0[node], rows.p0[node] + rows.bits[node]
    if 1 < rows.bits[src] >= high:
        return d.let(node, f"{d.names[src]}[{f'{high - 1}:' if high - low > 1 else ''}{low}]")
    return d.let(node, f"{d.names[src]} {'>>>' if rows.signed[src] else '>>'} {low}")


def _table(d: Layer, node: int, operands: list[Entry]) -> None:
    src, rows = operands[0][0], d.rows
    name, make = table_cell(d.graph, rows, node, src)
    bits, signed = entry_shape(make.args[0])
    whole = (bits, signed) == (rows.bits[node], rows.signed[node])
    if whole:
        d.declare(node)
    else:
        d.lines.append(f"{wire(bits, signed)}entry{node};")
    y = d.names[node] if whole else f"entry{node}"
    d.instance(name, f"u_{d.names[node]}", make, {"x": d.names[src], "y": y})
    if not whole:
        d.let(node, y)


def _reg(d: Layer, node: int, operands: list[Entry]) -> None:
    d.registers.append((node, operands[0][0]))


EMIT: dict[Kind, Callable[[Layer, int, list[Entry]], None]] = {
    Kind.SUM: _sum,
    Kind.MUL: _mul,
    Kind.GE: partial(_compare, ">="),
    Kind.EQ: partial(_compare, "=="),
    Kind.MUX: _mux,
    Kind.MIN: _extreme,
    Kind.MAX: _extreme,
    Kind.CLAMP: _clamp,
    Kind.SHR: _field,
    Kind.BITS: _field,
    Kind.TABLE: _table,
    Kind.REG: _reg,
}


def concatenate(parts: Sequence[str], indent: str = "    ") -> str:
    """`{...}` with the first part in the low bits, eight parts a line."""
    rows = [", ".join(reversed(parts[i : i + 8])) for i in range(0, len(parts), 8)][::-1]
    return f"{{{rows[0]}}}" if len(rows) == 1 else "{\n" + ",\n".join(f"{indent}{row}" for row in rows) + "}"
