"""What users give to `scan`: sequences, initial states and the number of steps, read and checked."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from theano.graph.basic import Constant
from theano.graph.op import TestValueError, test_value_mode
from theano.graph.test_value import get_test_value
from theano.scalar.dtypes import upcast
from theano.tensor.assertion import patternbroadcast
from theano.tensor.elementwise import DimShuffle, Elemwise
from theano.tensor.functions import abs_, cast, maximum, minimum, switch
from theano.tensor.lengths import as_length
from theano.tensor.shape import MakeVector, Shape, Shape_i, known_length, shape_i, shape_padleft
from theano.tensor.subtensor import Subtensor
from theano.tensor.type import TensorType
from theano.tensor.variable import as_tensor_variable, constant

# Arguments of older versions, and what to write today.
FORMER_ARGUMENTS = {
    "return_steps": "take the steps that you want from the result: outputs[-n:]. Steps that nobody uses are not stored",
    "store_steps": "take the steps that you want from the result: outputs[-n:]. Steps that nobody uses are not stored",
    "initial_states": "it is called outputs_info",
    "outs_info": "it is called outputs_info",
    "outputs_taps": "taps stand beside the initial value: outputs_info=[dict(initial=x, taps=[-2, -1])]",
    "sequences_taps": "taps stand beside the sequence: sequences=[dict(input=x, taps=[-1, 0])]",
    "inplace": "leave it out: memory is planned by the compiler",
    "inplace_map": "leave it out: memory is planned by the compiler",
    "info": "leave it out",
    "condition": "the step function returns it: return outputs, theano.scan_module.until(condition)",
    "until": "the step function returns it: return outputs, theano.scan_module.until(condition)",
    "n_fixed_steps": "it is called n_steps",
}


def refuse(unknown: Collection[str], known: Collection[str]) -> None:
    """Raise TypeError for arguments that `scan` does not have, with what to write instead."""
    for name in unknown:
        if name in FORMER_ARGUMENTS:
            raise TypeError(f"scan: the argument {name} belongs to another version; {FORMER_ARGUMENTS[name]}")
        from difflib import get_close_matches  # only mistakes pay for the import

        close = get_close_matches(name, known, 1)
        advice = f"; is {close[0]} meant?" if close else f"; it takes {', '.join(known)}"
        raise TypeError(f"scan has no argument {name!r}{advice}")


def as_list(x: Any) -> list[Any]:
    """A list of none, of one or of several."""
    if x is None:
        return []
    return list(x) if isinstance(x, list | tuple) else [x]


def _entry(x: Any, what: str, key: str) -> tuple[Any, Any]:
    """Value and taps of an entry, which is either the value or a dict."""
    if not isinstance(x, Mapping):
        return x, None
    for name in x:
        if name not in (key, "taps"):
            advice = FORMER_ARGUMENTS.get(name, f"it has {key!r} and 'taps'")
            raise ValueError(f"scan: the dict of {what} has the key {name!r}, which does not belong there; {advice}")
    return x.get(key), x.get("taps")


def _taps(taps: Any, what: str) -> tuple[int, ...]:
    found = []
    for tap in taps if isinstance(taps, list | tuple | range | np.ndarray) else [taps]:
        if isinstance(tap, bool) or not isinstance(tap, int | np.integer):
            raise TypeError(f"scan: the taps of {what} are integers (steps from this one), got {tap!r}")
        found.append(int(tap))
    if len(set(found)) != len(found):
        raise ValueError(f"scan: {what} has a tap twice: {found}")
    return tuple(found)


def _row(kind: TensorType, x: Any, tap: int, picked: int) -> Any:
    """A variable for one row of `x`, with the row's test value where test values are wanted."""
    row: Any = kind(None if x.name is None else f"{x.name}[t{tap:+d}]" if tap else f"{x.name}[t]")
    if test_value_mode() != "off":
        try:
            value = get_test_value(x)
        except TestValueError:
            return row
        if value.ndim == kind.ndim + 1:
            value = value[picked] if -len(value) <= picked < len(value) else np.zeros(value.shape[1:])
        row.tag.test_value = np.asarray(value, dtype=kind.dtype)
    return row


# ---- sequences


@dataclass
class SequenceArgument:
    """A sequence of the user's: what is gone through, and which rows a step sees of it."""

    x: Any
    taps: tuple[int, ...]
    rows: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        kind = TensorType(self.x.type.dtype, self.x.type.broadcastable[1:])
        self.rows = [_row(kind, self.x, tap, tap - self.first) for tap in self.taps]

    @property
    def first(self) -> int:
        """The tap that is row 0 in the first step; this step's own row always counts as one."""
        return min(0, *self.taps)

    @cached_property
    def length(self) -> Any:
        """For how many steps it has all rows."""
        span = max(0, *self.taps) - self.first
        length = shape_i(self.x, 0)
        if not span:
            return length
        known = known_length(self.x, 0)
        return as_length(max(known - span, 0)) if known is not None else maximum(length - span, as_length(0))

    def slices(self, steps: Any, direction: Any) -> list[Any]:
        """For each tap an array with a row a step; `direction` is 1, -1 or the variable that tells."""
        return [self._slice(tap - self.first, steps, direction) for tap in self.taps]

    def _slice(self, start: int, steps: Any, direction: Any) -> Any:
        x, last = self.x, self._end(start)
        if isinstance(direction, int) and direction == 1:
            count = int(steps.data) if isinstance(steps, Constant) else steps
            result = x if start == 0 and _same(steps, shape_i(x, 0)) else x[start : start + count if start else count]
        else:
            result = (x[start:last] if start or last is not None else x)[::direction]
            result = result if _same(steps, self.length) else result[:steps]
        if result is not x:
            result.name = x.name
        return result

    def _end(self, start: int) -> int | None:
        """Where the rows end that are seen through the tap whose first row is `start`."""
        behind = max(0, *self.taps) - self.first - start
        return -behind if behind else None


