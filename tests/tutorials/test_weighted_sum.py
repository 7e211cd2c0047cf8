"""Four weights are trained until their sum is 100, with all names taken from ``from theano import *``."""

from __future__ import annotations

import numpy as np
import pytest

# Weights after each call, and the sum that the call returned, as they print.
ITERATIONS = [
    ("[19.94 20.09 19.99 20.14]", "0.8"),
    ("[23.908 24.058 23.958 24.108]", "80.16000000000001"),
    ("[24.7016 24.8516 24.7516 24.9016]", "96.03200000000001"),
    ("[24.86032 25.01032 24.91032 25.06032]", "99.2064"),
    ("[24.892064 25.042064 24.942064 25.092064]", "99.84128"),
    ("[24.8984128 25.0484128 24.9484128 25.0984128]", "99.968256"),
    ("[24.89968256 25.04968256 24.94968256 25.09968256]", "99.9936512"),
    ("[24.89993651 25.04993651 24.94993651 25.09993651]", "99.99873024"),
    ("[24.8999873 25.0499873 24.9499873 25.0999873]", "99.99974604799999"),
    ("[24.89999746 25.04999746 24.94999746 25.09999746]", "99.99994920960002"),
]


@pytest.fixture
def names() -> dict[str, object]:
    namespace: dict[str, object] = {}
    exec("from theano import *", namespace)
    return namespace


def test_star_import(names: dict[str, object]) -> None:
    import theano

    assert names["theano"] is theano
    assert names["tensor"] is theano.tensor
    assert names["function"] is theano.function


def test_ten_iterations_digit_for_digit(names: dict[str, object]) -> None:
    from theano import function, shared, tensor

    features, target = tensor.fvector("features"), tensor.fscalar("target")
    weights = shared(np.asarray([0.1, 0.25, 0.15, 0.3]), "weights")
    assert str(weights.get_value()) == "[0.1  0.25 0.15 0.3 ]"
    total = (features * weights).sum()
    assert total.dtype == "float64"
    slope = tensor.grad(tensor.sqr(target - total), [weights])[0]
    step = function([features, target], total, updates=[(weights, weights - 0.1 * slope)])
    for printed_weights, printed_total in ITERATIONS:
        assert str(step([1.0, 1.0, 1.0, 1.0], 100.0)) == printed_total
        assert str(weights.get_value()) == printed_weights
