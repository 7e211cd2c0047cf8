"""Cross-entropies: how badly predicted distributions fit what was observed."""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.graph.basic import Apply
from theano.graph.op import Op
from theano.scalar import upcast
from theano.tensor.disconnected import disconnected
from theano.tensor.elementwise import is_discrete
from theano.tensor.nnet.softmax import softmax_grad, stable_exponentials
from theano.tensor.products import gradients_like
from theano.tensor.shape import shape_i
from theano.tensor.type import NUMPY_DTYPES, TensorType
from theano.tensor.variable import as_tensor_variable


class _OfExamples(Op):
    """What the Ops of this file share: inputs with an entry or row for each example. Other types raise `wrong`."""

    __props__ = ()
    wrong: type[Exception] = ValueError

    def matrix(self, what: str, x: Any) -> Any:
        """`x` as a matrix of floats."""
        x = as_tensor_variable(x)
        if x.ndim != 2 or NUMPY_DTYPES[x.dtype].kind != "f":
            raise self.wrong(f"{self}: {what} must be a matrix of floats, one row an example, got {x} of type {x.type}")
        return x

    def vector(self, what: str, x: Any) -> Any:
        """`x` as a vector of real numbers."""
        x = as_tensor_variable(x)
        if x.ndim != 1 or NUMPY_DTYPES[x.dtype].kind == "c":
            raise self.wrong(f"{self}: {what} must be a vector of floats, got {x} of type {x.type}")
        return x

    def classes(self, y_idx: Any) -> Any:
        """`y_idx` as a vector of integers."""
        y_idx = as_tensor_variable(y_idx)
        if y_idx.ndim != 1 or NUMPY_DTYPES[y_idx.dtype].kind not in "iu":
            raise self.wrong(
                f"{self}: the classes must be a vector of integers, one an example, got {y_idx} of type {y_idx.type}; "
                f"T.cast(y, 'int32') converts it"
            )
        return y_idx


def _common_dtype(x: Any, v: Any) -> str:
    """The dtype for floats `x` together with `v`, which may hold integers."""
    return x.dtype if is_discrete(v.dtype) else upcast(x.dtype, v.dtype)


def _check_values(op: Op, rows: np.ndarray, classes: np.ndarray, *others: np.ndarray) -> None:
    """Raise ValueError unless there is a valid class, and one entry of each of `others`, for each row."""
    if any(len(x) != len(rows) for x in (classes, *others)):
        lengths = ", ".join(str(len(x)) for x in (classes, *others))
        raise ValueError(f"{op}: there are {len(rows)} rows (shape {rows.shape}), but vectors of length {lengths}")
    if classes.size and not (classes.min() >= 0 and classes.max() < rows.shape[1]):
        wrong = classes[(classes < 0) | (classes >= rows.shape[1])][0]
        raise ValueError(
            f"{op}: class {wrong} is out of bounds: there are {rows.shape[1]} classes, 0 to {rows.shape[1] - 1}"
        )


def _picked(x: Any, y_idx: Any) -> Any:
    """For each row of `x` its element in column ``y_idx``."""
    from theano.tensor.creation import arange

    return x[arange(shape_i(y_idx, 0)), y_idx]


def _in_dtype(x: Any, dtype: str) -> Any:
    from theano.tensor.functions import cast

    return x if x.dtype == dtype else cast(x, dtype)


def _is_disconnected(gradient: Any) -> bool:
    return not isinstance(gradient.type, TensorType)


