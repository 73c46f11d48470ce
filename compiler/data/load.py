"""Opens DATA with the reader of its format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nc.compiler.data.arrays import read_npz
from nc.compiler.data.columns import read_parquet
from nc.compiler.data.dataset import DEFAULT_LIMIT, Dataset
from nc.compiler.data.folder import files_of, read_folder
from nc.compiler.data.idx import looks_like, read_idx
from nc.compiler.data.npy import read_npy
from nc.compiler.data.raw import Raw, finished
from nc.compiler.data.table import read_table
from nc.compiler.data.wav import read_wav
from nc.compiler.reading import MISSING, DataFile, Reading
from nc.ir.diagnostics import UsageError, Where, fail, suggest

Reader = Callable[[Path, str, int, Reading], Raw]


def _npy(path: Path, name: str, limit: int, reading: Reading) -> Raw:
    del reading
    return Raw({"x": read_npy(path, name, limit)[0]})


READERS: dict[str, Reader] = {
    ".npz": read_npz, ".npy": _npy, ".csv": read_table, ".tsv": read_table, ".txt": read_table, ".data": read_table,
    ".parquet": read_parquet, ".wav": read_wav,
}  # fmt: skip


def load(
    path: Path | str,
    *,
    limit: int = DEFAULT_LIMIT,
    scale: float | None = None,
    label: str = "",
    x: str = "",
    missing: str = "",
    classes: Sequence[str] = (),
    header: bool | None = None,
    resize: tuple[int, int] | None = None,
    inputs: Mapping[str, tuple[int, ...]] | None = None,
) -> Dataset:
    """Samples and labels of a DATA file or folder; `limit`: bytes in memory; `scale`: factor on every element.

    `label`, `x`, `missing`, `classes`, `header`, `resize`, `inputs`: as in `nc.compiler.reading.Reading`. Without a
    `scale`, bytes of images are divided by 255; everything else is taken as it is. Raises `NcError` NC400 to NC407, or
    NC005 where the operating system refuses the file.
    """
    reading = Reading(label, x, missing, tuple(classes), header, resize, {} if inputs is None else inputs)
    return load_file(DataFile(Path(path), reading), limit=limit, scale=scale)


def load_file(file: DataFile, *, limit: int = DEFAULT_LIMIT, scale: float | None = None) -> Dataset:
    """The same for a `DataFile`, which hears what the reader decided."""
    path, reading = file.path, file.reading
    if reading.missing not in ("", *MISSING):
        fail("NC003", f"--missing must be {' or '.join(MISSING)}, not '{reading.missing}'",
             help=suggest(reading.missing, MISSING), kind=UsageError)  # fmt: skip
    if not path.exists():
        fail("NC005", "the data file must exist, not be missing", where=Where(file=str(path)))
    name = path.name or path.resolve().name
    data = finished(_read(path, name, limit, reading, scale), reading, name, data_sha256(path))
    file.heard(data.notes)
    return data


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def data_sha256(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of a folder's samples."""
    if not path.is_dir():
        return file_sha256(path)
    digest = hashlib.sha256()
    for file in files_of(path):
        digest.update(f"{file.relative_to(path).as_posix()}\0{file_sha256(file)}\0".encode())
    return digest.hexdigest()


def _read(path: Path, name: str, limit: int, reading: Reading, scale: float | None) -> Raw:
    if path.is_dir():
        return read_folder(path, name, limit, reading, scale)
    reader = READERS.get(path.suffix.lower())
    if reader is not None:
        raw = reader(path, name, limit, reading)
        return raw if scale is None else replace(raw, arrays={k: a * scale for k, a in raw.arrays.items()})
    if not looks_like(path):
        what = path.suffix or name
        known = ", ".join(READERS)
        fail("NC400", f"data must be {known}, IDX or a folder of images, not '{what}'", where=Where(file=name))
    x, y = read_idx(path, name, limit, scale)
    return Raw({"x": x}, y, "" if y is None else "y")
