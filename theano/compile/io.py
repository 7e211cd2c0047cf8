"""What stands in the input and output lists of `theano.function` beside plain variables: In and Out."""

from __future__ import annotations

from typing import Any

from theano.compile.container import Container
from theano.compile.sharedvalue import SharedVariable
from theano.graph.basic import Variable


class SymbolicInput:
    """An input of a function and how it is to be treated.

    Parameters
    ----------
    variable
        the variable whose value is given.
    name
        for calls by keyword; the variable's name if there is none, unless `autoname` is false.
    update
        an expression: after each call the input's default takes its value.
    mutable
        the function may overwrite what it is given.
    strict
        accept only values that need no conversion.
    allow_downcast
        accept values that lose precision by conversion; ``None``: only Python floats to floatX.
    implicit
        the value is never an argument of a call; it lies in a container.
    """

    def __init__(
        self,
        variable: Variable,
        name: str | None = None,
        update: Variable | None = None,
        mutable: bool | None = None,
        strict: bool = False,
        allow_downcast: bool | None = None,
        autoname: bool = True,
        implicit: bool = False,
    ) -> None:
        if not isinstance(variable, Variable):
            raise TypeError(f"an input of a function stands for a Variable, not for {variable!r} of {type(variable)}")
        self.variable = variable
        self.name = variable.name if autoname and name is None else name
        if self.name is not None and not isinstance(self.name, str):
            raise TypeError(f"the name of an input must be a string, not {self.name!r}")
        self.update = None
        if update is not None:
            try:
                self.update = variable.type.filter_variable(update)
            except TypeError as error:
                raise TypeError(
                    f"the update of input {self.name or variable} has type {getattr(update, 'type', type(update))}, "
                    f"the input has type {variable.type}: {error}"
                ) from error
        self.mutable = (update is not None) if mutable is None else mutable
        self.strict = strict
        self.allow_downcast = allow_downcast
        self.implicit = implicit
        self.shared = False
        self.value: Any = None

    def __str__(self) -> str:
        name = self.name or str(self.variable)
        return f"In({name} -> {self.update})" if self.update is not None else f"In({name})"

    __repr__ = __str__


class In(SymbolicInput):
    """An input of `theano.function` with a name, a default, an update or its own rules of conversion.

    Parameters
    ----------
    variable, name, update, mutable, strict, allow_downcast, autoname
        see :class:`SymbolicInput`.
    value
        the default: a value, or a Container to share with another function.
    implicit
        never an argument; so when the value is a Container or a shared variable.
    borrow
        the function may keep and give back what it is given without copying; defaults to `mutable`.
    shared
        the input is a shared variable.

    >>> import theano, theano.tensor as T
    >>> x, step = T.dscalars("x", "step")
    >>> f = theano.function([x, theano.In(step, value=0.5)], x + step)
    >>> f(1.0), f(1.0, step=2.0)
    (array(1.5), array(3.))
    """

    def __init__(
        self,
        variable: Variable,
        name: str | None = None,
        value: Any = None,
        update: Variable | None = None,
        mutable: bool | None = None,
        strict: bool = False,
        allow_downcast: bool | None = None,
        autoname: bool = True,
        implicit: bool | None = None,
        borrow: bool | None = None,
        shared: bool = False,
    ) -> None:
        if implicit is None:
            implicit = isinstance(value, Container | SharedVariable)
        super().__init__(variable, name, update, mutable, strict, allow_downcast, autoname, implicit)
        if self.mutable and borrow is False:
            raise AssertionError(
                f"input {self.name or variable}: mutable=True lets the function overwrite the caller's array, which "
                "borrow=False forbids; leave one of them out"
            )
        self.borrow = self.mutable if borrow is None else borrow
        self.value = value.container if isinstance(value, SharedVariable) else value
        self.shared = shared
        if implicit and value is None:
            raise TypeError(f"input {self.name or variable} is implicit, so it needs a value")


def Param(
    variable: Variable,
    default: Any = None,
    name: str | None = None,
    mutable: bool | None = None,
    strict: bool = False,
    allow_downcast: bool | None = None,
    implicit: bool | None = None,
    borrow: bool | None = None,
) -> In:
    """The older spelling of :class:`In`, with `default` for `value`."""
    return In(
        variable,
        name=name,
        value=default,
        mutable=mutable,
        strict=strict,
        allow_downcast=allow_downcast,
        implicit=implicit,
        borrow=borrow,
    )


class SymbolicOutput:
    """An output of `theano.function`.

    Parameters
    ----------
    variable
        the expression to compute.
    borrow
        the result may share memory with inputs, with shared variables or with other outputs.
    """

    def __init__(self, variable: Variable, borrow: bool = False) -> None:
        if not isinstance(variable, Variable):
            raise TypeError(
                f"an output of a function must be a Variable or an Out, not {variable!r} of {type(variable)}"
            )
        self.variable = variable
        self.borrow = borrow

    def __str__(self) -> str:
        return f"Out({self.variable}, {self.borrow})"

    __repr__ = __str__


Out = SymbolicOutput


def as_input(entry: Any, allow_downcast: bool | None = None) -> SymbolicInput:
    """An entry of an input list as an In: a variable, an In, or a pair (variable, default) or (name, variable)."""
    if isinstance(entry, SymbolicInput):
        return entry
    if isinstance(entry, Variable):
        return In(entry, allow_downcast=allow_downcast)
    if isinstance(entry, list | tuple) and len(entry) == 2:
        first, second = entry
        if isinstance(first, str):
            return In(second, name=first, allow_downcast=allow_downcast)
        if isinstance(first, Variable):
            return In(first, value=second, allow_downcast=allow_downcast)
    raise TypeError(
        f"an input of a function must be a Variable, an In or a pair (variable, default), "
        f"not {entry!r} of {type(entry)}"
    )


def as_output(entry: Any) -> SymbolicOutput:
    """An entry of an output list as an Out."""
    return entry if isinstance(entry, SymbolicOutput) else SymbolicOutput(entry)
