"""Where a native program spends its time: programs that are profiled read a clock around each of their steps.

A profiled function runs a second translation of its program, made when it is called first; the plain one stays as it
is.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from theano.backend.native.compiler import add_symbol
from theano.backend.native.ir import Value
from theano.backend.native.program import Step

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter
    from theano.backend.native.lower import Lowering

_MONOTONIC = 6 if sys.platform == "darwin" else 1  # CLOCK_MONOTONIC


class StepTimes:
    """Two frame words for each step, also for those inside of others: nanoseconds and number of runs."""

    def __init__(self, lowering: Lowering, steps: Sequence[Step]) -> None:
        self.words: dict[Step, int] = {}
        self.paths: dict[Step, tuple[str, ...]] = {}
        todo: list[tuple[Step, tuple[str, ...]]] = [(step, ()) for step in reversed(steps)]
        while todo:
            step, above = todo.pop()
            self.words[step] = lowering.new_words(2)
            self.paths[step] = (*above, step.title())
            todo += [(inner, self.paths[step]) for inner in reversed(step.inner_steps())]
        self.clock = _provide_clock()

    @contextmanager
    def around(self, em: Emitter, step: Step) -> Iterator[None]:
        """Add the time of what is written inside to the words of `step`."""
        b, word = em.b, self.words[step]
        em.set_word(word, b.sub(em.ref(word), self._now(em)))
        yield
        em.set_word(word, b.add(em.ref(word), self._now(em)))
        em.set_word(word + 1, b.add(em.ref(word + 1), b.const("i64", 1)))

    def _now(self, em: Emitter) -> Value:
        """Nanoseconds on a clock that never goes back."""
        b, fn = em.b, em.fn
        if self.clock:
            em.module.declare("clock_gettime", "declare i32 @clock_gettime(i32, ptr)")
            place = fn.scratch("clock", 16)
            fn.emit(f"call i32 @clock_gettime(i32 {_MONOTONIC}, ptr {place.ref})")
            seconds = fn.assign("i64", f"load i64, ptr {place.ref}")
            rest = fn.assign("ptr", f"getelementptr i64, ptr {place.ref}, i64 1")
            nanoseconds = fn.assign("i64", f"load i64, ptr {rest.ref}")
            return b.add(b.mul(seconds, b.const("i64", 10**9)), nanoseconds)
        em.module.declare("readcyclecounter", "declare i64 @llvm.readcyclecounter()")
        return fn.assign("i64", "call i64 @llvm.readcyclecounter()")

    def take(self, frame: np.ndarray) -> list[tuple[str, int, float]]:
        """Path, number of runs and seconds of the steps that ran, in order; the words start again from zero."""
        found = []
        for step, word in self.words.items():
            nanoseconds, runs = int(frame[word]), int(frame[word + 1])
            frame[word] = frame[word + 1] = 0
            if runs:
                found.append((": ".join(self.paths[step]), runs, nanoseconds * 1e-9))
        return found


def _provide_clock() -> bool:
    """Make the system's clock known to compiled code, where it has POSIX's; else the processor's cycles are counted."""
    if sys.platform == "win32":
        return False
    add_symbol("clock_gettime", ctypes.cast(ctypes.CDLL(None).clock_gettime, ctypes.c_void_p).value or 0)
    return True
