"""Machine code kept on disk from one process to the next.

An entry is named by a digest of everything that decides the code: the IR, the processor and its features, the versions
of LLVM and of this package. So nothing is ever stale, and processes need no lock: an entry is written to a file of its
own and renamed into place, and whoever comes second replaces it by the same bytes. A damaged entry is noticed by its
checksum, removed, and compiled again.
"""

from __future__ import annotations

import hashlib
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from theano.configuration import config

_MAGIC = b"theano native code 1\n"
_PRUNE_EVERY = 64  # stores between looks at the size of the whole
_UNFINISHED = ".new-"  # begins the names of files that are being written
_NO_CACHE = (OSError, RuntimeError)  # what reading gives; the latter where nobody knows of a home directory

_stores = os.getpid() % _PRUNE_EVERY  # each process begins elsewhere: one in so many short ones prunes


def folder() -> Path:
    """Where entries are: ``config.compiledir``, by default ``native`` in ``config.base_compiledir``."""
    return Path(config.compiledir or os.path.join(config.base_compiledir, "native")).expanduser()


def digest(*parts: str) -> str:
    """The name of the entry that is decided by `parts`."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "little"))
        found.update(part.encode())
    return found.hexdigest()


def _path(name: str) -> Path:
    return folder() / name[:2] / f"{name[2:]}.o"


def load(name: str) -> bytes | None:
    """The object code of an entry, or ``None`` when there is none; a damaged one is removed with a warning."""
    if not config.native.cache:
        return None
    try:
        path = _path(name)
        data = path.read_bytes()
    except _NO_CACHE:
        return None
    head, check, code = data[: len(_MAGIC)], data[len(_MAGIC) : len(_MAGIC) + 32], data[len(_MAGIC) + 32 :]
    if head != _MAGIC or hashlib.sha256(code).digest() != check:
        _remove(path)
        warnings.warn(f"the cached machine code {path} is damaged; it is compiled again", stacklevel=2)
        return None
    try:
        os.utime(path)  # pruning removes what was not used for longest
    except OSError:
        pass
    return code


def store(name: str, code: bytes) -> None:
    """Keep the object code of an entry; a disk that cannot be written is no error."""
    global _stores
    if not config.native.cache:
        return
    try:
        path = _path(name)
    except _NO_CACHE:
        return
    temporary = path.with_name(f"{_UNFINISHED}{os.getpid()}-{os.urandom(8).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:  # with the permissions that the user's umask gives, unlike tempfile
            file.write(_MAGIC + hashlib.sha256(code).digest() + code)
        os.replace(temporary, path)
    except OSError:
        _remove(temporary)
        return
    _stores += 1
    if _stores % _PRUNE_EVERY == 0:
        prune(limit())


def limit() -> float:
    """How many bytes entries may take: ``config.native.cache_size``."""
    return config.native.cache_size * 2**20


def _remove(path: Path) -> bool:
    """Remove a file, if it is there and this process may; whether it is gone."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def entries() -> list[tuple[Path, int, float]]:
    """Path, size in bytes and time of last use of each entry, the latest first."""
    found = []
    for path in folder().glob("*/*.o"):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((path, status.st_size, status.st_mtime))
    return sorted(found, key=lambda entry: -entry[2])


def prune(limit: float) -> int:
    """Remove entries that were not used for longest until `limit` bytes are left; returns how many went.

    Files that a process has left unfinished an hour ago go as well.
    """
    total, removed = 0, 0
    for path, size, _ in entries():
        total += size
        if not total <= limit and _remove(path):
            removed += 1
    for path in folder().glob(f"*/{_UNFINISHED}*"):
        try:
            if path.stat().st_mtime < time.time() - 3600:
                path.unlink()
        except OSError:
            continue
    return removed


def clear() -> int:
    """Remove all entries; returns how many there were."""
    return prune(0)


def _list() -> None:
    for path, size, used in entries():
        print(f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(used))} {size:10,d}  {path.parent.name}{path.stem}")
    _size()


def _size() -> None:
    sizes = [size for _, size, _ in entries()]
    print(f"{len(sizes)} entries, {sum(sizes) / 2**20:.1f} MiB of {limit() / 2**20:g} MiB in {folder()}")


def _clear() -> None:
    print(f"{clear()} entries removed from {folder()}")


def _prune() -> None:
    print(f"{prune(limit())} entries removed from {folder()}")


_ACTIONS: dict[str, tuple[Callable[[], object], str]] = {
    "list": (_list, "entries, the one used last first (the default)"),
    "size": (_size, "how many entries there are, and what they take"),
    "clear": (_clear, "remove all entries; 'purge' is the same"),
    "prune": (_prune, "remove what is more than config.native.cache_size; 'cleanup' is the same"),
    "unlock": (lambda: print("there is no lock: nothing waits for another process"), "for scripts of Theano 1.0"),
    "basecompiledir": (lambda: print(Path(config.base_compiledir).expanduser()), "print config.base_compiledir"),
}
_ACTIONS["purge"], _ACTIONS["cleanup"] = _ACTIONS["clear"], _ACTIONS["prune"]


def main(arguments: list[str] | None = None) -> int:
    """The command ``theano-cache``; ``theano-cache help`` lists what it does."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="theano-cache",
        description="Look after the machine code kept on disk.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {name:14s} {text}" for name, (_, text) in _ACTIONS.items()),
    )
    parser.add_argument("action", nargs="?", choices=(*_ACTIONS, "help"), default="list", metavar="action")
    action = parser.parse_args(arguments).action
    if action == "help":
        parser.print_help()
    else:
        _ACTIONS[action][0]()
    return 0
