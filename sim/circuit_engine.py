"""The engine `circuit`: a JoSIM deck in our Josephson circuit solver; pulse times of the junctions that it prints."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from nc.ir.diagnostics import Where, fail
from nc.sim.josephson.deck import read_deck
from nc.sim.josephson.solver import Transient, simulate

SUFFIXES = (".cir", ".js", ".jsm", ".sp", ".inp")


def simulate_deck(path: Path, *, waves: Path | None = None) -> dict[str, object]:
    """Run a deck: `junctions`, `steps`, `pulses` (junction -> times in ps), `seconds`.

    Every junction whose phase the deck prints is reported (all of them when it prints none); `waves`: a CSV of ps and
    those phases in radians. Errors: NC821, NC822.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        fail("NC821", f"circuit deck must be a readable file, not '{path}' ({error.strerror})")
    circuit = read_deck(text, file=str(path))
    begin = time.perf_counter()
    found = simulate(circuit)
    seconds = time.perf_counter() - begin
    known = [junction.name for junction in circuit.junctions]
    wanted = [name for kind, name in circuit.prints if kind == "p" and name in known] or known
    if waves is not None:
        _write(waves, found, wanted)
    return {
        "engine": "circuit",
        "junctions": len(known),
        "steps": len(found.times) - 1,
        "pulses": {name: [round(t, 3) for t in found.pulses(name).tolist()] for name in wanted},
        "temperature_k": circuit.temperature,
        "iterations": round(found.iterations, 2),
        "seconds": round(seconds, 4),
    }


def is_deck(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in SUFFIXES


def _write(path: Path, found: Transient, names: list[str]) -> None:
    columns = [found.times, *(found.junction(name) for name in names)]
    try:
        np.savetxt(
            path, np.column_stack(columns), delimiter=",", header=",".join(["ps", *names]), comments="", fmt="%.6g"
        )
    except OSError as error:
        fail(
            "NC821", f"waves must go to a writable file, not '{path}'", where=Where(str(path)), help=str(error.strerror)
        )
