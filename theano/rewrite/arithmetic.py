"""Rules of arithmetic: signs, neutral and absorbing elements, powers, inverse functions.

What concerns whole sums and products (terms that cancel, factors that cancel, constants that meet) is in ``trees.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.graph.basic import Apply
from theano.rewrite.algebra import (
    ALWAYS,
    CANONICALIZE,
    NAN,
    SPECIALIZE,
    a,
    abs_,
    and_,
    conj,
    discrete,
    eq,
    exp,
    expm1,
    ge,
    gt,
    int_div,
    inv,
    invert,
    le,
    log,
    log1p,
    lt,
    maximum,
    minimum,
    mod,
    neq,
    or_,
    power,
    signed,
    sqr,
    sqrt,
    switch,
    x,
    xor,
    y,
    z,
)
from theano.rewrite.pattern import RuleTable, broadcast_like, elementwise, floating, maker, real, scalar_constant
from theano.tensor.functions import cast

table = RuleTable()
rule = table.rule
node_rule = table.node_rule
QUICK = ("fast_compile",)

# ---- signs

rule("local_neg_neg", ALWAYS, (-(-x), x), tags=QUICK)  # noqa: B002
rule("local_neg_sub", ALWAYS, (-(x - y), y - x))
rule("local_neg_minus", ALWAYS, (-x - y, -(x + y)), when=signed(x, y))
rule(
    "local_add_neg",
    ALWAYS,
    (x + -y, x - y),
    (x - -y, x + y),
    when=signed(y),
)
rule("local_mul_neg", ALWAYS, (-x * -y, x * y), (-x * y, -(x * y)), when=signed(x, y))
rule("local_div_neg", ALWAYS, (-x / -y, x / y), (-x / y, -(x / y)), when=signed(y) & floating(x))
rule("local_div_by_neg", ALWAYS, (x / -y, -(x / y)), when=floating(y))
rule("local_mul_minus_one", ALWAYS, (-1 * x, -x), (x / -1, -x), when=signed(x))
rule("local_neg_constant", ALWAYS, (-(a * x), -a * x), (-(a / x), -a / x), when=floating(x))
rule("local_abs_neg", CANONICALIZE, (abs_(-x), abs_(x)), when=signed(x))
rule("local_abs_abs", CANONICALIZE, (abs_(abs_(x)), abs_(x)))
rule("local_abs_sqr", ALWAYS, (abs_(sqr(x)), sqr(x)), when=floating(x))
rule("local_sqr_neg", ALWAYS, (sqr(-x), sqr(x)), (sqr(abs_(x)), sqr(x)), when=real(x))
rule("local_conj_conj", ALWAYS, (conj(conj(x)), x))
rule("local_invert_invert", ALWAYS, (invert(invert(x)), x))

# ---- neutral and absorbing elements

rule("local_add_zero", ALWAYS, (x + 0, x), (x - 0, x), tags=QUICK)
rule("local_zero_sub", ALWAYS, (0 - x, -x), when=signed(x))
rule("local_mul_one", ALWAYS, (x * 1, x), (x / 1, x), tags=QUICK)
rule("local_mul_zero", ALWAYS, (x * 0, 0))
rule("local_zero_div", ALWAYS, (0 / x, 0))
rule("local_sub_same", ALWAYS, (x - x, 0))
rule("local_div_same", ALWAYS, (x / x, 1))
rule("local_intdiv_by_one", ALWAYS, (int_div(x, 1), x), (mod(x, 1), 0), when=discrete(x))

# ---- idempotent operations

rule("local_max_same", ALWAYS, (maximum(x, x), x), (minimum(x, x), x))
rule("local_and_or_same", ALWAYS, (and_(x, x), x), (or_(x, x), x))
rule("local_xor_same", ALWAYS, (xor(x, x), 0))
rule("local_compare_same", ALWAYS, (eq(x, x), 1), (neq(x, x), 0), (lt(x, x), 0), (gt(x, x), 0), when=discrete(x))
rule("local_compare_same_order", ALWAYS, (le(x, x), 1), (ge(x, x), 1), when=discrete(x))
rule("local_switch_same", ALWAYS, (switch(z, x, x), x))
rule(
    "local_max_max",
    CANONICALIZE,
    (maximum(maximum(x, a), a), maximum(x, a)),
    (minimum(minimum(x, a), a), minimum(x, a)),
)


@node_rule(
    "local_useless_switch", ALWAYS, "switch", tags=QUICK,
    before="switch(c, x, y)", after="x", when="c a constant: not 0 (y where it is 0)",
)  # fmt: skip
def local_useless_switch(fgraph: Any, node: Apply) -> Any:
    value = scalar_constant(node.inputs[0])
    if value is None:
        return None
    chosen = node.inputs[1] if value else node.inputs[2]
    dtype = node.outputs[0].type.dtype
    if chosen.type.dtype != dtype:
        chosen = cast(chosen, dtype)
    return [broadcast_like(chosen, node)]


# ---- powers

rule("local_pow_zero", ALWAYS, (x**0, 1))
rule("local_pow_one", ALWAYS, (x**1, x))
rule("local_one_pow", ALWAYS, (power(1, x), 1), when=discrete(x))
rule("local_sqrt_sqr", CANONICALIZE, (sqrt(sqr(x)), abs_(x)), (sqrt(x**2), abs_(x)), when=floating(x))
rule("local_inv_inv", ALWAYS, (inv(inv(x)), x), (1 / (1 / x), x), (inv(x / y), y / x), when=floating(x))
rule("local_div_inv", CANONICALIZE, (x / inv(y), x * y), (x * inv(y), x / y), when=floating(y))


@node_rule(
    "local_pow_pow",
    CANONICALIZE,
    "pow",
    before="(x**a)**b",
    after="x**(a * b)",
    when="a, b whole constants; x floating",
)
def local_pow_pow(fgraph: Any, node: Apply) -> Any:
    inner: Any = node.inputs[0]
    outer = scalar_constant(node.inputs[1])
    if outer is None or inner.type.numpy_dtype.kind != "f" or inner.type.dtype != node.outputs[0].type.dtype:
        return None
    if maker(inner) == "sqr":
        exponent: Any = 2
    elif maker(inner) == "pow":
        exponent = scalar_constant(inner.owner.inputs[1])
    else:
        return None
    if exponent is None or int(exponent) != exponent or int(outer) != outer:
        return None
    result = elementwise("pow")(inner.owner.inputs[0], float(exponent) * float(outer))
    return [broadcast_like(result, node)] if result.type.dtype == node.outputs[0].type.dtype else None


@node_rule(
    "local_pow_specialize", SPECIALIZE, "pow",
    before="x**2; x**0.5; x**-0.5; x**-1; x**-2", after="sqr(x); sqrt(x); inv(sqrt(x)); inv(x); inv(sqr(x))",
    when="the exponent a constant; x floating or complex where the exponent is negative or no whole number",
)  # fmt: skip
def local_pow_specialize(fgraph: Any, node: Apply) -> Any:
    base, exponent = node.inputs[0], scalar_constant(node.inputs[1])
    if exponent is None or np.iscomplexobj(exponent):
        return None
    out = node.outputs[0].type.dtype
    if exponent != 2 and np.dtype(out).kind not in "fc":
        return None
    form = _POWERS.get(float(exponent))
    if form is None:
        return None
    result = base if base.type.dtype == out else cast(base, out)
    for name in form:
        result = elementwise(name)(result)
    return [broadcast_like(result, node)] if result.type.dtype == out else None


_POWERS = {
    2.0: ("sqr",),
    0.5: ("sqrt",),
    -0.5: ("sqrt", "inv"),
    -1.0: ("inv",),
    -2.0: ("sqr", "inv"),
}
LARGEST_POWER = 16


@node_rule(
    "local_pow_by_squaring", SPECIALIZE, "pow",
    before="x**3; x**4; x**10", after="x * sqr(x); sqr(sqr(x)); sqr(x) * sqr(sqr(sqr(x)))",
    when=f"the exponent a whole constant from 3 to {LARGEST_POWER}, or its negative; rounding may differ in the "
    "last digits",
    tags=("rounding",),
)  # fmt: skip
def local_pow_by_squaring(fgraph: Any, node: Apply) -> Any:
    base, exponent = node.inputs[0], scalar_constant(node.inputs[1])
    out = node.outputs[0].type.dtype
    if exponent is None or np.iscomplexobj(exponent) or np.dtype(out).kind not in "fc":
        return None
    if exponent != int(exponent) or not 3 <= abs(exponent) <= LARGEST_POWER:
        return None
    square = base if base.type.dtype == out else cast(base, out)
    remaining, result = int(abs(exponent)), None
    while remaining:
        if remaining & 1:
            result = square if result is None else elementwise("mul")(result, square)
        remaining >>= 1
        if remaining:
            square = elementwise("sqr")(square)
    if exponent < 0:
        result = elementwise("inv")(result)
    return [broadcast_like(result, node)]


# ---- functions and their inverses

rule("local_log_exp", CANONICALIZE, (log(exp(x)), x), (log1p(expm1(x)), x), when=floating(x))
rule("local_exp_log", CANONICALIZE, (exp(log(x)), switch(ge(x, 0), x, NAN)), when=floating(x))
rule("local_expm1_log1p", CANONICALIZE, (expm1(log1p(x)), switch(ge(x, -1), x, NAN)), when=floating(x))
rule("local_sqr_sqrt", CANONICALIZE, (sqr(sqrt(x)), switch(ge(x, 0), x, NAN)), when=floating(x))

# ---- the cheapest operation of a kind, at the end; results do not change in any digit

rule("local_mul_to_sqr", SPECIALIZE, (x * x, sqr(x)))
rule("local_div_to_inv", SPECIALIZE, (1 / x, inv(x)), when=floating(x))
rule("local_mul_inv", SPECIALIZE, (x * inv(y), x / y), when=floating(x, y))
