"""Rules of numerical stability: each before and after, and that the new form is right where the old one is not."""

from __future__ import annotations

import numpy as np
import pytest

import theano.tensor as T
from tests.rewrite.helpers import check_rule, check_same_values, compute, sample, strictly
from theano.gradient import grad
from theano.rewrite import Query, simplify, text

x, y = T.dvectors("x", "y")
m, n = T.dmatrices("m", "n")
labels = T.lvector("labels")
bias = T.dvector("bias")
sig = T.nnet.sigmoid
negative = {x: np.array([-5.0, -1.0, -0.1, -1e-3])}
inside = {x: np.array([-0.9, -0.1, 0.0, 0.5])}

CASES = [
    ("local_log1p", T.log(1 + x), "log1p(x)", inside),
    ("local_log1p", T.log(x + 1.0), "log1p(x)", inside),
    ("local_log1p", T.log(1 - x), "log1p(-x)", inside),
    ("local_expm1", T.exp(x) - 1, "expm1(x)", None),
    ("local_expm1", -1 + T.exp(x), "expm1(x)", None),
    ("local_one_minus_exp", 1 - T.exp(x), "-expm1(x)", None),
    ("local_log1mexp", T.log1p(-T.exp(x)), "log1mexp(x)", negative),
    ("local_log1mexp", T.log(1 - T.exp(x)), "log1mexp(x)", negative),
    ("local_log1mexp", T.log(-T.expm1(x)), "log1mexp(x)", negative),
    ("local_sigmoid", 1 / (1 + T.exp(-x)), "sigmoid(x)", None),
    ("local_sigmoid", 1.0 / (T.exp(-x) + 1.0), "sigmoid(x)", None),
    ("local_sigmoid", T.inv(1 + T.exp(-x)), "sigmoid(x)", None),
    ("local_sigmoid", 1 / (1 + T.exp(x)), "sigmoid(-x)", None),
    ("local_sigmoid", T.inv(1 + T.exp(x)), "sigmoid(-x)", None),
    ("local_sigmoid", T.exp(x) / (1 + T.exp(x)), "sigmoid(x)", None),
    ("local_1msigmoid", 1 - sig(x), "sigmoid(-x)", None),
    ("local_log_sigmoid", T.log(sig(x)), "-softplus(-x)", None),
    ("local_log_sigmoid", T.log(1 - sig(x)), "-softplus(x)", None),
    ("local_log_sigmoid", T.log1p(-sig(x)), "-softplus(x)", None),
    ("local_softplus", T.log1p(T.exp(x)), "softplus(x)", None),
    ("local_softplus", T.log(1 + T.exp(x)), "softplus(x)", None),
    ("local_softplus_neg_neg", sig(-(-x)), "sigmoid(x)", None),
    ("local_tanh_of_exp", (T.exp(x) - T.exp(-x)) / (T.exp(x) + T.exp(-x)), "tanh(x)", None),
    ("local_sigm_times_exp", T.exp(-x) / (1 + T.exp(-x)) ** 2, "sigmoid(x) * sigmoid(-x)", None),
    ("local_sigm_times_exp", y * T.exp(x) * sig(-x), "y * sigmoid(x)", None),
    ("local_sigm_times_exp", y / (1 + T.exp(x)), "y * sigmoid(-x)", None),
    ("local_sigmoid_pair", y * sig(x) * sig(-x), "y * sigmoid(x) * (1 - sigmoid(x))", None),
    ("local_sigmoid_pair", sig(x) + sig(-x), "sigmoid(x) + sigmoid(-x)", None),
    ("local_one_minus_erf", 1 - T.erf(x), "erfc(x)", None),
    ("local_one_minus_erf", 1 - T.erfc(x), "erf(x)", None),
    ("local_one_plus_erf", 1 + T.erf(x), "erfc(-x)", None),
    ("local_one_plus_erf", T.erf(x) - 1, "-erfc(x)", None),
    ("local_erf_neg_minus_one", T.erfc(x) - 1, "-erf(x)", None),
    ("local_grad_log_erfc", T.exp(-T.sqr(x)) / T.erfc(x), "1 / erfcx(x)", None),
    ("local_grad_log_erfc", T.exp(-(x**2)) / T.erfc(x), "1 / erfcx(x)", None),
    ("local_log_erfc", T.log(T.erfc(x)), "switch(x > 1, log(erfcx(x)) - sqr(x), log(erfc(x)))", None),
    (
        "local_log_sum_exp",
        T.log(T.exp(x).sum()),
        "log(Sum(exp(x - switch(isinf(Max(x)), 0, Max(x)).dimshuffle(x)))) + switch(isinf(Max(x)), 0, Max(x))",
        None,
    ),
    (
        "local_log_sum_exp",
        T.log(T.exp(m).sum(axis=1, keepdims=True)),
        "(log(Sum{1}(exp(m - switch(isinf(Max{1}(m)), 0, Max{1}(m)).dimshuffle(0, x)))) + "
        "switch(isinf(Max{1}(m)), 0, Max{1}(m))).dimshuffle(0, x)",
        None,
    ),
    ("local_softmax", T.exp(m) / T.exp(m).sum(axis=1, keepdims=True), "Softmax{-1}(m)", None),
    ("local_softmax", T.exp(m) / T.exp(m).sum(axis=0, keepdims=True), "Softmax{-2}(m)", None),
    ("local_softmax", T.exp(x) / T.exp(x).sum(), "Softmax{-1}(x.dimshuffle(x, 0)).dimshuffle(1)", None),
    ("local_softmax_shift", T.nnet.softmax(m - m.max(axis=1, keepdims=True)), "Softmax{-1}(m)", None),
    ("local_logsoftmax", T.log(T.nnet.softmax(m)), "LogSoftmax{-1}(m)", None),
]


