"""Shared variables: variables that have a value, kept between calls and common to all functions that use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theano.compile.container import Container, independent_copy
from theano.graph.basic import Variable
from theano.graph.type import Type, generic


class SharedVariable(Variable):
    """A variable whose value lies in a container, readable and writable from the program and by updates.

    Parameters
    ----------
    name, type
        as for any variable.
    value
        its first value, brought into the type's form.
    strict
        accept only values that need no conversion.
    allow_downcast
        accept values that lose precision by conversion.
    container
        use this container, and so share the value with another variable; `value` must then be ``None``.

    Attributes
    ----------
    default_update
        an expression of the same type: functions that use the variable update it so, unless told otherwise.
    """

    def __init__(
        self,
        name: str | None,
        type: Type,
        value: Any,
        strict: bool | None,
        allow_downcast: bool | None = None,
        container: Container | None = None,
    ) -> None:
        super().__init__(type, None, None, name)
        self.default_update: Variable | None = None
        if container is None:
            value = type.filter(value, strict=bool(strict), allow_downcast=allow_downcast)
            container = Container(type, [value], strict=bool(strict), allow_downcast=allow_downcast, name=name)
        elif value is not None:
            raise TypeError("a SharedVariable with a given container takes its value from there; leave value out")
        self.container = container

    def get_value(self, borrow: bool = False, return_internal_type: bool = False) -> Any:
        """The value, as a copy unless `borrow`.

        A borrowed value may be the variable's own memory: what the program writes into it, the variable may take on,
        and what updates write may show in it.
        """
        value = self.container.storage[0]
        return value if borrow else independent_copy(value)

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Give the variable a new value of its type; with `borrow` without copying where that is possible.

        TypeError when `new_value` cannot be converted, and the value stays as it was.
        """
        container = self.container
        try:
            value = container.type.filter(
                new_value, strict=bool(container.strict), allow_downcast=container.allow_downcast
            )
        except (TypeError, ValueError) as error:
            error.add_note(f"while setting the value of the shared variable {self}")
            raise
        if not borrow and _may_share(value, new_value):
            value = independent_copy(value)
        container.storage[0] = value

    def zero(self, borrow: bool = False) -> None:
        """Set all elements to zero; with `borrow` in the memory that holds them."""
        if borrow:
            self.container.storage[0][...] = 0
        else:
            self.container.storage[0] = self.container.storage[0] * 0

    def clone(self) -> SharedVariable:
        """Another variable over the same container."""
        copy = self.__class__(self.name, self.type, None, None, container=self.container)
        copy.tag.__dict__.update(self.tag.__dict__)
        return copy

    def __getitem__(self, *args: Any) -> Any:
        raise TypeError(
            f"the shared variable {self} of type {self.type} cannot be indexed; only tensors can. "
            "Make it from a numpy.ndarray: theano.shared(numpy.asarray(value))."
        )


def _may_share(a: Any, b: Any) -> bool:
    if a is b:
        return True
    return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.may_share_memory(a, b)


Constructor = Callable[..., SharedVariable]
_constructors: list[Constructor] = []


def shared_constructor(constructor: Constructor, remove: bool = False) -> Constructor:
    """Let `theano.shared` try `constructor` before those registered earlier (or, with `remove`, no more).

    It is called as ``constructor(value, name=..., strict=..., allow_downcast=..., **kwargs)`` and raises TypeError for
    values that are not its own.
    """
    if remove:
        _constructors.remove(constructor)
    else:
        _constructors.append(constructor)
    return constructor


shared_constructor.constructors = _constructors  # type: ignore[attr-defined]


def shared(
    value: Any, name: str | None = None, strict: bool = False, allow_downcast: bool | None = None, **kwargs: Any
) -> SharedVariable:
    """A variable with a value: shared between calls, and between all functions that use it.

    Parameters
    ----------
    value
        a ``numpy.ndarray`` (its dtype and rank become the variable's), a number (rank 0; Python's ``float`` is float64,
        ``int`` is int64), or an object of another kind that some Op works on.
    name
        for people.
    strict
        later values must need no conversion.
    allow_downcast
        later values may lose precision by conversion.
    **kwargs
        for the constructor of the variable. For arrays: ``borrow`` (do not copy the array), ``broadcastable`` (one bool
        a dimension; by default none is, whatever the lengths, since the length may change later).

    Raises
    ------
    TypeError
        for symbolic values, for lists and tuples, and for arguments that no constructor takes.

    >>> import theano
    >>> counter = theano.shared(0, name="counter")
    >>> increment = theano.function([], updates=[(counter, counter + 2)])
    >>> _ = increment(), increment()
    >>> counter.get_value()
    array(4)
    """
    if isinstance(value, Variable):
        raise TypeError(
            f"theano.shared needs a value, not the symbolic variable {value}. "
            "For a copy of a shared variable's value pass its get_value()."
        )
    if isinstance(value, list | tuple):
        raise TypeError(
            f"theano.shared does not take a {type(value).__name__}, since its dtype would be a guess: "
            f"pass numpy.asarray({_short(value)}, dtype=...)"
        )
    reasons = []
    for constructor in reversed(_constructors):
        try:
            return constructor(value, name=name, strict=strict, allow_downcast=allow_downcast, **kwargs)
        except TypeError as error:
            if str(error):
                reasons.append(str(error))
    raise TypeError(
        f"theano.shared cannot make a variable of {_short(value)} ({type(value).__name__}) with the arguments "
        f"{kwargs or 'given'}"
        + ("".join(f"\n  {reason}" for reason in reasons))
        + ("\nThe dtype is that of the value: pass numpy.asarray(value, dtype=...)." if "dtype" in kwargs else "")
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:40]}...{text[-15:]}"


@shared_constructor
def generic_constructor(
    value: Any, name: str | None = None, strict: bool = False, allow_downcast: bool | None = None
) -> SharedVariable:
    """A shared variable for any object."""
    return SharedVariable(name, generic, value, strict, allow_downcast)
