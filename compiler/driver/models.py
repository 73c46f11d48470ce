"""From a model file, or a torch module, to the float graph: the frontend is found by the suffix."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nc.compiler.data.load import file_sha256
from nc.ir.diagnostics import NcError, Where, fail
from nc.ir.graph import Graph
from nc.ir.text import to_text


@dataclass(frozen=True)
class Source:
    """A model as it was read: its graph, and what the manifest says about where it came from."""

    graph: Graph
    name: str
    sha256: str

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "sha256": self.sha256}


def load_model(model: Path | str) -> Source:
    """Read a model file (NC007 unknown suffix, NC005 missing; the frontend's own codes otherwise)."""
    path = Path(model)
    if path.suffix not in FRONTENDS:
        fail("NC007", f"a model must be {', '.join(FRONTENDS)}, not '{path.suffix or path.name}'",
             where=Where(file=str(model)),
             help="export a torch module with torch.export.save, or call nc.compiler.compile on it")  # fmt: skip
    if not path.is_file():
        what = "a folder" if path.is_dir() else "missing"
        fail("NC005", f"the model file must exist, not be {what}", where=Where(file=str(model)))
    try:
        graph = FRONTENDS[path.suffix](path)
    except NcError as error:
        raise error.located(file=path.name) from None
    return Source(graph, path.name, file_sha256(path))


def model_source(model: Any, example_input: Any = None) -> Source:
    """A model file, a graph, or a torch module with an example input, as a `Source`."""
    if isinstance(model, str | Path):
        return load_model(model)
    if isinstance(model, Graph):
        return graph_source(model)
    from nc.compiler.frontends.torch import from_module

    return graph_source(from_module(model, example_input))


def graph_source(graph: Graph) -> Source:
    """A graph handed over in memory, identified by the hash of its text and arrays."""
    text, arrays = to_text(graph)
    digest = hashlib.sha256(text.encode())
    for array in arrays.values():
        digest.update(array.tobytes())
    return Source(graph, graph.name, digest.hexdigest())


def _onnx(path: Path) -> Graph:
    from nc.compiler.frontends.onnx import read_onnx

    return read_onnx(path)


FRONTENDS: dict[str, Callable[[Path], Any]] = {".onnx": _onnx}
