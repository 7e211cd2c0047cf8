"""Activation functions of neurons, all elementwise."""

from __future__ import annotations

from typing import Any

from theano.scalar import sigmoid as scalar_sigmoid
from theano.scalar import softplus as scalar_softplus
from theano.tensor.functions import abs_, expm1, hard_sigmoid, minimum, sigmoid, softplus, switch, ultra_fast_sigmoid
from theano.tensor.variable import as_tensor_variable, constant

sigmoid_inplace = sigmoid
ultra_fast_sigmoid_inplace = ultra_fast_sigmoid

# Klambauer, Unterthiner, Mayr, Hochreiter: Self-Normalizing Neural Networks (2017), equation 14: the values for which
# activations of mean 0 and variance 1 stay so from layer to layer.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def relu(x: Any, alpha: Any = 0) -> Any:
    """The rectifier: `x` where it is positive, ``alpha * x`` elsewhere.

    Parameters
    ----------
    alpha
        slope for negative inputs: a number, or a tensor that broadcasts with `x`. The derivative at 0 is the mean of
        both slopes.

    >>> import theano.tensor as T
    >>> relu(T.dmatrix(), 0.01).type
    TensorType(float64, matrix)
    """
    x = as_tensor_variable(x)
    if isinstance(alpha, int | float) and alpha == 0:
        return 0.5 * (x + abs_(x))
    return 0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * abs_(x)


def elu(x: Any, alpha: Any = 1) -> Any:
    """The exponential linear unit: `x` where that is positive, else ``alpha * (exp(x) - 1)`` (Clevert et al. 2015)."""
    x = as_tensor_variable(x)
    # The exponential of a large x would make inf, and 0 * inf in the derivative.
    return switch(x > 0, x, alpha * expm1(minimum(x, constant(0, dtype=x.dtype))))


def selu(x: Any) -> Any:
    """The scaled exponential linear unit, which keeps mean 0 and variance 1 (Klambauer et al. 2017)."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


def softsign(x: Any) -> Any:
    """``x / (1 + abs(x))``."""
    x = as_tensor_variable(x)
    return x / (1.0 + abs_(x))


__all__ = [
    "elu",
    "hard_sigmoid",
    "relu",
    "scalar_sigmoid",
    "scalar_softplus",
    "selu",
    "sigmoid",
    "sigmoid_inplace",
    "softplus",
    "softsign",
    "ultra_fast_sigmoid",
    "ultra_fast_sigmoid_inplace",
]
