"""Options of the threshold target: the sections `array` and `schedule` of nc.yaml."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from nc.hdl.threshold.shape import PeShape


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pe(Section):
    """The processing element: what a schedule may use."""

    neurons: int = Field(default=4, ge=2, le=16, description="threshold neurons [1,1,1,2;T] of a processing element")
    registers: int = Field(default=16, ge=2, le=256, description="register bits local to each neuron")
    reads: int = Field(default=6, ge=3, le=48, description="register read ports of a processing element")
    fresh: int = Field(default=3, ge=3, le=6, description="XNOR products that enter a processing element in a cycle")
    cell: str = Field(default="", description="standard cell to instantiate as neuron; empty: the behavioural model")

    def shape(self) -> PeShape:
        return PeShape(self.neurons, self.registers, self.reads, self.fresh)


class ArraySection(Section):
    """The SIMD array."""

    pes: int = Field(default=64, ge=4, le=1024, description="processing elements (the published array has 256)")
    pe: Pe = Pe()
    technology: str = Field(default="", description="YAML file with power, area and clock; empty: published figures")

    def technology_file(self) -> Path | None:
        return Path(self.technology) if self.technology else None


class ScheduleSection(Section):
    """How hard the scheduler tries."""

    effort: int = Field(default=0, ge=0, le=8, description="0: a fixed grid of policies; above: random ones too")


class Options(Section):
    array: ArraySection = ArraySection()
    schedule: ScheduleSection = ScheduleSection()
