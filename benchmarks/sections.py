"""Writes a benchmark's table into its own section of docs/benchmarks.md, between two marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def table(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str]) -> str:
    """A Markdown table; `columns` maps keys of a row to headings."""
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_text(row.get(key)) for key in columns) + " |" for row in rows]
    return "\n".join(lines)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return (
        f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else "" if value is None else str(value)
    )


def write(name: str, title: str, text: str) -> None:
    """Replace (or append) the section `name`."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = PAGE.read_text() if PAGE.exists() else "# Benchmarks\n"
    section = f"{begin}\n## {title}\n\n{text.strip()}\n{end}"
    if begin in page:
        head, rest = page.split(begin, 1)
        page = head + section + rest.split(end, 1)[1]
    else:
        page = page.rstrip() + "\n\n" + section + "\n"
    PAGE.write_text(page)
