"""The lowered program: arrays described by references into a frame, and the steps that compute them.

While a program runs, everything that is known only then (addresses, lengths, strides) lies in the *frame*, one
64-bit word each. A :class:`Array` names the words that describe one tensor: a dimshuffle is just another choice of
words, and equal lengths are equal references, which is how the compiler knows that two loops can be one.

A :class:`Step` is a unit of execution: a fused loop nest, a library call, a check. Steps form a graph by what arrays
they read and write; :func:`schedule` puts them into order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from theano.tensor.type import NUMPY_DTYPES

if TYPE_CHECKING:
    from theano.backend.native.emit import Emitter
    from theano.graph.basic import Apply


@dataclass(frozen=True)
class Const:
    """A length or stride that is known when compiling."""

    value: int

    def __repr__(self) -> str:
        return str(self.value)


Ref = int | Const
ONE = Const(1)
ZERO = Const(0)


class Buffer:
    """Memory that arrays lie in.

    Attributes
    ----------
    kind
        ``input`` and ``constant``: given from outside, never written; ``temp``: from the arena; ``output``: a new
        NumPy array for the caller; ``word``: one element in the frame itself; ``row``: a row of an array outside of the
        loop that is being written, whose place the loop tells.
    number
        which input, output or constant it is; for a temp its slot in the arena, once planned.
    row
        of a row: the :class:`~theano.backend.native.repeat.Row` that knows its place.
    borrowed
        a temp that may turn out at run time to be an input's memory, so nothing may write over it; a word that the
        body of a loop reads in the frame, so it cannot be moved to an output.
    strip
        a temp that holds the rows of one strip at a time (:mod:`theano.backend.native.strips`).
    over
        the array in whose memory it lies, which has some before: of an output, what it is written over; of a strip, if
        it is too long to be one, the output that is written over it.
    final_ones
        which lengths of the output that will be written over it are 1; the others are the same, in order.
    """

    __slots__ = ("borrowed", "dtype", "final_ones", "kind", "number", "over", "row", "shape", "strip")

    def __init__(self, kind: str, dtype: str, shape: tuple[Ref, ...], number: int = -1) -> None:
        self.kind = kind
        self.dtype = dtype
        self.shape = shape
        self.number = number
        self.row: Any = None
        self.borrowed = False
        self.strip = False
        self.over: Array | None = None
        self.final_ones: tuple[bool, ...] = ()

    def __repr__(self) -> str:
        return f"{self.kind}{self.number if self.number >= 0 else ''}"


class Array:
    """One tensor while the program runs.

    Attributes
    ----------
    shape, strides
        references to lengths (elements) and strides (bytes); broadcastable dimensions have length 1 and stride 0.
    data
        the frame word that holds the address; ``-1`` while the values exist only inside a loop.
    contiguous
        known to be C-contiguous (ignoring dimensions of length 1).
    adjoining
        the dimension along which elements lie side by side if those of what it is a transposition of do along its
        last; ``-1`` for what is no transposition.
    producers
        the steps that must have run before the array can be read.
    source, value
        the loop that computes the elements and their number there, when a loop does.
    leaf
        how a loop gets the single element without memory: a literal or a length.
    parts
        the elements of a short vector, when they are known one by one.
    owns
        the first writer of this array allocates its buffer.
    """

    __slots__ = (
        "adjoining",
        "buffer",
        "contiguous",
        "data",
        "dtype",
        "leaf",
        "owns",
        "parts",
        "pattern",
        "producers",
        "shape",
        "source",
        "strides",
        "value",
    )

    def __init__(
        self,
        dtype: str,
        pattern: tuple[bool, ...],
        shape: tuple[Ref, ...],
        strides: tuple[Ref, ...] = (),
        data: int = -1,
        buffer: Buffer | None = None,
        contiguous: bool = False,
        producers: Iterable[Step] = (),
    ) -> None:
        self.dtype = dtype
        self.pattern = pattern
        self.shape = shape
        self.strides = strides
        self.data = data
        self.buffer = buffer
        self.contiguous = contiguous
        self.producers: tuple[Step, ...] = tuple(producers)
        self.source: Any = None
        self.value = -1
        self.leaf: Any = None
        self.adjoining = -1
        self.owns = False
        self.parts: list[Array] | None = None

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def itemsize(self) -> int:
        return ITEMSIZES[self.dtype]

    def view(self, **changes: Any) -> Array:
        """Another array on the same memory."""
        fields: dict[str, Any] = {
            "dtype": self.dtype,
            "pattern": self.pattern,
            "shape": self.shape,
            "strides": self.strides,
            "data": self.data,
            "buffer": self.buffer,
            "contiguous": self.contiguous,
            "producers": self.producers,
        }
        fields.update(changes)
        array = Array(**fields)
        if "shape" not in changes:
            array.adjoining = self.adjoining
        return array

    def __repr__(self) -> str:
        place = f"@{self.data}" if self.data >= 0 else "@-"
        shape = ", ".join(f"w{s}" if isinstance(s, int) else repr(s) for s in self.shape)
        return f"{self.dtype}[{shape}]{place}"


ITEMSIZES = {name: dtype.itemsize for name, dtype in NUMPY_DTYPES.items()}


class Step:
    """A unit of execution.

    Attributes
    ----------
    reads, writes
        arrays whose elements it reads or writes.
    after
        steps that must run before it, beyond the producers of what it reads: whoever prepared what it writes, too.
    checks
        it can raise an error, so it runs even if nothing needs what it computes.
    node
        what to name in error messages.
    """

    checks = False
    only_checks = False  # checks of lengths that are known, and nothing else
    node: Apply | None = None

    def __init__(self, reads: Sequence[Array] = (), writes: Sequence[Array] = (), node: Apply | None = None) -> None:
        self.reads = list(reads)
        self.writes = list(writes)
        self.after: set[Step] = set()
        self.merged_into: Step | None = None
        self.node = node

    def resolve(self) -> Step:
        """This step, or the one that it was merged into."""
        step = self
        while step.merged_into is not None:
            step = step.merged_into
        return step

    def dependencies(self) -> set[Step]:
        """The steps that must run before this one."""
        found = {s.resolve() for s in self.after}
        for array in self.reads:
            found.update(s.resolve() for s in array.producers)
        found.discard(self)
        return found

    def prune(self) -> None:
        """Drop what the step would compute for nobody; called once, when the program is complete."""

    def emit(self, em: Emitter) -> None:
        """Append the code."""
        raise TypeError(f"{type(self).__name__} defines no emit")

    def inner_steps(self) -> list[Step]:
        """Steps that run as part of this one."""
        return []

    def parts(self) -> list[Step]:
        """The steps that it consists of, for the plan of memory: they run in turns, so none's memory is free before."""
        return [self]

    def inner_slots(self) -> list[int]:
        """Slots of the arena that they use."""
        return []

    def signature(self) -> str:
        """Equal for steps whose code is likely to be equal up to the frame words; empty: never to be shared."""
        return ""

    def title(self) -> str:
        """What a profile calls the step."""
        return type(self).__name__

    def text(self) -> str:
        """One line for people."""
        return f"{type(self).__name__} {self.reads} -> {self.writes}"


