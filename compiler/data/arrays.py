"""Which arrays of an .npz are samples and which labels: as named by the user or the model, else by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from nc.compiler.data.npy import headers, read_arrays
from nc.compiler.data.raw import Raw
from nc.compiler.reading import Reading
from nc.ir.diagnostics import Where, fail, suggest

_SAMPLES = ("x", "data", "images", "image", "inputs", "input", "samples", "features")
_LABELS = ("y", "labels", "label", "targets", "target", "classes", "class")
_NUMERIC, _WRITTEN = "biuf", "biufUS"
Shapes = Mapping[str, tuple[tuple[int, ...], str]]


def read_npz(path: Path, name: str, limit: int, reading: Reading) -> Raw:
    """The samples and, where there are any, the labels of an .npz (NC404 where it is unclear which they are)."""
    found = headers(path, name)
    samples = _samples(found, reading, name)
    label = _label(found, samples, reading, name)
    wanted = [*samples.values(), *([label] if label else [])]
    kinds = {key: _WRITTEN if key == label else _NUMERIC for key in wanted}
    arrays = read_arrays(path, name, limit, kinds)
    labels = arrays.pop(label) if label else None
    return Raw({port: arrays[key] for port, key in samples.items()}, labels, label)


def _samples(found: Shapes, reading: Reading, name: str) -> dict[str, str]:
    """The array of each input; of a single input, called as the array is."""
    inputs = list(reading.inputs)
    if reading.x:
        keys = [key.strip() for key in reading.x.split(",")]
        for key in keys:
            _known(key, found, name, "--x")
        if len(inputs) > 1 and len(keys) == len(inputs) and set(keys) != set(inputs):
            return dict(zip(inputs, keys))  # in the order of the model's inputs
        return {key: key for key in keys}
    if len(inputs) > 1:
        if missing := [label for label in inputs if label not in found]:
            fail(
                "NC404",
                f"the file must hold an array for each input of the model, {', '.join(inputs)}, not only "
                f"{_listed(found)}",
                where=Where(name, tensor=missing[0]),
                help=f"np.savez(path, {', '.join(f'{i}=...' for i in inputs)}, y=labels), or --x "
                "with the arrays in the order of the inputs",
            )
        return {label: label for label in inputs}
    for key in ("x", *inputs):
        if key in found:
            return {key: key}
    exact = [key for key in found if key.lower() in _SAMPLES]
    parts = [key for key in found if set(_words(key)) & set(_SAMPLES) and not set(_words(key)) & set(_LABELS)]
    arrays = [key for key, (shape, kind) in found.items() if len(shape) > 1 and kind in _NUMERIC]
    fitting = [key for key in arrays if inputs and found[key][0][1:] == reading.inputs[inputs[0]]]
    unlabelled = [key for key in arrays if not _labelled(key)]
    candidates = exact or parts or fitting or unlabelled
    if not candidates:
        _unclear(found, name, f"the file must hold an array of samples, samples first, not only {_listed(found)}")
    if len(candidates) > 1:
        _unclear(found, name, f"one of {', '.join(candidates)} must be the samples, and nothing says which")
    return {candidates[0]: candidates[0]}


def _label(found: Shapes, samples: Mapping[str, str], reading: Reading, name: str) -> str:
    """The key of the labels, '' where there are none."""
    if reading.label:
        _known(reading.label, found, name, "--label")
        return reading.label
    others = [key for key in found if key not in samples.values()]
    first = next(iter(samples.values()))
    beside = [key for key in others if _labelled(key) and _rest(key) == _rest(first)]
    count = found[first][0][:1]
    near = [key for key in others if _labelled(key) and found[key][0][:1] == count]
    exact = [key for key in others if key == "y" or key == reading.hint]
    candidates = exact or beside or near
    if len(candidates) > 1:
        _unclear(found, name, f"one of {', '.join(candidates)} must be the labels, and nothing says which")
    return candidates[0] if candidates else ""


def _known(key: str, found: Shapes, name: str, option: str) -> None:
    if key not in found:
        fail("NC404", f"{option} must name an array of the file, {_listed(found)}, not '{key}'",
             where=Where(name), help=suggest(key, found))  # fmt: skip


def _unclear(found: Shapes, name: str, text: str) -> NoReturn:
    listed = ", ".join(f"{key} {list(shape)}" for key, (shape, _) in found.items())
    fail("NC404", text, where=Where(file=name), op=listed, help="--x NAME names the samples, --label NAME the labels")


def _listed(found: Shapes) -> str:
    return ", ".join(found) or "nothing"


def _words(key: str) -> Sequence[str]:
    """The lower-case words of a name: X_train, xTrain and train-x hold the same two."""
    return [w.lower() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", key)]


def _labelled(key: str) -> bool:
    return bool(set(_words(key)) & set(_LABELS))


def _rest(key: str) -> list[str]:
    """What tells a pair of samples and labels from others: 'train' of X_train and of y_train."""
    return sorted(w for w in _words(key) if w not in _SAMPLES and w not in _LABELS)
