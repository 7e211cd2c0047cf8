"""Loops: recurrent networks, recurrences, iterations, a filter; packages say them with ``p.scan`` and its kin.

The product of a network's inputs with their weights stands before the loop, as those write it who care for speed; in
rows that say "product inside" it stands in the step, as in textbooks.
"""

from __future__ import annotations

from workload import Workload, normal, of

# --- Recurrent networks: a step of gradient descent on all weights ----------------------------------------------------

VOCABULARY = 64


def tanh_cell(p, inputs, state, recurrent, width):
    return [p.tanh(inputs + p.dot(state[0], recurrent))]


def lstm_cell(p, inputs, state, recurrent, width):
    hidden, cell = state
    gates = inputs + p.dot(hidden, recurrent)
    enter, forget, leave = [p.sigmoid(gates[:, i * width : (i + 1) * width]) for i in range(3)]
    cell = forget * cell + enter * p.tanh(gates[:, 3 * width :])
    return [leave * p.tanh(cell), cell]


def gru_cell(p, inputs, state, recurrent, width):
    (hidden,) = state
    products = p.dot(hidden, recurrent)
    gates = p.sigmoid(inputs[:, : 2 * width] + products[:, : 2 * width])
    reset, update = gates[:, :width], gates[:, width:]
    candidate = p.tanh(inputs[:, 2 * width :] + reset * products[:, 2 * width :])
    return [update * hidden + (1 - update) * candidate]


CELLS = {"tanh RNN": (tanh_cell, 1, 1), "LSTM": (lstm_cell, 4, 2), "GRU": (gru_cell, 3, 1)}  # with gates and states


def recurrent_network(cell, batch, width, directions=1, inside=False, length=100):
    """A language model of one layer: it embeds symbols and says which one comes next (or, of two directions, came)."""
    compute, gates, states = CELLS[cell]
    layer = [(width, gates * width), (gates * width,), (width, gates * width)]
    shapes = [(VOCABULARY, width), *layer * directions, (directions * width, VOCABULARY), (VOCABULARY,)]

    def hidden(p, inputs, into, shift, recurrent, backwards):
        import numpy as np

        def affine(x):
            return p.dot(x, into) + shift

        def step(rows, state):
            return compute(p, affine(rows[0]) if inside else rows[0], state, recurrent, width)

        start = [p.array(np.zeros((batch, width), "float32"))] * states
        (rows,), _ = p.scan(step, [inputs if inside else affine(inputs)], start, keep=1, backwards=backwards)
        return rows

    def cost(p, parameters, x, y):
        embeddings, *layers, weights, bias = parameters
        inputs = embeddings[x]
        found = [hidden(p, inputs, *layers[3 * i : 3 * i + 3], backwards=i == 1) for i in range(directions)]
        scores = p.dot(p.concatenate(found, 2) if directions > 1 else found[0], weights) + bias
        return p.cross_entropy(scores.reshape((length * batch, VOCABULARY)), y.reshape((length * batch,)))

    def data():
        import numpy as np

        text = np.random.RandomState(0).randint(0, VOCABULARY, (length + 1, batch)).astype("int32")
        return [text[:-1].copy(), text[1:].copy()]

    def build(p, x, y):
        import numpy as np

        drawn = normal(*shapes, dtype="float32", seed=1)
        return p.train(cost, 1 / 2, [a / np.float32(a.shape[0] ** 0.5) if a.ndim > 1 else 0 * a for a in drawn], [x, y])

    what = "bidirectional " * (directions == 2) + cell + ", product inside" * inside
    return Workload("loops", what, "batch {}, hidden {}".format(batch, width), data, build)


SIZES = [(16, 64), (64, 64), (16, 512), (64, 512)]
NETWORKS = [
    *[recurrent_network(cell, *size) for cell in CELLS for size in SIZES],
    recurrent_network("tanh RNN", 16, 64, inside=True),
    recurrent_network("tanh RNN", 16, 64, directions=2),
]

