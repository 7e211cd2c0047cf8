"""Reverse mode: gradients of a cost by one walk over its graph from the end to the beginning.

The nodes that compute the cost are put in dependency order once. A first walk forwards marks the variables that depend
on what the gradient is asked for; a second one backwards asks each marked node's Op for its ``L_op``, once, and adds up
what arrives at each variable. Time is linear in the number of nodes, and nothing recurses.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from theano.gradient.arguments import as_points, as_variables, check_choice
from theano.gradient.guards import UNGUARDED, Guard, Guarded, Guards, common_guards, lifted
from theano.gradient.guards import total as guarded_total
from theano.gradient.terms import (
    call_L_op,
    check_connection,
    check_term,
    connections,
    fit,
    gradient_dtype,
    kind_of,
    zero_gradient,
)
from theano.gradient.types import (
    DisconnectedInputError,
    disconnected_type,
    format_like,
    is_disconnected,
    is_null,
    made_at,
    refuse_null,
)
from theano.graph.basic import Apply, Variable
from theano.graph.pauses import collector_paused
from theano.graph.traversal import toposort

__all__ = ["Lop", "grad", "subgraph_grad"]


# ---- the walk


def dependence(nodes: Iterable[Apply], wrt: Iterable[Variable]) -> tuple[set[Variable], dict[Apply, list[list[bool]]]]:
    """The variables that depend differentiably on `wrt`, and the connection patterns of the nodes that pass this on.

    `nodes` must be in dependency order.
    """
    dependent = set(wrt)
    patterns = {}
    for node in nodes:
        touched = [i for i, x in enumerate(node.inputs) if x in dependent]
        if touched:
            patterns[node] = pattern = connections(node)
            dependent.update(y for j, y in enumerate(node.outputs) if any(pattern[i][j] for i in touched))
    return dependent, patterns


def backpropagate(
    seeds: Mapping[Variable, Variable],
    wrt: Sequence[Variable],
    constants: Collection[Variable] = (),
    null_gradients: str = "raise",
    known: Mapping[Variable, Variable] | None = None,
) -> dict[Variable, Variable]:
    """The gradient with respect to each variable of `wrt` and all on the way to it.

    Parameters
    ----------
    seeds
        variable → gradient that comes to it from outside: where the walk begins.
    constants
        variables behind which the walk does not look.
    null_gradients
        ``"raise"``, or ``"return"`` to give gradients of ``NullType`` as results.
    known
        variable → its whole gradient: further places to begin, where what the walk brings is left aside.

    Returns
    -------
    variable → gradient; variables that the seeds do not depend on have a gradient of ``DisconnectedType`` or none.
    The gradients of variables in a branch (see :mod:`theano.gradient.guards`) that are not in `wrt` are those for the
    case that it is taken.
    """
    constants = set(constants)
    totals: dict[Variable, Variable] = dict(known or {})
    guards_of: dict[Variable, Guards] = {}
    order = toposort([*seeds, *totals], constants)
    dependent, patterns = dependence(order, wrt)
    terms: dict[Variable, list[Guarded]] = {variable: [(seed, UNGUARDED)] for variable, seed in seeds.items()}

    def total(variable: Variable) -> Variable:
        if variable not in totals:
            found = [(term, guards) for term, guards in terms.pop(variable, []) if not is_disconnected(term)]
            null = next((term for term, _ in found if is_null(term)), None)
            if null is not None:
                totals[variable] = null
            elif found:
                totals[variable], guards = guarded_total(variable, found)
                if guards:
                    guards_of[variable] = guards
            else:
                totals[variable] = disconnected_type()
        return totals[variable]

    for node in reversed(order):
        pattern = patterns.get(node)
        if pattern is None:
            continue
        gradients = [disconnected_type() if y in constants else total(y) for y in node.outputs]
        reached = [j for j, g in enumerate(gradients) if not is_disconnected(g)]
        wanted = [i for i, x in enumerate(node.inputs) if x in dependent and any(pattern[i][j] for j in reached)]
        if not wanted:
            continue
        guards = under_common_guards(node, gradients, reached, guards_of)
        for i, (term, inner) in zip(wanted, input_terms(node, pattern, gradients, reached, wanted), strict=True):
            if is_disconnected(term):
                continue
            if null_gradients == "raise":
                refuse_null(term, node)
            terms.setdefault(node.inputs[i], []).append((term, guards + inner))
    for variable in wrt:
        total(variable)
        if variable in guards_of:
            totals[variable] = lifted(variable, [(totals[variable], guards_of.pop(variable))], 0)
    return totals


def under_common_guards(
    node: Apply, gradients: list[Variable], reached: list[int], guards_of: Mapping[Variable, Guards]
) -> Guards:
    """The guards that the gradients of all outputs share; others are put into `gradients`."""
    if not guards_of or not any(node.outputs[j] in guards_of for j in reached):
        return UNGUARDED
    guarded = {
        j: (gradients[j], guards_of.get(node.outputs[j], UNGUARDED)) for j in reached if not is_null(gradients[j])
    }
    common = common_guards(list(guarded.values()))
    for j, (gradient, guards) in guarded.items():
        if guards != common:
            gradients[j] = lifted(node.outputs[j], [(gradient, guards)], len(common))
    return common


def input_terms(
    node: Apply, pattern: list[list[bool]], gradients: list[Variable], reached: list[int], wanted: list[int]
) -> list[Guarded]:
    """What `node` sends back to its inputs number `wanted`, checked and brought into form, each with its own guards.

    `gradients` are those of its outputs, of which only the numbers in `reached` are connected to the cost.
    """
    guards: dict[int, Guards] = {}
    nulls = {j for j in reached if is_null(gradients[j])}
    discrete = {j for j in reached if kind_of(node.outputs[j]) == "discrete"}
    if len(nulls) == len(reached):
        results: list[Variable] = [disconnected_type() for _ in node.inputs]
    else:
        proper = list(gradients)
        for j in reached:
            proper[j] = disconnected_type() if j in nulls else fit(gradients[j], node.outputs[j])
        choices = node.op.choices(node)
        if choices is None:
            results = call_L_op(node, proper)
        else:
            results = [zero_gradient(x) if c is None else proper[c.output] for x, c in zip(node.inputs, choices)]
            guards = {i: (Guard(c.condition, c.side),) for i, c in enumerate(choices) if c is not None}
    terms: list[Guarded] = []
    for i in wanted:
        x, term = node.inputs[i], results[i]
        through = [j for j in reached if pattern[i][j]]
        null = next((j for j in through if j in nulls), None)
        if null is not None:
            term = gradients[null]
        elif not is_null(term):
            check_connection(node, i, term)
            if not is_disconnected(term):
                check_term(node, i, term)
                # An integer result is a step function of its inputs, whatever gradient arrives there.
                term = zero_gradient(x) if discrete.issuperset(through) else fit(term, x)
        terms.append((term, guards.get(i, UNGUARDED)))
    return terms


# ---- the public functions


def grad(
    cost: Variable | None,
    wrt: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
    add_names: bool = True,
    known_grads: Mapping[Variable, Variable] | None = None,
    return_disconnected: str = "zero",
    null_gradients: str = "raise",
) -> Any:
    """Symbolic gradient of a scalar cost.

    Parameters
    ----------
    cost
        a real scalar (0-d) expression; ``None`` when `known_grads` says where to begin. An integer cost is a step
        function, so its gradient is zero everywhere (but 1 with respect to itself).
    wrt
        a variable or a list or tuple of variables, inputs or intermediate results, to differentiate with respect to.
    consider_constant
        expressions to be taken as constants: no gradient flows through them.
    disconnected_inputs
        what to do when the cost does not depend on one of `wrt`: ``"raise"``, ``"warn"`` or ``"ignore"``.
    add_names
        name the gradients ``(dcost/dx)`` where cost and variable have names.
    known_grads
        gradients that are known: variable → gradient with respect to it.
    return_disconnected
        what a disconnected gradient is returned as: ``"zero"``, ``"None"`` or ``"Disconnected"``
        (a variable of ``DisconnectedType``).
    null_gradients
        ``"raise"`` when a gradient is undefined or not implemented, or ``"return"`` a variable of ``NullType``.

    Returns
    -------
    gradients of the types of `wrt` (``floatX`` for integers): one variable, or a list or tuple as `wrt` is.

    Raises
    ------
    TypeError
        when the cost is not a real scalar, or an Op returns something that is no gradient.
    DisconnectedInputError
        (a ValueError) when the cost does not depend on one of `wrt`.
    NullTypeGradError
        (a TypeError) when a gradient that is needed is undefined or not implemented.

    >>> import theano, theano.tensor as T
    >>> x = T.dscalar("x")
    >>> g = theano.grad(x**2, x)
    >>> g.eval({x: 3.0})
    array(6.)
    """
    seeds: dict[Variable, Variable] = {}
    if cost is not None:
        seeds[cost] = _cost_seed(cost)
    elif not known_grads:
        raise ValueError("grad needs a cost, or known_grads to begin with")
    for variable, gradient in (known_grads or {}).items():
        _check_known_gradient(variable, gradient)
    return _gradients(
        seeds, wrt, consider_constant, disconnected_inputs, add_names, known_grads, return_disconnected, null_gradients
    )


def _gradients(
    seeds: dict[Variable, Variable],
    wrt: Any,
    consider_constant: Sequence[Variable] | None,
    disconnected_inputs: str,
    add_names: bool,
    known: Mapping[Variable, Variable] | None,
    return_disconnected: str,
    null_gradients: str,
) -> Any:
    """:func:`grad` for given gradients of some variables instead of a cost."""
    choice = str(return_disconnected).lower()
    check_choice("disconnected_inputs", disconnected_inputs, ("raise", "warn", "ignore"))
    check_choice("null_gradients", null_gradients, ("raise", "return"))
    check_choice("return_disconnected", choice, ("zero", "none", "disconnected"))
    variables = as_variables("wrt", wrt)
    constants = as_variables("consider_constant", consider_constant)
    with collector_paused():
        totals = backpropagate(seeds, variables, constants, null_gradients, known)
    results: list[Any] = []
    for x in variables:
        gradient: Variable | None = totals[x]
        if null_gradients == "raise":
            refuse_null(gradient)
        if is_disconnected(gradient):
            _report_disconnected(x, seeds, disconnected_inputs)
            gradient = zero_gradient(x) if choice == "zero" else None if choice == "none" else gradient
        elif not is_null(gradient):
            gradient = fit(gradient, x)
        results.append(gradient)
    if add_names:
        _add_names(seeds, [*zip(variables, results, strict=True), *totals.items()], known or {})
    return format_like(wrt, results)


def _add_names(
    seeds: Mapping[Variable, Variable],
    gradients: list[tuple[Variable, Variable | None]],
    known: Mapping[Variable, Variable],
) -> None:
    """Name gradients ``(dcost/dx)``, but for those that are the user's own variables or have a name already."""
    given = {id(gradient) for gradient in known.values()}
    for cost in seeds:
        for variable, gradient in gradients:
            if gradient is None or gradient.owner is None or gradient.name is not None or id(gradient) in given:
                continue
            if cost.name is not None and variable.name is not None:
                gradient.name = f"(d{cost.name}/d{variable.name})"