def _same(a: Any, b: Any) -> bool:
    """Whether two lengths are the same number, as far as can be told."""
    if isinstance(a, Constant) and isinstance(b, Constant):
        return bool(a.data == b.data)
    same_node = a.owner is not None and b.owner is not None and a.owner.op == b.owner.op
    return a is b or (same_node and isinstance(a.owner.op, Shape_i) and a.owner.inputs[0] is b.owner.inputs[0])


def read_sequences(sequences: Any) -> list[SequenceArgument]:
    """The argument ``sequences``."""
    found = []
    for number, entry in enumerate(as_list(sequences)):
        what = f"sequence {number}"
        value, taps = _entry(entry, what, "input")
        if value is None:
            raise ValueError(f"scan: {what} is {entry!r}; it needs something to go through, dict(input=x, taps=[0])")
        x = _as_tensor(value, what)
        if x.type.ndim == 0:
            raise TypeError(
                f"scan: {what} ({x}) has rank 0, so it has no rows to go through. What stays the same in all steps "
                f"belongs into non_sequences; theano.tensor.arange({x}) counts up to it."
            )
        found.append(SequenceArgument(x, (0,) if taps is None else _taps(taps, what)))
        if not found[-1].taps:
            raise ValueError(f"scan: {what} ({x}) has an empty list of taps; [0] is the row of the step itself")
    return found


def _as_tensor(value: Any, what: str) -> Any:
    try:
        return as_tensor_variable(value)
    except TypeError as error:
        raise TypeError(f"scan: {what} must be a tensor, got {value!r}: {error}") from error


# ---- states and other outputs


@dataclass
class OutputArgument:
    """What the user says of an output: its initial value, and which of its rows a step sees.

    Attributes
    ----------
    taps
        empty for outputs that are no states.
    given
        the user's initial value.
    weak
        whether that is a Python number, which takes the dtype that steps give.
    kind
        the type of its rows.
    """

    number: int
    taps: tuple[int, ...] = ()
    given: Any = None
    weak: bool = False
    kind: Any = None
    rows: list[Any] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """How many rows come before the first step's."""
        return -min(self.taps) if self.taps else 0

    @property
    def stacked(self) -> bool:
        """Whether the initial value has a dimension of time; it has none where only the row before is seen."""
        return self.taps != (-1,)

    def start(self) -> None:
        """Fresh variables for the rows that a step sees."""
        self.rows = [_row(self.kind, self.given, tap, self.depth + tap) for tap in self.taps]

    def initial(self) -> Any:
        """The rows before the first step's as an array of the state's type."""
        x = self.given
        if x.type.dtype != self.kind.dtype:
            x = constant(x.data, dtype=self.kind.dtype) if isinstance(x, Constant) else cast(x, self.kind.dtype)
        if self.stacked:
            known = known_length(x, 0)
            x = x if known == self.depth else x[: self.depth]
            rows = patternbroadcast(x, (x.type.broadcastable[0], *self.kind.broadcastable))
        else:
            rows = shape_padleft(patternbroadcast(x, self.kind.broadcastable))
        if rows is not self.given:
            rows.name = self.given.name
        return rows

    def __str__(self) -> str:
        name = f" ({self.given.name})" if self.given is not None and self.given.name else ""
        return f"{'state' if self.taps else 'output'} {self.number}{name}"


def read_outputs_info(outputs_info: Any) -> list[OutputArgument] | None:
    """The argument ``outputs_info``; ``None`` where it is not given."""
    if outputs_info is None:
        return None
    return [_read_output(number, entry) for number, entry in enumerate(as_list(outputs_info))]


