"""The table of elementwise operations: what a row says, and how rows are found.

A row gives an operation's name, its meaning in NumPy, the rule for its result's dtype, the dtypes in which it computes,
and its derivative. Everything else follows from rows: the functions of ``theano.tensor``, what the reference backend
computes, gradients, printing. To add an elementwise function is to add a row to one of the files of this package::

    cube = operation("cube", 1, lambda x: x * x * x, upcast_out, doc="The third power.",
                     derivative=lambda x, z, gz: gz * 3 * x**2)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from theano.configuration import config
from theano.scalar.dtypes import DtypeRule, complex_dtypes, discrete_dtypes
from theano.scalar.operation import ScalarOp, lift

TABLE: dict[str, Operation] = {}

DtypesRule = Callable[[Sequence[str], str], tuple[str, ...]]


def in_result_dtype(dtypes: Sequence[str], out: str) -> tuple[str, ...]:
    """Operands are converted to the dtype of the result."""
    return (out,) * len(dtypes)


def in_common_dtype(dtypes: Sequence[str], out: str) -> tuple[str, ...]:
    """Operands are converted to what holds them all; integers without a common integer dtype stay as they are."""
    common = np.result_type(*dtypes).name
    if common not in discrete_dtypes and all(d in discrete_dtypes for d in dtypes):
        return tuple(dtypes)
    return (common,) * len(dtypes)


def as_given(dtypes: Sequence[str], out: str) -> tuple[str, ...]:
    """Operands stay as they are."""
    return tuple(dtypes)


def condition_first(dtypes: Sequence[str], out: str) -> tuple[str, ...]:
    """The first operand becomes a bool, the others the dtype of the result."""
    return ("bool",) + (out,) * (len(dtypes) - 1)


def quiet() -> AbstractContextManager[Any]:
    """No floating point warnings of NumPy; where `config.numpy` asks for some, what is in force stays."""
    settings = config.numpy
    cases = (settings.seterr_divide, settings.seterr_over, settings.seterr_under, settings.seterr_invalid)
    if settings.seterr_all == "ignore" and cases == ("None",) * 4:
        return np.errstate(all="ignore")
    return nullcontext()


class Operation(ScalarOp):
    """A row of the table.

    Attributes
    ----------
    name, nin
        as of any :class:`ScalarOp`.
    meaning
        what it computes: a function of NumPy arrays, or the dotted name of one that is imported on first use.
    rule
        from the operands' dtypes to the result's; see :mod:`theano.scalar.dtypes`.
    computes_in
        from the operands' dtypes and the result's to those that the operands are converted to before computing.
    symbol
        an infix or prefix sign for printing; ``None``: printed as a call.
    commutative, associative, identity, absorbing, idempotent, involution
        laws for rewriting: ``f(x, y) = f(y, x)``, ``f(f(x, y), z) = f(x, f(y, z))``, ``f(x, identity) = x``,
        ``f(x, absorbing) = absorbing`` (up to nan and infinity), ``f(x, x) = x``, ``f(f(x)) = x``.
    holomorphic
        whether the derivative holds for complex operands as it stands for real ones.
    doc, operands
        one line of meaning, and the operands' names, for the public function.
    """

    def __init__(
        self,
        name: str,
        nin: int,
        meaning: Callable[..., Any] | str,
        rule: DtypeRule,
        derivative: Callable[..., Any] | None = None,
        *,
        doc: str,
        computes_in: DtypesRule = in_result_dtype,
        symbol: str | None = None,
        commutative: bool = False,
        associative: bool = False,
        identity: float | None = None,
        absorbing: float | None = None,
        idempotent: bool = False,
        involution: bool = False,
        holomorphic: bool = True,
        operands: Sequence[str] | None = None,
    ) -> None:
        self.name = name
        self.nin = nin
        self.meaning = meaning
        self.function: Callable[..., Any] | None = None  # the meaning, imported
        self.rule = rule
        self.rule_of_derivative = derivative
        self.doc = doc
        self.computes_in = computes_in
        self.symbol = symbol
        self.commutative = commutative
        self.associative = associative
        self.identity = identity
        self.absorbing = absorbing
        self.idempotent = idempotent
        self.involution = involution
        self.holomorphic = holomorphic
        self.operands = tuple(operands or ("x", "y", "z")[: max(nin, 0)])

    # A name stands for one row, which copies and pickles refer to: rows are compared as objects, quickly.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __reduce__(self) -> Any:
        return (row, (self.name,))

    def output_types(self, dtypes: Sequence[str]) -> str:
        if self.nin >= 0 and len(dtypes) != self.nin:
            raise TypeError(f"{self.name} takes {self.nin} operand(s), got {len(dtypes)}")
        try:
            return self.rule(*dtypes)
        except TypeError as error:
            raise type(error)(f"{self.name}: {error}") from None

    def computation_dtypes(self, dtypes: Sequence[str], out: str) -> tuple[str, ...]:
        """What the operands are converted to, for a result of dtype `out`, before anything is computed."""
        return self.computes_in(dtypes, out)

    def impl(self, *operands: Any) -> Any:
        """The meaning in NumPy: converts as the row says and lets no floating point warning out, unless asked to."""
        arrays = [x if isinstance(x, np.ndarray | np.generic) else np.asarray(x) for x in operands]
        dtypes = [x.dtype.name for x in arrays]
        out = self.output_types(dtypes)
        if self.function is None:
            self.function = named(self.meaning) if isinstance(self.meaning, str) else self.meaning
        with quiet():
            # float16 is computed in single precision and rounded once, as on every backend
            wanted = ["float32" if d == "float16" else d for d in self.computes_in(dtypes, out)]
            arrays = [x if x.dtype.name == d else x.astype(d) for x, d in zip(arrays, wanted, strict=True)]
            result = self.function(*arrays)
            return result if result.dtype.name == out else result.astype(out)

    @property
    def nfunc_spec(self) -> tuple[str, int, int] | None:
        """Name of the NumPy or SciPy function with this meaning, number of operands and of results."""
        if isinstance(self.meaning, str):
            return (self.meaning, self.nin, 1)
        return (self.meaning.__name__, self.nin, 1) if isinstance(self.meaning, np.ufunc) else None

    def derivative(self, inputs: Sequence[Any], output: Any, gz: Any) -> list[Any]:
        """The gradient for each operand.

        A complex gradient is that of the real part plus i times that of the imaginary part. A holomorphic f with
        derivative f' therefore takes gz to ``gz * conj(f')``, which is computed as ``conj(conj(gz) * f')``.
        """
        if output.dtype in discrete_dtypes:
            return [zero(x, gz) for x in inputs]
        if self.rule_of_derivative is None:
            return super().derivative(inputs, output, gz)
        turned = self.holomorphic and output.dtype in complex_dtypes
        terms = self.rule_of_derivative(*inputs, output, rows.conj(gz) if turned else gz)
        terms = list(terms) if isinstance(terms, tuple | list) else [terms]
        for i, (x, term) in enumerate(zip(inputs, terms, strict=True)):
            if callable(term):
                terms[i] = term(self, i, x)
            elif getattr(term, "dtype", None) in complex_dtypes:
                if x.dtype not in complex_dtypes:
                    terms[i] = rows.real(term)
                elif turned:
                    terms[i] = rows.conj(term)
        return terms


def operation(name: str, nin: int, *args: Any, **kwargs: Any) -> Operation:
    """Make a row and enter it into the table; see :class:`Operation`."""
    if name in TABLE:
        raise ValueError(f"the table already has an operation {name!r}")
    TABLE[name] = made = Operation(name, nin, *args, **kwargs)
    return made


def named(path: str) -> Callable[..., Any]:
    """The function at a dotted path; one without a dot is NumPy's."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module or "numpy"), name)


def row(name: str) -> Operation:
    """The operation of this name."""
    return TABLE[name]


class Rows:
    """The table by attributes, for derivatives that name rows of other files: ``rows.cos(x)``."""

    def __getattr__(self, name: str) -> Operation:
        if name in TABLE:
            return TABLE[name]
        raise AttributeError(f"the table has no operation {name!r}")


rows = Rows()


# ---- words of which derivatives are made


def like(value: float, x: Any) -> Any:
    """A constant of the dtype of `x`."""
    from theano.tensor.variable import constant

    return constant(np.asarray(value, dtype=x.dtype))


def zero(x: Any, gz: Any) -> Any:
    """Zeros in the shape of `x`, with the dtype of a gradient."""
    return rows.second(x, like(0, gz))


def flat(*arguments: Any) -> Any:
    """The derivative of what is constant between its jumps: zero for each operand."""
    *inputs, _, gz = arguments
    return [zero(x, gz) for x in inputs]


def unknown(why: str) -> Callable[..., Any]:
    """Stands in for a derivative that has no expression here; using it raises an error that says why."""

    def make(op: Operation, i: int, x: Any) -> Any:
        from theano.gradient import grad_not_implemented

        return grad_not_implemented(lift(op), i, x, why)

    return make


__all__ = ["TABLE", "Operation", "operation", "row", "rows"]
