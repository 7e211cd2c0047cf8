"""Work in several Python threads at once, and in the child of a fork."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable


def in_threads(count: int, work: Callable[[int], object], switch_interval: float | None = None) -> None:
    """Run ``work(number)`` in `count` threads at once; an error in one of them is raised.

    A short `switch_interval`, in seconds, makes the interpreter change among them in unlikely places, too.
    """
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    before = sys.getswitchinterval()
    if switch_interval is not None:
        sys.setswitchinterval(switch_interval)
    try:
        workers = [threading.Thread(target=guarded, args=(n,), daemon=True) for n in range(count)]
        for w in workers:
            w.start()
        for w in workers:
            w.join(60)
            assert not w.is_alive(), "a thread hangs"
    finally:
        sys.setswitchinterval(before)
    if errors:
        raise errors[0]


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in the child of a fork; the status it leaves with."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    for _ in range(2000):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    raise AssertionError("the child hangs")
