"""Reading Liberty files: the area, leakage and kind of every cell, and nothing else."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nc.ir.diagnostics import fail

_TOKEN = re.compile(r'\s+|/\*.*?\*/|//[^\n]*|\\\n|("(?:[^"\\]|\\.)*"|[{}():;,]|[^\s{}():;,"]+)', re.DOTALL)
_POWER_UNITS: Mapping[str, float] = {"W": 1e6, "mW": 1e3, "uW": 1.0, "nW": 1e-3, "pW": 1e-6}


@dataclass
class Group:
    """`name (args) { attributes; groups }`."""

    name: str
    args: tuple[str, ...]
    attributes: dict[str, str] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)


@dataclass(frozen=True)
class LibraryCell:
    """`area` in the library's unit (µm² by convention); `leakage_uw`: mean over the states that the library gives."""

    name: str
    area: float
    leakage_uw: float
    sequential: bool
    dont_use: bool


def read_liberty(path: Path) -> dict[str, LibraryCell]:
    """Every cell of a Liberty file by name. Raises NcError (NC525) for a file that is none, or has no cells."""
    try:
        tokens = [m[1] for m in _TOKEN.finditer(path.read_text(errors="replace")) if m[1]]
    except OSError as error:
        fail("NC525", f"the Liberty file must be readable: {error.strerror}: '{path}'")
    library = None
    with contextlib.suppress(IndexError, ValueError):  # a file that ends inside a group, or is something else
        library, _ = _group(tokens, 0)
    if library is None or library.name != "library":
        fail("NC525", f"'{path}' must be a Liberty file: it has to be one `library (...) {{ ... }}` group")
    unit = _power_unit(library.attributes.get("leakage_power_unit", "1nW"))
    try:
        cells = {group.args[0]: _cell(group, unit) for group in library.groups if group.name == "cell"}
    except (ValueError, IndexError) as error:
        fail("NC525", f"cells of '{path}' must have names, and numbers as figures: {error}")
    if not cells:
        fail("NC525", f"the Liberty file must hold cells, and '{path}' holds none")
    return cells


def _cell(group: Group, unit: float) -> LibraryCell:
    states = [
        float(g.attributes["value"]) for g in group.groups if g.name == "leakage_power" and "value" in g.attributes
    ]
    if states:
        leakage = sum(states) / len(states)
    else:
        leakage = float(group.attributes.get("cell_leakage_power", "0"))
    return LibraryCell(
        name=group.args[0],
        area=float(group.attributes.get("area", "0")),
        leakage_uw=leakage * unit,
        sequential=any(g.name in ("ff", "latch", "statetable", "ff_bank") for g in group.groups),
        dont_use=group.attributes.get("dont_use", "false") == "true",
    )


def _power_unit(text: str) -> float:
    """`1nW`, `10pW` in microwatts."""
    match = re.fullmatch(r"([\d.]*)\s*(\w*W)", text)
    if match is None or match[2] not in _POWER_UNITS:
        fail("NC525", f"leakage_power_unit must be a power such as 1nW, not '{text}'")
    return float(match[1] or 1) * _POWER_UNITS[match[2]]


def _group(tokens: list[str], i: int) -> tuple[Group, int]:
    """The group that begins at token `i` (`name ( args ) {`), and the position after its closing brace."""
    name = tokens[i]
    args, i = _arguments(tokens, i + 1)
    group = Group(name, args)
    if tokens[i] != "{":
        raise IndexError
    i += 1
    while tokens[i] != "}":
        if tokens[i] == ";":
            i += 1
        elif tokens[i + 1] == ":":
            stop = i + 2
            while tokens[stop] != ";" and tokens[stop] != "}":
                stop += 1
            group.attributes[tokens[i]] = " ".join(_unquoted(tokens[i + 2 : stop]))
            i = stop
        elif tokens[i + 1] == "(":
            _, after = _arguments(tokens, i + 1)
            if tokens[after] == "{":
                inner, i = _group(tokens, i)
                group.groups.append(inner)
            else:
                i = after  # a complex attribute, such as `capacitive_load_unit (1, pf);`
        else:
            raise IndexError
    return group, i + 1


def _arguments(tokens: list[str], i: int) -> tuple[tuple[str, ...], int]:
    if tokens[i] != "(":
        raise IndexError
    stop = tokens.index(")", i)
    return tuple(_unquoted(t for t in tokens[i + 1 : stop] if t != ",")), stop + 1


def _unquoted(tokens: object) -> Iterator[str]:
    for token in tokens:  # type: ignore[attr-defined]
        yield token[1:-1] if token.startswith('"') else token
