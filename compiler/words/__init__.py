"""Passes on WordGraphs and the lowering of integer graphs to them."""
