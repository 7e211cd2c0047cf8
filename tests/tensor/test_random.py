"""Random streams as programs use them: states, seeds, updates, shapes, dtypes, gradients, errors."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import theano
import theano.tensor as T
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.tensor import raw_random
from theano.tensor.random_numbers.state import GeneratorState, key_of_seed
from theano.tensor.shared_randomstreams import RandomStreams

STREAMS = pytest.mark.parametrize("streams", [RandomStreams, MRG_RandomStreams])


class TestStates:
    """The examples of Theano's documentation, and what else is done with states."""

    @STREAMS
    def test_each_call_draws_new_numbers(self, streams: Any) -> None:
        srng = streams(seed=234)
        rv_u, rv_n = srng.uniform((2, 2)), srng.normal((2, 2))
        f = theano.function([], rv_u)
        g = theano.function([], rv_n, no_default_updates=True)
        nearly_zeros = theano.function([], rv_u + rv_u - 2 * rv_u)
        assert not (f() == f()).any()
        assert (g() == g()).all()
        assert abs(nearly_zeros()).max() < 1e-15
        seen = np.concatenate([f().ravel() for _ in range(50)])
        assert len(np.unique(seen)) == 200

    @STREAMS
    def test_one_draw_is_seeded(self, streams: Any) -> None:
        rv_u = streams(seed=234).uniform((2, 2))
        f = theano.function([], rv_u)
        rng = rv_u.rng.get_value(borrow=True)
        rng.seed(89234)
        rv_u.rng.set_value(rng, borrow=True)
        first = f()
        other = streams(seed=1).uniform((2, 2))
        other.rng.set_value(89234)
        assert (theano.function([], other)() == first).all()

    @STREAMS
    def test_all_draws_are_seeded(self, streams: Any) -> None:
        srng = streams(seed=234)
        f = theano.function([], [srng.uniform((2,)), srng.uniform((2,))])
        first = np.array(f())
        f()
        srng.seed(902340)
        changed = np.array(f())
        srng.seed(234)
        assert (np.array(f()) == first).all() and not (changed == first).any()
        srng.seed()
        assert (np.array(f()) == first).all()
        assert not (first[0] == first[1]).any()

    @STREAMS
    def test_states_are_kept_and_given_back(self, streams: Any) -> None:
        rv_u = streams(seed=234).uniform((2, 2))
        f, nearly_zeros = theano.function([], rv_u), theano.function([], rv_u + rv_u - 2 * rv_u)
        f()
        before = rv_u.rng.get_value().get_state()
        nearly_zeros()
        after = f()
        rng = rv_u.rng.get_value(borrow=True)
        rng.set_state(before)
        rv_u.rng.set_value(rng, borrow=True)
        again = f()
        assert not (again == after).any() and (f() == after).all()

    @STREAMS
    def test_states_are_copied_between_functions(self, streams: Any) -> None:
        class Graph:
            def __init__(self, seed: int) -> None:
                self.rng = streams(seed)
                self.y = self.rng.uniform(size=(1,))

        g1, g2 = Graph(seed=123), Graph(seed=987)
        f1, f2 = theano.function([], g1.y), theano.function([], g2.y)
        assert f1() != f2()
        if streams is MRG_RandomStreams:
            g2.rng.rstate = g1.rng.rstate
        for mine, its in zip(g1.rng.state_updates, g2.rng.state_updates, strict=True):
            its[0].set_value(mine[0].get_value())
        assert f1() == f2()
        assert f1() == f2()

    def test_states_are_values(self) -> None:
        rv = RandomStreams(1).uniform((3,))
        copy = rv.rng.get_value()
        copy.seed(5)
        assert (rv.rng.get_value() != copy).any()
        rv.rng.get_value(borrow=True).seed(5)
        assert (rv.rng.get_value() == copy).all()
        assert type(rv.rng.container.storage[0]) is np.ndarray
        with pytest.raises(TypeError, match="two uint64"):
            rv.rng.set_value(np.zeros(3))
        with pytest.raises(TypeError, match="a seed is an integer"):
            RandomStreams("seed")

    def test_draws_of_one_state_continue_each_other(self) -> None:
        state = raw_random.random_state_type("state")
        middle, first = raw_random.uniform(state, (3,))
        end, second = raw_random.uniform(middle, (2, 2))
        straight_end, straight = raw_random.uniform(state, (7,))
        f = theano.function([state], [first, second, straight, end, straight_end])
        a, b, c, d, e = f(GeneratorState(5))
        assert (np.concatenate([a, b.ravel()]) == c).all() and (d == e).all()

    def test_items(self) -> None:
        srng = RandomStreams(1)
        rv = srng.uniform(())
        f = theano.function([], rv)
        srng[rv.rng].seed(7)
        first = f()
        srng[rv.rng] = 7
        assert f() == first
        with pytest.raises(KeyError):
            _ = srng[RandomStreams(1).uniform(()).rng]

    def test_seeds(self) -> None:
        keys = [key_of_seed(s) for s in (0, 1, -1, 2**64, 2**64 + 1, [0], [0, 1], [1, 0], np.int64(5), 10**40)]
        assert len({int(k) for k in keys}) == len(keys) - 2  # 0 is [0], and 2**64 is [0, 1]
        assert key_of_seed(None) != key_of_seed(None)
        assert (GeneratorState(3) == GeneratorState(np.uint8(3))).all()
        a, b = (MRG_RandomStreams([1, 2, 3, 4, 5, s]).uniform(()).eval() for s in (6, 7))
        assert a != b

    def test_numpy_generators_are_seeds(self) -> None:
        shared = theano.shared(np.random.RandomState(5))
        other = theano.shared(np.random.RandomState(6))
        assert (shared.get_value() == theano.shared(np.random.RandomState(5)).get_value()).all()
        assert (shared.get_value() != other.get_value()).any()
        next_state, numbers = raw_random.uniform(shared, (3,))
        f = theano.function([], numbers, updates=[(shared, next_state)])
        assert not (f() == f()).any()
        shared.set_value(np.random.RandomState(5))
        shared.set_value(np.random.default_rng(5))

    def test_mrg_states_for_draws_to_come(self) -> None:
        a, b, c = (MRG_RandomStreams(5) for _ in range(3))
        b.inc_rstate()
        c.set_rstate(6)
        x, y, z = (s.uniform((), nstreams=3).eval() for s in (a, b, c))
        assert len({float(x), float(y), float(z)}) == 3
        assert z == MRG_RandomStreams(6).uniform(()).eval()


