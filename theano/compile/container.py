"""Container: a typed cell, the one place where the value of a shared variable or of a function's default lies."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from theano.graph.basic import Variable
from theano.graph.type import Type


def independent_copy(value: Any) -> Any:
    """`value` again in memory of its own, with the same layout."""
    if type(value) is np.ndarray:
        return value.copy(order="K")
    return copy.deepcopy(value)


class Container:
    """A cell that holds values of one type.

    Parameters
    ----------
    r
        the variable or type whose values it holds.
    storage
        a list of one element to use as the cell, so that several containers can share it.
    readonly
        refuse new values.
    strict, allow_downcast
        how new values are converted, see :meth:`theano.graph.type.Type.filter`.
    """

    def __init__(
        self,
        r: Variable | Type,
        storage: list[Any],
        readonly: bool = False,
        strict: bool = False,
        allow_downcast: bool | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(storage, list) or len(storage) != 1:
            raise TypeError(f"the storage of a Container is a list of one element, not {storage!r}")
        self.storage = storage
        self.readonly = readonly
        self.strict = strict
        self.allow_downcast = allow_downcast
        self.type: Type = r if isinstance(r, Type) else r.type
        self.name = name if name is not None else getattr(r, "name", None)

    @property
    def value(self) -> Any:
        """The value in the cell; what is assigned is brought into the type's form."""
        return self.storage[0]

    @value.setter
    def value(self, value: Any) -> None:
        if self.readonly:
            raise AttributeError(f"{self} is read-only")
        if value is not None:
            value = self.type.filter(value, strict=bool(self.strict), allow_downcast=self.allow_downcast)
        self.storage[0] = value

    data = value

    def __repr__(self) -> str:
        return f"<{self.name or self.type}: {self.storage[0]!r}>"
