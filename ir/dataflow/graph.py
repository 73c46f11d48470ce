"""The dataflow graph: actors between one input and one output stream, and the FIFO on every connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from nc.ir.dataflow.actor import Actor
from nc.ir.dataflow.streams import IntArray, Stream
from nc.ir.diagnostics import InternalError

WIRE, SMALL = 0, 4
"""Depths: 0 is a wire between the end of a pipeline and its reader; up to 4 tokens lie in registers, more in memory."""

DEFAULT_DEPTH = 2


@dataclass(frozen=True)
class Source:
    """Where a stream comes from: output `port` of node `node`; node -1 is the network's input."""

    node: int
    port: int = 0


@dataclass(frozen=True)
class Node:
    """An actor in place: its name, what it reads, and the depth of the FIFO in front of each input."""

    name: str
    actor: Actor
    inputs: tuple[Source, ...]
    depths: tuple[int, ...]


@dataclass(frozen=True)
class Dataflow:
    """`nodes` in order of data flow; every stream has exactly one reader (a fork makes copies).

    `input`: the stream that enters; `output`: where the result comes from, through a FIFO of depth `output_depth`.
    """

    name: str
    input: Stream
    nodes: tuple[Node, ...]
    output: Source
    output_depth: int = DEFAULT_DEPTH

    @cached_property
    def streams(self) -> Mapping[Source, Stream]:
        """The stream of every source."""
        found = {Source(-1): self.input}
        for index, node in enumerate(self.nodes):
            made = node.actor.outputs(*(found[s] for s in node.inputs))
            found |= {Source(index, port): stream for port, stream in enumerate(made)}
        return found

    @property
    def result(self) -> Stream:
        return self.streams[self.output]

    def inputs(self, node: Node) -> tuple[Stream, ...]:
        return tuple(self.streams[s] for s in node.inputs)

    def evaluate(self, tokens: IntArray) -> IntArray:
        """Tokens (N, count, lanes) of the input to those of the output: no clock, no FIFOs."""
        values: dict[Source, IntArray] = {Source(-1): np.asarray(tokens, np.int64)}
        last = {s: i for i, node in enumerate(self.nodes) for s in node.inputs}
        for index, node in enumerate(self.nodes):
            made = node.actor.evaluate(*(values[s] for s in node.inputs))
            values |= {Source(index, port): value for port, value in enumerate(made)}
            for source in set(node.inputs):
                if last[source] == index:
                    del values[source]
        return values[self.output]

    def verify(self) -> None:
        """Raise InternalError for a broken invariant: readers, order, widths of what comes together."""
        read: dict[Source, int] = {self.output: 1}
        for index, node in enumerate(self.nodes):
            if len(node.depths) != len(node.inputs):
                raise InternalError(f"'{node.name}' has {len(node.inputs)} inputs and {len(node.depths)} depths")
            for source in node.inputs:
                if source.node >= index:
                    raise InternalError(f"'{node.name}' reads a later actor")
                read[source] = read.get(source, 0) + 1
        for source in self.streams:
            if read.get(source, 0) != 1:
                raise InternalError(f"stream {source} has {read.get(source, 0)} readers, not one")

    def with_depths(self, depths: Mapping[tuple[int, int], int]) -> Dataflow:
        """Other FIFO depths, by (node, input)."""
        from dataclasses import replace

        nodes = tuple(
            replace(node, depths=tuple(depths.get((i, k), d) for k, d in enumerate(node.depths)))
            for i, node in enumerate(self.nodes)
        )
        return replace(self, nodes=nodes)


@dataclass
class DataflowBuilder:
    """Builds a dataflow node by node."""

    name: str
    input: Stream
    nodes: list[Node] = field(default_factory=list)
    streams: dict[Source, Stream] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.streams[Source(-1)] = self.input

    def add(self, name: str, actor: Actor, *inputs: Source, depths: tuple[int, ...] | None = None) -> Source:
        """Append an actor; its first output. `depths` of the FIFOs in front of it, the default where not given."""
        given = depths if depths is not None else (DEFAULT_DEPTH,) * len(inputs)
        taken = {node.name for node in self.nodes}
        unique, k = name, 1
        while unique in taken:
            k += 1
            unique = f"{name}_{k}"
        self.nodes.append(Node(unique, actor, inputs, given))
        index = len(self.nodes) - 1
        for port, stream in enumerate(actor.outputs(*(self.streams[s] for s in inputs))):
            self.streams[Source(index, port)] = stream
        return Source(index)

    def finish(self, output: Source) -> Dataflow:
        made = Dataflow(self.name, self.input, tuple(self.nodes), output)
        made.verify()
        return made
