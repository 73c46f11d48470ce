"""Connectivity expands to the synapses that the linear map means."""

from __future__ import annotations

import numpy as np
import pytest

from nc.ir.spiking.connect import Chain, Connectivity, Conv2d, Dense, Scale, Sparse, SumPool2d, from_parts

rng = np.random.default_rng(7)
SHAPE = (4, 7, 6)


def convolve(x, conv):
    """The definition, one output at a time."""
    top, left, bottom, right = conv.padding
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right)))
    out = np.zeros(conv.output_shape)
    per_out, per_in = conv.weight.shape[0] // conv.groups, conv.weight.shape[1]
    _, _, kh, kw = conv.weight.shape
    for channel, y, col in np.ndindex(out.shape):
        first = channel // per_out * per_in
        rows = y * conv.stride[0] + np.arange(kh) * conv.dilation[0]
        columns = col * conv.stride[1] + np.arange(kw) * conv.dilation[1]
        window = padded[first : first + per_in][:, rows][:, :, columns]
        out[channel, y, col] = (window * conv.weight[channel]).sum()
    return out.reshape(-1)


def apply(c: Connectivity, x):
    return sum(op @ x for op in c.operators.values())


@pytest.mark.parametrize("stride", [(1, 1), (2, 1)])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 2, 0, 1)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 2)])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_convolution(stride, padding, dilation, groups):
    conv = Conv2d(rng.normal(size=(8, 4 // groups, 3, 2)), SHAPE, stride, padding, dilation, groups)
    x = rng.normal(size=SHAPE)
    np.testing.assert_allclose(apply(conv, x.reshape(-1)), convolve(x, conv), atol=1e-12)


def test_sum_pool_sums_windows():
    pool = SumPool2d(SHAPE, (2, 3), (2, 3))
    x = rng.integers(0, 9, SHAPE)
    want = x[:, :6].reshape(4, 3, 2, 2, 3).sum(axis=(2, 4))
    assert (apply(pool, x.reshape(-1)) == want.reshape(-1)).all()


def test_chain_is_the_product_and_adds_delays():
    delays = Sparse(3, 3, np.arange(3), np.arange(3), np.array([1.0, 2.0, 3.0]), np.array([0, 2, 0]))
    chain = Chain((delays, Dense(np.array([[1.0, 1.0, 0.0]])), Scale(np.array([10.0]))))
    assert chain.synapses.weight.tolist() == [10.0, 20.0]
    assert chain.synapses.pre.tolist() == [0, 1]
    assert chain.synapses.delay.tolist() == [0, 2]


def test_duplicate_synapses_are_summed_and_zeros_dropped():
    two = Sparse(2, 1, np.array([1, 1, 0, 0]), np.zeros(4, int), np.array([2, 3, 4, -4]), np.zeros(4, int))
    assert two.synapses.pre.tolist() == [1]
    assert two.synapses.weight.tolist() == [5]


@pytest.mark.parametrize(
    "connectivity",
    [
        Dense(np.eye(2)),
        SumPool2d(SHAPE, (2, 2), (2, 2)),
        Chain((Conv2d(np.ones((1, 4, 2, 2)), SHAPE), Scale(np.ones(30)))),
    ],
)
def test_parts_round_trip(connectivity):
    again = from_parts(connectivity.kind, connectivity.attributes(), connectivity.arrays())
    assert again == connectivity