def live(steps: Sequence[Step]) -> list[Step]:
    """The steps that are needed: checks, what writes outputs, and what those depend on."""
    steps = [s for s in steps if s.merged_into is None]
    for step in steps:
        step.prune()
    results = ("output", "row")
    todo = [s for s in steps if s.checks or any(a.buffer is not None and a.buffer.kind in results for a in s.writes)]
    needed = set(todo)
    while todo:
        for before in todo.pop().dependencies() - needed:
            needed.add(before)
            todo.append(before)
    return [s for s in steps if s in needed]


def schedule(steps: Sequence[Step]) -> list[Step]:
    """The needed ones of `steps` in an order that respects dependencies, close to that of creation but depth first.

    Depth first keeps what is made close to where it is used, so fewer temporaries are alive at a time.
    """
    steps = live(steps)
    place = {step: i for i, step in enumerate(steps)}  # sets of steps are in another order in each process
    order: list[Step] = []
    state: dict[Step, bool] = {}
    for start in steps:
        if state.get(start):
            continue
        stack = [start]
        while stack:
            step = stack[-1]
            if state.get(step):
                stack.pop()
                continue
            if step in state:
                state[step] = True
                order.append(step)
                stack.pop()
                continue
            state[step] = False
            waiting = sorted((s for s in step.dependencies() if not state.get(s)), key=place.__getitem__, reverse=True)
            if any(s in state for s in waiting):
                raise AssertionError(f"the steps depend on each other in a circle at {step.text()}")
            stack.extend(waiting)
    return order


def with_inner(steps: Iterable[Step]) -> Iterator[Step]:
    """`steps` and all that are inside of them."""
    todo = list(steps)[::-1]
    while todo:
        step = todo.pop()
        yield step
        todo += step.inner_steps()[::-1]
