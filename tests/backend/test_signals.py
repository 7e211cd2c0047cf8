"""Signals that Python code handles, Ctrl-C among them, while a function computes for long."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.configuration import change_flags

LONG = 400_003  # elements that are enough for several pieces


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
class TestSignals:
    """Ctrl-C, and other signals that Python code handles, while a function computes for long."""

    KINDS = ("a recurrence on numbers", "a loop of short steps", "loops in a loop", "a loop of long steps", "products")

    def long_function(self, kind: str):
        """A function that computes for many seconds, with an update of shared variable `total`, and its arguments."""
        total = theano.shared(np.zeros(3), "total")
        x, n = T.dvector("x"), T.lscalar("n")
        arguments, steps = np.ones(20), 3 * 10**8
        if kind == "products":
            m = T.dmatrix("m")
            power = m
            for _ in range(60):
                power = T.dot(power, m) / 1000
            f = theano.function([m], power.sum(), updates=[(total, total + 1)])
            return f, total, (np.ones((1300, 1300)),)
        if kind == "a recurrence on numbers":
            values = theano.scan(lambda h: 0.5 * h + 1, outputs_info=[x[0]], n_steps=n)[0]
        elif kind == "loops in a loop":

            def outer(h):
                return T.tanh(theano.scan(lambda v: T.cos(v) + h, outputs_info=[h], n_steps=30)[0][-1])

            values = theano.scan(outer, outputs_info=[x], n_steps=n)[0]
        else:
            values = theano.scan(lambda h: T.cos(h) * 1.01, outputs_info=[x], n_steps=n)[0]
            if kind == "a loop of long steps":
                arguments, steps = np.ones(LONG), 10**5
        f = theano.function([x, n], values[-1].sum(), updates=[(total, total + 1)])
        return f, total, (arguments, steps)

    @pytest.mark.parametrize("kind", KINDS)
    def test_an_error_of_a_handler_ends_the_call(self, kind):
        f, total, arguments = self.long_function(kind)
        small = [a[:2] if np.ndim(a) == 1 else a[:2, :2] if np.ndim(a) else 3 for a in arguments]
        expected = f(*small)

        def stop(number, frame):
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, stop)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.15)
            with pytest.raises(KeyboardInterrupt):
                f(*arguments)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert total.get_value().tolist() == [1, 1, 1]  # it has not come to its end
        assert f(*small) == expected
        assert total.get_value().tolist() == [2, 2, 2]

    @pytest.mark.parametrize("openmp", [True, False])
    def test_handlers_may_use_the_function_and_its_shared_variables(self, openmp):
        total, n = theano.shared(1.0, "total"), T.lscalar("n")
        values = theano.scan(lambda h: 0.5 * h + 1, outputs_info=[total], n_steps=n)[0]
        with change_flags(openmp=openmp):
            f = theano.function([n], values[-1], updates=[(total, total + 1)])
        seen = []

        def handler(number, frame):
            seen.append(float(f(3)))
            total.set_value(total.get_value() + 10)

        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            result = float(f(4 * 10**8))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert len(seen) == 1 and result == 2
        assert total.get_value() == 13  # each call takes effect once
