"""Programs with parts in Python: users' Ops with views and destruction, other types, complex numbers, nested calls."""

from __future__ import annotations

import numpy as np
import pytest

import theano
import theano.tensor as T
from tests.backend.comparison import close, layouts, values
from theano.graph.basic import Apply
from theano.graph.op import Op

MODES = [theano.Mode("native", None), "FAST_RUN", theano.Mode("reference", None)]


class Twice(Op):
    """A user's Op on matrices."""

    __props__ = ()

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0] * 2


class View(Twice):
    """Its output is a view of its input."""

    view_map = {0: [0]}

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0][...]


class Same(Twice):
    """Its output is its input."""

    view_map = {0: [0]}

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = inputs[0]


class Destroy(Twice):
    """Works in its input's memory."""

    destroy_map = {0: [0]}

    def perform(self, node, inputs, output_storage):
        inputs[0] += 100
        output_storage[0][0] = inputs[0]


class Several(Op):
    """A tensor and an object of Python from a tensor and an object."""

    __props__ = ()

    def make_node(self, x, thing):
        return Apply(self, [x, thing], [x.type(), theano.generic()])

    def perform(self, node, inputs, output_storage):
        x, thing = inputs
        output_storage[0][0] = x + len(thing)
        output_storage[1][0] = {"seen": thing}


@pytest.fixture(params=range(3), ids=("native", "rewritten", "reference"))
def mode(request):
    return MODES[request.param]


def test_python_between_native_parts(mode):
    x, y = T.dmatrices("x", "y")
    a = T.exp(x) + y
    b = Twice()(a)
    c = T.tanh(b) * a
    d = Twice()(Twice()(c.T)) + x.sum()
    e = Twice()(x)
    f = theano.function([x, y], [d, b, a, e, c.sum(0) + T.dot(e, y)[0], Twice()(d)[0]], mode=mode)
    p, q = values("float64", (4, 4), 1), values("float64", (4, 4), 2)
    an = np.exp(p) + q
    cn = np.tanh(2 * an) * an
    dn = 4 * cn.T + p.sum()
    for (_, pp), (_, qq) in zip(layouts(p), layouts(q), strict=True):
        for found, expected in zip(
            f(pp, qq), (dn, 2 * an, an, 2 * p, cn.sum(0) + (2 * p @ q)[0], 2 * dn[0]), strict=True
        ):
            close(np.array(found), expected, 1e-9)
            assert not np.may_share_memory(found, pp)


@pytest.mark.parametrize("op", (View(), Same()))
def test_views_are_not_given_to_the_caller(mode, op):
    x = T.dmatrix("x")
    state = theano.shared(np.ones((2, 2)))
    z = x * 2
    f = theano.function(
        [x],
        [op(x), x, op(op(x)), op(z), z, op(z).T, op(state), op(T.constant(np.ones((2, 2)))), op(z.T) + 1],
        updates=[(state, op(state) + 1)],
        mode=mode,
    )
    for i in range(3):
        a = values("float64", (2, 2))
        results = f(a)
        expected = [a, a, a, 2 * a, 2 * a, 2 * a.T, np.full((2, 2), 1.0 + i), np.ones((2, 2)), 2 * a.T + 1]
        for r, e in zip(results, expected, strict=True):
            close(np.array(r), e)
        for k, r in enumerate(results):
            assert not np.may_share_memory(r, a) and not np.may_share_memory(r, state.get_value(borrow=True))
            assert not any(np.may_share_memory(r, s) for s in results[:k])
            r[...] = -7


def test_destruction_is_kept_from_others(mode):
    x = T.dmatrix("x")
    state = theano.shared(np.zeros((2, 2)))
    z = T.exp(x)
    constant = T.constant(np.ones((2, 2)))
    destroy = Destroy()
    f = theano.function(
        [x],
        [
            destroy(x),
            x * 1,
            destroy(z),
            z,
            z.T,
            destroy(constant),
            constant * 1,
            destroy(state),
            destroy(destroy(x)),
            destroy(z.T),
        ],
        updates=[(state, destroy(state))],
        mode=mode,
        accept_inplace=True,
    )
    for i in range(3):
        a = values("float64", (2, 2))
        before, e = a.copy(), np.exp(a)
        s = np.full((2, 2), 100.0 * i)
        expected = [a + 100, a, e + 100, e, e.T, np.full((2, 2), 101.0), np.ones((2, 2)), s + 100, a + 200, e.T + 100]
        for r, e in zip(f(a), expected, strict=True):
            close(np.array(r), e)
        np.testing.assert_array_equal(a, before)
        np.testing.assert_array_equal(state.get_value(), s + 100)


def test_objects_of_python(mode):
    x, thing = T.dvector("x"), theano.generic()
    y, other = Several()(x * 2, thing)
    z, last = Several()(y + 1, other)
    f = theano.function([x, thing], [y, other, z * 2, last, thing], mode=mode)
    given = [1, 2, 3]
    y_, other_, z_, last_, thing_ = f(np.ones(2), given)
    close(y_, np.full(2, 5.0))
    close(z_, np.full(2, 14.0))
    assert other_ == {"seen": given} and last_ == {"seen": other_} and thing_ == given


