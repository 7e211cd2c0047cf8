"""The vocabulary that files of rules share: holes, functions of patterns, and the passes that rules go into."""

from __future__ import annotations

import math

from theano.rewrite.pattern import Condition, Hole, Literal, function

x, y, z = Hole("x"), Hole("y"), Hole("z")
a, b = Hole("a", constant=True), Hole("b", constant=True)

abs_ = function("abs_")
and_ = function("and_")
conj = function("conj")
eq = function("eq")
erf = function("erf")
erfc = function("erfc")
erfcx = function("erfcx")
exp = function("exp")
expm1 = function("expm1")
ge = function("ge")
gt = function("gt")
int_div = function("int_div")
inv = function("inv")
invert = function("invert")
le = function("le")
log = function("log")
log1mexp = function("log1mexp")
log1p = function("log1p")
lt = function("lt")
maximum = function("maximum")
minimum = function("minimum")
mod = function("mod")
neq = function("neq")
or_ = function("or_")
sigmoid = function("sigmoid")
softplus = function("softplus")
sqr = function("sqr")
sqrt = function("sqrt")
switch = function("switch")
tanh = function("tanh")
xor = function("xor")
power = function("pow")
NAN = Literal(math.nan)

CANONICALIZE = ("canonicalize",)
STABILIZE = ("stabilize",)
SPECIALIZE = ("specialize",)
ALWAYS = ("canonicalize", "stabilize", "specialize")
"""Rules that clean up behind any others."""
LATER = ("stabilize", "specialize")


def signed(*holes: Hole) -> Condition:
    """Operands that are neither bools nor unsigned."""
    names = ", ".join(map(str, holes))
    return Condition(
        f"{names} neither bool nor unsigned",
        lambda m: not any(m[h].type.dtype.startswith(("uint", "bool")) for h in holes),
    )


def discrete(*holes: Hole) -> Condition:
    """Operands of integer or bool dtype."""
    names = ", ".join(map(str, holes))
    return Condition(f"{names} integer or bool", lambda m: all(m[h].type.numpy_dtype.kind in "biu" for h in holes))
