"""scan: the loop of the language. From a step function and what it goes through to a node of :class:`Scan`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from theano.compile.errors import MissingInputError
from theano.graph.basic import Variable, format_trace
from theano.loops.arguments import (
    OutputArgument,
    SequenceArgument,
    as_list,
    describe_rows,
    grown,
    holds,
    read_outputs_info,
    read_sequences,
    read_steps,
    refuse,
)
from theano.loops.capture import capture, implicit_updates, missing_inputs
from theano.loops.op import Layout, Scan
from theano.loops.results import StepResult, read_result, until
from theano.tensor.assertion import patternbroadcast
from theano.tensor.functions import cast
from theano.tensor.shape import shape_padleft
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable
from theano.updates import OrderedUpdates

__all__ = ["scan", "until"]


def scan(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    mode: Any = None,
    name: str | None = None,
    profile: Any = False,
    allow_gc: bool | None = None,
    strict: bool = False,
    return_list: bool = False,
    **unknown: Any,
) -> tuple[Any, OrderedUpdates]:
    """A loop: `fn` says what one step computes, and is called to build that expression, not to run it.

    Parameters
    ----------
    fn
        the step. Its arguments are, in this order: a row of each sequence (for each of its taps), the rows of each
        state (for each of its taps), the `non_sequences`. It returns the outputs of the step, one or a list; behind
        them, if need be, updates of shared variables ``{shared: new value}``, and ``until(condition)``, which ends the
        loop after the step in which the condition is true. It may be called more than once.
    sequences
        what the loop goes through, along the first dimension: a variable or array, or ``dict(input=x, taps=[-1, 0])``
        for steps that see other rows than their own: -1 is the row before, 1 the one behind; only steps for which all
        of these rows exist are taken. Several in a list; they may differ in length, the shortest counts.
    outputs_info
        for each output its initial value, when steps need the value of the step before (a state), else ``None``.
        ``dict(initial=x, taps=[-3, -1])`` for states that look further back: the rows of `x` are the values before the
        first step, the oldest first. Left out: no output is a state.
    non_sequences
        what `fn` gets as it is in each step. Expressions and shared variables that `fn` uses need not be listed.
    n_steps
        how many steps: an integer or integer scalar. Negative: the sequences are gone through backwards (forwards with
        `go_backwards`). Left out: as many as the shortest sequence has.
    truncate_gradient
        how many steps gradients go back; -1: all.
    go_backwards
        go through the sequences from their ends.
    mode, profile, allow_gc
        accepted as in Theano 1.0. A loop is compiled with the function that contains it, in the mode of that function;
        ``theano.function(..., profile=True)`` shows the loops; memory is planned with that of the function.
    name
        of the loop, in printed graphs, profiles and messages.
    strict
        all variables that `fn` uses must be among its arguments; a :class:`MissingInputError` lists those that are not.
    return_list
        return a list even for a single output.

    Returns
    -------
    outputs and updates. An output has a row for each step that was run; several come in a list, of none comes ``None``.
    The updates, to be passed to `theano.function`, are those of `fn` and of random streams in it, over the whole loop;
    `theano.function` finds those of random streams by itself.

    Raises
    ------
    TypeError, ValueError
        for arguments or results of `fn` that make no loop. At run time, when a sequence or initial value is too short,
        or a state changes its shape.

    Running sums, and Fibonacci's numbers with two steps to look back:

    >>> import theano, theano.tensor as T
    >>> x = T.dvector("x")
    >>> sums, _ = theano.scan(lambda row, total: total + row, sequences=x, outputs_info=T.zeros_like(x[0]))
    >>> sums.eval({x: [1.0, 2.0, 3.0]})
    array([1., 3., 6.])
    >>> begin = dict(initial=T.constant([0, 1]), taps=[-2, -1])
    >>> numbers, _ = theano.scan(lambda a, b: a + b, outputs_info=begin, n_steps=8)
    >>> numbers.eval()
    array([ 1,  2,  3,  5,  8, 13, 21, 34])
    """
    refuse(unknown, [p for p in inspect.signature(scan).parameters if p != "unknown"])
    loop = build(fn, sequences, outputs_info, non_sequences, n_steps, truncate_gradient, go_backwards, name, strict)
    results = [full[depth:] if depth else full for full, depth in loop.outputs]
    if return_list:
        return results, loop.updates
    return (results[0] if len(results) == 1 else results or None), loop.updates


class Loop(NamedTuple):
    """A loop that was built.

    Attributes
    ----------
    outputs
        all rows of each output, and how many of them are initial ones.
    updates
        shared variable → its value after the last step.
    """

    outputs: list[tuple[Any, int]]
    updates: OrderedUpdates


def build(
    fn: Callable[..., Any],
    sequences: Any,
    outputs_info: Any,
    non_sequences: Any,
    n_steps: Any = None,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
    name: str | None = None,
    strict: bool = False,
    recompute: bool = False,
) -> Loop:
    """The node of a loop; the arguments are those of :func:`scan`, and of :class:`Scan`."""
    if not callable(fn):
        raise TypeError(f"scan: the step must be a function, got {fn!r}")
    seqs = read_sequences(sequences)
    steps, direction = read_steps(n_steps, seqs, go_backwards)
    others = [v if isinstance(v, Variable) else as_tensor_variable(v) for v in as_list(non_sequences)]
    outputs, step = run_step(fn, seqs, read_outputs_info(outputs_info), others)
    if not outputs and not step.updates:
        return Loop([], OrderedUpdates())

    states = [o for o in outputs if o.taps]
    rows = [row for s in seqs for row in s.rows] + [row for s in states for row in s.rows]
    computed = [*step.outputs, *([] if step.condition is None else [step.condition])]
    given = [*rows, *others]
    updates = implicit_updates(computed, step.updates, given)
    if strict:
        _check_strict([*computed, *step.updates.values()], [*given, *updates], name)
    shared_rows = {v: v.type(name=None if v.name is None else f"{v.name}[t-1]") for v in updates}
    updated = [_fitting_update(v, new) for v, new in updates.items()]
    by_kind = [step.outputs[o.number] for o in states] + updated
    by_kind += [step.outputs[o.number] for o in outputs if not o.taps]
    body = capture(by_kind + computed[len(step.outputs) :], dict(zip(rows, rows)) | shared_rows)

    taps = tuple(s.taps for s in states) + ((-1,),) * len(updates)
    layout = Layout(sum(len(s.taps) for s in seqs), taps, len(outputs) - len(states), step.condition is not None)
    op = Scan([*rows, *shared_rows.values(), *body.inner], body.outputs, layout, name, truncate_gradient, recompute)
    results = op(
        steps,
        *(part for s in seqs for part in s.slices(steps, direction)),
        *(s.initial() for s in states),
        *(_named(shape_padleft(v), v.name) for v in updates),
        *body.outer,
        return_list=True,
    )
    made = layout.split_outputs(results)
    results[0].owner.tag.updates = {v: len(states) + k for k, v in enumerate(updates)}
    ends = OrderedUpdates((v, x[-1]) for v, x in zip(updates, made.states[len(states) :]))
    by_number = {o.number: (x, o.depth) for o, x in zip(states, made.states)}
    by_number |= {o.number: (x, 0) for o, x in zip([o for o in outputs if not o.taps], made.outputs)}
    return Loop([by_number[o.number] for o in outputs], ends)


def _named(x: Any, name: str | None) -> Any:
    x.name = name
    return x


def run_step(
    fn: Callable[..., Any],
    sequences: Sequence[SequenceArgument],
    outputs: list[OutputArgument] | None,
    others: Sequence[Any],
) -> tuple[list[OutputArgument], StepResult]:
    """Call the step function, again where types of states turn out to be other than their initial values'."""
    given = outputs
    while True:
        states = [o for o in given or [] if o.taps]
        for state in states:
            state.start()
        arguments = [row for s in sequences for row in s.rows]
        arguments += [row for s in states for row in s.rows]
        _check_signature(fn, sequences, states, others)
        step = read_result(fn(*arguments, *others))
        outputs = [OutputArgument(k) for k in range(len(step.outputs))] if given is None else given
        if len(step.outputs) != len(outputs):
            raise ValueError(
                f"scan: the step function returned {len(step.outputs)} outputs, but outputs_info has {len(outputs)} "
                f"entries. Each output needs one: an initial value, or None where no later step needs it."
            )
        changed = [_adapt(o, step.outputs[o.number]) for o in states]
        if not any(changed):
            fitted = [_fitted(v, o.kind) if o.taps else _checked(o, v) for o, v in zip(outputs, step.outputs)]
            return outputs, step._replace(outputs=fitted)


