"""DATA: samples and labels from arrays, tables, images, sounds and IDX files, checked before anything is allocated.

No pickle is ever loaded. Every reader states the size from headers first and refuses what exceeds the limit.
"""

from pathlib import Path

from nc.compiler.data.dataset import DEFAULT_LIMIT, Dataset
from nc.compiler.data.load import load
from nc.compiler.reading import DataFile

Data = Dataset | DataFile | Path | str
"""What functions take as DATA: read already, or where it is and how to read it."""

__all__ = ["DEFAULT_LIMIT", "Data", "DataFile", "Dataset", "load"]
