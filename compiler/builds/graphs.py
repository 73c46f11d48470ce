"""Graphs in a build: NAME.nc (text) and its arrays in an .npz; written deterministically, read without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nc.compiler.data.npy import read_arrays
from nc.ir.diagnostics import InternalError, NcError, Where, fail
from nc.ir.graph import Graph
from nc.ir.text import from_text, to_text
from nc.ir.verify import verify

_LIMIT = 4 << 30
"""Bytes of arrays of one graph: far above what can be compiled, far below what a forged file may declare."""


@dataclass(frozen=True)
class Names:
    """The two files of a graph."""

    text: str
    arrays: str
    stage: str


INTEGER = Names("model.nc", "weights.npz", "integer")
FLOAT = Names("float.nc", "float_weights.npz", "float")


def write_graph(graph: Graph, folder: Path, names: Names) -> None:
    """Equal graphs give equal bytes."""
    text, arrays = to_text(graph)
    (folder / names.text).write_text(text, encoding="utf-8")
    write_arrays(folder / names.arrays, arrays)


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """An .npz whose bytes depend on the arrays and their order only (numpy dates every member 1980)."""
    np.savez_compressed(path, **arrays)


def read_graph(folder: Path, names: Names) -> Graph:
    """Parse and verify a graph of a build. Raises NC424 where text or arrays are not what nc writes."""
    path = folder / names.text
    if not path.is_file():
        fail("NC424", f"the build must hold {names.text}", where=Where(file=str(path)), help="compile the model again")
    arrays = read_arrays(folder / names.arrays, names.arrays, _LIMIT, kinds="biufU")
    try:
        graph = from_text(path.read_text(encoding="utf-8"), arrays, file=names.text)
        verify(graph, names.stage)
    except NcError:
        raise
    except (
        InternalError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ) as error:
        fail("NC424", f"{names.text} must be what nc wrote, not damaged ({error})", where=Where(file=str(path)))
    return graph
