"""Copies of graphs, with or without parts replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.pauses import collector_paused
from theano.graph.traversal import toposort


def clone_get_equiv(
    inputs: Iterable[Variable],
    outputs: Iterable[Variable],
    copy_inputs: bool = True,
    copy_orphans: bool = True,
    memo: dict[Any, Any] | None = None,
) -> dict[Any, Any]:
    """Copy the graph between `inputs` and `outputs`; return old → new for every variable and node.

    Parameters
    ----------
    copy_inputs, copy_orphans
        also copy the inputs, and the free variables and constants that are not among them; else they stay themselves.
    memo
        replacements to begin with; it is extended and returned.
    """
    memo = {} if memo is None else memo
    inputs, outputs = list(inputs), list(outputs)
    for variable in inputs:
        if variable not in memo:
            memo[variable] = variable.clone() if copy_inputs else variable
    blockers = [k for k in memo if isinstance(k, Variable)]

    def copy_of(variable: Variable) -> Variable:
        if variable not in memo:
            memo[variable] = variable.clone() if copy_orphans else variable
        return memo[variable]

    with collector_paused():
        for node in toposort(outputs, blockers):
            if node in memo:
                continue
            new_inputs = [copy_of(v) for v in node.inputs]
            copy = Apply.clone(node)
            copy.inputs = [
                new if new.type == old.type else old.type.filter_variable(new)
                for old, new in zip(node.inputs, new_inputs, strict=True)
            ]
            memo[node] = copy
            for old, new in zip(node.outputs, copy.outputs, strict=True):
                memo.setdefault(old, new)
    for output in outputs:
        copy_of(output)
    return memo


def clone(
    inputs: Sequence[Variable],
    outputs: Sequence[Variable],
    copy_inputs: bool = True,
    copy_orphans: bool | None = None,
) -> tuple[list[Variable], list[Variable]]:
    """Copy a graph; return the new inputs and outputs."""
    orphans = copy_inputs if copy_orphans is None else copy_orphans
    memo = clone_get_equiv(inputs, outputs, copy_inputs, orphans)
    return [memo[v] for v in inputs], [memo[v] for v in outputs]


def _pairs(replace: Any) -> list[tuple[Variable, Any]]:
    if replace is None:
        return []
    return list(replace.items()) if isinstance(replace, Mapping) else list(replace)


def replace_graph(
    outputs: Sequence[Variable], replacements: Iterable[tuple[Variable, Any]], strict: bool = True
) -> list[Variable]:
    """`outputs` rebuilt with each old variable of `replacements` replaced by its new one, all at once.

    Only what lies between the replaced variables and the outputs is copied. With ``strict=False`` nodes whose input
    types changed are made anew, so types may change all the way to the outputs.
    """
    memo: dict[Variable, Variable] = {}
    for old, new in replacements:
        if not isinstance(old, Variable):
            raise TypeError(f"what is to be replaced must be a Variable, not {old!r}")
        if not isinstance(new, Variable):
            new = old.type.filter_variable(new)
        memo[old] = old.type.filter_variable(new) if strict else new
    for node in toposort(outputs, list(memo)):
        if all(memo.get(v, v) is v for v in node.inputs):
            continue
        new_node = node.clone_with_new_inputs([memo.get(v, v) for v in node.inputs], strict=strict)
        for old, new in zip(node.outputs, new_node.outputs, strict=True):
            memo.setdefault(old, new)
    return [memo.get(v, v) for v in outputs]


def clone_replace(
    output: Any,
    replace: Any = None,
    strict: bool = True,
    share_inputs: bool = True,
    copy_inputs: Any = None,
) -> Any:
    """A copy of an expression (or list, or dict of expressions) with variables replaced: ``theano.clone``.

    Parameters
    ----------
    output
        a variable, or a list, tuple or dict of them.
    replace
        pairs or a mapping old variable → new variable (or value).
    strict
        new variables must have the old ones' types (a lossless conversion is made); else types may change.
    share_inputs
        keep inputs and shared variables themselves; otherwise inputs are copied too.

    Returns
    -------
    the new expressions in the form of `output`.

    >>> import theano, theano.tensor as T
    >>> x, y = T.dscalars("x", "y")
    >>> theano.clone(x * 2, replace={x: y + 1}).eval({y: 3.0})
    array(8.)
    """
    if copy_inputs is not None:
        share_inputs = copy_inputs
    if isinstance(output, Mapping):
        keys = list(output)
        values = clone_replace([output[k] for k in keys], replace, strict, share_inputs)
        return dict(zip(keys, values, strict=True))
    single = not isinstance(output, list | tuple)
    outputs = [output] if single else list(output)
    pairs = _pairs(replace)
    # Two steps, so that a replacement which mentions a variable that is itself replaced is not replaced again.
    stand_ins = [(old, old.type.make_variable()) for old, _ in pairs]
    news = replace_graph(outputs, stand_ins, strict=False)
    finals = [(stand_in, new) for (_, stand_in), (_, new) in zip(stand_ins, pairs, strict=True)]
    checked = [
        (stand_in, stand_in.type.filter_variable(new) if strict or not isinstance(new, Variable) else new)
        for stand_in, new in finals
    ]
    news = replace_graph(news, checked, strict=strict)
    memo = clone_get_equiv([], news, copy_inputs=not share_inputs, copy_orphans=False)
    if not share_inputs:
        from theano.graph.traversal import explicit_graph_inputs

        memo = clone_get_equiv(explicit_graph_inputs(news), news, copy_inputs=True, copy_orphans=False)
    results = [memo[v] for v in news]
    return results[0] if single else results


graph_replace = clone_replace


def equal_computations(
    xs: Sequence[Any], ys: Sequence[Any], in_xs: Sequence[Variable] = (), in_ys: Sequence[Variable] = ()
) -> bool:
    """Whether two lists of expressions compute the same, node by node, with inputs `in_xs` standing for `in_ys`."""
    if len(xs) != len(ys) or len(in_xs) != len(in_ys):
        return False
    # Value numbering: whatever is computed by the same Op from inputs of the same numbers has the same number.
    numbers: dict[Any, int] = {}

    def number(key: Any) -> int:
        return numbers.setdefault(key, len(numbers))

    def numbered(outputs: Sequence[Any], inputs: Sequence[Variable]) -> list[int]:
        found: dict[Any, int] = {v: number(("input", i)) for i, v in enumerate(inputs)}

        def number_of(variable: Any) -> int:
            if variable not in found:
                found[variable] = number(_leaf_key(variable))
            return found[variable]

        for node in toposort([v for v in outputs if isinstance(v, Variable)], inputs):
            whole = number((node.op, *map(number_of, node.inputs)))
            for output in node.outputs:
                found.setdefault(output, number(("output", whole, output.index)))
        return [number_of(v) for v in outputs]

    return numbered(xs, in_xs) == numbered(ys, in_ys)


def _leaf_key(variable: Any) -> Any:
    """What is equal for equal leaves: constants by value, all others by identity."""
    if isinstance(variable, Constant):
        signature = variable.signature()
        try:
            hash(signature)
        except TypeError:
            return variable
        return ("constant", signature)
    return variable
