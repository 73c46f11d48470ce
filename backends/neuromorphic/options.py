"""Options of the neuromorphic target: the section `spiking` of nc.yaml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nc.compiler.spiking.mapping.partition import CoreLimits
from nc.compiler.spiking.quantise import Precision


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Spiking(Section):
    """How the network is stepped, its widths, and how its memories are laid out."""

    ticks: int = Field(default=16, ge=1, description="ticks a sequence: the length of an input vector")
    dt: float | None = Field(default=None, gt=0, description="seconds a tick; NIR does not store it")
    integrator: Literal["forward_euler", "exponential_euler"] = "forward_euler"
    reset: Literal["to_value", "subtract"] = Field(default="to_value", description="what a spike does to the membrane")
    state_bits: int = Field(default=28, ge=4, le=40)
    decay_bits: int = Field(default=16, ge=1, le=20)
    weight_bits: int = Field(default=24, ge=2, le=32)
    input_bits: int = Field(default=1, ge=1, le=16, description="bits of an input value; 1 means spikes")
    input_signed: bool = False
    observe: Literal["outputs", "all"] = Field(default="outputs", description="neurons in the output frame")
    rounding: Literal["nearest", "floor", "truncate"] = Field(default="nearest", description="of decayed states")
    overflow: Literal["saturate", "wrap"] = Field(default="saturate", description="of states")
    export: tuple[Literal["loihi", "nir", "pynn", "ranc", "xylo"], ...] = Field(
        default=(), description="third-party configurations and files to write into configs/"
    )
    memory: Literal["auto", "dense", "compressed"] = Field(default="auto", description="layout of the synapse memory")

    def precision(self) -> Precision:
        return Precision(
            state_bits=self.state_bits,
            decay_bits=self.decay_bits,
            weight_bits=self.weight_bits,
            input_bits=self.input_bits,
            input_signed=self.input_signed,
            rounding=self.rounding,
            overflow=self.overflow,
        )


class Mesh(Section):
    """Cores of the mesh and what each holds. One cell is a single core without routers."""

    columns: int = Field(default=1, ge=1, le=32)
    rows: int = Field(default=1, ge=1, le=32)
    neurons: int = Field(default=256, ge=1, description="neurons a core")
    axons: int = Field(default=4096, ge=1, description="distinct sources that reach a core")

    def limits(self) -> CoreLimits:
        return CoreLimits(self.neurons, self.axons, self.axons)


class Options(Section):
    spiking: Spiking = Spiking()
    mesh: Mesh = Mesh()
