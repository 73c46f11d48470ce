"""Loihi 1's arithmetic: truncation, wrap, strict threshold; a network follows its float reference."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nc.backends.neuromorphic.cores.loihi import LoihiProgram, lower, run
from nc.ir.spiking.reference import run as reference
from tests.ir.spiking.networks import one_neuron


def single(weight: int, du: int = 0, dv: int = 0, vth: int = 100, exponent: int = 0) -> LoihiProgram:
    one = np.array([0])
    values = [np.array([v]) for v in (du, dv, vth, 0)]
    return LoihiProgram(*values, one, one, np.array([weight]), np.array([exponent]), np.array([1]), 1, one)


def test_threshold_is_strict_in_units_of_64():
    assert run(single(100, du=4095), np.array([[1], [0]])).ravel().tolist() == [0, 0]
    assert run(single(101, du=4095), np.array([[1], [0]])).ravel().tolist() == [1, 0]


def test_decay_truncates_toward_zero():
    """u = 64, du = 2047: 64 -> 32 -> 16 ... and v sums them up to 127 < 128 = 2 << 6."""
    assert not run(single(1, du=2047, vth=2), np.eye(20, 1, dtype=int)).any()
    assert run(single(1, du=2047, vth=1), np.eye(20, 1, dtype=int)).any()


def test_current_wraps_at_24_bits():
    big = single(255, exponent=9)
    out = run(big, np.ones((1, 1), int))
    assert out.ravel().tolist() == [1]  # 255 << 15 is still below 2^23
    assert run(single(255, exponent=10, vth=1), np.ones((1, 1), int)).ravel().tolist() == [0]  # wrapped negative


def test_rates_follow_the_float_network(tmp_path):
    network = one_neuron("cuba_lif", tau_syn=0.01, tau_mem=0.02, v_threshold=0.4, r=6.0, w_in=1.0)
    spikes = (np.random.default_rng(0).random((500, 1)) < 0.4).astype(np.int64)
    program = lower(network)
    want = reference(network, spikes[None].astype(float)).outputs["n"].sum()
    assert want > 20
    assert run(program, spikes).sum() == pytest.approx(want, rel=0.05)
    program.write(tmp_path / "loihi.json")
    assert json.loads((tmp_path / "loihi.json").read_text())["vth"] == program.vth.tolist()
