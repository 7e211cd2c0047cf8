"""Special functions of 10⁵ numbers, one at a time."""

from __future__ import annotations

from workload import Workload, of

DOMAINS = {
    "erfc": (-5, 5),
    "erfcx": (-5, 5),
    "erfinv": (-0.999, 0.999),
    "erfcinv": (0.001, 1.999),
    "gamma": (0.1, 30),
    "gammaln": (0.1, 30),
    "psi": (0.1, 30),
    "tri_gamma": (0.1, 30),
}


def uniform(low, high, dtype):
    import numpy as np

    return [np.random.RandomState(0).uniform(low, high, 10**5).astype(dtype)]


def row(name, domain, dtype):
    def data():
        return uniform(*domain, dtype)

    return Workload("special functions", name, "1e5 " + dtype, data, of(lambda p, x: p.special(name)(x)))


FUNCTIONS = [row(name, domain, dtype) for name, domain in DOMAINS.items() for dtype in ("float32", "float64")]