class CrossentropySoftmaxArgmax1HotWithBias(_OfExamples):
    """Softmax of the rows of ``x + b``, cross-entropy with given classes, and the most probable classes, at once.

    ``op(x, b, y_idx)`` gives ``[nll, sm, am]`` for a float matrix x, a float vector b and an integer vector y_idx: the
    vector ``-log(sm[i, y_idx[i]])``, the softmax (as x), and the columns of the largest elements (as y_idx).

    Raises
    ------
    ValueError
        at run time, when lengths differ or a class is not the number of a column.
    """

    def make_node(self, x: Any, b: Any, y_idx: Any) -> Apply:
        x, b, y_idx = self.matrix("x", x), self.vector("b", b), self.classes(y_idx)
        dtype = _common_dtype(x, b)
        x, b = _in_dtype(x, dtype), _in_dtype(b, dtype)
        rows = x.broadcastable[0] or y_idx.broadcastable[0]
        outputs = [
            TensorType(dtype, (rows,))(),
            TensorType(dtype, x.broadcastable)(),
            TensorType(y_idx.dtype, (rows,))(),
        ]
        return Apply(self, [x, b, y_idx], outputs)

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        x, b, y_idx = inputs
        if len(b) != x.shape[1]:
            raise ValueError(f"{self}: b of shape {b.shape} does not fit x of shape {x.shape}")
        _check_values(self, x, y_idx)
        if not x.shape[1] and len(x):
            raise ValueError(f"{self}: x of shape {x.shape} has no classes")
        biased = x + b
        with np.errstate(all="ignore"):
            shifted, exponentials, total = stable_exponentials(biased, 1)
            nll = np.log(total[:, 0]) - shifted[np.arange(len(x)), y_idx]
            output_storage[0][0] = nll.astype(x.dtype)
            output_storage[1][0] = (exponentials / total).astype(x.dtype)
        output_storage[2][0] = (biased.argmax(axis=1) if x.size else np.zeros(len(x))).astype(y_idx.dtype)

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        x, _, _ = input_shapes
        return [(x[0],), x, (x[0],)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True, True, False], [True, True, False], [False, False, False]]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        x, b, y_idx = inputs
        _, sm, _ = outputs
        g_nll, g_sm, _ = output_gradients
        terms = []
        if not _is_disconnected(g_nll):
            terms.append(crossentropy_softmax_1hot_with_bias_dx(g_nll, sm, y_idx))
        if not _is_disconnected(g_sm):
            terms.append(softmax_grad(g_sm, sm))
        if not terms:
            return [disconnected() for _ in inputs]
        gx = terms[0] if len(terms) == 1 else terms[0] + terms[1]
        return [*gradients_like([x, b], [gx, gx.sum(axis=0)]), disconnected()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        from theano.tensor.functions import add

        x, _, y_idx = inputs
        directions = [d for d in eval_points[:2] if d is not None]
        if not directions:
            return [None, None, None]
        direction = directions[0] if len(directions) == 1 else add(*directions)
        direction = direction if direction.ndim == 2 else x.zeros_like() + direction
        _, sm, _ = self(*inputs)
        slopes = crossentropy_softmax_1hot_with_bias_dx(y_idx.ones_like(dtype=sm.dtype), sm, y_idx)
        return [(slopes * direction).sum(axis=1), softmax_grad(direction, sm), None]


class CrossentropySoftmax1HotWithBiasDx(_OfExamples):
    """The gradient of that: ``op(dnll, sm, y_idx)`` is ``dnll[i] * (sm[i, j] - (1 where j is y_idx[i]))``, as sm."""

    def make_node(self, dnll: Any, sm: Any, y_idx: Any) -> Apply:
        dnll, sm, y_idx = self.vector("dnll", dnll), self.matrix("sm", sm), self.classes(y_idx)
        dtype = _common_dtype(sm, dnll)
        dnll, sm = _in_dtype(dnll, dtype), _in_dtype(sm, dtype)
        return Apply(self, [dnll, sm, y_idx], [sm.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        dnll, sm, y_idx = inputs
        _check_values(self, sm, y_idx, dnll)
        slopes = dnll[:, None] * sm
        slopes[np.arange(len(sm)), y_idx] -= dnll
        output_storage[0][0] = slopes

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[1]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True], [False]]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (dnll, sm, y_idx), (g,) = inputs, output_gradients
        g_dnll = (g * sm).sum(axis=1) - _picked(g, y_idx)
        return [*gradients_like([dnll, sm], [g_dnll, dnll.dimshuffle(0, "x") * g]), disconnected()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        (dnll, sm, y_idx), (along_dnll, along_sm, _) = inputs, eval_points
        total: Any = None if along_dnll is None else self(along_dnll, sm, y_idx)
        if along_sm is not None:
            term = dnll.dimshuffle(0, "x") * along_sm
            total = term if total is None else total + term
        return [total]


class CrossentropyCategorical1Hot(_OfExamples):
    """Cross-entropy with given classes: ``op(coding_dist, classes)`` is ``-log(coding_dist[i, classes[i]])``.

    A float matrix of distributions, one a row, and an integer vector of classes give a float vector.
    """

    wrong = TypeError

    def make_node(self, coding_dist: Any, true_one_of_n: Any) -> Apply:
        dist, classes = self.matrix("coding_dist", coding_dist), self.classes(true_one_of_n)
        rows = dist.broadcastable[0] or classes.broadcastable[0]
        return Apply(self, [dist, classes], [TensorType(dist.dtype, (rows,))()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        dist, classes = inputs
        _check_values(self, dist, classes)
        with np.errstate(all="ignore"):
            output_storage[0][0] = -np.log(dist[np.arange(len(dist)), classes])

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [(input_shapes[0][0],)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [False]]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        dist, classes = inputs
        gradient = crossentropy_categorical_1hot_grad(output_gradients[0], dist, classes)
        return [*gradients_like([dist], [gradient]), disconnected()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        (dist, classes), (direction, _) = inputs, eval_points
        return [None if direction is None else -_picked(direction, classes) / _picked(dist, classes)]


class CrossentropyCategorical1HotGrad(_OfExamples):
    """The gradient of that: ``op(g, dist, classes)`` is ``-g[i] / dist[i, j]`` where j is ``classes[i]``, else 0."""

    wrong = TypeError

    def make_node(self, g_y: Any, coding_dist: Any, true_one_of_n: Any) -> Apply:
        g_y, dist = self.vector("g_y", g_y), self.matrix("coding_dist", coding_dist)
        classes = self.classes(true_one_of_n)
        return Apply(self, [_in_dtype(g_y, dist.dtype), dist, classes], [dist.type()])

    def perform(self, node: Apply, inputs: list[Any], output_storage: list[list[Any]]) -> None:
        g_y, dist, classes = inputs
        _check_values(self, dist, classes, g_y)
        slopes = np.zeros_like(dist)
        rows = np.arange(len(dist))
        with np.errstate(all="ignore"):
            slopes[rows, classes] = -g_y / dist[rows, classes]
        output_storage[0][0] = slopes

    def infer_shape(self, node: Apply, input_shapes: list[Any]) -> list[Any]:
        return [input_shapes[1]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True], [True], [False]]

    def L_op(self, inputs: list[Any], outputs: list[Any], output_gradients: list[Any]) -> list[Any]:
        (g_y, dist, classes), (g,) = inputs, output_gradients
        along = _picked(g, classes) / _picked(dist, classes)
        return [*gradients_like([g_y, dist], [-along, -self(along * g_y, dist, classes)]), disconnected()]

    def R_op(self, inputs: list[Any], eval_points: list[Any]) -> list[Any]:
        (g_y, dist, classes), (along_g, along_dist, _) = inputs, eval_points
        total: Any = None if along_g is None else self(along_g, dist, classes)
        if along_dist is not None:
            term = -self(g_y * _picked(along_dist, classes) / _picked(dist, classes), dist, classes)
            total = term if total is None else total + term
        return [total]


crossentropy_softmax_argmax_1hot_with_bias = CrossentropySoftmaxArgmax1HotWithBias()
crossentropy_softmax_1hot_with_bias_dx = CrossentropySoftmax1HotWithBiasDx()
crossentropy_categorical_1hot = CrossentropyCategorical1Hot()
crossentropy_categorical_1hot_grad = CrossentropyCategorical1HotGrad()


# ---- softmax with cross-entropy


def crossentropy_softmax_1hot_with_bias(x: Any, b: Any, y_idx: Any, **kwargs: Any) -> list[Any]:
    """``[nll, softmax]`` of the rows of ``x + b`` with classes `y_idx`."""
    return crossentropy_softmax_argmax_1hot_with_bias(x, b, y_idx, **kwargs)[:2]


def crossentropy_softmax_1hot(x: Any, y_idx: Any, **kwargs: Any) -> list[Any]:
    """``[nll, softmax]`` of the rows of `x` with classes `y_idx`: ``nll[i]`` is ``-log(softmax(x)[i, y_idx[i]])``.

    >>> import theano.tensor as T
    >>> nll, probabilities = crossentropy_softmax_1hot(T.dmatrix(), T.ivector())
    >>> nll.type, probabilities.type
    (TensorType(float64, vector), TensorType(float64, matrix))
    """
    return crossentropy_softmax_1hot_with_bias(x, _no_bias(x), y_idx, **kwargs)


def crossentropy_softmax_max_and_argmax_1hot_with_bias(x: Any, b: Any, y_idx: Any, **kwargs: Any) -> tuple[Any, ...]:
    """``(nll, softmax, max, argmax)``: what :func:`crossentropy_softmax_1hot_with_bias` gives, and for each row the
    largest probability and its class.
    """
    from theano.tensor.reductions import max_and_argmax

    nll, probabilities = crossentropy_softmax_1hot_with_bias(x, b, y_idx, **kwargs)
    return (nll, probabilities, *max_and_argmax(probabilities, axis=-1))


def crossentropy_softmax_max_and_argmax_1hot(x: Any, y_idx: Any, **kwargs: Any) -> tuple[Any, ...]:
    """As :func:`crossentropy_softmax_max_and_argmax_1hot_with_bias`, without bias."""
    return crossentropy_softmax_max_and_argmax_1hot_with_bias(x, _no_bias(x), y_idx, **kwargs)


def _no_bias(x: Any) -> Any:
    from theano.tensor.creation import zeros

    x = as_tensor_variable(x)
    if x.ndim != 2:
        raise ValueError(f"crossentropy_softmax_1hot takes a matrix, one row an example, got {x} of type {x.type}")
    return zeros((shape_i(x, 1),), dtype=x.dtype)


# ---- losses


def categorical_crossentropy(coding_dist: Any, true_dist: Any) -> Any:
    """The cross-entropy of predicted with true distributions, one for each row.

    Parameters
    ----------
    coding_dist
        predicted probabilities, along the last axis.
    true_dist
        true probabilities in the same shape; or one rank less, integers: the number of the one class that is true.

    Raises
    ------
    TypeError
        when the ranks do not fit.

    >>> import theano.tensor as T
    >>> categorical_crossentropy(T.dmatrix(), T.ivector()).type
    TensorType(float64, vector)
    """
    from theano.tensor.functions import log

    coding_dist, true_dist = as_tensor_variable(coding_dist), as_tensor_variable(true_dist)
    if true_dist.ndim == coding_dist.ndim:
        return -(true_dist * log(coding_dist)).sum(axis=coding_dist.ndim - 1)
    if true_dist.ndim == coding_dist.ndim - 1:
        return crossentropy_categorical_1hot(coding_dist, true_dist)
    raise TypeError(
        f"categorical_crossentropy: the true distribution must have the rank of the predicted one, {coding_dist.ndim}, "
        f"or one less (numbers of classes), got {true_dist} of type {true_dist.type}"
    )


def binary_crossentropy(output: Any, target: Any) -> Any:
    """``-(target * log(output) + (1 - target) * log(1 - output))``, elementwise."""
    from theano.tensor.functions import log

    return -(target * log(output) + (1.0 - target) * log(1.0 - output))


def sigmoid_binary_crossentropy(output: Any, target: Any) -> Any:
    """``binary_crossentropy(sigmoid(output), target)``, precise where the sigmoid rounds to 0 or 1.

    Its derivative is ``sigmoid(output) - target``.
    """
    from theano.tensor.functions import softplus

    output, target = as_tensor_variable(output), as_tensor_variable(target)
    return target * softplus(-output) + (1.0 - target) * softplus(output)


__all__ = [
    "CrossentropyCategorical1Hot",
    "CrossentropyCategorical1HotGrad",
    "CrossentropySoftmax1HotWithBiasDx",
    "CrossentropySoftmaxArgmax1HotWithBias",
    "binary_crossentropy",
    "categorical_crossentropy",
    "crossentropy_categorical_1hot",
    "crossentropy_categorical_1hot_grad",
    "crossentropy_softmax_1hot",
    "crossentropy_softmax_1hot_with_bias",
    "crossentropy_softmax_1hot_with_bias_dx",
    "crossentropy_softmax_argmax_1hot_with_bias",
    "crossentropy_softmax_max_and_argmax_1hot",
    "crossentropy_softmax_max_and_argmax_1hot_with_bias",
    "sigmoid_binary_crossentropy",
]
