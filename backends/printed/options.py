"""Options of the printed target: the sections `printed`, `approx` and `budget` of nc.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nc.compiler.config import Section


class Printed(Section):
    """How the circuit is made."""

    registered: bool = Field(default=False, description="flip-flops at the outputs instead of a combinational circuit")
    vdd: Literal["0.6", "1.0"] = Field(default="1.0", description="supply in volts for which budgets are judged")
    effort: Literal["quick", "full"] = Field(default="quick", description="mapping scripts: three, or all of them")


class Approx(Section):
    """Approximation of a model that is compiled as it is."""

    weights: Literal["exact", "po2", "csd2"] = Field(
        default="exact",
        description="weights rounded to one power of two, to two signed digits, or left as they are",
    )
    accuracy_floor: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="least accuracy on the validation split in a search (nc explore)"
    )


class Budget(Section):
    """What the circuit may cost; a compiled circuit beyond it is an error."""

    power_mw: Annotated[float, Field(gt=0)] | None = Field(default=None, description="power at printed.vdd")
    area_cm2: Annotated[float, Field(gt=0)] | None = Field(default=None, description="area of the classifier")


class Options(Section):
    printed: Printed = Printed()
    approx: Approx = Approx()
    budget: Budget = Budget()
