"""Machine code kept on disk from one process to the next.

An entry is named by a digest of everything that decides the code: the IR, the processor and its features, the versions
of LLVM and of this package. So nothing is ever stale, and processes need no lock: an entry is written to a file of its
own and renamed into place, and whoever comes second replaces it by the same bytes. A damaged entry is noticed by its
checksum, removed, and compiled again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from pathlib import Path

from theano.configuration import config

_MAGIC = b"theano native code 1\n"
_PRUNE_EVERY = 64  # stores between looks at the size of the whole

_stores = 0


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
    path = _path(name)
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head, check, code = data[: len(_MAGIC)], data[len(_MAGIC) : len(_MAGIC) + 32], data[len(_MAGIC) + 32 :]
    if head != _MAGIC or hashlib.sha256(code).digest() != check:
        warnings.warn(f"the cached machine code {path} is damaged; it is compiled again", stacklevel=2)
        path.unlink(missing_ok=True)
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
    path = _path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(_MAGIC + hashlib.sha256(code).digest() + code)
        os.replace(temporary, path)
    except OSError:
        return
    _stores += 1
    if _stores % _PRUNE_EVERY == 1:
        prune(int(config.native.cache_size * 2**20))


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


def prune(limit: int) -> int:
    """Remove entries that were not used for longest until `limit` bytes are left; returns how many went."""
    total, removed = 0, 0
    for path, size, _ in entries():
        total += size
        if total > limit:
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def clear() -> int:
    """Remove all entries; returns how many there were."""
    return prune(0)


def main(arguments: list[str] | None = None) -> int:
    """The command ``theano-cache``: ``list`` (the default), ``clear`` or ``prune``."""
    import argparse
    import time

    parser = argparse.ArgumentParser(prog="theano-cache", description="Look after the machine code kept on disk.")
    parser.add_argument("action", nargs="?", choices=("list", "clear", "purge", "prune"), default="list")
    action = parser.parse_args(arguments).action
    if action == "list":
        found = entries()
        for path, size, used in found:
            print(f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(used))} {size:10,d}  {path.parent.name}{path.stem}")
        print(f"{len(found)} entries, {sum(size for _, size, _ in found) / 2**20:.1f} MiB in {folder()}")
    elif action == "prune":
        print(f"{prune(int(config.native.cache_size * 2**20))} entries removed from {folder()}")
    else:
        print(f"{clear()} entries removed from {folder()}")
    return 0
