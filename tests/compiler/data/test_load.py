"""DATA readers: what they read, what they refuse, and that damaged files end in one diagnostic."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nc.compiler.data import Dataset, load
from nc.ir.diagnostics import NcError

X = np.arange(12, dtype=np.float32).reshape(4, 3)
Y = np.array([0, 1, 2, 1])


def idx(array: np.ndarray, code: int) -> bytes:
    return bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def refused(path: Path, **options: object) -> str:
    with pytest.raises(NcError) as caught:
        load(path, **options)
    return str(caught.value)


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=X, y=Y, note=np.array("ignored"))
    data = load(tmp_path / "d.npz")
    np.testing.assert_array_equal(data.x, X)
    np.testing.assert_array_equal(data.labels(), Y)
    assert (len(data), data.x.dtype, data.name) == (4, np.float32, "d.npz")


def test_npz_compressed_fortran_and_big_endian(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "d.npz", x=np.asfortranarray(X.astype(">f8")), y=Y.astype(float)[:, None])
    data = load(tmp_path / "d.npz")
    np.testing.assert_array_equal(data.x, X)
    assert data.x.dtype == np.dtype(float) and data.x.flags.c_contiguous
    np.testing.assert_array_equal(data.labels(), Y)


def test_npy_has_no_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", X)
    data = load(tmp_path / "d.npy")
    np.testing.assert_array_equal(data.x, X)
    with pytest.raises(NcError) as caught:
        data.labels()
    assert str(caught.value) == (
        "error[NC408]: labels must be present, not missing\n  --> d.npy\n"
        "  help: --label NAME says which column or array holds them"
    )


def test_csv_with_label_column_anywhere(tmp_path: Path) -> None:
    data = load(write(tmp_path / "d.csv", '\ufeffa,label,"b"\n1,0,2.5\n\n-3,1,4e-1\n'))
    np.testing.assert_array_equal(data.x, [[1, 2.5], [-3, 0.4]])
    np.testing.assert_array_equal(data.labels(), [0, 1])


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_pairs_images_with_labels(tmp_path: Path, zipped: bool) -> None:
    images = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3)
    suffix, pack = (".gz", gzip.compress) if zipped else ("", bytes)
    path = write(tmp_path / f"t10k-images-idx3-ubyte{suffix}", pack(idx(images, 8)))
    assert load(path).y is None
    write(tmp_path / "t10k-labels-idx1-ubyte", idx(np.array([7, 2], np.uint8), 8))
    data = load(path)
    np.testing.assert_array_equal(data.x, (images / 255).astype(np.float32))
    np.testing.assert_array_equal(data.labels(), [7, 2])
    np.testing.assert_array_equal(load(path, scale=1.0).x, images)


def test_idx_of_other_types_is_taken_as_it_is(tmp_path: Path) -> None:
    values = np.array([[1.5, -2.0]], ">f4")
    np.testing.assert_array_equal(load(write(tmp_path / "d.idx", idx(values, 0x0D))).x, values)


def test_scale_applies_to_every_format(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", X)
    np.testing.assert_allclose(load(tmp_path / "d.npy", scale=0.5).x, X / 2)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "pwned",))

    np.savez(tmp_path / "d.npz", x=np.array([Evil()], dtype=object))
    assert refused(tmp_path / "d.npz") == (
        "error[NC403]: 'x' must hold numbers, not pickled Python objects\n  --> d.npz: tensor 'x'"
    )
    assert not (tmp_path / "pwned").exists()


def test_a_huge_shape_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 1 << 20)})
    assert refused(write(tmp_path / "d.npy", head.getvalue())) == (
        "error[NC401]: array 'x' of shape [1099511627776, 1048576] must take at most 1,024 MB, "
        "not 8,796,093,022,208 MB\n  --> d.npy\n"
        "  help: a larger limit: --set data.limit_mb=MEGABYTES; or use fewer samples"
    )


def test_a_zip_bomb_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    head = {"descr": "|u1", "fortran_order": False, "shape": (8 << 20, 1)}
    with (
        zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w") as member,
    ):
        np.lib.format.write_array_header_1_0(member, head)
        for _ in range(8):
            member.write(bytes(1 << 20))
    assert (tmp_path / "d.npz").stat().st_size < 20_000
    message = refused(tmp_path / "d.npz", limit=1 << 20)
    assert message.startswith("error[NC401]: array 'x' must take at most 1 MB, not 8 MB\n  --> d.npz")


def test_a_member_that_lies_about_its_size(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=X)
    raw = (tmp_path / "d.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "d.npz") as archive:
        size = archive.getinfo("x.npy").file_size
    lying = raw.replace(size.to_bytes(4, "little"), (size - 8).to_bytes(4, "little"))
    assert refused(write(tmp_path / "l.npz", lying)).startswith("error[NC402]: ")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"note": Y}, "error[NC404]: the file must hold an array of samples, samples first, not only note\n"
         "  --> d.npz\n   |  note [4]\n  help: --x NAME names the samples, --label NAME the labels"),
        ({"x": X[0]}, "error[NC404]: x must have at least 2 axes, samples first, not 1 (shape [3])\n"
         "  --> d.npz: tensor 'x'\n  help: a single sample v becomes v[None, ...]"),
        ({"x": X[:0]}, "error[NC404]: x must hold at least one sample, not none (shape [0, 3])\n"
         "  --> d.npz: tensor 'x'"),
        ({"x": X.astype(str)}, "error[NC404]: 'x' must hold real numbers, not <U32\n  --> d.npz: tensor 'x'"),
        ({"x": X * 1j}, "error[NC404]: 'x' must hold real numbers, not complex64\n  --> d.npz: tensor 'x'"),
        ({"x": np.where(X == 7, np.nan, X)}, "error[NC405]: x must be finite, not nan in sample 2, element [1] "
         "(counted from 0)\n  --> d.npz: tensor 'x'\n"
         "  help: --missing mean fills such elements in, --missing drop leaves such samples out"),
        ({"x": X, "y": Y[:3]}, "error[NC407]: y must have the shape [4], not [3]\n  --> d.npz: tensor 'y'"),
        ({"x": X, "y": np.array([[0, 1], [1, 1], [1, 0], [1, 0]])}, "error[NC407]: a row of labels must hold one 1 and "
         "else 0, not [1, 1] in sample 1\n  --> d.npz: tensor 'y'"),
        ({"x": X, "y": Y - 1}, "error[NC407]: a label must be an integer from 0, not -1 in sample 0\n"
         "  --> d.npz: tensor 'y'\n  help: --classes A,B,... lists the labels in the order of the model's outputs"),
        ({"x": X, "y": np.where(Y == 2, np.nan, Y)}, "error[NC407]: a label must be a finite number, not nan in sample "
         "2\n  --> d.npz: tensor 'y'\n  help: --missing drop leaves samples without a label out"),
    ],
)  # fmt: skip
def test_wrong_arrays(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    assert refused(tmp_path / "d.npz") == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "error[NC404]: the table must hold at least one row, not be empty\n  --> d.csv"),
        ("a,b\n", "error[NC404]: the table must hold at least one row, not only a header\n  --> d.csv"),
        ("a,b\n1,2\n3,\n", "error[NC405]: a cell must be a finite number, not empty\n  --> d.csv:3: tensor 'b'\n"
         "  help: --missing mean fills such cells with the column's mean, --missing drop leaves such rows out"),
        ("a,label\n1,2\n3,cat\n", "error[NC407]: a label must be an integer from 0, not 'cat'\n"
         "  --> d.csv:3: tensor 'label'"),
        ("a,b\n1,2\n3\nNaN,1\n", "error[NC404]: a row must have 2 cells, not 1\n  --> d.csv:3\n"
         "error[NC405]: a cell must be a finite number, not 'NaN'\n  --> d.csv:4: tensor 'a'\n"
         "  help: --missing mean fills such cells with the column's mean, --missing drop leaves such rows out"),
        ("label,a,label\n1,2,3\n", "error[NC404]: there must be one column 'label', not 2\n  --> d.csv\n"
         "  help: --label NUMBER takes a column by its number, counted from 1"),
    ],
)  # fmt: skip
def test_wrong_tables(tmp_path: Path, text: str, message: str) -> None:
    assert refused(write(tmp_path / "d.csv", text)) == message


def test_many_wrong_cells_are_cut_short(tmp_path: Path) -> None:
    message = refused(write(tmp_path / "d.csv", "a,b\n" + "?,1\n" * 500))
    assert message.count("\nerror[") == 10
    assert message.endswith("error[NC405]: only the first 10 wrong cells are listed, not all\n  --> d.csv")


def test_wrong_idx(tmp_path: Path) -> None:
    images = np.zeros((2, 2, 2), np.uint8)
    short = write(tmp_path / "a-images-idx3-ubyte", idx(images, 8)[:-1])
    assert refused(short) == (
        "error[NC402]: the file must hold 8 bytes after its header, not 7\n  --> a-images-idx3-ubyte"
    )
    long = write(tmp_path / "b-images-idx3-ubyte", idx(images, 8) + b"!")
    assert refused(long) == (
        "error[NC402]: the file must hold 8 bytes after its header, not more\n  --> b-images-idx3-ubyte"
    )
    labels = write(tmp_path / "c-labels-idx1-ubyte", idx(np.zeros(2, np.uint8), 8))
    assert refused(labels) == (
        "error[NC404]: the file must hold images (2 axes or more), not 1 axis\n  --> c-labels-idx1-ubyte\n"
        "  help: name the images file; its labels are found beside it"
    )
    cut = write(tmp_path / "d-images-idx3-ubyte.gz", gzip.compress(idx(images, 8))[:-9])
    assert refused(cut).startswith("error[NC402]: the file must be a whole IDX file, not a damaged one")


def test_missing_and_unknown_files(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.npz") == (
        f"error[NC005]: the data file must exist, not be missing\n  --> {tmp_path / 'no.npz'}"
    )
    assert refused(write(tmp_path / "d.pkl", b"\x80\x04")) == (
        "error[NC400]: data must be .npz, .npy, .csv, .tsv, .txt, .data, .parquet, .wav, IDX or a folder of images, "
        "not '.pkl'\n  --> d.pkl"
    )


def test_shapes_are_fitted_to_the_model() -> None:
    data = Dataset.of(X, Y)
    assert data.shaped((3,)).shape == (4, 3)
    assert data.shaped((1, 1, 3)).shape == (4, 1, 1, 3)
    with pytest.raises(NcError) as caught:
        data.shaped((28, 28))
    assert str(caught.value) == (
        "error[NC406]: a sample must have the shape [28, 28] (784 elements) of the model's input, "
        "not [3] (3 elements)\n  --> arrays\n  help: the first axis counts samples; the rest must match the "
        "model's input"
    )
    assert len(data.head(2)) == len(data.head(2).labels()) == 2


@pytest.mark.parametrize("name", ["d.npz", "z.npz", "d.npy", "d.csv", "d-images-idx3-ubyte", "e-images-idx3-ubyte.gz"])
def test_damaged_files_end_in_a_diagnostic(tmp_path: Path, name: str) -> None:
    """Bit flips, cuts and insertions: a data set or an `NcError`, nothing else, and no large allocation."""
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    whole = {
        "d.npz": lambda b: np.savez(b, x=X, y=Y),
        "z.npz": lambda b: np.savez_compressed(b, x=X, y=Y),
        "d.npy": lambda b: np.save(b, X),
        "d.csv": lambda b: b.write(b"a,b,label\n1,2,0\n3,4,1\n"),
        "d-images-idx3-ubyte": lambda b: b.write(idx(images, 8)),
        "e-images-idx3-ubyte.gz": lambda b: b.write(gzip.compress(idx(images, 8))),
    }[name]
    buffer = io.BytesIO()
    whole(buffer)
    good = buffer.getvalue()
    rng = np.random.default_rng(1)
    outcomes = set()
    for _ in range(250):
        bad = bytearray(good)
        for at in rng.integers(len(bad), size=rng.integers(1, 4)):
            bad[at] ^= 1 << rng.integers(8)
        if rng.random() < 0.3:
            del bad[rng.integers(len(bad)) :]
        if rng.random() < 0.1:
            bad[rng.integers(len(bad) + 1) :] = rng.bytes(5)
        try:
            load(write(tmp_path / name, bytes(bad)), limit=1 << 20)
            outcomes.add("read")
        except NcError as error:
            outcomes.add(error.diagnostics[0].code)
    assert len(outcomes) > 1
