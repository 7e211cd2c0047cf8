"""Checks of symbolic gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Variable

__all__ = ["GradientError", "numeric_grad", "verify_grad"]

STEPS = {"float16": 1e-1, "float32": 3e-4, "float64": 1e-7}
TOLERANCES = {"float16": 5e-2, "float32": 1e-2, "float64": 1e-4}


class GradientError(Exception):
    """A symbolic gradient differs from finite differences.

    Attributes
    ----------
    arg, err_pos, shape
        where the worst difference is: number of the argument, position in the flattened argument, its shape.
    val1, val2
        the symbolic and the numeric value there.
    abs_err, rel_err, abs_tol, rel_tol
        the errors there, and the tolerances, both of which they exceed.
    """

    def __init__(
        self,
        arg: int,
        err_pos: int,
        shape: Sequence[int],
        val1: float,
        val2: float,
        abs_err: float,
        rel_err: float,
        abs_tol: float,
        rel_tol: float,
    ) -> None:
        super().__init__(arg, err_pos, shape, val1, val2, abs_err, rel_err, abs_tol, rel_tol)
        self.arg = arg
        self.err_pos = err_pos
        self.shape = tuple(shape)
        self.val1, self.val2 = val1, val2
        self.abs_err, self.rel_err = abs_err, rel_err
        self.abs_tol, self.rel_tol = abs_tol, rel_tol

    def __str__(self) -> str:
        place = tuple(int(k) for k in np.unravel_index(self.err_pos, self.shape)) if self.shape else ()
        return (
            f"the gradient with respect to argument {self.arg} (shape {self.shape}) is wrong, worst at {place}: "
            f"symbolic {self.val1}, by finite differences {self.val2}; absolute error {self.abs_err} "
            f"(tolerance {self.abs_tol}), relative error {self.rel_err} (tolerance {self.rel_tol})"
        )


class numeric_grad:
    """The gradient of a scalar function of arrays by central differences.

    Parameters
    ----------
    f
        takes the arrays of `pt` and returns a number.
    pt
        the point: an array, or a list or tuple of arrays, of floating-point dtypes.
    eps
        the step; ``None`` takes the largest of those for the dtypes of `pt`: 1e-7 for float64, 3e-4 for float32,
        0.1 for float16.
    out_type
        the dtype in which `f` computes, where it is less precise than `pt`.

    Attributes
    ----------
    gf
        the gradient, in the form of `pt`, in float64.

    >>> import numpy as np
    >>> numeric_grad(lambda x: (x**2).sum(), np.array([1.0, 3.0])).gf.round(6)
    array([2., 6.])
    """

    type_eps = STEPS

    def __init__(self, f: Callable[..., Any], pt: Any, eps: float | None = None, out_type: Any = None) -> None:
        single = not isinstance(pt, list | tuple)
        points = [np.array(p) for p in ([pt] if single else pt)]
        dtypes = [check_floating(f"the point of numeric_grad, array {i},", p.dtype) for i, p in enumerate(points)]
        if out_type is not None and str(out_type) in STEPS:
            dtypes.append(str(out_type))
        step = max((STEPS[d] for d in dtypes), default=0.0) if eps is None else eps
        gradients = []
        for p in points:
            gradient = np.zeros(p.shape)
            for place in np.ndindex(p.shape):
                here = p[place]
                p[place] = here + step
                above, f_above = float(p[place]), f(*points)
                p[place] = here - step
                below, f_below = float(p[place]), f(*points)
                p[place] = here
                # The step really made, after rounding to the dtype of the point.
                gradient[place] = (float(f_above) - float(f_below)) / (above - below)
            gradients.append(gradient)
        self.gf: Any = gradients[0] if single else gradients

    @staticmethod
    def abs_rel_err(a: Any, b: Any) -> tuple[Any, Any]:
        """Absolute and relative errors between numbers or arrays, elementwise.

        The relative one is ``|a - b| / (|a| + |b|)``, and 0 where both are 0.
        """
        a, b = np.asarray(a), np.asarray(b)
        absolute = abs(a - b)
        relative = absolute / np.maximum(abs(a) + abs(b), [1e-8])[()]
        return absolute, relative.reshape(np.shape(absolute))

    def abs_rel_errors(self, g_pt: Any) -> list[tuple[Any, Any]]:
        """:meth:`abs_rel_err` of each array of the gradient `g_pt` and of :attr:`gf`.

        Raises
        ------
        ValueError
            when number or shapes of the arrays differ.
        """
        given = list(g_pt) if isinstance(g_pt, list | tuple) else [g_pt]
        mine = self.gf if isinstance(self.gf, list) else [self.gf]
        if len(given) != len(mine):
            raise ValueError(f"the gradient has {len(given)} arrays, the point {len(mine)}")
        for i, (a, b) in enumerate(zip(given, mine, strict=True)):
            if np.shape(a) != np.shape(b):
                raise ValueError(f"the gradient of argument {i} has shape {np.shape(a)}, the argument {np.shape(b)}")
        return [self.abs_rel_err(a, b) for a, b in zip(given, mine, strict=True)]

    def max_err(self, g_pt: Any, abs_tol: float, rel_tol: float) -> tuple[int, int, float, float]:
        """The worst difference between the gradient `g_pt` and :attr:`gf`.

        Worst is where the lesser of both errors, each in units of its tolerance, is greatest.

        Returns
        -------
        number of the array, position in it flattened, absolute error and relative error there.
        """
        worst, found = -1.0, (0, 0, 0.0, 0.0)
        for i, (absolute, relative) in enumerate(self.abs_rel_errors(g_pt)):
            if not np.size(absolute):
                continue
            excess = np.minimum(np.ravel(absolute) / abs_tol, np.ravel(relative) / rel_tol)
            excess = np.where(np.isnan(excess), np.inf, excess)
            place = int(np.argmax(excess))
            if excess[place] > worst:
                worst = float(excess[place])
                found = (i, place, float(np.ravel(absolute)[place]), float(np.ravel(relative)[place]))
        return found


def check_floating(what: str, dtype: Any) -> str:
    """The name of a real floating-point dtype; a TypeError for others."""
    name = np.dtype(dtype).name
    if name not in STEPS:
        raise TypeError(f"{what} must be of a dtype among {', '.join(STEPS)}, got {name}")
    return name


def verify_grad(
    fun: Callable[..., Any],
    pt: Sequence[Any],
    n_tests: int = 2,
    rng: Any = None,
    eps: float | None = None,
    out_type: Any = None,
    abs_tol: float | None = None,
    rel_tol: float | None = None,
    mode: Any = None,
    cast_to_output_type: bool = False,
    no_debug_ref: bool = True,
) -> None:
    """Check the symbolic gradient of `fun` at the point `pt` against finite differences.

    The cost is the sum of the elements of the result, each multiplied by a random weight between 0.5 and 1.5 (real and
    imaginary parts by weights of their own), so that one gradient stands for the whole Jacobian. All is compiled once.

    Parameters
    ----------
    fun
        takes as many variables as `pt` has arrays and returns an expression, or a list of them; an Op will do.
    pt
        arrays of floating-point dtypes: where to check.
    n_tests
        how many sets of weights to try.
    rng
        a ``numpy.random.RandomState`` or ``Generator`` for the weights; ``None``: the same weights each time.
    eps
        the step of the differences, see :class:`numeric_grad`.
    out_type
        dtype to which the result of `fun` is cast before it is weighted, and which counts for steps and tolerances.
    abs_tol, rel_tol
        tolerances; an element is wrong when it exceeds both. ``None``: the largest of those for the dtypes of `pt`,
        1e-4 for float64, 1e-2 for float32, 5e-2 for float16.
    mode
        how to compile.
    cast_to_output_type
        give the weights the dtype of the result instead of float64.
    no_debug_ref
        compute the differences without DebugMode, even when `mode` is DebugMode.

    Raises
    ------
    GradientError
        when they differ; it tells the element and both values.
    TypeError
        when `pt` is not floating-point, or a gradient has another type than its argument.

    >>> import numpy as np, theano.tensor as T
    >>> verify_grad(lambda x, y: T.exp(x) * y, [np.array([0.5, 1.0]), np.array([2.0, 3.0])])
    """
    from theano.compile.function import function
    from theano.gradient.reverse import grad
    from theano.tensor.type import TensorType

    if not isinstance(pt, list | tuple):
        raise TypeError(f"verify_grad takes the point as a list of arrays, got {type(pt).__name__}")
    points = [np.array(p) for p in pt]
    dtypes = [check_floating(f"argument {i} of verify_grad", p.dtype) for i, p in enumerate(points)]
    inputs = [
        TensorType(d, [length == 1 for length in p.shape])(f"input {i}")
        for i, (d, p) in enumerate(zip(dtypes, points, strict=True))
    ]
    results = fun(*inputs)
    outputs = list(results) if isinstance(results, list | tuple) else [results]
    if out_type is not None:
        outputs = [y.astype(out_type) for y in outputs]
    for y in outputs:
        if not isinstance(y, Variable) or not hasattr(y.type, "dtype"):
            raise TypeError(f"verify_grad needs a function that returns tensor variables, got {y!r}")
    parts = [part for y in outputs for part in real_parts(y)]
    if out_type is not None:
        dtypes += [part.type.dtype for part in parts]
    known = [d for d in dtypes if d in TOLERANCES]
    tolerance = max((TOLERANCES[d] for d in known), default=TOLERANCES["float64"])
    abs_tol = tolerance if abs_tol is None else abs_tol
    rel_tol = tolerance if rel_tol is None else rel_tol

    plain_mode = mode
    if no_debug_ref and "DebugMode" in (type(mode).__name__, mode):
        plain_mode = "FAST_RUN"
    evaluate = function(inputs, parts, mode=plain_mode, on_unused_input="ignore")
    weights = [
        TensorType(part.type.dtype if cast_to_output_type else "float64", part.type.broadcastable)() for part in parts
    ]
    cost: Any = 0
    for part, weight in zip(parts, weights, strict=True):
        cost = (part * weight).sum() + cost
    gradients = grad(cost, inputs, disconnected_inputs="ignore")
    for i, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        if gradient.type.dtype != x.type.dtype or gradient.type.ndim != x.type.ndim:
            raise TypeError(f"the gradient of argument {i} has type {gradient.type}, the argument {x.type}")
    differentiate = function(inputs + weights, gradients, mode=mode, on_unused_input="ignore")

    draw = np.random.RandomState(402) if rng is None else rng
    uniform = draw.random if hasattr(draw, "random") else draw.rand
    shapes = [np.shape(value) for value in evaluate(*points)]
    for _ in range(n_tests):
        values = [
            np.asarray(uniform(shape) + 0.5, dtype=w.type.dtype) for shape, w in zip(shapes, weights, strict=True)
        ]

        def projected(*arrays: np.ndarray, values: list[np.ndarray] = values) -> float:
            # Summed in float64, so that only the rounding of single elements of the result is left.
            return float(
                sum(np.sum(w * np.asarray(y, "float64")) for w, y in zip(values, evaluate(*arrays), strict=True))
            )

        numeric = numeric_grad(projected, points, eps, out_type)
        symbolic = differentiate(*points, *values)
        arg, place, abs_err, rel_err = numeric.max_err(symbolic, abs_tol, rel_tol)
        if not (abs_err <= abs_tol or rel_err <= rel_tol):
            found, wanted = np.ravel(symbolic[arg])[place], np.ravel(numeric.gf[arg])[place]
            raise GradientError(arg, place, np.shape(symbolic[arg]), found, wanted, abs_err, rel_err, abs_tol, rel_tol)


def real_parts(y: Any) -> list[Any]:
    """`y` itself when real, its real and imaginary parts when complex."""
    return [y.real, y.imag] if y.type.dtype.startswith("complex") else [y]


verify_grad.E_grad = GradientError