def _cost_seed(cost: Any) -> Variable:
    """The gradient of a cost with respect to itself, after checking that it is a cost."""
    if not isinstance(cost, Variable):
        raise TypeError(f"the cost of grad must be a variable, got {cost!r} of {type(cost)}")
    if is_null(cost):
        raise ValueError(f"the cost of grad has no value: {cost.type.why_null}")
    if is_disconnected(cost) or getattr(cost.type, "ndim", None) is None:
        raise TypeError(f"the cost of grad must be a scalar tensor, got {cost} of type {cost.type}")
    if cost.type.ndim != 0:
        raise TypeError(
            f"the cost of grad must be a scalar (0-d), got {cost} of type {cost.type}. Reduce it, as with .sum() or "
            f".mean(); for the derivative of each element see theano.gradient.jacobian{made_at(cost.owner)}"
        )
    if kind_of(cost) == "complex":
        raise TypeError(
            f"the cost of grad must be real, got {cost} of type {cost.type}. Take a real function of it, as abs(cost), "
            f"cost.real or cost.imag{made_at(cost.owner)}"
        )
    return cost.ones_like(dtype=gradient_dtype(cost))


def _check_known_gradient(variable: Any, gradient: Any) -> None:
    if not isinstance(variable, Variable):
        raise TypeError(f"known_grads maps variables to gradients, got the key {variable!r}")
    if not isinstance(gradient, Variable):
        raise TypeError(
            f"the known gradient of {variable} must be a variable, got {gradient!r} of {type(gradient)}. "
            f"Convert it, as with T.as_tensor_variable"
        )
    if is_disconnected(gradient) or is_null(gradient):
        return
    if kind_of(gradient) not in ("float", "complex"):
        raise TypeError(
            f"the known gradient of {variable} must have a floating-point dtype, got {gradient} (type {gradient.type})"
        )
    need, have = getattr(variable.type, "ndim", None), getattr(gradient.type, "ndim", None)
    if need != have:
        raise ValueError(
            f"the known gradient of {variable} (type {variable.type}) must have its number of dimensions, {need}; "
            f"{gradient} of type {gradient.type} has {have}"
        )


