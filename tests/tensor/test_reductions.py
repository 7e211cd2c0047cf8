"""Reductions against NumPy and SciPy: all dtypes, axes and empty arrays; derivatives with ties and zeros."""

from __future__ import annotations

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import theano.tensor as T
from tests.tensor.evaluation import check_derivatives, check_infer_shape, evaluate, value_of
from theano.gradient import grad
from theano.tensor import reductions
from theano.tensor.reductions import CAReduce, Max, Min, Prod, ProdWithoutZeros, Sum
from theano.tensor.type import DTYPES, TensorType

REAL = [d for d in DTYPES if "complex" not in d]


def arrays_and_axes(dtypes=tuple(DTYPES), min_side=0):
    shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=min_side, max_side=4)

    def with_axis(array):
        some = st.lists(st.integers(-array.ndim, array.ndim - 1), max_size=array.ndim) if array.ndim else st.just([])
        single = [st.integers(-array.ndim, array.ndim - 1)] if array.ndim else []
        return st.tuples(st.just(array), st.one_of(st.none(), some, *single))

    def array_of(dtype, shape):
        return hnp.arrays(dtype, shape, elements=st.integers(0, 1) if dtype == "bool" else st.integers(0, 3))

    return st.tuples(st.sampled_from(dtypes), shapes).flatmap(lambda p: array_of(*p)).flatmap(with_axis)


def numpy_axis(axis, ndim):
    return tuple({a % ndim for a in axis}) if isinstance(axis, list) else axis


def wide(dtype):
    return {"b": "int64", "i": "int64", "u": "uint64"}.get(np.dtype(dtype).kind, dtype)


@settings(max_examples=60, deadline=None)
@given(arrays_and_axes(), st.booleans(), st.sampled_from(["sum", "prod"]))
def test_sums_and_products(case, keepdims, name):
    x, axis = case
    found = value_of(lambda v: getattr(T, name)(v, axis=axis, keepdims=keepdims), x)
    expected = getattr(np, name)(
        x.astype("complex128" if x.dtype.kind == "c" else "float64"), axis=numpy_axis(axis, x.ndim), keepdims=keepdims
    )
    assert found.dtype == wide(x.dtype)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected.astype(found.dtype), rtol=1e-3 if x.dtype == "float16" else 1e-6)


@settings(max_examples=60, deadline=None)
@given(arrays_and_axes(REAL, min_side=1), st.booleans(), st.sampled_from(["max", "min", "any", "all"]))
def test_extrema_and_truth(case, keepdims, name):
    x, axis = case
    found = value_of(lambda v: getattr(T, name)(v, axis=axis, keepdims=keepdims), x)
    expected = getattr(np, name)(x, axis=numpy_axis(axis, x.ndim), keepdims=keepdims)
    if axis == [] and name in ("any", "all"):
        expected = x.astype(bool)
    np.testing.assert_array_equal(found, expected, strict=True)


