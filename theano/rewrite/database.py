"""Which rules there are, in which passes, and how a query selects among them.

A *pass* is a set of rules that are applied together until none applies, or a function of the graph; passes have
positions that order them. Every rule has tags: its own name, the names of its passes, its theme, and ``fast_run`` or
``fast_compile``. A :class:`Query` says which tags to include, exclude and require, as the queries of Theano 1.0 do::

    Query(include=["fast_run"]).excluding("local_log1p").including("unsafe")
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from theano.rewrite.driver import RuleIndex
from theano.rewrite.pattern import Rule

Tags = frozenset[str]


@dataclass(frozen=True)
class Query:
    """A selection of rules and passes by tags.

    Attributes
    ----------
    include
        what has any of these tags is taken ...
    require
        ... when it has all of these ...
    exclude
        ... and none of these.
    """

    include: Tags = frozenset()
    require: Tags = frozenset()
    exclude: Tags = frozenset()

    def __init__(
        self, include: Iterable[str] = (), require: Iterable[str] = (), exclude: Iterable[str] = (), **_: Any
    ) -> None:
        object.__setattr__(self, "include", frozenset(include or ()))
        object.__setattr__(self, "require", frozenset(require or ()))
        object.__setattr__(self, "exclude", frozenset(exclude or ()))

    def including(self, *tags: str) -> Query:
        """This query, taking `tags` as well."""
        return Query(self.include | set(tags), self.require, self.exclude)

    def excluding(self, *tags: str) -> Query:
        """This query without what has any of `tags`."""
        return Query(self.include, self.require, self.exclude | set(tags))

    def requiring(self, *tags: str) -> Query:
        """This query restricted to what has all of `tags`."""
        return Query(self.include, self.require | set(tags), self.exclude)

    def accepts(self, tags: Tags) -> bool:
        """Whether something with these tags is selected."""
        return bool(self.include & tags) and self.require <= tags and not self.exclude & tags

    def __or__(self, other: Query) -> Query:
        return Query(self.include | other.include, self.require | other.require, self.exclude | other.exclude)


@dataclass
class Pass:
    """A named stage of rewriting.

    Attributes
    ----------
    position
        passes run in ascending order of it.
    tags
        by which queries select the pass; its name is one.
    function
        a function of the FunctionGraph, for passes that are no set of rules.
    rules
        its rules, in order of registration.
    """

    name: str
    position: float
    tags: Tags
    summary: str = ""
    function: Callable[[Any], Any] | None = None
    rules: dict[str, tuple[Rule, Tags]] = field(default_factory=dict)


class Database:
    """The passes and their rules; there is one, :data:`theano.rewrite.optdb`."""

    def __init__(self) -> None:
        self.passes: dict[str, Pass] = {}
        self._indexes: dict[tuple[str, Query | None], RuleIndex] = {}

    def add_pass(
        self, name: str, position: float, *tags: str, summary: str = "", function: Callable[[Any], Any] | None = None
    ) -> Pass:
        """A new pass; ``function(fgraph)`` makes it one that is no set of rules."""
        if name in self.passes:
            raise ValueError(f"there is already a rewrite pass named {name!r}")
        made = self.passes[name] = Pass(name, position, frozenset({name, *tags}), summary, function)
        return made

    def add_rule(self, rule: Rule, *tags: str, passes: Iterable[str] | None = None, name: str | None = None) -> Rule:
        """Enter a rule into its passes.

        Parameters
        ----------
        tags
            beside the rule's own.
        passes, name
            instead of those that the rule itself says.
        """
        passes = tuple(rule.passes if passes is None else passes)
        name = rule.name if name is None else name
        all_tags = frozenset({name, rule.name, *rule.tags, *tags})
        for pass_name in passes:
            stage = self.passes.get(pass_name)
            if stage is None or stage.function is not None:
                known = ", ".join(p.name for p in self.ordered() if p.function is None)
                raise ValueError(f"rule {name}: there is no pass {pass_name!r} that takes rules; there are {known}")
            if name in stage.rules:
                raise ValueError(f"the pass {pass_name!r} already has a rule {name!r}")
            stage.rules[name] = (rule, all_tags | {pass_name})
        self._indexes.clear()
        return rule

    def remove_rule(self, name: str, *passes: str) -> None:
        """Take a rule out of the passes named, or out of all."""
        for stage in self.passes.values():
            if not passes or stage.name in passes:
                stage.rules.pop(name, None)
        self._indexes.clear()

    def add_tags(self, name: str, *tags: str) -> None:
        """Give a rule further tags."""
        for stage in self.passes.values():
            if name in stage.rules:
                rule, old = stage.rules[name]
                stage.rules[name] = (rule, old | set(tags))
        self._indexes.clear()

    def ordered(self) -> list[Pass]:
        """The passes in the order in which they run."""
        return sorted(self.passes.values(), key=lambda p: p.position)

    def rules(self) -> list[tuple[Rule, Tags]]:
        """All rules, each once, with the tags that it has in all passes together."""
        collected: dict[str, tuple[Rule, Tags]] = {}
        for stage in self.ordered():
            for name, (rule, tags) in stage.rules.items():
                collected[name] = (rule, tags | collected[name][1] if name in collected else tags)
        return list(collected.values())

    def index(self, name: str, query: Query | None = None) -> RuleIndex:
        """The rules of a pass that `query` selects (all, without one), indexed; kept for the next call."""
        stage = self.passes[name]
        found = self._indexes.get((name, query))
        if found is None:
            found = RuleIndex(rule for rule, tags in stage.rules.values() if query is None or query.accepts(tags))
            self._indexes[name, query] = found
        return found

    # Theano 1.0's interface to the database; ``theano.rewrite.legacy`` says what it means.

    def register(self, name: str, obj: Any, *tags: Any, **settings: Any) -> Any:
        """Enter an optimizer of whole graphs, or a database, as a pass: tags, one of them a number, its position."""
        from theano.rewrite.legacy import register_pass

        return register_pass(self, name, obj, *tags, **settings)

    def query(self, *tags: Any) -> Any:
        """The optimizer made of what a query selects: a :class:`Query`, or ``"+fast_run", "-local_log1p"``."""
        from theano.rewrite.legacy import QueryOptimizer, query_of

        return QueryOptimizer(query_of(tags))

    def __getitem__(self, name: str) -> Any:
        """A pass, to which local optimizers can be registered: ``optdb["canonicalize"].register(name, optimizer)``."""
        from theano.rewrite.legacy import PassView

        stage = self.passes.get(name)
        if stage is None:
            raise KeyError(f"there is no rewrite pass {name!r}; there are {', '.join(self.passes)}")
        return PassView(name) if stage.function is None else stage.function

    def __contains__(self, name: object) -> bool:
        return name in self.passes

    def remove_pass(self, name: str) -> None:
        """Take a pass out."""
        del self.passes[name]

    def selected(self, query: Query) -> list[Pass]:
        """The passes that a query selects."""
        return [p for p in self.ordered() if query.accepts(p.tags)]
