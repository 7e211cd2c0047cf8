"""The elementwise functions of ``theano.tensor``: one for each row of the table in :mod:`theano.scalar`, their other
names, and what is composed of them.

``T.exp`` is the :class:`~theano.tensor.elementwise.Elemwise` Op of the row ``exp``: calling it builds the expression,
and ``node.op == T.exp`` recognizes it. Operands may be variables, arrays and numbers, of any ranks; missing dimensions
on the left and dimensions that are known to have length 1 are stretched.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from theano import scalar
from theano.scalar.dtypes import discrete_dtypes
from theano.scalar.operation import lift
from theano.scalar.table import TABLE, Operation, rows
from theano.tensor.variable import as_tensor_variable

# Other names: Theano 1.0's, and those of NumPy that people expect.
ALIASES = {
    "abs": "abs_",
    "absolute": "abs_",
    "bitwise_and": "and_",
    "bitwise_not": "invert",
    "bitwise_or": "or_",
    "bitwise_xor": "xor",
    "conjugate": "conj",
    "fill": "second",
    "floor_div": "int_div",
    "power": "pow",
    "reciprocal": "inv",
    "rint": "round_half_to_even",
    "sign": "sgn",
    "square": "sqr",
    "tensor_copy": "identity",
    "where": "switch",
    "jn": "jv",
}
# Rows that go by another name only, because theano.tensor means something else by theirs.
_RENAMED = {"identity": "tensor_copy"}

_EXAMPLES = (("float32", 'T.fvector("{}")'), ("int32", 'T.ivector("{}")'), ("uint64", 'T.vector("{}", "uint64")'))


def _documentation(public: str, op: Operation) -> str:
    """The docstring of a public function, from its row."""
    operands = op.operands or ("x", "y")
    listed = ", ".join(operands) if op.nin >= 0 else "*operands"
    lines = [op.doc, "", f"``{public}({listed})``, elementwise over tensors of any ranks that broadcast together."]
    meaning = (getattr(op.rule, "__doc__", None) or "").strip()
    if meaning and meaning.endswith("."):
        lines.append(f"Dtype of the result: {meaning[0].lower()}{meaning[1:]}")
    for dtype, example in _EXAMPLES:
        try:
            result = op.output_types([dtype] * len(operands))
        except TypeError:
            continue
        arguments = ", ".join(map(example.format, operands))
        lines += ["", ">>> import theano.tensor as T"]
        lines += [f">>> T.{public}({arguments}).type", f"TensorType({result}, vector)"]
        break
    return "\n".join(lines)


def _make_functions() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, op in TABLE.items():
        public = _RENAMED.get(name, name)
        made[public] = lift(op)
        made[public].__doc__ = _documentation(public, op)
    for alias, name in ALIASES.items():
        made[alias] = lift(TABLE[name])
    return made


FUNCTIONS = _make_functions()
globals().update(FUNCTIONS)

__test__ = {name: op.__doc__ for name, op in FUNCTIONS.items() if name not in ALIASES or name == "tensor_copy"}


# ---- conversion


def cast(x: Any, dtype: Any) -> Any:
    """`x` converted to `dtype` (``"floatX"`` is ``config.floatX``); a variable that has the dtype already stays itself.

    Raises
    ------
    TypeError
        for a complex `x` and a real dtype, where one must say which part is meant.

    >>> import theano.tensor as T
    >>> T.cast(T.dvector("x"), "int32").type
    TensorType(int32, vector)
    """
    return scalar.cast(as_tensor_variable(x), dtype)


# ---- division


def divmod(x: Any, y: Any) -> tuple[Any, Any]:
    """The quotient rounded down and what remains: ``int_div(x, y), mod(x, y)``."""
    return rows.int_div(x, y), rows.mod(x, y)


def mod_check(x: Any, y: Any) -> Any:
    """``mod(x, y)``; complex operands raise :class:`theano.scalar.ComplexError`."""
    return rows.mod(x, y)


def div_proxy(x: Any, y: Any) -> Any:
    """What ``x / y`` means under ``config.int_division``: of two discrete operands int_div, true_div or an error.

    Raises
    ------
    theano.scalar.IntegerDivisionError
        for two discrete operands with ``config.int_division = "raise"``.
    """
    x, y = as_tensor_variable(x), as_tensor_variable(y)
    return lift(scalar.int_or_true_div(x.dtype in discrete_dtypes, y.dtype in discrete_dtypes))(x, y)


def ceil_intdiv(a: Any, b: Any) -> Any:
    """The quotient of integers rounded up, without passing through floats.

    >>> import theano.tensor as T
    >>> T.ceil_intdiv(T.constant(7), T.constant(2)).eval()
    array(4, dtype=int8)
    """
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    quotient = rows.int_div(a, b)
    return cast(quotient + rows.neq(rows.mod(a, b), 0), quotient.dtype)


# ---- rounding


def round(a: Any, mode: str | None = None) -> Any:
    """The nearest whole number, in the dtype of `a`.

    Parameters
    ----------
    mode
        what becomes of a half: ``"half_to_even"`` (the default) or ``"half_away_from_zero"``.

    Raises
    ------
    ValueError
        for another mode.

    >>> import theano.tensor as T
    >>> T.round(T.constant([0.5, 1.5, 2.5])).eval()
    array([0., 2., 2.])
    """
    if mode is None or mode == "half_to_even":
        return rows.round_half_to_even(a)
    if mode == "half_away_from_zero":
        return rows.round_half_away_from_zero(a)
    raise ValueError(f"round: mode must be 'half_to_even' or 'half_away_from_zero', not {mode!r}")


def iround(a: Any, mode: str | None = None) -> Any:
    """``round(a, mode)`` as int64."""
    return cast(round(a, mode), "int64")


# ---- extrema


def largest(*args: Any) -> Any:
    """The elementwise largest of any number of operands; nan where one is nan."""
    return reduce(rows.maximum, args[1:], as_tensor_variable(args[0]))


def smallest(*args: Any) -> Any:
    """The elementwise smallest of any number of operands; nan where one is nan."""
    return reduce(rows.minimum, args[1:], as_tensor_variable(args[0]))


# ---- nearness


def isclose(a: Any, b: Any, rtol: float = 1.0e-5, atol: float = 1.0e-8, equal_nan: bool = False) -> Any:
    """Whether ``|a - b| <= atol + rtol * |b|``; infinities are close to themselves only.

    Parameters
    ----------
    rtol, atol
        the relative and the absolute tolerance; both nearly zero for dtypes that are exact anyway.
    equal_nan
        whether nan is close to nan.

    Returns
    -------
    a tensor of bools.

    >>> import theano.tensor as T
    >>> T.isclose(T.constant([1e10, 1e-7]), T.constant([1.00001e10, 1e-8])).eval()
    array([ True, False])
    """
    a, b = as_tensor_variable(a), as_tensor_variable(b)
    exact = [x.dtype in discrete_dtypes for x in (a, b)]
    a, b = (cast(x, "float64") if discrete else x for x, discrete in zip((a, b), exact, strict=True))
    gap = rows.abs_(a - b)
    near = rows.le(gap, atol + rtol * rows.abs_(b))
    close = rows.or_(rows.and_(near, rows.invert(rows.or_(rows.isinf(a), rows.isinf(b)))), rows.eq(a, b))
    return rows.or_(close, rows.and_(rows.isnan(a), rows.isnan(b))) if equal_nan else close


def allclose(a: Any, b: Any, rtol: float = 1.0e-5, atol: float = 1.0e-8, equal_nan: bool = False) -> Any:
    """Whether all elements are close, as a bool of rank 0; see :func:`isclose`."""
    from theano.tensor.reductions import all as all_of

    return all_of(isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan))


__all__ = [
    # not abs: ``from theano.tensor import *`` leaves Python's alone, as in Theano 1.0
    *(name for name in FUNCTIONS if name != "abs"),
    "allclose",
    "cast",
    "ceil_intdiv",
    "div_proxy",
    "divmod",
    "iround",
    "isclose",
    "largest",
    "mod_check",
    "round",
    "smallest",
]
