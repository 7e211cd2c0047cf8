"""Theano 1.0's way to add a rewrite: `local_optimizer` and the `register_...` functions, over today's rules.

::

    @register_canonicalize
    @local_optimizer([T.exp])
    def local_exp_of_log(node):
        inner = node.inputs[0].owner
        if inner is not None and inner.op == T.log:
            return [inner.inputs[0]]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from theano.graph.basic import Apply
from theano.graph.op import Op
from theano.rewrite import NodeRule, optdb
from theano.rewrite.passes import load_rules
from theano.rewrite.pattern import key_of

Transform = Callable[[Apply], Any]


def local_optimizer(
    tracks: Sequence[Any] | None, inplace: bool = False, requirements: Sequence[Any] = ()
) -> Callable[[Transform], NodeRule]:
    """A decorator: a function of a node becomes a rule.

    It returns the list of what replaces the node's outputs, or something false to leave the node.

    Parameters
    ----------
    tracks
        Ops and classes of Ops whose nodes are looked at; ``None``: all nodes.
    inplace, requirements
        accepted as in Theano 1.0.
    """
    if tracks is not None and not (isinstance(tracks, list | tuple) and tracks):
        raise ValueError(f"local_optimizer takes a list of Ops and classes of Ops, or None, not {tracks!r}")
    keys = [key_of(t) if isinstance(t, Op) else t for t in tracks or ()]

    def is_tracked(op: Op) -> bool:
        if tracks is None:
            return True
        return any(op == t if isinstance(t, Op) else isinstance(op, t) for t in tracks)

    def decorate(function: Transform) -> NodeRule:
        def transform(fgraph: Any, node: Apply) -> Any:
            return function(node) if is_tracked(node.op) else None

        rule = NodeRule(function.__name__, (), keys, transform)
        rule.__doc__ = function.__doc__
        return rule

    return decorate


def _registration(pass_name: str) -> Callable[..., Any]:
    def register(lopt: Any, *tags: str, **kwargs: Any) -> Any:
        if isinstance(lopt, str):  # register_...("tag") is a decorator
            return lambda rule: register(rule, lopt, *tags, **kwargs)
        load_rules()
        optdb.add_rule(lopt, "fast_run", *tags, passes=(pass_name,), name=kwargs.get("name"))
        return lopt

    register.__name__ = f"register_{pass_name}"
    register.__doc__ = f"""Let a rule take part in the pass ``{pass_name}``.

    Parameters
    ----------
    lopt
        the rule; or the first of the tags, and what comes back is a decorator.
    *tags
        by which modes include or exclude it; its name is one.
    name
        of the rule, by default its function's.
    """
    return register


register_canonicalize = _registration("canonicalize")
register_stabilize = _registration("stabilize")
register_specialize = _registration("specialize")
register_useless = register_canonicalize

__all__ = [
    "local_optimizer",
    "register_canonicalize",
    "register_specialize",
    "register_stabilize",
    "register_useless",
]
