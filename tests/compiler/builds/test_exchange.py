"""A build appears whole or not at all: errors, kills, full disks, races, links, and places never replaced."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from nc.compiler.builds import exchange as module
from nc.compiler.builds import staged
from nc.ir.diagnostics import NcError

WRITER = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from nc.compiler.builds import staged
    target, word, wait = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    with staged(target) as folder:
        for k in range(20):
            (folder / f"{k}.txt").write_text(word)
        print("ready", flush=True)
        time.sleep(wait)
        (folder / "manifest.json").write_text(word)
""")


def put(target: Path, word: str, **options: bool) -> None:
    with staged(target, **options) as folder:
        (folder / "manifest.json").write_text(word)
        (folder / "hdl").mkdir()
        (folder / "hdl" / "top.v").write_text(word)


def content(target: Path) -> set[str]:
    return {p.read_text() for p in target.rglob("*") if p.is_file()}


def refused(target: Path, **options: bool) -> str:
    with pytest.raises(NcError) as caught:
        put(target, "new", **options)
    return str(caught.value)


def alone(parent: Path) -> list[str]:
    return sorted(p.name for p in parent.iterdir())


def test_new_replaced_and_empty_folders(tmp_path: Path) -> None:
    put(tmp_path / "deep" / "build", "one")
    assert content(tmp_path / "deep" / "build") == {"one"}
    put(tmp_path / "deep" / "build", "two")
    assert content(tmp_path / "deep" / "build") == {"two"}
    (tmp_path / "empty").mkdir()
    put(tmp_path / "empty", "three")
    assert content(tmp_path / "empty") == {"three"}
    assert alone(tmp_path / "deep") == ["build"]


def test_without_renameat2_the_old_build_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(new: Path, place: Path) -> None:
        raise OSError(errno.ENOSYS, "no renameat2")

    monkeypatch.setattr(module, "_renameat2", unsupported)
    put(tmp_path / "build", "one")
    put(tmp_path / "build", "two")
    assert content(tmp_path / "build") == {"two"}
    assert alone(tmp_path) == ["build"]


def test_a_crash_between_the_two_renames_is_mended(tmp_path: Path) -> None:
    put(tmp_path / "build", "one")
    (tmp_path / "build").rename(tmp_path / ".build.nc-old-x")
    module.recover(tmp_path / "build")
    assert content(tmp_path / "build") == {"one"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_build_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    put(tmp_path / "build", "one")
    with pytest.raises(error), staged(tmp_path / "build") as folder:
        (folder / "manifest.json").write_text("half")
        raise error
    assert content(tmp_path / "build") == {"one"}
    assert alone(tmp_path) == ["build"]


def test_a_full_disk(tmp_path: Path) -> None:
    """A file size limit stands in for a full disk: the write fails in the middle, as there."""
    script = textwrap.dedent(f"""
        import resource, signal
        from pathlib import Path
        from nc.compiler.builds import staged
        from nc.ir.diagnostics import NcError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            with staged(Path({str(tmp_path / "build")!r})) as folder:
                (folder / "big").write_bytes(bytes(10_000))
        except NcError as error:
            print(error)
    """)
    put(tmp_path / "build", "one")
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout == (
        "error[NC422]: the build must be writable, not refused by the system: File too large\n"
        f"  --> {tmp_path / 'build'}\n"
    )
    assert content(tmp_path / "build") == {"one"}
    assert alone(tmp_path) == ["build"]


def test_an_unwritable_parent(tmp_path: Path) -> None:
    """A file where a parent folder should be: refused for every user, root included."""
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file" / "deep" / "build") == (
        "error[NC422]: the output must be in a folder that can be written, but 'file' is a file\n"
        f"  --> {tmp_path / 'file' / 'deep' / 'build'}"
    )


def test_foreign_folders_are_kept_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.tex").write_text("years of work")
    assert refused(tmp_path / "notes") == (
        "error[NC420]: the output folder must be a build or empty, not one with other files\n"
        f"  --> {tmp_path / 'notes'}\n  help: name another folder, or replace this one as a whole with --force"
    )
    assert content(tmp_path / "notes") == {"years of work"}
    put(tmp_path / "notes", "new", force=True)
    assert content(tmp_path / "notes") == {"new"}


def test_places_that_are_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, repository, inside = tmp_path / "home", tmp_path / "repository", tmp_path / "work" / "inside"
    for folder in (home, repository / ".git", inside):
        folder.mkdir(parents=True)
    (home / "x").write_text("")
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(inside)
    folders = "the current, home or root folder, or a mount point"
    assert f"not {folders}" in refused(home, force=True)
    assert f"not {folders}" in refused(tmp_path / "work", force=True)
    assert f"not {folders}" in refused(inside, force=True)
    assert "must not be a repository" in refused(repository, force=True)
    assert "must be a folder, not a file" in refused(tmp_path / "file", force=True)
    assert "not a dangling link" in refused(tmp_path / "dangling", force=True)
    assert not (tmp_path / "nowhere").exists()


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    put(tmp_path / "real", "one")
    (tmp_path / "link").symlink_to("real")
    put(tmp_path / "link", "two")
    assert (tmp_path / "link").is_symlink()
    assert content(tmp_path / "real") == {"two"}


def test_links_inside_an_old_build_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "build", "one")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("kept")
    (tmp_path / "build" / "reports").symlink_to(tmp_path / "precious")
    put(tmp_path / "build", "two")
    assert content(tmp_path / "precious") == {"kept"}


def test_two_writers_into_one_folder_never_mix(tmp_path: Path) -> None:
    target = tmp_path / "build"
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(target), word, "0.1"], stdout=subprocess.DEVNULL)
        for word in ("one", "two", "three")
    ]
    seen = []
    while any(p.poll() is None for p in running):
        if target.exists():
            handle = os.open(target, os.O_RDONLY)  # one folder, whatever name it has meanwhile
            words = set()
            try:
                for name in os.listdir(handle):  # noqa: PTH208 -- pathlib has no handles
                    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=handle)) as file:
                        words.add(file.read())
                seen.append(words)
            except FileNotFoundError:
                pass  # the folder was replaced, and is being removed, while we read it
            finally:
                os.close(handle)
    assert all(p.wait() == 0 for p in running)
    assert all(len(words) <= 1 for words in seen)
    assert content(target) in ({"one"}, {"two"}, {"three"})
    assert len(list(target.iterdir())) == 21
    assert alone(tmp_path) == ["build"]


def test_a_killed_writer_leaves_the_old_build_and_the_next_one_cleans_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "build", "one")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "build"), "two", "60"], stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
        monkeypatch.setattr(module, "_GRACE", -1.0)
        put(tmp_path / "build", "three")  # while the other is at work: its staging folder must stay
        assert len(alone(tmp_path)) == 2
        writer.send_signal(signal.SIGKILL)
    time.sleep(0.01)
    assert content(tmp_path / "build") == {"three"}
    put(tmp_path / "build", "four")
    assert alone(tmp_path) == ["build"]
