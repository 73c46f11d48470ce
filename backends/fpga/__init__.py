"""The FPGA target: unrolled integer networks as shift-adds, tables and comparisons between two streams."""

from nc.backends.fpga.backend import BACKEND

__all__ = ["BACKEND"]