def _report_disconnected(x: Variable, costs: Iterable[Variable], how: str) -> None:
    if how == "ignore":
        return
    of = " ".join(["the cost", *(cost.name for cost in costs if cost.name is not None)][:2])
    message = (
        f"{of} does not depend on {x} (type {x.type}), or only through operations that have no derivative. "
        f"Check that {x} is the very variable that the expression was built from; if no dependence is meant, pass "
        f"disconnected_inputs='ignore' (or 'warn'), and the gradient is zero{made_at(x.owner)}"
    )
    if how == "raise":
        raise DisconnectedInputError(message)
    warnings.warn(message, stacklevel=4)


def Lop(
    f: Any,
    wrt: Any,
    eval_points: Any,
    consider_constant: Sequence[Variable] | None = None,
    disconnected_inputs: str = "raise",
) -> Any:
    """The Jacobian of `f` with respect to `wrt`, multiplied from the left by `eval_points`.

    It costs one walk backwards, whatever the shapes; the Jacobian itself is never formed.

    Parameters
    ----------
    f
        an expression or a list of them.
    wrt
        a variable or a list or tuple of them.
    eval_points
        for each of `f` a variable of its shape.
    consider_constant, disconnected_inputs
        as for :func:`grad`.

    Returns
    -------
    for each of `wrt` an expression of its type: one variable, or a list or tuple as `wrt` is.

    >>> import theano, theano.tensor as T
    >>> x, v = T.dvectors("x", "v")
    >>> theano.Lop(x**2, x, v).eval({x: [1.0, 2.0], v: [3.0, 5.0]})
    array([ 6., 20.])
    """
    outputs = as_variables("f", f)
    seeds: dict[Variable, Variable] = {}
    for y, point in zip(outputs, as_points("Lop", outputs, eval_points, "f"), strict=True):
        seeds[y] = seeds[y] + point if y in seeds else point
    return _gradients(seeds, wrt, consider_constant, disconnected_inputs, False, None, "zero", "raise")


