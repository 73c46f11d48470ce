"""Compares what came out with what should have, and says where the first difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if not TYPE_CHECKING and find_spec("packing"):
    # in a build's tb/ these lie side by side, `packing` being a copy of nc.ir.stream
    from packing import StreamSpec, TensorPort, pack, unpack
    from protocol import Flow
else:
    from nc.ir.stream import StreamSpec, TensorPort, pack, unpack
    from nc.sim.tb.protocol import Flow

CHUNK = 256  # vectors packed at once: bits are unpacked to a byte each on the way
IntArray = np.ndarray[Any, np.dtype[np.int64]]


def to_words(packed: np.ndarray[Any, np.dtype[np.uint8]]) -> list[int]:
    """Bytes (N, beats, bytes) to unsigned integers, all beats one after another."""
    size = packed.shape[2]
    flat = np.ascontiguousarray(packed).tobytes()
    return [int.from_bytes(flat[i : i + size], "little") for i in range(0, len(flat), size)]


def from_words(words: Sequence[int | None], beats: int, width: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The inverse of `to_words`; unknown (None) words become zeros, an incomplete last vector is dropped."""
    size = -(-width // 8)
    whole = len(words) // beats * beats
    flat = b"".join((word or 0).to_bytes(size, "little") for word in words[:whole])
    return np.frombuffer(flat, np.uint8).reshape(-1, beats, size)


def words_of(tensors: Sequence[IntArray], ports: Sequence[TensorPort], width: int) -> list[int]:
    """Tensors (N, *shape) to the beats of all vectors, one after another."""
    words: list[int] = []
    for start in range(0, len(tensors[0]), CHUNK):
        words += to_words(pack([t[start : start + CHUNK] for t in tensors], ports, width))
    return words


def tensors_of(words: Sequence[int | None], ports: Sequence[TensorPort], beats: int, width: int) -> list[IntArray]:
    """The inverse of `words_of`, for the vectors that are whole."""
    parts = [
        unpack(from_words(words[start : start + CHUNK * beats], beats, width), ports, width)
        for start in range(0, len(words), CHUNK * beats)
    ]
    return [np.concatenate(tensor) for tensor in zip(*parts)]


def wrong_vectors(received: Sequence[int | None], expected: Sequence[int], beats: int) -> list[int]:
    """Vectors of which any beat differs or is missing."""
    padded = list(received) + [None] * (len(expected) - len(received))
    return sorted({i // beats for i, (got, want) in enumerate(zip(padded, expected)) if got != want})


def first_difference(got: Sequence[IntArray], want: Sequence[IntArray], names: Sequence[str]) -> dict[str, Any] | None:
    """The first element in which tensors differ: {output, element, expected, got}; None when all are equal."""
    for a, b, name in zip(got, want, names, strict=True):
        places = np.flatnonzero(a.reshape(-1) != b.reshape(-1))
        if len(places):
            i = int(places[0])
            index = [int(k) for k in np.unravel_index(i, b.shape)] if b.ndim else []
            return {
                "output": label(name, index),
                "element": index,
                "expected": int(b.reshape(-1)[i]),
                "got": int(a.reshape(-1)[i]),
                "differing_elements": len(places),
            }
    return None


def first_layer(
    seen: Mapping[str, Sequence[IntArray]], want: Mapping[str, IntArray], order: Sequence[str]
) -> dict[str, Any] | None:
    """The first layer, in `order`, whose expected output was never seen while the vector was held."""
    for layer in order:
        if layer not in seen or layer not in want:
            continue
        if any(np.array_equal(value, want[layer]) for value in seen[layer]):
            continue
        found = first_difference([seen[layer][-1]], [want[layer]], [layer])
        if found is not None:
            return {"layer": layer, "layer_element": found["element"], "layer_expected": found["expected"],
                    "layer_got": found["got"]}  # fmt: skip
    return None


def complete(
    first: dict[str, Any], layer: Mapping[str, Any] | None, held: Sequence[int | None], wanted: Sequence[int]
) -> None:
    """Add to `first` what holding the vector told: the layer, or that it comes out right when held; and the text."""
    first.update(layer or {"layer": None})
    if layer is None and list(held) == list(wanted):
        first["note"] = "held steady, the vector comes out right: look at the handshake, or state between vectors"
    first["text"] = sentence(first)


def label(name: str, index: Sequence[int]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else name


def sentence(first: Mapping[str, Any]) -> str:
    """The first mismatch in words."""
    text = f"vector {first['vector']}, output {first['output']}: expected {first['expected']}, got {first['got']}"
    if first.get("layer"):
        text += (
            f"; the first layer that differs is {label(first['layer'], first['layer_element'])}: "
            f"expected {first['layer_expected']}, got {first['layer_got']}"
        )
    if first.get("note"):
        text += f" ({first['note']})"
    return text


def judge(
    spec: StreamSpec, free: Flow, stalled: Flow, wanted: Sequence[int], expected: Sequence[IntArray], count: int
) -> dict[str, Any]:
    """The figures and findings of both phases. `wrong` lists the vectors that differ in either."""
    wrong_free = wrong_vectors(free.received, wanted[: len(free.words) // spec.s_beats * spec.m_beats], spec.m_beats)
    wrong = sorted(set(wrong_free) | set(wrong_vectors(stalled.received, wanted, spec.m_beats)))
    violations = [f"without stalls, {v}" for v in free.violations] + [f"with stalls, {v}" for v in stalled.violations]
    latency, ii = free.latency(), free.ii()
    for name, predicted, measured in (("latency", spec.latency, latency), ("II", spec.ii, ii)):
        if predicted is not None and measured is not None and predicted != measured:
            violations.append(f"the {name} must be {predicted} cycles as compiled, not {measured:g}")
    first = None
    if wrong:
        source = free if wrong_free and wrong_free[0] == wrong[0] else stalled
        first = difference(spec, source, wrong[0], expected)
    return {
        "vectors": count,
        "mismatches": len(wrong),
        "latency_cycles": latency,
        "ii_cycles": ii,
        "cycles": free.cycle + stalled.cycle,
        "first_mismatch": first,
        "violations": violations,
        "wrong": wrong,
    }


def difference(spec: StreamSpec, flow: Flow, vector: int, expected: Sequence[IntArray]) -> dict[str, Any]:
    """The first element of `vector` that differs, or why there is none to show."""
    own = flow.received[vector * spec.m_beats : (vector + 1) * spec.m_beats]
    nothing = {"vector": vector, "output": spec.outputs[0].name, "element": [], "expected": None, "got": None}
    if len(own) < spec.m_beats:
        return {**nothing, "note": "the vector never came out whole"}
    if None in own:
        return {**nothing, "note": "the output is unknown (X)"}
    got = unpack(from_words(own, spec.m_beats, spec.m_width), spec.outputs, spec.m_width)
    names = [port.name for port in spec.outputs]
    found = first_difference([t[0] for t in got], [y[vector] for y in expected], names)
    if found is None:
        return {**nothing, "note": "only the padding of the last beat differs: it must be zero"}
    return {"vector": vector, **found}
