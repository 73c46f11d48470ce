"""Third-party files from `nc compile`: what they hold computes what the build computes, as far as the core can."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from nc.backends.neuromorphic import BACKEND
from nc.backends.neuromorphic.cores import loihi, xylo
from nc.backends.neuromorphic.cores.ranc_lower import lower as to_ranc
from nc.compiler.frontends.nir import NirOptions, load
from nc.compiler.spiking.quantise import Precision, quantise
from nc.compiler.spiking.restore import restore
from nc.ir.diagnostics import NcError
from nc.ir.spiking.reference import run
from nc.ir.spiking.run_fixed import run as run_fixed
from tests.backends.neuromorphic.cores.test_ranc import ranc_network
from tests.backends.neuromorphic.cores.test_xylo import vendor
from tests.ir.spiking.networks import random_fixed


def options(*formats: str):
    return BACKEND.Options.model_validate({"spiking": {"ticks": 8, "export": list(formats)}})


def braille(shared):
    network = load(shared / "models/nir/braille_noDelay_bias_zero.nir")
    inputs = (np.random.default_rng(3).random((10, 256, 12)) < 0.1).astype(np.int64)
    return network, quantise(network, Precision(28, 16, 24), inputs.astype(float)), inputs


def test_braille_as_nir_again(shared, tmp_path):
    """Written from the integers, read back, the float reference gives the same spikes."""
    _, fixed, inputs = braille(shared)
    BACKEND.emit(BACKEND.lower(fixed, options("nir", "pynn")), tmp_path)
    again = load(tmp_path / "configs/nir/network.nir", NirOptions(dt=1.0))
    want = run_fixed(fixed, inputs).outputs[fixed.outputs[0]].sum(axis=1)
    have = run(again, inputs.astype(float)).outputs[again.outputs[0]].sum(axis=1)
    assert want.any() and (have == want).mean() >= 0.95
    compile((tmp_path / "configs/pynn/network.py").read_text(), "network.py", "exec")


def test_braille_on_xylo_equals_the_vendor(shared):
    """12-38 recurrent-7: the chip's subtracting reset makes another network of it, which both compute alike."""
    _, fixed, inputs = braille(shared)
    program = xylo.lower(restore(fixed))
    mine = xylo.run(program, inputs[0])
    hidden, out = vendor(program, inputs[0])
    assert mine.hidden.any() and mine.outputs.any()
    assert (mine.hidden == hidden).all() and (mine.outputs == out).all()


def test_braille_in_loihi_arithmetic_follows_the_float_network(shared):
    network, fixed, inputs = braille(shared)
    program = loihi.lower(restore(fixed))
    want = run(network, inputs.astype(float)).outputs[network.outputs[0]].sum()
    have = sum(loihi.run(program, x)[:, program.outputs].sum() for x in inputs)
    assert have == pytest.approx(want, rel=0.25)


def test_xylo_and_ranc_files_hold_the_programs(tmp_path, shared):
    _, fixed, _ = braille(shared)
    BACKEND.emit(BACKEND.lower(fixed, options("loihi", "xylo")), tmp_path)
    held = json.loads((tmp_path / "configs/xylo/xylo.json").read_text())
    assert held == xylo.lower(restore(fixed)).specification()
    network = ranc_network(0)
    BACKEND.emit(BACKEND.lower(network, options("ranc")), tmp_path)
    assert (tmp_path / "configs/ranc/csram_000.mem").read_text().split() == to_ranc(network).cores[0, 0].words()


def test_every_obstacle_of_every_format_is_named():
    with pytest.raises(NcError) as error:
        BACKEND.lower(random_fixed(0), options("nir", "ranc", "xylo"))
    messages = [d.message for d in error.value.diagnostics]
    assert "reset must be to a value in NIR, not by subtraction" in messages
    assert "RANC's leak must be constant, not proportional" in messages
    assert any(re.match("Xylo", m) for m in messages)
