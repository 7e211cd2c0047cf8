"""What is timed: one row a workload, written once for all packages (`packages.py`).

Workers import this file and `workload*.py` in the interpreters of the packages, down to Python 3.8: no package but
NumPy, and that only where arrays are made.
"""

from __future__ import annotations

from functools import partial

from workload import Workload, normal, of
from workloads_of_functions import FUNCTIONS
from workloads_of_loops import LOOPS
from workloads_of_products import PRODUCTS

GROUPS = {  # group -> target: our time as a multiple of the fastest peer's
    "calls": 0.15,
    "training calls": 0.2,
    "elementwise": 0.8,
    "special functions": 0.8,
    "reductions": 0.8,
    "training steps": 0.9,
    "log-density": 0.25,
    "products": 0.9,
    "loops": 0.8,
    "random numbers": 0.8,
}


# --- Calls: the time is that of calling -------------------------------------------------------------------------------


def ten_results(p, *x):
    return [a + b for a, b in zip(x, x[1:] + x[:1])]


def decay(p, state, x):
    return [0.5 * s + x for s in state]


def twenty_updates(p, x):
    return p.update(decay, normal(*[3] * 20), [x])


CALLS = [
    Workload("calls", "x + y", "scalars", lambda: normal((), ()), of(lambda p, x, y: x + y)),
    Workload("calls", "x * x + 1", "a 3-vector", lambda: normal(3), of(lambda p, x: x * x + 1)),
    Workload("calls", "10 inputs, 10 outputs", "3-vectors", lambda: normal(*[3] * 10), of(ten_results)),
    Workload("calls", "20 shared vectors updated", "", lambda: normal(3), twenty_updates),
]


# --- The tutorials' first networks, one call of training --------------------------------------------------------------


def layer(p, inputs, theta):
    import numpy as np

    return p.sigmoid(p.dot(theta.T, p.concatenate([inputs, p.array(np.ones(1))])))


def exclusive_or(p, state, x, y):
    return (p.sum(layer(p, layer(p, x, state[0]), state[1])) - y) ** 2


def logical_or(p, state, x, y):
    hypothesis = p.sigmoid(p.dot(x, state[0]) + state[1]).flatten()
    return -p.mean(y * p.log(hypothesis) + (1 - y) * p.log(1 - hypothesis))


def or_data():
    import numpy as np

    return [np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]]), np.array([0.0, 1.0, 1.0, 1.0])]


def xor_data():
    import numpy as np

    return [np.array([0.0, 1.0]), np.array(1.0)]


def with_integers(p, x, y):
    """As the tutorial's loop calls it: integers to a function of floats, where the package takes them."""
    import numpy as np

    statement, names = p.train(exclusive_or, 0.1, normal((3, 3), (4, 1)), [x, y])
    if hasattr(p, "T"):
        names.update(a0=np.array([0, 1]), a1=np.array([1, 0])[0])
    return statement, names


TRAINING_CALLS = [
    Workload("training calls", "XOR with integers", "tutorial 001", xor_data, with_integers),
    Workload(
        "training calls",
        "XOR",
        "tutorial 001",
        xor_data,
        lambda p, x, y: p.train(exclusive_or, 0.1, normal((3, 3), (4, 1)), [x, y]),
    ),
    Workload(
        "training calls",
        "OR",
        "tutorial 000",
        or_data,
        lambda p, x, y: p.train(logical_or, 0.1, normal((2, 1), ()), [x, y]),
    ),
]


# --- Elementwise: numbers are powers of two, so that each is of either dtype ------------------------------------------


def logistic(p, x):
    return 1 / (1 + p.exp(-x))


def three_results(p, x, y):
    difference = x - y
    return [difference, abs(difference), difference**2]


def black_scholes(dtype):
    rate, volatility = 1 / 32, 1 / 4

    def call_and_put(p, spot, strike, time):
        root = p.number(0.5**0.5, dtype)

        def cumulative(x):
            return 0.5 * (1 + p.erf(x * root))

        spread = volatility * p.sqrt(time)
        first = (p.log(spot / strike) + (rate + volatility**2 / 2) * time) / spread
        second = first - spread
        discounted = strike * p.exp(-rate * time)
        call = spot * cumulative(first) - discounted * cumulative(second)
        return [call, call - spot + discounted]

    return call_and_put


def chain(p, x, y):
    for _ in range(5):
        x = abs(p.maximum(x * y, 0.25) - x)
    return x


