"""The language of rules: patterns that read like algebra, and rules that are functions of a node.

A rule of algebra is a pair of expressions over *holes*::

    x, y = Hole("x"), Hole("y")
    rule("local_neg_neg", CANONICALIZE, (-(-x), x))
    rule("local_log1p", STABILIZE, (log(1 + x), log1p(x)))

What algebra cannot say is a function from a node to its replacement::

    @node_rule("local_useless_dimshuffle", CANONICALIZE, DimShuffle, before="x.dimshuffle(0, 1)", after="x")
    def local_useless_dimshuffle(fgraph, node): ...

Both give :class:`Rule` objects, which the driver finds by the operation at the root of what they rewrite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from theano.graph.basic import Apply, Constant, Variable
from theano.scalar.operation import lift
from theano.scalar.table import Operation
from theano.tensor.elementwise import DimShuffle, Elemwise

Key = Any
"""What rules are indexed by: the name of a row of the scalar table, a class of Ops or of scalar operations, or ``None``
for any node."""

COMMUTATIVE = frozenset({"add", "mul", "eq", "neq", "maximum", "minimum", "and_", "or_", "xor"})
NARY = frozenset({"add", "mul"})
FLATTEN_LIMIT = 12
_UNIFORM_LIMIT = 4096


def key_of(op: Any) -> Key:
    """The index key of an Op: the name of a row of the scalar table, else the class of the (scalar) operation."""
    if op.__class__ is not Elemwise:
        return op.__class__
    scalar_op = op.scalar_op
    return scalar_op.name if scalar_op.__class__ is Operation else scalar_op.__class__


def maker(variable: Any) -> Key:
    """The index key of what makes `variable`; ``None`` for a free one."""
    return None if variable.owner is None else key_of(variable.owner.op)


def elementwise(name: str) -> Any:
    """The elementwise Op of the scalar operation called `name`."""
    found = _elementwise.get(name)
    if found is None:
        import theano.scalar
        from theano.scalar.table import TABLE

        found = _elementwise[name] = lift(TABLE[name] if name in TABLE else getattr(theano.scalar, name))
    return found


_elementwise: dict[str, Any] = {}


# ---- constants


def scalar_constant(variable: Variable) -> Any:
    """The one number that all elements of `variable` are known to be, as a NumPy scalar, or ``None``.

    It is seen through dimshuffle, fill, alloc and changes of the broadcast pattern.
    """
    while True:
        if isinstance(variable, Constant):
            data = variable.data
            if not isinstance(data, np.ndarray):
                return None
            if data.size == 1:
                return data.item() if data.dtype.kind == "b" else data.reshape(())[()]
            return _uniform_value(variable)
        node = variable.owner
        if node is None:
            return None
        op = node.op
        if op.__class__ is DimShuffle:
            variable = node.inputs[0]
        elif key_of(op) == "second":
            variable = node.inputs[1]
        elif op.__class__.__name__ in ("Alloc", "Rebroadcast", "SpecifyShape"):
            variable = node.inputs[0]
        else:
            return None


def _uniform_value(variable: Constant) -> Any:
    data = variable.data
    if not 0 < data.size <= _UNIFORM_LIMIT:
        return None
    kept = variable.tag.__dict__
    if "unique_value" not in kept:
        first = data.flat[0]
        kept["unique_value"] = first if bool(np.all(data == first)) else None
    return kept["unique_value"]


def same(a: Variable, b: Variable) -> bool:
    """Whether two variables are known to be equal: the same one, or equal constants."""
    return a is b or (isinstance(a, Constant) and a.equals(b))


def broadcast_like(value: Any, node: Apply) -> Any:
    """`value` stretched to the shape of the elementwise `node`, where the types do not say that it has that shape."""
    pattern = node.outputs[0].type.broadcastable
    missing = len(pattern) - value.type.ndim
    have = (True,) * missing + value.type.broadcastable
    if not any(mine and not wanted for mine, wanted in zip(have, pattern, strict=True)):
        return (
            value
            if not missing
            else DimShuffle(have[missing:], ("x",) * missing + tuple(range(value.type.ndim)))(value)
        )
    from theano.tensor.shape import Shape_i
    from theano.tensor.variable import constant

    lengths = []
    for axis, flag in enumerate(pattern):
        source = next((v for v in node.inputs if not flag and not v.type.broadcastable[axis]), None)
        lengths.append(constant(1, dtype="int64") if source is None else Shape_i(axis)(source))
    return filled(value, lengths, pattern)


def filled(value: Any, lengths: Sequence[Any], pattern: Sequence[bool]) -> Any:
    """``Alloc(value, *lengths)`` with the broadcast pattern that was known when the graph was built.

    More may be known of the lengths by now, and the type of what is replaced must stay.
    """
    from theano.tensor.creation import Alloc
    from theano.tensor.shape import patternbroadcast

    return patternbroadcast(Alloc()(value, *lengths), pattern)


# ---- patterns


class Match:
    """What the holes of a pattern were found to be; ``match[x]`` is a variable."""

    __slots__ = ("holes",)

    def __init__(self) -> None:
        self.holes: dict[Hole, Any] = {}

    def __getitem__(self, hole: Hole) -> Any:
        return self.holes[hole]

    def value(self, hole: Hole) -> Any:
        """The number that a hole's variable is known to be, or ``None``."""
        return scalar_constant(self.holes[hole])


