"""Several threads: loops in pieces, calls at the same time, forks, settings."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.backend.in_threads import in_child, in_threads
from theano.backend.native import parallel, threads
from theano.configuration import change_flags

COUNTS = (1, 2, 3, 8)
LONG = 400_003  # elements that are more than enough for several pieces, and no multiple of anything


def bits(value: object) -> list[bytes]:
    """The bits of one result or of several."""
    values = value if isinstance(value, list) else [value]
    return [np.ascontiguousarray(v).tobytes() for v in values]


def same_for_all_counts(f, *arguments):
    """Call `f` with different numbers of threads; the results, which must be the same bits."""
    found = []
    for count in COUNTS:
        with threads.using(count):
            found.append(f(*arguments))
    assert all(bits(other) == bits(found[0]) for other in found[1:])
    return found[0]


def watched_pieces(f, *arguments) -> int:
    """How many threads have worked in a call: those whose time in this process has gone up."""

    def times() -> dict[str, int]:
        found = {}
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/schedstat", encoding="ascii") as file:
                found[task] = int(file.read().split()[0])
        return found

    before = times()
    f(*arguments)
    after = times()
    return sum(after[task] > before.get(task, 0) for task in after)


class TestSameBits:
    @pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8", "int64", "bool", "uint16"])
    def test_reductions_of_vectors(self, dtype):
        x = T.vector("x", dtype=dtype)
        results = [x.sum(), x.max(), x.min()]
        if dtype != "bool":
            results += [x.prod(), x.mean()]
        if dtype not in ("float16", "bool"):
            results.append(T.sqr(x).sum())
        f = theano.function([x], results)
        values = np.random.default_rng(1).integers(0, 3, LONG) if dtype[0] in "iub" else None
        if values is None:
            values = np.random.default_rng(1).standard_normal(LONG)
        values = values.astype(dtype)
        found = same_for_all_counts(f, values)
        np.testing.assert_array_equal(found[1], values.max())
        np.testing.assert_array_equal(found[2], values.min())
        if dtype[0] in "iu":
            np.testing.assert_array_equal(found[0], values.sum())
        elif dtype in ("float64", "float32"):
            np.testing.assert_allclose(
                found[0], values.sum(dtype="float64"), rtol=1e-4 if dtype == "float32" else 1e-11
            )

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    @pytest.mark.parametrize(
        "shape", [(700, 601), (LONG // 3, 3), (3, LONG // 3), (70, 9, 700), (9, 70, 700), (900, 500, 1)]
    )
    @pytest.mark.parametrize("layout", ["C", "F", "backwards", "every second"])
    def test_layouts(self, shape, dtype, layout):
        values = np.random.default_rng(2).standard_normal(shape).astype(dtype)
        if layout == "F":
            values = np.asfortranarray(values)
        elif layout == "backwards":
            values = values[::-1, ..., ::-1]
        elif layout == "every second":
            values = np.repeat(values, 2, axis=-1)[..., ::2]
        x = T.TensorType(dtype, (False,) * len(shape))("x")
        axes = [None, *range(len(shape)), (0, len(shape) - 1)]
        f = theano.function([x], [T.exp(x) - x, *(x.sum(axis=a) for a in axes), *(abs(x).max(axis=a) for a in axes)])
        found = same_for_all_counts(f, values)
        precision = {"rtol": 1e-3, "atol": 1e-3} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-9}
        np.testing.assert_allclose(found[0], np.exp(values) - values, rtol=1e-5)
        for k, axis in enumerate(axes):
            np.testing.assert_allclose(found[1 + k], values.sum(axis=axis, dtype="float64"), **precision)
            np.testing.assert_array_equal(found[1 + len(axes) + k], abs(values).max(axis=axis))

    def test_indices_count_from_the_beginning(self):
        n = T.lscalar("n")
        f = theano.function([n], [T.arange(n) * T.arange(n), T.eye(n, 3, 0)])
        found = same_for_all_counts(f, LONG)
        np.testing.assert_array_equal(found[0], np.arange(LONG) ** 2)
        np.testing.assert_array_equal(found[1], np.eye(LONG, 3))

    def test_broadcasting(self):
        m, row, column = T.dmatrix("m"), T.drow("row"), T.dcol("column")
        f = theano.function([m, row, column], [m * row + column, (m - row).sum(axis=0), (m - column).max(axis=1)])
        rng = np.random.default_rng(3)
        a, r, c = rng.standard_normal((999, 777)), rng.standard_normal((1, 777)), rng.standard_normal((999, 1))
        found = same_for_all_counts(f, a, r, c)
        np.testing.assert_allclose(found[0], a * r + c, rtol=1e-13)
        np.testing.assert_allclose(found[1], (a - r).sum(axis=0), rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(found[2], (a - c).max(axis=1))

    def test_nan_and_signed_zeros(self):
        x = T.dvector("x")
        f = theano.function([x], [x.max(), x.min(), x.sum(), T.sgn(1 / x)])
        values = np.zeros(LONG)
        values[1::2] = -0.0
        found = same_for_all_counts(f, values)
        np.testing.assert_array_equal(found[3], np.where(np.arange(LONG) % 2, -1.0, 1.0))
        values[LONG // 2] = np.nan
        assert all(np.isnan(v) for v in same_for_all_counts(f, values)[:3])

    def test_softmax_and_its_gradient(self):
        x, y = T.dmatrices("x", "y")
        f = theano.function([x, y], [T.nnet.softmax(x), T.grad((T.nnet.softmax(x) * y).sum(), x)])
        rng = np.random.default_rng(4)
        same_for_all_counts(f, rng.standard_normal((2000, 301)), rng.standard_normal((2000, 301)))

    def test_equal_steps_share_their_code(self):
        """Steps that are functions of frame words bring these along to other threads."""
        xs = [T.dvector(f"x{i}") for i in range(6)]
        f = theano.function(xs, sum((T.exp(x) / T.exp(x).sum()).max() for x in xs))
        text = f.stages()["llvm"]
        assert ".step0.piece" in text
        rng = np.random.default_rng(5)
        values = [rng.standard_normal(LONG + i) for i in range(6)]
        found = same_for_all_counts(f, *values)
        np.testing.assert_allclose(found, sum((np.exp(v) / np.exp(v).sum()).max() for v in values), rtol=1e-12)

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_products_are_the_same_bits(self, dtype):
        """By our own functions, by BLAS, in pieces of rows and of columns, with a vector."""
        a, b, c = (T.matrix(name, dtype) for name in "abc")
        f = theano.function([a, b, c], [T.dot(a, b), T.dot(a, c.T), T.dot(b.T, c.T), T.dot(a, b[:, 0])])
        rng = np.random.default_rng(7)
        values = [rng.standard_normal(shape).astype(dtype) for shape in [(2001, 300), (300, 310), (40, 300)]]
        found = same_for_all_counts(f, *values)
        x, y, z = values
        tolerance = 1e-3 if dtype == "float32" else 1e-11
        for result, expected in zip(found, [x @ y, x @ z.T, y.T @ z.T, x @ y[:, 0]], strict=True):
            np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance)

    def test_whether_threads_may_be_used_changes_no_bits(self):
        x = T.dmatrix("x")
        results = [x.sum(), x.sum(axis=0), T.exp(x)]
        values = np.random.default_rng(6).standard_normal((LONG // 10, 10))
        found = []
        for flags in ({"openmp": True}, {"openmp": False}, {"openmp_elemwise_minsize": 10}):
            with change_flags(flags):
                found.append(bits(theano.function([x], results)(values)))
        assert found[0] == found[1] == found[2]

    def test_a_piece_is_as_good_as_the_whole_at_the_threshold(self):
        x = T.dvector("x")
        f = theano.function([x], [x.sum(), T.exp(x)])
        for n in range(int(parallel.WORK) - 2, int(parallel.WORK) + 3):
            values = np.random.default_rng(n).standard_normal(n)
            found = same_for_all_counts(f, values)
            np.testing.assert_allclose(found[0], values.sum(), rtol=1e-10)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
class TestPool:
    def test_starts_once_and_only_when_needed(self):
        """In a process of its own, whose threads are counted."""
        program = """
