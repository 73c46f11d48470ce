"""Replaces a folder as a whole: written as a hidden sibling, exchanged in one step when it is complete.

On Linux `renameat2(RENAME_EXCHANGE)` swaps the two names atomically. Elsewhere the old folder is moved aside
first, and a crash between the two renames is mended by `recover` at the next use. Whoever is killed leaves only
a hidden sibling, which the next writer removes; a lock on it tells a dead writer from one still at work.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nc.compiler.builds.manifest import NAME
from nc.ir.diagnostics import Where, fail

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_STAGING, _ASIDE = ".nc-new-", ".nc-old-"
_GRACE = 60.0  # seconds between making a staging folder and locking it, at the very most
_REFUSED = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.EPERM}
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


@contextmanager
def staged(output: Path, *, force: bool = False) -> Iterator[Path]:
    """A fresh folder to write into; it becomes `output` when the block ends, and vanishes when the block raises.

    An existing build (or empty folder) is replaced; any other folder only with `force` (NC420); some places
    never (NC421). A link to a folder stays a link: what it points to is replaced. NC422: cannot be written.
    """
    place = output_place(output, force=force)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        recover(place)
        _sweep(place)
        staging = Path(tempfile.mkdtemp(prefix=f".{place.name}{_STAGING}", dir=place.parent))
    except OSError as error:
        _unwritable(output, error)
    lock = os.open(staging, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        staging.chmod(0o777 & ~_umask())
        yield staging
        _sync(staging)
        output_place(output, force=force)  # what stands there may have changed meanwhile
        exchange(staging, place)
    except OSError as error:
        if error.errno not in _REFUSED or not _concerns(error, staging, place):
            raise
        _unwritable(output, error)
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # the old build after an exchange, half a one after an error
        os.close(lock)


def output_place(output: Path, *, force: bool) -> Path:
    """The real path that `output` names, if it may be replaced (NC420, NC421)."""
    here = Where(file=str(output))
    if output.is_symlink() and not output.exists():
        fail("NC421", "the output must be a folder, not a dangling link", where=here)
    place = output.resolve()
    if not place.exists():
        return _makeable(place, here)
    if not place.is_dir():
        fail("NC421", "the output must be a folder, not a file", where=here)
    _replaceable(place, here)
    if (place / NAME).is_file() or not any(place.iterdir()):
        return place
    if not force:
        fail("NC420", "the output folder must be a build or empty, not one with other files", where=here,
             help="name another folder, or replace this one as a whole with --force")  # fmt: skip
    if (place / ".git").exists():
        fail("NC421", "the output must not be a repository", where=here)
    return place


def _makeable(place: Path, here: Where) -> Path:
    """`place`, unless what stands above it is no folder, or one that must not be written."""
    above = next(folder for folder in place.parents if os.path.lexists(folder))
    reason = "is a file" if not above.is_dir() else "" if os.access(above, os.W_OK | os.X_OK) else "is read-only"
    if reason:
        fail("NC422", f"the output must be in a folder that can be written, but '{above.name or above}' {reason}",
             where=here)  # fmt: skip
    return place


def _replaceable(place: Path, here: Where) -> None:
    if Path.cwd().is_relative_to(place) or place in (Path.home(), Path(place.root)) or os.path.ismount(place):
        fail("NC421", "the output must be a folder of its own, not the current, home or root folder, or a mount point",
             where=here, help="-o build")  # fmt: skip


def exchange(new: Path, place: Path) -> None:
    """Give `new` the name `place`. What had it before, if anything, has the name `new` afterwards or is gone."""
    while True:
        try:
            new.rename(place)  # works where nothing stands, or an empty folder
            return
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
        try:
            _renameat2(new, place)
            return
        except FileNotFoundError:
            continue  # another compile moved it away between the two calls
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
        if _move_aside(new, place):
            return


def recover(place: Path) -> None:
    """Put back a folder that was moved aside by a process which died before it put the new one in place."""
    if place.exists() or not place.parent.is_dir():
        return
    aside = sorted(place.parent.glob(f".{place.name}{_ASIDE}*"), key=lambda p: p.stat().st_mtime)
    if aside:
        with suppress(OSError):
            aside[-1].rename(place)


def _renameat2(new: Path, place: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if libc.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(place), _RENAME_EXCHANGE):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(place))


def _move_aside(new: Path, place: Path) -> bool:
    """Two renames instead of one exchange; False when another writer came between."""
    aside = Path(tempfile.mkdtemp(prefix=f".{place.name}{_ASIDE}", dir=place.parent))
    try:
        place.rename(aside)
    except FileNotFoundError:
        aside.rmdir()
        return False
    try:
        new.rename(place)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:  # somebody else's build stands there: take ours next
            shutil.rmtree(aside, ignore_errors=True)
            return False
        aside.rename(place)
        raise
    shutil.rmtree(aside, ignore_errors=True)
    return True


def _sweep(place: Path) -> None:
    """Remove what killed writers left: staging folders that nobody holds a lock on."""
    for stale in place.parent.glob(f".{place.name}{_STAGING}*"):
        try:
            if time.time() - stale.stat().st_mtime < _GRACE:
                continue
            handle = os.open(stale, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(stale, ignore_errors=True)
        except OSError:
            pass  # its writer is at work
        finally:
            os.close(handle)


def _concerns(error: OSError, *places: Path) -> bool:
    """Whether the error is about one of `places`; one without a name comes from writing, hence is."""
    names = [str(n) for n in (error.filename, error.filename2) if n is not None]
    return not names or any(name.startswith(str(place)) for name in names for place in places)


def _sync(folder: Path) -> None:
    """Bring the files to the disk before their names change: after a power cut, whole files or the old build."""
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(output: Path, error: OSError) -> None:
    fail("NC422", f"the build must be writable, not refused by the system: {error.strerror}",
         where=Where(file=str(output)))  # fmt: skip