@pytest.mark.parametrize("dtype", ("complex64", "complex128"))
def test_complex_numbers(mode, dtype):
    x, y, r = T.TensorType(dtype, (False, False))("x"), T.TensorType(dtype, (False, True))("y"), T.dmatrix("r")
    z = T.exp(x) * y + r
    outputs = [
        z,
        z.real + r,
        T.imag(x),
        T.abs(z).sum(0),
        z.sum(1),
        T.dot(x, x.T),
        x[::-1, 1],
        T.conj(z).T,
        T.concatenate([x, y], 1),
        x.shape[0] + r.sum(),
        T.set_subtensor(x[0], 1j),
        T.eq(x, y),
        x.reshape((-1,)),
        T.complex(r, r),
        x,
        T.sqrt(T.real(x) ** 2),
        T.zeros_like(x),
        T.switch(r > 0, x, 0),
    ]
    f = theano.function([x, y, r], outputs, mode=mode)
    a = (values("float64", (4, 5), 1) + 1j * values("float64", (4, 5), 2)).astype(dtype)
    b, c = a[:, :1].copy(), values("float64", (4, 5), 3)
    zn = np.exp(a) * b + c
    changed = a.copy()
    changed[0] = 1j
    expected = [
        zn,
        zn.real + c,
        a.imag,
        np.abs(zn).sum(0),
        zn.sum(1),
        a @ a.T,
        a[::-1, 1],
        np.conj(zn).T,
        np.concatenate([a, b], 1),
        4 + c.sum(),
        changed,
        a == b,
        a.reshape(-1),
        c + 1j * c,
        a,
        np.sqrt(a.real**2),
        a * 0,
        np.where(c > 0, a, 0),
    ]
    for pp in dict(layouts(a)).values():
        for found, e, v in zip(f(pp, b, c), expected, outputs, strict=True):
            assert found.dtype.name == v.dtype and found.shape == np.shape(e)
            np.testing.assert_allclose(
                found, e, rtol=1e-4 if dtype == "complex64" else 1e-10, atol=1e-5 if dtype == "complex64" else 1e-12
            )


def test_a_call_within_a_call(mode):
    """An Op whose perform calls another compiled function, and the one that it is in."""
    inner_x = T.dvector()
    inner = theano.function([inner_x], [inner_x * 2, inner_x.sum()], mode=mode)
    functions = {}

    class Calls(Op):
        __props__ = ()

        def make_node(self, x, depth):
            return Apply(self, [x, depth], [T.dvector()])

        def perform(self, node, inputs, output_storage):
            x, depth = inputs
            first = inner(x)[0]
            second = inner(x + 1)[0]
            assert (second - first == 2).all()
            deeper = functions["f"](x + 1, int(depth) - 1)[0] if depth > 0 else 0.0
            output_storage[0][0] = first + deeper

    x, depth = T.dvector("x"), T.lscalar("depth")
    z = T.sqr(x) + depth
    functions["f"] = theano.function([x, depth], [Calls()(z, depth) * 0.5 + z, T.exp(-x).sum()], mode=mode)

    def expected(x, depth):
        z = x**2 + depth
        return (2 * z + (expected(z + 1, depth - 1) if depth > 0 else 0)) * 0.5 + z

    for depth in (0, 1, 3):
        a = np.array([0.5, -0.25])
        np.testing.assert_allclose(functions["f"](a, depth)[0], expected(a, depth), rtol=1e-12)


class Wrong(Twice):
    __props__ = ("what",)

    def __init__(self, what):
        self.what = what

    def perform(self, node, inputs, output_storage):
        if self.what == "raises":
            raise KeyError("from the user's perform")
        if self.what == "dtype":
            output_storage[0][0] = inputs[0].astype("int32")
        if self.what == "rank":
            output_storage[0][0] = inputs[0].sum()
        if self.what == "type":
            output_storage[0][0] = "text"
        if self.what == "swapped":
            output_storage[0][0] = inputs[0].astype(">f8")
        if self.what == "unaligned":
            raw = np.zeros(inputs[0].nbytes + 1, "uint8")[1:].view("float64").reshape(inputs[0].shape)
            raw[...] = inputs[0]
            output_storage[0][0] = raw
        if self.what == "list":
            output_storage[0][0] = inputs[0].tolist()


@pytest.mark.parametrize("what", ("raises", "dtype", "rank", "type", "nothing", "list", "swapped"))
def test_what_performs_may_not_do(what):
    x = T.dmatrix("x")
    state = theano.shared(np.zeros(2))
    found = []
    for mode in MODES:
        f = theano.function([x], [Wrong(what)(x * 2) + 1], updates=[(state, state + 1)], mode=mode)
        with pytest.raises(Exception) as caught:
            f(np.ones((2, 2)))
        text = str(caught.value) + "".join(caught.value.__notes__)
        assert "test_mixed.py" in text and "Wrong" in text
        found.append(type(caught.value))
        np.testing.assert_array_equal(state.get_value(), 0)
    assert len(set(found)) == 1, found


def test_unaligned_arrays_from_performs(mode):
    x = T.dmatrix("x")
    f = theano.function([x], [Wrong("unaligned")(x * 2) + 1, Wrong("unaligned")(x)], mode=mode)
    first, second = f(np.ones((2, 2)))
    np.testing.assert_array_equal(first, np.full((2, 2), 3.0))
    np.testing.assert_array_equal(second, np.ones((2, 2)))


def test_python_ops_run_where_their_condition_says(mode):
    """What depends on a failed check in a native part does not run."""
    ran = []

    class Notes(Twice):
        def perform(self, node, inputs, output_storage):
            ran.append(1)
            output_storage[0][0] = inputs[0]

    x, y = T.dmatrices("x", "y")
    f = theano.function([x, y], Notes()(x + y) * 2, mode=mode)
    with pytest.raises(ValueError):
        f(np.ones((2, 2)), np.ones((3, 2)))
    assert not ran
    f(np.ones((2, 2)), np.ones((2, 2)))
    assert ran == [1]


def test_debug_printing_inside(mode, capsys):
    x = T.dvector("x")
    f = theano.function([x], theano.printing.Print("the value")(x * 2) + 1, mode=mode)
    f(np.ones(2))
    assert "the value" in capsys.readouterr().out