class Pattern:
    """An expression with holes. Operators build larger patterns, as those of variables build expressions."""

    precedence = 100

    def match(self, variable: Variable, found: Match) -> bool:
        """Whether `variable` has this form; what the holes stand for is added to `found`."""
        raise TypeError(f"{type(self).__name__} cannot be matched")

    def build(self, found: Match) -> Any:
        """The expression with the holes filled."""
        raise TypeError(f"{type(self).__name__} cannot be built")

    def __add__(self, other: Any) -> Pattern:
        return Call("add", self, other)

    def __radd__(self, other: Any) -> Pattern:
        return Call("add", other, self)

    def __sub__(self, other: Any) -> Pattern:
        return Call("sub", self, other)

    def __rsub__(self, other: Any) -> Pattern:
        return Call("sub", other, self)

    def __mul__(self, other: Any) -> Pattern:
        return Call("mul", self, other)

    def __rmul__(self, other: Any) -> Pattern:
        return Call("mul", other, self)

    def __truediv__(self, other: Any) -> Pattern:
        return Call("true_div", self, other)

    def __rtruediv__(self, other: Any) -> Pattern:
        return Call("true_div", other, self)

    def __pow__(self, other: Any) -> Pattern:
        return Call("pow", self, other)

    def __rpow__(self, other: Any) -> Pattern:
        return Call("pow", other, self)

    def __neg__(self) -> Pattern:
        return Call("neg", self)


class Hole(Pattern):
    """Stands for any expression (or for a constant of one value only); twice in one pattern, for equal ones."""

    def __init__(self, name: str, constant: bool = False) -> None:
        self.name = name
        self.constant = constant

    def match(self, variable: Variable, found: Match) -> bool:
        earlier = found.holes.get(self)
        if earlier is not None:
            return same(earlier, variable)
        if self.constant and (not isinstance(variable, Constant) or scalar_constant(variable) is None):
            return False
        found.holes[self] = variable
        return True

    def build(self, found: Match) -> Any:
        return found.holes[self]

    def __str__(self) -> str:
        return self.name


