"""From a model file, or a torch module, to the float graph: the frontend is found by the suffix."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nc.compiler.config import Common
from nc.compiler.data.load import file_sha256
from nc.ir.diagnostics import NcError, Where, fail
from nc.ir.graph import Graph
from nc.ir.spiking.fixed import FixedNetwork
from nc.ir.spiking.network import Network
from nc.ir.spiking.text import dumps
from nc.ir.text import to_text

Model = Graph | Network | FixedNetwork
COMMON = Common()


@dataclass(frozen=True)
class Source:
    """A model as it was read, and what the manifest says about where it came from."""

    model: Model
    name: str
    sha256: str
    classes: Sequence[str] = ()

    def to_json(self) -> dict[str, object]:
        """`classes`: the names that class indices stand for, where the model has names."""
        named = {"classes": list(self.classes)} if self.classes else {}
        return {"name": self.name, "sha256": self.sha256, **named}


def model_source(model: Any, example_input: Any = None, options: Any = None, common: Common = COMMON) -> Source:
    """A model file, a model in memory, or a torch module with an example input, as a `Source`.

    `options`: the target's, from which a frontend takes what its files do not store (NIR: the time step); `common`:
    the other sections (trees and SVMs: the codes at the input).
    """
    if isinstance(model, str | Path):
        return load_model(model, options, common)
    if not isinstance(model, Model):
        from nc.compiler.frontends.torch_export import from_torch

        model = from_torch(model, example_input, batch=common.model.axis)
    text, arrays = to_text(model) if isinstance(model, Graph) else dumps(model)
    digest = hashlib.sha256(text.encode())
    for array in arrays.values():
        digest.update(array.tobytes())
    return Source(model, model.name, digest.hexdigest())


def load_model(model: Path | str, options: Any = None, common: Common = COMMON) -> Source:
    """Read a model file (NC007 unknown suffix, NC005 missing; the frontend's own codes otherwise)."""
    path = Path(model)
    if path.is_dir() or not path.exists():
        what = "a folder" if path.is_dir() else "missing"
        fail("NC005", f"the model file must exist, not be {what}", where=Where(file=str(model)))
    if path.suffix not in FRONTENDS:
        fail("NC007", f"a model must be {', '.join(FRONTENDS)}, not '{path.suffix or path.name}'",
             where=Where(file=str(model)),
             help="export a torch module with torch.export.save, or call nc.compiler.compile on it")  # fmt: skip
    try:
        read = FRONTENDS[path.suffix](path, options, common)
    except NcError as error:
        raise error.located(file=path.name) from None
    return Source(read, path.name, file_sha256(path), _class_names(path))


def _onnx(path: Path, options: Any, common: Common) -> Graph:
    from nc.compiler.frontends.onnx import read_onnx

    del options
    return read_onnx(path, batch=common.model.axis, shapes=common.model.shapes)


def _class_names(path: Path) -> Sequence[str]:
    if path.suffix != ".onnx":
        return ()
    from nc.compiler.frontends.onnx.decode import decode
    from nc.compiler.frontends.onnx.ml.model import class_names

    return class_names(decode(path.read_bytes()))


def _nir(path: Path, options: Any, common: Common) -> Network:
    from nc.compiler.frontends.nir import NirOptions, load

    del common
    section = getattr(options, "spiking", None)
    if section is None:
        return load(path)
    return load(path, NirOptions(dt=section.dt, integrator=section.integrator, reset=section.reset))


def _pt2(path: Path, options: Any, common: Common) -> Graph:
    from nc.compiler.frontends.torch_export import read_pt2

    del options
    return read_pt2(path, batch=common.model.axis, shapes=common.model.shapes)


FRONTENDS: dict[str, Callable[[Path, Any, Common], Model]] = {".onnx": _onnx, ".pt2": _pt2, ".nir": _nir}
