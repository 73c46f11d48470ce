"""The graph (being written)."""


class Graph:
    """A tensor-level graph."""
