"""Function.copy, access to functions, threads, memory."""

from __future__ import annotations

import gc
import io
import threading
import weakref

import numpy as np
import pytest

import theano
import theano.tensor as T

x, y = T.dscalars("x", "y")


def test_copy_is_independent_in_defaults() -> None:
    f = theano.function([theano.In(x, value=1.0)], x)
    g = f.copy(name="g")
    g[x] = 5
    assert (f(), g(), g.name) == (1, 5, "g")


def test_swap() -> None:
    a, b = theano.shared(1.0, "a"), theano.shared(100.0, "b")
    f = theano.function([x], a + x, updates=[(a, a * 2)])
    g = f.copy(swap={a: b})
    assert (f(0), g(0), f(0), g(0)) == (1, 100, 2, 200)
    assert g.get_shared() == [b] and f.get_shared() == [a]
    with pytest.raises(ValueError, match="no shared variable"):
        f.copy(swap={b: a})
    with pytest.raises(TypeError, match="cannot be swapped"):
        f.copy(swap={a: theano.shared(1)})


def test_delete_updates() -> None:
    a = theano.shared(1.0, "a")
    f = theano.function([x], a + x, updates=[(a, a * 2)])
    g = f.copy(delete_updates=True)
    assert (g(0), g(0), f(0), g(0)) == (1, 1, 1, 2)
    h = f.copy(delete_updates=True, swap={a: theano.shared(7.0, "c")})
    assert h(1) == 8


def test_what_a_function_tells() -> None:
    a = theano.shared(1.0, "a")
    f = theano.function([x, theano.In(y, value=2.0)], [x * y * a], name="f")
    assert repr(f) == (
        "<theano.Function f: (x: TensorType(float64, scalar), y: TensorType(float64, scalar) = 2.0) -> "
        "TensorType(float64, scalar)>"
    )
    assert isinstance(f, theano.compile.Function)
    assert isinstance(f.maker.mode, theano.Mode)
    assert len(f.maker.inputs) == len(f.maker.fgraph.inputs) == 3
    assert f.container[a] is a.container and f.value[a] == f[a] == 1
    assert x in f and "y" in f and T.dscalar() not in f
    assert [v.name for v in f.get_shared()] == ["a"]
    assert f.free() is None and f.sync_shared() is None


def test_profile_of_native_code_names_what_runs_in_python() -> None:
    profile = theano.compile.ProfileStats(atexit_print=False)
    m = T.dmatrix("m")
    f = theano.function([m], T.exp(T.sort(T.exp(m))), profile=profile, mode=theano.Mode("native", "fast_run"))
    f([[1.0, 0.0]])
    f([[1.0]])
    native, python = profile.part_times.items()
    assert native[0] == "native code of 1 steps" and native[1][0] == 4  # two parts, two calls
    assert python[0].startswith("Python, out of native code: Sort") and python[1][0] == 2
    text = io.StringIO()
    profile.summary(text)
    assert "native code of 1 steps" in text.getvalue()


def test_profile() -> None:
    f = theano.function([x], T.exp(x), profile=theano.compile.ProfileStats(atexit_print=False), mode="FAST_COMPILE")
    f(1)
    f(2)
    assert f.profile.fct_callcount == 2 and f.profile.fct_call_time > 0 and f.profile.compile_time > 0
    assert [calls for calls, _ in f.profile.node_times.values()] == [2]
    f.profile = None
    assert f(0) == 1


def test_threads() -> None:
    v = T.dvector("v")
    s = theano.shared(np.zeros(1000), "s")
    f = theano.function([v], T.exp(v).sum() + s.sum() * 0, updates=[(s, s + v * 0 + 1)])
    wrong = []

    def work(number: int) -> None:
        values = np.full(1000, float(number))
        for _ in range(50):
            if not np.isclose(f(values), 1000 * np.exp(number)):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    final = s.get_value()
    assert (final == final[0]).all() and 1 <= final[0] <= 200


def test_calls_leak_nothing() -> None:
    v = T.dvector("v")
    s = theano.shared(np.zeros(100), "s")
    f = theano.function([v], [v * 2, s.sum()], updates=[(s, s + v)])
    values = np.ones(100)
    for _ in range(10):
        f(values)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(3000):
        f(values)
    gc.collect()
    assert len(gc.get_objects()) - before < 50


def test_failing_calls_leak_nothing() -> None:
    v = T.dvector("v")
    s = theano.shared(np.zeros(100), "s")
    f = theano.function([v], v + s)

    def fail() -> None:
        with pytest.raises(ValueError):
            f(np.ones(3))

    for _ in range(5):
        fail()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        fail()
    gc.collect()
    assert len(gc.get_objects()) - before < 50


def test_functions_are_freed() -> None:
    f = theano.function([x], T.exp(x))
    f(1)
    dead = weakref.ref(f)
    del f
    gc.collect()
    assert dead() is None
