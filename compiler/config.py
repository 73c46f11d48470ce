"""Configuration: the sections every target shares, the target's own, and how YAML and --set are merged into them.

Sections are pydantic models, frozen, without defaults hidden elsewhere: what `nc schema` prints is what a run uses.
A key of --set wins over the file. A wrong key or value names its line, and what was probably meant.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError, WithJsonSchema

from nc.compiler.yaml_text import Document, parse_assignment, read_yaml
from nc.ir.diagnostics import Collector, InternalError, NcError, UsageError, Where, suggest

_NUMBER = re.compile(r"[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?|[+-]?\d{1,400}/0{0,9}[1-9]\d{0,399}")
_POWER = re.compile(r"([+-]?[1-9]\d{0,2})\*\*([+-]?\d{1,4})")


def _rational(value: object) -> Fraction:
    """A number, or text such as '1/255' or '2**-5', as an exact fraction."""
    if isinstance(value, int | float | Fraction) and not isinstance(value, bool) and math.isfinite(value):
        return Fraction(value)
    if isinstance(value, str):
        if power := _POWER.fullmatch(value):
            return Fraction(int(power[1])) ** int(power[2])
        if _NUMBER.fullmatch(value):
            return Fraction(value)
    raise ValueError("must be a number such as 0.125, '1/255' or '2**-5'")


Rational = Annotated[
    Fraction,
    BeforeValidator(_rational),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": ["number", "string"], "examples": [0.125, "1/255", "2**-5"]}),
]
"""An exact number: 0.125, '1/255' or '2**-5'."""


class Section(BaseModel):
    """Base of every section: immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


S = TypeVar("S", bound=Section)
Bits = Annotated[int, Field(ge=1, le=32)]
Positive = Annotated[Rational, Field(gt=0)]


class InputSection(Section):
    """Numbers at one input port: integers q that stand for scale * (q - zero_point).

    Lists give one value a feature, of an input that is a vector; the port is as wide as its widest feature.
    """

    bits: Bits | list[Bits] = Field(default=8, description="width of an element at the port; or one a feature")
    signed: bool | None = Field(
        default=None, description="two's complement; by default when range or DATA goes below 0"
    )
    scale: Positive | list[Positive] | None = Field(
        default=None, description="real size of one step, or one a feature; default: from range or DATA"
    )
    zero_point: int | list[int] = Field(default=0, description="the integer that stands for 0, or one a feature")
    range: tuple[Rational, Rational] | list[tuple[Rational, Rational]] | None = Field(
        default=None, description="smallest and largest real value, or a pair a feature; narrows the port"
    )


class LayerSection(Section):
    """Precision of one layer, by the name of its node; what is not given follows `quantise`."""

    weight_bits: Bits | None = None
    activation_bits: Bits | None = None
    granularity: Literal["tensor", "channel"] | None = None


class QuantiseSection(Section):
    """Post-training quantisation of a float model (a quantised one keeps its own arithmetic)."""

    weight_bits: Bits = 8
    activation_bits: Bits = 8
    input_bits: Bits | None = Field(
        default=None,
        description="of input ports that calibration describes; default: what whole numbers need, and two more than "
        "activation_bits (four with arbitrary scales) for real ones, since no layer averages their error out",
    )
    state_bits: Annotated[int, Field(ge=0, le=16)] = Field(
        default=4,
        description="more than activation_bits, of states that add up over time (the cell of an LSTM, the hidden state "
        "of a GRU): their rounding errors stay",
    )
    bias_bits: Bits | None = Field(default=None, description="default: the accumulator's own resolution")
    method: Literal["minmax", "percentile", "mse"] = Field(default="mse", description="how ranges are chosen")
    percentile: Annotated[float, Field(gt=50, le=100)] = Field(default=99.99, description="for method percentile")
    granularity: Literal["tensor", "channel"] = Field(
        default="channel", description="one weight scale a tensor or a channel"
    )
    scales: Literal["power_of_two", "arbitrary"] = "power_of_two"
    rounding: Literal["nearest", "output"] = Field(
        default="output", description="of weights; output: so that the layer's output on the data stays near"
    )
    bias_correction: bool = Field(
        default=True, description="restore each channel's mean on the calibration data, where samples held back agree"
    )
    layers: dict[str, LayerSection] = Field(default_factory=dict, description="by node name")


