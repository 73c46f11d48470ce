"""Finds backends: the five built-in ones and plugins of the entry point group `nc.backends`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from nc.backends.backend import Backend
from nc.ir.diagnostics import UsageError, fail, suggest

BUILT_IN = ("fpga", "printed", "threshold", "sfq", "neuromorphic")


@cache
def names() -> tuple[str, ...]:
    """All targets, built-in ones first."""
    plugins = sorted(point.name for point in entry_points(group="nc.backends"))
    return BUILT_IN + tuple(name for name in plugins if name not in BUILT_IN)


@cache
def find(name: str) -> Backend:
    """The backend of that name; only its module is imported. Raises UsageError with a suggestion."""
    if name in BUILT_IN:
        backend: Backend = importlib.import_module(f"nc.backends.{name}").BACKEND
        return backend
    plugins: Mapping[str, object] = {p.name: p for p in entry_points(group="nc.backends")}
    if name not in plugins:
        fail(
            "NC002",
            f"target must be one of {', '.join(names())}, not '{name}'",
            help=suggest(name, names()),
            kind=UsageError,
        )
    loaded: Backend = plugins[name].load()  # type: ignore[attr-defined]
    return loaded