@settings(max_examples=60, deadline=None)
@given(arrays_and_axes(REAL, min_side=1), st.booleans(), st.sampled_from(["argmax", "argmin"]))
def test_argmax_counts_in_the_flattened_order_of_the_axes(case, keepdims, name):
    x, axis = case
    found = value_of(lambda v: getattr(T, name)(v, axis=axis, keepdims=keepdims), x)
    axes = tuple(range(x.ndim)) if axis is None else numpy_axis(axis if isinstance(axis, list) else [axis], x.ndim)
    kept = [i for i in range(x.ndim) if i not in axes]
    flat = x.transpose(*kept, *sorted(axes)).reshape(*(x.shape[i] for i in kept), -1)
    expected = getattr(np, name)(flat, axis=-1)
    if keepdims:
        expected = np.expand_dims(expected, tuple(axes))
    np.testing.assert_array_equal(found, np.asarray(expected, dtype="int64"), strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_of_results_and_accumulators(dtype):
    x = TensorType(dtype, (False,))()
    accumulators = {"float16": "float32", "float32": "float64", "complex64": "complex128"}
    for function in (T.sum, T.prod):
        op = function(x).owner.op
        assert (op.dtype, op.acc_dtype) == (wide(dtype), accumulators.get(dtype, wide(dtype)))
    assert T.mean(x).dtype == ("float64" if np.dtype(dtype).kind in "biu" else dtype)
    assert T.any(x).dtype == T.all(x).dtype == "bool"
    assert T.argmax(x if "complex" not in dtype else T.real(x)).dtype == "int64"


def test_given_dtypes():
    x = T.fmatrix()
    assert T.sum(x, dtype="float64").owner.op.acc_dtype == "float64"
    assert T.sum(T.imatrix(), dtype="int8").owner.op.acc_dtype == "int64"
    assert T.sum(T.dmatrix(), dtype="float32").owner.op.acc_dtype == "float64"
    assert T.mean(T.imatrix(), dtype="int32").dtype == "float64"
    with pytest.raises(TypeError, match=r"accumulator of dtype float32 loses precision.*float64"):
        T.sum(T.dmatrix(), acc_dtype="float32")


def test_float32_is_summed_precisely():
    x = np.full(10**6, 0.1, dtype="float32")
    assert value_of(T.sum, x) == np.float32(x.astype("float64").sum())


def test_axes_are_checked_when_the_graph_is_built():
    x = T.dmatrix("x")
    for function in (T.sum, T.prod, T.max, T.min, T.any, T.all, T.argmax, T.argmin, T.mean, T.var):
        with pytest.raises(ValueError, match="no axis 2 in a tensor of rank 2"):
            function(x, axis=2)
        with pytest.raises(TypeError, match="axis must be None, an integer or several"):
            function(x, axis="rows")
    assert T.sum(x, axis=[-1, 0]).owner.op.axis == (0, 1)
    assert T.sum(x, axis=np.int64(-1)).owner.op == Sum(1, dtype="float64", acc_dtype="float64")
    assert T.sum(x, axis=T.constant(1)).owner.op.axis == (1,)


def test_broadcast_patterns_follow():
    x = TensorType("float64", (True, False, True))()
    assert T.sum(x, axis=1).broadcastable == (True, True)
    assert T.max(x, axis=1, keepdims=True).broadcastable == (True, True, True)
    assert T.argmax(x, axis=0).broadcastable == (False, True)


def test_extrema_of_nothing_are_an_error_and_other_reductions_give_the_identity():
    x = np.zeros((0, 3))
    for function in (T.max, T.min, T.argmax):
        with pytest.raises(ValueError, match=r"shape \(0, 3\).*length 0"):
            value_of(lambda v, function=function: function(v, axis=0), x)
        assert value_of(lambda v, function=function: function(v, axis=1), x).shape == (0,)
    np.testing.assert_array_equal(value_of(lambda v: T.prod(v, axis=0), x), np.ones(3))
    np.testing.assert_array_equal(value_of(lambda v: T.all(v, axis=0), x), np.ones(3, dtype=bool))
    assert np.isnan(value_of(T.mean, x))


def test_nan_is_the_extremum():
    x = np.array([[1, np.nan, 3], [np.nan, 2, 1]])
    maximum, place = value_of(lambda v: T.max_and_argmax(v, axis=0), x)
    np.testing.assert_array_equal(maximum, [np.nan, np.nan, 3])
    np.testing.assert_array_equal(place, [1, 0, 0])
    np.testing.assert_array_equal(value_of(lambda v: T.argmin(v, axis=0), x), [1, 0, 1])


def test_argmin_of_unsigned_and_extreme_integers():
    assert value_of(T.argmin, np.array([3, 0, 5], dtype="uint8")) == 1
    assert value_of(T.argmin, np.array([0, -128, 5], dtype="int8")) == 1
    assert value_of(T.argmin, np.array([True, False])) == 1


def test_complex_numbers_have_no_extremum():
    for function in (T.max, T.min, T.argmax):
        with pytest.raises(TypeError, match=r"complex numbers .* have no order"):
            function(T.zvector("z"))


@settings(max_examples=40, deadline=None)
@given(
    arrays_and_axes(("int8", "uint16", "int64", "float32", "float64"), min_side=1),
    st.integers(0, 1),
    st.booleans(),
    st.booleans(),
)
def test_moments(case, ddof, keepdims, corrected):
    x, axis = case
    np_axis = numpy_axis(axis, x.ndim)
    wide_x = x.astype("float64")
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, options in (("mean", {}), ("var", {"ddof": ddof}), ("std", {"ddof": ddof})):
            more = {} if name == "mean" else {"corrected": corrected}
            build = partial(getattr(T, name), axis=axis, keepdims=keepdims, **options, **more)
            found = value_of(build, x)
            expected = getattr(np, name)(wide_x, axis=np_axis, keepdims=keepdims, **options)
            assert found.dtype == ("float32" if x.dtype == "float32" else "float64")
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_moments_of_narrow_and_complex_numbers():
    x = np.linspace(0, 2000, 100).astype("float16")
    assert value_of(T.mean, x) == np.float16(x.astype("float32").mean())
    assert value_of(T.mean, x).dtype == "float16"
    z = np.array([1 + 2j, 3 - 1j, 0.5j])
    np.testing.assert_allclose(value_of(T.var, z), np.var(z))
    np.testing.assert_allclose(value_of(lambda v: T.std(v, ddof=1), z), np.std(z, ddof=1))


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_logsumexp(axis, keepdims):
    x = np.array([[1000.0, 1000.5, -1000], [-np.inf, -np.inf, -np.inf], [0, 1, np.inf]])
    build = lambda v: T.logsumexp(v, axis=axis, keepdims=keepdims)  # noqa: E731
    np.testing.assert_allclose(value_of(build, x), scipy.special.logsumexp(x, axis=axis, keepdims=keepdims))


def test_ptp_and_norms():
    x = np.array([[1.0, -5, 3], [2, 0, 7]])
    np.testing.assert_array_equal(value_of(lambda v: T.ptp(v, axis=1), x), np.ptp(x, axis=1))
    for L in (1, 2, 3, np.inf, -np.inf, 0):
        found = value_of(lambda v, L=L: v.norm(L, axis=1), x)
        np.testing.assert_allclose(found, [np.linalg.norm(row, L) for row in x], err_msg=str(L))
        assert value_of(lambda v, L=L: v.norm(L, axis=1, keepdims=True), x).shape == (2, 1)


@pytest.mark.parametrize(
    "op",
    [Sum(1), Sum(), Prod((0, 2)), Max(0), Min((1, 2)), reductions.All(1), reductions.Any(), reductions.Argmax((0, 1))],
)
def test_infer_shape(op):
    check_infer_shape(op, np.arange(24.0).reshape(2, 3, 4))


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2), ()])
@pytest.mark.parametrize(
    "function",
    [
        T.sum,
        T.prod,
        T.max,
        T.min,
        T.mean,
        T.var,
        T.std,
        T.logsumexp,
        lambda x, axis: T.prod(x, axis, no_zeros_in_input=True),
    ],
)
def test_derivatives(function, axis):
    if function is T.std and axis == ():
        pytest.skip("the standard deviation of one number has a corner")
    x = np.random.default_rng(1).normal(size=(2, 3, 2))
    check_derivatives(lambda v: function(v, axis=axis), x, forward=function is not T.logsumexp)


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_gradient_of_a_product_with_zeros(zeros):
    x = np.array([[2.0, 3, 4], [5, 6, 7]])
    x[0, :zeros] = 0
    v = T.dmatrix()
    found = evaluate(grad(T.prod(v, axis=1).sum(), v), {v: x})
    others = [[np.prod(np.delete(row, i)) for i in range(3)] for row in x]
    np.testing.assert_allclose(found, others)
    assert np.isfinite(evaluate(grad(T.prod(v), v), {v: x})).all()


