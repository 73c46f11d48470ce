"""Every operator, from ONNX to the words of the FPGA and of printed circuits: equal to the integer graph, bit for bit.

Operators of `nc.lut` are tested with their exporter, those of ONNX-ML and of QONNX's channels-last domain with their
frontends.
"""

from __future__ import annotations

import numpy as np
import pytest

from nc.backends import registry
from nc.backends.printed.lowering import to_words
from nc.compiler.config import resolve
from nc.compiler.data import Dataset
from nc.compiler.driver.tensor_form import TENSOR
from nc.compiler.frontends.onnx import from_onnx
from nc.compiler.frontends.onnx.registry import TRANSLATIONS
from nc.compiler.progress import Stopwatch
from nc.compiler.samples import DOMAINS, networks, samples
from nc.compiler.words.lower import lower
from nc.ir.diagnostics import NcError
from nc.ir.graph import Graph
from nc.ir.loops import open_loops
from nc.ir.words import evaluate, verify

FPGA = registry.find("fpga")
SETTINGS = resolve(FPGA.Options, given={"input": {"x": {"bits": 8}}})
WITHOUT = frozenset(
    ["And", "Equal", "GroupNormalization", "Hardmax", "InstanceNormalization"]
    + ["LayerNormalization", "Not", "Or", "RMSNormalization", "Reciprocal", "Xor"]
)
"""Operators without an integer form, or (Reciprocal) whose samples meet a zero."""


def integers(domain: str, op: str) -> tuple[Graph, Graph] | None:
    """The integer graph of the operator's first network that has one, and its primitives."""
    for sample in samples(domain, op):
        for network, least in networks(domain, op, sample):
            try:
                real = from_onnx(network)
                (value,) = real.inputs.values()
                data = Dataset.of(np.random.default_rng(0).uniform(least, 1, (16, *real.type(value).shape)))
                integer = TENSOR.to_integers(real, SETTINGS, data, Stopwatch())
            except NcError:
                continue
            return integer, TENSOR.to_stage(integer, "primitive", Stopwatch())
    return None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # logarithms and roots outside their domain are refused later
@pytest.mark.parametrize("key", sorted(k for k in TRANSLATIONS if k[0] in DOMAINS), ids="".join)
def test_words_equal_integers(key: tuple[str, str]) -> None:
    made = integers(*key)
    assert (made is None) == (key[1] in WITHOUT)
    if made is None:
        return
    integer, primitive = (open_loops(graph)[0] for graph in made)  # of a recurrent network, one step
    inputs = TENSOR.draw(integer, 50, SETTINGS)
    wanted = TENSOR.run(integer, inputs)
    fpga = lower(primitive)
    verify(fpga)
    for words in (fpga, to_words(primitive)):
        found = evaluate(words, [inputs[port.name] for port in words.inputs])
        for port, array in zip(words.outputs, found, strict=True):
            np.testing.assert_array_equal(array.reshape(50, -1), wanted[port.name].reshape(50, -1))
