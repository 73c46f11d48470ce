"""Options of the sfq target: the section `sfq` of nc.yaml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Sfq(Section):
    """How logic becomes SFQ cells."""

    style: Literal["auto", "unrolled", "engine"] = Field(
        default="auto",
        description="unrolled: all neurons at once; engine: a column a neuron, layers and inputs one after the other; "
        "auto: the engine for binary networks beyond max_jj",
    )
    adders: Literal["gates", "t1"] = Field(
        default="gates", description="full adders of an unrolled network: of gates (faster clock) or T1 cells (smaller)"
    )
    lanes: Literal[0, 1, 2, 4] = Field(default=0, description="inputs a period of the engine; 0: the most that fit")
    engine_max_jj: int = Field(default=100_000, ge=1, description="budget of Josephson junctions of an engine")
    phases: Literal[1, 2, 3, 4] = Field(default=1, description="clock phases; more phases need fewer balancing DFFs")
    effort: Literal["quick", "normal", "high"] = Field(
        default="quick", description="how many mapping scripts are tried"
    )
    objective: Literal["dff", "jj"] = Field(default="jj", description="what the best mapping has the fewest of")
    wiring: Literal["abut", "jtl", "ptl"] = Field(default="jtl", description="between cells: nothing, a JTL, or a PTL")
    cells: str = Field(default="", description="YAML file of another cell library")
    max_jj: int = Field(default=1_000_000, ge=1, description="budget of Josephson junctions of an unrolled network")


class Options(Section):
    sfq: Sfq = Sfq()
