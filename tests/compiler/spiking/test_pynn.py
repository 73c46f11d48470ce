"""The PyNN script runs against a stand-in that steps PyNN's published equation, and follows the float network."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import numpy as np
import pytest

from nc.compiler.spiking.pynn import script
from nc.ir.diagnostics import NcError
from nc.ir.spiking.reference import run
from tests.ir.spiking.networks import one_neuron

NETWORK = one_neuron("cuba_lif", tau_syn=0.01, tau_mem=0.02, v_threshold=0.4, r=6.0)


class Simulator:
    """One source, one IF_curr_exp neuron, exact integration of its linear equations (PyNN manual, standard cells)."""

    def __init__(self, times):
        self.times = times
        self.module = ModuleType("pyNN.fake")
        for name in ("setup", "end", "StaticSynapse", "record"):
            setattr(self.module, name, lambda *a, **k: None)
        self.module.SpikeSourceArray = lambda **k: ("source", k)
        self.module.IF_curr_exp = lambda **k: ("neuron", k)
        self.module.FromListConnector = lambda rows: rows
        self.module.Population = self.population
        self.module.Projection = self.projection
        self.module.run = self.run

    def population(self, size, cell, label):
        kind, values = cell
        made = type("P", (), {"initialize": lambda s, **k: None, "record": lambda s, what: None})()
        made.values, made.kind = values, kind
        made.get_data = lambda what: self
        if kind == "neuron":
            self.cell = {k: v[0] if isinstance(v, list) else v for k, v in values.items()}
        return made

    def projection(self, source, target, rows, synapse, receptor_type):
        (self.row,) = rows

    def run(self, time):
        c, dt = self.cell, 0.05
        v = i = 0.0
        arrivals = {round((t + self.row[3]) / dt) for t in self.times}
        self.spikes = []
        for k in range(round(time / dt)):
            i = i * np.exp(-dt / c["tau_syn_E"]) + (self.row[2] if k in arrivals else 0.0)
            v += dt * ((c["v_rest"] - v) / c["tau_m"] + (i + c["i_offset"]) / c["cm"])
            if v > c["v_thresh"]:
                v = c["v_reset"]
                self.spikes.append(k * dt)

    @property
    def segments(self):
        return [type("S", (), {"spiketrains": [self.spikes]})]


def test_script_runs_and_follows_the_float_network(monkeypatch, capsys):
    ticks = 400
    spikes = (np.random.default_rng(0).random(ticks) < 0.3).astype(float)
    simulator = Simulator((np.flatnonzero(spikes) * 1.0).tolist())
    package = ModuleType("pyNN")
    package.fake = simulator.module
    monkeypatch.setitem(sys.modules, "pyNN", package)
    monkeypatch.setitem(sys.modules, "pyNN.fake", simulator.module)
    exec(compile(script(NETWORK, simulator="fake", ticks=ticks), "script", "exec"), {})
    (train,) = json.loads(capsys.readouterr().out)["n"]
    want = run(NETWORK, spikes[None, :, None]).outputs["n"].sum()
    assert want > 20
    assert len(train) == pytest.approx(want, rel=0.1)  # the network steps 1 ms by forward Euler


def test_what_pynn_cannot_say_is_refused():
    with pytest.raises(NcError) as error:
        script(one_neuron("if", v_threshold=1.0, spike_delay=1))
    assert [d.message for d in error.value.diagnostics] == [
        "neuron model must be lif or cuba_lif for PyNN, not if",
        "spike delays must be delays of projections in PyNN",
    ]