import os
import signal
import numpy as np, theano, theano.tensor as T
from theano.backend.native import threads
threads.default_threads = lambda: 3
count = lambda: len(os.listdir("/proc/self/task"))
x = T.dvector("x")
f = theano.function([x], T.exp(x))
before = count()
f(np.zeros(1000))
small = count()
for _ in range(3):
    f(np.zeros(10**6))
print(small - before, count() - before)
"""
        assert run(program) == "0 2"

    def test_all_threads_work(self):
        x = T.dvector("x")
        f = theano.function([x], T.exp(T.sin(x)))
        values = np.zeros(4_000_000)
        with threads.using(3):
            f(values)
            # on a busy machine a worker may come too late for a call, or fall asleep during a later one
            assert any(watched_pieces(f, values) >= 2 for _ in range(200))
        with threads.using(1):
            assert any(watched_pieces(f, values) == 1 for _ in range(50))

    @pytest.mark.parametrize("count", [2, 3, 7])
    def test_each_piece_is_done_once(self, count):
        """By whichever thread, also where there are more threads than pieces."""
        x = T.dvector("x")
        f = theano.function([x], x + 1)
        with threads.using(count):
            for n in (int(parallel.WORK) * k + 1 for k in (3, 8, 40)):
                for _ in range(10):
                    np.testing.assert_array_equal(f(np.arange(n)), np.arange(n) + 1.0)

    def test_short_steps_in_quick_succession_are_shared(self):
        """A single one wakes nobody, and nobody is waited for; many of them do."""
        x = T.dvector("x")
        f = theano.function([x], T.exp(x))
        values = np.zeros(20_000)
        assert int(parallel.LONG_WORK) > 20_000 * 3  # it is short

        def many() -> None:
            for _ in range(300):
                f(values)

        with threads.using(2):
            f(values)
            time.sleep(0.01)
            # on a busy machine another call may be under way, or a worker come too late
            assert any(watched_pieces(lambda: (time.sleep(0.002), f(values))) == 1 for _ in range(200))
            assert any(watched_pieces(many) >= 2 for _ in range(200))

    def test_idle_workers_sleep(self):
        x = T.dvector("x")
        f = theano.function([x], T.exp(x))
        with threads.using(4):
            f(np.zeros(1_000_000))
            assert any(watched_pieces(time.sleep, 0.02) <= 1 for _ in range(50))


def run(program: str, **environment: str) -> str:
    """What a program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestSettings:
    def test_number_of_threads(self, monkeypatch):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 5}, raising=False)
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        assert threads.default_threads() == 3
        for text, count in (("7", 7), ("4,2", 4), ("1", 1), ("100000", threads.MOST_THREADS)):
            monkeypatch.setenv("OMP_NUM_THREADS", text)
            assert threads.default_threads() == count
        for text in ("", "0", "many", "-3", "2.5"):
            monkeypatch.setenv("OMP_NUM_THREADS", text)
            assert threads.default_threads() == 3

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
    @pytest.mark.parametrize(
        ("flags", "variable", "workers"),
        [("", "3", 2), ("openmp=False", "3", 0), ("", "1", 0)],
    )
    def test_workers_of_a_process(self, flags, variable, workers):
        program = """
import os
import signal
import numpy as np, theano, theano.tensor as T
x = T.dvector("x")
m = x[:10**6].reshape((1000, 1000))
f = theano.function([x], [T.exp(x), x.sum(), T.nnet.softmax(m), T.dot(m[:500], m)])
before = len(os.listdir("/proc/self/task"))
f(np.zeros(10**6))
print(len(os.listdir("/proc/self/task")) - before)
"""
        assert run(program, THEANO_FLAGS=flags, OMP_NUM_THREADS=variable) == str(workers)

    def test_smaller_loops_by_a_setting(self):
        x = T.dvector("x")
        plain = theano.function([x], x + 1)
        with change_flags(openmp_elemwise_minsize=1000):
            eager = theano.function([x], x + 1)
        values = np.random.default_rng(0).standard_normal(50_000)
        assert bits(same_for_all_counts(eager, values)) == bits(plain(values))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
