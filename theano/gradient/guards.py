"""Gradients that matter only where a condition chooses a branch.

A value in a branch of an ``ifelse`` has an influence only where that branch is taken. Its gradient is carried backwards
as if there were no condition, together with *guards*: the conditions, from the cost inwards, under which it counts.
The choice between it and zero is made where it meets gradients that come from elsewhere. So what is done backwards
through a branch is needed by that branch alone, and is computed only where it is taken, as the branch itself is;
nothing is multiplied by zeros, which would give nan beside infinite derivatives.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from theano.gradient.terms import fit
from theano.graph.basic import Variable


class Guard(NamedTuple):
    """Counts only where `condition` is nonzero (`side`), or only where it is zero."""

    condition: Variable
    side: bool


Guards = tuple[Guard, ...]
Guarded = tuple[Variable, Guards]
UNGUARDED: Guards = ()


def common_guards(terms: Sequence[Guarded]) -> Guards:
    """The conditions, from the outermost on, that all terms share."""
    first, *others = [guards for _, guards in terms]
    length = min(map(len, (first, *others)))
    for depth in range(length):
        if any(guards[depth] != first[depth] for guards in others):
            return first[:depth]
    return first[:length]


def total(variable: Variable, terms: Sequence[Guarded]) -> Guarded:
    """The sum of the terms of a gradient with respect to `variable`, under the guards that they share."""
    guards = common_guards(terms)
    return lifted(variable, terms, len(guards)), guards


def lifted(variable: Variable, terms: Sequence[Guarded], depth: int) -> Variable:
    """The sum of the terms where the first `depth` guards, which they share, hold: the others are put into it."""
    from theano.loops.ifelse import chosen, only_where

    parts = [term for term, guards in terms if len(guards) == depth]
    sides: dict[Variable, tuple[list[Guarded], list[Guarded]]] = {}
    for term, guards in terms:
        if len(guards) > depth:
            guard = guards[depth]
            sides.setdefault(guard.condition, ([], []))[0 if guard.side else 1].append((term, guards))
    for condition, (where, elsewhere) in sides.items():
        found: list[Any] = [
            fit(lifted(variable, listed, depth + 1), variable) if listed else None for listed in (where, elsewhere)
        ]
        if found[0] is not None and found[1] is not None:
            parts.append(chosen(condition, *found))
        else:
            side = found[0] is not None
            parts.append(only_where(condition, side, found[0] if side else found[1], variable))
    return functools.reduce(operator.add, parts)
