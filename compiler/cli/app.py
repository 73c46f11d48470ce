"""The table of commands. A command's module is small; what it needs to do its work is imported when it runs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nc.compiler.cli import (
    compare,
    compile,
    demo,
    devices,
    doctor,
    eval,
    explain,
    explore,
    host,
    inspect,
    ops,
    report,
    run,
    schema,
    simulate,
    synth,
    targets,
    verify,
)
from nc.compiler.cli.command import Command, register

_ABOUT = "Compile trained neural networks to hardware that is proved to compute them."

COMMANDS: dict[str, tuple[Command, str]] = {
    "compile": (compile.run, "nc compile model.onnx -o build --target fpga --calib train.npz"),
    "simulate": (simulate.run, "nc simulate build --data test.npz --vectors 100"),
    "eval": (eval.run, "nc eval build --data test.npz"),
    "run": (run.run, "nc run build --data new.npz -o answers.npz"),
    "verify": (verify.run, "nc verify build"),
    "synth": (synth.run, "nc synth build --device ice40-hx8k --pnr"),
    "explore": (
        explore.run,
        "nc explore model.onnx --target fpga --data train.npz --space space.yaml -o search --workers 2",
    ),
    "compare": (compare.run, "nc compare model.onnx --calib train.npz --data test.npz --targets all -o comparison"),
    "report": (report.run, "nc report build comparison search -o report.html"),
    "host": (host.run, "nc host build --port /dev/ttyUSB1 --data test.npz"),
    "inspect": (inspect.run, "nc inspect model.onnx"),
    "demo": (demo.run, "nc demo"),
    "doctor": (doctor.run, "nc doctor"),
    "targets": (targets.run, "nc targets"),
    "devices": (devices.run, "nc devices"),
    "ops": (ops.run, "nc ops"),
    "explain": (explain.run, "nc explain NC210"),
    "schema": (schema.run, "nc schema --target fpga > nc.schema.json"),
}


def _version(wanted: bool) -> None:
    if wanted:
        from nc.compiler.builds.manifest import tool_version

        print(f"nc {tool_version()}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    del version


def build() -> Any:
    """The command tree, ready for `main(arguments)`."""
    app = typer.Typer(name="nc", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback(help=_ABOUT)(_root)
    for name, (function, example) in COMMANDS.items():
        register(app, name, function, example)
    return typer.main.get_command(app)