@pytest.mark.parametrize(
    ("name", "expression", "expected", "values"), CASES, ids=[f"{c[0]}-{c[2][:30]}" for c in CASES]
)
def test_rule(name, expression, expected, values):
    if values is not None and y in values:
        values = {**values}
    check_rule(name, expression, expected, values)


EXTREME = [
    (1 / (1 + T.exp(-x)), [-1000.0, 1000.0], [0.0, 1.0]),
    (T.log(1 + T.exp(x)), [-1000.0, 1000.0], [0.0, 1000.0]),
    (T.log(1 / (1 + T.exp(-x))), [-1000.0, 1000.0], [-1000.0, 0.0]),
    (T.log(1 - 1 / (1 + T.exp(-x))), [-1000.0, 1000.0], [0.0, -1000.0]),
    (T.log(1 + x), [1e-20, 0.0], [1e-20, 0.0]),
    (T.exp(x) - 1, [1e-20, -1e-20], [1e-20, -1e-20]),
    (T.log(T.exp(x).sum()), [1000.0, 1000.0], 1000 + np.log(2)),
    (T.log(T.exp(x).sum()), [-np.inf, -np.inf], -np.inf),
    (T.log(T.exp(x).sum()), [np.inf, 1.0], np.inf),
    (T.exp(x) / T.exp(x).sum(), [1000.0, 1000.0], [0.5, 0.5]),
    (T.log(T.nnet.softmax(x))[0], [0.0, 1000.0], [-1000.0, 0.0]),
    (T.log(T.erfc(x)), [100.0, -100.0], [-10005.177578, np.log(2.0)]),
    (T.log(1 - T.exp(x)), [-1e-20, -1000.0], [np.log(1e-20), 0.0]),
]


@pytest.mark.parametrize(("expression", "value", "expected"), EXTREME, ids=[text(c[0])[:40] for c in EXTREME])
def test_values_where_the_plain_form_fails(expression, value, expected):
    with strictly():
        result = simplify(expression)
    np.testing.assert_allclose(compute([result], {x: np.array(value)})[0], expected, rtol=1e-9)


# ---- cross-entropy

picked = T.arange(m.shape[0])
CROSS = "CrossentropySoftmaxArgmax1HotWithBias"