class TestUpdates:
    def test_updates_are_those_of_theano_function(self) -> None:
        srng = RandomStreams(1)
        rv = srng.normal((2,))
        assert srng.updates() == srng.state_updates == [rv.update] and rv.update[0] is rv.rng
        f = theano.function([], rv, updates=srng.updates(), no_default_updates=True)
        assert not (f() == f()).any()

    def test_one_state_without_its_update(self) -> None:
        srng = RandomStreams(1)
        a, b = srng.uniform((2,)), srng.uniform((2,))
        f = theano.function([], [a, b], no_default_updates=[a.rng])
        first, second = f(), f()
        assert (first[0] == second[0]).all() and not (first[1] == second[1]).any()

    def test_gen_takes_any_function_of_a_state(self) -> None:
        def exponential(state: Any, size: Any, scale: float, dtype: Any) -> tuple[Any, Any]:
            state, u = raw_random.uniform(state, size, dtype=dtype)
            return state, -scale * T.log1p(-u)

        with theano.config.change_flags(floatX="float32"):
            rv = RandomStreams(1).gen(exponential, (4, 3), 2.0, dtype="floatX")
        assert rv.dtype == "float32"
        f = theano.function([], rv)
        assert (f() > 0).all() and not (f() == f()).any()

    def test_copies_and_pickles(self) -> None:
        rv = RandomStreams(1).uniform((3,))
        f = theano.function([], rv)
        f()
        other = RandomStreams(1).uniform((3,)).rng
        other.set_value(rv.rng.get_value())
        beside, apart = f.copy(), f.copy(swap={rv.rng: other})
        restored = pickle.loads(pickle.dumps(f))
        expected = f()
        assert (apart() == expected).all() and (restored() == expected).all()
        assert not (beside() == expected).any()
        streams = RandomStreams(1)
        rv = streams.normal((2,))
        again = pickle.loads(pickle.dumps(streams))
        assert (again.state_updates[0][0].get_value() == rv.rng.get_value()).all()
        again.seed(1)
        assert (again.uniform((2,)).eval() == streams.uniform((2,)).eval()).all()

    def test_modes_draw_the_same(self) -> None:
        rv = RandomStreams(1).normal((5,))
        draws = [
            theano.function([], rv, mode=mode, no_default_updates=True)()
            for mode in ("FAST_RUN", "FAST_COMPILE", "DebugMode", theano.Mode(linker="py", optimizer=None))
        ]
        assert all((d == draws[0]).all() for d in draws)

    def test_givens_replace_states(self) -> None:
        rv = RandomStreams(1).uniform((3,))
        state = raw_random.random_state_type()
        f = theano.function([state], rv, givens={rv.rng: state})
        assert (f(GeneratorState(5)) == f(GeneratorState(5))).all()
        assert not (f(GeneratorState(5)) == f(GeneratorState(6))).any()

    def test_draws_in_loops(self) -> None:
        srng = RandomStreams(234)
        steps, updates = theano.scan(lambda x: x + srng.uniform((3,)), outputs_info=T.zeros((3,)), n_steps=5)
        f = theano.function([], steps, updates=updates)
        seen = np.concatenate([np.diff(np.vstack([np.zeros((1, 3)), f()]), axis=0).ravel() for _ in range(4)])
        assert len(np.unique(seen.round(12))) == 60 and ((seen > 0) & (seen < 1)).all()
        (rng,) = updates
        assert int(rng.get_value()[1]) == 60

    def test_a_gibbs_chain(self) -> None:
        srng = RandomStreams(5)
        weights = theano.shared(np.random.default_rng(1).normal(size=(4, 3)))

        def step(visible: Any) -> Any:
            hidden = srng.binomial((2, 3), n=1, p=T.nnet.sigmoid(visible.dot(weights)), dtype="float64")
            return srng.binomial((2, 4), n=1, p=T.nnet.sigmoid(hidden.dot(weights.T)), dtype="float64")

        chain, updates = theano.scan(step, outputs_info=T.zeros((2, 4)), n_steps=200)
        f = theano.function([], chain, updates=updates)
        first = f()
        assert set(np.unique(first)) == {0, 1} and not (first == f()).all()
        assert len(updates) == 2
        slow = theano.function([], chain, updates=updates, mode=theano.Mode(linker="py"))
        srng.seed(5)
        assert (slow() == first).all()

    def test_gradients_through_loops_see_the_same_numbers(self) -> None:
        srng, w, s = RandomStreams(234), T.dscalar("w"), T.dscalar("s")
        steps, updates = theano.scan(
            lambda x, w, s: T.tanh(w * x + srng.normal((3,), std=s)),
            outputs_info=T.ones((3,)),
            non_sequences=[w, s],
            n_steps=4,
        )
        cost = (steps[-1] ** 2).sum()
        f = theano.function([w, s], [cost, *T.grad(cost, [w, s])], updates=updates)

        def at(*point: float) -> Any:
            srng.seed(5)
            return f(*point)

        _, by_w, by_s = at(0.5, 0.7)
        h = 1e-6
        np.testing.assert_allclose(by_w, (at(0.5 + h, 0.7)[0] - at(0.5 - h, 0.7)[0]) / (2 * h), rtol=1e-6)
        np.testing.assert_allclose(by_s, (at(0.5, 0.7 + h)[0] - at(0.5, 0.7 - h)[0]) / (2 * h), rtol=1e-6)


