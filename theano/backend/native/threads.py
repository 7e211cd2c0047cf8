"""The pool of worker threads: how many, when they start, and what a fork leaves of them.

The pool itself is native code (``pool.ll``); its threads start when a program first comes to a loop that is long
enough. Systems without POSIX threads run every loop on the calling thread.
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from theano.backend.native.compiler import Library, add_symbol, source

MOST_THREADS = 256  # more than the pieces of any loop are never of use
STACK_BYTES = 4 * 2**20  # of a worker
SPIN_NANOSECONDS = 50_000  # how long an idle worker looks out for the next job before it sleeps

# Nanoseconds on a clock that never goes back, in IR; where there is no POSIX, cycles of the processor.
_CLOCK = """
declare i32 @clock_gettime(i32, ptr)
define internal i64 @nanoseconds() {
  %time = alloca [2 x i64]
  %1 = call i32 @clock_gettime(i32 {CLOCK_MONOTONIC}, ptr %time)
  %seconds = load i64, ptr %time
  %rest.p = getelementptr i64, ptr %time, i64 1
  %rest = load i64, ptr %rest.p
  %whole = mul i64 %seconds, 1000000000
  %sum = add i64 %whole, %rest
  ret i64 %sum
}
"""
_CYCLES = """
declare i64 @llvm.readcyclecounter()
define internal i64 @nanoseconds() {
  %cycles = call i64 @llvm.readcyclecounter()
  ret i64 %cycles
}
"""

# What differs among systems.
_MACOS = {"SIG_SETMASK": 3, "CLOCK_MONOTONIC": 6}
_LINUX = {"SIG_SETMASK": 2, "CLOCK_MONOTONIC": 1}
_PAUSES = {
    "x86_64": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "aarch64": ("declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"),
}
_PAUSES["AMD64"], _PAUSES["arm64"] = _PAUSES["x86_64"], _PAUSES["aarch64"]


def clock_text() -> str:
    """The IR of a function ``nanoseconds`` for this system."""
    if sys.platform == "win32":
        return _CYCLES
    number = (_MACOS if sys.platform == "darwin" else _LINUX)["CLOCK_MONOTONIC"]
    return _CLOCK.replace("{CLOCK_MONOTONIC}", str(number))


def available() -> bool:
    """Whether this system has the threads that the pool is made of."""
    return sys.platform.startswith("linux") or sys.platform == "darwin"


def default_threads() -> int:
    """How many threads loops use: ``OMP_NUM_THREADS``, else the cores that this process may run on.

    A list as OpenMP takes it for nested loops counts by its first number; what is no positive number is ignored.
    """
    wish = re.match(r"\s*(\d+)\s*(,|$)", os.environ.get("OMP_NUM_THREADS", ""))
    if wish and int(wish[1]) > 0:
        return min(int(wish[1]), MOST_THREADS)
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


class _Pool:
    """The threads of this process, and the words of the runtime that decide who works.

    Addresses are asked for only once: LLVM's lock may be held by a thread that a child process does not have.
    """

    def __init__(self, runtime: Library) -> None:
        self.runtime = runtime  # kept alive
        self.alone = runtime.address("rt_alone")
        address = runtime.engine.get_global_value_address
        self.shared = {"rt_alone": self.alone, **{name: address(name) for name in ("rt_awake", "rt_waited", "rt_own")}}
        words = {
            name: ctypes.c_int64.from_address(runtime.engine.get_global_value_address(f"rt_{name}"))
            for name in ("epoch", "pool", "starter")
        }
        self.epoch, self.runner = words["epoch"], words["pool"]
        self.lock = threading.Lock()
        self.library: Library | None = None
        self.functions: dict[str, Any] = {}
        self.started = 0
        self.wish: int | None = None
        self.starter = self.start  # kept alive: compiled code calls it
        words["starter"].value = id(self.starter)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.forget)

    def load(self) -> None:
        """Compile the pool."""
        with self.lock:
            if self.library is None and self.threads() > 1:
                self._load()

    def threads(self) -> int:
        """How many may work at a time."""
        if not available():
            return 1
        return default_threads() if self.wish is None else self.wish

    def _load(self) -> None:
        for name, place in self.shared.items():
            add_symbol(name, place)
        self.library = Library(_pool_text(), effort=0)
        # threads may be inside of its code until the process ends, so it is never unloaded
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.library))
        for name, count in (("prepare", 0), ("grow", 1), ("limit", 1), ("forget", 0)):
            kind = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * count)
            self.functions[name] = kind(self.library.address(f"pool_{name}"))
        self.run_address = self.library.address("pool_run")
        self.functions["prepare"]()

    def start(self) -> None:
        """Make what is missing of the threads; called from compiled code where a loop is long enough for them."""
        with self.lock:
            threads = self.threads()
            if threads == 1:
                self.runner.value = self.alone
                return
            if self.library is None:
                self._load()
            while self.started < threads - 1 and self.functions["grow"](self.started) == 0:
                self.started += 1
            self.functions["limit"](threads - 1)
            self.runner.value = self.run_address

    def forget(self) -> None:
        """In the child of a fork: no threads, nobody in a call, nobody who will ever release the lock."""
        self.lock = threading.Lock()
        self.started = 0
        if self.functions:
            self.functions["forget"]()
        self.runner.value = 0
        self.epoch.value += 1


_pool: _Pool | None = None


def attach(runtime: Library) -> None:
    """Make the pool known to the runtime; no thread starts yet."""
    global _pool
    _pool = _Pool(runtime)


def load() -> None:
    """Compile the pool before a loop needs it."""
    assert _pool is not None
    _pool.load()


def _pool_text() -> str:
    """The pool's IR for this system."""
    declaration, call = _PAUSES.get(platform.machine(), ("", ""))
    words: dict[str, Any] = {"declare pause": declaration, "call pause": call, "SPIN_NANOSECONDS": SPIN_NANOSECONDS}
    words.update(STACK_BYTES=STACK_BYTES, MOST_THREADS=MOST_THREADS)
    words.update(_MACOS if sys.platform == "darwin" else _LINUX)
    text = source("pool.ll")
    return re.sub(r"\{([A-Za-z_ ]+)\}", lambda match: str(words[match[1]]), text) + clock_text()


@contextmanager
def using(threads: int) -> Iterator[None]:
    """Let long loops use `threads` threads meanwhile, whatever the machine has: for tests and measurements."""
    from theano.backend.native.runtime import entry_address

    entry_address()
    assert _pool is not None
    before = _pool.wish
    _pool.wish = threads
    _pool.start()
    try:
        yield
    finally:
        _pool.wish = before
        _pool.start()
