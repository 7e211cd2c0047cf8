"""Around classes: the hierarchical softmax for very many of them, confusion matrices, columns put in front of rows."""

from __future__ import annotations

from typing import Any

from theano.scalar import upcast
from theano.tensor.nnet.softmax import softmax
from theano.tensor.products import batched_dot, dot, tensordot
from theano.tensor.variable import as_tensor_variable


def h_softmax(
    x: Any,
    batch_size: Any,
    n_outputs: Any,
    n_classes: Any,
    n_outputs_per_class: Any,
    W1: Any,
    b1: Any,
    W2: Any,
    b2: Any,
    target: Any = None,
) -> Any:
    """The two-level hierarchical softmax: outputs are grouped in classes, and only the right group need be computed.

    Parameters
    ----------
    x
        (batch_size, features), the input of the layer.
    n_outputs, n_classes, n_outputs_per_class
        numbers of outputs, of classes, and of outputs in a class; the product of the latter two is `n_outputs` or more.
    W1, b1
        (features, n_classes) and (n_classes,): weights and bias of the first level.
    W2, b2
        (n_classes, features, n_outputs_per_class) and (n_classes, n_outputs_per_class): those of the second.
    target
        (batch_size,) integers, the outputs whose probabilities are wanted.

    Returns
    -------
    (batch_size,) probabilities of the targets; without `target` (batch_size, n_outputs), those of all outputs.

    Source: Morin and Bengio, Hierarchical probabilistic neural network language model (2005).
    """
    from theano.tensor.creation import arange

    x = as_tensor_variable(x)
    W2, b2 = as_tensor_variable(W2), as_tensor_variable(b2)
    class_probabilities = softmax(dot(x, W1) + b1)
    if target is None:
        within = softmax(tensordot(x, W2, [[1], [1]]) + b2)
        joint = class_probabilities.dimshuffle(0, 1, "x") * within
        return joint.reshape((batch_size, n_classes * n_outputs_per_class))[:, :n_outputs]
    target = as_tensor_variable(target).flatten()
    of_class, in_class = target // n_outputs_per_class, target % n_outputs_per_class
    within = softmax(batched_dot(x, W2[of_class]) + b2[of_class])
    rows = arange(batch_size)
    return class_probabilities[rows, of_class] * within[rows, in_class]


def confusion_matrix(actual: Any, pred: Any) -> list[Any]:
    """How often each class was predicted for each actual class.

    Parameters
    ----------
    actual, pred
        integer vectors of equal length: the classes of examples, and those predicted.

    Returns
    -------
    ``[counts, order]``: an int64 matrix, a row an actual class and a column a predicted one; and the classes, sorted.

    >>> import theano.tensor as T
    >>> counts, order = confusion_matrix(T.ivector(), T.ivector())
    """
    from theano.tensor.extra_ops import Unique
    from theano.tensor.functions import cast, eq
    from theano.tensor.joining import concatenate

    actual, pred = as_tensor_variable(actual), as_tensor_variable(pred)
    for what, x in (("actual", actual), ("pred", pred)):
        if x.ndim != 1:
            raise ValueError(f"confusion_matrix: {what} must be a vector, got {x} of type {x.type}")
    order = Unique(False, False, False)(concatenate([actual, pred]))
    is_actual, is_predicted = (cast(eq(x.dimshuffle(0, "x"), order), "int64") for x in (actual, pred))
    return [dot(is_actual.T, is_predicted), order]


def prepend_scalar_to_each_row(val: Any, mat: Any) -> Any:
    """The matrix `mat` with a first column full of the scalar `val`."""
    from theano.tensor.creation import alloc
    from theano.tensor.functions import cast
    from theano.tensor.joining import concatenate

    val, mat = as_tensor_variable(val), as_tensor_variable(mat)
    if mat.ndim != 2 or val.ndim != 0:
        raise TypeError(
            f"prepend_scalar_to_each_row takes a scalar and a matrix, got {val} of type {val.type} and {mat} of type "
            f"{mat.type}"
        )
    column = alloc(cast(val, upcast(val.dtype, mat.dtype)), mat.shape[0], 1)
    return concatenate([column, mat], axis=1)


def prepend_0_to_each_row(mat: Any) -> Any:
    """The matrix `mat` with a first column of zeros."""
    mat = as_tensor_variable(mat)
    return prepend_scalar_to_each_row(as_tensor_variable(0).astype(mat.dtype), mat)


def prepend_1_to_each_row(mat: Any) -> Any:
    """The matrix `mat` with a first column of ones."""
    mat = as_tensor_variable(mat)
    return prepend_scalar_to_each_row(as_tensor_variable(1).astype(mat.dtype), mat)


__all__ = [
    "confusion_matrix",
    "h_softmax",
    "prepend_0_to_each_row",
    "prepend_1_to_each_row",
    "prepend_scalar_to_each_row",
]