# --- Recurrences: one number a step -----------------------------------------------------------------------------------


def logistic_map(p, x, steps=10**6):
    """Its cycle of two, where rounding does not grow."""
    _, (last,) = p.scan(lambda rows, state: [3.25 * state[0] * (1 - state[0])], [], [x], steps)
    return last


def autoregression(p, noise):
    """A series that remembers two steps."""
    import numpy as np

    def step(rows, state):
        return [1.25 * state[0] - 0.5 * state[1] + rows[0], state[0]]

    (series,), _ = p.scan(step, [noise], [p.array(np.zeros(()))] * 2, keep=1)
    return series


def quarter():
    import numpy as np

    return [np.array(0.25)]


RECURRENCES = [
    Workload("loops", "logistic map", "1e6 steps", quarter, of(logistic_map)),
    Workload("loops", "autoregression", "1e6 steps", lambda: normal(10**6), of(autoregression)),
]

# --- Iterations: Newton's, and one in another -------------------------------------------------------------------------


def cube_root(p, x):
    """From 10⁶ down; `until` ends the loop when a step moves less than the tolerance."""
    import numpy as np

    def step(state):
        (old,) = state
        new = old - (old**3 - x) / (3 * old**2)
        return [new], abs(new - old) < 1e-12

    (root,) = p.until(step, [p.array(np.array(1e6))], most=1000)
    return root


def powers(p, matrix, k=16):
    """The k-th power of each element, a loop for each row."""

    def row_power(row):
        _, (last,) = p.scan(lambda rows, state: [state[0] * row], [], [0 * row + 1], k)
        return last

    return p.map(row_power, matrix)


def rows():
    import numpy as np

    return [np.random.RandomState(0).rand(200, 100)]


ITERATIONS = [
    Workload("loops", "Newton's iteration", "a cube root", quarter, of(cube_root)),
    Workload("loops", "powers by nested loops", "200 rows of 100, 16 steps", rows, of(powers)),
]

# --- A Kalman filter --------------------------------------------------------------------------------------------------


def log_likelihood(p, transition, observation, log_noise, log_error, series):
    """Of a series of two numbers a step, which a hidden state of four has made."""
    import numpy as np

    four, two = p.array(np.eye(4)), p.array(np.eye(2))
    noise, error = four * p.exp(log_noise), two * p.exp(log_error)

    def step(rows, state):
        mean, covariance, total = state
        mean = p.dot(transition, mean)
        covariance = p.dot(p.dot(transition, covariance), transition.T) + noise
        surprise = rows[0] - p.dot(observation, mean)
        spread = p.dot(p.dot(observation, covariance), observation.T) + error
        determinant = spread[0, 0] * spread[1, 1] - spread[0, 1] * spread[1, 0]
        inverse = (two * (spread[0, 0] + spread[1, 1]) - spread) / determinant
        gain = p.dot(p.dot(covariance, observation.T), inverse)
        total = total - (p.log(determinant) + p.dot(surprise, p.dot(inverse, surprise))) / 2
        return [mean + p.dot(gain, surprise), covariance - p.dot(p.dot(gain, observation), covariance), total]

    start = [p.array(np.zeros(4)), p.array(np.eye(4)), p.array(np.zeros(()))]
    return p.scan(step, [series], start)[1][2]


def filtered():
    import numpy as np

    transition = 0.9 * np.eye(4) + 0.1 * np.eye(4, k=1)
    return [transition, np.eye(2, 4) + 0.5, np.zeros(4), np.zeros(2), *normal((500, 2))]


KALMAN = [
    Workload(
        "loops",
        "Kalman filter's likelihood with gradient",
        "500 steps, state 4, observation 2",
        filtered,
        lambda p, *arrays: p.gradient(log_likelihood, arrays, count=4),
    )
]

LOOPS = NETWORKS + RECURRENCES + ITERATIONS + KALMAN
