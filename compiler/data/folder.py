"""Folders of samples: images or sounds, one subfolder a class, or all in one folder without labels.

The class names are the subfolders' in sorted order. Images are grey (1 channel) or RGB; bytes become value / 255, as
with IDX files; the layout, channels first or last, is the model's (first where there is none). Nothing is resized or
made grey unless asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nc.compiler.data.dataset import Array, within_limit
from nc.compiler.data.raw import Raw
from nc.compiler.data.wav import samples_of
from nc.compiler.reading import Reading
from nc.ir.diagnostics import ToolMissing, Where, fail

_IMAGES = (".png", ".jpg", ".jpeg")
_SOUNDS = (".wav",)
_DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    OverflowError,
    MemoryError,
    struct.error,
)  # Pillow's words for it


def files_of(path: Path) -> list[Path]:
    """The samples of a folder in sorted order: those in its subfolders, or its own where it has none there."""
    known = (*_IMAGES, *_SOUNDS)
    below = sorted(p for p in path.glob("*/*") if p.suffix.lower() in known and p.is_file())
    return below or sorted(p for p in path.iterdir() if p.suffix.lower() in known and p.is_file())


def read_folder(path: Path, name: str, limit: int, reading: Reading, scale: float | None) -> Raw:
    """Every file of a folder as one sample; `scale`: factor instead of 1 / 255 (images) or full scale 1 (sounds)."""
    files = files_of(path)
    if not files:
        fail(
            "NC400", "a folder must hold .png, .jpg or .wav files, best in a subfolder a class", where=Where(file=name)
        )
    sounds = {file.suffix.lower() in _SOUNDS for file in files}
    if len(sounds) > 1:
        fail("NC404", "a folder must hold images or sounds, not both", where=Where(file=name))
    read = _Images(reading, limit, scale) if sounds == {False} else _Sounds(scale)
    first, x = None, np.empty(0)
    for at, file in enumerate(files):
        label = file.relative_to(path).as_posix()
        sample = read.sample(file, f"{name}/{label}")
        if first is None:
            first = sample.shape
            within_limit(sample.nbytes * len(files), limit, f"{len(files)} samples of shape {list(first)}", name)
            x = np.empty((len(files), *first), sample.dtype)
        if sample.shape != first:
            fail("NC404", f"every sample must have the shape {list(first)} of the first, not {list(sample.shape)}",
                 where=Where(file=f"{name}/{label}"), help=read.advice)  # fmt: skip
        x[at] = sample
    if files[0].parent == path:
        return Raw({"x": x})
    folders = [file.parent.name for file in files]
    classes = tuple(sorted(p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")))
    return Raw({"x": x}, np.array(folders), "folder", classes)


class _Sounds:
    advice = "cut or pad the files to one length, as with sox"

    def __init__(self, scale: float | None) -> None:
        self._scale = scale

    def sample(self, path: Path, name: str) -> Array:
        found: Array = samples_of(path, name, self._scale)[0]
        return found


class _Images:
    advice = "--resize HEIGHTxWIDTH brings all to one size"

    def __init__(self, reading: Reading, limit: int, scale: float | None) -> None:
        try:
            from PIL import Image
        except ImportError:
            fail("NC500", "Pillow must be installed to read images", help="pip install 'neural-compile[data]'",
                 kind=ToolMissing)  # fmt: skip
        self._image: Any = Image
        self._scale = 1 / 255 if scale is None else scale
        self._resize, self._limit = reading.resize, limit
        self._shape = next(iter(reading.inputs.values())) if len(reading.inputs) == 1 else ()

    def sample(self, path: Path, name: str) -> Array:
        """(C, H, W), or (H, W, C) where the model's input is laid out so."""
        here = Where(file=name)
        try:
            with self._image.open(path) as opened:
                width, height = opened.size
                within_limit(width * height * 3 * 4, self._limit, f"an image of {height} x {width}", name)
                image = opened if opened.mode in ("L", "RGB") else self._plain(opened, here)
                if self._resize is not None:
                    image = image.resize(self._resize[::-1], self._image.Resampling.BILINEAR)
                pixels = np.atleast_3d(np.asarray(image))
        except (*_DAMAGED, self._image.DecompressionBombError) as error:
            reason = " ".join(str(error).split())[:120]
            fail("NC402", f"the file must be a whole image, not a damaged one ({reason})", where=here)
        return self._laid_out(pixels, here)

    def _plain(self, image: Any, here: Where) -> Any:
        """Palettes, bits and opaque RGBA as RGB or grey; what would lose something is refused."""
        if image.mode not in ("1", "P", "LA", "RGBA", "PA"):
            fail("NC404", f"an image must be grey or RGB in bytes, not of mode {image.mode}", where=here,
                 help="convert it to 8 bits a channel first")  # fmt: skip
        alpha = "A" in image.mode or "transparency" in image.info
        if alpha and image.convert("RGBA").getextrema()[3] != (255, 255):
            fail("NC404", "an image must be opaque, not have transparent pixels", where=here,
                 help="flatten it onto a background first")  # fmt: skip
        return image.convert("L" if image.mode in ("1", "LA") else "RGB")

    def _laid_out(self, pixels: Array, here: Where) -> Array:
        height, width, channels = pixels.shape
        shape: Sequence[int] = self._shape
        same = channels == 3 and bool((pixels == pixels[:, :, :1]).all())
        wanted = {(channels, height, width), (height, width, channels), (height, width) if channels == 1 else ()}
        if same and (tuple(shape) in ((1, height, width), (height, width, 1), (height, width), (height * width,))):
            pixels, channels = pixels[:, :, :1], 1  # a grey image stored as RGB
        elif len(shape) > 1 and tuple(shape) not in wanted:
            fail("NC406", f"an image must have the shape {list(shape)} of the model's input, not {height} x {width} "
                 f"with {channels} channel{'s' * (channels > 1)}", where=here,
                 help=self._help(height, width))  # fmt: skip
        last = tuple(shape) == (height, width, channels) and tuple(shape) != (channels, height, width)
        found = (pixels if last else pixels.transpose(2, 0, 1)) * self._scale
        return np.ascontiguousarray(found, np.float32)

    def _help(self, height: int, width: int) -> str:
        shape = tuple(self._shape)
        plane = (
            shape if len(shape) == 2 else shape[:2] if shape[-1] in (1, 3) and shape[0] not in (1, 3) else shape[1:3]
        )
        if plane == (height, width):
            return "convert the images to as many channels"
        return f"--resize {plane[0]}x{plane[1]} resizes them"
