"""Rewriting of graphs: rules that read like algebra, a driver that applies them, and the passes that they make up.

>>> import theano.tensor as T
>>> from theano.rewrite import simplify, text
>>> x = T.dvector("x")
>>> text(simplify(T.log(1 + x)))
'log1p(x)'
"""

from theano.rewrite.database import Database, Query
from theano.rewrite.driver import Driver, RewriteError, RewriteLoopError, RewriteProfile, RuleIndex, merge_graph
from theano.rewrite.passes import (
    FAST_COMPILE,
    FAST_RUN,
    QUERIES,
    apply_rules,
    as_query,
    canonicalize,
    optdb,
    passes,
    rewrite_graph,
    run,
    simplify,
    specialize,
    stabilize,
)
from theano.rewrite.pattern import Hole, NodeRule, Pattern, Rule, RuleTable, function
from theano.rewrite.text import text

rewrite = rewrite_graph

__all__ = [
    "FAST_COMPILE",
    "FAST_RUN",
    "QUERIES",
    "Database",
    "Driver",
    "Hole",
    "NodeRule",
    "Pattern",
    "Query",
    "RewriteError",
    "RewriteLoopError",
    "RewriteProfile",
    "Rule",
    "RuleIndex",
    "RuleTable",
    "apply_rules",
    "as_query",
    "canonicalize",
    "function",
    "merge_graph",
    "optdb",
    "passes",
    "rewrite",
    "rewrite_graph",
    "run",
    "simplify",
    "specialize",
    "stabilize",
    "text",
]
