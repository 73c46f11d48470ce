"""Options of the printed target: the sections `printed`, `approx` and `budget` of nc.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from nc.compiler.config import Section


class Printed(Section):
    """How the circuit is made."""

    style: Literal["combinational", "sequential"] = Field(
        default="combinational", description="the whole network at once, or one multiplier that serves a weight a cycle"
    )
    registered: bool = Field(default=False, description="flip-flops at the outputs instead of a combinational circuit")
    vdd: Annotated[Literal["0.6", "1.0"], BeforeValidator(str)] = Field(
        default="1.0", description="supply in volts for which budgets are judged"
    )
    effort: Literal["quick", "full"] = Field(default="quick", description="mapping scripts: three, or all of them")


class Approx(Section):
    """Approximation of a model that is compiled as it is."""

    weights: Literal["exact", "po2", "csd2"] = Field(
        default="exact",
        description="weights rounded to one power of two, to two signed digits, or left as they are",
    )
    accuracy_floor: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="search the smallest circuit with this accuracy on samples held out of --calib"
    )
    search: Literal["off", "quick", "full"] = Field(
        default="off",
        description="search a circuit in the model's place; without a floor the most accurate within the budgets "
        "(a floor alone searches in full)",
    )
    hidden: Annotated[int, Field(ge=1, le=64)] | None = Field(
        default=None, description="hidden neurons of a search; default: as many as the model has"
    )


class Budget(Section):
    """What the circuit may cost; a compiled circuit beyond it is an error."""

    power_mw: Annotated[float, Field(gt=0)] | None = Field(default=None, description="power at printed.vdd")
    area_cm2: Annotated[float, Field(gt=0)] | None = Field(default=None, description="area of the classifier")


class Options(Section):
    printed: Printed = Printed()
    approx: Approx = Approx()
    budget: Budget = Budget()
