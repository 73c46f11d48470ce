"""The text form of spiking networks, float and fixed: one line a thing, arrays by name in a companion `.npz`.

    spiking float "braille" {"dt": 0.0001, ...}
    population "lif1" {"model": "cuba_lif", "shape": [38], "tau_mem": 0.001, "v_threshold": "@lif1/v_threshold"}
    projection "fc1" {"source": "input", "target": "lif1", "kind": "dense", "weight": "@fc1/weight"}

Arrays whose values are all equal stand in the line as one number. Printing is deterministic; parsing gives the
same network back (values and types), executing nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.ir.spiking import connect
from nc.ir.spiking.fixed import ARRAYS, FixedNetwork, FixedPopulation, FixedProjection
from nc.ir.spiking.network import Network, Population, Projection

Array = np.ndarray[Any, np.dtype[Any]]
AnyNetwork = Network | FixedNetwork

_HEAD = {False: "float", True: "fixed"}
_NETWORK_FIELDS = ("dt", "outputs", "semantics", "update_order")


def dumps(network: AnyNetwork) -> tuple[str, dict[str, Array]]:
    """The text, and the arrays that it names."""
    fixed = isinstance(network, FixedNetwork)
    arrays: dict[str, Array] = {}
    head = {name: _plain(getattr(network, name)) for name in _NETWORK_FIELDS}
    if isinstance(network, FixedNetwork) and network.watch:
        head["watch"] = list(network.watch)
    lines = [f"spiking {_HEAD[fixed]} {json.dumps(network.name)} {json.dumps(head)}"]
    for p in network.populations:
        held = p.arrays if isinstance(p, FixedPopulation) else p.parameters
        row = {f.name: _plain(getattr(p, f.name)) for f in fields(p) if f.name not in ("name", "arrays", "parameters")}
        for name in sorted(held):
            row[name] = _store(f"{p.name}/{name}", np.asarray(held[name]), arrays)
        lines.append(f"population {json.dumps(p.name)} {json.dumps(row)}")
    for q in network.projections:
        skip = ("name", "connectivity", "bias")
        row = {f.name: _plain(getattr(q, f.name)) for f in fields(q) if f.name not in skip}
        row["kind"] = q.connectivity.kind
        row["attributes"] = q.connectivity.attributes()
        row["arrays"] = {n: _put(f"{q.name}/{n}", a, arrays) for n, a in q.connectivity.arrays().items()}
        if isinstance(q, Projection) and q.bias is not None:
            row["bias"] = _put(f"{q.name}/bias", q.bias, arrays)
        lines.append(f"projection {json.dumps(q.name)} {json.dumps(row)}")
    return "\n".join(lines) + "\n", arrays


def loads(text: str, arrays: Mapping[str, Array], *, file: str = "model.nc") -> AnyNetwork:
    """The inverse of `dumps`; raises NC909 with the line."""
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.startswith("#")]
    if not lines or not lines[0][1].startswith("spiking "):
        fail("NC909", "text must begin with a 'spiking' line", where=Where(file=file))
    _, form, rest = (lines[0][1] + "  ").split(" ", 2)
    if form not in _HEAD.values():
        _wrong(file, lines[0][0], f"form must be float or fixed, not '{form}'")
    name, head = _name_and_row(rest, file, lines[0][0])
    fixed = form == "fixed"
    populations: list[Any] = []
    projections: list[Any] = []
    readers = {
        "population": lambda n, row: populations.append(_population(n, row, arrays, fixed)),
        "projection": lambda n, row: projections.append(_projection(n, row, arrays, fixed)),
    }
    for number, line in lines[1:]:
        word, _, rest = line.partition(" ")
        if word not in readers:
            _wrong(file, number, f"line must begin with population or projection, not '{word}'")
        item, row = _name_and_row(rest, file, number)
        try:
            readers[word](item, row)
        except (KeyError, TypeError, ValueError) as error:
            _wrong(file, number, f"{word} '{item}' could not be read: {error}")
    try:
        shared: dict[str, Any] = {
            "dt": float(head["dt"]),
            "outputs": tuple(head["outputs"]),
            "semantics": head["semantics"],
            "update_order": head["update_order"],
        }
        if fixed and "watch" in head:
            shared["watch"] = tuple(head["watch"])
    except (KeyError, TypeError, ValueError) as error:
        _wrong(file, lines[0][0], f"the network's attributes could not be read: {error}")
    kind: Any = FixedNetwork if fixed else Network
    network: AnyNetwork = kind(name=name, populations=tuple(populations), projections=tuple(projections), **shared)
    network.verify()
    return network


def _population(name: str, row: dict[str, Any], arrays: Mapping[str, Array], fixed: bool) -> Any:
    kind: Any = FixedPopulation if fixed else Population
    own = {f.name for f in fields(kind)}
    size = int(np.prod(row["shape"], dtype=np.int64))
    held = {k: _fetch(v, arrays, size, np.int64 if fixed else np.float64) for k, v in row.items() if k not in own}
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items() if k in own}
    if fixed and (unknown := sorted(held.keys() - set(ARRAYS))):
        raise ValueError(f"unknown fields {unknown}")
    return kind(name=name, **plain, **({"arrays": held} if fixed else {"parameters": held}))


def _projection(name: str, row: dict[str, Any], arrays: Mapping[str, Array], fixed: bool) -> Any:
    held = {k: _get(v, arrays) for k, v in row.pop("arrays").items()}
    connectivity = connect.from_parts(row.pop("kind"), row.pop("attributes"), held)
    if "bias" in row:
        row["bias"] = _get(row["bias"], arrays)
    kind: Any = FixedProjection if fixed else Projection
    return kind(name=name, connectivity=connectivity, **row)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _store(name: str, value: Array, arrays: dict[str, Array]) -> Any:
    flat = value.reshape(-1)
    if flat.size and (flat == flat[0]).all():
        return flat[0].item()
    return _put(name, flat, arrays)


def _put(name: str, value: Array, arrays: dict[str, Array]) -> str:
    arrays[name] = np.ascontiguousarray(value)
    return "@" + name


def _get(reference: str, arrays: Mapping[str, Array]) -> Array:
    if not isinstance(reference, str) or reference[1:] not in arrays:
        raise ValueError(f"array '{reference}' is not in the companion file")
    return arrays[reference[1:]]


def _fetch(value: Any, arrays: Mapping[str, Array], size: int, dtype: Any) -> Array:
    return _get(value, arrays) if isinstance(value, str) else np.full(size, value, dtype)


def _name_and_row(rest: str, file: str, number: int) -> tuple[str, dict[str, Any]]:
    decoder = json.JSONDecoder()
    try:
        name, end = decoder.raw_decode(rest.strip())
        row = json.loads(rest.strip()[end:])
    except ValueError as error:
        _wrong(file, number, f"expected a quoted name and an object: {error}")
    if not isinstance(name, str) or not isinstance(row, dict):
        _wrong(file, number, "expected a quoted name and an object")
    return name, row


def _wrong(file: str, number: int, why: str) -> NoReturn:
    fail("NC909", f"line {number}: {why}", where=Where(file=file))
