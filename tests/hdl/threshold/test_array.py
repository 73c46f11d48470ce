"""The array in Amaranth's simulator equals the golden model, word for word of its outputs, in the predicted cycles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from nc.backends.threshold import golden
from nc.backends.threshold.layers import ArrayLayer, Network, Placement, Window, place_network
from nc.backends.threshold.node import Node
from nc.hdl.threshold.array import ThresholdArray
from nc.hdl.threshold.config import InputUnit
from nc.hdl.threshold.shape import PeShape

Array = np.ndarray[Any, Any]
PES = 8


def make(rng: np.random.Generator, node: Node, outputs: int, window: Window) -> ArrayLayer:
    weights = rng.random((outputs, node.fan_in)) < 0.5
    middle = node.largest // 2
    addends = [node.addend_for(int(t)) for t in rng.integers(middle - 2, middle + 3, outputs)]
    if node.kind == "value":
        addends = list(rng.integers(0, 1 << node.columns, outputs))
    return ArrayLayer("layer", node, window, weights, np.array(addends, np.int64))


def dense(rng: np.random.Generator) -> tuple[Network, int]:
    layers = (
        make(rng, Node((30,)), 20, Window(30)),
        make(rng, Node((20,)), 9, Window(20)),
        make(rng, Node((0, 9), "value", 6), 5, Window(9)),
    )
    return Network(InputUnit(4, False, 8, 1, 4, PES), layers, 6), 30


def classifier(rng: np.random.Generator) -> tuple[Network, int]:
    layers = (
        make(rng, Node((30,)), 20, Window(30)),
        make(rng, Node((0, 20), "value", 7), 11, Window(20)),
    )
    return Network(InputUnit(4, False, 8, 1, 4, PES), layers, 4, argmax=True), 30


def bit_planes(rng: np.random.Generator) -> tuple[Network, int]:
    layers = (
        make(rng, Node((10, 10, 10)), 20, Window(10, planes=3)),
        make(rng, Node((20,)), 3, Window(20)),
    )
    return Network(InputUnit(3, True, 0, 3, 2, PES), layers, 2), 10


def convolution(rng: np.random.Generator) -> tuple[Network, int]:
    """Two convolutions, the second with 17 channels on 8 PEs (one bit in every third word) and a 1 x 2 max pool."""
    layers = (
        make(rng, Node((72,)), 17, Window(8, extent=(5, 4), kernel=(3, 3), output=(3, 2))),
        make(rng, Node((34,)), 9, Window(17, extent=(3, 2), kernel=(2, 1), pool=(1, 2), output=(2, 1))),
        make(rng, Node((18,), "value", 6), 4, Window(9, extent=(2, 1), kernel=(2, 1))),
    )
    return Network(InputUnit(2, True, 0, 1, 20, PES), layers, 6), 160


def planar(rng: np.random.Generator) -> tuple[Network, int]:
    """An image (3, 5, 4) of 2-bit pixels, its channels one after the other, a bit a word; its planes last."""
    layers = (
        make(rng, Node((27, 27)), 9, Window(3, planes=2, extent=(5, 4), kernel=(3, 3), output=(3, 2), planar=True)),
        make(rng, Node((54,), "value", 7), 4, Window(9, extent=(3, 2), kernel=(3, 2))),
    )
    return Network(InputUnit(2, False, 0, 2, 60, 1), layers, 7), 60


def integer_layer(rng: np.random.Generator) -> tuple[Network, int]:
    """Weight planes of units 1, 1, 2 on two input planes: columns 0 0 1 1 1 2, results in halves."""
    order = ((0, 20), (1, 30), (2, 10))
    layers = (make(rng, Node((20, 30, 10), "value", 8, order=order), 5, Window(10, planes=2, weight_planes=3)),)
    return Network(InputUnit(2, False, 0, 2, 2, PES), layers, 7, shift=1), 10


def padded(rng: np.random.Generator) -> tuple[Network, int]:
    """Zeros around a bipolar image and between layers, the second border uneven and in front of a max pool."""
    first = Window(4, extent=(4, 3), kernel=(3, 3), output=(4, 3), pad=(1, 1, 1, 1), pack=4)
    second = Window(18, extent=(4, 3), kernel=(2, 2), pool=(2, 2), output=(2, 2), pad=(1, 0, 0, 2))
    layers = (
        make(rng, Node((36,)), 18, replace(first, border=((True, False),), masked=True)),
        make(rng, Node((72,)), 6, replace(second, border=((True, False),), masked=True)),
        make(rng, Node((24,), "value", 6), 4, Window(6, extent=(2, 2), kernel=(2, 2))),
    )
    return Network(InputUnit(2, True, 1, 1, 12, 4), layers, 6), 48


def padded_planes(rng: np.random.Generator) -> tuple[Network, int]:
    """Zeros around signed pixels (3, 3, 2), channels one after the other: the zero's top plane is 1."""
    window = Window(3, planes=2, extent=(3, 2), kernel=(3, 2), output=(3, 2), planar=True, pad=(1, 1, 1, 0),
                    border=((False,), (True,)))  # fmt: skip
    layers = (
        make(rng, Node((18, 18)), 9, window),
        make(rng, Node((54,), "value", 7), 4, Window(9, extent=(3, 2), kernel=(3, 2))),
    )
    return Network(InputUnit(2, True, 0, 2, 18, 1), layers, 7), 18


