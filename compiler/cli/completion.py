"""What the shell offers after TAB: targets, chips, boards, codes, words of options, and the option keys of --set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from typer import Context


def targets(incomplete: str) -> list[str]:
    """Names of targets."""
    from nc.backends import registry

    return _starting(registry.names(), incomplete)


def target_list(incomplete: str) -> list[str]:
    """Names of targets separated by commas, or `all`."""
    before, comma, last = incomplete.rpartition(",")
    offered = targets(last) if comma else [*targets(last), *_starting(["all"], last)]
    return [f"{before}{comma}{name}" for name in offered]


def devices(incomplete: str) -> list[str]:
    """Chips and architectures of nc synth."""
    from nc.backends.synth.devices import DEVICES

    return _starting(DEVICES, incomplete)


def boards(incomplete: str) -> list[str]:
    """Boards of nc synth."""
    from nc.backends.synth.boards import BOARDS

    return _starting(BOARDS, incomplete)


def engines(incomplete: str) -> list[str]:
    """Engines of any target."""
    from nc.backends import registry

    found = [engine for name in registry.names() for engine in registry.find(name).engines]
    return _starting(dict.fromkeys(["golden", "auto", *found]), incomplete)


def missing(incomplete: str) -> list[str]:
    """What may become of missing values."""
    from nc.compiler.reading import MISSING

    return _starting(MISSING, incomplete)


def codes(incomplete: str) -> list[str]:
    """Error codes."""
    from nc.ir.codes import CODES

    return _starting(CODES, incomplete.upper())


def assignments(ctx: Context, incomplete: str) -> list[str]:
    """`key.path=` of the target's options, of all targets where none is named yet, with the value where it is one of a
    few."""
    from nc.backends import registry
    from nc.compiler.config import schema

    named = ctx.params.get("target")
    names = [named] if named in registry.names() else registry.names()
    offered: set[str] = set()
    for name in names:
        whole = schema({name: registry.find(name).Options})
        offered.update(_assignable(whole, whole.get("$defs", {}), ""))
    return _starting(sorted(offered), incomplete)


def _assignable(section: Mapping[str, Any], definitions: Any, path: str) -> Iterator[str]:
    """Assignments to the keys of a section of the JSON schema, without those that the user names (layers, inputs)."""
    for key, field in section.get("properties", {}).items():
        inner = definitions[field["$ref"].rpartition("/")[2]] if "$ref" in field else field
        kinds = [inner, *inner.get("anyOf", ())]
        values = [v for kind in kinds for v in kind.get("enum", ())]
        values += ["true", "false"] if any(kind.get("type") == "boolean" for kind in kinds) else []
        if "properties" in inner:
            yield from _assignable(inner, definitions, f"{path}{key}.")
        elif inner.get("type") != "object":
            yield from [f"{path}{key}={value}" for value in values] or [f"{path}{key}="]


def _starting(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
