"""Python's collector of cyclic garbage, paused while graphs are built.

Large graphs are millions of objects that refer to each other and live on. The collector goes through all of them again
and again while they are made and finds nothing: that takes longer than the work itself.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_pauses = 0
_enabled = False  # before the first of them


@contextmanager
def collector_paused() -> Iterator[None]:
    """No collection of cyclic garbage meanwhile, in any thread; pauses may be nested. Serves as a decorator, too."""
    global _pauses, _enabled
    with _lock:
        if not _pauses:
            _enabled = gc.isenabled()
            gc.disable()
        _pauses += 1
    try:
        yield
    finally:
        with _lock:
            _pauses = max(_pauses - 1, 0)
            if not _pauses and _enabled:
                gc.enable()


def _end_in_child() -> None:
    """The child of a fork does not have the threads that would end their pauses."""
    global _lock, _pauses
    _lock = threading.Lock()
    if _pauses and _enabled:
        gc.enable()
    _pauses = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_end_in_child)