def test_gradient_of_an_extremum_goes_to_all_equal_elements():
    x = np.array([[1.0, 3, 3], [4, 2, 4]])
    v = T.dmatrix()
    np.testing.assert_array_equal(evaluate(grad(T.max(v, axis=1).sum(), v), {v: x}), [[0, 1, 1], [1, 0, 1]])
    np.testing.assert_array_equal(evaluate(grad(T.min(v), v), {v: x}), [[1, 0, 0], [0, 0, 0]])


def test_gradient_of_logsumexp_is_softmax_even_for_huge_inputs():
    x = np.array([[1000.0, 1001, 999]])
    v = T.dmatrix()
    np.testing.assert_allclose(evaluate(grad(T.logsumexp(v), v), {v: x}), scipy.special.softmax(x))


def test_gradients_keep_dtypes_and_integers_count_as_real_numbers_in_float_results():
    v = T.fmatrix()
    assert grad(T.sum(v), v).dtype == grad(T.prod(v), v).dtype == grad(T.max(v), v).dtype == "float32"
    n = T.ivector()
    values = {n: np.array([1, 2], dtype="int32")}
    np.testing.assert_array_equal(evaluate(grad(T.mean(n), n), values), [0.5, 0.5], strict=True)
    np.testing.assert_array_equal(evaluate(grad(T.sum(n) * 1.5, n), values), [0.0, 0.0], strict=True)


