"""Printed electronics: bespoke circuits of inkjet-printed EGFET cells."""

from nc.backends.printed.backend import BACKEND

__all__ = ["BACKEND"]
