"""Where work is kept between runs: compiled simulator parts, searches that may go on."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """$NC_CACHE, or `nc` in the user's cache folder."""
    if given := os.environ.get("NC_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nc"