class TestShapes:
    def test_forms_of_size(self) -> None:
        srng, n, v = RandomStreams(1), T.lscalar("n"), T.lvector("v")
        x = T.dmatrix("x")
        f = theano.function(
            [n, v, x],
            [
                srng.uniform(4).shape,
                srng.uniform(n).shape,
                srng.uniform([n, 2]).shape,
                srng.uniform(x.shape).shape,
                srng.uniform(v, ndim=2).shape,
                srng.uniform(np.array([2, 1])).shape,
                srng.uniform(()).shape,
                srng.uniform((2, -1), low=x).shape,
                srng.uniform((-1, 3)).shape,
                srng.normal(avg=x).shape,
                srng.uniform(T.stack([n, n + 1])).shape,
            ],
        )
        shapes = [s.tolist() for s in f(3, [2, 5], np.zeros((2, 4)))]
        assert shapes == [[4], [3], [3, 2], [2, 4], [2, 5], [2, 1], [], [2, 4], [1, 3], [2, 4], [3, 4]]

    def test_without_size_parameters_say_the_shape(self) -> None:
        srng, x = RandomStreams(1), T.dmatrix("x")
        column = T.dcol("c")
        rv = srng.uniform(low=column, high=x + 2)
        assert rv.broadcastable == (False, False)
        assert theano.function([x, column], rv)(np.zeros((2, 3)), np.zeros((2, 1))).shape == (2, 3)
        with pytest.raises(ValueError, match=r"lengths|differ"):
            theano.function([x, column], rv)(np.zeros((2, 3)), np.zeros((3, 1)))

    def test_what_is_known_of_lengths(self) -> None:
        rv = RandomStreams(1).uniform((1, 3, T.lscalar()))
        assert rv.broadcastable == (True, False, False)
        f = theano.function([], RandomStreams(1).normal((4, 5)).shape)
        assert "random" not in f.stages()["program"]

    def test_no_elements(self) -> None:
        f = theano.function([], [RandomStreams(1).uniform((0, 3)), RandomStreams(1).permutation((2,), n=0)])
        assert [x.shape for x in f()] == [(0, 3), (2, 0)]

    def test_errors(self) -> None:
        srng, v = RandomStreams(1), T.lvector("v")
        with pytest.raises(ValueError, match="give ndim"):
            srng.uniform(v)
        with pytest.raises(ValueError, match="ndim is 3"):
            srng.uniform((2, 2), ndim=3)
        with pytest.raises(ValueError, match="exceeds"):
            srng.uniform((2,), low=T.dmatrix())
        with pytest.raises(ValueError, match=r"of shape \(2\) does not broadcast to size \(2, 3\)"):
            srng.normal((2, 3), avg=np.zeros(2))
        with pytest.raises(ValueError, match="lengths of dimension 1 differ"):
            x = T.dvector("x")
            theano.function([x], srng.normal((2, 3), avg=x))([1.0, 2.0])
        with pytest.raises(ValueError, match="negative"):
            srng.uniform((-2,))
        with pytest.raises(TypeError, match="must be an integer"):
            srng.uniform((2.5,))
        with pytest.raises(ValueError, match="as many entries as ndim"):
            theano.function([v], srng.uniform(v, ndim=2))([1, 2, 3])
        with pytest.raises(ValueError, match="negative"):
            theano.function([v], srng.uniform(v, ndim=2))([1, -2])


