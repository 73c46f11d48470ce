"""How a DATA file is to be read: what its user says of it, and what the model that it feeds makes known.

Light on purpose: the command line makes these before anything heavy is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nc.ir.diagnostics import Diagnostic

MISSING = ("mean", "drop")


@dataclass(frozen=True)
class Reading:
    """Options of a reader; empty where a reader is to find out.

    `label`: the column of labels, by name or by number from 1 (from the end below 0), or the array of an .npz; `x`:
    the columns or the array of samples, separated by commas; `missing`: what becomes of missing values: 'mean' of the
    column in this file, 'drop' the sample, '' refused; `classes`: class names in the order of the model's outputs;
    `header`: whether the first row of a table names the columns; `resize`: (height, width) of images.

    `inputs`: sample shapes by input name of the model, {} where there is none; `hint`: the label of the calibration
    data, taken where the file has it and nothing else was said.
    """

    label: str = ""
    x: str = ""
    missing: str = ""
    classes: tuple[str, ...] = ()
    header: bool | None = None
    resize: tuple[int, int] | None = None
    inputs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    hint: str = ""


def _unheard(notes: Sequence[Diagnostic]) -> None:
    del notes


@dataclass(frozen=True)
class DataFile:
    """A DATA file and how to read it; `heard` is told what the reader decided."""

    path: Path
    reading: Reading = Reading()
    heard: Callable[[Sequence[Diagnostic]], None] = _unheard

    @property
    def name(self) -> str:
        return self.path.name
