"""NIR's linear primitives as connectivity: one function a node type, from its data sets and its input shape.

Each returns (connectivity, bias or None, output shape). Raises `BadShape` with a sentence that the caller locates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nc.ir.spiking.connect import Connectivity, Conv2d, Dense, Scale, Sparse, SumPool2d

Shape = tuple[int, ...]
Array = np.ndarray[Any, np.dtype[Any]]
Linear = tuple[Connectivity, Array | None, Shape]
LARGEST = 1 << 26
"""Values of a signal: more than any core takes, and few enough to think about."""


class BadShape(ValueError):
    """A node whose parameters do not fit what arrives."""


def convert(kind: str, values: dict[str, Any], shape: Shape, dt: float) -> Linear:
    """`shape`: of the signal that arrives; dt in seconds turns a Delay into ticks."""
    try:
        return _TABLE[kind](values, shape, dt)
    except BadShape:
        raise
    except (TypeError, ValueError, IndexError, OverflowError, KeyError) as error:
        raise BadShape(f"parameters must be numbers of the shapes that NIR states: {error}") from None


def _affine(values: dict[str, Any], shape: Shape, dt: float) -> Linear:
    weight = _floats(values["weight"])
    if weight.ndim != 2 or weight.shape[1] != _size(shape):
        raise BadShape(f"weight must be (outputs, {_size(shape)}), not {weight.shape}")
    bias = _floats(values["bias"]).reshape(-1) if "bias" in values else None
    if bias is not None and bias.size != weight.shape[0]:
        raise BadShape(f"bias must have {weight.shape[0]} values, not {bias.size}")
    return Dense(weight), bias, (weight.shape[0],)


def _scale(values: dict[str, Any], shape: Shape, dt: float) -> Linear:
    scale = _floats(values["scale"])
    if scale.size not in (1, _size(shape)):
        raise BadShape(f"scale must have {_size(shape)} values, not {scale.size}")
    return Scale(np.array(np.broadcast_to(scale.reshape(-1), (_size(shape),)))), None, shape


def _conv2d(values: dict[str, Any], shape: Shape, dt: float) -> Linear:
    weight = _floats(values["weight"])
    groups = int(values["groups"])
    plane = values.get("input_shape")
    if len(shape) != 3 and plane is not None and np.size(plane) == 2:
        shape = (weight.shape[1] * groups, *(int(n) for n in np.ravel(plane)))
    if weight.ndim != 4 or len(shape) != 3 or weight.shape[1] * groups != shape[0]:
        raise BadShape(
            f"weight must suit {groups} group(s) of an input of shape {shape}, not have shape {weight.shape}"
        )
    if plane is not None and tuple(int(n) for n in np.ravel(plane)) != shape[1:]:
        raise BadShape(f"input must be {tuple(int(n) for n in np.ravel(plane))} pixels, not {shape[1:]}")
    stride, dilation = _pair(values["stride"]), _pair(values["dilation"])
    padding = _padding(values["padding"], weight.shape[2:], dilation)
    if groups < 1 or weight.shape[0] % groups:
        raise BadShape(f"groups must divide the {weight.shape[0]} output channels, not be {groups}")
    _check_window(weight.shape[2:], stride, padding, dilation)
    conv = Conv2d(weight, (shape[0], shape[1], shape[2]), stride, padding, dilation, groups)
    _check_output(conv.output_shape, shape)
    bias = np.repeat(_floats(values["bias"]).reshape(-1), int(np.prod(conv.output_shape[1:])))
    if bias.size != conv.out_size:
        raise BadShape(f"bias must have {weight.shape[0]} values, not {np.size(values['bias'])}")
    return conv, bias, conv.output_shape


def _conv1d(values: dict[str, Any], shape: Shape, dt: float) -> Linear:
    """A 2-D convolution of height 1."""
    weight = _floats(values["weight"])
    if weight.ndim != 3:
        raise BadShape(f"weight must be (out, in / groups, width), not {weight.shape}")
    if len(shape) != 2 and values.get("input_shape") is not None:
        shape = (weight.shape[1] * int(values["groups"]), int(values["input_shape"]))
    if len(shape) != 2:
        raise BadShape(f"input must have shape (channels, width), not {shape}")
    padding = values["padding"]
    wide = {
        **values,
        "weight": weight[:, :, None, :],
        "stride": [1, int(values["stride"])],
        "dilation": [1, int(values["dilation"])],
        "padding": padding if isinstance(padding, str) else [0, int(padding)],
        "input_shape": None,
    }
    conv, bias, output = _conv2d(wide, (shape[0], 1, shape[1]), dt)
    return conv, bias, (output[0], output[2])


def _sum_pool(values: dict[str, Any], shape: Shape, dt: float) -> Linear:
    if len(shape) != 3:
        raise BadShape(f"input must have shape (channels, height, width), not {shape}")
    kernel = _pair(values["kernel_size"])
    padding = _padding(values["padding"], kernel, (1, 1))
    _check_window(kernel, _pair(values["stride"]), padding, (1, 1))
    pool = SumPool2d((shape[0], shape[1], shape[2]), kernel, _pair(values["stride"]), padding)
    _check_output(pool.output_shape, shape)
    return pool, None, pool.output_shape


def _avg_pool(values: dict[str, Any], shape: Shape, dt: float) -> Linear:
    """As torch counts it: zeros of the padding included. One convolution of weight 1 / window a channel."""
    pool, _, output = _sum_pool(values, shape, dt)
    assert isinstance(pool, SumPool2d)
    weight = np.full((shape[0], 1, *pool.kernel), 1.0 / np.prod(pool.kernel))
    return Conv2d(weight, pool.input_shape, pool.stride, pool.padding, groups=shape[0]), None, output


def _flatten(values: dict[str, Any], shape: Shape, dt: float) -> Linear:
    start, end = int(values.get("start_dim", 1)), int(values.get("end_dim", -1))
    if not all(-len(shape) <= d < len(shape) for d in (start, end)):
        raise BadShape(f"start_dim and end_dim must be dimensions of {shape}, not {start} and {end}")
    start, end = start % len(shape), end % len(shape)
    if start > end:
        raise BadShape(f"start_dim must not be after end_dim, as {start} and {end} are")
    joined = (*shape[:start], _size(shape[start : end + 1]), *shape[end + 1 :])
    return Scale(np.ones(_size(shape))), None, joined


def _delay(values: dict[str, Any], shape: Shape, dt: float) -> Linear:
    ticks = np.broadcast_to(_floats(values["delay"]).reshape(-1) / dt, (_size(shape),))
    whole = np.rint(ticks)
    if (whole < 0).any() or not np.allclose(ticks, whole, atol=1e-3):
        raise BadShape(f"delay must be a whole number of ticks of {dt:g} s, not {ticks[0]:g}")
    n = np.arange(_size(shape))
    return Sparse(len(n), len(n), n, n, np.ones(len(n)), whole.astype(np.int64)), None, shape


_TABLE: dict[str, Callable[[dict[str, Any], Shape, float], Linear]] = {
    "Affine": _affine,
    "Linear": _affine,
    "Scale": _scale,
    "Conv1d": _conv1d,
    "Conv2d": _conv2d,
    "SumPool2d": _sum_pool,
    "AvgPool2d": _avg_pool,
    "Flatten": _flatten,
    "Delay": _delay,
}


def _check_window(kernel: Shape, stride: Shape, padding: Shape, dilation: Shape) -> None:
    for what, value, least in (
        ("kernel", kernel, 1), ("stride", stride, 1), ("dilation", dilation, 1), ("padding", padding, 0)
    ):  # fmt: skip
        if min(value) < least:
            raise BadShape(f"{what} must be at least {least}, not {min(value)}")


def _check_output(output: Shape, shape: Shape) -> None:
    if min(output) < 1:
        raise BadShape(f"window must fit the input of shape {shape}, but the output would be {output}")
    if _size(output) > LARGEST:
        raise BadShape(f"a node must emit at most {LARGEST} values, not {output}")


def _size(shape: Shape) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _floats(value: Any) -> Array:
    return np.asarray(value, np.float64)


def _pair(value: Any) -> tuple[int, int]:
    flat = np.broadcast_to(np.ravel(value), (2,))
    return int(flat[0]), int(flat[1])


def _padding(value: Any, kernel: tuple[int, ...], dilation: tuple[int, int]) -> tuple[int, int, int, int]:
    if isinstance(value, str):
        if value not in ("same", "valid"):
            raise BadShape(f"padding must be 'same', 'valid' or numbers, not '{value}'")
        total = [dilation[i] * (kernel[i] - 1) if value == "same" else 0 for i in range(2)]
        return total[0] // 2, total[1] // 2, total[0] - total[0] // 2, total[1] - total[1] // 2
    high, wide = _pair(value)
    return high, wide, high, wide
