"""What a workload is."""

from __future__ import annotations


class Workload:
    """A group, what is computed, on what: `data()` makes NumPy arrays, `build(p, *arrays)` the program in package `p`.

    Rows of equal `what` compile the same program, whose time to the first result is taken once. `traffic` is how many
    bytes are read and written where memory may be the limit; `special` holds the programs of packages that say it in a
    way of their own.
    """

    def __init__(self, group, what, on, data, build, traffic=0, special=()):
        self.group, self.what, self.on = group, what, on
        self.data, self.build, self.traffic, self.special = data, build, traffic, dict(special)
        self.name = ", ".join(filter(None, (what, on)))

    def program(self, package, p, arrays):
        if package == "copy":
            return p.copying(self.traffic)
        return self.special.get(package, self.build)(p, *arrays)


def normal(*shapes, dtype="float64", seed=0):
    """Arrays of standard normal numbers, the same in every process."""
    import numpy as np

    rng = np.random.RandomState(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def of(f):
    """The program that computes f."""
    return lambda p, *arrays: p.function(f, arrays)
