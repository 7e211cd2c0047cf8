"""Optimizers of single nodes under Theano 1.0's names: local optimizers as functions, classes and patterns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from theano.graph.basic import Apply, Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.op import Op
from theano.rewrite.driver import RuleIndex
from theano.rewrite.pattern import COMMUTATIVE, Rule, key_of, same, scalar_constant
from theano.rewrite.shape import shape_feature


def copy_stack_trace(from_var: Any, to_var: Any) -> Any:
    """Give what computes `to_var` the user's lines of `from_var`; returns `to_var`."""
    sources = from_var if isinstance(from_var, list | tuple) else [from_var]
    targets = to_var if isinstance(to_var, list | tuple) else [to_var]
    trace = next((v.owner.trace for v in sources if v.owner is not None), ())
    for v in targets:
        if v.owner is not None and trace:
            v.owner.trace = trace
    return to_var


# ---- optimizers of single nodes


class LocalOptimizer:
    """A rewrite of one node: ``transform(node)`` gives a list of variables, a dict old → new, or False.

    While it runs, ``node.fgraph`` is the graph, with ``fgraph.shape_feature.shape_of[variable]``, and the attribute
    ``clients`` of the variables around the node says who uses them.
    """

    name: str | None = None

    def tracks(self) -> list[Any] | None:
        """The Ops and classes of Ops that it is for; ``None``: all."""
        return None

    def transform(self, node: Apply) -> Any:
        """The replacement of the outputs of `node`, or False."""
        raise TypeError(f"{type(self).__name__} does not define transform(node)")

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        """Attach to the graph what the optimizer needs."""

    def __str__(self) -> str:
        return getattr(self, "__name__", None) or self.name or type(self).__name__

    __repr__ = __str__


class FromFunctionLocalOptimizer(LocalOptimizer):
    """A function of a node as a local optimizer."""

    def __init__(self, fn: Callable[[Apply], Any], tracks: Sequence[Any] | None = None, requirements: Any = ()) -> None:
        self.transform = fn  # type: ignore[method-assign, assignment]
        self._tracks = None if tracks is None else list(tracks)
        self.requirements = requirements
        self.name = self.__name__ = getattr(fn, "__name__", "local optimizer")
        self.__doc__ = fn.__doc__

    def tracks(self) -> list[Any] | None:
        return self._tracks

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        for requirement in self.requirements:
            requirement(fgraph)

    def __call__(self, node: Apply) -> Any:
        return self.transform(node)


def local_optimizer(tracks: Sequence[Any] | None, inplace: bool = False, requirements: Any = ()) -> Callable[..., Any]:
    """Decorator that makes a function of a node a local optimizer for nodes of the Ops (or classes of Ops) "
    "`tracks`."""
    if tracks is not None and not (isinstance(tracks, list | tuple) and tracks):
        raise ValueError(f"local_optimizer takes a list of Ops and classes of Ops, or None for all, not {tracks!r}")

    def decorate(function: Callable[[Apply], Any]) -> FromFunctionLocalOptimizer:
        return FromFunctionLocalOptimizer(function, tracks, requirements)

    return decorate


class LegacyRule(Rule):
    """A local optimizer as a rule."""

    depth = 4

    def __init__(self, optimizer: LocalOptimizer, name: str | None = None, passes: Sequence[str] = ()) -> None:
        tracks = optimizer.tracks()
        keys = [] if tracks is None else [key_of(t) if isinstance(t, Op) else t for t in tracks]
        super().__init__(name or str(optimizer), passes, keys or [Op])
        self.optimizer = optimizer
        self.ops = [t for t in tracks or () if isinstance(t, Op)]
        self.classes = tuple(t for t in tracks or (Op,) if isinstance(t, type))
        self.before = getattr(optimizer, "__doc__", None) or str(optimizer)
        self.after = ""

    def transform(self, fgraph: Any, node: Apply) -> Any:
        if node.op not in self.ops and not isinstance(node.op, self.classes):
            return None
        shape_feature(fgraph)
        near: list[Any] = [node, *node.inputs, *node.outputs]
        for item in near:
            item.fgraph = fgraph
            if isinstance(item, Variable):
                item.clients = fgraph.clients.get(item, [])  # type: ignore[attr-defined]
        try:
            return self.optimizer.transform(node)
        finally:
            for item in near:
                item.__dict__.pop("fgraph", None)
                item.__dict__.pop("clients", None)


def as_rule(optimizer: Any, name: str | None = None, passes: Sequence[str] = ()) -> Rule:
    """A rule from a rule, a local optimizer or a function of a node."""
    if isinstance(optimizer, Rule):
        return optimizer
    if not isinstance(optimizer, LocalOptimizer):
        if not callable(optimizer):
            raise TypeError(f"a local optimizer is needed, not {optimizer!r}")
        optimizer = FromFunctionLocalOptimizer(optimizer)
    return LegacyRule(optimizer, name, passes)


class LocalOptGroup(LocalOptimizer):
    """Several local optimizers, tried in order; the first that changes something counts."""

    def __init__(self, *optimizers: Any, **_: Any) -> None:
        flat = [o for group in optimizers for o in (group if isinstance(group, list | tuple) else [group])]
        self.opts = [as_rule(o) for o in flat]
        self.name = ", ".join(rule.name for rule in self.opts)

    def tracks(self) -> list[Any] | None:
        return None

    def transform(self, node: Apply) -> Any:
        fgraph = node.fgraph  # type: ignore[attr-defined]
        index = RuleIndex(self.opts)
        for rule in index.candidates(node.op)[0]:
            result = rule.transform(fgraph, node)
            if result:
                return result
        return False


