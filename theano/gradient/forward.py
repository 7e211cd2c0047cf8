"""Forward mode: the derivative of expressions along a direction, by one walk from the inputs to the end.

Each node turns the derivatives of its inputs into those of its outputs: with its Op's ``R_op`` where there is
one. Where there is none the derivative is obtained from reverse mode applied twice: ``L_op`` is linear in the gradients
``v`` that it is given, ``u_i = v · dy/dx_i``, so the derivative of ``Σ_i u_i · e_i`` with respect to ``v`` is
``Σ_i dy/dx_i · e_i``, the derivative of the outputs along ``e``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from theano.gradient.arguments import as_points, as_variables, check_choice
from theano.gradient.reverse import backpropagate, dependence
from theano.gradient.terms import call_L_op, check_term, connections, fit, kind_of, zero_gradient
from theano.gradient.types import (
    DisconnectedInputError,
    disconnected_type,
    format_like,
    is_disconnected,
    made_at,
    refuse_null,
)
from theano.graph.basic import Apply, Variable
from theano.graph.op import MethodNotDefined, Op
from theano.graph.traversal import toposort

__all__ = ["Rop"]


def pushforward(outputs: Sequence[Variable], directions: Mapping[Variable, Variable]) -> dict[Variable, Variable]:
    """The derivatives of `outputs` (and of all on the way to them) along `directions`, where they depend on those."""
    order = toposort(outputs, set(directions))
    _, patterns = dependence(order, directions)
    tangents: dict[Variable, Variable] = dict(directions)
    # What depends on the directions through integers only. They are step functions, flat where they have a derivative.
    flat: set[Variable] = set()
    for node in order:
        if node not in patterns:
            continue
        points = [tangents.get(x) for x in node.inputs]
        smooth = [kind_of(y) != "discrete" for y in node.outputs]
        found: list[Variable | None] = [None] * len(node.outputs)
        if any(smooth) and any(point is not None for point in points):
            found = output_tangents(node, points)
        for j, (y, tangent) in enumerate(zip(node.outputs, found, strict=True)):
            if y in directions:
                continue
            if smooth[j] and not is_disconnected(tangent):
                tangents[y] = fit(tangent, y)
                continue
            connected = [x for i, x in enumerate(node.inputs) if patterns[node][i][j]]
            if any(x in flat or (x in tangents and not smooth[j]) for x in connected):
                flat.add(y)
    tangents.update((y, zero_gradient(y)) for y in outputs if y in flat)
    return tangents


def output_tangents(node: Apply, points: list[Variable | None]) -> list[Variable | None]:
    """The derivatives of the node's outputs, given those of its inputs."""
    if type(node.op).R_op is not Op.R_op:
        try:
            tangents = node.op.R_op(list(node.inputs), list(points))
        except MethodNotDefined:
            pass
        else:
            return check_tangents(node, tangents)
    return transposed_transpose(node, points)


def check_tangents(node: Apply, tangents: Any) -> list[Variable | None]:
    """What the Op's ``R_op`` returned, when it can be derivatives of the outputs."""
    if not isinstance(tangents, list | tuple) or len(tangents) != len(node.outputs):
        raise ValueError(
            f"{node.op}.R_op must return a list with {len(node.outputs)} derivatives, one for each output, "
            f"got {tangents!r}{made_at(node)}"
        )
    for j, (y, tangent) in enumerate(zip(node.outputs, tangents, strict=True)):
        if tangent is None:
            continue
        if not isinstance(tangent, Variable):
            raise TypeError(f"{node.op}.R_op returned {tangent!r} for output {j}; it must be a variable{made_at(node)}")
        refuse_null(tangent, node)
        need, have = getattr(y.type, "ndim", None), getattr(tangent.type, "ndim", None)
        if not is_disconnected(tangent) and need != have:
            raise ValueError(
                f"{node.op}.R_op returned a derivative with {have} dimensions (type {tangent.type}) for output {j} "
                f"({y}), which has {need} (type {y.type}){made_at(node)}"
            )
    return list(tangents)


