"""WAV files of integer samples: one file is one sample, (channels, frames), full scale ±1."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np

from nc.compiler.data.dataset import Array, within_limit
from nc.compiler.data.raw import Raw, note
from nc.compiler.reading import Reading
from nc.ir.diagnostics import Where, fail


def read_wav(path: Path, name: str, limit: int, reading: Reading) -> Raw:
    """One file, cut into windows of the model's input where it is a longer one of a single channel."""
    within_limit(path.stat().st_size * 4, limit, "the sound, as numbers,", name)
    x = samples_of(path, name)
    size = math.prod(next(iter(reading.inputs.values()))) if len(reading.inputs) == 1 else 0
    windows = x.size // size if size and x.shape[1] == 1 else 0
    if windows < 2:
        return Raw({"x": x})
    left = x.size - windows * size
    told = note(f"{windows} windows of {size} frames are taken, and {left} frames at the end left out", name)
    return Raw({"x": x.reshape(-1)[: windows * size].reshape(windows, 1, size)}, notes=(told,))


def samples_of(path: Path, name: str, scale: float | None = None) -> Array:
    """The frames of a file as float32 (1, channels, frames): integers times `scale`, or full scale ±1 (NC402)."""
    here = Where(file=name)
    try:
        with wave.open(str(path), "rb") as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError, ValueError, RuntimeError) as error:
        fail(
            "NC402",
            f"the file must be a WAV file of integer samples, not damaged or of other ones ({error})",
            where=here,
        )
    raw = raw[: len(raw) - len(raw) % (width * channels)]
    if not raw:
        fail("NC404", "the file must hold at least one frame, not none", where=here)
    octets = np.frombuffer(raw, np.uint8).reshape(-1, width)
    if width == 1:  # the only width without a sign: 128 is zero
        values = octets[:, 0].astype(np.int32) - 128
    else:
        wide = np.zeros((len(octets), 4), np.uint8)
        wide[:, 4 - width :] = octets
        values = wide.view("<i4")[:, 0] >> (32 - 8 * width)
    factor = 2.0 ** (1 - 8 * width) if scale is None else scale
    return np.ascontiguousarray((values * factor).reshape(-1, channels).T[None], np.float32)
