"""Programs exported by torch (.pt2): a zip of JSON and raw weights, read without torch and without any pickle.

The layout is that of PyTorch's export schema, major version 8 (`torch/_export/serde/schema.py`, torch >= 2.9).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from onnx import TensorProto

from nc.compiler.frontends.onnx.tensors import check_size, widen
from nc.ir.diagnostics import Where, fail
from nc.ir.ops.base import Array

_SCHEMA = 8
_MOST_BYTES = 2**31  # of one member, unpacked
_HELP = "export again: torch.export.save(torch.export.export(module, example), path) with torch >= 2.9"

# the schema's element types -> ONNX type, numpy type of the raw bytes
_TYPES: dict[int, tuple[int, str]] = {
    1: (TensorProto.UINT8, "<u1"),
    2: (TensorProto.INT8, "<i1"),
    3: (TensorProto.INT16, "<i2"),
    4: (TensorProto.INT32, "<i4"),
    5: (TensorProto.INT64, "<i8"),
    6: (TensorProto.FLOAT16, "<f2"),
    7: (TensorProto.FLOAT, "<f4"),
    8: (TensorProto.DOUBLE, "<f8"),
    12: (TensorProto.BOOL, "?"),
    13: (TensorProto.BFLOAT16, "<u2"),
}


@dataclass(frozen=True)
class Ref:
    """A tensor or a symbolic size by name."""

    name: str


@dataclass(frozen=True)
class Meta:
    """ONNX element type and shape; None where an extent is symbolic."""

    dtype: int
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Call:
    """One node: `target` such as 'aten.conv2d.default', arguments by name, names of its results, module path."""

    target: str
    arguments: dict[str, Any]
    results: tuple[str, ...]
    name: str
    path: str


@dataclass(frozen=True)
class Program:
    """`inputs`: names of the user's tensors in order; `weights` by name of the graph; `metas` of every tensor."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    calls: tuple[Call, ...]
    metas: dict[str, Meta]
    weights: dict[str, Array]


