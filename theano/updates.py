"""OrderedUpdates: a dict of updates that checks its keys."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from theano.compile.sharedvalue import SharedVariable


class OrderedUpdates(OrderedDict):
    """Shared variable → new value, in the order of insertion; what `theano.function` takes as ``updates``.

    TypeError for keys that are not shared variables. The sum of two has the updates of both; KeyError when both have
    one for the same variable and they differ.

    >>> import theano
    >>> n = theano.shared(1, name="n")
    >>> OrderedUpdates({n: n + 1}) + OrderedUpdates()
    OrderedUpdates({n: Elemwise{add,no_inplace}.0})
    """

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(key, SharedVariable):
            raise TypeError(f"only shared variables can be updated, {key!r} of {type(key).__name__} is none")
        super().__setitem__(key, value)

    def update(self, other: Any = (), /, **kwargs: Any) -> None:  # type: ignore[override]
        """Take over the updates of `other`; KeyError when one differs from what is here."""
        pairs = other.items() if hasattr(other, "items") else other
        for key, value in pairs:
            if key in self and self[key] is not value:
                raise KeyError(f"there are two different updates of {key}: {self[key]} and {value}")
            self[key] = value
        if kwargs:
            raise TypeError(f"updates have shared variables as keys, not names: {', '.join(kwargs)}")

    def __add__(self, other: Any) -> OrderedUpdates:
        total = OrderedUpdates(self)
        total.update(other)
        return total

    def __radd__(self, other: Any) -> OrderedUpdates:
        total = OrderedUpdates(other)
        total.update(self)
        return total

    def __repr__(self) -> str:
        return f"OrderedUpdates({{{', '.join(f'{k}: {v}' for k, v in self.items())}}})"

    __str__ = __repr__