class TestDtypes:
    def test_floatx_and_parameters(self) -> None:
        srng = RandomStreams(1)
        assert srng.uniform((2,)).dtype == theano.config.floatX
        with theano.config.change_flags(floatX="float32"):
            assert srng.uniform((2,)).dtype == srng.normal((2,), avg=0.1).dtype == "float32"
            assert srng.uniform((2,), dtype="floatX").dtype == "float32"
            assert srng.uniform((2,), low=np.float64(0.1)).dtype == "float64"
            assert srng.binomial((2,), dtype=theano.config.floatX).dtype == "float32"
        assert srng.normal((2,), dtype="float16").eval().dtype == "float16"
        assert srng.binomial((2,)).dtype == srng.random_integers((2,)).dtype == "int64"
        assert srng.choice((2,), a=3, dtype="int8").eval().dtype == "int8"
        assert srng.choice((2,), a=np.array([0.5])).eval().tolist() == [0.5, 0.5]

    def test_refused(self) -> None:
        srng = RandomStreams(1)
        with pytest.raises(TypeError, match="dtype must be one of"):
            srng.uniform((2,), dtype="int32")
        with pytest.raises(TypeError, match="must be real"):
            srng.normal((2,), avg=1j)
        with pytest.raises(TypeError, match="integer dtype"):
            srng.binomial((2,), n=1.5)
        with pytest.raises(TypeError, match="must be real"):
            srng.poisson((2,), dtype="complex64")