def simulate(placement: Placement, inputs: Array) -> tuple[list[list[int]], list[int]]:
    """Output beats and cycles of every input, the stream never waiting."""
    config = placement.config
    unit = config.input
    dut = ThresholdArray(config)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    padded = np.zeros((len(inputs), unit.beats * unit.lanes), np.int64)
    padded[:, : inputs.shape[1]] = inputs
    mask = (1 << unit.bits) - 1
    results: list[list[int]] = []
    cycles: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.m_tready, 1)
        for row in padded.reshape(len(inputs), unit.beats, unit.lanes):
            sent = count = 0
            beats: list[int] = []
            done = False
            while not done:
                assert count < 20000, "the array hangs"
                ctx.set(dut.s_tvalid, int(sent < unit.beats))
                if sent < unit.beats:
                    ctx.set(dut.s_tdata, sum((int(v) & mask) << (k * unit.bits) for k, v in enumerate(row[sent])))
                accepted = ctx.get(dut.s_tready)
                if ctx.get(dut.m_tvalid):
                    beats.append(ctx.get(dut.m_tdata))
                    done = ctx.get(dut.m_tlast)
                await ctx.tick()
                count += 1
                sent += bool(accepted and sent < unit.beats)
            results.append(beats)
            cycles.append(count)

    simulator.add_testbench(bench)
    simulator.run()
    return results, cycles


@pytest.mark.parametrize(
    "build", [dense, classifier, bit_planes, convolution, planar, padded, padded_planes, integer_layer]
)
def test_array_equals_golden(build: Callable[[np.random.Generator], tuple[Network, int]]) -> None:
    rng = np.random.default_rng(3)
    network, size = build(rng)
    placement = place_network(network, PES, PeShape())
    unit = placement.config.input
    low, high = (-(1 << unit.bits - 1), 1 << unit.bits - 1) if unit.signed else (0, 1 << unit.bits)
    inputs = rng.integers(low, high, (2, size))
    want, buffer = golden.run(placement, inputs)
    fast, fast_buffer = golden.run(placement, inputs, exact=False)
    assert (buffer == fast_buffer).all() and (want == fast).all()
    results, cycles = simulate(placement, inputs)
    width = placement.config.output.width
    got = np.array(results)
    if network.argmax:
        got = got[:, 0]
    else:
        got = np.where(got >> (width - 1) & 1, got - (1 << width), got)
    assert (got == want).all()
    assert cycles == [placement.cycles] * 2


def test_two_neurons_and_other_ports() -> None:
    rng = np.random.default_rng(4)
    network, size = dense(rng)
    placement = place_network(network, PES, PeShape(neurons=2, registers=20, reads=4, fresh=4))
    inputs = rng.integers(0, 16, (1, size))
    results, cycles = simulate(placement, inputs)
    assert [v - 64 * (v >> 5) for v in results[0]] == list(golden.run(placement, inputs)[0][0])
    assert cycles == [placement.cycles]
