"""`python -m nc.compiler.cli` is `nc`."""

from nc.compiler.cli.main import main

main()