class ModelSection(Section):
    """How a model file is read: what it does not say, or says for a batch only."""

    batch: Literal["auto", "none"] | Annotated[int, Field(ge=0)] = Field(
        default="auto",
        description="the axis of the inputs that counts samples; auto: the one without a number, or else the leading "
        "one; none: no axis does (every tensor is kept whole)",
    )
    shapes: dict[str, list[Annotated[int, Field(ge=1)]]] = Field(
        default_factory=dict, description="whole shapes of inputs by name, over those that the file states"
    )

    @property
    def axis(self) -> str | int | None:
        """`batch` as the frontends take it: None for none."""
        return None if self.batch == "none" else self.batch


class DataSection(Section):
    """How DATA files are read."""

    limit_mb: Annotated[int, Field(ge=1)] = Field(default=1024, description="largest size of the arrays in memory")
    scale: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="factor on every element (IDX images: 1/255)"
    )


class Common(Section):
    """The sections that every target shares."""

    input: dict[str, InputSection] = Field(default_factory=dict, description="by the input's name")
    output: Literal["auto", "logits", "argmax"] = Field(
        default="auto",
        description="logits: without softmax or sigmoid at the end; argmax: the class index, ties to the lowest; auto: "
        "the model's own outputs where integers can have them exactly, else logits with a warning",
    )
    model: ModelSection = ModelSection()
    quantise: QuantiseSection = QuantiseSection()
    data: DataSection = DataSection()
    seed: Annotated[int, Field(ge=0)] = Field(default=0, description="of every random choice")


@dataclass(frozen=True)
class Settings:
    """The merged configuration: the common sections and the target's `Options`."""

    common: Common
    options: BaseModel

    def to_json(self) -> dict[str, object]:
        """All values, defaults included, for the manifest."""
        return {**self.common.model_dump(mode="json"), **self.options.model_dump(mode="json")}


def resolve(
    options: type[BaseModel],
    file: Path | Document | None = None,
    assignments: Sequence[str] = (),
    given: Mapping[str, Any] | None = None,
) -> Settings:
    """Merge `given` (from Python), the YAML `file` (or what was read of it) and `key.path=value` assignments.

    Later ones win.

    Raises NcError (exit 1) for the file's mistakes, UsageError (exit 2) when all of them are on the command line:
    NC003, NC410, NC411, NC412.
    """
    known = _sections(options)
    document = Document.of(given or {}, "options")
    if file is not None:
        document = document.merged(file if isinstance(file, Document) else read_yaml(file))
    for text in assignments:
        document = document.merged(parse_assignment(text))
    found = Collector()
    for key in document.data:
        if key not in known:
            found.error("NC411", f"'{key}' must be a section of the configuration", where=_where(document, (key,)),
                        help=suggest(str(key), known))  # fmt: skip
    parts = []
    for model in (Common, options):
        try:
            parts.append(model.model_validate({k: v for k, v in document.data.items() if k in model.model_fields}))
        except ValidationError as error:
            found.extend(_explained(model, error, document).diagnostics)
    usage = all(d.where.file.startswith("--set") for d in found.diagnostics)
    found.raise_if_any(UsageError if usage else NcError)
    common, own = parts
    assert isinstance(common, Common)
    return Settings(common, own)


