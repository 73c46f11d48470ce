"""DATA: samples and labels from .npz, .npy, .csv and IDX files, checked before anything is allocated.

No pickle is ever loaded. Every reader states the size from headers first and refuses what exceeds the limit.
"""

from nc.compiler.data.dataset import DEFAULT_LIMIT, Dataset
from nc.compiler.data.load import load

__all__ = ["DEFAULT_LIMIT", "Dataset", "load"]