def _check_signature(
    fn: Callable[..., Any],
    sequences: Sequence[SequenceArgument],
    states: Sequence[OutputArgument],
    others: Sequence[Any],
) -> None:
    number = sum(len(s.taps) for s in sequences) + sum(len(s.taps) for s in states) + len(others)
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return  # functions that do not tell
    try:
        signature.bind(*range(number))
    except TypeError as error:
        name = getattr(fn, "__name__", str(fn))
        raise TypeError(
            f"scan: the step function {name}{signature} does not take the {number} arguments that it is called with "
            f"({error}):\n{describe_rows(sequences, states, others)}"
        ) from None


# ---- types of states


def _checked(output: OutputArgument, new: Any) -> Any:
    if not isinstance(new.type, TensorType):
        raise TypeError(f"scan: {output} is {new} of type {new.type}; outputs of a loop are tensors, which have rows")
    return new


def _adapt(state: OutputArgument, new: Any) -> bool:
    """Let a state's type be what steps make of it, where that can be; says whether it changed.

    Raises TypeError where it cannot.
    """
    wanted, found = state.kind, _checked(state, new).type
    if found.ndim != wanted.ndim:
        raise TypeError(_other_type(state, new, _rank_advice(state, found)))
    dtype = grown(wanted.dtype, found.dtype) if state.weak else wanted.dtype
    if not holds(dtype, found.dtype):
        advice = (
            f"Begin with the dtype that steps return, theano.tensor.cast(initial, {found.dtype!r}), or let the step "
            f"return theano.tensor.cast(new, {wanted.dtype!r})."
        )
        raise TypeError(_other_type(state, new, advice))
    pattern = [mine and theirs for mine, theirs in zip(wanted.broadcastable, found.broadcastable)]
    state.kind = TensorType(dtype, pattern)
    return state.kind != wanted


