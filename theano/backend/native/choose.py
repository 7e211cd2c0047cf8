"""A choice as one step: two bodies of steps, of which one runs."""

from __future__ import annotations

from collections.abc import Sequence

from theano.backend.native.emit import Emitter
from theano.backend.native.ir import Value
from theano.backend.native.loops import Length, Literal
from theano.backend.native.nested import Body
from theano.backend.native.program import Array, Ref, Step
from theano.graph.basic import Apply


class Result:
    """Where a body puts a result: in memory of the program around, which is allocated by the body that runs.

    Attributes
    ----------
    whole
        the array of the program around.
    words
        those of its lengths that the bodies set, by dimension.
    """

    def __init__(self, whole: Array, words: dict[int, int]) -> None:
        self.whole, self.words = whole, words

    def allocate(self, em: Emitter, array: Array, size: Value) -> None:
        """Let the data word of `array` point to the memory of the result, made as long as the array is."""
        for axis, word in self.words.items():
            em.set_word(word, em.ref(array.shape[axis]))
        self.whole.owns = True  # each body does it
        em.allocate(self.whole)
        em.set_word(array.data, em.pointer(self.whole))


class Choose(Step):
    """The first body where the condition is nonzero, else the second."""

    checks = True

    def __init__(self, name: str, condition: Array, bodies: Sequence[Body], node: Apply | None) -> None:
        super().__init__(reads=[condition] if condition.leaf is None else [], node=node)
        self.after.update(condition.producers)
        self.name, self.condition, self.bodies = name, condition, list(bodies)

    def inner_steps(self) -> list[Step]:
        return [step for body in self.bodies for step in body.plan.steps]

    def inner_slots(self) -> list[int]:
        return [slot for body in self.bodies for slot in body.plan.slots]

    def title(self) -> str:
        return self.name

    def text(self) -> str:
        leaf = self.condition.leaf
        shown: Ref | Array | str = (
            self.condition if leaf is None else f"w{leaf.ref}" if isinstance(leaf, Length) else leaf
        )
        lines = [f"{self.name}: by {shown!r}"]
        for name, body in zip(("nonzero", "zero"), self.bodies, strict=True):
            for step in body.plan.steps:
                lines += [f"  {name}: {line}" for line in step.text().split("\n")]
        lines.append(f"  reads {self.reads} -> {self.writes}")
        return "\n".join(lines)

    # ---- code

    def emit(self, em: Emitter) -> None:
        truth = self._truth(em)
        for body, holds in zip(self.bodies, (truth, em.b.not_(truth)), strict=True):
            names = em.functions(body.plan.steps, "side")
            with em.fn.if_(holds):
                em.call_all(names)

    def _truth(self, em: Emitter) -> Value:
        leaf = self.condition.leaf
        if isinstance(leaf, Literal):
            return em.b.const("i1", bool(leaf.value))
        if isinstance(leaf, Length):
            return em.b.icmp("ne", em.ref(leaf.ref), em.b.const("i64", 0))
        value = em.load_element(em.b, em.pointer(self.condition), self.condition.dtype)
        return em.convert(em.b, value, self.condition.dtype, "bool")


__all__ = ["Choose", "Result"]
