"""The neuron models: parameters with defaults, what they hold, and NIR's equation of each, in one table.

Symbols as in NIR (Pedersen et al., Nature Communications 2024): S the input sum, I the synaptic current, v the
membrane, r the resistance. A population's step functions stand in `nc.ir.spiking.reference`.
"""

from __future__ import annotations

from dataclasses import dataclass

REQUIRED = None
"""Marks a parameter without a default."""


@dataclass(frozen=True)
class Model:
    """One neuron model.

    `parameters`: name to default (None: required). `current`, `membrane`: the states it has. `fires`: emits spikes.
    `reset_by`, what a spike subtracts, is v_threshold unless given (a folded batch norm moves only the threshold).
    """

    name: str
    equation: str
    parameters: dict[str, float | None]
    current: bool = False
    membrane: bool = True
    fires: bool = True

    @property
    def leaks(self) -> bool:
        return "v_leak" in self.parameters


_FIRE: dict[str, float | None] = {"v_threshold": REQUIRED, "v_reset": 0.0, "v_init": 0.0, "reset_by": 0.0}
_LEAK: dict[str, float | None] = {"r": 1.0, "v_leak": 0.0}
_SYNAPSE: dict[str, float | None] = {"tau_syn": REQUIRED, "tau_mem": REQUIRED, "w_in": 1.0}

MODELS: dict[str, Model] = {
    m.name: m
    for m in (
        Model("input", "values from outside, one a tick", {}, membrane=False, fires=False),
        Model("lif", "tau dv/dt = (v_leak - v) + r S; spike when v > v_threshold", {"tau": REQUIRED, **_LEAK, **_FIRE}),
        Model(
            "cuba_lif",
            "tau_syn dI/dt = -I + w_in S; tau_mem dv/dt = (v_leak - v) + r I; spike when v > v_threshold",
            {**_SYNAPSE, **_LEAK, **_FIRE},
            current=True,
        ),
        Model("if", "dv/dt = r S; spike when v > v_threshold", {"r": 1.0, **_FIRE}),
        Model("li", "tau dv/dt = (v_leak - v) + r S; emits v", {"tau": REQUIRED, **_LEAK, "v_init": 0.0}, fires=False),
        Model(
            "cuba_li",
            "tau_syn dI/dt = -I + w_in S; tau_mem dv/dt = (v_leak - v) + r I; emits v",
            {**_SYNAPSE, **_LEAK, "v_init": 0.0},
            current=True,
            fires=False,
        ),
        Model("i", "dv/dt = r S; emits v", {"r": 1.0, "v_init": 0.0}, fires=False),
        Model("threshold", "spike when S > v_threshold; no state", {"v_threshold": REQUIRED}, membrane=False),
        Model("linear", "emits S; no state", {}, membrane=False, fires=False),
        Model(
            "delta",
            "emits s = trunc((S - v) / v_threshold), then v += s v_threshold: the change since the last emission",
            {"v_threshold": REQUIRED, "v_init": 0.0},
            fires=False,
        ),
    )
}

INTEGRATORS = ("forward_euler", "exponential_euler", "exact")
RESETS = ("to_value", "subtract", "none")
SEMANTICS = ("sum_then_fire", "event_ordered")
UPDATE_ORDERS = ("current_before_voltage", "voltage_before_current")
COMPARES = (">", ">=")