def _read_output(number: int, entry: Any) -> OutputArgument:
    what = f"outputs_info {number}"
    value, given_taps = _entry(entry, what, "initial")
    if value is None:
        if given_taps is not None:
            raise ValueError(
                f"scan: {what} has taps {given_taps} but no initial value. Steps that look back need rows from before "
                f"the first step: dict(initial=x, taps={given_taps})"
            )
        return OutputArgument(number)
    taps = (-1,) if given_taps is None else _taps(given_taps, what)
    if not taps:
        raise ValueError(f"scan: {what} has an initial value but an empty list of taps; [-1] is the step before")
    if max(taps) >= 0:
        raise ValueError(
            f"scan: {what} has the taps {list(taps)}, but a step can only look back: the taps of an output are "
            f"negative (-1 is the step before). Rows ahead are there for sequences only."
        )
    x = _as_tensor(value, f"the initial value of {what}")
    weak = isinstance(value, bool | int | float) and not isinstance(value, np.generic)
    found = OutputArgument(number, taps, x, weak)
    pattern = x.type.broadcastable
    if found.stacked:
        known = known_length(x, 0) if x.type.ndim else None
        if x.type.ndim == 0 or (known is not None and known < found.depth):
            has = "rank 0" if x.type.ndim == 0 else f"{known} rows"
            raise ValueError(
                f"scan: the initial value {x} of {what} has {has}, but its taps {list(taps)} look {found.depth} steps "
                f"back: give it {found.depth} rows along its first dimension, the oldest first"
            )
        pattern = pattern[1:]
    found.kind = TensorType(x.type.dtype, pattern)
    return found


# ---- dtypes


def holds(wanted: str, dtype: str) -> bool:
    """Whether a state of dtype `wanted` takes rows of `dtype`: without loss, or integers as floating-point numbers."""
    if wanted == dtype or upcast(wanted, dtype) == wanted:
        return True
    return np.dtype(wanted).kind in "fc" and np.dtype(dtype).kind in "biu"


def grown(current: str, dtype: str) -> str:
    """The dtype of a state that began as a Python number, in `current`, when steps give `dtype`."""
    result = current if holds(current, dtype) else upcast(current, dtype)
    return upcast(result, "int64") if np.dtype(result).kind in "iu" else result


# ---- steps


def read_steps(n_steps: Any, sequences: Sequence[SequenceArgument], go_backwards: bool) -> tuple[Any, Any]:
    """How many steps (an int64 scalar), and the direction through the sequences: 1, -1 or a variable."""
    direction: Any = -1 if go_backwards else 1
    if n_steps is None or (isinstance(n_steps, float | np.floating) and not math.isfinite(n_steps)):
        if not sequences:
            raise ValueError(
                "scan: how many steps? There are no sequences to go through, so say n_steps= (with until: the most)"
            )
        lengths = [s.length for s in sequences]
        steps = lengths[0]
        for length in lengths[1:]:
            steps = steps if _same(steps, length) else _minimum(steps, length)
        return steps, direction
    dtype = getattr(n_steps, "dtype", type(n_steps))
    if np.dtype(dtype).kind not in "iu":
        raise ValueError(
            f"scan: n_steps must be an integer, got {n_steps} of {dtype}; T.cast(…, 'int64') makes one of a variable"
        )
    steps = as_length(n_steps, "scan: n_steps")
    if isinstance(steps, Constant):
        known = int(steps.data)
        return (as_length(abs(known)), -direction if known < 0 else direction)
    if _never_negative(steps):
        return steps, direction
    return abs_(steps), switch(steps < 0, -direction, direction) if sequences else direction


def _minimum(a: Any, b: Any) -> Any:
    if isinstance(a, Constant) and isinstance(b, Constant):
        return as_length(min(int(a.data), int(b.data)))
    return minimum(a, b)


_KEEPS_SIGN = ("add", "mul", "maximum", "minimum", "int_div", "mod", "abs", "sqr")


def _never_negative(steps: Any) -> bool:
    """Whether it can be told that a number is not negative: lengths are not, nor what is added up from them."""
    todo = [steps]
    while todo:
        v = todo.pop()
        if isinstance(v, Constant):
            if (v.data < 0).any():
                return False
        elif v.type.numpy_dtype.kind in "bu":
            continue
        elif v.owner is None:
            return False
        elif isinstance(v.owner.op, Shape | Shape_i):
            continue
        elif isinstance(v.owner.op, Subtensor):
            todo.append(v.owner.inputs[0])
        elif isinstance(v.owner.op, DimShuffle | MakeVector):
            todo.extend(v.owner.inputs)
        elif isinstance(v.owner.op, Elemwise):
            name = v.owner.op.scalar_op.name
            if name not in _KEEPS_SIGN and not name.startswith("Cast{int64"):
                return False
            todo.extend(v.owner.inputs if name not in ("abs", "sqr") else ())
        else:
            return False
    return True


def describe_rows(
    sequences: Sequence[SequenceArgument], outputs: Sequence[OutputArgument], others: Sequence[Any]
) -> str:
    """The arguments that the step function gets, in words."""
    lines = []
    for k, s in enumerate(sequences):
        lines += [f"sequence {k} ({s.x}), tap {tap}" for tap in s.taps]
    for output in outputs:
        lines += [f"{output}, tap {tap}" for tap in output.taps]
    lines += [f"non_sequences {k} ({v})" for k, v in enumerate(others)]
    return "\n".join(f"  {i}: {line}" for i, line in enumerate(lines))


__all__ = [
    "OutputArgument",
    "SequenceArgument",
    "as_list",
    "describe_rows",
    "grown",
    "holds",
    "read_outputs_info",
    "read_sequences",
    "read_steps",
    "refuse",
]