# ---- patterns as tuples


class PatternSub(LocalOptimizer):
    """Replaces what has the form of one pattern by another: ``PatternSub((T.log, (T.add, 1, "x")), (T.log1p, "x"))``.

    A pattern is a string (any expression; the same string, the same one), a number, a variable, a tuple of an Op and
    patterns of its inputs, or ``{"pattern": p, "constraint": f}``, which matches where p does and f(variable) is true.

    Parameters
    ----------
    allow_multiple_clients
        match also where inner results are used elsewhere.
    """

    def __init__(
        self,
        in_pattern: Any,
        out_pattern: Any,
        allow_multiple_clients: bool = False,
        skip_identities_fn: Callable[[Variable], bool] | None = None,
        name: str | None = None,
        tracks: Sequence[Any] = (),
        get_nodes: Any = None,
        values_eq_approx: Any = None,
    ) -> None:
        self.in_pattern, self.out_pattern = in_pattern, out_pattern
        root = in_pattern["pattern"] if isinstance(in_pattern, dict) else in_pattern
        if not isinstance(root, list | tuple):
            raise TypeError(f"PatternSub: the pattern to search for must start with an Op, got {in_pattern!r}")
        self.op = root[0]
        self.allow_multiple_clients = allow_multiple_clients
        self.name = self.__name__ = name or f"PatternSub({_shown(in_pattern)} -> {_shown(out_pattern)})"
        self.__doc__ = self.name

    def tracks(self) -> list[Any]:
        return [self.op]

    def op_key(self) -> Any:
        """The Op at the root of the pattern."""
        return self.op

    def transform(self, node: Apply) -> Any:
        if node.op != self.op or len(node.outputs) != 1:
            return False
        found = self._match(self.in_pattern, node.outputs[0], {}, root=True)
        if found is None:
            return False
        result = self._build(self.out_pattern, found)
        if result.type != node.outputs[0].type:
            try:
                result = node.outputs[0].type.filter_variable(result)
            except TypeError:
                return False
        return [result]

    def _match(self, pattern: Any, variable: Any, found: dict[str, Any], root: bool = False) -> dict[str, Any] | None:
        if isinstance(pattern, dict):
            if not pattern["constraint"](variable):
                return None
            return self._match(pattern["pattern"], variable, found, root)
        if isinstance(pattern, str):
            earlier = found.get(pattern)
            if earlier is not None:
                return found if same(earlier, variable) else None
            return {**found, pattern: variable}
        if isinstance(pattern, list | tuple):
            return self._match_call(pattern, variable, found, root)
        if isinstance(pattern, Constant):
            return found if same(pattern, variable) else None
        if isinstance(pattern, Variable):
            return found if pattern is variable else None
        value = scalar_constant(variable)
        return found if value is not None and value == pattern else None

    def _match_call(self, pattern: Any, variable: Any, found: dict[str, Any], root: bool) -> dict[str, Any] | None:
        node = variable.owner
        op, *arguments = pattern
        if node is None or node.op != op or len(node.inputs) != len(arguments):
            return None
        if not root and not self.allow_multiple_clients and _is_shared(variable):
            return None
        orders = [node.inputs]
        if len(arguments) == 2 and key_of(op) in COMMUTATIVE:
            orders.append(node.inputs[::-1])
        for inputs in orders:
            matched: dict[str, Any] | None = found
            for argument, v in zip(arguments, inputs, strict=True):
                matched = None if matched is None else self._match(argument, v, matched)
            if matched is not None:
                return matched
        return None

    def _build(self, pattern: Any, found: dict[str, Any]) -> Any:
        if isinstance(pattern, str):
            return found[pattern]
        if isinstance(pattern, list | tuple):
            op, *arguments = pattern
            return op(*(self._build(a, found) for a in arguments))
        return pattern if isinstance(pattern, Variable) else _constant(pattern)


def _constant(value: Any) -> Any:
    from theano.tensor.variable import as_tensor_variable

    return as_tensor_variable(value)


def _is_shared(variable: Any) -> bool:
    """Whether several nodes use a variable, as far as is known of the graph."""
    clients = getattr(variable, "clients", None)
    return clients is not None and len(clients) > 1


def _shown(pattern: Any) -> str:
    if isinstance(pattern, dict):
        return f"{_shown(pattern['pattern'])} where {getattr(pattern['constraint'], '__name__', 'a condition')}"
    if isinstance(pattern, list | tuple):
        return f"{pattern[0]}({', '.join(map(_shown, pattern[1:]))})"
    return str(pattern)


class OpSub(LocalOptimizer):
    """Replaces an Op by another on the same inputs."""

    def __init__(self, op1: Op, op2: Op, transfer_tags: bool = True) -> None:
        self.op1, self.op2 = op1, op2
        self.name = self.__doc__ = f"{op1} -> {op2}"

    def tracks(self) -> list[Any]:
        return [self.op1]

    def op_key(self) -> Op:
        """The Op that is replaced."""
        return self.op1

    def transform(self, node: Apply) -> Any:
        return False if node.op != self.op1 else self.op2.make_node(*node.inputs).outputs


class OpRemove(LocalOptimizer):
    """Replaces the outputs of an Op by its inputs."""

    def __init__(self, op: Op) -> None:
        self.op = op
        self.name = self.__doc__ = f"remove {op}"

    def tracks(self) -> list[Any]:
        return [self.op]

    def op_key(self) -> Op:
        """The Op that is removed."""
        return self.op

    def transform(self, node: Apply) -> Any:
        return False if node.op != self.op else node.inputs