def transposed_transpose(node: Apply, points: list[Variable | None]) -> list[Variable | None]:
    """The derivatives of the node's outputs from its ``L_op`` alone; see the head of this file."""
    pattern = connections(node)
    moving = [i for i, point in enumerate(points) if point is not None]
    smooth = [j for j, y in enumerate(node.outputs) if kind_of(y) != "discrete" and any(pattern[i][j] for i in moving)]
    tangents: list[Variable | None] = [None] * len(node.outputs)
    # A linear function has the same derivative anywhere, so zeros serve as the point.
    covectors = [zero_gradient(y) if j in smooth else disconnected_type() for j, y in enumerate(node.outputs)]
    gradients = call_L_op(node, covectors)
    seeds: dict[Variable, Variable] = {}
    for i in moving:
        gradient, point = gradients[i], points[i]
        if is_disconnected(gradient) or point is None:
            continue
        refuse_null(gradient, node)
        check_term(node, i, gradient)
        point = fit(point, gradient)
        seeds[gradient] = seeds[gradient] + point if gradient in seeds else point
    if not seeds:
        return tangents
    wanted = [covectors[j] for j in smooth]
    totals = backpropagate(seeds, wanted, constants=[*node.inputs, *node.outputs])
    for j in smooth:
        found = totals[covectors[j]]
        # A gradient that does not depend on what it is given is zero.
        tangents[j] = zero_gradient(node.outputs[j]) if is_disconnected(found) else found
    return tangents


def Rop(
    f: Any,
    wrt: Any,
    eval_points: Any,
    disconnected_outputs: str = "raise",
    return_disconnected: str = "zero",
) -> Any:
    """The Jacobian of `f` with respect to `wrt`, multiplied from the right by `eval_points`.

    It is the derivative of `f` when `wrt` moves in the direction `eval_points`, and costs one walk forwards.

    Parameters
    ----------
    f
        an expression, or a list or tuple of them.
    wrt
        a variable or a list of them, which count as independent of each other.
    eval_points
        for each of `wrt` a variable of its shape.
    disconnected_outputs
        what to do when one of `f` does not depend on `wrt`: ``"raise"``, ``"warn"`` or ``"ignore"``.
    return_disconnected
        what its derivative is then: ``"zero"``, ``"None"`` or ``"Disconnected"``.

    Returns
    -------
    for each of `f` an expression of its type: one variable, or a list or tuple as `f` is.

    Raises
    ------
    DisconnectedInputError
        (a ValueError) when one of `f` does not depend on `wrt`.
    ValueError
        when number or ranks of `wrt` and `eval_points` differ.

    >>> import theano, theano.tensor as T
    >>> x, v = T.dvectors("x", "v")
    >>> theano.Rop(x**2, x, v).eval({x: [1.0, 2.0], v: [3.0, 5.0]})
    array([ 6., 20.])
    """
    check_choice("disconnected_outputs", disconnected_outputs, ("raise", "warn", "ignore"))
    check_choice("return_disconnected", str(return_disconnected).lower(), ("zero", "none", "disconnected"))
    outputs, variables = as_variables("f", f), as_variables("wrt", wrt)
    directions: dict[Variable, Variable] = {}
    for x, point in zip(variables, as_points("Rop", variables, eval_points, "wrt"), strict=True):
        directions[x] = directions[x] + point if x in directions else point
    tangents = pushforward(outputs, directions)
    results: list[Any] = []
    for y in outputs:
        tangent: Any = tangents.get(y)
        if tangent is None:
            _report_independent(y, disconnected_outputs)
            how = str(return_disconnected).lower()
            tangent = zero_gradient(y) if how == "zero" else None if how == "none" else disconnected_type()
        results.append(tangent)
    return format_like(f, results)


def _report_independent(y: Variable, how: str) -> None:
    if how == "ignore":
        return
    message = (
        f"Rop: {y} (type {y.type}) does not depend on any of wrt, or only through operations that have no derivative. "
        f"Pass disconnected_outputs='ignore' (or 'warn') if that is meant, and its derivative is zero{made_at(y.owner)}"
    )
    if how == "raise":
        raise DisconnectedInputError(message)
    warnings.warn(message, stacklevel=3)
