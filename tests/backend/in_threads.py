"""Work in several Python threads at once."""

from __future__ import annotations

import sys
import threading
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
