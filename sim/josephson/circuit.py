"""A flat Josephson circuit as data. Units: ps, mV, mA, ohm, pH, pF, so that mA = mV / ohm = pF mV / ps = mV ps / pH."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Reals = np.ndarray[Any, np.dtype[np.float64]]

FLUX_QUANTUM = 2.067833848
"""mV ps."""

K_PHI = FLUX_QUANTUM / (2 * math.pi)
"""mV ps a radian: voltage = K_PHI * d(phase)/dt."""

BOLTZMANN = 1.380649e-23


@dataclass(frozen=True)
class Waveform:
    """A source's value over time: piecewise linear through (`times` ps, `values`), constant outside; `period` > 0
    repeats it from its first point on; a sine is `offset + amplitude sin(2 pi f (t - delay))` after `delay`."""

    times: tuple[float, ...] = (0.0,)
    values: tuple[float, ...] = (0.0,)
    period: float = 0.0
    sine: tuple[float, float, float, float] | None = None

    def at(self, t: Reals) -> Reals:
        if self.sine is not None:
            offset, amplitude, frequency, delay = self.sine
            wave = offset + amplitude * np.sin(2 * np.pi * frequency * (t - delay))
            return np.asarray(np.where(t < delay, offset, wave), np.float64)
        if self.period > 0:
            start = self.times[0]
            t = np.where(t > start, start + np.mod(t - start, self.period), t)
        return np.asarray(np.interp(t, self.times, self.values), np.float64)

    def integral(self, t: Reals) -> Reals:
        """Trapezoidal integral from t[0], at the points t (for voltage sources: phase times K_PHI)."""
        values = self.at(t)
        return np.concatenate([[0.0], np.cumsum((values[1:] + values[:-1]) / 2 * np.diff(t))])


@dataclass(frozen=True)
class JunctionModel:
    """RCSJ model a unit of area: critical current mA, capacitance pF, subgap and normal resistance ohm, gap mV.

    `nonlinear`: above the gap the resistance is `rn` (JoSIM's rtype=1), else always `r0`.
    """

    icrit: float = 1.0
    cap: float = 0.07
    r0: float = 30.0
    rn: float = 5.0
    vg: float = 2.8
    nonlinear: bool = True


@dataclass(frozen=True)
class Junction:
    name: str
    plus: int
    minus: int
    model: JunctionModel
    area: float


@dataclass(frozen=True)
class Branch:
    """A resistor (ohm), inductor (pH) or capacitor (pF) between two nodes."""

    name: str
    plus: int
    minus: int
    value: float


@dataclass(frozen=True)
class Source:
    """Current (mA, flowing from plus through the source to minus), voltage (mV) or phase (rad) of plus over minus."""

    name: str
    plus: int
    minus: int
    wave: Waveform


@dataclass(frozen=True)
class Line:
    """A lossless transmission line between two ports: impedance ohm, delay ps."""

    name: str
    nodes: tuple[int, int, int, int]
    impedance: float
    delay: float


@dataclass(frozen=True)
class Circuit:
    """Node 0 is ground. `couplings`: (inductor, inductor, factor). `temperature` K > 0 adds thermal noise."""

    nodes: tuple[str, ...]
    junctions: tuple[Junction, ...] = ()
    resistors: tuple[Branch, ...] = ()
    inductors: tuple[Branch, ...] = ()
    capacitors: tuple[Branch, ...] = ()
    couplings: tuple[tuple[str, str, float], ...] = ()
    currents: tuple[Source, ...] = ()
    voltages: tuple[Source, ...] = ()
    phases: tuple[Source, ...] = ()
    lines: tuple[Line, ...] = ()
    temperature: float = 0.0
    step: float = 0.1
    stop: float = 1000.0
    prints: tuple[tuple[str, str], ...] = field(default=())

    def node(self, name: str) -> int:
        return self.nodes.index(name)

    def named(self, what: Sequence[Any], name: str) -> int:
        return [each.name for each in what].index(name)