def test_any_operation_can_reduce():
    x = np.array([[5, 3, 6], [7, 3, 2]], dtype="int32")
    xor = T.xor(T.iscalar(), T.iscalar()).owner.op.scalar_op
    np.testing.assert_array_equal(value_of(CAReduce(xor, axis=0), x), np.bitwise_xor.reduce(x, axis=0))
    power = T.arctan2(T.dscalar(), T.dscalar()).owner.op.scalar_op
    y = x.astype("float64")
    np.testing.assert_allclose(value_of(CAReduce(power, axis=0), y), np.arctan2(y[0], y[1]))


def test_operations_are_equal_by_their_settings_and_print_and_pickle():
    x = T.fmatrix("x")
    assert T.sum(x, 0).owner.op == T.sum(x, -2).owner.op != T.sum(x, 1).owner.op
    assert str(T.sum(x).owner.op) == "Sum{acc_dtype=float64}"
    assert str(T.sum(x, 1).owner.op) == "Sum{axis=[1], acc_dtype=float64}"
    assert str(T.max(x, 1).owner.op) == "Max{axis=[1]}"
    for op in (Sum(1), Max(), reductions.Any(0), reductions.All(), ProdWithoutZeros((0, 1)), reductions.Argmax(1)):
        assert pickle.loads(pickle.dumps(op)) == op


def test_zeros_are_left_out_of_a_product():
    x = np.array([[2, 0, 3], [0, 0, 0]], dtype="int8")
    np.testing.assert_array_equal(value_of(ProdWithoutZeros(1), x), np.array([6, 1]), strict=True)


def test_makeKeepDims():
    x = T.dtensor3()
    assert T.makeKeepDims(x, T.sum(x, axis=(0, -1)), (0, -1)).broadcastable == (True, False, True)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"rowvar": False},
        {"bias": True},
        {"ddof": 2},
        {"fweights": [1, 2, 3, 1]},
        {"aweights": [0.5, 1.0, 2.0, 0.1]},
        {"fweights": [1, 2, 3, 1], "aweights": [0.5, 1.0, 2.0, 0.1]},
    ],
    ids=str,
)
def test_cov_is_that_of_numpy(settings: dict) -> None:
    data = np.random.default_rng(3).normal(size=(3, 4))
    x = data if settings.get("rowvar", True) else data.T
    np.testing.assert_allclose(T.cov(x, **settings).eval(), np.cov(x, **settings))
    np.testing.assert_allclose(T.cov(x, 2 * x, **settings).eval(), np.cov(x, 2 * x, **settings), atol=1e-12)
    np.testing.assert_allclose(T.cov(data[0]).eval(), [[np.cov(data[0])]])
