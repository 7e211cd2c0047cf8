"""From the arguments of `theano.function` to complete lists of inputs and outputs.

Givens are put in, shared variables become inputs whose values lie in their containers, and updates, given and default,
are attached to the inputs that they update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from theano.compile.io import In, SymbolicInput, SymbolicOutput, as_input, as_output
from theano.compile.sharedvalue import SharedVariable
from theano.graph.basic import Apply, Constant, Variable
from theano.graph.replace import replace_graph
from theano.graph.traversal import ancestors, toposort


def gather(
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    updates: Any = None,
    givens: Any = None,
    no_default_updates: bool | Sequence[SharedVariable] = False,
    rebuild_strict: bool = True,
    allow_input_downcast: bool | None = None,
) -> tuple[list[SymbolicInput], list[SymbolicOutput]]:
    """All inputs, explicit ones first, then one for each shared variable, and all outputs; see `theano.function`."""
    ins = [_explicit_input(entry, i, allow_input_downcast) for i, entry in enumerate(inputs)]
    outs = [as_output(entry) for entry in outputs]
    replacements = _checked_givens(givens, {i.variable for i in ins})
    new_values = _checked_updates(updates)

    input_updates = [i.update for i in ins if i.update is not None]
    roots = [*(o.variable for o in outs), *input_updates, *new_values.values()]
    shared = _shared_variables(roots, replacements, new_values, no_default_updates)
    if replacements:
        roots = [*(o.variable for o in outs), *input_updates, *new_values.values()]
        rebuilt = iter(_replace(roots, replacements, rebuild_strict))
        outs = [SymbolicOutput(next(rebuilt), o.borrow) for o in outs]
        ins = [i if i.update is None else _with_update(i, next(rebuilt)) for i in ins]
        new_values = {variable: _fitting_update(variable, next(rebuilt)) for variable in new_values}
    for variable in shared:
        ins.append(In(variable, value=variable.container, update=new_values.get(variable), shared=True, borrow=True))
    return ins, outs


def _explicit_input(entry: Any, position: int, allow_input_downcast: bool | None) -> SymbolicInput:
    try:
        found = as_input(entry, allow_input_downcast)
    except TypeError as error:
        raise TypeError(f"theano.function, input {position}: {error}") from None
    variable = found.variable
    if isinstance(variable, Constant):
        raise TypeError(f"theano.function, input {position}: {variable} is a constant, so no value can be given for it")
    if isinstance(variable, SharedVariable):
        raise TypeError(
            f"theano.function, input {position}: the shared variable {variable} has its value already. Leave it out of "
            f"the inputs; to give its value in each call, replace it by a plain variable: givens={{{variable}: v}}, "
            f"with v = {variable}.type() among the inputs."
        )
    return found


def pairs_of(mapping: Any, what: str) -> list[tuple[Any, Any]]:
    """The pairs of a dict or of a list of pairs."""
    if mapping is None:
        return []
    if isinstance(mapping, Mapping):
        return list(mapping.items())
    entries = list(mapping)
    for entry in entries:
        if isinstance(entry, str | Variable) or not hasattr(entry, "__len__") or len(entry) != 2:
            raise TypeError(f"theano.function: {what} is a dict or a list of pairs; {entry!r} is not a pair")
    return [(first, second) for first, second in entries]


def _checked_givens(givens: Any, inputs: set[Variable]) -> list[tuple[Variable, Any]]:
    pairs = pairs_of(givens, "givens")
    seen: set[Variable] = set()
    for old, _ in pairs:
        if not isinstance(old, Variable):
            raise TypeError(f"theano.function: givens replaces variables, {old!r} of {type(old)} is none")
        if old in inputs:
            raise RuntimeError(
                f"theano.function: {old} is both an input and replaced through givens, so what is given for the input "
                f"would have no effect. Leave it out of the inputs, or use "
                f"theano.clone(output, replace={{{old}: ...}})."
            )
        if old in seen:
            raise ValueError(f"theano.function: givens replaces {old} twice")
        seen.add(old)
    return pairs


def _checked_updates(updates: Any) -> dict[SharedVariable, Variable]:
    new_values: dict[SharedVariable, Variable] = {}
    for variable, value in pairs_of(updates, "updates"):
        if not isinstance(variable, SharedVariable):
            raise TypeError(
                f"theano.function: only shared variables can be updated; {variable} of {type(variable).__name__} "
                "is none. "
                "For an input that keeps its value between calls use theano.In(variable, value=..., update=...)."
            )
        if variable in new_values:
            raise ValueError(
                f"theano.function: the shared variable {variable} is updated twice: {new_values[variable]} and {value}"
            )
        new_values[variable] = _fitting_update(variable, value)
    return new_values


def _fitting_update(variable: SharedVariable, value: Any) -> Variable:
    """`value` as a variable of exactly the type of the shared variable that it updates."""
    try:
        if isinstance(value, Variable) and _only_forgets_lengths(variable.type, value.type):
            return variable.type.filter_variable(value)
        return variable.type.filter_variable(value, allow_convert=False)
    except (TypeError, ValueError) as error:
        found = value.type if isinstance(value, Variable) else type(value)
        raise TypeError(
            f"theano.function: the update of the shared variable {variable} must have its type {variable.type}, but "
            f"{value} has type {found}.{_advice(variable.type, found)}"
        ) from error


def _only_forgets_lengths(wanted: Any, found: Any) -> bool:
    """Whether `found` differs from `wanted` just in saying of more dimensions that their length is 1."""
    if not all(hasattr(t, "broadcastable") for t in (wanted, found)):
        return False
    if (wanted.dtype, wanted.ndim) != (found.dtype, found.ndim):
        return False
    return all(mine <= theirs for mine, theirs in zip(wanted.broadcastable, found.broadcastable, strict=True))


def _advice(wanted: Any, found: Any) -> str:
    """How an expression of type `found` can be made one of type `wanted`."""
    if not all(hasattr(t, "broadcastable") for t in (wanted, found)):
        return ""
    if wanted.ndim != found.ndim:
        return f" Bring it to rank {wanted.ndim} (reshape, dimshuffle, sum over an axis, ...)."
    if wanted.dtype != found.dtype:
        return f" Convert it with theano.tensor.cast(expression, {wanted.dtype!r})."
    return f" Only the broadcast patterns differ: theano.tensor.patternbroadcast(expression, {wanted.broadcastable})."


def _shared_variables(
    roots: list[Variable],
    replacements: list[tuple[Variable, Any]],
    new_values: dict[SharedVariable, Variable],
    no_default_updates: bool | Sequence[SharedVariable],
) -> list[SharedVariable]:
    """The shared variables that are updated or needed; adds default updates to `new_values`.

    Where a variable changes in a loop, its value after the loop takes the place of its default update.
    """
    if isinstance(no_default_updates, bool):
        without_default: set[Any] | None = None if no_default_updates else set()
    elif isinstance(no_default_updates, Iterable):
        without_default = set(no_default_updates)
    else:
        raise TypeError(
            f"theano.function: no_default_updates is a bool or a list of shared variables, not {no_default_updates!r}"
        )
    instead = dict(replacements)
    found = dict.fromkeys(new_values)
    seen: set[Variable] = set()
    after_loops: dict[SharedVariable, Variable] | None = None
    todo: list[tuple[Iterable[Variable], bool]] = [(roots, True), (list(found), False)]
    while todo:
        starts, replaced = todo.pop()
        blockers = instead if replaced else None
        for variable in ancestors(list(starts), blockers):
            if replaced and variable in instead:
                new = instead[variable]
                if isinstance(new, Variable):
                    todo.append(([new], False))
            elif isinstance(variable, SharedVariable) and variable not in seen:
                seen.add(variable)
                found.setdefault(variable)
                default = variable.default_update
                if default is None or variable in new_values:
                    continue
                if after_loops is None:
                    after_loops = values_after_loops(toposort(roots))
                default = after_loops.get(variable, default)
                if without_default is not None and variable not in without_default:
                    new_values[variable] = _fitting_update(variable, default)
                    todo.append(([new_values[variable]], True))
    return list(found)


def values_after_loops(nodes: Iterable[Apply]) -> dict[SharedVariable, Any]:
    """The shared variables that change in loops among `nodes`, and the values that they have after these.

    ``node.tag.updates`` of a loop says which output has the rows of such a variable.
    """
    found: dict[SharedVariable, Any] = {}
    for node in nodes:
        for variable, number in getattr(node.tag, "updates", {}).items():
            found[variable] = node.outputs[number][-1]
    return found


def _replace(roots: list[Variable], replacements: list[tuple[Variable, Any]], strict: bool) -> list[Variable]:
    checked = []
    for old, new in replacements:
        try:
            checked.append((old, old.type.filter_variable(new) if strict or not isinstance(new, Variable) else new))
        except (TypeError, ValueError) as error:
            found = new.type if isinstance(new, Variable) else type(new)
            raise TypeError(
                f"theano.function: givens replaces {old} of type {old.type} by {new} of type {found}."
                f"{_advice(old.type, found)} With rebuild_strict=False the expression is rebuilt for the new type."
            ) from error
    return replace_graph(roots, checked, strict=strict)


def _with_update(old: SymbolicInput, update: Variable) -> SymbolicInput:
    import copy

    new = copy.copy(old)
    new.update = update
    return new