class TestFork:
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_child_has_threads_of_its_own(self):
        x = T.dvector("x")
        f = theano.function([x], [T.exp(x), x.sum()])
        values = np.random.default_rng(0).standard_normal(LONG)
        with threads.using(3):
            expected = bits(f(values))

            def work() -> None:
                assert threads._pool.started == 0
                assert all(bits(f(values)) == expected for _ in range(3))
                assert threads._pool.started == 2

            assert in_child(work) == 0
            assert bits(f(values)) == expected

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_forks_wait_for_threads_inside_of_llvm(self):
        """The end of an object of LLVM, in whatever thread that comes, holds llvmlite's lock."""
        import llvmlite.binding as llvm

        x = T.dvector("x")
        theano.function([x], x + 1)
        lock, taken = llvm.ffi.lib._lock, threading.Event()

        def hold() -> None:
            with lock:
                taken.set()
                time.sleep(0.1)

        thread = threading.Thread(target=hold)
        thread.start()
        taken.wait()

        def work() -> None:
            with change_flags(**{"native.cache": False}):
                assert theano.function([x], T.exp(x) * 1.25)(np.zeros(2)).tolist() == [1.25, 1.25]

        assert in_child(work) == 0
        thread.join()

    def test_forks_right_after_the_import(self):
        """While code is compiled ahead in another thread."""
        program = """
import os, sys
import numpy as np, theano, theano.tensor as T
child = os.fork()
x = T.dvector("x")
total = theano.function([x], T.exp(x).sum())(np.zeros(10**6))
assert total == 10**6
if child == 0:
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""
        assert run(program, THEANO_FLAGS="native.cache=False", OMP_NUM_THREADS="2") == "0"

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_forks_while_other_threads_compute(self):
        x, state = T.dvector("x"), theano.shared(np.zeros(LONG))
        f = theano.function([x], T.exp(x).sum(), updates=[(state, T.exp(x))])
        values = np.random.default_rng(0).standard_normal(LONG)
        with threads.using(2):
            expected = bits(f(values))
            stop = threading.Event()

            def keep_busy() -> None:
                while not stop.is_set():
                    f(values)

            def work() -> None:
                assert all(bits(f(values)) == expected for _ in range(3))

            others = [threading.Thread(target=keep_busy) for _ in range(2)]
            for other in others:
                other.start()
            try:
                assert [in_child(work) for _ in range(10)] == [0] * 10
            finally:
                stop.set()
                for other in others:
                    other.join()
            assert bits(f(values)) == expected


def _long_loop(kind: str):
    """A function whose call takes some 0.1 s, and its arguments."""
    n, h, x, w = T.lscalar("n"), T.dscalar("h"), T.dmatrix("x"), T.dmatrix("w")
    if kind == "one long step":
        v = T.dvector("v")
        return theano.function([v], T.erfinv(T.erf(v))), [np.random.default_rng(0).random(2_000_000)]
    if kind == "a recurrence on numbers":
        states, _ = theano.scan(lambda h: 3.7 * h * (1 - h), outputs_info=h, n_steps=n)
        return theano.function([h, n], states[-1]), [0.3, 20_000_000]
    if kind == "a loop of short steps":
        states, _ = theano.scan(lambda h, w: T.tanh(T.dot(h, w)), outputs_info=x, non_sequences=w, n_steps=n)
        return theano.function([x, w, n], states[-1]), [np.ones((16, 16)), np.eye(16), 60_000]
    if kind == "loops in a loop":
        rows, _ = theano.scan(lambda h, w: T.tanh(T.dot(h, w)), outputs_info=x, non_sequences=w, n_steps=10)
        states, _ = theano.scan(
            lambda h, w: theano.clone(rows[-1], {x: h}), outputs_info=x, non_sequences=w, n_steps=n, strict=False
        )
        return theano.function([x, w, n], states[-1]), [np.ones((16, 16)), np.eye(16), 6_000]
    y = x
    for _ in range(400):
        y = T.tanh(T.dot(y, w))
    return theano.function([x, w], y), [np.ones((2000, 40)), np.eye(40)]


class TestPythonThreads:
    @pytest.mark.parametrize(
        "kind",
        ["one long step", "a recurrence on numbers", "a loop of short steps", "loops in a loop", "many short steps"],
    )
    def test_others_run_while_a_function_computes(self, kind):
        """Another thread gets on during one call, which it could not if that kept the interpreter's lock."""
        f, arguments = _long_loop(kind)
        f(*arguments)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1000)  # nobody is asked to give the lock up
        turns, inside, done = [], threading.Event(), threading.Event()

        def count() -> None:
            inside.set()
            while not done.is_set():
                turns.append(time.perf_counter())
                time.sleep(0.001)

        def turns_in_a_call() -> int:
            started = time.perf_counter()
            f(*arguments)
            ended = time.perf_counter()
            return sum(started < t < ended for t in turns)

        other = threading.Thread(target=count)
        try:
            other.start()
            inside.wait()
            # on a busy machine the other thread may not get a core in time
            assert any(turns_in_a_call() >= 2 for _ in range(20))
        finally:
            done.set()
            other.join()
            sys.setswitchinterval(interval)

    def test_many_threads_call_one_function(self):
        x = T.dvector("x")
        f = theano.function([x], [T.exp(x), x.sum(), x[:3]])
        values = [np.random.default_rng(n).standard_normal(LONG + n) for n in range(6)]
        with threads.using(2):
            expected = [bits(f(v)) for v in values]

            def work(number: int) -> None:
                for k in range(30):
                    n = (number + k) % len(values)
                    assert bits(f(values[n])) == expected[n]

            in_threads(6, work)

    @pytest.mark.parametrize("slow", [False, True])
    def test_updates_of_one_function_are_not_lost(self, slow):
        total, x = theano.shared(np.zeros(LONG)), T.dvector("x")
        f = theano.function([x], total.sum(), updates=[(total, total + x)])
        values = np.ones(LONG)
        with threads.using(2):
            in_threads(4, lambda _: [f(x=values) if slow else f(values) for _ in range(25)])
        np.testing.assert_array_equal(total.get_value(), np.full(LONG, 100.0))

    def test_updates_of_several_functions_are_not_lost(self):
        """Functions on common shared variables take effect one after the other."""
        a, b = theano.shared(np.full(LONG, 1000.0)), theano.shared(np.zeros(LONG))
        move = [theano.function([], [], updates=[(a, a - k), (b, b + k)]) for k in (1.0, 2.0, -1.0)]
        look = theano.function([], (a + b).max())
        with threads.using(2):

            def work(number: int) -> None:
                for _ in range(20):
                    if number == 3:
                        assert look() == 1000.0
                    else:
                        move[number]()

            in_threads(4, work)
        np.testing.assert_array_equal(b.get_value(), np.full(LONG, 40.0))
        np.testing.assert_array_equal(a.get_value(), np.full(LONG, 960.0))

    def test_a_value_that_is_replaced_meanwhile_stays_alive(self):
        state = theano.shared(np.zeros(LONG), borrow=True)
        f = theano.function([], T.exp(state) - state)
        stop = threading.Event()

        def replace() -> None:
            n = 0
            while not stop.is_set():
                n += 1
                state.set_value(np.full(LONG, float(n % 5)))

        other = threading.Thread(target=replace)
        other.start()
        try:
            with threads.using(2):
                for _ in range(60):
                    found = f()
                    assert found.min() == found.max()
        finally:
            stop.set()
            other.join()

    def test_functions_inside_of_functions(self):
        """A Python part calls functions while others compute in other threads."""
        x = T.dvector("x")
        inner = theano.function([x], T.exp(x).sum())

        @theano.as_op(itypes=[T.dvector], otypes=[T.dscalar])
        def total(values):
            return np.asarray(inner(values))

        outer = theano.function([x], [total(T.sqr(x)) * T.cos(x), T.exp(x)])
        values = np.random.default_rng(0).standard_normal(LONG)
        with threads.using(2):
            expected = bits(outer(values))
            in_threads(4, lambda _: [self.check(outer, values, expected) for _ in range(8)])

    @staticmethod
    def check(f, values, expected) -> None:
        assert bits(f(values)) == expected

    def test_failures_in_many_threads(self):
        """Lengths differ in half of the calls; each reads of its own."""
        x, y = T.dvectors("x", "y")
        f = theano.function([x, y], [T.exp(x).sum(), T.exp(x) + y])

        def work(number: int) -> None:
            n = LONG + number
            for k in range(20):
                if k % 2:
                    with pytest.raises(ValueError, match=str(n)):
                        f(np.zeros(n), np.zeros(n + 1000))
                else:
                    assert f(np.zeros(n), np.zeros(n))[0] == n

        with threads.using(2):
            in_threads(4, work)

    def test_arguments_are_converted_in_many_threads(self):
        x = T.dvector("x")
        f = theano.function([x], [x + 1, x.sum()])
        values = [np.arange(LONG, dtype="int32") + n for n in range(4)]

        def work(number: int) -> None:
            for k in range(20):
                v = values[(number + k) % 4]
                first, total = f(v)
                assert first[0] == v[0] + 1.0
                assert total == v.sum()

        with threads.using(2):
            in_threads(4, work)


