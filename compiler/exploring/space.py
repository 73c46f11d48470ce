"""space.yaml: which options vary, what is wanted of a point, and how dearly each point may be measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from nc.compiler.config import Section, validated
from nc.compiler.exploring.goals import Constraint
from nc.compiler.yaml_text import Document, read_yaml

if TYPE_CHECKING:
    from optuna.trial import Trial

Value = bool | int | float | str | None
Fidelity = Literal["estimate", "synth", "pnr"]


class Parameter(Section):
    """One varied option: `choices`, or the numbers `low`, `low + step`, ..., `high`."""

    choices: tuple[Value, ...] | None = None
    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = Field(default=None, description="default: 1 between whole numbers, else any number")

    @model_validator(mode="after")
    def _one(self) -> Parameter:
        ranged = (self.low, self.high) != (None, None) or self.step is not None
        if (self.choices is None) == (not ranged):
            raise ValueError("must have either choices or low and high")
        if ranged and (self.low is None or self.high is None or self.low > self.high):
            raise ValueError("must have low and high, in this order")
        if self.choices is not None and len(set(map(repr, self.choices))) != len(self.choices):
            raise ValueError("must have different choices")
        if self.choices == () or (self.step is not None and self.step <= 0):
            raise ValueError("must have at least one choice, or a step above 0")
        return self

    def suggest(self, trial: Trial, name: str) -> Value:
        """A value of this parameter, proposed by Optuna."""
        if self.choices is not None:
            found: Value = trial.suggest_categorical(name, self.choices)
            return found
        assert self.low is not None and self.high is not None
        if self._whole:
            return trial.suggest_int(name, int(self.low), int(self.high), step=int(self.step or 1))
        return trial.suggest_float(name, float(self.low), float(self.high), step=self.step)

    def values(self) -> tuple[Value, ...] | None:
        """Every value, or None where there is no end of them."""
        if self.choices is not None:
            return self.choices
        assert self.low is not None and self.high is not None
        step = self.step or (1 if self._whole else None)
        if step is None:
            return None
        return tuple(self.low + i * step for i in range(math.floor((self.high - self.low) / step + 1e-9) + 1))

    def extremes(self) -> tuple[Value, ...]:
        """The values that show whether an option takes this parameter."""
        return self.choices if self.choices is not None else (self.low, self.high)

    @property
    def _whole(self) -> bool:
        return all(v is None or isinstance(v, int) for v in (self.low, self.high, self.step))


def _parameter(value: object) -> object:
    """A list in YAML stands for choices."""
    return {"choices": value} if isinstance(value, list) else value


def _constraint(value: object) -> object:
    return Constraint.parsed(value) if isinstance(value, str) else value


class Space(Section):
    """The contents of space.yaml."""

    parameters: dict[str, Annotated[Parameter, BeforeValidator(_parameter)]] = Field(
        min_length=1, description="by option path, such as quantise.weight_bits: a list of choices, or {low, high}"
    )
    objectives: dict[str, Literal["max", "min"]] = Field(
        min_length=1, description="figures to make large or small: accuracy, agreement, luts, area_cm2, ..."
    )
    constraints: tuple[Annotated[Constraint, BeforeValidator(_constraint)], ...] = Field(
        default=(),
        description="such as 'accuracy >= 0.95'; 'accuracy >= default': than of the options as they are",
    )
    fixed: dict[str, Any] = Field(default_factory=dict, description="options of every point, by option path")
    fidelity: Fidelity = Field(default="synth", description="how a point of the front is measured")
    screen: str | None = Field(
        default=None,
        description="an estimate that follows the cost, such as adder_bits: points that it shows to be far off are "
        "not synthesised",
    )
    slack: Annotated[float, Field(ge=1)] = Field(default=1.25, description="how far off, as a factor on the estimate")
    device: str | None = Field(default=None, description="for synthesis (see nc devices)")
    trials: Annotated[int, Field(ge=1, le=1_000_000)] = Field(default=40, description="different points to measure")
    sampler: Literal["tpe", "nsga2"] = "tpe"

    @property
    def size(self) -> float:
        """How many different points there are; infinite where a parameter is continuous."""
        each = [p.values() for p in self.parameters.values()]
        return math.prod(len(v) if v is not None else math.inf for v in each)

    def corners(self) -> Iterator[dict[str, Value]]:
        """Points that together hold every extreme value of every parameter."""
        columns = {name: p.extremes() for name, p in self.parameters.items()}
        for row in range(max(map(len, columns.values()))):
            yield {name: values[row % len(values)] for name, values in columns.items()}


def read_space(path: Path | Mapping[str, Any]) -> Space:
    """A space from a YAML file or a mapping. Raises NcError NC410, NC411, NC412."""
    return validated(Space, Document.of(path, "space") if isinstance(path, Mapping) else read_yaml(path))