def classifier_values(seed=3):
    rng = np.random.default_rng(seed)
    return {
        m: rng.normal(size=(5, 4)),
        bias: rng.normal(size=4),
        labels: np.array([0, 3, 1, 1, 2]),
        n: rng.normal(size=(5, 4)),
    }


LOSSES = {
    "log of softmax": lambda p: -T.log(p)[T.arange(p.shape[0]), labels].mean(),
    "log of picked": lambda p: -T.log(p[T.arange(p.shape[0]), labels]).mean(),
    "rows of labels": lambda p: -T.log(p)[T.arange(labels.shape[0]), labels].sum(),
    "sum": lambda p: T.sum(-T.log(p)[T.arange(labels.shape[0]), labels]),
    "categorical_crossentropy": lambda p: T.nnet.categorical_crossentropy(p, labels).mean(),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("with_bias", [False, True])
def test_loss_of_a_classifier_and_its_gradient(name, with_bias):
    scores = m + bias if with_bias else m
    loss = LOSSES[name](T.nnet.softmax(scores))
    outputs = [loss, grad(loss, m)] + ([grad(loss, bias)] if with_bias else [])
    with strictly():
        results = simplify(outputs)
    words = text(results)
    assert (
        f"{CROSS}(m, bias, labels).0" in words if with_bias else f"{CROSS}(m, Alloc(0, m.shape[1]), labels).0" in words
    )
    assert "CrossentropySoftmax1HotWithBiasDx(" in words
    assert "AdvancedSubtensor" not in words
    assert "Softmax{" not in words.replace(CROSS, "")
    values = classifier_values()
    check_same_values(outputs, results, {v: values[v] for v in (m, labels, *([bias] if with_bias else []))})


def test_loss_from_logsoftmax_and_its_gradient():
    loss = -T.nnet.logsoftmax(m)[T.arange(m.shape[0]), labels].mean()
    outputs = [loss, grad(loss, m)]
    with strictly():
        results = simplify(outputs)
    assert "CrossentropySoftmax1HotWithBiasDx(" in text(results)
    values = classifier_values()
    check_same_values(outputs, results, {m: values[m], labels: values[labels]})


def test_names_of_cross_entropy_rules_can_be_excluded():
    loss = -T.log(T.nnet.softmax(m))[picked, labels].mean()
    assert CROSS not in text(simplify(loss, Query(["fast_run"]).excluding("crossentropy")))


def test_labels_that_come_from_the_softmax_make_no_cycle():
    p = T.nnet.softmax(m)
    own = p.argmax(axis=1)
    loss = -T.log(p)[T.arange(m.shape[0]), own].mean()
    with strictly():
        result = simplify(loss)
    check_same_values(loss, result, {m: classifier_values()[m]})


def test_dense_targets():
    loss = T.nnet.categorical_crossentropy(T.nnet.softmax(m), n).mean()
    outputs = [loss, grad(loss, m)]
    with strictly():
        results = simplify(outputs)
    words = text(results)
    assert "LogSoftmax{-1}(m)" in words
    assert "SoftmaxGrad" not in words
    values = classifier_values()
    check_same_values(outputs, results, {m: values[m], n: values[n]})
    # a probability that underflows costs no digits
    extreme = {m: np.array([[0.0, 2000.0]]), n: np.array([[1.0, 0.0]])}
    np.testing.assert_allclose(compute(results, extreme)[0], 2000.0)
    np.testing.assert_allclose(compute(results, extreme)[1], [[-1.0, 1.0]])


def test_local_crossentropy_to_crossentropy_with_softmax_grad():
    p = T.nnet.softmax(m)
    loss = T.nnet.categorical_crossentropy(p, labels).sum()
    check_rule(
        "local_crossentropy_to_crossentropy_with_softmax_grad",
        grad(loss, m),
        "CrossentropySoftmax1HotWithBiasDx(Alloc(1, m.shape[0]), Softmax{-1}(m), labels)",
        {m: classifier_values()[m], labels: classifier_values()[labels]},
        also=("local_fill_to_alloc", "local_shape_i_lift", "local_useless_dimshuffle", "local_dimshuffle_alloc",
              "local_useless_alloc", "local_alloc_alloc"),
    )  # fmt: skip


def test_local_softmax_grad_neg():
    sm = T.nnet.softmax(m)
    expression = T.nnet.softmax_grad(-n, sm)
    values = classifier_values()
    check_rule("local_softmax_grad_neg", expression, "-SoftmaxGrad(n, Softmax{-1}(m))", {m: values[m], n: values[n]})


def test_local_logsoftmax_grad():
    sm = T.nnet.softmax(m)
    values = classifier_values()
    check_rule(
        "local_logsoftmax_grad",
        T.nnet.softmax_grad(n / sm, sm),
        "n - Softmax{-1}(m) * Sum{1}(n).dimshuffle(0, x)",
        {m: values[m], n: values[n]},
    )


def test_logistic_regression_divides_by_no_probability():
    target = T.dmatrix("target")
    h = 1 / (1 + T.exp(-m - bias))
    loss = (-target * T.log(h) - (1 - target) * T.log(1 - h)).mean()
    outputs = [loss, grad(loss, bias)]
    with strictly():
        results = simplify(outputs)
    assert "/ sigmoid" not in text(results)
    rng = np.random.default_rng(0)
    values = {m: sample(m, rng), bias: sample(bias, rng), target: rng.uniform(size=(4, 4))}
    check_same_values(outputs, results, values)
    values[m] = np.full((4, 4), 800.0)
    assert np.isfinite(compute(results, values)[0])
    assert np.isfinite(compute(results, values)[1]).all()


def test_integers_are_left_alone_or_computed_as_floats():
    i = T.lvector("i")
    expression = T.log(1 + i)
    with strictly():
        check_same_values(expression, simplify(expression), {i: np.array([0, 1, 5])})


def test_single_precision_stays_single():
    narrow = T.fvector("narrow")
    expressions = [T.log(1 + narrow), 1 / (1 + T.exp(-narrow)), T.log(T.exp(narrow).sum())]
    for expression in expressions:
        with strictly():
            result = simplify(expression)
        assert result.dtype == expression.dtype == "float32"
        assert "float64" not in text(result)


def test_local_advanced_indexing_crossentropy_onehot():
    values = {m: classifier_values()[m], labels: classifier_values()[labels]}
    rows = T.arange(T.shape_i(labels, 0) if hasattr(T, "shape_i") else labels.shape[0])
    lift = ("local_shape_to_shape_i", "local_subtensor_make_vector")
    expected = f"-{CROSS}(m, Alloc(0, m.shape[1]), labels).0"
    name = "local_advanced_indexing_crossentropy_onehot"
    check_rule(name, T.nnet.logsoftmax(m)[rows, labels], expected, values, also=lift)
    check_rule(name, T.log(T.nnet.softmax(m)[rows, labels]), expected, values, also=lift)


def test_crossentropy_to_crossentropy_with_softmax():
    values = {v: classifier_values()[v] for v in (m, bias, labels)}
    loss = T.nnet.categorical_crossentropy(T.nnet.softmax(m + bias), labels)
    check_rule("crossentropy_to_crossentropy_with_softmax", loss, f"{CROSS}(m, bias, labels).0", values)


def test_local_advanced_indexing_crossentropy_onehot_grad():
    values = {v: classifier_values()[v] for v in (m, labels)}
    values[y] = np.arange(5.0)
    rows = T.arange(T.shape_i(labels, 0) if hasattr(T, "shape_i") else labels.shape[0])
    lift = ("local_shape_to_shape_i", "local_subtensor_make_vector", "local_fill_to_alloc", "local_shape_i_lift")
    sm = T.nnet.softmax(m)
    gradient = T.nnet.softmax_grad(T.inc_subtensor(T.zeros_like(sm)[rows, labels], y) / sm, sm)
    expected = "CrossentropySoftmax1HotWithBiasDx(-y, Softmax{-1}(m), labels)"
    check_rule("local_advanced_indexing_crossentropy_onehot_grad", gradient, expected, values, also=lift)
