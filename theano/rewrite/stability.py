"""Forms that overflow or lose digits, replaced by ones that do not.

Softmax and cross-entropy are in ``softmax.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from theano.graph.basic import Apply, Variable
from theano.rewrite.algebra import (
    LATER,
    SPECIALIZE,
    STABILIZE,
    erf,
    erfc,
    erfcx,
    exp,
    expm1,
    inv,
    log,
    log1mexp,
    log1p,
    sigmoid,
    softplus,
    sqr,
    tanh,
    x,
)
from theano.rewrite.pattern import Call, Match, RuleTable, broadcast_like, elementwise, flat_operands, floating, maker
from theano.rewrite.trees import PRODUCT, Tree, build_product, collect_product
from theano.tensor.creation import Alloc
from theano.tensor.elementwise import DimShuffle
from theano.tensor.reductions import Max, Min, Sum, axes_of, restore_axes
from theano.tensor.shape import Rebroadcast

table = RuleTable()
rule = table.rule
node_rule = table.node_rule
QUICK = ("fast_compile",)

# ---- near 1 and near 0

rule("local_log1p", STABILIZE, (log(1 + x), log1p(x)), (log(1 - x), log1p(-x)), when=floating(x), tags=QUICK)
rule("local_expm1", STABILIZE, (exp(x) - 1, expm1(x)), (-1 + exp(x), expm1(x)), when=floating(x), tags=QUICK)
rule("local_one_minus_exp", STABILIZE, (1 - exp(x), -expm1(x)), when=floating(x), tags=QUICK)
rule(
    "local_log1mexp",
    STABILIZE,
    (log1p(-exp(x)), log1mexp(x)),
    (log(-expm1(x)), log1mexp(x)),
    (log(1 - exp(x)), log1mexp(x)),
    when=floating(x),
    tags=QUICK,
)

# ---- the logistic function

rule(
    "local_sigmoid",
    STABILIZE,
    (1 / (1 + exp(-x)), sigmoid(x)),
    (1 / (1 + exp(x)), sigmoid(-x)),
    (inv(1 + exp(-x)), sigmoid(x)),
    (inv(1 + exp(x)), sigmoid(-x)),
    (exp(x) / (1 + exp(x)), sigmoid(x)),
    when=floating(x),
    tags=QUICK,
)
rule("local_1msigmoid", STABILIZE, (1 - sigmoid(x), sigmoid(-x)), when=floating(x), tags=QUICK)
rule(
    "local_log_sigmoid",
    STABILIZE,
    (log(sigmoid(x)), -softplus(-x)),
    (log(1 - sigmoid(x)), -softplus(x)),
    (log1p(-sigmoid(x)), -softplus(x)),
    when=floating(x),
    tags=QUICK,
)
rule(
    "local_softplus",
    STABILIZE,
    (log1p(exp(x)), softplus(x)),
    (log(1 + exp(x)), softplus(x)),
    when=floating(x),
    tags=QUICK,
)
rule("local_softplus_neg_neg", LATER, (sigmoid(-(-x)), sigmoid(x)), (softplus(-(-x)), softplus(x)))  # noqa: B002
rule("local_tanh_of_exp", STABILIZE, ((exp(x) - exp(-x)) / (exp(x) + exp(-x)), tanh(x)), when=floating(x))


@node_rule(
    "local_sigm_times_exp", STABILIZE, "mul", "true_div", late=True, family=PRODUCT, depth=4, tags=QUICK,
    before="exp(-x) / (1 + exp(-x))**2; y * exp(x) * sigmoid(-x)", after="sigmoid(x) * sigmoid(-x); y * sigmoid(x)",
    when="x floating; factors anywhere in a product",
)  # fmt: skip
def local_sigm_times_exp(fgraph: Any, node: Apply) -> Any:
    dtype = node.outputs[0].type.dtype
    if not dtype.startswith("float"):
        return None
    tree = collect_product(fgraph, node)
    changed = False
    # 1 + exp(t) below the line is sigmoid(-t) above it
    parts: dict[Variable, list[Any]] = {}
    for base, exponents in tree.parts.items():
        inner = Match()
        below = all(isinstance(e, int) and e < 0 for e in exponents)
        if below and _ONE_PLUS_EXP.match(base, inner) and inner[x].type.dtype == dtype:
            changed = True
            base = elementwise("sigmoid")(_negative(inner[x]))
            base = next((b for b in parts if _sigmoid_argument_is(b, base.owner.inputs[0])), base)
            exponents = [-e for e in exponents]
        parts.setdefault(base, []).extend(exponents)
    # exp(t) * sigmoid(-t) is sigmoid(t)
    for base in list(parts):
        if maker(base) != "exp" or any(e != 1 for e in parts[base]):
            continue
        argument: Any = base.owner.inputs[0]  # type: ignore[union-attr]
        if argument.type.dtype != dtype:
            continue
        twin = next((b for b in parts if _sigmoid_argument_is(b, _negative(argument))), None)
        if twin is None or not all(isinstance(e, int) and e > 0 for e in parts[twin]):
            continue
        changed = True
        count = min(len(parts[base]), sum(parts[twin]))
        parts[base] = parts[base][count:]
        left = sum(parts[twin]) - count
        parts[twin] = [left] if left else []
        parts.setdefault(elementwise("sigmoid")(argument), []).append(count)
    if not changed:
        return None
    kept = {base: exponents for base, exponents in parts.items() if exponents}
    result = build_product(Tree(tree.constant, kept), dtype)
    return [broadcast_like(result, node)] if result.type.dtype == dtype else None


_ONE_PLUS_EXP = Call("add", 1, Call("exp", x))


def _negative(variable: Any) -> Any:
    return variable.owner.inputs[0] if maker(variable) == "neg" else elementwise("neg")(variable)


def _sigmoid_argument_is(variable: Any, argument: Any) -> bool:
    """Whether `variable` is the sigmoid of `argument`, which may be a negation made just now."""
    if maker(variable) != "sigmoid":
        return False
    its = variable.owner.inputs[0]
    if its is argument:
        return True
    return maker(its) == "neg" and maker(argument) == "neg" and its.owner.inputs[0] is argument.owner.inputs[0]


@node_rule(
    "local_sigmoid_pair", SPECIALIZE, "sigmoid", tags=("rounding",),
    before="sigmoid(x) * sigmoid(-x)", after="sigmoid(x) * (1 - sigmoid(x))",
    when="x floating; in such a product, a derivative, a second exponential would add nothing",
)  # fmt: skip
def local_sigmoid_pair(fgraph: Any, node: Apply) -> Any:
    argument: Any = node.inputs[0]
    if maker(argument) != "neg" or argument.type != node.outputs[0].type:
        return None
    positive = argument.owner.inputs[0]
    users = (user for user, _ in fgraph.clients.get(positive, ()) if user != "output")
    twin = next((user.outputs[0] for user in users if maker(user.outputs[0]) == "sigmoid"), None)
    if twin is None:
        return None
    for user, _ in fgraph.clients[node.outputs[0]]:
        if user == "output" or maker(user.outputs[0]) != "mul" or twin not in flat_operands(user, "mul"):
            return None
    return [elementwise("sub")(1, twin)]


# ---- the error function

rule(
    "local_one_minus_erf",
    STABILIZE,
    (1 - erf(x), erfc(x)),
    (1 + -erf(x), erfc(x)),
    (1 - erfc(x), erf(x)),
    when=floating(x),
)
rule(
    "local_one_plus_erf",
    STABILIZE,
    (1 + erf(x), erfc(-x)),
    (erf(x) - 1, -erfc(x)),
    (-1 + erf(x), -erfc(x)),
    when=floating(x),
)
rule("local_erf_neg_minus_one", STABILIZE, (erfc(x) - 1, -erf(x)), (-1 + erfc(x), -erf(x)), when=floating(x))
rule(
    "local_grad_log_erfc",
    STABILIZE,
    (exp(-sqr(x)) / erfc(x), 1 / erfcx(x)),
    (exp(-(x**2)) / erfc(x), 1 / erfcx(x)),
    (exp(-(x * x)) / erfc(x), 1 / erfcx(x)),
    when=floating(x),
)


@node_rule(
    "local_log_erfc", STABILIZE, "log",
    before="log(erfc(x))", after="switch(x > 1, log(erfcx(x)) - sqr(x), log(erfc(x)))", when="x floating",
)  # fmt: skip
def local_log_erfc(fgraph: Any, node: Apply) -> Any:
    inner: Any = node.inputs[0]
    if maker(inner) != "erfc":
        return None
    argument = inner.owner.inputs[0]
    if argument.type.dtype != node.outputs[0].type.dtype or not argument.type.dtype.startswith("float"):
        return None
    if any(maker(c.outputs[0]) == "switch" for c, _ in fgraph.clients[node.outputs[0]] if c != "output"):
        return None  # this is the branch for small x of an earlier replacement
    large = elementwise("sub")(elementwise("log")(elementwise("erfcx")(argument)), elementwise("sqr")(argument))
    small = elementwise("log")(inner)
    return [elementwise("switch")(elementwise("gt")(argument, 1), large, small)]


# ---- sums of exponentials


@node_rule(
    "local_log_sum_exp", STABILIZE, "log", depth=5, tags=QUICK,
    before="log(sum(exp(x), axis))", after="log(sum(exp(x - max(x)), axis)) + max(x)",
    when="x floating; max over the same axes, 0 where it is infinite",
)  # fmt: skip
def local_log_sum_exp(fgraph: Any, node: Apply) -> Any:
    total: Any = node.inputs[0]
    order: tuple[Any, ...] | None = None
    if total.owner is not None and type(total.owner.op) is DimShuffle and not total.owner.op.drop:
        order = total.owner.op.new_order
        total = total.owner.inputs[0]
    if total.owner is None or type(total.owner.op) is not Sum:
        return None
    exponential = total.owner.inputs[0]
    if maker(exponential) != "exp":
        return None
    argument = exponential.owner.inputs[0]
    if argument.type.dtype != exponential.type.dtype or not argument.type.dtype.startswith("float"):
        return None
    if total.type.dtype != argument.type.dtype or _is_shifted(argument):
        return None
    axis = total.owner.op.axis
    axes = axes_of(axis, argument.type.ndim)
    if not axes:
        return None
    largest = Max(axis)(argument)
    finite = elementwise("switch")(elementwise("isinf")(largest), np.asarray(0, dtype=largest.type.dtype), largest)
    shifted = elementwise("sub")(argument, restore_axes(finite, axes, argument.type.ndim))
    result = elementwise("add")(elementwise("log")(total.owner.op(elementwise("exp")(shifted))), finite)
    if order is not None:
        result = DimShuffle(result.type.broadcastable, order)(result)
    return [result] if result.type.dtype == node.outputs[0].type.dtype else None


def _is_shifted(argument: Variable) -> bool:
    """Whether a largest element is subtracted from `argument` already, in whatever form other rules left that."""
    todo: list[Any] = [argument]
    for _ in range(32):
        if not todo:
            return False
        node = todo.pop(0).owner
        if node is None:
            continue
        if type(node.op) in (Max, Min):
            return True
        if type(node.op) in (DimShuffle, Rebroadcast, Alloc) or maker(node.outputs[0]) in (
            "add",
            "sub",
            "neg",
            "switch",
        ):
            todo.extend(node.inputs)
    return False