def _rank_advice(state: OutputArgument, found: TensorType) -> str:
    wanted = state.kind.ndim
    if not state.stacked and found.ndim < wanted:
        return (
            f"The initial value is that of one step, without a dimension of time: give one of rank {found.ndim}, such "
            f"as initial[0], or bring what the step returns to rank {wanted} (dimshuffle, reshape)."
        )
    if state.stacked and found.ndim == wanted + 1:
        return (
            f"With the taps {list(state.taps)} the first dimension of the initial value is time, so it needs rank "
            f"{found.ndim + 1}; or bring what the step returns to rank {wanted}."
        )
    return (
        f"Bring what the step returns to rank {wanted} (new.reshape(shape), new[0], new.sum(axis=0), dimshuffle), or "
        f"begin with an initial value of rank {found.ndim + state.stacked}."
    )


def _other_type(state: OutputArgument, new: Any, advice: str) -> str:
    return f"scan: {state} goes into a step as {state.kind} and comes out as {new.type}: {new}{_made_at(new)}{advice}"


def _made_at(new: Any) -> str:
    """Where the user made a variable, between two sentences of a message."""
    where = format_trace(new.owner.trace, 1) if new.owner is not None else ""
    return f", made at\n{where}\n" if where else ". "


def _fitted(new: Any, kind: TensorType) -> Any:
    """What a step returns as a variable of exactly the state's type."""
    if new.type.dtype != kind.dtype:
        new = cast(new, kind.dtype)
    return patternbroadcast(new, kind.broadcastable)


def _fitting_update(shared: Any, new: Any) -> Any:
    kind = shared.type
    if not isinstance(kind, TensorType):
        raise TypeError(
            f"scan: the shared variable {shared} of type {kind} changes from step to step; only tensors can do that"
        )
    new = new if isinstance(new, Variable) else as_tensor_variable(new)
    pattern = getattr(new.type, "broadcastable", ())
    if new.type != kind and (
        not isinstance(new.type, TensorType)
        or len(pattern) != kind.ndim
        or not holds(kind.dtype, new.type.dtype)
        or any(mine and not theirs for mine, theirs in zip(kind.broadcastable, pattern))
    ):
        raise TypeError(
            f"scan: the update of the shared variable {shared} must have its type {kind}, but {new} has type "
            f"{new.type}{_made_at(new)}theano.tensor.cast, reshape and patternbroadcast bring it into that form."
        )
    return _fitted(new, kind)


def _check_strict(computed: Sequence[Any], given: Sequence[Any], name: str | None) -> None:
    missing = missing_inputs(computed, given)
    if missing:
        listed = ", ".join(f"{v} ({v.type})" for v in missing)
        raise MissingInputError(
            f"scan{f' {name!r}' if name else ''}, strict: the step function uses variables that are not among its "
            f"arguments: {listed}. Add them to non_sequences, or leave strict out.",
            variable=missing[0],
        )
