"""The files of rules, each a theme; a rule's theme is one of its tags."""

from __future__ import annotations

from theano.rewrite import arithmetic, constant_folding, stability, trees

FILES = [
    ("constant_folding", constant_folding.table),
    ("arithmetic", arithmetic.table),
    ("arithmetic", trees.table),
    ("stability", stability.table),
]
