"""`nc explain CODE`: what an error code means and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from nc.compiler.cli import completion
from nc.compiler.cli.output import Output


def run(
    out: Output,
    code: Annotated[str, typer.Argument(metavar="CODE", help="Such as NC210.", autocompletion=completion.codes)],
) -> None:
    """Explain an error code."""
    from nc.ir.codes import CODES
    from nc.ir.diagnostics import UsageError, fail

    name = code.upper().strip("[]")
    name = name if name.startswith("NC") else f"NC{name}"
    if name not in CODES:
        family = [known for known in CODES if known[:3] == name[:3]]
        near = f"codes of this family: {', '.join(family)}" if family else "codes are printed as error[NC210]"
        fail("NC006", f"the code must be one that nc prints, not '{code}'", help=near, kind=UsageError)
    title, text = CODES[name]
    fields = {"code": name, "title": title, "text": text}
    out.result(fields, lambda c: c.print(f"[bold]{name}: {title}[/bold]\n\n{text}"))
