"""Rewriting under the names of Theano 1.0: ``local_optimizer``, ``PatternSub``, ``register_canonicalize``, ``optdb``.

Nothing is decided here. A local optimizer of Theano 1.0 becomes a :class:`~theano.rewrite.pattern.Rule`, an optimizer
of whole graphs a pass, a database a view of :data:`theano.rewrite.passes.optdb`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from theano.graph.fg import FunctionGraph
from theano.rewrite.database import Database, Query
from theano.rewrite.driver import Driver, RuleIndex, merge_graph
from theano.rewrite.legacy_nodes import (
    FromFunctionLocalOptimizer,
    LegacyRule,
    LocalOptGroup,
    LocalOptimizer,
    OpRemove,
    OpSub,
    PatternSub,
    as_rule,
    copy_stack_trace,
    local_optimizer,
)
from theano.rewrite.passes import FAST_RUN, load_rules, optdb, rewrite_graph

# ---- optimizers of whole graphs


class Optimizer:
    """A rewrite of a graph: ``apply(fgraph)`` edits it."""

    name: str | None = None

    def apply(self, fgraph: FunctionGraph) -> Any:
        """Edit the graph."""
        raise TypeError(f"{type(self).__name__} does not define apply(fgraph)")

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        """Attach to the graph what the optimizer needs."""

    def optimize(self, fgraph: FunctionGraph, *_: Any, **__: Any) -> Any:
        """Attach what is needed and edit the graph."""
        self.add_requirements(fgraph)
        return self.apply(fgraph)

    __call__ = optimize
    rewrite = optimize


GlobalOptimizer = Optimizer


class FromFunctionOptimizer(Optimizer):
    """A function of a graph as an optimizer."""

    def __init__(self, fn: Callable[[FunctionGraph], Any], requirements: Any = ()) -> None:
        self.apply = fn  # type: ignore[method-assign, assignment]
        self.requirements = requirements
        self.name = self.__name__ = getattr(fn, "__name__", "optimizer")

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        for requirement in self.requirements:
            requirement(fgraph)


def optimizer(function: Callable[[FunctionGraph], Any]) -> FromFunctionOptimizer:
    """Decorator that makes a function of a graph an optimizer."""
    return FromFunctionOptimizer(function)


class SeqOptimizer(Optimizer, list):
    """Optimizers one after the other."""

    def __init__(self, *optimizers: Any, failure_callback: Any = None) -> None:
        super().__init__(
            optimizers[0] if len(optimizers) == 1 and isinstance(optimizers[0], list | tuple) else optimizers
        )

    def apply(self, fgraph: FunctionGraph) -> Any:
        for one in self:
            one.optimize(fgraph)


class MergeOptimizer(Optimizer):
    """Merges equal subgraphs."""

    def apply(self, fgraph: FunctionGraph) -> Any:
        return merge_graph(fgraph)


class EquilibriumOptimizer(Optimizer):
    """Local optimizers (and optimizers of the graph) applied until nothing changes."""

    def __init__(
        self, optimizers: Iterable[Any], failure_callback: Any = None, max_use_ratio: Any = None, **_: Any
    ) -> None:
        optimizers = list(optimizers)
        self.global_optimizers = [o for o in optimizers if isinstance(o, Optimizer)]
        self.rules = [as_rule(o) for o in optimizers if not isinstance(o, Optimizer)]

    def apply(self, fgraph: FunctionGraph) -> Any:
        index = RuleIndex(self.rules)
        with Driver(fgraph) as driver:
            while True:
                before = set(fgraph.apply_nodes)
                driver.saturate(index)
                for one in self.global_optimizers:
                    one.optimize(fgraph)
                if not self.global_optimizers or fgraph.apply_nodes == before:
                    return


class TopoOptimizer(Optimizer):
    """A local optimizer applied once to each node, inputs first (``in_to_out``) or last.

    Parameters
    ----------
    ignore_newtrees
        leave nodes alone that it makes itself.
    """

    def __init__(
        self, local_opt: Any, order: str = "in_to_out", ignore_newtrees: bool = False, failure_callback: Any = None
    ) -> None:
        self.rule = as_rule(local_opt)
        self.order, self.ignore_newtrees = order, ignore_newtrees

    def apply(self, fgraph: FunctionGraph) -> Any:
        index = RuleIndex([self.rule])
        with Driver(fgraph) as driver:
            if not self.ignore_newtrees:
                return driver.saturate(index, merge=False)
            driver.index, driver.limit = index, len(fgraph.apply_nodes)
            nodes = fgraph.toposort()
            for node in nodes if self.order == "in_to_out" else reversed(nodes):
                if node in fgraph.apply_nodes:
                    driver.apply_rules_to(node, index.candidates(node.op)[0])
            return driver.applied


def in2out(*local_opts: Any, **kwargs: Any) -> Optimizer:
    """Local optimizers as an optimizer of the graph that visits inputs first."""
    return _topological("in_to_out", local_opts, kwargs)


def out2in(*local_opts: Any, **kwargs: Any) -> Optimizer:
    """Local optimizers as an optimizer of the graph that visits outputs first."""
    return _topological("out_to_in", local_opts, kwargs)


def _topological(order: str, local_opts: Sequence[Any], kwargs: dict[str, Any]) -> Optimizer:
    name = kwargs.pop("name", None)
    local = local_opts[0] if len(local_opts) == 1 else LocalOptGroup(*local_opts)
    made = TopoOptimizer(local, order=order, ignore_newtrees=kwargs.pop("ignore_newtrees", True))
    made.name = name or str(local)
    return made


# ---- databases


class QueryOptimizer(Optimizer):
    """The rewrites that a query selects, as an optimizer."""

    def __init__(self, query: Query) -> None:
        self.query = query

    def apply(self, fgraph: FunctionGraph) -> Any:
        return rewrite_graph(fgraph, self.query)


def query_of(tags: Sequence[Any]) -> Query:
    """A query from a Query, or from words such as ``"+fast_run", "-fusion", "&canonicalize"``."""
    if len(tags) == 1 and not isinstance(tags[0], str):
        return tags[0]
    signs: dict[str, list[str]] = {"+": [], "&": [], "-": []}
    for tag in tags:
        sign, word = (tag[0], tag[1:]) if tag[0] in signs else ("+", tag)
        signs[sign].append(word)
    return Query(signs["+"], signs["&"], signs["-"])


class DB:
    """A database of a user's own: optimizers under names, with tags."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[Any, frozenset[str], float]] = {}

    def register(self, name: str, obj: Any, *tags: Any, **_: Any) -> Any:
        """Enter an optimizer; the first tag may be a position, which orders a SequenceDB."""
        position = float(len(self.entries))
        words = []
        for tag in tags:
            if isinstance(tag, int | float):
                position = float(tag)
            else:
                words.append(tag)
        if name in self.entries:
            raise ValueError(f"there is already an optimizer named {name!r}")
        self.entries[name] = (obj, frozenset({name, *words}), position)
        return obj

    def selected(self, *tags: Any) -> list[Any]:
        """What a query selects, by position."""
        query = query_of(tags)
        chosen = [(position, obj) for obj, words, position in self.entries.values() if query.accepts(words)]
        objects = [obj for _, obj in sorted(chosen, key=lambda pair: pair[0])]
        return [obj.query(query) if isinstance(obj, DB) else obj for obj in objects]

    def query(self, *tags: Any) -> Any:
        """An optimizer made of what the query selects."""
        return EquilibriumOptimizer(self.selected(*tags))

    def __getitem__(self, name: str) -> Any:
        if name not in self.entries:
            raise KeyError(f"nothing is registered as {name!r}; there are {', '.join(self.entries)}")
        return self.entries[name][0]

    def __contains__(self, name: object) -> bool:
        return name in self.entries


