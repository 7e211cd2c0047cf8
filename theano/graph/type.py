"""Types: what values a variable can hold, and how a value is brought into that form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from theano.graph import basic


class Type:
    """Base of all types.

    A subclass gives :meth:`filter`, equality and hashing; the rest follows. Equal types mean the same set of values.
    """

    Variable: type[basic.Variable] = basic.Variable
    Constant: type[basic.Constant] = basic.Constant

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What a particular type has beyond this class (dtype, ndim, …) is not followed by type checkers."""

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        """Return `data` in the form that this type prescribes, converted where that is allowed.

        Parameters
        ----------
        strict
            allow no conversion at all.
        allow_downcast
            allow conversions that lose precision; ``None``: only Python floats to ``floatX``.

        Raises
        ------
        TypeError
            when `data` has no such form.
        """
        raise TypeError(f"{type(self).__name__} does not define filter, so it accepts no value")

    def filter_variable(self, other: Any, allow_convert: bool = True) -> basic.Variable:
        """A variable of this type that stands for `other`: a variable (converted if needed) or a value (a constant)."""
        if not isinstance(other, basic.Variable):
            return self.make_constant(other)
        if other.type == self:
            return other
        if allow_convert:
            converted = self.convert_variable(other)
            if converted is not None:
                return converted
        raise TypeError(
            f"cannot use {other} of type {other.type} where type {self} is needed. "
            "Convert it first: T.cast for another dtype, dimshuffle or patternbroadcast for another broadcast pattern."
        )

    def convert_variable(self, variable: basic.Variable) -> basic.Variable | None:
        """`variable` as this type, when that loses nothing; ``None`` when it cannot be."""
        return variable if variable.type == self else None

    def is_valid_value(self, data: Any) -> bool:
        """Whether `data` is already in this type's form."""
        try:
            self.filter(data, strict=True)
        except (TypeError, ValueError):
            return False
        return True

    def make_variable(self, name: str | None = None) -> basic.Variable:
        """A new free variable of this type."""
        return self.Variable(self, name=name)

    def make_constant(self, value: Any, name: str | None = None) -> basic.Constant:
        """A constant of this type."""
        return self.Constant(self, value, name=name)

    def __call__(self, name: str | None = None) -> basic.Variable:
        return self.make_variable(name)

    def clone(self) -> Type:
        """This type again; types are immutable, so itself."""
        return self

    def values_eq(self, a: Any, b: Any) -> bool:
        """Whether two values are exactly equal."""
        return bool(a == b)

    def values_eq_approx(self, a: Any, b: Any, **kwargs: Any) -> bool:
        """Whether two values are equal up to rounding."""
        return self.values_eq(a, b)

    def __ne__(self, other: object) -> bool:
        return not self == other


PureType = Type
CType = Type


class Generic(Type):
    """Any Python object, unchecked."""

    def filter(self, data: Any, strict: bool = False, allow_downcast: bool | None = None) -> Any:
        return data

    def is_valid_value(self, data: Any) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __str__(self) -> str:
        return "Generic()"

    __repr__ = __str__


generic = Generic()