class Literal(Pattern):
    """A number."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.precedence = 70 if value < 0 else 100

    def match(self, variable: Variable, found: Match) -> bool:
        value = scalar_constant(variable)
        return value is not None and bool(value == self.value)

    def build(self, found: Match) -> Any:
        return self.value

    def __str__(self) -> str:
        return str(self.value)


_INFIX = {"add": ("+", 50), "sub": ("-", 50), "mul": ("*", 60), "true_div": ("/", 60), "pow": ("**", 80)}


class Call(Pattern):
    """An elementwise operation on patterns."""

    def __init__(self, name: str, *arguments: Any) -> None:
        self.name = name
        self.arguments = tuple(a if isinstance(a, Pattern) else Literal(a) for a in arguments)
        self.precedence = _INFIX[name][1] if name in _INFIX else 70 if name == "neg" else 100
        self.depth = 1 + max(getattr(a, "depth", 0) for a in self.arguments)

    def match(self, variable: Variable, found: Match) -> bool:
        node = variable.owner
        if node is None or key_of(node.op) != self.name:
            return False
        return self.match_node(node, found, nested=True)

    def match_node(self, node: Apply, found: Match, nested: bool = False) -> bool:
        """As :meth:`match` for a node that is known to apply this operation.

        With `nested`, sums (and products) of sums count as one long sum.
        """
        inputs, arguments = node.inputs, self.arguments
        if len(inputs) == len(arguments):
            before = dict(found.holes)
            if all(a.match(v, found) for a, v in zip(arguments, inputs, strict=True)):
                return True
            found.holes = before
            if len(inputs) == 2 and self.name in COMMUTATIVE:
                before = dict(before)
                if arguments[0].match(inputs[1], found) and arguments[1].match(inputs[0], found):
                    return True
                found.holes = before
        if self.name not in NARY or len(arguments) != 2:
            return False
        operands = flat_operands(node, self.name) if nested else inputs
        return len(operands) > 2 and self._match_rest(operands, found)

    def _match_rest(self, operands: list[Variable], found: Match) -> bool:
        """One operand of a longer sum (or product) against the special argument, all others together as the hole."""
        first, second = self.arguments
        special, hole = (first, second) if isinstance(second, Hole) else (second, first)
        if not isinstance(hole, Hole) or hole.constant or isinstance(special, Hole):
            return False
        before = dict(found.holes)
        for i, operand in enumerate(operands):
            if special.match(operand, found):
                rest = operands[:i] + operands[i + 1 :]
                if hole.match(combine(self.name, rest), found):
                    return True
            found.holes = dict(before)
        return False

    def build(self, found: Match) -> Any:
        return elementwise(self.name)(*(a.build(found) for a in self.arguments))

    def __str__(self) -> str:
        if self.name in _INFIX:
            symbol, precedence = _INFIX[self.name]
            left, right = self.arguments
            weak = left.precedence < precedence or (symbol == "**" and left.precedence <= precedence)
            left_text = f"({left})" if weak else str(left)
            right_text = f"({right})" if right.precedence <= precedence else str(right)
            return f"{left_text}{symbol}{right_text}" if symbol == "**" else f"{left_text} {symbol} {right_text}"
        if self.name == "neg":
            (inner,) = self.arguments
            return f"-({inner})" if inner.precedence <= self.precedence else f"-{inner}"
        return f"{self.name}({', '.join(map(str, self.arguments))})"


def flat_operands(node: Apply, name: str) -> list[Variable]:
    """The operands of nested sums (or products), left to right; nested ones stay whole once there are many."""
    operands = list(node.inputs)
    i = 0
    while i < len(operands) and len(operands) <= FLATTEN_LIMIT:
        if maker(operands[i]) == name:
            operands[i : i + 1] = operands[i].owner.inputs
        else:
            i += 1
    return operands


def combine(name: str, operands: Sequence[Variable]) -> Any:
    """``operands[0] + operands[1] + …`` (or the product), a chain of binary nodes from the left."""
    op = elementwise(name)
    total = operands[0]
    for operand in operands[1:]:
        total = op(total, operand)
    return total


def function(name: str) -> Callable[..., Pattern]:
    """The elementwise operation `name` as a function of patterns."""

    def call(*arguments: Any) -> Pattern:
        return Call(name, *arguments)

    return call


# ---- conditions


class Condition:
    """A test of a match with the words that documentation uses for it."""

    def __init__(self, text: str, test: Callable[[Match], bool]) -> None:
        self.text = text
        self.test = test

    def __and__(self, other: Condition) -> Condition:
        return Condition(f"{self.text}, {other.text}", lambda m: self.test(m) and other.test(m))

    def __str__(self) -> str:
        return self.text


def floating(*holes: Hole) -> Condition:
    """Operands of floating-point dtype."""
    names = ", ".join(map(str, holes))
    return Condition(f"{names} floating", lambda m: all(m[h].type.dtype.startswith("float") for h in holes))


def real(*holes: Hole) -> Condition:
    """Operands of any dtype but complex."""
    names = ", ".join(map(str, holes))
    return Condition(f"{names} not complex", lambda m: not any(m[h].type.dtype.startswith("complex") for h in holes))


# ---- rules


class Rule:
    """A rewrite of one node.

    Attributes
    ----------
    name
        how queries include or exclude it.
    passes
        names of the passes that it belongs to.
    tags
        further names by which queries select it.
    keys
        which nodes it looks at; see :data:`Key`.
    depth
        how many levels of the graph it looks at, the node itself included.
    late
        for a rule about whole trees of one family of operations: tried only at the root of a tree, when nothing else is
        left to do; :meth:`climbs` says what belongs to the family.
    before, after, when
        for people.
    """

    late = False
    before: str = ""
    after: str = ""
    when: str = ""
    depth = 2

    def __init__(self, name: str, passes: Sequence[str], keys: Iterable[Key], tags: Sequence[str] = ()) -> None:
        self.name = name
        self.passes = tuple(passes)
        self.keys = tuple(keys)
        self.tags = tuple(tags)

    def transform(self, fgraph: Any, node: Apply) -> Any:
        """The replacement: a list with a variable (or ``None``) an output, a mapping old → new, or "
        "``None``/``False``."""
        raise TypeError(f"rule {self.name} does not say how to transform")

    def climbs(self, name: str | None) -> bool:
        """For late rules: whether a node of this scalar operation continues the tree upward."""
        return False

    def __repr__(self) -> str:
        return f"<rule {self.name}>"

    __str__ = __repr__


