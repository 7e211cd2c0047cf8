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
    "i0": (-20, 20),
    "i1": (-20, 20),
    "j0": (-20, 20),
    "j1": (-20, 20),
    "gammainc": ((0.1, 20), (0.1, 20)),
    "gammaincc": ((0.1, 20), (0.1, 20)),
    "iv": ((0, 20), (0.1, 20)),
    "jv": ((0, 20), (0.1, 20)),
}


def uniform(domains, dtype):
    import numpy as np

    random = np.random.RandomState(0)
    return [random.uniform(low, high, 10**5).astype(dtype) for low, high in domains]


def row(name, domain, dtype):
    def data():
        return uniform(domain if isinstance(domain[0], tuple) else (domain,), dtype)

    return Workload("special functions", name, "1e5 " + dtype, data, of(lambda p, *x: p.special(name)(*x)))


FUNCTIONS = [row(name, domain, dtype) for name, domain in DOMAINS.items() for dtype in ("float32", "float64")]
