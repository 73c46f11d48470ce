"""Bit-parallel evaluation of a gate-level Yosys netlist: 64 independent stimuli in every machine word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nc.ir.diagnostics import InternalError

Words = np.ndarray[Any, np.dtype[np.uint64]]

# Simple gates of Yosys' simcells.v, as functions of their inputs in port order.
_GATES: Mapping[str, tuple[tuple[str, ...], Callable[..., Words]]] = {
    "$_BUF_": (("A",), lambda a: a),
    "$_NOT_": (("A",), lambda a: ~a),
    "$_AND_": (("A", "B"), lambda a, b: a & b),
    "$_NAND_": (("A", "B"), lambda a, b: ~(a & b)),
    "$_OR_": (("A", "B"), lambda a, b: a | b),
    "$_NOR_": (("A", "B"), lambda a, b: ~(a | b)),
    "$_XOR_": (("A", "B"), lambda a, b: a ^ b),
    "$_XNOR_": (("A", "B"), lambda a, b: ~(a ^ b)),
    "$_ANDNOT_": (("A", "B"), lambda a, b: a & ~b),
    "$_ORNOT_": (("A", "B"), lambda a, b: a | ~b),
    "$_MUX_": (("A", "B", "S"), lambda a, b, s: (a & ~s) | (b & s)),
}
_CONSTANTS = {"0": 0, "1": 1, "x": 0, "z": 0}
_REGISTER = "$_DFF_P_"


@dataclass(frozen=True)
class _Step:
    """All gates of one type on one level."""

    function: Callable[..., Words]
    operands: tuple[Any, ...]
    results: Any


class Gates:
    """A flattened module of simple gates and positive-edge flip-flops, ready to be evaluated.

    Values are uint64 arrays (nets, words); bit k of word w is stimulus 64·w + k. Registers start at their initial
    value, or 0 where they have none.
    """

    def __init__(self, module: Mapping[str, Any]) -> None:
        self._index: dict[object, int] = {"0": 0, "1": 1}
        cells = [cell for cell in module["cells"].values() if cell["type"] != "$scopeinfo"]
        unknown = sorted({cell["type"] for cell in cells} - set(_GATES) - {_REGISTER})
        if unknown:
            raise InternalError(f"the netlist must hold simple gates only, not {', '.join(unknown)}")
        ports = module["ports"]
        self.inputs = {n: self._nets(p["bits"]) for n, p in ports.items() if p["direction"] == "input"}
        self.outputs = {n: self._nets(p["bits"]) for n, p in ports.items() if p["direction"] == "output"}
        registers = [cell["connections"] for cell in cells if cell["type"] == _REGISTER]
        self._d = self._nets([c["D"][0] for c in registers])
        self._q = self._nets([c["Q"][0] for c in registers])
        self._steps = self._levelise([cell for cell in cells if cell["type"] != _REGISTER])
        start = np.zeros(len(self._index), np.uint8)
        for net in module["netnames"].values():
            initial = net.get("attributes", {}).get("init", "")
            for bit, value in zip(net["bits"], reversed(initial)):
                if bit in self._index:
                    start[self._index[bit]] = _CONSTANTS[value]
        self._start = start[self._q]

    def run(self, stimuli: Mapping[str, Words], cycles: int) -> list[dict[str, Words]]:
        """Outputs of each cycle. `stimuli[port]`: (cycles, bits, words)."""
        words = next(iter(stimuli.values())).shape[2]
        values = np.zeros((len(self._index), words), np.uint64)
        values[1] = ~np.uint64(0)
        values[self._q] = np.where(self._start[:, None] == 1, ~np.uint64(0), np.uint64(0))
        seen = []
        for cycle in range(cycles):
            for name, nets in self.inputs.items():
                if name in stimuli:
                    values[nets] = stimuli[name][cycle]
            for step in self._steps:
                values[step.results] = step.function(*(values[operand] for operand in step.operands))
            seen.append({name: values[nets].copy() for name, nets in self.outputs.items()})
            values[self._q] = values[self._d]
        return seen

    def _nets(self, bits: list[object]) -> Any:
        return np.array([self._net(bit) for bit in bits], np.int64)

    def _net(self, bit: object) -> int:
        if isinstance(bit, str):
            return _CONSTANTS[bit]
        return self._index.setdefault(bit, len(self._index))

    def _levelise(self, cells: list[Mapping[str, Any]]) -> list[_Step]:
        operands = [[self._net(cell["connections"][port][0]) for port in _GATES[cell["type"]][0]] for cell in cells]
        results = [self._net(cell["connections"]["Y"][0]) for cell in cells]
        driver = {net: i for i, net in enumerate(results)}
        readers: dict[int, list[int]] = {}
        waiting = [0] * len(cells)
        for i, nets in enumerate(operands):
            for net in nets:
                if net in driver:
                    readers.setdefault(driver[net], []).append(i)
                    waiting[i] += 1
        steps: list[_Step] = []
        ready = [i for i, count in enumerate(waiting) if count == 0]
        done = 0
        while ready:
            done += len(ready)
            by_kind: dict[str, list[int]] = {}
            for i in ready:
                by_kind.setdefault(cells[i]["type"], []).append(i)
            for kind, members in sorted(by_kind.items()):
                columns = zip(*(operands[i] for i in members))
                results_of = np.array([results[i] for i in members])
                steps.append(_Step(_GATES[kind][1], tuple(np.array(column) for column in columns), results_of))
            following = []
            for i in ready:
                for reader in readers.get(i, ()):
                    waiting[reader] -= 1
                    if waiting[reader] == 0:
                        following.append(reader)
            ready = following
        if done != len(cells):
            raise InternalError("the netlist has a combinational loop")
        return steps
