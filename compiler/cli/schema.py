"""`nc schema`: the JSON schema of nc.yaml, for editors and for reading."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from nc.compiler.cli import completion
from nc.compiler.cli.output import Output


def run(
    out: Output,
    target: Annotated[
        str | None, typer.Option("--target", help="Only this target's sections.", autocompletion=completion.targets)
    ] = None,
) -> None:
    """Print the JSON schema of the configuration file."""
    from nc.backends import registry
    from nc.compiler.config import schema

    found = schema({name: registry.find(name).Options for name in ([target] if target else registry.names())})
    out.result(found, lambda c: c.out(json.dumps(found, indent=2), highlight=False))