class TestParameters:
    def test_wrong_constants_are_refused_at_once(self) -> None:
        srng = RandomStreams(1)
        for make, message in (
            (lambda: srng.normal((2,), std=-1), "std must not be negative"),
            (lambda: srng.binomial((2,), p=1.5), "between 0 and 1"),
            (lambda: srng.binomial((2,), n=-1), "n must not be negative"),
            (lambda: srng.random_integers((2,), 3, 2), "low must be at most high"),
            (lambda: srng.poisson((2,), lam=-1), "lam must not be negative"),
            (lambda: srng.multinomial((2,), pvals=[0.7, 0.7, 0.1]), "must not exceed 1"),
            (lambda: srng.choice((2,), a=0), "something to choose from"),
            (lambda: srng.choice((2,), a=2, p=[-1.0, 2.0]), "p must not be negative"),
            (lambda: srng.choice((2,), a=T.dmatrix()), "a scalar or a vector"),
            (lambda: srng.multinomial((2,), pvals=0.5), "dimension of categories"),
        ):
            with pytest.raises(ValueError, match=message):
                make()

    def test_wrong_values_are_found_when_it_runs(self) -> None:
        srng, x, n = RandomStreams(1), T.dscalar("x"), T.lscalar("n")
        with pytest.raises(ValueError, match="poisson: lam"):
            theano.function([x], srng.poisson((2,), lam=x))(-1.0)
        with pytest.raises(ValueError, match="binomial: n"):
            theano.function([n], srng.binomial((2,), n=n))(-1)
        with pytest.raises(ValueError, match="more elements are asked for"):
            theano.function([n], srng.choice((4,), a=n, replace=False))(3)
        with pytest.raises(ValueError, match="different lengths"):
            theano.function([n], srng.choice((4,), a=n, p=[0.5, 0.5]))(3)
        assert theano.function([x], srng.binomial((2,), p=x))(2.0).tolist() == [1, 1]
        assert theano.function([n], srng.random_integers((2,), low=n, high=2))(5).tolist() == [5, 5]

    def test_states_are_checked(self) -> None:
        with pytest.raises(TypeError, match="vector of uint64"):
            raw_random.uniform(T.dvector(), (2,))
        with pytest.raises(TypeError, match="two uint64"):
            raw_random.uniform("state", (2,))
        _, numbers = raw_random.uniform(5, (2,))  # a constant state
        assert (numbers.eval() == raw_random.uniform(GeneratorState(5), (2,))[1].eval()).all()

    def test_old_names(self) -> None:
        f = theano.function([], RandomStreams(1).binomial((2,), prob=1.0))
        assert f().tolist() == [1, 1]
        assert MRG_RandomStreams(1).normal((50,), truncate=True).eval().max() <= 2
        assert T.RandomStreams is T.shared_randomstreams.RandomStreams


class TestGradients:
    def test_by_location_and_scale(self) -> None:
        srng = RandomStreams(1)
        a, b = T.dscalar("a"), T.dvector("b")
        rv = srng.uniform((4, 3), low=a, high=b)
        u = (rv - a) / (b - a)
        f = theano.function([a, b], [u, *T.grad((rv**2).sum(), [a, b]), rv], no_default_updates=True)
        share, by_low, by_high, numbers = f(1.0, [2.0, 3.0, 5.0])
        np.testing.assert_allclose(by_low, (2 * numbers * (1 - share)).sum())
        np.testing.assert_allclose(by_high, (2 * numbers * share).sum(axis=0))

    def test_normal_numbers_move_with_their_parameters(self) -> None:
        srng = RandomStreams(1)
        avg, std = T.dvector("avg"), T.dvector("std")
        z = srng.normal((6, 3), avg=avg, std=std)
        f = theano.function([avg, std], [z, *T.grad(T.sum(z), [avg, std])], no_default_updates=True)
        values, by_avg, by_std = f([1.0, 2.0, 3.0], [1.0, 0.5, 2.0])
        np.testing.assert_allclose(by_avg, [6, 6, 6])
        np.testing.assert_allclose(by_std, ((values - [1, 2, 3]) / [1.0, 0.5, 2.0]).sum(axis=0))
        forward = theano.function([std], T.Rop(z, std, T.ones_like(std)), no_default_updates=True)
        np.testing.assert_allclose(forward([1.0, 0.5, 2.0]), (values - [1, 2, 3]) / [1.0, 0.5, 2.0])

    def test_noise_is_a_constant_of_a_layer(self) -> None:
        x = T.dmatrix("x")
        mask = RandomStreams(1).binomial(x.shape, p=0.5, dtype="float64")
        f = theano.function([x], [mask, T.grad((x * mask).sum(), x)])
        drawn, slope = f(np.ones((4, 5)))
        assert (drawn == slope).all() and 0 < drawn.sum() < 20

    def test_no_slope_by_a_probability(self) -> None:
        p = T.dscalar("p")
        with pytest.raises(theano.gradient.NullTypeGradError, match="no derivative by this parameter"):
            T.grad(RandomStreams(1).binomial((3,), p=p, dtype="float64").sum(), p)
        low = T.lscalar("low")
        with pytest.raises(theano.gradient.NullTypeGradError):
            T.grad(RandomStreams(1).uniform((3,), low=low).sum(), low)


def test_star_imports_leave_pythons_module_alone() -> None:
    names: dict[str, Any] = {}
    exec("import random\nfrom theano.tensor import *\nfrom theano.scalar import *\nfrom theano import *", names)
    assert 0 <= names["random"].random() < 1