class EquilibriumDB(DB):
    """A database whose queries give an :class:`EquilibriumOptimizer`."""

    def __init__(self, ignore_newtrees: bool = True, tracks_on_change_inputs: bool = False) -> None:
        super().__init__()


class SequenceDB(DB):
    """A database whose queries give a :class:`SeqOptimizer`, by positions."""

    def __init__(self, failure_callback: Any = None) -> None:
        super().__init__()

    def query(self, *tags: Any) -> Any:
        made = [o if isinstance(o, Optimizer) else EquilibriumOptimizer([o]) for o in self.selected(*tags)]
        return SeqOptimizer(made)


class LocalGroupDB(DB):
    """A database whose queries give a :class:`LocalOptGroup`."""

    def query(self, *tags: Any) -> Any:
        return LocalOptGroup(*self.selected(*tags))


class PassView(DB):
    """A pass of the library's own database as an EquilibriumDB."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def register(self, name: str, obj: Any, *tags: Any, **_: Any) -> Any:
        """Enter a local optimizer into the pass."""
        words = [t for t in tags if isinstance(t, str)]
        optdb.add_rule(as_rule(obj, name), *words, passes=(self.name,), name=name)
        return obj

    def query(self, *tags: Any) -> Any:
        load_rules()
        return EquilibriumOptimizer(optdb.index(self.name, query_of(tags)).rules)

    def __getitem__(self, name: str) -> Any:
        load_rules()
        return optdb.passes[self.name].rules[name][0]

    def __contains__(self, name: object) -> bool:
        load_rules()
        return name in optdb.passes[self.name].rules


def register_pass(library: Database, name: str, obj: Any, *tags: Any, **settings: Any) -> Any:
    """Enter an optimizer of graphs, or a database, into the library's database as a pass."""
    position = settings.get("position", "last")
    words = []
    for tag in tags:
        if isinstance(tag, int | float) or tag == "last":
            position = tag
        else:
            words.append(tag)
    if position == "last":
        position = max(stage.position for stage in library.ordered()) + 1
    if isinstance(obj, DB):
        library.add_pass(name, float(position), *words, function=lambda fgraph: obj.query(FAST_RUN).optimize(fgraph))
    else:
        whole = obj if hasattr(obj, "optimize") else EquilibriumOptimizer([obj])
        library.add_pass(name, float(position), *words, function=whole.optimize)
    return obj


