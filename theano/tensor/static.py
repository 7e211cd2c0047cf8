"""What is known of values while the graph is built: constant scalars, and the entries of vectors.

Broadcast patterns come from here: that ``reshape(x, (n, 1))`` makes a column is known because the entry 1 is. How
knowledge passes through an Op is a rule registered beside that Op, with :func:`scalar_rule` or :func:`entries_rule`.
No rule looks further back than a fixed number of nodes, so that asking costs little and deep graphs do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.tensor.elementwise import DimShuffle, Elemwise
from theano.tensor.type import TensorType
from theano.tensor.variable import as_index, as_tensor_variable, constant

DEPTH = 10


class NotScalarConstantError(Exception):
    """The value of a variable is not known while the graph is built, or it has different elements."""


class EmptyConstantError(NotScalarConstantError):
    """A constant has no elements, so there is no value that all of them have."""


class Knowledge:
    """What may be asked of variables while looking back at most `depth` nodes."""

    __slots__ = ("_known", "constants_only", "depth", "elemwise")

    def __init__(self, depth: int = DEPTH, elemwise: bool = True, constants_only: bool = False) -> None:
        self.depth = depth
        self.elemwise = elemwise
        self.constants_only = constants_only
        self._known: dict[Any, Any] = {}  # answers about vectors: many ways may lead to one

    def _behind(self) -> Knowledge:
        behind = Knowledge(self.depth - 1, self.elemwise)
        behind._known = self._known
        return behind

    def _rule(self, rules: dict[type, Rule], v: Variable) -> Rule | None:
        if v.owner is None or self.constants_only or self.depth <= 0:
            return None
        return rules.get(type(v.owner.op))

    def value(self, v: Any) -> np.ndarray:
        """The value that all elements have; raises :class:`NotScalarConstantError` when there is no such."""
        if not isinstance(v, Variable):
            return _only_element(np.asarray(v), v)
        if isinstance(v, Constant):
            return _only_element(np.asarray(v.data), v)
        rule = self._rule(_value_rules, v)
        if rule is None or (not self.elemwise and isinstance(v.owner.op, Elemwise)):  # type: ignore[union-attr]
            raise NotScalarConstantError(v)
        return np.asarray(rule(v.owner, self._behind())).astype(v.type.numpy_dtype)  # type: ignore[attr-defined]

    def integer(self, v: Any) -> int | None:
        """The Python integer that a scalar is known to be, else ``None``."""
        known = as_index(v)
        if known is not None or not isinstance(v, Variable) or isinstance(v, Constant):
            return known
        if not isinstance(v.type, TensorType) or v.type.ndim or v.type.numpy_dtype.kind not in "iu":
            return None
        try:
            return int(self.value(v))
        except NotScalarConstantError:
            return None

    def entries(self, v: Variable) -> Sequence[Any] | None:
        """The entries of a vector as scalar variables, constants where known; ``None`` when it may have any number."""
        if isinstance(v, Constant):
            return [constant(entry) for entry in v.data]
        rule = self._rule(_entries_rules, v)
        return None if rule is None else self._once(rule, v)

    def length(self, v: Variable) -> int | None:
        """The length of a vector, else ``None``."""
        if v.type.broadcastable[0]:  # type: ignore[attr-defined]
            return 1
        if isinstance(v, Constant):
            return len(v.data)
        rule = self._rule(_length_rules, v)
        if rule is not None:
            return self._once(rule, v)
        entries = self.entries(v)
        return None if entries is None else len(entries)

    def _once(self, rule: Rule, v: Variable) -> Any:
        """What a rule says, asked once for each variable and depth."""
        key = rule, v, self.depth
        if key not in self._known:
            self._known[key] = rule(v.owner, self._behind())
        return self._known[key]


Rule = Callable[[Apply, Knowledge], Any]

_value_rules: dict[type, Rule] = {}
_entries_rules: dict[type, Rule] = {}
_length_rules: dict[type, Rule] = {}


def _registering(rules: dict[type, Rule]) -> Callable[[type], Callable[[Rule], Rule]]:
    def for_op(op_class: type) -> Callable[[Rule], Rule]:
        def register(rule: Rule) -> Rule:
            rules[op_class] = rule
            return rule

        return register

    return for_op


# Decorators: how an answer follows through an Op, as ``rule(node, known)`` that asks `known` about the node's inputs.
value_rule = _registering(_value_rules)
entries_rule = _registering(_entries_rules)
length_rule = _registering(_length_rules)


# ---- scalars


def get_scalar_constant_value(
    orig_v: Any, elemwise: bool = True, only_process_constants: bool = False, max_recur: int = DEPTH
) -> np.ndarray:
    """The value that all elements of a variable have, as an array of rank 0, when the graph alone tells it.

    Parameters
    ----------
    orig_v
        a variable, number or array.
    elemwise
        also compute elementwise operations on constants.
    only_process_constants
        look at constants alone, not at what computes a variable.
    max_recur
        how many nodes to look back.

    Raises
    ------
    NotScalarConstantError
        when the value is not known, or not the same everywhere (:class:`EmptyConstantError`: there is no element).

    >>> import theano.tensor as T
    >>> int(T.get_scalar_constant_value(T.constant(2) + 3))
    5
    """
    return Knowledge(max_recur, elemwise, only_process_constants).value(orig_v)


def _only_element(data: np.ndarray, what: Any) -> np.ndarray:
    if data.dtype.kind not in "biufc":
        raise NotScalarConstantError(what)
    if data.size == 1:
        return data.reshape(()).copy()
    if data.size == 0:
        raise EmptyConstantError(what)
    if data.size <= 1000 and (data == data.flat[0]).all():
        return np.asarray(data.flat[0])
    raise NotScalarConstantError(what)


def static_integer(x: Any) -> int | None:
    """The Python integer that a scalar is known to be, else ``None``."""
    return Knowledge().integer(x)


@value_rule(Elemwise)
def _elemwise_value(node: Apply, known: Knowledge) -> Any:
    scalar_op = node.op.scalar_op
    if scalar_op.name == "second":
        return known.value(node.inputs[1])
    values = [known.value(x) for x in node.inputs]
    with np.errstate(all="ignore"):
        return scalar_op.impl(*values)


@value_rule(DimShuffle)
def _dimshuffle_value(node: Apply, known: Knowledge) -> Any:
    return known.value(node.inputs[0])


# ---- vectors


def known_entries(v: Variable) -> Sequence[Any] | None:
    """The entries of a vector as scalar variables (constants where known), when the graph tells how many there are."""
    return Knowledge().entries(v)


def vector_entries(v: Variable, length: int) -> Sequence[Any]:
    """The `length` entries of a vector as scalar variables: those that made it, or subscripts."""
    known = known_entries(v)
    if known is not None and len(known) == length:
        return known
    return [v[i] for i in range(length)]  # type: ignore[index]


def get_vector_length(v: Any) -> int:
    """The length of a vector, when the graph alone tells it.

    Raises
    ------
    TypeError
        `v` is no vector.
    ValueError
        the length is known only at run time.

    >>> import theano.tensor as T
    >>> T.get_vector_length(T.tensor3().shape[1:])
    2
    """
    v = as_tensor_variable(v)
    if v.ndim != 1:
        raise TypeError(f"the length of a vector was asked for; {v} of type {v.type} has rank {v.ndim}")
    length = Knowledge().length(v)
    if length is None:
        raise ValueError(f"the length of {v} of type {v.type} is known only at run time")
    return length


@length_rule(Elemwise)
def _elemwise_length(node: Apply, known: Knowledge) -> int | None:
    for x in node.inputs:
        if not x.type.broadcastable[0]:
            length = known.length(x)
            if length is not None:
                return length
    return None


__all__ = [
    "EmptyConstantError",
    "NotScalarConstantError",
    "get_scalar_constant_value",
    "get_vector_length",
]
