"""A structurally hashed and-inverter graph: literals are 2 * node + inverted, node 0 is constant false."""

from __future__ import annotations

from dataclasses import dataclass, field

from nc.ir.netlist import Netlist
from nc.ir.netlist_build import NetlistBuilder
from nc.ir.netlist_cells import YOSYS_GATES

FALSE, TRUE = 0, 1

BOX_OUT, BOX_IN = "box_out", "box_in"
"""Ports of a netlist cut at its boxes: sum and carry of each come in, a, b and c of each go out."""


@dataclass
class Aig:
    """`fanins[n]` is (a, b), a <= b, of and node n; None for inputs and node 0. Nodes are in topological order."""

    fanins: list[tuple[int, int] | None] = field(default_factory=lambda: [None])
    level: list[int] = field(default_factory=lambda: [0])
    inputs: list[tuple[str, list[int]]] = field(default_factory=list)
    outputs: list[tuple[str, list[int]]] = field(default_factory=list)
    boxed: bool = False
    boxes: list[tuple[tuple[int, int, int], tuple[int, int]]] = field(default_factory=list)
    """Full adders kept whole (when `boxed`): literals of a, b, c, and of the sum and carry nodes that they drive."""
    _known: dict[tuple[int, int], int] = field(default_factory=dict)

    def add_input(self, name: str, width: int) -> list[int]:
        made = []
        for _ in range(width):
            made.append(2 * len(self.fanins))
            self.fanins.append(None)
            self.level.append(0)
        self.inputs.append((name, made))
        return made

    def box(self, a: int, b: int, c: int) -> tuple[int, int]:
        """Sum and carry of a full adder that stays one cell."""
        made = (2 * len(self.fanins), 2 * len(self.fanins) + 2)
        self.fanins += [None, None]
        self.level += [1 + max(self.level[x >> 1] for x in (a, b, c))] * 2
        self.boxes.append(((a, b, c), made))
        return made

    def and_(self, a: int, b: int) -> int:
        a, b = min(a, b), max(a, b)
        if a == FALSE or a ^ 1 == b:
            return FALSE
        if a in (TRUE, b):
            return b
        for one, other in ((a, b), (b, a)):
            if (found := self._two_levels(one, other)) is not None:
                return found
        if (a, b) not in self._known:
            self._known[a, b] = 2 * len(self.fanins)
            self.fanins.append((a, b))
            self.level.append(1 + max(self.level[a >> 1], self.level[b >> 1]))
        return self._known[a, b]

    def _two_levels(self, a: int, b: int) -> int | None:
        """a & b where b is an and node or its inverse that shares a literal with a (Brummayer, Biere, 2006)."""
        fanins = self.fanins[b >> 1]
        if fanins is None or not (a in fanins or a ^ 1 in fanins):
            return None
        c, d = fanins if fanins[0] >> 1 == a >> 1 else fanins[::-1]
        if b & 1:
            return self.and_(a, d ^ 1) if c == a else a
        return b if c == a else FALSE

    def or_(self, a: int, b: int) -> int:
        return self.and_(a ^ 1, b ^ 1) ^ 1

    def output_levels(self) -> int:
        """Sum of the outputs' levels: what restructuring brings down."""
        return sum(self.level[literal >> 1] for _, bits in self.outputs for literal in bits)

    @property
    def depth(self) -> int:
        return max((self.level[literal >> 1] for _, bits in self.outputs for literal in bits), default=0)

    def empty_copy(self) -> Aig:
        """The same inputs, with the same literals; no nodes, no outputs."""
        new = Aig()
        for name, bits in self.inputs:
            new.add_input(name, len(bits))
        return new


def from_netlist(netlist: Netlist) -> Aig:
    """A combinational netlist as an AIG; any cell type, through its truth table (Shannon expansion)."""
    new = Aig()
    of: dict[int, int] = {0: FALSE, 1: TRUE}
    for port in netlist.inputs:
        of.update(zip(port.nets.tolist(), new.add_input(port.name, port.width)))
    for cell in netlist.levels.argsort(kind="stable").tolist():
        kind = netlist.type_of(cell)
        arguments = [of[net] for net in netlist.inputs_of(cell).tolist()]
        for i, net in enumerate(netlist.outputs_of(cell).tolist()):
            table = kind.truth_table(i).tolist()
            of[net] = _expand(new, table, arguments)
    for port in netlist.outputs:
        new.outputs.append((port.name, [of[net] for net in port.nets.tolist()]))
    return new


def _expand(new: Aig, table: list[int], arguments: list[int]) -> int:
    if not any(table):
        return FALSE
    if all(table):
        return TRUE
    half, last = len(table) // 2, arguments[-1]
    low, high = table[:half], table[half:]
    if low == high:
        return _expand(new, low, arguments[:-1])
    zero, one = (_expand(new, part, arguments[:-1]) for part in (low, high))
    if zero == FALSE:
        return new.and_(last, one)
    if one == TRUE:
        return new.or_(last, zero)
    return new.or_(new.and_(last, one), new.and_(last ^ 1, zero))


def to_netlist(aig: Aig, name: str) -> Netlist:
    """Yosys AND and NOT gates, cut at the boxes; nodes that no output reads are left out."""
    make = NetlistBuilder(name, YOSYS_GATES)
    of: dict[int, int] = {FALSE: 0, TRUE: 1}
    for port, bits in aig.inputs:
        of.update(zip(bits, make.input(port, len(bits))))
    driven = [x for _, out in aig.boxes for x in out]
    if driven:
        of.update(zip(driven, make.input(BOX_OUT, len(driven))))
    live = set()
    into = [x for read, _ in aig.boxes for x in read]
    stack = [literal >> 1 for bits in (*(bits for _, bits in aig.outputs), into) for literal in bits]
    while stack:
        node = stack.pop()
        fanins = aig.fanins[node]
        if node not in live and fanins is not None:
            stack += [fanins[0] >> 1, fanins[1] >> 1]
        live.add(node)

    def net(literal: int) -> int:
        if literal not in of:
            of[literal] = make.cell("$_NOT_", [of[literal ^ 1]])[0]
        return of[literal]

    for node, fanins in enumerate(aig.fanins):
        if fanins is not None and node in live:
            of[2 * node] = make.cell("$_AND_", [net(fanins[0]), net(fanins[1])])[0]
    for port, bits in aig.outputs:
        make.output(port, [net(literal) for literal in bits])
    if into:
        make.output(BOX_IN, [net(literal) for literal in into])
    return make.build()