def validated(model: type[S], document: Document) -> S:
    """A document as a section; every wrong key and value at once. Raises NcError NC411, NC412."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise NcError(_explained(model, error, document).diagnostics) from None


def from_json(options: type[BaseModel], data: Mapping[str, Any]) -> Settings:
    """The settings that `Settings.to_json` wrote into a manifest."""
    return resolve(options, given=data)


def schema(targets: Mapping[str, type[BaseModel]]) -> dict[str, object]:
    """The JSON schema of nc.yaml: common sections and those of one target, or of any of several, by target name."""
    common = Common.model_json_schema()
    each: dict[str, dict[str, Any]] = {}
    for name, options in targets.items():
        _sections(options)
        own = options.model_json_schema()
        whole: dict[str, Any] = {
            "title": name,
            "type": "object",
            "additionalProperties": False,
            "properties": {**common["properties"], **own.get("properties", {})},
            "$defs": {**common.get("$defs", {}), **own.get("$defs", {})},
        }
        each[name] = whole if len(targets) == 1 else _named_apart(whole, name)
    head: dict[str, object] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    if len(each) == 1:
        return head | next(iter(each.values()))
    definitions: dict[str, Any] = {}
    for whole in each.values():
        definitions |= whole.pop("$defs")
    return head | {"title": "nc.yaml", "anyOf": list(each.values()), "$defs": definitions}


def _named_apart(whole: Mapping[str, Any], target: str) -> dict[str, Any]:
    """The schema with its definitions called TARGET.NAME, since targets may use one name for different sections."""
    text = json.dumps(whole).replace('"#/$defs/', f'"#/$defs/{target}.')
    renamed: dict[str, Any] = json.loads(text)
    renamed["$defs"] = {f"{target}.{name}": body for name, body in renamed["$defs"].items()}
    return renamed


def shares(
    targets: Mapping[str, type[BaseModel]],
    file: Path | None,
    assignments: Sequence[str],
    others: Sequence[type[BaseModel]] = (),
) -> dict[str, tuple[Document, tuple[str, ...]]]:
    """One configuration for several targets: each takes the common sections and its own, of file and assignments.

    Sections that only `others` have, targets not asked for, are passed over. NC411 for one that nobody has.
    """
    document = Document({}) if file is None else read_yaml(file)
    parsed = {text: parse_assignment(text) for text in assignments}
    known = {name: _sections(options) for name, options in targets.items()}
    every = list(dict.fromkeys(key for keys in known.values() for key in keys))
    found = Collector()
    for part in (document, *parsed.values()):
        for key in part.data:
            if key not in every and not any(key in _sections(options) for options in others):
                found.error("NC411", f"'{key}' must be a section of the configuration of {' or '.join(targets)}",
                            where=_where(part, (key,)), help=suggest(str(key), every))  # fmt: skip
    found.raise_if_any()
    return {
        name: (
            Document({key: value for key, value in document.data.items() if key in keys}, document.places),
            tuple(text for text, part in parsed.items() if set(part.data) <= set(keys)),
        )
        for name, keys in known.items()
    }


def _sections(options: type[BaseModel]) -> tuple[str, ...]:
    if clash := Common.model_fields.keys() & options.model_fields.keys():
        raise InternalError(f"{options.__name__} redefines common sections: {', '.join(sorted(clash))}")
    return (*Common.model_fields, *options.model_fields)


def _explained(model: type[BaseModel], error: ValidationError, document: Document) -> Collector:
    """pydantic's findings in our words; the alternatives of a union are one finding."""
    found = Collector()
    wrong: dict[tuple[Any, ...], tuple[list[str], object]] = {}
    for entry in error.errors(include_url=False):
        path = tuple(entry["loc"])
        if entry["type"] == "extra_forbidden":
            siblings = _fields(model, path[:-1])
            found.error("NC411", f"'{_dotted(path)}' must be a key of the configuration", where=_where(document, path),
                        help=suggest(str(path[-1]), siblings))  # fmt: skip
            continue
        message = (
            entry["msg"]
            .removeprefix("Value error, ")
            .replace("Input should", "must")
            .replace("Field ", "")
            .split(", unable")[0]
        )
        if entry["type"] == "model_type":
            message = "must be a mapping of keys"
        message = message.replace("a valid list", "a list")
        message = message if message.startswith("must") else f"must be right: {message}"
        path = _written(document, path)
        known = wrong.setdefault(path, ([], entry["input"]))[0]
        known.append(message if not known else message.removeprefix("must be "))
    for path, (messages, given) in wrong.items():
        text = f"'{_dotted(path)}' {' or '.join(dict.fromkeys(messages))}"
        text += "" if isinstance(given, Mapping) else f", not {_short(given)}"
        found.error("NC412", text, where=_where(document, path))
    return found


def _dotted(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))


def _written(document: Document, path: tuple[Any, ...]) -> tuple[Any, ...]:
    """The part of pydantic's path that stands in the document: it also names the alternatives of a union."""
    value: Any = document.data
    for depth, step in enumerate(path):
        known: Any = value if isinstance(value, Mapping) else range(len(value)) if isinstance(value, list) else ()
        if step not in known:  # a list may be shorter than it must be
            return path[:depth]
        value = value[step]
    return path


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _where(document: Document, path: tuple[Any, ...]) -> Where:
    return Where(file=document.place(path))


def _fields(model: type[BaseModel], path: tuple[Any, ...]) -> tuple[str, ...]:
    """The keys known at a path below `model`; free-form names (inputs, layers) are stepped over."""
    for step in path:
        if step not in model.model_fields:
            continue
        below = _model_in(model.model_fields[step].annotation)
        if below is None:
            return ()
        model = below
    return tuple(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in get_args(annotation) if (m := _model_in(a)) is not None), None)
