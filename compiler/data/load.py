"""Opens a DATA file with the reader of its format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from nc.compiler.data.dataset import DEFAULT_LIMIT, Array, Dataset, checked
from nc.compiler.data.idx import looks_like, read_idx
from nc.compiler.data.npy import read_npy, read_npz
from nc.compiler.data.table import read_csv
from nc.ir.diagnostics import Where, fail

Reader = Callable[[Path, str, int], tuple[Array, Array | None]]
READERS: dict[str, Reader] = {".npz": read_npz, ".npy": read_npy, ".csv": read_csv}


def load(path: Path | str, *, limit: int = DEFAULT_LIMIT, scale: float | None = None) -> Dataset:
    """Samples and labels of a DATA file; `limit`: bytes in memory; `scale`: factor on every element.

    Without a `scale`, IDX images of unsigned bytes are divided by 255; everything else is taken as it is.
    Raises `NcError` NC400–NC407, or NC005 where the operating system refuses the file.
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "missing"
        fail("NC005", f"the data file must exist, not be {what}", where=Where(file=str(path)))
    x, y = _read(path, limit, scale)
    return checked(x, y, path.name, file_sha256(path))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, limit: int, scale: float | None) -> tuple[Array, Array | None]:
    reader = READERS.get(path.suffix.lower())
    if reader is not None:
        x, y = reader(path, path.name, limit)
        return (x if scale is None else x * scale), y
    if not looks_like(path):
        what = path.suffix or path.name
        fail("NC400", f"data must be .npz, .npy, .csv or IDX, not '{what}'", where=Where(file=path.name))
    return read_idx(path, path.name, limit, scale)
