"""Products: as layers of networks have them, forwards and backwards; of vectors; of batches; small and large."""

from __future__ import annotations

from workload import Workload, normal, of


def product(what, dtype, f, *shapes):
    on = " and ".join(" × ".join(map(str, shape)) for shape in shapes[:2])
    return Workload("products", what, "{}, {}".format(on, dtype), lambda: normal(*shapes, dtype=dtype), of(f))


def dot(p, x, y):
    return p.dot(x, y)


def batched(p, x, y):
    return p.batched_dot(x, y)


def layer(p, x, w, b):
    return p.tanh(p.dot(x, w) + b)


def step(p, x, d, w):
    return w - 0.1 * p.dot(x.T, d)


def rank_one(p, a, u, v):
    return a + 0.1 * u[:, None] * v


def gates(p, x, h, *weights):
    """Four gates, each with weights of its own, as textbooks write them."""
    return [p.sigmoid(p.dot(x, w) + p.dot(h, u)) for w, u in zip(weights[::2], weights[1::2])]


def attention(p, queries, keys, values):
    return p.batched_dot(p.softmax(p.batched_dot(queries, keys.swapaxes(1, 2)) * 0.125), values)


PRODUCTS = [
    product("dot(x, y)", "float64", dot, (8, 8), (8, 8)),
    product("dot(x, w)", "float32", dot, (128, 784), (784, 500)),
    product("dot(d, w.T)", "float32", lambda p, d, w: p.dot(d, w.T), (128, 500), (784, 500)),
    product("w - 0.1 * dot(x.T, d)", "float32", step, (128, 784), (128, 500), (784, 500)),
    product("tanh(dot(x, w) + b)", "float32", layer, (128, 784), (784, 500), (500,)),
    product("dot(x, y)", "float32", dot, (1000, 1000), (1000, 1000)),
    product("dot(x, y)", "float64", dot, (500, 500), (500, 500)),
    product("dot(x, v)", "float64", dot, (1000, 1000), (1000,)),
    product("dot(x.T, v)", "float64", lambda p, x, v: p.dot(x.T, v), (1000, 1000), (1000,)),
    product("dot(u, v)", "float64", dot, (10**6,), (10**6,)),
    product("a + 0.1 * outer(u, v)", "float64", rank_one, (1000, 1000), (1000,), (1000,)),
    product("batched_dot(x, y)", "float32", batched, (64, 32, 64), (64, 64, 32)),
    product("batched_dot(x, y)", "float32", batched, (64, 256, 256), (64, 256, 256)),
    product("attention", "float32", attention, (128, 128, 64), (128, 128, 64), (128, 128, 64)),
    product("four gates", "float32", gates, (16, 256), (16, 512), *[(256, 512), (512, 512)] * 4),
]  # fmt: skip
