"""The digits' moved images: a third of each pixel goes to the side that the image moves to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


def test_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "examples")
    from datasets import moved

    x = np.zeros((2, 8, 8), np.uint8)
    x[0, 3, 3], x[1, 0, 7] = 9, 9
    found = moved(x.reshape(2, 64)).reshape(8, 2, 8, 8)
    assert found.dtype == np.uint8
    up, right = found[1], found[4]
    assert (up[0, 2, 3], up[0, 3, 3]) == (3, 6) and up[0].sum() == 9
    assert (right[0, 3, 4], right[0, 3, 3]) == (3, 6) and right[0].sum() == 9
    assert right[1, 0, 7] == 6 and right[1].sum() == 6  # what leaves the frame is gone, and nothing comes in
    assert (found[0, 0, 2:4, 2:4] == [[1, 2], [2, 4]]).all()  # to a corner: a third of a third
    assert len(np.unique(found.reshape(8, -1), axis=0)) == 8
