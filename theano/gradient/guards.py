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
from typing import NamedTuple

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


class _Sum:
    """A sum under construction: its terms, and the sums that count only on one side of a condition."""

    def __init__(self) -> None:
        self.terms: list[Variable] = []
        self.sides: dict[Variable, dict[bool, _Sum]] = {}
        self.value: Variable

    def close(self, variable: Variable) -> None:
        """Make the sum, once those on the sides are made."""
        from theano.loops.ifelse import chosen, only_where

        for condition, sides in self.sides.items():
            found = {side: fit(inner.value, variable) for side, inner in sides.items()}
            if len(found) == 2:
                self.terms.append(chosen(condition, found[True], found[False]))
            else:
                self.terms += [only_where(condition, side, term, variable) for side, term in found.items()]
        self.value = functools.reduce(operator.add, self.terms)


def lifted(variable: Variable, terms: Sequence[Guarded], depth: int) -> Variable:
    """The sum of the terms where the first `depth` guards, which they share, hold: the others are put into it."""
    whole = _Sum()
    outer_first = [whole]
    for term, guards in terms:
        place = whole
        for condition, side in guards[depth:]:
            sides = place.sides.setdefault(condition, {})
            if side not in sides:
                sides[side] = _Sum()
                outer_first.append(sides[side])
            place = sides[side]
        place.terms.append(term)
    for place in reversed(outer_first):
        place.close(variable)
    return whole.value
