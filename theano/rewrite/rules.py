"""The files of rules, each a theme; a rule's theme is one of its tags."""

from __future__ import annotations

from theano.rewrite import (
    arithmetic,
    choices,
    constant_folding,
    indexing,
    loops,
    loops_merge,
    loops_move,
    loops_sums,
    products,
    reductions,
    shape,
    softmax,
    stability,
    trees,
    useless,
)

FILES = [
    ("constant_folding", constant_folding.table),
    ("useless", useless.table),
    ("shape", shape.table),
    ("indexing", indexing.table),
    ("reductions", reductions.table),
    ("arithmetic", arithmetic.table),
    ("arithmetic", trees.table),
    ("products", products.table),
    ("softmax", softmax.table),
    ("stability", stability.table),
    ("choices", choices.table),
    ("loops", loops.table),
    ("loops", loops_move.table),
    ("loops", loops_sums.table),
    ("loops", loops_merge.table),
]