class TestSteps:
    """Steps other than plain loops."""

    def test_strips(self):
        x, y = T.dmatrices("x", "y")
        centred = x - x.mean(axis=1, keepdims=True)
        results = [
            T.nnet.softmax(x),
            centred / T.sqrt(T.sqr(centred).mean(axis=1, keepdims=True)),
            T.log(y).sum(axis=1),
        ]
        f = theano.function([x, y], results)
        assert "strips of" in f.stages()["program"]
        rng = np.random.default_rng(0)
        for shape in ((2000, 301), (70, 9001), (LONG // 2, 2)):
            a, b = rng.standard_normal(shape), rng.random(shape) + 0.1
            found = same_for_all_counts(f, a, b)
            exps = np.exp(a - a.max(axis=1, keepdims=True))
            np.testing.assert_allclose(found[0], exps / exps.sum(axis=1, keepdims=True), rtol=1e-12)
            deviation = a - a.mean(axis=1, keepdims=True)
            expected = deviation / np.sqrt((deviation**2).mean(axis=1, keepdims=True))
            np.testing.assert_allclose(found[1], expected, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(found[2], np.log(b).sum(axis=1), rtol=1e-9, atol=1e-9)

    def test_tiles(self):
        x, y = T.dmatrices("x", "y")
        f = theano.function([x, y], T.exp(x.T) * y + x.T)
        # many tiles a piece, few, less than one
        for rows, columns in ((701, 701), (301, 400), (2101, 150), (10, 20_000)):
            a, b = np.random.default_rng(0).standard_normal((2, columns, rows))
            found = same_for_all_counts(f, a, b.T)
            np.testing.assert_allclose(found, np.exp(a.T) * b.T + a.T, rtol=1e-13, atol=1e-13)

    @pytest.mark.parametrize("axis", [None, 0, 1])
    def test_places_of_maxima(self, axis):
        x = T.dmatrix("x")
        f = theano.function([x], [x.argmax(axis=axis), x.argmin(axis=axis), *T.max_and_argmax(T.round(x), axis=axis)])
        for shape in ((1003, 701), (LONG, 2), (2, LONG)):
            a = np.random.default_rng(1).standard_normal(shape)
            found = same_for_all_counts(f, a)
            np.testing.assert_array_equal(found[0], a.argmax(axis=axis))
            np.testing.assert_array_equal(found[1], a.argmin(axis=axis))
            np.testing.assert_array_equal(found[2], a.round().max(axis=axis))
            np.testing.assert_array_equal(found[3], a.round().argmax(axis=axis))

    def test_products_give_up_the_lock_and_keep_their_results(self):
        x, total = T.dmatrix("x"), theano.shared(np.zeros((300, 300)))
        f = theano.function([x], T.exp(T.dot(x, x)).sum(), updates=[(total, total + T.dot(x, x))])
        a = np.random.default_rng(2).standard_normal((300, 300)) / 300
        expected = float(np.exp(a @ a).sum())
        with threads.using(2):
            in_threads(3, lambda _: [np.testing.assert_allclose(f(a), expected, rtol=1e-12) for _ in range(10)])
        np.testing.assert_allclose(total.get_value(), 30 * (a @ a), rtol=1e-9, atol=1e-15)

    def test_loops_inside_of_loops_over_steps(self):
        x = T.dvector("x")
        states, _ = theano.scan(lambda state: T.cos(state) + state.mean(), outputs_info=x, n_steps=5)
        f = theano.function([x], [states[-1], states.sum()])
        a = np.random.default_rng(3).standard_normal(LONG)
        found = same_for_all_counts(f, a)
        for _ in range(5):
            a = np.cos(a) + a.mean()
        np.testing.assert_allclose(found[0], a, rtol=1e-9)

    def test_gathers(self):
        x, m, i = T.dvector("x"), T.dmatrix("m"), T.lvector("i")
        f = theano.function([x, m, i], [x[i], m[i % 1000], m[i % 1000, i % 7]])
        rng = np.random.default_rng(4)
        a, b, k = rng.standard_normal(LONG), rng.standard_normal((1000, 7)), rng.integers(-LONG, LONG, LONG)
        found = same_for_all_counts(f, a, b, k)
        np.testing.assert_array_equal(found[0], a[k])
        np.testing.assert_array_equal(found[1], b[k % 1000])
        np.testing.assert_array_equal(found[2], b[k % 1000, k % 7])

    def test_the_first_failure_is_reported(self):
        """Whichever thread comes first: the message names the first index that is out of bounds."""
        x, i = T.dvector("x"), T.lvector("i")
        total = theano.shared(np.zeros(LONG))
        f = theano.function([x, i], x[i], updates=[(total, total + x[i])])
        k = np.zeros(LONG, dtype="int64")
        k[150_000] = LONG + 5
        k[150_001:] = LONG + 7
        for count in COUNTS:
            with threads.using(count):
                for _ in range(5):
                    with pytest.raises(IndexError, match=f"index {LONG + 5} is out of bounds"):
                        f(np.ones(LONG), k)
        assert not total.get_value().any()
        k[:] = 1
        np.testing.assert_array_equal(f(np.ones(LONG), k), np.ones(LONG))
