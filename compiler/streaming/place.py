"""A lowering in progress: where each tensor is on its way, and how it gets other lanes or another order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import gcd
from typing import Any

import numpy as np

from nc.compiler.streaming.layers import Fold, Layer
from nc.compiler.streaming.order import loops
from nc.ir.dataflow import (
    Buffer,
    DataflowBuilder,
    Fork,
    Gather,
    Scatter,
    Source,
    Stream,
)
from nc.ir.dataflow.graph import WIRE
from nc.ir.dataflow.streams import IntArray
from nc.ir.diagnostics import Where, fail
from nc.ir.graph import Graph, Value
from nc.ir.types import IntType


@dataclass(frozen=True)
class Place:
    """A tensor on its way: its stream, and for each position of the stream the tensor's flat index."""

    source: Source
    order: IntArray


@dataclass
class Lowering:
    """A lowering in progress. `folds`, `layers` by value; `widths` of the ports in bits (None: as they come)."""

    graph: Graph
    layers: Mapping[Value, Layer]
    folds: Mapping[Value, Fold]
    multiplier: Callable[[Layer], str]
    build: DataflowBuilder
    places: dict[Value, list[Place]] = field(default_factory=dict)

    def stream(self, place: Place) -> Stream:
        return self.build.streams[place.source]

    def take(self, value: Value) -> Place:
        """The next unread copy of a value."""
        return self.places[value].pop(0)

    def narrowed(self, place: Place, value: Value) -> Stream:
        """The stream of a value, its range as the graph knows it or as the actors do, whichever is less."""
        stream, known = self.stream(place), self.graph.type(value).int
        kind = IntType(max(stream.kind.lo, known.lo), min(stream.kind.hi, known.hi), known.step)
        return replace(stream, kind=kind)

    def name(self, value: Value) -> str:
        node = self.graph.nodes[value]
        return node.origin or f"{node.op.name}{value}"

    def add(self, name: str, actor: Any, *places: Place, order: IntArray | None = None, wire: bool = False) -> Place:
        depths = (WIRE,) if wire and places[0].source.node >= 0 and self._ends_in_pipe(places[0]) else None
        source = self.build.add(name, actor, *(p.source for p in places), depths=depths)
        return Place(source, places[0].order if order is None else order)

    def _ends_in_pipe(self, place: Place) -> bool:
        return not isinstance(self.build.nodes[place.source.node].actor, Fork)

    def lanes(self, place: Place, wanted: int, name: str) -> Place:
        """The same elements, `wanted` lanes a token."""
        have = self.stream(place).lanes
        common = gcd(have, wanted)
        if have > common:
            place = self.add(f"{name}/scatter", Scatter(have // common), place, wire=True)
        if wanted > common:
            place = self.add(f"{name}/gather", Gather(wanted // common), place, wire=True)
        return place

    def ordered(self, place: Place, order: IntArray, name: str) -> Place:
        """The same tensor in another order, through a buffer of two samples. Raises NC611 for an irregular one."""
        if np.array_equal(place.order, order):
            return place
        where = np.empty(order.size, np.int64)
        where[place.order] = np.arange(order.size)
        wanted = where[order]
        lanes = self.stream(place).lanes
        whole = wanted.reshape(-1, lanes)
        if (whole % lanes != np.arange(lanes)).any() or (whole // lanes != whole[:, :1] // lanes).any():
            place, lanes = self.lanes(place, 1, name), 1
            whole = wanted.reshape(-1, 1)
        nest = loops(whole[:, 0] // lanes)
        if nest is None:
            fail("NC611", "the elements of a tensor must be reordered regularly (by loops of constant strides)",
                 where=Where(node=name), help="compile with --set style=spatial")  # fmt: skip
        return self.add(f"{name}/reorder", Buffer.reorder(len(whole), *nest), place, order=order)


def aligned(state: Lowering, place: Place, channels: int, name: str) -> Place:
    """Tokens that do not reach over a pixel."""
    return state.lanes(place, gcd(state.stream(place).lanes, channels), name)