def broadcasting(p, a, row, column):
    return p.exp(-((a - row) ** 2) * column[:, None])


def transposed(p, a, b, c):
    return p.tanh(a + b.T * c)


def elementwise(dtype, size, m, n):
    """The rows of one dtype and of size = m · n elements."""

    def row(what, f, shapes, moved, **special):
        return Workload(
            "elementwise",
            what,
            "{:.0e} {}".format(size, dtype).replace("e+0", "e"),
            lambda: [abs(x) + 1 / 8 for x in normal(*shapes, dtype=dtype)],
            of(f),
            moved * size * int(dtype[-2:]) // 8,
            special,
        )

    return [
        row("1/(1+exp(-x))", logistic, [size], 2, torch=of(lambda p, x: p.sigmoid(x))),
        row("x-y, |x-y|, (x-y)²", three_results, [size] * 2, 5),
        row("Black–Scholes", black_scholes(dtype), [size] * 3, 5),
        row("chain of 20 operations", chain, [size] * 2, 3),
        row("exp(-(a-row)²·column)", broadcasting, [(m, n), n, m], 2),
        row("tanh(a + b.T·c)", transposed, [(m, n), (n, m), (m, n)], 4),
    ]


ELEMENTWISE = [
    workload
    for size in ((10**3, 25, 40), (10**5, 250, 400), (10**7, 2500, 4000))
    for dtype in ("float32", "float64")
    for workload in elementwise(dtype, *size)
] + elementwise("float64", 10**6, 1000, 1000)[:1]


# --- Reductions of 10⁷ elements ---------------------------------------------------------------------------------------


def reductions(dtype, where, axis, *shape):
    """The rows of one dtype and axis; moved is the number of arrays read and written."""

    def reduction(name):
        return lambda p, x: p.function(lambda p, x: getattr(p, name)(x, axis), [x])

    def softmax_gradient(p, x, g):
        return p.gradient(lambda p, x, g: p.sum(p.softmax(x, axis) * g), [x, g], count=1)

    names = [(name, reduction(name), 1, 1) for name in ("sum", "mean", "var", "max", "argmax", "logsumexp")]
    programs = [*names, ("softmax", reduction("softmax"), 1, 2), ("gradient of softmax", softmax_gradient, 2, 3)]
    return [
        Workload(
            "reductions",
            name,
            where + " " + dtype,
            lambda count=count: normal(*[shape] * count, dtype=dtype),
            program,
            traffic=moved * 10**7 * int(dtype[-2:]) // 8,
        )
        for name, program, count, moved in programs
    ]


REDUCTIONS = [
    workload
    for dtype in ("float32", "float64")
    for where, axis, shape in (
        ("axis none", None, (2500, 4000)),
        ("axis 0", 0, (2500, 4000)),
        ("axis 1", 1, (2500, 4000)),
        ("axis middle", 1, (100, 1000, 100)),
    )
    for workload in reductions(dtype, where, axis, *shape)
]


# --- Training steps ---------------------------------------------------------------------------------------------------


def network(p, state, x, y):
    """Cross-entropy of a tanh network; the state is weights and biases by turns."""
    for weights, biases in zip(state[:-2:2], state[1:-2:2]):
        x = p.tanh(p.dot(x, weights) + biases)
    return p.cross_entropy(p.dot(x, state[-2]) + state[-1], y)


def training(name, count, sizes, dtype):
    """A step of gradient descent on `count` examples, in layers of these sizes."""

    def data():
        import numpy as np

        rng = np.random.RandomState(0)
        return [rng.rand(count, sizes[0]).astype(dtype), rng.randint(0, sizes[-1], count).astype("int32")]

    def build(p, x, y):
        import numpy as np

        pairs = list(zip(sizes, sizes[1:]))
        few = normal(997)[0]  # repeated, since making as many random numbers as there are weights takes long
        weights = [(np.resize(few, pair) / pair[0] ** 0.5).astype(dtype) for pair in pairs]
        return p.train(network, 1 / 128, [a for w in weights for a in (w, 0 * w[0])], [x, y])

    return Workload("training steps", name, "batch {}, {}".format(count, dtype), data, build)