def _registrar(pass_name: str) -> Callable[..., Any]:
    def register(lopt: Any, *tags: str, **kwargs: Any) -> Any:
        if isinstance(lopt, str):
            return lambda inner: register(inner, lopt, *tags, **kwargs)
        name = kwargs.pop("name", None) or str(as_rule(lopt).name)
        PassView(pass_name).register(name, lopt, "fast_run", *tags)
        return lopt

    register.__name__ = f"register_{pass_name}"
    register.__doc__ = f"""Enter a local optimizer into the pass ``{pass_name}``, with the tags given and ``fast_run``.

    It also serves as a decorator, with or without tags.
    """
    return register


register_canonicalize = _registrar("canonicalize")
register_stabilize = _registrar("stabilize")
register_specialize = _registrar("specialize")
register_specialize_device = register_uncanonicalize = register_specialize
register_useless = register_canonicalize

__all__ = [
    "DB",
    "EquilibriumDB",
    "EquilibriumOptimizer",
    "FromFunctionLocalOptimizer",
    "FromFunctionOptimizer",
    "GlobalOptimizer",
    "LegacyRule",
    "LocalGroupDB",
    "LocalOptGroup",
    "LocalOptimizer",
    "MergeOptimizer",
    "OpRemove",
    "OpSub",
    "Optimizer",
    "PassView",
    "PatternSub",
    "QueryOptimizer",
    "SeqOptimizer",
    "SequenceDB",
    "TopoOptimizer",
    "as_rule",
    "copy_stack_trace",
    "in2out",
    "local_optimizer",
    "optdb",
    "optimizer",
    "out2in",
    "query_of",
    "register_canonicalize",
    "register_pass",
    "register_specialize",
    "register_specialize_device",
    "register_stabilize",
    "register_uncanonicalize",
    "register_useless",
]