def subgraph_grad(
    wrt: Any,
    end: Any,
    start: Mapping[Variable, Variable] | None = None,
    cost: Variable | None = None,
    details: bool = False,
) -> Any:
    """Gradients through one part of a graph, so that a long chain can be differentiated piece by piece.

    Parameters
    ----------
    wrt
        the parameters of this part.
    end
        the variables at which this part begins, seen from the inputs: gradients with respect to them are what the next
        part, nearer to the inputs, takes as `start`.
    start
        variable → gradient with respect to it, from the part nearer to the cost.
    cost
        a further cost that this part adds (0-d).
    details
        also return how `start` and `cost` contributed.

    Returns
    -------
    (gradients of `wrt`, gradients of `end`), two lists; with `details` two more: the contributions of `start` and those
    of `cost` to ``wrt + end``, ``None`` for what was not given.

    Raises
    ------
    ValueError
        when neither `start` nor `cost` is given.

    >>> import theano, theano.tensor as T
    >>> x, w = T.dscalars("x", "w")
    >>> hidden = T.tanh(x)
    >>> [of_w], [of_hidden] = theano.subgraph_grad(wrt=[w], end=[hidden], cost=w * hidden)
    >>> [of_x], _ = theano.subgraph_grad(wrt=[x], end=[], start={hidden: of_hidden})
    >>> of_x.eval({x: 0.0, w: 5.0})
    array(5.)
    """
    if start is None and cost is None:
        raise ValueError("subgraph_grad needs start, cost or both")
    parameters, ends = as_variables("wrt", wrt), as_variables("end", end)
    targets = parameters + ends

    def part(**seed: Any) -> list[Variable]:
        return grad(wrt=targets, consider_constant=ends, disconnected_inputs="ignore", **seed)

    from_start = part(cost=None, known_grads=start) if start else None
    from_cost = part(cost=cost) if cost is not None else None
    if from_start is not None and from_cost is not None:
        total = [a + b for a, b in zip(from_start, from_cost, strict=True)]
    else:
        total = from_start or from_cost or []
    split = len(parameters)
    if details:
        return total[:split], total[split:], from_start, from_cost
    return total[:split], total[split:]