def adam(p, state, gradient):
    parameter, mean, square, time = state
    rate, beta1, beta2, tiny, one = (p.number(x, "float32") for x in (0.001, 0.9, 0.999, 1e-8, 1))
    time = time + one
    mean = beta1 * mean + (one - beta1) * gradient
    square = beta2 * square + (one - beta2) * gradient * gradient
    size = rate * p.sqrt(one - beta2**time) / (one - beta1**time)
    return [parameter - size * mean / (p.sqrt(square) + tiny), mean, square, time]


def momentum(p, state, gradient):
    parameter, velocity = state
    velocity = p.number(0.9, "float32") * velocity + gradient
    return [parameter - p.number(0.001, "float32") * velocity, velocity]


def optimization(name, rule, state, make):
    """Updates of 2·10⁶ parameters by a rule, or PyTorch's own; `state` are the shapes of what the rule keeps."""
    shape = 2 * 10**6

    def build(p, gradient):
        import numpy as np

        return p.update(rule, [np.zeros(s, "float32") for s in (shape, *state)], [gradient])

    def own(p, gradient):
        return p.optimizer(lambda parameters: make(p.torch.optim)(parameters), 0 * gradient, gradient)

    return Workload(
        "training steps",
        name,
        "2e6 float32",
        lambda: normal(shape, dtype="float32"),
        build,
        special={"torch": own, "torch.compile": own},
    )


TRAINING_STEPS = [
    training("tutorial 003, logistic regression", 50_000, (784, 10), "float64"),
    training("tutorial 003, hidden layer of 20", 5_000, (784, 20, 10), "float64"),
    training("784-500-500-10 network", 128, (784, 500, 500, 10), "float32"),
    training("30 layers of 32", 32, (32,) * 31, "float32"),
    optimization("Adam", adam, [2 * 10**6, 2 * 10**6, ()], lambda optim: partial(optim.Adam, lr=0.001, fused=True)),
    optimization(
        "momentum", momentum, [2 * 10**6], lambda optim: partial(optim.SGD, lr=0.001, momentum=0.9, fused=True)
    ),
]


# --- A hierarchical model ---------------------------------------------------------------------------------------------


def log_density(p, observed, *parameters):
    """Ten groups: effects, log-scales and slopes in each, drawn to the effects' mean in the group before."""
    total = mean = 0.0
    for (x, y), effects, scales, slopes in zip(observed, parameters[::3], parameters[1::3], parameters[2::3]):
        error = (y - effects - slopes * x) * p.exp(-scales)
        total = total - p.sum(error**2) / 2 - p.sum(scales)
        total = total - p.sum((effects - mean) ** 2 + scales**2) / 2 - p.sum(p.log(1 + slopes**2))
        mean = p.mean(effects)
    return total


LENGTHS = [3 + i % 6 for i in range(10)]


def hierarchical(p, *parameters):
    numbers = [p.array(a) for a in normal(*[n for n in LENGTHS for _ in "xy"], seed=1)]
    observed = list(zip(numbers[::2], numbers[1::2]))
    return p.gradient(lambda p, *parameters: log_density(p, observed, *parameters), parameters, len(parameters))


LOG_DENSITY = [
    Workload(
        "log-density",
        "hierarchical model with gradient",
        "30 small vectors",
        lambda: normal(*[n for n in LENGTHS for _ in range(3)]),
        hierarchical,
    )
]

# --- Random numbers ---------------------------------------------------------------------------------------------------


def drawing(what, dtype, f, *shapes):
    """A row that draws 10⁶ numbers, other ones in each call."""
    size = (10**6,)

    def program(p, *arrays):
        return p.draw(lambda p, random, *x: f(lambda kind: random(kind, size, dtype), *x), arrays)

    return Workload("random numbers", what, "1e6 " + dtype, lambda: normal(*shapes, dtype=dtype), program)


RANDOM_NUMBERS = [
    row
    for dtype in ("float32", "float64")
    for row in (
        drawing("uniform", dtype, lambda draw: draw("uniform")),
        drawing("normal", dtype, lambda draw: draw("normal")),
        drawing("dropout", dtype, lambda draw, x: x * (draw("uniform") < 0.5), 10**6),
        drawing("noise in a sum", dtype, lambda draw, x: ((x + draw("normal")) ** 2).sum(), 10**6),
    )
]

WORKLOADS = (
    CALLS
    + TRAINING_CALLS
    + ELEMENTWISE
    + FUNCTIONS
    + REDUCTIONS
    + TRAINING_STEPS
    + LOG_DENSITY
    + PRODUCTS
    + LOOPS
    + RANDOM_NUMBERS
)
