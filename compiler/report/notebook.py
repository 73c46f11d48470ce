"""Results as notebooks show them: the page of `nc report` in a frame of its own, so that styles do not mix."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from nc.compiler.report.report import page
from nc.compiler.report.sections import build_section, comparison_section, exploration_section


def build_html(folder: Path) -> str:
    """A build."""
    return framed(page([build_section(folder, "s0")]))


def comparison_html(found: Mapping[str, Any]) -> str:
    """`Comparison.to_json()`."""
    return framed(page([comparison_section(found, "s0", {})]))


def exploration_html(found: Mapping[str, Any]) -> str:
    """`Exploration.to_json()`."""
    return framed(page([exploration_section(found, "s0")]))


def framed(text: str) -> str:
    """A page in a frame that may run its own script and nothing else.

    >>> framed("<p>a</p>").partition("srcdoc=")[2]
    '"&lt;p&gt;a&lt;/p&gt;"></iframe>'
    """
    style = "width:100%;height:40rem;border:0"
    return f'<iframe title="nc report" sandbox="allow-scripts" style="{style}" srcdoc="{escape(text)}"></iframe>'