class AlgebraRule(Rule):
    """Pairs of patterns: what looks like the first becomes the second."""

    def __init__(
        self,
        name: str,
        passes: Sequence[str],
        pairs: Sequence[tuple[Pattern, Any]],
        when: Condition | None = None,
        tags: Sequence[str] = (),
    ) -> None:
        self.pairs = [(before, after if isinstance(after, Pattern) else Literal(after)) for before, after in pairs]
        roots: dict[str, None] = {}
        for before, _ in self.pairs:
            if not isinstance(before, Call):
                raise TypeError(f"rule {name}: {before} has no operation at its root")
            roots[before.name] = None
        super().__init__(name, passes, roots, tags)
        self.condition = when
        self.depth = max(before.depth for before, _ in self.pairs)  # type: ignore[attr-defined]

    @property
    def before(self) -> str:  # type: ignore[override]
        return "; ".join(str(before) for before, _ in self.pairs)

    @property
    def after(self) -> str:  # type: ignore[override]
        return "; ".join(str(after) for _, after in self.pairs)

    @property
    def when(self) -> str:  # type: ignore[override]
        return "" if self.condition is None else str(self.condition)

    def transform(self, fgraph: Any, node: Apply) -> Any:
        name = node.op.scalar_op.name
        for before, after in self.pairs:
            if before.name != name:  # type: ignore[attr-defined]
                continue
            found = Match()
            if not before.match_node(node, found):  # type: ignore[attr-defined]
                continue
            if self.condition is not None and not self.condition.test(found):
                continue
            result = after.build(found)
            if not isinstance(result, Variable) or result.type.dtype != node.outputs[0].type.dtype:
                result = self._widened(after, found, node.outputs[0].type.dtype)
                if result is None:
                    continue
            return [broadcast_like(result, node)]
        return None

    def _widened(self, after: Pattern, found: Match, dtype: str) -> Any:
        """The replacement in the dtype of what it replaces, by converting the operands; ``None`` when that fails."""
        from theano.tensor.functions import cast
        from theano.tensor.variable import constant

        if isinstance(after, Literal):
            return constant(np.asarray(after.value, dtype=dtype))
        widened = Match()
        for hole, variable in found.holes.items():
            try:
                fits = np.promote_types(variable.type.dtype, dtype) == np.dtype(dtype)
            except TypeError:
                return None
            widened.holes[hole] = cast(variable, dtype) if fits else variable
        result = after.build(widened)
        return result if result.type.dtype == dtype else None


class NodeRule(Rule):
    """A function from a node to its replacement."""

    def __init__(
        self,
        name: str,
        passes: Sequence[str],
        keys: Iterable[Key],
        transform: Callable[[Any, Apply], Any],
        tags: Sequence[str] = (),
        depth: int = 2,
        before: str = "",
        after: str = "",
        when: str = "",
        late: bool = False,
        family: Iterable[str] = (),
    ) -> None:
        super().__init__(name, passes, keys, tags)
        self.function = transform
        self.depth = depth
        self.before, self.after, self.when = before, after, when
        self.late = late
        self.family = frozenset(family)

    def transform(self, fgraph: Any, node: Apply) -> Any:
        return self.function(fgraph, node)

    def climbs(self, name: str | None) -> bool:
        return name in self.family

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


class RuleTable:
    """The rules of one file, in order; files make one each and the database collects them."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def rule(
        self,
        name: str,
        passes: Sequence[str],
        *pairs: tuple[Pattern, Any],
        when: Condition | None = None,
        tags: Sequence[str] = (),
    ) -> Rule:
        """Add a rule of algebra."""
        made = AlgebraRule(name, passes, pairs, when, tags)
        self.rules.append(made)
        return made

    def node_rule(
        self, name: str, passes: Sequence[str], *keys: Key, **settings: Any
    ) -> Callable[[Callable[[Any, Apply], Any]], NodeRule]:
        """Decorator that adds a function of ``(fgraph, node)`` as a rule about nodes with `keys`."""

        def add(transform: Callable[[Any, Apply], Any]) -> NodeRule:
            made = NodeRule(name, passes, keys, transform, **settings)
            self.rules.append(made)
            return made

        return add

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)
