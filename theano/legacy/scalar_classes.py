"""The classes of Theano 1.0's scalar operations, which are rows of a table today.

A class stands for its row: ``isinstance(op.scalar_op, theano.scalar.Add)`` asks for the row ``add``, and an "instance"
of it is that row.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from theano.scalar.table import row

ROWS = {
    "AND": "and_",
    "Abs": "abs_",
    "Add": "add",
    "Angle": "angle",
    "ArcCos": "arccos",
    "ArcCosh": "arccosh",
    "ArcSin": "arcsin",
    "ArcSinh": "arcsinh",
    "ArcTan": "arctan",
    "ArcTan2": "arctan2",
    "ArcTanh": "arctanh",
    "Ceil": "ceil",
    "Chi2SF": "chi2sf",
    "Clip": "clip",
    "Complex": "complex",
    "ComplexFromPolar": "complex_from_polar",
    "Conj": "conj",
    "Cos": "cos",
    "Cosh": "cosh",
    "Deg2Rad": "deg2rad",
    "EQ": "eq",
    "Erf": "erf",
    "Erfc": "erfc",
    "Erfcinv": "erfcinv",
    "Erfcx": "erfcx",
    "Erfinv": "erfinv",
    "Exp": "exp",
    "Exp2": "exp2",
    "Expm1": "expm1",
    "Floor": "floor",
    "GE": "ge",
    "GT": "gt",
    "Gamma": "gamma",
    "GammaInc": "gammainc",
    "GammaIncC": "gammaincc",
    "GammaL": "gammal",
    "GammaLn": "gammaln",
    "GammaU": "gammau",
    "I0": "i0",
    "I1": "i1",
    "Identity": "identity",
    "Imag": "imag",
    "IntDiv": "int_div",
    "Inv": "inv",
    "Invert": "invert",
    "IsInf": "isinf",
    "IsNan": "isnan",
    "Iv": "iv",
    "J0": "j0",
    "J1": "j1",
    "Jv": "jv",
    "LE": "le",
    "LT": "lt",
    "Log": "log",
    "Log10": "log10",
    "Log1p": "log1p",
    "Log2": "log2",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "Mod": "mod",
    "Mul": "mul",
    "NEQ": "neq",
    "Neg": "neg",
    "OR": "or_",
    "Pow": "pow",
    "Psi": "psi",
    "Rad2Deg": "rad2deg",
    "Real": "real",
    "RoundHalfAwayFromZero": "round_half_away_from_zero",
    "RoundHalfToEven": "round_half_to_even",
    "ScalarSigmoid": "sigmoid",
    "ScalarSoftplus": "softplus",
    "Second": "second",
    "Sgn": "sgn",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqr": "sqr",
    "Sqrt": "sqrt",
    "Sub": "sub",
    "Switch": "switch",
    "Tan": "tan",
    "Tanh": "tanh",
    "TriGamma": "tri_gamma",
    "TrueDiv": "true_div",
    "Trunc": "trunc",
    "UltraFastScalarSigmoid": "ultra_fast_sigmoid",
    "XOR": "xor",
}


class RowClass(type):
    """A class whose one instance is a row."""

    row: Any

    def __instancecheck__(cls, instance: Any) -> bool:
        return instance is cls.row

    def __call__(cls, *_: Any, **__: Any) -> Any:
        return cls.row


@cache
def scalar_class(name: str) -> type:
    """The class that Theano 1.0 calls `name`.

    >>> import theano.tensor as T
    >>> isinstance(T.exp(T.dscalar()).owner.op.scalar_op, scalar_class("Exp"))
    True
    """
    return RowClass(name, (), {"row": row(ROWS[name]), "__doc__": f"The class of the row ``{ROWS[name]}``."})