def read_program(source: str | IO[bytes]) -> Program:
    """A program from a .pt2 archive. Raises NC101 (damaged), NC118 (pickled), NC114 and NC110 (weights)."""
    try:
        with zipfile.ZipFile(source) as archive:
            return _read(archive)
    except (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        fail("NC101", f"the file must be a .pt2 archive of torch.export: {error}", help=_HELP)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        fail("NC101", f"the .pt2 archive must follow torch's export schema: {error!r}", help=_HELP)


def _read(archive: zipfile.ZipFile) -> Program:
    names = {name.split("/", 1)[1]: name for name in archive.namelist() if "/" in name}
    if "models/model.json" not in names:
        old = any(name.endswith(("serialized_exported_program.json", ".pkl", "state_dict.pt")) for name in names)
        _refuse_pickle("older torch versions") if old or "data.pkl" in names else None
        fail("NC101", "the .pt2 archive must hold models/model.json", help=_HELP)
    content = json.loads(_member(archive, names["models/model.json"]))
    version = content["schema_version"]["major"]
    if version != _SCHEMA:
        fail("NC101", f"the export schema of the .pt2 archive must be version {_SCHEMA}, not {version}", help=_HELP)
    graph, signature = content["graph_module"]["graph"], content["graph_module"]["signature"]
    metas = {name: _meta(entry) for name, entry in graph["tensor_values"].items()}
    stored = _weights(archive, names, "weights", "model_weights_config.json")
    stored |= _weights(archive, names, "constants", "model_constants_config.json")
    inputs, weights = _inputs(signature["input_specs"], stored)
    missing = [name for name in (*inputs, *weights) if name not in metas]
    if missing:
        fail("NC101", f"the .pt2 archive must describe the tensor '{missing[0]}'", help=_HELP)
    return Program(
        inputs,
        _outputs(signature["output_specs"]),
        tuple(_call(node) for node in graph["nodes"]),
        metas,
        weights,
    )


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    size = archive.getinfo(name).file_size
    if size > _MOST_BYTES:
        fail("NC113", f"a file of the archive must unpack to at most {_MOST_BYTES} bytes, not {size}")
    return archive.read(name)


def _refuse_pickle(what: str) -> None:
    fail(
        "NC118",
        f"the .pt2 archive must hold plain tensors, not pickled ones ({what})",
        help=_HELP,
    )


def _weights(archive: zipfile.ZipFile, names: dict[str, str], folder: str, config: str) -> dict[str, Array]:
    listed = f"data/{folder}/{config}"
    if listed not in names:
        return {}
    entries = json.loads(_member(archive, names[listed]))["config"]
    found = {}
    for label, entry in entries.items():
        if entry["use_pickle"]:
            _refuse_pickle(f"'{label}'")
        raw = _member(archive, names[f"data/{folder}/{entry['path_name']}"])
        found[label] = _tensor(label, entry["tensor_meta"], raw)
    return found


def _tensor(label: str, entry: dict[str, Any], raw: bytes) -> Array:
    """The tensor that strides over its storage. Raises NC110 when it would leave it."""
    where = Where(tensor=label)
    kind = _TYPES.get(entry["dtype"])
    if kind is None:
        fail("NC114", f"a tensor must hold floats, integers or booleans, not torch type {entry['dtype']}", where=where)
    shape = tuple(int(s["as_int"]) for s in entry["sizes"])
    strides = tuple(int(s["as_int"]) for s in entry["strides"])
    offset = int(entry["storage_offset"]["as_int"])
    check_size(shape, where)
    storage = np.frombuffer(raw, kind[1], len(raw) // np.dtype(kind[1]).itemsize)
    last = offset + sum((e - 1) * s for e, s in zip(shape, strides, strict=True))
    if 0 not in shape and (min((*strides, *shape, offset), default=0) < 0 or last >= storage.size):
        fail("NC110", f"the data of a tensor must fill its shape {list(shape)}, not end early", where=where)
    if 0 in shape:
        return np.zeros(shape)
    step = storage.itemsize
    view = np.lib.stride_tricks.as_strided(storage[offset:], shape, [s * step for s in strides], writeable=False)
    if kind[0] == TensorProto.BFLOAT16:
        return (view.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return widen(view.copy())


def _inputs(specs: list[dict[str, Any]], stored: dict[str, Array]) -> tuple[tuple[str, ...], dict[str, Array]]:
    """Names of the user's inputs, and the weights by name of the graph."""
    inputs, weights = [], {}
    for spec in specs:
        ((kind, entry),) = spec.items()
        if kind == "user_input" and "as_tensor" in entry["arg"]:
            inputs.append(entry["arg"]["as_tensor"]["name"])
        elif kind in ("parameter", "buffer", "tensor_constant"):
            weights[entry["arg"]["name"]] = stored[entry[f"{kind}_name"]]
        elif kind != "constant_input":
            fail("NC103", f"inputs of an exported program must be tensors, not {kind}", help="pass tensors to forward")
    return tuple(inputs), weights


def _outputs(specs: list[dict[str, Any]]) -> tuple[str, ...]:
    names = []
    for spec in specs:
        ((kind, entry),) = spec.items()
        if kind == "buffer_mutation":
            fail(
                "NC103",
                f"forward must not change the buffer '{entry['buffer_name']}'",
                help="return the new state, and take the old one as an input",
            )
        if kind == "user_output" and "as_tensor" in entry["arg"]:
            names.append(entry["arg"]["as_tensor"]["name"])
    return tuple(names)


def _call(node: dict[str, Any]) -> Call:
    results = [r for output in node["outputs"] for r in _names(output)]
    stack = node["metadata"].get("nn_module_stack", "").split(";")[-1].split(",")
    path = stack[1] if len(stack) > 1 else ""
    arguments = {a["name"]: _argument(a["arg"]) for a in node["inputs"]}
    target = node["target"].removeprefix("torch.ops.")
    return Call(target, arguments, tuple(results), node.get("name") or (results[0] if results else target), path)


def _names(output: dict[str, Any]) -> list[str]:
    ((kind, entry),) = output.items()
    if kind == "as_tensor":
        return [entry["name"]]
    if kind == "as_tensors":
        return [item["name"] for item in entry]
    return [entry["as_name"]] if kind == "as_sym_int" else []


def _symbol(entry: dict[str, Any]) -> Any:
    return Ref(entry["as_name"]) if "as_name" in entry else entry["as_int"]


_ARGUMENTS: dict[str, Callable[[Any], Any]] = {
    "as_tensor": lambda e: Ref(e["name"]),
    "as_tensors": lambda e: [Ref(item["name"]) for item in e],
    "as_optional_tensors": lambda e: [Ref(item["as_tensor"]["name"]) if "as_tensor" in item else None for item in e],
    "as_sym_int": _symbol,
    "as_sym_ints": lambda e: [_symbol(item) for item in e],
    "as_none": lambda e: None,
    "as_scalar_type": lambda e: _TYPES[e][0] if e in _TYPES else 0,
}


def _argument(arg: dict[str, Any]) -> Any:
    ((kind, entry),) = arg.items()
    return _ARGUMENTS.get(kind, lambda e: e)(entry)


def _meta(entry: dict[str, Any]) -> Meta:
    return Meta(_TYPES.get(entry["dtype"], (0, ""))[0], tuple(s.get("as_int") for s in entry["sizes"]))
