"""Superconducting single-flux-quantum circuits: cells, mapping, balancing, timing, files."""

from nc.backends.sfq.backend import BACKEND as BACKEND
