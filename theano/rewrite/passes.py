"""The pipeline: which passes there are, in which order, and the calls that run them.

``canonicalize`` brings expressions to one simplest form, ``stabilize`` replaces forms that lose precision or overflow,
``loops`` moves work out of loops, ``specialize`` chooses the cheapest operation for each form, ``blas`` gathers
products of matrices into single calls. Every pass also rewrites the bodies of loops.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from theano.configuration import config
from theano.graph.basic import Constant, Variable
from theano.graph.fg import FunctionGraph
from theano.graph.replace import clone_get_equiv
from theano.graph.traversal import graph_inputs
from theano.rewrite.database import Database, Query
from theano.rewrite.driver import Driver, PassStatistics, RewriteProfile, RuleIndex

optdb = Database()
"""The database of all passes and rules."""

optdb.add_pass("merge", 0.0, "fast_run", "fast_compile", summary="equal subgraphs become one")
optdb.add_pass("canonicalize", 1.0, "fast_run", "fast_compile", summary="one simplest form for equal expressions")
optdb.add_pass("stabilize", 1.5, "fast_run", "fast_compile", summary="forms that neither overflow nor lose digits")
optdb.add_pass("loops", 1.7, "fast_run", "fast_compile", summary="work moves out of loops, and loops become one")
optdb.add_pass("specialize", 2.0, "fast_run", "fast_compile", summary="the cheapest operation for each form")
optdb.add_pass("blas", 3.0, "fast_run", summary="products of matrices with what is added to them as single calls")

FAST_RUN = Query(include=["fast_run"])
FAST_COMPILE = Query(include=["fast_compile"])
NONE = Query()
QUERIES = {
    "fast_run": FAST_RUN,
    "fast_compile": FAST_COMPILE,
    "o4": FAST_RUN,
    "o3": FAST_RUN,
    "o2": FAST_RUN,
    "o1": FAST_COMPILE,
    "unsafe": Query(include=["fast_run", "unsafe"]),
    "merge": Query(include=["merge"]),
    "None": NONE,
    "none": NONE,
}
"""Queries by the names that the setting ``optimizer`` and ``Mode(optimizer=...)`` take."""


def as_query(query: Any) -> Query:
    """A Query from what modes are made of: a Query, one of the names in :data:`QUERIES`, a tag, or ``None``."""
    if query is None:
        return NONE
    if isinstance(query, Query):
        return query
    if isinstance(query, str):
        return QUERIES.get(query) or Query(include=[query])
    if hasattr(query, "include"):
        return Query(query.include, query.require, query.exclude)
    raise TypeError(f"a query for rewrites must be a Query or a name such as 'fast_run', not {query!r}")


def rewrite_graph(fgraph: FunctionGraph, query: Any = FAST_RUN, profile: RewriteProfile | None = None) -> FunctionGraph:
    """Rewrite a graph in place by the passes and rules that a query selects, and return it.

    Parameters
    ----------
    query
        a :class:`Query`, or a name such as ``"fast_run"``.
    profile
        is filled with what each pass and rule did, and with times.
    """
    load_rules()
    query = as_query(query)
    stages = [p for p in optdb.selected(query) if p.position <= config.optdb.position_cutoff]
    if not stages or not fgraph.apply_nodes:
        return fgraph
    if config.compute_test_value != "off" and config.compute_test_value_opt == "off":
        with config.change_flags(compute_test_value="off"):
            return _run_stages(fgraph, stages, query, profile)
    return _run_stages(fgraph, stages, query, profile)


def _run_stages(
    fgraph: FunctionGraph, stages: Iterable[Any], query: Query | None, profile: RewriteProfile | None
) -> FunctionGraph:
    with Driver(fgraph, profile) as driver:
        for stage in stages:
            begin, nodes = time.perf_counter(), len(fgraph.apply_nodes)
            if stage.function is not None:
                stage.function(fgraph)
            else:
                index = optdb.index(stage.name, query)
                merge = query is None or "merge" not in query.exclude
                if stage.name == "merge" or index.concerns(fgraph.apply_nodes):
                    driver.saturate(index, merge)
            if profile is not None:
                seconds = time.perf_counter() - begin
                profile.passes.append(PassStatistics(stage.name, seconds, nodes, len(fgraph.apply_nodes)))
        if profile is not None:
            profile.merged += driver.merged
    return fgraph


def run(fgraph: FunctionGraph, *names: str, profile: RewriteProfile | None = None) -> FunctionGraph:
    """Run the passes of these names, with all their rules, on a graph in place; return the graph."""
    load_rules()
    unknown = [name for name in names if name not in optdb.passes]
    if unknown:
        raise ValueError(f"there is no rewrite pass {unknown[0]!r}; there are {', '.join(passes())}")
    return _run_stages(fgraph, [optdb.passes[name] for name in names], None, profile)


def canonicalize(fgraph: FunctionGraph) -> FunctionGraph:
    """Run the pass ``canonicalize`` alone."""
    return run(fgraph, "canonicalize")


def stabilize(fgraph: FunctionGraph) -> FunctionGraph:
    """Run the pass ``stabilize`` alone."""
    return run(fgraph, "stabilize")


def specialize(fgraph: FunctionGraph) -> FunctionGraph:
    """Run the pass ``specialize`` alone."""
    return run(fgraph, "specialize")


def passes() -> list[str]:
    """The names of all passes, in the order in which they run."""
    return [stage.name for stage in optdb.ordered()]


def simplify(variables: Any, query: Any = FAST_RUN) -> Any:
    """The expression (or list of expressions) as it is after rewriting; what was given stays as it was.

    Parameters
    ----------
    query
        a :class:`Query`, a name such as ``"fast_run"``, or a list of names of passes to run alone.

    >>> import theano.tensor as T
    >>> from theano.rewrite import simplify, text
    >>> x, y = T.dvectors("x", "y")
    >>> text(simplify(x + y - x))
    'y'
    """
    single = isinstance(variables, Variable)
    outputs = [variables] if single else list(variables)
    inputs = [v for v in graph_inputs(outputs) if not isinstance(v, Constant)]
    memo = clone_get_equiv(inputs, outputs, copy_inputs=False, copy_orphans=False)
    fgraph = FunctionGraph(inputs, [memo[v] for v in outputs], clone=False)
    if isinstance(query, Sequence) and not isinstance(query, str):
        run(fgraph, *query)
    else:
        rewrite_graph(fgraph, query)
    return fgraph.outputs[0] if single else fgraph.outputs


def simplify_lengths(lengths: Sequence[Variable], inputs: Sequence[Variable]) -> list[Variable]:
    """Lengths, as :class:`Shape_i` of variables computed from `inputs`, as expressions of what `inputs` tells of them.

    The work is that of the lengths alone: what else is computed from `inputs` is not rewritten.
    """
    load_rules()
    memo = clone_get_equiv(inputs, lengths, copy_inputs=False, copy_orphans=False)
    fgraph = FunctionGraph(inputs, [memo[v] for v in lengths], clone=False)
    with Driver(fgraph) as driver:
        driver.saturate(optdb.index("canonicalize"), nodes=[v.owner for v in fgraph.outputs if v.owner is not None])
    return fgraph.outputs


def apply_rules(variables: Any, *rules: Any, merge: bool = True) -> Any:
    """The expression (or list) after these rules alone, named or given, were applied until none applies."""
    load_rules()
    known = {rule.name: rule for rule, _ in optdb.rules()}
    chosen = [known[rule] if isinstance(rule, str) else rule for rule in rules]
    single = isinstance(variables, Variable)
    outputs = [variables] if single else list(variables)
    inputs = [v for v in graph_inputs(outputs) if not isinstance(v, Constant)]
    memo = clone_get_equiv(inputs, outputs, copy_inputs=False, copy_orphans=False)
    fgraph = FunctionGraph(inputs, [memo[v] for v in outputs], clone=False)
    with Driver(fgraph) as driver:
        driver.saturate(RuleIndex(chosen), merge)
    return fgraph.outputs[0] if single else fgraph.outputs


_loaded = False


def load_rules() -> None:
    """Import the files of rules, on first use: they need the whole language of tensors."""
    global _loaded
    if _loaded:
        return
    _loaded = True
    from theano.rewrite.rules import FILES

    for theme, table in FILES:
        for rule in table:
            speed = () if "fast_run" in rule.tags or "unsafe" in rule.tags or "opt_in" in rule.tags else ("fast_run",)
            optdb.add_rule(rule, theme, *speed)
