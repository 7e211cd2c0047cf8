"""Calling compiled functions: what arguments may be, whose memory results are, threads, reference counts, memory."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.backend.comparison import REAL, close, layouts, values
from tests.backend.in_threads import in_threads

BOTH = [theano.Mode("native", None), theano.Mode("reference", None)]


def both(inputs, outputs, **options):
    return [theano.function(inputs, outputs, mode=mode, **options) for mode in BOTH]


def outcome(f, *args, **kwargs):
    """What a call gives, as comparable values; or the type of its error."""
    try:
        result = f(*args, **kwargs)
    except Exception as error:
        return type(error)
    return [(type(r), r.dtype, r.shape, r.tobytes()) for r in result]


def scalars():
    yield from (0, 1, -1, 7, 255, 256, -129, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**70, True, False)
    yield from (10**400, -(10**400), None, np.ma.masked)
    yield from (0.0, -0.0, 1.5, 1e300, 1e-320, 0.1, float("inf"), 3.0, 2.0**60)
    for dtype in REAL:
        yield np.dtype(dtype).type(1)
        yield np.array(1, dtype)
    yield from (np.float64(0.1), np.float32(0.1), np.int64(-(2**53) - 1), np.uint64(2**64 - 1), np.complex128(1))
    yield from ([1.0], [], "1", None, np.zeros(1), np.zeros((1, 1)), 1 + 2j, object, np.array("a"), np.array(None))
    yield np.array(0.1, ">f8")
    yield np.array(3, ">i2")
    yield np.ma.masked_array(2.5)


@pytest.mark.parametrize("dtype", REAL)
def test_scalar_arguments(dtype):
    x = T.TensorType(dtype, ())("x")
    native, reference = both([x], [x, T.cast(x, "float64") + 1])
    relaxed = both([x], [x], allow_input_downcast=True)
    for value in scalars():
        with np.errstate(all="ignore"):
            assert outcome(native, value) == outcome(reference, value), value
            assert outcome(relaxed[0], value) == outcome(relaxed[1], value), value


@pytest.mark.parametrize("dtype", REAL)
def test_array_arguments(dtype):
    x = T.TensorType(dtype, (False, True))("x")
    native, reference = both([x], [x * 1 if dtype != "bool" else x, x])
    for source in (*REAL, "complex64", ">f8", ">i4", ">f4", "datetime64[s]", "S3", "O"):
        good = np.arange(3).astype("int64").reshape(3, 1).astype(source)
        others = [
            good,
            good.T,
            good[:0],
            good.reshape(3),
            good[::-1],
            good.astype(source, order="F"),
            np.asarray(good)[[0, 1]],
        ]
        for array in others:
            assert outcome(native, array) == outcome(reference, array), (array.dtype, array.shape)
    for value in (
        [[1], [2]],
        [[1.0], [2.5]],
        [[True]],
        ((1,), (2,)),
        [1, 2],
        [],
        [[]],
        [[1, 2]],
        3,
        [[2**40]],
        [[-1]],
        "ab",
        {},
    ):
        assert outcome(native, value) == outcome(reference, value), value


def test_layouts_and_byte_orders_through_functions():
    x, y = T.dmatrix("x"), T.fmatrix("y")
    f = theano.function([x, y], [x + y, x.T, x.sum(0)])
    a, b = values("float64", (5, 70), 1), values("float32", (5, 70), 2)
    expected = f(a, b)
    for name, v in layouts(a):
        for found, e in zip(f(v, dict(layouts(b))[name]), expected, strict=True):
            close(found, e)
    for found, e in zip(f(a.astype(">f8"), b.astype(">f4")), expected, strict=True):
        close(found, e)
    for found, e in zip(f(a.tolist(), b), expected, strict=True):
        close(found, e)
    readonly = a.copy()
    readonly.setflags(write=False)
    for found, e in zip(f(readonly, b), expected, strict=True):
        close(found, e)
        assert found.flags.writeable
    subclass = a.view(np.matrix)
    for found, e in zip(f(subclass, b), expected, strict=True):
        close(found, e)


def test_keywords_defaults_and_many_arguments():
    xs = [T.dscalar(f"x{i}") for i in range(40)]
    f = theano.function(xs, [sum(x * i for i, x in enumerate(xs)), *xs])
    given = [float(i) for i in range(40)]
    expected = f(*given)
    assert [float(r) for r in f(**{f"x{i}": v for i, v in enumerate(given)})] == [float(r) for r in expected]
    assert [float(r) for r in f(*given[:20], **{f"x{i}": given[i] for i in range(20, 40)})] == [
        float(r) for r in expected
    ]
    a, b = T.dscalars("a", "b")
    g = theano.function([a, theano.In(b, value=3.0)], a - b)
    assert g(1.0) == -2.0 and g(1.0, 1.0) == 0.0 and g(1.0, b=2) == -1.0 and g(a=1) == -2.0
    for wrong in ((), (1.0, 2.0, 3.0)):
        with pytest.raises(TypeError):
            g(*wrong)
    with pytest.raises(TypeError):
        g(1.0, c=1.0)
    with pytest.raises(TypeError):
        g(1.0, a=1.0)
    assert theano.function([], [])() == []
    assert theano.function([], T.constant(2.0) * 2)() == 4.0
    named = theano.function([a], {"double": a * 2, "same": a})
    assert named(2.0) == {"double": 4.0, "same": 2.0}


def test_results_are_the_callers():
    """Arrays held by the caller never change, whatever is called later."""
    x = T.dmatrix("x")
    state = theano.shared(np.zeros((3, 4)))
    f = theano.function(
        [x],
        [x, x * 2, x.T, x[0], x.sum(0), state, state * 1, x.sum(), T.constant(np.ones(3))],
        updates=[(state, state + x)],
    )
    held = []
    for i in range(60):
        a = values("float64", (3, 4), i)
        results = f(a)
        for r in results:
            assert not np.may_share_memory(r, a) and not np.may_share_memory(r, state.get_value(borrow=True))
            assert all(not np.may_share_memory(r, s) for s in results if s is not r)
        if i % 3 != 2:
            held.append((results, [r.copy() for r in results]))
        if i % 4 == 1:
            held.append(([results[1][1:], results[6].T], [results[1][1:].copy(), results[6].T.copy()]))
        if i % 7 == 3:
            held.append(([state.get_value(borrow=True)], [state.get_value()]))
        if i % 5 == 4:
            del held[::2]
        del results
        for arrays, copies in held:
            for r, c in zip(arrays, copies, strict=True):
                np.testing.assert_array_equal(r, c)


def test_memory_that_the_caller_changed_is_not_taken_for_the_same():
    x = T.dvector("x")
    f = theano.function([x], x + 1)
    a = np.arange(6.0)
    for change in (
        lambda r: r.__setitem__(slice(None), -1),
        lambda r: setattr(r, "shape", (2, 3)),
        lambda r: r.setflags(write=False),
        lambda r: setattr(r, "dtype", "int64"),
        lambda r: r.resize((3,), refcheck=False),
        lambda r: r.sort(),
    ):
        for _ in range(3):
            r = f(a)
            change(r)
            del r
            close(f(a), a + 1)
            close(f(a[:3]), a[:3] + 1)


def test_lengths_may_differ_from_call_to_call():
    x, y = T.dmatrix("x"), T.dvector("y")
    f = theano.function([x, y], [T.tanh(x + y).T + 1, T.dot(x, y), x.sum(0)[::2], T.dot(x.T, x)])
    random = np.random.default_rng(0)
    for _ in range(60):
        a = random.normal(0, 1, random.integers(0, 60, 2))
        b = random.normal(0, 1, a.shape[1])
        for found, expected in zip(f(a, b), (np.tanh(a + b).T + 1, a @ b, a.sum(0)[::2], a.T @ a), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_shared_values_of_other_layouts():
    state = theano.shared(np.arange(12.0).reshape(3, 4))
    f = theano.function([], [state * 2, state.sum(0)])
    g = theano.function([], state, updates=[(state, state.T)])
    for value in (
        np.arange(12.0).reshape(4, 3).T,
        np.arange(24.0).reshape(3, 8)[:, ::2],
        np.arange(12.0).reshape(3, 4).astype(">f8"),
    ):
        state.set_value(value, borrow=True)
        found = f()
        np.testing.assert_array_equal(found[0], value * 2)
        np.testing.assert_array_equal(found[1], value.sum(0))
        np.testing.assert_array_equal(g(), value)
        np.testing.assert_array_equal(state.get_value(), value.T)


def test_updates_read_old_values():
    a, b, c = (theano.shared(np.full(5, float(i))) for i in range(3))
    f = theano.function([], [a + b, a], updates=[(a, b), (b, a), (c, a)])
    for i in range(5):
        before = [v.get_value() for v in (a, b, c)]
        found = f()
        np.testing.assert_array_equal(found[0], before[0] + before[1])
        np.testing.assert_array_equal(a.get_value(), before[1])
        np.testing.assert_array_equal(b.get_value(), before[0])
        np.testing.assert_array_equal(c.get_value(), before[0])
        a.set_value(np.full(5, 10.0 * i))
        assert not np.may_share_memory(a.get_value(borrow=True), c.get_value(borrow=True))
        found[1][...] = -5
        assert (c.get_value() != -5).all()


def test_threads():
    x, y = T.dmatrix("x"), T.dvector("y")
    f = theano.function([x, y], [T.tanh(x.T).T * y, T.dot(x, y), x.sum()])

    def work(seed):
        random = np.random.default_rng(seed)
        for _ in range(150):
            a = random.normal(0, 1, (int(random.integers(1, 40)), 30))
            b = random.normal(0, 1, 30)
            held = [f(a, b) for _ in range(3)]
            if seed % 2:
                with pytest.raises(ValueError):
                    f(a, b[1:])
            for results in held:
                for r, e in zip(results, (np.tanh(a) * b, a @ b, a.sum()), strict=True):
                    assert np.allclose(r, e), (seed, a.shape)

    in_threads(6, work, switch_interval=1e-5)


def test_functions_made_in_threads():
    made = [None] * 4

    def work(i):
        x = T.dvector()
        made[i] = theano.function([x], T.exp(x * i).sum())

    in_threads(4, work)
    for i, f in enumerate(made):
        np.testing.assert_allclose(f([1.0, 2.0]), np.exp(np.array([1.0, 2.0]) * i).sum())


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_calls_leak_nothing():
    x, y, i = T.dvector("x"), T.dscalar("y"), T.lvector("i")
    state = theano.shared(np.zeros(100))
    f = theano.function([x, y, i], [x * y, x.sum(), T.exp(x)[::-1].T, x[i], x], updates=[(state, state + x.sum())])
    a, j, short = np.ones(100), np.arange(3), np.ones(100, "int32")
    numbers = 1.5, 2, np.float64(3.0)

    def calls(count):
        for k in range(count):
            f(a, numbers[k % 3], j)
            f(short, 2.5, j)  # converted
            if k % 10 == 0:
                with pytest.raises(IndexError):
                    f(a, 1.0, j + 99)
                f(a[: 50 + k % 50], y=1.0, i=j)

    calls(2000)
    gc.collect()
    watched = [a, j, short, *numbers, np.dtype("float64"), state.get_value(borrow=True)][:-1]
    counts, size = [sys.getrefcount(w) for w in watched], memory()
    calls(100000)
    gc.collect()
    assert memory() - size < 2_000_000
    assert all(abs(sys.getrefcount(w) - c) < 10 for w, c in zip(watched, counts, strict=True))


def test_functions_are_collected():
    x = T.dvector()
    state = theano.shared(np.ones(3))
    f = theano.function([x], [x * 2, x + state], updates=[(state, state + 1)])
    a = np.ones(3)
    held = f(a)
    watched = weakref.ref(f)
    program = weakref.ref(f.program) if hasattr(f, "program") else None
    count = sys.getrefcount(a)
    del f
    gc.collect()
    assert watched() is None and (program is None or program() is None)
    assert sys.getrefcount(a) == count
    np.testing.assert_array_equal(held[0], [2, 2, 2])
    np.testing.assert_array_equal(state.get_value(), [2, 2, 2])
    gc.collect()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_machine_code_is_given_back():
    def once(i):
        x = T.dvector()
        theano.function([x], T.tanh(x * i) + x.sum())(np.ones(1000))

    for i in range(8):
        once(i)
    gc.collect()
    size = memory()
    for i in range(25):
        once(i)
    gc.collect()
    assert memory() - size < 25 * 400_000


def test_results_of_rank_0_and_numbers():
    x, n = T.dscalar(), T.lscalar()
    f = theano.function([x, n], [x, x * 2, n, n + 1, T.cast(x, "float32"), x > 0])
    results = f(1.5, 3)
    assert [type(r) for r in results] == [np.ndarray] * 6
    assert [r.dtype.name for r in results] == ["float64", "float64", "int64", "int64", "float32", "bool"]
    held = [f(float(i), i) for i in range(50)]
    assert [[float(r) for r in h] for h in held] == [[i, 2 * i, i, i + 1, i, i > 0] for i in range(50)]


def test_aliased_arguments():
    x, y = T.dmatrices("x", "y")
    f = theano.function([x, y], [x + y.T, x.sum(0), x, y, T.inc_subtensor(x[0], y[1])])
    a = values("float64", (5, 5))
    for second in (a, a.T, a[::-1]):
        for found, e in zip(f(a, second), (a + second.T, a.sum(0), a, second), strict=False):
            close(found, e)


def test_a_small_stack_is_enough():
    """Loops take turns with the memory that they stage operands in."""

    def build():
        xs = [T.dvector() for _ in range(30)]
        z = xs[0]
        for i in range(40):
            z = sum(x * z for x in xs) / 30 + z.sum() * i
        return theano.function(xs, z, mode=theano.Mode("native", None))

    f = build()
    arrays = [np.full(20, 1e-9)[::2] for _ in range(30)]
    expected, results = f(*arrays), []
    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=lambda: results.append(f(*arrays)))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    np.testing.assert_array_equal(results[0], expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_after_a_fork():
    x = T.dmatrix()
    f = theano.function([x], [T.exp(x).sum(), T.dot(x, x)])
    a = values("float64", (30, 30))
    expected = f(a)
    child = os.fork()
    if child == 0:
        good = all((r == e).all() for r, e in zip(f(a), expected, strict=True))
        y = T.dvector()
        good = good and theano.function([y], y * 3)([1.0])[0] == 3.0
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_messages_about_numbers_that_do_not_fit():
    x = T.dscalar("x")
    f = theano.function([x], x, name="f")
    assert f(2**64) == 2.0**64
    with pytest.raises(TypeError, match=r"argument 0 \(x\).*too large"):
        f(10**400)
    with pytest.raises(TypeError, match="without losing precision"):
        f(2**64 + 1)
    with pytest.raises(TypeError, match="given None"):
        theano.function([x], x, allow_input_downcast=True)(None)
    m = T.dmatrix("m")
    g = theano.function([m], m)
    with pytest.raises(TypeError, match="masked"):
        g(np.ma.array([[1.0, 2.0]], mask=[[False, True]]))
    assert g(np.ma.array([[1.0, 2.0]])).tolist() == [[1, 2]]
    for other in (np.array([["a"]]), np.zeros((1, 1), "M8[s]"), np.zeros((1, 1), [("a", "f8")])):
        with pytest.raises(TypeError, match="takes numbers, not an array of dtype"):
            g(other)


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads Linux's /proc")
@pytest.mark.parametrize("through_python", [False, True])
def test_free_gives_memory_back(through_python):
    def resident() -> int:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    x = T.dvector("x")
    e = T.exp(x)
    if through_python:
        e = theano.printing.Print(global_fn=lambda op, value: None)(e)
    f = theano.function([x], [e / e.sum(), T.cumsum(e * 2)])
    data = np.zeros(5_000_000)
    before = resident()
    f(data)
    kept = f(data)[0]
    f.free()
    assert resident() - before < 1.5 * data.nbytes
    assert kept[0] == 1 / data.size
    del kept
    f.free()
    assert resident() - before < 0.5 * data.nbytes
    assert f(data)[1][-1] == 2 * data.size


PEAK = """
import sys, numpy as np, theano, theano.tensor as T

def status(name):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) * 1024

x, y = T.dvector("x"), T.dvector("y")
v = x
for _ in range(20):
    v = T.tanh(v) * 0.5 + y
f = theano.function([x, y], {"chain": v, "sum": v / v.sum(), "softmax": T.nnet.softmax(v)}[sys.argv[1]])
arguments = [np.full(4_000_000, 0.1) for _ in range(2)]
f(*[a[:10] for a in arguments])
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = status("VmRSS")
result = f(*arguments)
print((status("VmHWM") - before) / result.nbytes)
"""


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="asks Linux for the peak of memory")
@pytest.mark.parametrize("what", ["chain", "sum", "softmax"])
def test_the_peak_of_memory_is_inputs_and_outputs(what):
    done = subprocess.run([sys.executable, "-c", PEAK, what], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.2
