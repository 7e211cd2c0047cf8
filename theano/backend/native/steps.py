"""Steps other than loops: checks, words computed from scalars, copies of descriptions, library products."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from theano.backend.native.ir import Value
from theano.backend.native.program import Array, Ref, Step
from theano.graph.basic import Apply

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter


def _name(ref: Ref) -> str:
    return f"w{ref}" if isinstance(ref, int) else repr(ref)


class CheckEqual(Step):
    """Two lengths must be equal."""

    checks = only_checks = True

    def __init__(
        self,
        a: Ref,
        b: Ref,
        message: Callable[..., str],
        details: Sequence[Ref],
        node: Apply | None,
        error: type[Exception] = ValueError,
    ) -> None:
        super().__init__(node=node)
        self.a, self.b, self.message, self.details, self.error = a, b, message, list(details), error

    def emit(self, em: Emitter) -> None:
        from theano.backend.native.emit import Check

        ok = em.b.icmp("eq", em.ref(self.a), em.ref(self.b))
        em.check(ok, Check(self.error, self.message, self.node, self.details))

    def text(self) -> str:
        return f"check {_name(self.a)} == {_name(self.b)}"


class CheckLengths(Step):
    """Lengths must not be negative."""

    checks = only_checks = True

    def __init__(self, lengths: Sequence[int], message: str, node: Apply | None) -> None:
        super().__init__(node=node)
        self.lengths, self.message = list(lengths), message

    def emit(self, em: Emitter) -> None:
        from theano.backend.native.emit import Check

        for word in self.lengths:
            ok = em.b.icmp("sge", em.ref(word), em.b.const("i64", 0))
            em.check(ok, Check(ValueError, lambda n, m=self.message: f"{m}, got {n}", self.node, [word]))

    def text(self) -> str:
        return f"check {', '.join(map(_name, self.lengths))} >= 0"


class SetWord(Step):
    """A frame word takes the value of an integer array of one element, or of a constant."""

    def __init__(self, word: int, source: Array | int) -> None:
        super().__init__(reads=[source] if isinstance(source, Array) else [])
        self.word, self.source = word, source

    def emit(self, em: Emitter) -> None:
        if isinstance(self.source, Array):
            value = em.load_element(em.b, em.pointer(self.source), self.source.dtype)
            value = em.convert(em.b, value, self.source.dtype, "int64")
        else:
            value = em.b.const("i64", self.source)
        em.set_word(self.word, value)

    def text(self) -> str:
        return f"w{self.word} = {self.source!r}"


class Describe(Step):
    """Words computed by a function of the emitter: addresses, lengths and strides of views. It may check, too."""

    checks = True

    def __init__(
        self,
        what: str,
        compute: Callable[[Emitter], None],
        reads: Sequence[Array] = (),
        after: Sequence[Step] = (),
        node: Apply | None = None,
        writes: Sequence[Array] = (),
    ) -> None:
        super().__init__(reads=reads, writes=writes, node=node)
        self.what, self.compute = what, compute
        self.after.update(after)

    def emit(self, em: Emitter) -> None:
        self.compute(em)

    def title(self) -> str:
        return self.what

    def text(self) -> str:
        return f"{self.what} {self.reads} -> {self.writes}"


class Scatter(Describe):
    """A change of an array where index arrays say; where these have been `checked`, it cannot fail."""

    checked = False


class Work(Describe):
    """As :class:`Describe`, for steps that compute elements: their targets are allocated first."""

    def emit(self, em: Emitter) -> None:
        for array in self.writes:
            em.allocate(array)
        self.compute(em)


class Product(Work):
    """A call of BLAS.

    Attributes
    ----------
    lengths
        those that tell how many multiplications it takes.
    added
        what the product is added to, element by element, if that is not where the result is.
    """

    lengths: Sequence[Ref] = ()
    added: Array | None = None

    def emit(self, em: Emitter) -> None:
        super().emit(em)
        em.count_steps(1)

    def signature(self) -> str:
        if self.writes[0].buffer is not None and self.writes[0].buffer.kind == "output":
            return ""
        return re.sub(r"w\d+|@\d+", "w", self.text())


class Allocate(Step):
    """Memory for an array that several steps fill."""

    def __init__(self, array: Array, node: Apply | None = None) -> None:
        super().__init__(writes=[array], node=node)

    def emit(self, em: Emitter) -> None:
        em.allocate(self.writes[0])

    def text(self) -> str:
        return f"allocate {self.writes[0]!r}"


def strides_in_elements(em: Emitter, array: Array) -> list[Value]:
    """An array's strides in elements, for library calls."""
    from theano.backend.native.program import ONE

    shift = em.b.const("i64", array.itemsize.bit_length() - 1)
    return [
        em.b.const("i64", 0) if length == ONE else em.b.ashr(em.ref(stride), shift)
        for length, stride in zip(array.shape, array.strides, strict=True)
    ]


__all__ = [
    "Allocate",
    "CheckEqual",
    "CheckLengths",
    "Describe",
    "Product",
    "Scatter",
    "SetWord",
    "Work",
    "strides_in_elements",
]
