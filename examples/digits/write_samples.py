"""Writes the digits as files for `nc`: train.npz, unseen.npz (training images, moved a little) and test.npz.

Run: python examples/digits/write_samples.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from datasets import digits, moved  # noqa: E402


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    data = digits()
    np.savez(folder / "train.npz", x=data.x_train, y=data.y_train)
    np.savez(folder / "unseen.npz", x=moved(data.x_train), y=np.tile(data.y_train, 8))
    np.savez(folder / "test.npz", x=data.x_test, y=data.y_test)


if __name__ == "__main__":
    main()
