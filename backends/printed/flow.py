"""From an integer graph to a mapped circuit and its figures: area, power over data, delay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nc.backends.printed.blast import Blasted, blast
from nc.backends.printed.lowering import to_words
from nc.backends.printed.mapping import SCRIPTS, map_network
from nc.backends.printed.netlist import MappedNetlist, pack, unpack
from nc.backends.printed.technology import Technology, egfet
from nc.ir.graph import Graph
from nc.ir.words import WordGraph

QUICK = ("amap", "resyn", "lut6")


@dataclass(frozen=True)
class Circuit:
    """A mapped circuit with the word graph and gates that it was made from; `areas` mm² by script."""

    words: WordGraph
    blasted: Blasted
    netlist: MappedNetlist
    script: str
    areas: dict[str, float | None]

    @property
    def area_mm2(self) -> float:
        return self.netlist.area_mm2

    def planes(self, *inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Integer inputs (N, *shape), one a port, as packed bits by net."""
        planes = {}
        for port, x in zip(self.words.inputs, inputs, strict=True):
            flat = np.asarray(x, np.int64).reshape(len(x), -1)
            for i in range(flat.shape[1]):
                for b in range(port.bits):
                    planes[f"{port.name}[{i * port.bits + b}]"] = pack(flat[:, i] >> b & 1)
        return planes

    @classmethod
    def of_gates(cls, words: WordGraph, technology: Technology | None = None) -> Circuit:
        """Gates only, not mapped."""
        empty = MappedNetlist(technology or egfet(), (), (), ())
        return cls(words, blast(words), empty, "", {})

    def outputs(self, *inputs: np.ndarray) -> dict[str, np.ndarray]:
        """What the mapped netlist computes: integers (N, *shape) by output port."""
        return self._words_of(self.netlist.evaluate(self.planes(*inputs)), len(inputs[0]))

    def gate_outputs(self, *inputs: np.ndarray) -> dict[str, np.ndarray]:
        """What the gates before mapping compute."""
        planes = self.planes(*inputs)
        logic = self.blasted.logic
        values = logic.evaluate([planes[name] for name, _ in logic.inputs])
        return self._words_of({name: v for (name, _), v in zip(logic.outputs, values)}, len(inputs[0]))

    def _words_of(self, nets: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
        found = {}
        for port in self.words.outputs:
            flat = np.zeros((count, len(port.nodes)), np.int64)
            for i in range(len(port.nodes)):
                for b in range(port.bits):
                    bit = unpack(nets[f"{port.name}[{i * port.bits + b}]"], count).astype(np.int64)
                    flat[:, i] += bit * (-(1 << b) if port.signed and b == port.bits - 1 else 1 << b)
            found[port.name] = flat.reshape(count, *port.shape)
        return found

    def classify(self, x: np.ndarray) -> np.ndarray:
        """The first output of each row as a flat vector."""
        return next(iter(self.outputs(x).values())).reshape(len(x))

    def power_mw(self, x: np.ndarray, vdd: str) -> float:
        """Power at one supply, by the state of every gate over the vectors `x`."""
        return self.netlist.power_mw(self.planes(x), len(x), vdd)

    def delay_ms(self, vdd: str) -> float:
        return self.netlist.delay_ms(vdd)

    def layer_shares(self) -> dict[str, float]:
        """Each layer's share of the gates before mapping (mapping does not keep their origin)."""
        gates: dict[str, int] = {}
        blasted = self.blasted
        for node in blasted.logic.cone([literal for _, literal in blasted.logic.outputs]):
            if node in blasted.owner:
                layer = self.words.layers[int(self.words.layer[blasted.owner[node]])]
                gates[layer] = gates.get(layer, 0) + 1
        total = sum(gates.values()) or 1
        return {layer: count / total for layer, count in gates.items()}


def synthesise(graph: Graph, technology: Technology, *, effort: str = "full", vdd: str = "1.0") -> Circuit:
    """Lower, blast and map a primitive integer graph; `effort`: 'quick' (three scripts) or 'full' (the portfolio).

    The netlist is proved equivalent to the gates it comes from.
    """
    return synthesise_words(to_words(graph), technology, effort=effort, vdd=vdd)


def synthesise_words(words: WordGraph, technology: Technology, *, effort: str = "full", vdd: str = "1.0") -> Circuit:
    """The same of a word graph: a whole network, or one step of a folded one."""
    blasted = blast(words)
    if effort == "quick":
        mapping = map_network(blasted.logic, technology, vdd=vdd, scripts=QUICK, polish=0)
    else:
        mapping = map_network(blasted.logic, technology, vdd=vdd, scripts=tuple(SCRIPTS), polish=0, seconds=600)
    return Circuit(words, blasted, mapping.netlist, mapping.script, mapping.areas)
