"""MNIST-style IDX files, plain or gzipped: big-endian header, then row-major elements.

Format: http://yann.lecun.com/exdb/mnist (two zero bytes, element type, number of axes, axes as uint32). An
images file is paired with the labels file beside it by its name. Images of unsigned bytes are read as
pixel / 255, the convention of torchvision's `ToTensor`; `data.scale` overrides it.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from nc.compiler.data.dataset import Array, within_limit
from nc.compiler.data.labels import class_indices
from nc.ir.diagnostics import Where, fail

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PAIRS = (("images-idx3", "labels-idx1"), ("images.idx3", "labels.idx1"), ("images", "labels"))


def looks_like(path: Path) -> bool:
    """Whether the first bytes are an IDX header (or a gzip stream, of which nothing else is accepted)."""
    with path.open("rb") as file:
        head = file.read(4)
    return head[:2] == b"\x1f\x8b" or (len(head) == 4 and head[:2] == b"\0\0" and head[2] in _TYPES and head[3] > 0)


def read_idx(path: Path, name: str, limit: int, scale: float | None = None) -> tuple[Array, Array | None]:
    """Images, as float32, and the labels of the file that pairs with it, where there is one."""
    x = _elements(path, name, limit // 4)  # one byte a pixel becomes four
    if x.ndim < 2:
        fail(
            "NC404",
            f"the file must hold images (2 axes or more), not {x.ndim} axis",
            where=Where(file=name),
            help="name the images file; its labels are found beside it",
        )
    factor = scale if scale is not None else 1 / 255 if x.dtype == np.uint8 else 1.0
    labels = _partner(path)
    if labels is None:
        return (x * factor).astype(np.float32), None
    y = _elements(labels, labels.name, limit)
    return (x * factor).astype(np.float32), class_indices(y, len(x), labels.name)


def _partner(path: Path) -> Path | None:
    for images, labels in _PAIRS:
        if images in path.name:
            stem = path.name.replace(images, labels).removesuffix(".gz")
            return next((p for p in (path.with_name(stem), path.with_name(stem + ".gz")) if p.is_file()), None)
    return None


def _elements(path: Path, name: str, limit: int) -> Array:
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with path.open("rb") as plain, gzip.open(plain) if zipped else plain as file:
            return _parse(file, name, limit)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        fail("NC402", f"the file must be a whole IDX file, not a damaged one ({error})", where=Where(file=name))


def _parse(file: IO[bytes] | gzip.GzipFile, name: str, limit: int) -> Array:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not magic[3]:
        fail("NC402", "the file must begin with an IDX header, not other bytes", where=Where(file=name))
    axes = file.read(4 * magic[3])
    if len(axes) < 4 * magic[3]:
        raise EOFError("the header ends early")
    shape = tuple(int(n) for n in np.frombuffer(axes, ">u4"))
    dtype = np.dtype(_TYPES[magic[2]])
    size = math.prod(shape) * dtype.itemsize
    within_limit(size, limit, f"data of shape {list(shape)}", name)
    body = file.read(size + 1)
    if len(body) != size:
        found = f"{len(body)}" if len(body) < size else "more"
        fail("NC402", f"the file must hold {size} bytes after its header, not {found}", where=Where(file=name))
    return np.frombuffer(body, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)
