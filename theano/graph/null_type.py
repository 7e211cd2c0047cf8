"""NullType: the type of a gradient that has no value, with the reason why."""

from __future__ import annotations

from typing import Any

from theano.graph.type import Type


class NullType(Type):
    """The type of a result that does not exist, such as a gradient that is undefined or not implemented.

    Parameters
    ----------
    why_null
        the reason, for people. It is no part of the type's identity: all NullTypes are equal.
    """

    def __init__(self, why_null: str = "(no explanation given)") -> None:
        self.why_null = why_null

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        raise ValueError(f"a variable of NullType has no value: {self.why_null}")

    def filter_variable(self, other: Any, allow_convert: bool = True) -> Any:
        raise ValueError(f"a variable of NullType has no value: {self.why_null}")

    def values_eq(self, a: Any, b: Any) -> bool:
        raise ValueError(f"variables of NullType have no values to compare: {self.why_null}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __str__(self) -> str:
        return "NullType"

    def __repr__(self) -> str:
        return f"NullType({self.why_null!r})"


null_type = NullType()
