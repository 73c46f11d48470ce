"""Options of the FPGA target: the sections `optimise`, `pipeline` and `io` of nc.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from nc.compiler.config import Section

Technology = Literal["generic", "ice40", "ecp5", "xilinx", "lut6"]


class Optimise(Section):
    """How sums are shared and what adders they are made of."""

    effort: Annotated[int, Field(ge=0, le=3)] = Field(
        default=1, description="search for shared sub-expressions: 0 none, 1 one run, 2 and 3 the best of several"
    )
    max_depth: Annotated[int, Field(ge=1, le=60)] | None = Field(
        default=None, description="levels of two-operand adders in a matrix product; none for any"
    )
    technology: Technology = Field(
        default="generic",
        description="adders and delays of this family; 'xilinx' builds ternary adders of LUT6_2 and CARRY8, "
        "'lut6' heaps of bits under six-input counters",
    )
    weigh_widths: bool = Field(default=True, description="shared sub-expressions that overlap in many bits first")
    affine_ranges: bool = Field(default=True, description="exact ranges of sums as linear forms of a layer's inputs")
    merge_sums: bool = Field(default=True, description="one tree of adders for all operands of sums with one reader")
    unshare: bool = Field(default=True, description="give shared pairs back where wide adders take them for nothing")
    mapped_adders: bool = Field(default=True, description="the adders that the technology is best at, placed as cells")
    fold_thresholds: bool = Field(default=True, description="offsets and scales move into the thresholds behind them")
    small_tables: bool = Field(default=True, description="staircases of at most six bits as tables")
    drop_low_bits: bool = Field(
        default=True, description="words without the low bits that every reader drops, where that is exact"
    )
    argmax_differences: bool = Field(
        default=True, description="an arg-max of sums computes only what the classes differ in"
    )
    calibrated_ranges: bool = Field(
        default=False,
        description="clamp words to the bits that calibration data use (--calib): smaller, and another function where "
        "an input leaves those ranges",
    )
    neuron_tables: bool = Field(default=True, description="neurons that depend on few bits as tables, where smaller")
    neuron_bits: Annotated[int, Field(ge=2, le=16)] = Field(
        default=10, description="most bits that a neuron made a table may depend on"
    )
    pack_bits: bool = Field(
        default=True, description="products of 1-bit inputs as tables of six (LUT6 families), where smaller"
    )
    count_tables: bool = Field(default=True, description="groups of five 1-bit inputs as tables that neurons share")


class PipelineSection(Section):
    """Registers: at most one of the three; none of them means those for the device's usual clock, or none with
    style=spatial."""

    stages: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        default=None, description="registers from input to output"
    )
    every: Annotated[int, Field(ge=1)] | None = Field(default=None, description="operations between registers")
    clock_mhz: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="clock that the delay model must meet"
    )
    minimise: bool = Field(default=True, description="fewest register bits by linear programming")
    relax: Annotated[float, Field(ge=0, le=10)] = Field(
        default=0.0, description="with stages: how much longer than necessary a stage may be, for fewer registers"
    )

    @model_validator(mode="after")
    def _one(self) -> PipelineSection:
        given = [name for name in ("stages", "every", "clock_mhz") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"must have one of stages, every and clock_mhz, not {' and '.join(given)}")
        return self


class Io(Section):
    """The stream ports."""

    width: Literal["full"] | Annotated[int, Field(ge=1, le=65536)] = Field(
        default="full", description="bits of TDATA: the whole vector, or a number such as 8, 16, 32"
    )


class FoldSection(Section):
    """How often the multipliers of a streaming design are reused."""

    target_ii: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="clocks between samples that every layer shall reach"
    )
    reuse: Annotated[int, Field(ge=1)] | dict[str, Annotated[int, Field(ge=1)]] | None = Field(
        default=None, description="times that a multiplier is used a position; one number, or by layer name"
    )


class FitSection(Section):
    """What a design must fit."""

    device: str | None = Field(
        default=None,
        description="a name of `nc devices`: spatial where that fits, else the quickest folding that does",
    )


class Options(Section):
    style: Literal["auto", "spatial", "streaming"] = Field(
        default="auto",
        description="spatial: everything at once; streaming: folded engines; auto: spatial where it fits the device",
    )
    fold: FoldSection = FoldSection()
    fit: FitSection = FitSection()
    optimise: Optimise = Optimise()
    pipeline: PipelineSection = PipelineSection()
    io: Io = Io()
