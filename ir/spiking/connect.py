"""Connectivity of a projection: linear maps that keep their structure and expand to synapse lists on demand.

Every kind is data: `in_size` sources, `out_size` targets, `arrays()` for the text form, and `synapses()`, the list of
(pre, post, weight, delay) with duplicates summed. Tensors are flattened row-major (channel, height, width).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from nc.ir.diagnostics import ToolMissing, fail

Array = np.ndarray[Any, np.dtype[Any]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]


class Synapses(NamedTuple):
    """Struct of arrays, one entry a synapse, sorted by (delay, pre, post); `delay` in ticks."""

    pre: IntArray
    post: IntArray
    weight: Array
    delay: IntArray


def make_synapses(pre: Array, post: Array, weight: Array, delay: Array | int = 0) -> Synapses:
    """Sort, sum duplicates of the same (pre, post, delay), drop zero weights."""
    pre, post = np.asarray(pre, np.int64), np.asarray(post, np.int64)
    delays = np.broadcast_to(np.asarray(delay, np.int64), pre.shape)
    order = np.lexsort((post, pre, delays))
    pre, post, weight, delays = pre[order], post[order], np.asarray(weight)[order], delays[order]
    if len(pre) == 0:
        return Synapses(pre, post, weight, np.array(delays))
    new = np.ones(len(pre), bool)
    new[1:] = (np.diff(pre) != 0) | (np.diff(post) != 0) | (np.diff(delays) != 0)
    starts = np.flatnonzero(new)
    summed = np.add.reduceat(weight, starts)
    keep = summed != 0
    starts = starts[keep]
    return Synapses(pre[starts], post[starts], summed[keep], delays[starts])


class Connectivity(ABC):
    """A linear map from sources to targets. Subclasses are frozen dataclasses registered in `KINDS`."""

    kind: ClassVar[str] = ""

    @property
    @abstractmethod
    def in_size(self) -> int: ...

    @property
    @abstractmethod
    def out_size(self) -> int: ...

    def attributes(self) -> dict[str, object]:
        """JSON-able fields."""
        return {}

    def arrays(self) -> dict[str, Array]:
        return {}

    @abstractmethod
    def expand(self) -> Synapses: ...

    @cached_property
    def synapses(self) -> Synapses:
        return self.expand()

    @cached_property
    def operators(self) -> dict[int, Any]:
        """For each delay present, the scipy CSR matrix (out, in)."""
        sparse = _scipy_sparse()
        found = self.synapses
        shape = (self.out_size, self.in_size)
        return {
            int(d): sparse.csr_matrix((found.weight[at], (found.post[at], found.pre[at])), shape=shape)
            for d in np.unique(found.delay)
            for at in [found.delay == d]
        }

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Connectivity):
            return False
        mine, theirs = self.arrays(), other.arrays()
        return self.attributes() == other.attributes() and all(
            mine[k].dtype == theirs[k].dtype and np.array_equal(mine[k], theirs[k]) for k in mine
        )

    def __hash__(self) -> int:
        return hash((self.kind, self.in_size, self.out_size))


@dataclass(frozen=True, eq=False)
class Dense(Connectivity):
    """y = W x; weight (out, in)."""

    weight: Array
    kind: ClassVar[str] = "dense"

    @property
    def in_size(self) -> int:
        return int(self.weight.shape[1])

    @property
    def out_size(self) -> int:
        return int(self.weight.shape[0])

    def arrays(self) -> dict[str, Array]:
        return {"weight": self.weight}

    def expand(self) -> Synapses:
        post, pre = np.nonzero(self.weight)
        return make_synapses(pre, post, self.weight[post, pre])


@dataclass(frozen=True, eq=False)
class Sparse(Connectivity):
    """A list of synapses, each with its own weight and its own delay in ticks."""

    sources: int
    targets: int
    pre: IntArray
    post: IntArray
    weight: Array
    delay: IntArray
    kind: ClassVar[str] = "sparse"

    @property
    def in_size(self) -> int:
        return self.sources

    @property
    def out_size(self) -> int:
        return self.targets

    def attributes(self) -> dict[str, object]:
        return {"sources": self.sources, "targets": self.targets}

    def arrays(self) -> dict[str, Array]:
        return {"pre": self.pre, "post": self.post, "weight": self.weight, "delay": self.delay}

    def expand(self) -> Synapses:
        return make_synapses(self.pre, self.post, self.weight, self.delay)


@dataclass(frozen=True, eq=False)
class Scale(Connectivity):
    """y = s ⊙ x; weight (n,). The identity has weight 1."""

    weight: Array
    kind: ClassVar[str] = "scale"

    @property
    def in_size(self) -> int:
        return int(self.weight.size)

    @property
    def out_size(self) -> int:
        return int(self.weight.size)

    def arrays(self) -> dict[str, Array]:
        return {"weight": self.weight}

    def expand(self) -> Synapses:
        n = np.arange(self.weight.size)
        return make_synapses(n, n, self.weight.reshape(-1))


@dataclass(frozen=True, eq=False)
class Conv2d(Connectivity):
    """2-D cross-correlation; weight (out_channels, in_channels / groups, kh, kw); a 1-D one has height 1.

    `padding` = (top, left, bottom, right) zeros.
    """

    weight: Array
    input_shape: tuple[int, int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    kind: ClassVar[str] = "conv2d"

    @property
    def output_shape(self) -> tuple[int, int, int]:
        return (int(self.weight.shape[0]), *_window_counts(self.input_shape, self.weight.shape[2:], self))

    @property
    def in_size(self) -> int:
        return int(np.prod(self.input_shape))

    @property
    def out_size(self) -> int:
        return int(np.prod(self.output_shape))

    def attributes(self) -> dict[str, object]:
        return {
            "input_shape": list(self.input_shape),
            "stride": list(self.stride),
            "padding": list(self.padding),
            "dilation": list(self.dilation),
            "groups": self.groups,
        }

    def arrays(self) -> dict[str, Array]:
        return {"weight": self.weight}

    def expand(self) -> Synapses:
        channels_out, per_group, kh, kw = self.weight.shape
        _, high, wide = self.output_shape
        channel, part, dy, dx, y, x = np.indices((channels_out, per_group, kh, kw, high, wide), np.int32).reshape(6, -1)
        source_channel = channel // (channels_out // self.groups) * per_group + part
        row = y * self.stride[0] + dy * self.dilation[0] - self.padding[0]
        column = x * self.stride[1] + dx * self.dilation[1] - self.padding[1]
        _, in_high, in_wide = self.input_shape
        inside = (row >= 0) & (row < in_high) & (column >= 0) & (column < in_wide)
        pre = (source_channel * in_high + row) * in_wide + column
        post = (channel * high + y) * wide + x
        weight = self.weight[channel[inside], part[inside], dy[inside], dx[inside]]
        return make_synapses(pre[inside], post[inside], weight)


@dataclass(frozen=True, eq=False)
class SumPool2d(Connectivity):
    """Sum over windows, channel by channel; an average pool is this and a `Scale`."""

    input_shape: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    kind: ClassVar[str] = "sum_pool2d"
    dilation: ClassVar[tuple[int, int]] = (1, 1)

    @property
    def output_shape(self) -> tuple[int, int, int]:
        return (self.input_shape[0], *_window_counts(self.input_shape, self.kernel, self))

    @property
    def in_size(self) -> int:
        return int(np.prod(self.input_shape))

    @property
    def out_size(self) -> int:
        return int(np.prod(self.output_shape))

    def attributes(self) -> dict[str, object]:
        return {
            "input_shape": list(self.input_shape),
            "kernel": list(self.kernel),
            "stride": list(self.stride),
            "padding": list(self.padding),
        }

    def expand(self) -> Synapses:
        channels = self.input_shape[0]
        ones = np.ones((channels, 1, *self.kernel))
        return Conv2d(ones, self.input_shape, self.stride, self.padding, groups=channels).expand()


@dataclass(frozen=True, eq=False)
class Chain(Connectivity):
    """Maps applied one after another, first to last, without a neuron between them."""

    stages: tuple[Connectivity, ...]
    kind: ClassVar[str] = "chain"

    @property
    def in_size(self) -> int:
        return self.stages[0].in_size

    @property
    def out_size(self) -> int:
        return self.stages[-1].out_size

    def attributes(self) -> dict[str, object]:
        return {"stages": [{"kind": s.kind, **s.attributes()} for s in self.stages]}

    def arrays(self) -> dict[str, Array]:
        return {f"{i}.{name}": a for i, s in enumerate(self.stages) for name, a in s.arrays().items()}

    def expand(self) -> Synapses:
        total = self.stages[0].operators
        for stage in self.stages[1:]:
            product: dict[int, Any] = {}
            for early, first in total.items():
                for late, second in stage.operators.items():
                    part = second @ first
                    product[early + late] = product[early + late] + part if early + late in product else part
            total = product
        parts = [(m.tocoo(), d) for d, m in sorted(total.items())]
        return make_synapses(
            np.concatenate([m.col for m, _ in parts]),
            np.concatenate([m.row for m, _ in parts]),
            np.concatenate([m.data for m, _ in parts]),
            np.concatenate([np.full(m.nnz, d) for m, d in parts]),
        )


KINDS: dict[str, type[Connectivity]] = {k.kind: k for k in (Dense, Sparse, Scale, Conv2d, SumPool2d, Chain)}


def from_parts(kind: str, attributes: Mapping[str, Any], arrays: Mapping[str, Array]) -> Connectivity:
    """The inverse of `attributes()` and `arrays()`."""
    if kind == "chain":
        stages = []
        for i, stage in enumerate(attributes["stages"]):
            own = {name.partition(".")[2]: a for name, a in arrays.items() if name.partition(".")[0] == str(i)}
            stages.append(from_parts(stage["kind"], {k: v for k, v in stage.items() if k != "kind"}, own))
        return Chain(tuple(stages))
    if kind not in KINDS:
        fail("NC909", f"connectivity must be one of {', '.join(sorted(KINDS))}, not '{kind}'")
    tupled = {k: tuple(v) if isinstance(v, list) else v for k, v in attributes.items()}
    return KINDS[kind](**tupled, **arrays)


def identity(size: int) -> Scale:
    return Scale(np.ones(size))


def _window_counts(
    input_shape: tuple[int, ...], kernel: tuple[int, ...], window: Conv2d | SumPool2d
) -> tuple[int, int]:
    top, left, bottom, right = window.padding
    padded = (input_shape[1] + top + bottom, input_shape[2] + left + right)
    counts = [(padded[i] - window.dilation[i] * (kernel[i] - 1) - 1) // window.stride[i] + 1 for i in range(2)]
    return (max(counts[0], 0), max(counts[1], 0))


def _scipy_sparse() -> Any:
    try:
        import scipy.sparse
    except ImportError:
        fail("NC990", "scipy must be installed to run spiking networks", help="pip install scipy", kind=ToolMissing)
    return scipy.sparse
