"""How tensors of integers travel over a stream port: the packing that hardware, benches and hosts share.

Elements are row-major with element 0 in the low bits, two's complement, each as wide as its port says. A vector
that is wider than the port is cut into beats, low bits first; the last beat is padded with zeros. Several
tensors of one port follow one another in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

IntArray = np.ndarray[Any, np.dtype[np.int64]]
WordArray = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class TensorPort:
    """One tensor as it appears at a port: `bits` an element, two's complement when `signed`."""

    name: str
    shape: tuple[int, ...]
    bits: int
    signed: bool

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def width(self) -> int:
        """All elements side by side, in bits."""
        return self.size * self.bits


@dataclass(frozen=True)
class Probe:
    """An internal signal that carries a layer's output when the pipeline holds one vector throughout.

    `signal` is the hierarchical Verilog name below the top module; `tensor` says how its bits are read.
    """

    layer: str
    signal: str
    tensor: TensorPort


@dataclass(frozen=True)
class StreamSpec:
    """The stream interface of a generated `top`: AXI4-Stream names (`s_*` in, `m_*` out), clock `clk`, reset `rst`.

    `s_width`, `m_width`: TDATA widths in bits. `latency`: cycles from the last beat in to the first beat out (to
    the last one where a vector comes out while it still goes in) when nothing stalls; `ii`: cycles between accepted
    vectors. Either is None when it depends on the data.
    """

    inputs: tuple[TensorPort, ...]
    outputs: tuple[TensorPort, ...]
    s_width: int
    m_width: int
    latency: int | None = None
    ii: int | None = None
    probes: tuple[Probe, ...] = ()

    @property
    def s_beats(self) -> int:
        return beats(self.inputs, self.s_width)

    @property
    def m_beats(self) -> int:
        return beats(self.outputs, self.m_width)

    def to_json(self) -> dict[str, object]:
        def port(p: TensorPort) -> dict[str, object]:
            return {"name": p.name, "shape": list(p.shape), "bits": p.bits, "signed": p.signed}

        return {
            "inputs": [port(p) for p in self.inputs],
            "outputs": [port(p) for p in self.outputs],
            "s_width": self.s_width,
            "m_width": self.m_width,
            "s_beats": self.s_beats,
            "m_beats": self.m_beats,
            "latency": self.latency,
            "ii": self.ii,
            "probes": [{"layer": p.layer, "signal": p.signal, "tensor": port(p.tensor)} for p in self.probes],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StreamSpec:
        def port(p: Mapping[str, Any]) -> TensorPort:
            return TensorPort(p["name"], tuple(p["shape"]), p["bits"], p["signed"])

        return cls(
            tuple(port(p) for p in data["inputs"]),
            tuple(port(p) for p in data["outputs"]),
            data["s_width"],
            data["m_width"],
            data["latency"],
            data["ii"],
            tuple(Probe(p["layer"], p["signal"], port(p["tensor"])) for p in data["probes"]),
        )


def beats(ports: Sequence[TensorPort], width: int) -> int:
    """How many words of `width` bits the tensors of `ports` take."""
    return -(-sum(p.width for p in ports) // width)


def pack(tensors: Sequence[IntArray], ports: Sequence[TensorPort], width: int) -> WordArray:
    """Integers to beats: arrays (N, *shape) become bytes (N, beats, ceil(width / 8)), little endian.

    Values are taken modulo 2**bits, so a caller checks ranges before.
    """
    rows = []
    for tensor, port in zip(tensors, ports, strict=True):
        flat = np.asarray(tensor, np.int64).reshape(len(tensor), port.size, 1)
        rows.append(((flat >> np.arange(port.bits)) & 1).astype(np.uint8).reshape(len(tensor), port.width))
    bits = np.concatenate(rows, axis=1)
    count = beats(ports, width)
    padded = np.zeros((len(bits), count * width), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return np.packbits(padded.reshape(len(bits), count, width), axis=2, bitorder="little")


def unpack(words: WordArray, ports: Sequence[TensorPort], width: int) -> list[IntArray]:
    """The inverse of `pack`: bytes (N, beats, ceil(width / 8)) to arrays (N, *shape)."""
    bits = np.unpackbits(np.asarray(words, np.uint8), axis=2, bitorder="little")[:, :, :width]
    flat = bits.reshape(len(bits), -1)
    tensors = []
    start = 0
    for port in ports:
        field = flat[:, start : start + port.width].reshape(len(flat), port.size, port.bits).astype(np.int64)
        weights = np.left_shift(np.int64(1), np.arange(port.bits, dtype=np.int64))
        if port.signed:
            weights[-1] = -weights[-1]
        tensors.append((field @ weights).reshape(len(flat), *port.shape))
        start += port.width
    return tensors
