"""Strict YAML: one mapping, no aliases, no duplicate keys, no tags; every value remembers its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nc.ir.diagnostics import NcError, UsageError, Where, fail

_LIMIT = 1 << 20  # bytes of a configuration file
_DEPTH = 32
_STEP = re.compile(r'"([^"]+)"|([^."]+)')

Path_ = tuple[Any, ...]


@dataclass(frozen=True)
class Document:
    """Nested mappings, and where each path was written ('nc.yaml:3', '--set key=value')."""

    data: Mapping[Any, Any]
    places: Mapping[Path_, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, Any], origin: str) -> Document:
        return cls(data, {(): origin} if data else {})

    def place(self, path: Path_) -> str:
        """Where `path`, or the nearest thing above it, was written."""
        return next((self.places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.places), "")

    def merged(self, over: Document) -> Document:
        """`over` laid on top: mappings merge, everything else is replaced."""
        return Document(_merge(self.data, over.data), {**self.places, **over.places})


def read_yaml(path: Path) -> Document:
    """A YAML file (NC410 with the line of what is wrong; NC005 when it cannot be read)."""
    if not path.is_file():
        what = "a folder" if path.is_dir() else "missing"
        fail("NC005", f"the configuration file must exist, not be {what}", where=Where(file=str(path)))
    if path.stat().st_size > _LIMIT:
        fail("NC410", f"the configuration must be smaller than {_LIMIT >> 20} MB", where=Where(file=path.name))
    return parse_yaml(path.read_bytes(), path.name)


def parse_yaml(text: bytes | str, name: str) -> Document:
    """One YAML mapping; `name` stands in diagnostics."""
    places: dict[Path_, str] = {}
    try:
        loader = _Strict(text)
        try:
            root = loader.get_single_node()
            data = {} if root is None else _value(loader, root, (), name, places)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        fail("NC410", f"the configuration must be valid YAML: {error.problem}", where=Where(file=f"{name}{line}"))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())[:120]
        fail("NC410", f"the configuration must be valid YAML: {reason}", where=Where(file=name))
    except RecursionError:
        fail("NC410", "the configuration must not be nested so deeply", where=Where(file=name))
    if not isinstance(data, dict):
        fail("NC410", f"the configuration must be a mapping, not a {type(data).__name__}", where=Where(file=name))
    return Document(data, places)


def option(*steps: str) -> str:
    """The key path of --set: steps joined by dots, each in double quotes where it is no plain word."""
    return ".".join(step if re.fullmatch(r"[\w/-]+", step) else f'"{step}"' for step in steps)


def advised(*steps: str, value: str) -> str:
    """--set with a key path and a value as a shell takes it: double quotes are the shell's own without single ones."""
    text = f"{option(*steps)}={value}"
    return f"--set '{text}'" if '"' in text else f"--set {text}"


def parse_assignment(text: str) -> Document:
    """`key.path=value` of --set; the value is YAML, a step with dots in it stands in double quotes (NC003)."""
    key, equals, value = text.partition("=")
    steps = [a or b for a, b in _STEP.findall(key)]
    if not equals or not steps or _STEP.sub("", key).strip("."):
        fail("NC003", f"--set must be key.path=value, not '{text}'", kind=UsageError,
             help="--set quantise.weight_bits=6")  # fmt: skip
    place = f"--set {text}"
    try:
        parsed = parse_yaml(f"value: {value}", place).data.get("value")
    except NcError as error:
        raise UsageError(error.diagnostics) from None
    data: Any = parsed
    for step in reversed(steps):
        data = {step: data}
    return Document(data, {tuple(steps[: n + 1]): place for n in range(len(steps))})


class _Strict(yaml.SafeLoader):
    """A safe loader without aliases, which would let a small file stand for a huge one."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases are not accepted", mark)
        return super().compose_node(parent, index)


# Words, as in YAML 1.2: `off`, `no` and `yes` are values of options, or names.
_BOOLEAN = "tag:yaml.org,2002:bool"
_Strict.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != _BOOLEAN]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Strict.add_implicit_resolver(_BOOLEAN, re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def _value(loader: _Strict, node: yaml.Node, path: Path_, name: str, places: dict[Path_, str]) -> Any:
    places[path] = f"{name}:{node.start_mark.line + 1}" if not name.startswith("--set") else name
    if len(path) > _DEPTH:
        raise RecursionError
    if isinstance(node, yaml.MappingNode):
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "keys must be plain words", key_node.start_mark)
            key = key_node.value
            if key in found:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{key}' is repeated", key_node.start_mark)
            found[key] = _value(loader, value_node, (*path, key), name, places)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(loader, item, (*path, i), name, places) for i, item in enumerate(node.value)]
    return loader.construct_object(node)


def _merge(base: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[Any, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
