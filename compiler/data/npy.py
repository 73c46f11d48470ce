"""numpy's .npy and .npz files, read without numpy.load: the header first, then exactly what it declares."""

from __future__ import annotations

import io
import lzma
import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from nc.compiler.data.dataset import Array, within_limit
from nc.ir.diagnostics import Where, fail

_NUMERIC = "biuf"
_CHUNK = 1 << 20
_PARSERS: dict[int, Callable[[IO[bytes]], tuple[tuple[int, ...], bool, np.dtype[np.generic]]]] = {
    1: np.lib.format.read_array_header_1_0,
    2: np.lib.format.read_array_header_2_0,
}
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,  # bz2's word for damaged data
    NotImplementedError,  # a compression method that zipfile does not know
    RuntimeError,  # an encrypted member
    ValueError,
    OverflowError,
    SyntaxError,
    TypeError,
    MemoryError,  # numpy evaluates the header as a literal: deep nesting ends here
    RecursionError,
    tokenize.TokenError,
)


def read_npy(path: Path, name: str, limit: int) -> tuple[Array, None]:
    """An .npy file: the samples, without labels."""
    with path.open("rb") as file:
        return _array(file, path.stat().st_size, name, "x", limit), None


def headers(path: Path, name: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """Shape and numpy kind of every array of an .npz; of members that are no arrays, nothing."""
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    for key, member in _members(path, name).items():
        try:
            with zipfile.ZipFile(path) as archive, archive.open(member) as file:
                shape, _, dtype, _ = _header(file)
        except _DAMAGED:
            if member.filename.endswith(".npy"):
                found[key] = ((), "")  # refused with its reason where it is wanted
            continue
        found[key] = (shape, dtype.kind)
    return found


def read_arrays(
    path: Path, name: str, limit: int, wanted: Mapping[str, str] | None = None, kinds: str = _NUMERIC
) -> dict[str, Array]:
    """The arrays of an .npz, at most `limit` bytes in all: every one, or those `wanted`, by the kinds accepted of each.

    `kinds`: the numpy kinds accepted of every one. Raises NC401 (too large), NC402 (damaged), NC403 (pickled objects),
    NC404 (not numbers).
    """
    arrays: dict[str, Array] = {}
    left = limit
    for key, member in _members(path, name).items():
        if wanted is not None and key not in wanted:
            continue
        within_limit(member.file_size, left, f"array '{key}'", name)
        try:
            with zipfile.ZipFile(path) as archive, archive.open(member) as file:
                arrays[key] = _array(file, member.file_size, name, key, left, kinds if wanted is None else wanted[key])
        except _DAMAGED as error:
            _damaged(name, key, error)
        left -= arrays[key].nbytes
    return arrays


def _members(path: Path, name: str) -> dict[str, zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
    except _DAMAGED as error:
        _damaged(name, "", error)
    keys = [m.filename.removesuffix(".npy") for m in found]
    if len(set(keys)) != len(keys):
        fail("NC402", "array names must be unique, not repeated", where=Where(file=name))
    return dict(zip(keys, found))


def _array(file: IO[bytes], size: int, name: str, key: str, limit: int, kinds: str = _NUMERIC) -> Array:
    """One array from its header on; `size`: bytes that the container says there are."""
    here = Where(file=name, tensor=key)
    try:
        shape, fortran, dtype, start = _header(file)
    except _DAMAGED as error:
        _damaged(name, key, error)
    if dtype.hasobject:
        fail("NC403", f"'{key}' must hold numbers, not pickled Python objects", where=here)
    if dtype.kind not in kinds:
        fail("NC404", f"'{key}' must hold real numbers, not {dtype}", where=here)
    count = math.prod(shape)
    within_limit(count * dtype.itemsize, limit, f"array '{key}' of shape {list(shape)}", name)
    if start + count * dtype.itemsize != size:
        fail(
            "NC402",
            f"'{key}' must hold the {count * dtype.itemsize} bytes its header declares, not {size - start}",
            where=here,
        )
    array = np.empty(count, dtype)
    try:
        _fill(file, array.view(np.uint8).data)
    except _DAMAGED as error:
        _damaged(name, key, error)
    array = array.reshape(shape[::-1]).T if fortran else array.reshape(shape)
    return np.ascontiguousarray(array.astype(dtype.newbyteorder("="), copy=False))


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """Shape, Fortran order, element type, and where the elements begin. Reads at most 64 KiB."""
    head = file.read(12)
    major = head[6] if len(head) == 12 and head[:6] == b"\x93NUMPY" else 0
    if major not in _PARSERS:
        raise ValueError("no numpy header")
    length = int.from_bytes(head[8:10], "little") + 10 if major == 1 else int.from_bytes(head[8:12], "little") + 12
    if length > 1 << 16:
        raise ValueError("header too long")
    stream = io.BytesIO(head + file.read(length - 12))
    stream.seek(8)
    with warnings.catch_warnings():  # numpy warns about headers written by Python 2
        warnings.simplefilter("ignore")
        shape, fortran, dtype = _PARSERS[major](stream)
    if any(axis < 0 for axis in shape):
        raise ValueError("negative axis")
    return shape, fortran, dtype, length


def _fill(file: IO[bytes], view: memoryview) -> None:
    done = 0
    while done < len(view):
        part = file.read(min(_CHUNK, len(view) - done))
        if not part:
            raise EOFError("file ends early")
        view[done : done + len(part)] = part
        done += len(part)
    file.read(1)  # reaches the end of a zip member, where its checksum is compared


def _damaged(name: str, key: str, error: BaseException) -> None:
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    fail("NC402", f"the file must be a whole .npy or .npz, not a damaged one ({reason})", where=Where(name, "", key))
