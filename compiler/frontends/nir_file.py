"""NIR files as plain data: nodes by dotted name and edges, nested graphs flattened. Nothing is executed.

HDF5 data sets are read as arrays and strings only; references, object types and external links are refused, so a
file can neither run code nor reach outside itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nc.compiler.frontends.nir_nodes import IGNORED, NODES
from nc.ir.diagnostics import Collector, ToolMissing, Where, fail, suggest

Array = np.ndarray[Any, np.dtype[Any]]
LIMIT = 4 << 30
"""Bytes of one data set: a small file can declare far more than it holds."""
TEXT_LIMIT = 64 << 20
"""The same of a data set of names."""


@dataclass(frozen=True)
class RawNode:
    """One node: its NIR type and its data sets (arrays; strings only for padding)."""

    name: str
    type: str
    values: dict[str, Any]


@dataclass(frozen=True)
class RawGraph:
    """Flat: `nodes` by dotted name; `edges` between them. Ports of nested graphs are nodes of type Input/Output."""

    nodes: dict[str, RawNode]
    edges: tuple[tuple[str, str], ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read(path: Path) -> RawGraph:
    """Read a file; every problem is raised at once (NC900 to NC904)."""
    try:
        import h5py
    except ImportError:
        fail("NC990", "h5py must be installed to read NIR files", help="pip install h5py", kind=ToolMissing)
    where = Where(file=path.name)
    if not path.is_file():
        fail("NC900", "file must exist", where=where)
    found = Collector()
    try:
        with h5py.File(path, "r") as handle:
            reader = _Reader(h5py, path.name, found)
            root = reader.group(handle, "node")
            if root is None:
                fail("NC900", "file must hold a group 'node'", where=where, help="write it with nir.write")
            if reader.type_of(root) == "NIRGraph":
                reader.graph(root, "")
            else:
                fail("NC900", "root node must be a NIRGraph", where=where)
    except OSError as error:
        fail("NC900", f"file must be HDF5: {error}", where=where)
    except (RuntimeError, KeyError, ValueError, TypeError) as error:  # what h5py raises within a damaged file
        fail("NC900", f"file must be whole HDF5, but cannot be read: {error}", where=where)
    found.raise_if_any()
    return RawGraph(reader.nodes, tuple(reader.edges), tuple(reader.inputs), tuple(reader.outputs))


class _Reader:
    """Walks the groups; `h5py` is handed in because it is imported lazily."""

    def __init__(self, h5py: Any, file: str, found: Collector):
        self.h5py, self.file, self.found = h5py, file, found
        self.nodes: dict[str, RawNode] = {}
        self.edges: list[tuple[str, str]] = []
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.open: list[Any] = []

    def group(self, parent: Any, name: str) -> Any:
        """A group of this very file, or None: links elsewhere are not followed."""
        link = parent.get(name, getlink=True) if name in parent else None
        item = parent[name] if isinstance(link, self.h5py.HardLink) else None
        return item if isinstance(item, self.h5py.Group) else None

    def type_of(self, group: Any) -> str:
        value = self.value(group, "type") if "type" in group else ""
        return value if isinstance(value, str) else ""

    def value(self, group: Any, name: str) -> Any:
        """A data set as an array or a string; None for what is neither (links out of the file included)."""
        link = group.get(name, getlink=True)
        if not isinstance(link, self.h5py.HardLink):
            return None
        item = group[name]
        if not isinstance(item, self.h5py.Dataset) or item.is_virtual or item.external:
            return None
        limit = LIMIT if item.dtype.kind in "biuf" else TEXT_LIMIT
        if item.size is None or item.size * item.dtype.itemsize > limit:
            size = "nothing" if item.size is None else f"{item.size * item.dtype.itemsize} bytes"
            self.error("NC900", f"a data set must hold 1 to {limit} bytes, not {size}", _dotted(group), name)
            return np.zeros(1)
        if item.dtype.kind in "biuf":
            return np.asarray(item[()])
        if self.h5py.check_string_dtype(item.dtype) is not None:
            text = item.asstr()[()]
            return text if isinstance(text, str) else np.asarray(text, object)
        return None

    def graph(self, group: Any, prefix: str) -> None:
        if group in self.open:
            self.error("NC900", "a graph must not hold itself", prefix.rstrip("."))
            return
        children = self.group(group, "nodes")
        if children is None:
            self.error("NC900", "graph must hold a group 'nodes'", prefix.rstrip("."))
            return
        self.open.append(group)
        inner: dict[str, str] = {}
        for name in children:
            child = self.group(children, name)
            kind = "" if child is None else self.type_of(child)
            inner[name] = kind
            full = prefix + name
            if kind not in NODES:
                self.error("NC902", f"node type must be one of NIR 1.0, not '{kind}'", full, help=suggest(kind, NODES))
            elif kind == "NIRGraph":
                self.graph(child, full + ".")
            else:
                self.nodes[full] = self.node(child, full, kind)
                if not prefix and kind in ("Input", "Output"):
                    (self.inputs if kind == "Input" else self.outputs).append(full)
        self.open.pop()
        self.connect(group, prefix, inner)

    def connect(self, group: Any, prefix: str, inner: dict[str, str]) -> None:
        edges = self.value(group, "edges") if "edges" in group else None
        rows = [] if edges is None or not np.size(edges) else np.asarray(edges, object).reshape(-1, 2).tolist()
        # Writers list edges in hash order; sorting makes everything after independent of it.
        for source, target in sorted({(str(a), str(b)) for a, b in rows}):
            missing = [end for end in (source, target) if not self.resolve(prefix, end, inner, "Output")]
            for end in missing:
                self.error(
                    "NC901",
                    f"edge '{source}' -> '{target}' must join existing nodes, but there is no '{end}'",
                    (prefix + source).rstrip("."),
                    help=suggest(end, inner),
                )
            if missing:
                continue
            for a in self.resolve(prefix, source, inner, "Output"):
                self.edges += [(a, b) for b in self.resolve(prefix, target, inner, "Input")]

    def resolve(self, prefix: str, end: str, inner: dict[str, str], port: str) -> list[str]:
        """The flat nodes that an end of an edge means: a nested graph stands for its ports."""
        if end in inner:
            if inner[end] != "NIRGraph":
                return [prefix + end]
            inside = prefix + end + "."
            return [
                n
                for n, v in self.nodes.items()
                if n.startswith(inside) and v.type == port and "." not in n[len(inside) :]
            ]
        # 'graph.port' names one port of a nested graph.
        graph, _, name = end.rpartition(".")
        return [prefix + end] if inner.get(graph) == "NIRGraph" and prefix + end in self.nodes and name else []

    def node(self, group: Any, name: str, kind: str) -> RawNode:
        spec = NODES[kind]
        values: dict[str, Any] = {}
        for key in (*spec.required, *spec.optional):
            value = self.value(group, key) if key in group else None
            if value is None:
                if key in spec.required:
                    self.error("NC903", f"parameter '{key}' of {kind} must be in the file", name)
                continue
            if key != "padding" and not (isinstance(value, np.ndarray) and value.dtype.kind in "biuf"):
                self.error("NC903", f"parameter '{key}' of {kind} must be numbers, not text", name, key)
                continue
            if isinstance(value, np.ndarray) and value.dtype.kind == "f" and not np.isfinite(value).all():
                bad = int((~np.isfinite(value)).sum())
                self.error("NC904", f"'{key}' must be finite, but {bad} of {value.size} values are not", name, key)
            values[key] = value
        for key in sorted(set(group) - set(values) - set(IGNORED) - set(spec.required)):
            self.found.warn("NC903", f"parameter '{key}' of {kind} is not used", where=Where(file=self.file, node=name))
        return RawNode(name, kind, values)

    def error(self, code: str, message: str, node: str, tensor: str = "", help: str = "") -> None:
        self.found.error(code, message, where=Where(file=self.file, node=node, tensor=tensor), help=help)


def _dotted(group: Any) -> str:
    """/node/nodes/block/nodes/n is block.n."""
    return str(group.name).replace("/nodes/", ".").removeprefix("/node.")


def neurons(graph: RawGraph) -> Iterator[RawNode]:
    """Nodes that become populations, in file order."""
    return (n for n in graph.nodes.values() if NODES[n.type].role == "neuron")
