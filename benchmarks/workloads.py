"""What is timed: one row a workload, with its program for each package.

A program is a function that builds and compiles, and returns a statement with the names that it uses. The statement is
what a user writes in a loop; run once it gives the first result. Data is in each package's own type from the start.

Workers import this file in the interpreters of the packages, down to Python 3.8: no package is imported at the top.
"""

from __future__ import annotations

from types import SimpleNamespace


class Workload:
    """`programs` maps the name of a package to a function returning (statement, names).

    `calls` is how many calls one statement holds: times are given per call.
    """

    def __init__(self, name, programs, calls=1):
        self.name = name
        self.programs = programs
        self.calls = calls


def theano_dialect(package):
    """What Theano, Theano 1.0 and PyTensor spell differently, under Theano's names."""
    if package == "pytensor":
        import pytensor
        import pytensor.tensor as T
        from pytensor.tensor.special import softmax

        return SimpleNamespace(
            function=pytensor.function,
            shared=pytensor.shared,
            T=T,
            sigmoid=T.sigmoid,
            softmax=lambda x: softmax(x, axis=-1),
        )
    import theano
    import theano.tensor as T

    return SimpleNamespace(
        function=theano.function, shared=theano.shared, T=T, sigmoid=T.nnet.sigmoid, softmax=T.nnet.softmax
    )


def in_theano(program):
    """The same program in the three packages that speak Theano's language."""
    return {package: lambda package=package: program(theano_dialect(package)) for package in THEANO_LIKE}


THEANO_LIKE = ("theano", "theano1", "pytensor")


def jax_modules():
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    return jax, jnp


# --- x + y, two scalars -----------------------------------------------------------------------------------------------


def add_theano(t):
    x, y = t.T.dscalar("x"), t.T.dscalar("y")
    return "f(1.5, 2.5)", {"f": t.function([x, y], x + y)}


def add_jax():
    jax, jnp = jax_modules()
    f = jax.jit(lambda x, y: x + y)
    return "f(a, b).block_until_ready()", {"f": f, "a": jnp.asarray(1.5), "b": jnp.asarray(2.5)}


def add_torch():
    import torch

    return "a + b", {"a": torch.tensor(1.5), "b": torch.tensor(2.5)}


# --- One training call of the network that learns exclusive or --------------------------------------------------------


def xor_data():
    import numpy as np

    rng = np.random.RandomState(0)
    return np.array([[0, 1], [1, 0], [1, 1], [0, 0]]), np.array([1, 1, 0, 0]), rng.rand(3, 3), rng.rand(4, 1)


def xor_theano(t):
    import numpy as np

    T = t.T
    pairs, truths, *weights = xor_data()
    theta1, theta2 = map(t.shared, weights)
    x, y = T.dvector(), T.dscalar()

    def layer(inputs, theta):
        return t.sigmoid(T.dot(theta.T, T.concatenate([inputs, np.array([1.0])])))

    cost = (T.sum(layer(layer(x, theta1), theta2)) - y) ** 2
    updates = [(theta, theta - 0.1 * T.grad(cost, theta)) for theta in (theta1, theta2)]
    learn = t.function(inputs=[x, y], outputs=cost, updates=updates)
    return "for pair, truth in data: learn(pair, truth)", {"learn": learn, "data": list(zip(pairs, truths))}


def xor_jax():
    jax, jnp = jax_modules()
    pairs, truths, *weights = xor_data()

    def layer(inputs, theta):
        return jax.nn.sigmoid(theta.T @ jnp.concatenate([inputs, jnp.ones(1)]))

    def cost(thetas, x, y):
        return (jnp.sum(layer(layer(x, thetas[0]), thetas[1])) - y) ** 2

    @jax.jit
    def step(thetas, x, y):
        value, gradients = jax.value_and_grad(cost)(thetas, x, y)
        return value, [theta - 0.1 * gradient for theta, gradient in zip(thetas, gradients)]

    state = [jnp.asarray(w) for w in weights]

    def learn(x, y):
        nonlocal state
        value, state = step(state, x, y)
        value.block_until_ready()

    data = [(jnp.asarray(x, float), jnp.asarray(y, float)) for x, y in zip(pairs, truths)]
    return "for pair, truth in data: learn(pair, truth)", {"learn": learn, "data": data}


def xor_torch():
    import torch

    pairs, truths, *weights = xor_data()
    thetas = [torch.tensor(w, requires_grad=True) for w in weights]
    one = torch.ones(1, dtype=torch.float64)

    def layer(inputs, theta):
        return torch.sigmoid(theta.T @ torch.cat([inputs, one]))

    def learn(x, y):
        cost = (layer(layer(x, thetas[0]), thetas[1]).sum() - y) ** 2
        gradients = torch.autograd.grad(cost, thetas)
        with torch.no_grad():
            for theta, gradient in zip(thetas, gradients):
                theta -= 0.1 * gradient

    data = [(torch.tensor(x).double(), torch.tensor(y).double()) for x, y in zip(pairs, truths)]
    return "for pair, truth in data: learn(pair, truth)", {"learn": learn, "data": data}


