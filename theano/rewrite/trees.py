"""Rules about whole sums and whole products.

A tree of additions, subtractions and negations is one sum: terms with coefficients, and a constant. A tree of
multiplications, divisions, powers and negations is one product: factors with exponents, and a constant. Terms that
cancel, factors that cancel, equal terms and constants that meet are seen there wherever in the tree they stand. A tree
is rebuilt only when that makes it simpler; otherwise it stays as the user wrote it, and so does its rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from theano.graph.basic import Apply, Variable
from theano.rewrite.algebra import CANONICALIZE
from theano.rewrite.pattern import RuleTable, broadcast_like, elementwise, key_of, maker, scalar_constant
from theano.tensor.functions import cast
from theano.tensor.variable import constant

table = RuleTable()
node_rule = table.node_rule

SUM = frozenset({"add", "sub", "neg"})
PRODUCT = frozenset({"mul", "true_div", "neg", "inv"})
SHARED_LIMIT = 16
"""Parts that others use too are looked into only while the tree has no more parts than this."""


@dataclass
class Tree:
    """The parts of a sum or product.

    Attributes
    ----------
    parts
        in order of appearance: each variable with the coefficients (of terms) or exponents (of factors) that it has.
    constant
        what the constants come to: their sum, or their product.
    constants
        how many there were.
    """

    constant: Any
    parts: dict[Variable, list[Any]] = field(default_factory=dict)
    constants: int = 0
    size: int = 0

    def add(self, variable: Variable, amount: Any) -> None:
        """Count one more occurrence of `variable`."""
        self.size += 1
        self.parts.setdefault(variable, []).append(amount)


def _is_inner(fgraph: Any, variable: Variable, family: frozenset[str], dtype: str, size: int) -> bool:
    """Whether `variable` is an inner node of the tree, to be looked into."""
    if maker(variable) not in family or variable.type.dtype != dtype:
        return False
    return size <= SHARED_LIMIT or len(fgraph.clients.get(variable, ())) <= 1


def _chain(name: str, operands: Sequence[Any]) -> Any:
    op = elementwise(name)
    total = operands[0]
    for operand in operands[1:]:
        total = op(total, operand)
    return total


def typed(value: Any, dtype: str) -> Any:
    """A constant of this dtype; integers wrap around as arithmetic in the dtype does."""
    kind = np.dtype(dtype)
    if kind.kind in "iu" and isinstance(value, int):
        bits = 8 * kind.itemsize
        value &= (1 << bits) - 1
        if kind.kind == "i" and value >> (bits - 1):
            value -= 1 << bits
    return constant(np.asarray(value, dtype=kind))


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _converted(variable: Any, dtype: str) -> Any:
    return variable if variable.type.dtype == dtype else cast(variable, dtype)


# ---- sums


def collect_sum(fgraph: Any, root: Apply) -> Tree:
    """The terms of the sum that `root` is the last operation of."""
    dtype = root.outputs[0].type.dtype
    tree = Tree(constant=0)
    stack: list[tuple[Variable, int]] = []

    def open_node(node: Apply, sign: int) -> None:
        name = key_of(node.op)
        if name == "sub":
            stack.append((node.inputs[1], -sign))
            stack.append((node.inputs[0], sign))
        else:
            sign = -sign if name == "neg" else sign
            stack.extend((v, sign) for v in reversed(node.inputs))

    open_node(root, 1)
    while stack:
        variable, sign = stack.pop()
        if _is_inner(fgraph, variable, SUM, dtype, tree.size + len(stack)):
            open_node(variable.owner, sign)  # type: ignore[arg-type]
            continue
        value = scalar_constant(variable)
        if value is not None:
            tree.constant = tree.constant + sign * _number(value)
            tree.constants += 1
        else:
            coefficient, term = _coefficient(variable)
            tree.add(term, sign * coefficient)
    return tree


def _coefficient(variable: Variable) -> tuple[Any, Variable]:
    """``2 * x`` as (2, x); anything else as (1, itself)."""
    if maker(variable) == "mul" and len(variable.owner.inputs) == 2:  # type: ignore[union-attr]
        first, second = variable.owner.inputs  # type: ignore[union-attr]
        for factor, other in ((first, second), (second, first)):
            if other.type == variable.type:
                value = scalar_constant(factor)
                if value is not None and not isinstance(value, bool | complex):
                    return _number(value), other
    return 1, variable


@node_rule(
    "local_add_canonizer", CANONICALIZE, "add", "sub", "neg", late=True, family=SUM, depth=3,
    before="x + y - x; x + x; 2 * x - 3 * x; 1 + x + 2", after="y; 2 * x; -x; 3 + x",
    when="terms cancel or meet, in a sum of any length; constants are added at compile time",
    tags=("rounding",),
)  # fmt: skip
def local_add_canonizer(fgraph: Any, node: Apply) -> Any:
    dtype = node.outputs[0].type.dtype
    if dtype == "bool" or dtype.startswith("complex"):
        return None
    tree = collect_sum(fgraph, node)
    if tree.constants < 2 and tree.size == len(tree.parts):
        return None
    if not np.isfinite(tree.constant):
        return None
    plus: list[Any] = []
    minus: list[Any] = []
    for variable, coefficients in tree.parts.items():
        coefficient = sum(coefficients)
        if coefficient == 0:
            continue
        term = _converted(variable, dtype)
        if abs(coefficient) != 1:
            term = elementwise("mul")(typed(abs(coefficient), dtype), term)
        (plus if coefficient > 0 else minus).append(term)
    if tree.constant != 0 or not (plus or minus):
        plus.insert(0, typed(tree.constant, dtype))
    if not plus:
        result = elementwise("neg")(_chain("add", minus))
    else:
        result = _chain("add", plus)
        for term in minus:
            result = elementwise("sub")(result, term)
    return [broadcast_like(result, node)] if result.type.dtype == dtype else None


# ---- products


def collect_product(fgraph: Any, root: Apply) -> Tree:
    """The factors of the product that `root` is the last operation of; signs go into the constant."""
    dtype = root.outputs[0].type.dtype
    tree = Tree(constant=1.0)
    stack: list[tuple[Variable, int]] = []
    negative = False

    def open_node(node: Apply, exponent: int) -> None:
        nonlocal negative
        name = key_of(node.op)
        if name == "true_div":
            stack.append((node.inputs[1], -exponent))
            stack.append((node.inputs[0], exponent))
        elif name == "inv":
            stack.append((node.inputs[0], -exponent))
        else:
            if name == "neg":
                negative = not negative
            stack.extend((v, exponent) for v in reversed(node.inputs))

    open_node(root, 1)
    while stack:
        variable, exponent = stack.pop()
        if _is_inner(fgraph, variable, PRODUCT, dtype, tree.size + len(stack)):
            open_node(variable.owner, exponent)  # type: ignore[arg-type]
            continue
        value = scalar_constant(variable)
        if value is not None and np.isfinite(value) and not (exponent < 0 and value == 0):
            if value != 1:
                tree.constant = tree.constant * float(value) if exponent > 0 else tree.constant / float(value)
                tree.constants += 1
        else:
            base, power = _power(variable)
            tree.add(base, exponent * power)
    if negative:
        tree.constant = -tree.constant
        tree.constants += tree.constants > 0
    return tree


def _power(variable: Variable) -> tuple[Variable, Any]:
    """``x**3`` as (x, 3), ``sqr(x)`` as (x, 2), ``sqrt(x)`` as (x, 0.5); anything else as (itself, 1)."""
    name = maker(variable)
    if name in ("pow", "sqr", "sqrt"):
        base = variable.owner.inputs[0]  # type: ignore[union-attr]
        if base.type == variable.type:
            if name == "sqr":
                return base, 2
            if name == "sqrt":
                return base, 0.5
            exponent = scalar_constant(variable.owner.inputs[1])  # type: ignore[union-attr]
            if exponent is not None and np.isrealobj(exponent) and (2 * float(exponent)).is_integer():
                return base, int(exponent) if float(exponent).is_integer() else float(exponent)
    return variable, 1


def _powers_meet(exponents: list[Any]) -> bool:
    """Whether powers of one base become one simpler power.

    Those above and below the line cancel. Whole powers add up when one of them is written as a power (``x * x`` stays).
    Roots do not: ``sqrt(x) * sqrt(x)`` is nan below 0, where x is not.
    """
    if len(exponents) < 2:
        return False
    if min(exponents) < 0 < max(exponents):
        return True
    return all(isinstance(e, int) for e in exponents) and any(abs(e) != 1 for e in exponents)


def _as_power(base: Any, exponent: Any) -> Any:
    """``base**exponent`` by the plainest operation, for a positive exponent."""
    if exponent == 1:
        return base
    if exponent == 0.5:
        return elementwise("sqrt")(base)
    if exponent == 2:
        return elementwise("sqr")(base)
    return elementwise("pow")(base, typed(exponent, base.type.dtype))


def build_product(tree: Tree, dtype: str) -> Any:
    """The product of collected factors: the constant first, divided by what has negative exponents."""
    above: list[Any] = []
    below: list[Any] = []
    for base, exponents in tree.parts.items():
        factor = _converted(base, dtype)
        for exponent in [sum(exponents)] if _powers_meet(exponents) else exponents:
            if exponent:
                (above if exponent > 0 else below).append(_as_power(factor, abs(exponent)))
    negate = tree.constant == -1 and bool(above)
    if not negate and (tree.constant != 1 or not above):
        above.insert(0, typed(tree.constant, dtype))
    result = _chain("mul", above)
    if below:
        result = elementwise("true_div")(result, _chain("mul", below))
    return elementwise("neg")(result) if negate else result


@node_rule(
    "local_mul_canonizer", CANONICALIZE, "mul", "true_div", "inv", "neg", late=True, family=PRODUCT, depth=3,
    before="x * y / x; x / (x / y); x**3 / x; 2 * x * 3", after="y; y; sqr(x); 6 * x",
    when="x floating; factors cancel or powers meet, in a product of any length; constants are multiplied at "
    "compile time",
    tags=("rounding",),
)  # fmt: skip
def local_mul_canonizer(fgraph: Any, node: Apply) -> Any:
    dtype = node.outputs[0].type.dtype
    if not dtype.startswith("float"):
        return None
    tree = collect_product(fgraph, node)
    if tree.constant == 0 and tree.constants:
        return [broadcast_like(typed(0, dtype), node)]
    if tree.constants < 2 and not any(_powers_meet(exponents) for exponents in tree.parts.values()):
        return None
    if _leaves_range(tree.constant, dtype):
        return None
    result = build_product(tree, dtype)
    return [broadcast_like(result, node)] if result.type.dtype == dtype else None


def _leaves_range(value: float, dtype: str) -> bool:
    """Whether a product of constants overflows or underflows in the dtype."""
    with np.errstate(all="ignore"):
        rounded = np.asarray(value).astype(dtype)
    return not bool(np.isfinite(rounded)) or bool(rounded == 0)


# ---- products of sums


@node_rule(
    "local_greedy_distributor", ("canonicalize", "stabilize"), "mul", "true_div", late=True, family=PRODUCT, depth=4,
    before="(a / x + b / y) * x * y", after="a * y + b * x",
    when="floating; factors are multiplied into a sum used only here, where they cancel in at least half of its "
    "terms",
    tags=("rounding",),
)  # fmt: skip
def local_greedy_distributor(fgraph: Any, node: Apply) -> Any:
    dtype = node.outputs[0].type.dtype
    if not dtype.startswith("float"):
        return None
    outer = collect_product(fgraph, node)
    if len(outer.parts) < 2:
        return None
    for total, exponents in outer.parts.items():
        if exponents != [1] or maker(total) not in ("add", "sub") or total.type.dtype != dtype:
            continue
        if len(fgraph.clients.get(total, ())) > 1 or len(total.owner.inputs) != 2:  # type: ignore[union-attr]
            continue
        result = _distributed(fgraph, outer, total, dtype)
        if result is not None and result.type.dtype == dtype:
            return [broadcast_like(result, node)]
    return None


def _distributed(fgraph: Any, outer: Tree, total: Any, dtype: str) -> Any:
    """The product `outer` with what cancels multiplied into its factor `total`, a sum of two terms."""
    terms = [_term(fgraph, v) for v in total.owner.inputs]
    moved: dict[Variable, Any] = {}
    for term in terms:
        for factor, exponents in term.parts.items():
            outside = outer.parts.get(factor)
            if outside in ([1], [-1]) and factor is not total and any(e * outside[0] < 0 for e in exponents):
                moved[factor] = outside[0]
    if not moved:
        return None
    for term in terms:
        for factor, exponent in moved.items():
            term.parts.setdefault(factor, []).append(exponent)
    inside = elementwise(key_of(total.owner.op))(*(build_product(term, dtype) for term in terms))
    left = {v: e for v, e in outer.parts.items() if v is not total and v not in moved}
    return build_product(Tree(outer.constant, {inside: [1], **left}), dtype)


def _term(fgraph: Any, variable: Variable) -> Tree:
    if maker(variable) in PRODUCT:
        return collect_product(fgraph, variable.owner)  # type: ignore[arg-type]
    return Tree(1.0, {variable: [1]})
