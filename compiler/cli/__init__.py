"""The command line: one small file a command, `main` the entry point. Nothing heavy is imported before it is needed."""

from nc.compiler.cli.main import main

__all__ = ["main"]