# --- The logistic function of a million numbers -----------------------------------------------------------------------


def million():
    import numpy as np

    return np.random.RandomState(0).standard_normal(10**6)


def logistic_theano(t):
    x = t.T.dvector("x")
    return "f(x)", {"f": t.function([x], 1 / (1 + t.T.exp(-x))), "x": million()}


def logistic_jax():
    jax, jnp = jax_modules()
    return "f(x).block_until_ready()", {"f": jax.jit(lambda x: 1 / (1 + jnp.exp(-x))), "x": jnp.asarray(million())}


def logistic_torch():
    import torch

    return "f(x)", {"f": torch.sigmoid, "x": torch.tensor(million())}


# --- A training step of a 784-500-500-10 network, batch of 128, float32 -----------------------------------------------

SIZES = (784, 500, 500, 10)


def digits_data():
    import numpy as np

    rng = np.random.RandomState(0)
    images, labels = rng.rand(128, SIZES[0]).astype("float32"), rng.randint(0, 10, 128).astype("int32")
    weights = [(rng.randn(m, n) / m**0.5).astype("float32") for m, n in zip(SIZES, SIZES[1:])]
    biases = [np.zeros(n, "float32") for n in SIZES[1:]]
    return images, labels, weights, biases


def network_theano(t):
    T = t.T
    images, labels, weights, biases = digits_data()
    weights, biases = [t.shared(w) for w in weights], [t.shared(b) for b in biases]
    x, y = T.fmatrix("x"), T.ivector("y")
    hidden = x
    for w, b in zip(weights[:-1], biases[:-1]):
        hidden = T.tanh(T.dot(hidden, w) + b)
    probabilities = t.softmax(T.dot(hidden, weights[-1]) + biases[-1])
    cost = -T.mean(T.log(probabilities)[T.arange(y.shape[0]), y])
    parameters = weights + biases
    rate = images.dtype.type(0.01)
    updates = [(p, p - rate * g) for p, g in zip(parameters, T.grad(cost, parameters))]
    return "step(x, y)", {"step": t.function([x, y], cost, updates=updates), "x": images, "y": labels}


def network_jax():
    jax, jnp = jax_modules()
    images, labels, weights, biases = digits_data()

    def cost(parameters, x, y):
        hidden = x
        for w, b in parameters[:-1]:
            hidden = jnp.tanh(hidden @ w + b)
        w, b = parameters[-1]
        return -jnp.mean(jax.nn.log_softmax(hidden @ w + b)[jnp.arange(y.shape[0]), y])

    @jax.jit
    def update(parameters, x, y):
        value, gradients = jax.value_and_grad(cost)(parameters, x, y)
        return value, jax.tree_util.tree_map(lambda p, g: p - jnp.float32(0.01) * g, parameters, gradients)

    state = [(jnp.asarray(w), jnp.asarray(b)) for w, b in zip(weights, biases)]

    def step(x, y):
        nonlocal state
        value, state = update(state, x, y)
        jax.block_until_ready((value, state))

    return "step(x, y)", {"step": step, "x": jnp.asarray(images), "y": jnp.asarray(labels)}


def network_torch():
    import torch

    images, labels, weights, biases = digits_data()
    parameters = [torch.tensor(p, requires_grad=True) for pair in zip(weights, biases) for p in pair]

    def step(x, y):
        hidden = x
        for w, b in zip(parameters[:-2:2], parameters[1:-2:2]):
            hidden = torch.tanh(torch.addmm(b, hidden, w))
        cost = torch.nn.functional.cross_entropy(torch.addmm(parameters[-1], hidden, parameters[-2]), y)
        gradients = torch.autograd.grad(cost, parameters)
        with torch.no_grad():
            for p, g in zip(parameters, gradients):
                p.sub_(g, alpha=0.01)

    return "step(x, y)", {"step": step, "x": torch.tensor(images), "y": torch.tensor(labels).long()}


WORKLOADS = [
    Workload("x + y, two scalars", {**in_theano(add_theano), "jax": add_jax, "torch": add_torch}),
    Workload("XOR training call", {**in_theano(xor_theano), "jax": xor_jax, "torch": xor_torch}, calls=4),
    Workload(
        "1/(1+exp(-x)), 1e6 float64", {**in_theano(logistic_theano), "jax": logistic_jax, "torch": logistic_torch}
    ),
    Workload(
        "784-500-500-10 training step, batch 128, float32",
        {**in_theano(network_theano), "jax": network_jax, "torch": network_torch},
    ),
]
