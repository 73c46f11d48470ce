"""Configuration: merging, exact numbers, and every wrong key or value with its line."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from nc.compiler.config import from_json, resolve, schema
from nc.ir.diagnostics import InternalError, NcError, UsageError


class Io(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: Literal["full"] | Annotated[int, Field(ge=1)] = "full"
    depth: int | None = None

    @model_validator(mode="after")
    def _together(self) -> Io:
        if self.depth is not None and self.width == "full":
            raise ValueError("must have a width when it has a depth")
        return self


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")
    io: Io = Io()
    pipeline: int = 3


def yaml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "nc.yaml"
    path.write_text(text)
    return path


def refused(kind: type[NcError], file: Path | None = None, *assignments: str) -> str:
    with pytest.raises(NcError) as caught:
        resolve(Options, file, assignments)
    assert type(caught.value) is kind
    return str(caught.value)


def test_defaults() -> None:
    settings = resolve(Options)
    assert settings.common.quantise.weight_bits == 8
    assert isinstance(settings.options, Options) and settings.options.pipeline == 3


def test_set_wins_over_the_file_and_mappings_merge(tmp_path: Path) -> None:
    file = yaml(tmp_path, "quantise: {weight_bits: 6, activation_bits: 5}\nio: {width: 8}\npipeline: 1\n")
    settings = resolve(Options, file, ["quantise.weight_bits=4", "io.width=16", "input.x.scale=1/255"])
    quantise = settings.common.quantise
    assert (quantise.weight_bits, quantise.activation_bits) == (4, 5)
    assert settings.common.input["x"].scale == Fraction(1, 255)
    assert settings.options == Options(io=Io(width=16), pipeline=1)


def test_steps_with_dots_are_quoted() -> None:
    settings = resolve(Options, None, ['quantise.layers."fc.1/MatMul".weight_bits=2'])
    assert settings.common.quantise.layers["fc.1/MatMul"].weight_bits == 2


@pytest.mark.parametrize(("text", "value"), [("0.125", Fraction(1, 8)), ("2**-5", Fraction(1, 32)), ("1", Fraction(1))])
def test_scales_are_exact(text: str, value: Fraction) -> None:
    assert resolve(Options, None, [f"input.x.scale={text}"]).common.input["x"].scale == value


def test_settings_return_from_the_manifest() -> None:
    settings = resolve(Options, None, ["input.x.scale=1/255", "input.x.range=[0, 1]", "io.width=8", "seed=7"])
    assert from_json(Options, settings.to_json()) == settings


def test_unknown_keys_in_the_file_are_all_reported_with_their_lines(tmp_path: Path) -> None:
    file = yaml(tmp_path, "quantise:\n  weigth_bits: 6\ninput:\n  x: {bit: 3}\nio:\n  widht: 8\npipelin: 2\n")
    assert refused(NcError, file) == (
        "error[NC411]: 'pipelin' must be a section of the configuration\n  --> nc.yaml:7\n"
        "  help: did you mean 'pipeline'?\n"
        "error[NC411]: 'input.x.bit' must be a key of the configuration\n  --> nc.yaml:4\n"
        "  help: did you mean 'bits'?\n"
        "error[NC411]: 'quantise.weigth_bits' must be a key of the configuration\n  --> nc.yaml:2\n"
        "  help: did you mean 'weight_bits'?\n"
        "error[NC411]: 'io.widht' must be a key of the configuration\n  --> nc.yaml:6\n"
        "  help: did you mean 'width'?"
    )


def test_unknown_key_on_the_command_line_is_usage() -> None:
    assert refused(UsageError, None, "quantise.weigth_bits=6") == (
        "error[NC411]: 'quantise.weigth_bits' must be a key of the configuration\n"
        "  --> --set quantise.weigth_bits=6\n  help: did you mean 'weight_bits'?"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quantise: {weight_bits: 99}", "error[NC412]: 'quantise.weight_bits' must be less than or equal to 32, not "
         "99\n  --> nc.yaml:1"),
        ("quantise: {method: mean}", "error[NC412]: 'quantise.method' must be 'minmax', 'percentile' or 'mse', "
         "not 'mean'\n  --> nc.yaml:1"),
        ("input:\n  x: {scale: wide}", "error[NC412]: 'input.x.scale' must be a number such as 0.125, "
         "'1/255' or '2**-5' or a list, not 'wide'\n  --> nc.yaml:2"),
        ("input:\n  x: {scale: 1/000}", "error[NC412]: 'input.x.scale' must be a number such as 0.125, "
         "'1/255' or '2**-5' or a list, not '1/000'\n  --> nc.yaml:2"),
        ("input:\n  x: {scale: 1.0e+99999999999}", "error[NC412]: 'input.x.scale' must be a number such as 0.125, "
         "'1/255' or '2**-5' or a list, not inf\n  --> nc.yaml:2"),
        ("seed: 1\nseed: 2", "error[NC410]: the configuration must be valid YAML: the key 'seed' is repeated\n"
         "  --> nc.yaml:2"),
        ("a: &x 1\nb: *x", "error[NC410]: the configuration must be valid YAML: aliases are not accepted\n"
         "  --> nc.yaml:2"),
        ("io: {width: half}", "error[NC412]: 'io.width' must be 'full' or a valid integer, not 'half'\n"
         "  --> nc.yaml:1"),
        ("io: {depth: 3}", "error[NC412]: 'io' must have a width when it has a depth\n  --> nc.yaml:1"),
        ("- 1", "error[NC410]: the configuration must be a mapping, not a list\n  --> nc.yaml"),
        ("seed: !!python/object/apply:os.system [ls]", "error[NC412]: 'seed' must be a valid integer, not ['ls']\n"
         "  --> nc.yaml:1"),
        ("{" * 2000, "error[NC410]: the configuration must not be nested so deeply\n  --> nc.yaml"),
        ("seed: [", "error[NC410]: the configuration must be valid YAML: expected the node content, but found "
         "'<stream end>'\n  --> nc.yaml:1"),
    ],
)  # fmt: skip
def test_wrong_files(tmp_path: Path, text: str, message: str) -> None:
    assert refused(NcError, yaml(tmp_path, text)) == message


@pytest.mark.parametrize("text", ["seed", "=1", "..=1", 'a"b=1'])
def test_wrong_assignments(text: str) -> None:
    assert refused(UsageError, None, text) == (
        f"error[NC003]: --set must be key.path=value, not '{text}'\n  help: --set quantise.weight_bits=6"
    )


def test_random_bytes_end_in_a_diagnostic(tmp_path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(3)
    good = b"quantise: {weight_bits: 6, layers: {a: {weight_bits: 2}}}\ninput:\n  x: {scale: 1/255, range: [0, 1]}\n"
    seen = set()
    for _ in range(400):
        bad = bytearray(good)
        for at in rng.integers(len(bad), size=3):
            bad[at] = rng.integers(256)
        (tmp_path / "nc.yaml").write_bytes(bad)
        try:
            resolve(Options, tmp_path / "nc.yaml")
            seen.add("read")
        except NcError as error:
            seen.add(error.diagnostics[0].code)
    assert {"NC410", "NC411"} <= seen


def test_schema_merges_common_and_target_sections() -> None:
    one = schema({"fpga": Options})
    assert one["title"] == "fpga"
    assert set(one["properties"]) == {"input", "output", "model", "quantise", "data", "seed", "io", "pipeline"}  # type: ignore[call-overload]
    assert one["additionalProperties"] is False


def test_sections_of_one_name_in_two_targets_are_kept_apart() -> None:
    def options(kind: type) -> type[BaseModel]:
        return create_model("Options", io=(create_model("Io", width=(kind, ...)), ...))  # type: ignore[call-overload,no-any-return]

    found: dict[str, Any] = schema({"a": options(int), "b": options(str)})
    widths = [found["$defs"][f"{name}.Io"]["properties"]["width"]["type"] for name in ("a", "b")]
    assert widths == ["integer", "string"]
    assert [part["properties"]["io"]["$ref"] for part in found["anyOf"]] == ["#/$defs/a.Io", "#/$defs/b.Io"]


def test_a_target_that_redefines_a_common_section_is_our_defect() -> None:
    class Bad(BaseModel):
        seed: int = 0

    with pytest.raises(InternalError, match="Bad redefines common sections: seed"):
        resolve(Bad)
