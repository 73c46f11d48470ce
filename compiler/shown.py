"""How figures are written for people: in the tables of the terminal and of the report."""

from __future__ import annotations

from collections.abc import Mapping


def shown(value: object) -> str:
    """A figure as a table shows it.

    >>> shown(0.98611), shown(12345), shown([1, 2]), shown("x")
    ('0.9861', '12,345', '1, 2', 'x')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {shown(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return str(value)
