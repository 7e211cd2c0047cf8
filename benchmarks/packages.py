"""How each package says the same thing.

A workload is written once, in terms of a package `p`: its operations (``p.exp``, ``p.sum(x, axis)``, …, named as NumPy
names them), ``p.special(name)``, a special function by Theano's name, ``p.number(value, dtype)``, a constant that
leaves this dtype as it is, and five ways to make something that can be called:

``p.function(f, arrays)``                ``f(p, *arrays)``, a result or a list of results
``p.gradient(f, arrays, count)``         the value of ``f(p, *arrays)`` and its gradients to the first `count` arrays
``p.update(f, state, arrays)``           the state becomes ``f(p, state, *arrays)``
``p.draw(f, arrays)``                    ``f(p, random, *arrays)``, with other random numbers in each call
``p.train(cost, rate, state, arrays)``   a step of gradient descent on ``cost(p, state, *arrays)``, which is returned

Each of these returns a statement and the names in it. The statement is what a user of that package writes in a loop:
arrays are of the package's own type, compiled where the package compiles, and finished when the statement is.

Loops are said in three ways; a state is a list:

``p.scan(step, sequences, state)``       ``step(rows, state)`` is the next state. Returned are the rows of its first
                                         `keep` members, in order of time, and the last state. ``steps`` says how many
                                         where no sequence does; ``backwards`` starts at the end of the sequences.
``p.until(step, state, most)``           ``step(state)`` is the next state and whether it is the last, which is returned
``p.map(f, array)``                      ``f`` of each row

Random numbers are ``random(kind, shape, dtype)``, uniform or normal.

Workers import this file in the interpreters of the packages, down to Python 3.8: no package is imported at the top.
"""

from __future__ import annotations

from functools import partial


def call(template, arrays, **names):
    """A statement that calls with these arrays, each under its own name."""
    named = {f"a{i}": array for i, array in enumerate(arrays)}
    return template.format(", ".join(named)), {**names, **named}


class Theano:
    """Theano's language: this project, and what Theano 1.0 and PyTensor have in common with it."""

    operations = "exp log tanh sqrt maximum erf dot sum mean var max argmax concatenate"

    def __init__(self):
        import theano
        import theano.tensor as T

        self.speak(theano, T)
        self.sigmoid, self.logsumexp = T.nnet.sigmoid, T.logsumexp

    def speak(self, package, T):
        self.package, self.T = package, T
        for name in self.operations.split():
            setattr(self, name, getattr(T, name))

    def array(self, value):
        return value

    def special(self, name):
        return getattr(self.T, name)

    def number(self, value, dtype):
        import numpy as np

        return np.dtype(dtype).type(value)

    def variable(self, array):
        return self.T.TensorType(str(array.dtype), (False,) * array.ndim)()

    def function(self, f, arrays):
        variables = [self.variable(a) for a in arrays]
        return call("f({})", arrays, f=self.package.function(variables, f(self, *variables)))

    def gradient(self, f, arrays, count):
        variables = [self.variable(a) for a in arrays]
        value = f(self, *variables)
        results = [value, *self.T.grad(value, variables[:count])]
        return call("f({})", arrays, f=self.package.function(variables, results))

    def update(self, f, state, arrays):
        variables, shared = [self.variable(a) for a in arrays], [self.package.shared(s) for s in state]
        updates = list(zip(shared, f(self, shared, *variables)))
        return call("f({})", arrays, f=self.package.function(variables, [], updates=updates))

    def random(self):
        streams = self.T.shared_randomstreams.RandomStreams(1)
        return lambda kind, shape, dtype: getattr(streams, kind)(shape, dtype=dtype)

    def draw(self, f, arrays):
        variables = [self.variable(a) for a in arrays]
        return call("f({})", arrays, f=self.package.function(variables, f(self, self.random(), *variables)))

    def train(self, cost, rate, state, arrays):
        variables, shared = [self.variable(a) for a in arrays], [self.package.shared(s) for s in state]
        value = cost(self, shared, *variables)
        rate = state[0].dtype.type(rate)
        updates = [(s, s - rate * g) for s, g in zip(shared, self.T.grad(value, shared))]
        return call("f({})", arrays, f=self.package.function(variables, value, updates=updates))

    def scan(self, step, sequences, state, steps=None, keep=0, backwards=False):
        def flat(*arguments):
            return step(arguments[: len(sequences)], arguments[len(sequences) :])

        found, _ = self.package.scan(
            flat, sequences, list(state), n_steps=steps, go_backwards=backwards, return_list=True
        )
        return [rows[::-1] if backwards else rows for rows in found[:keep]], [rows[-1] for rows in found]

    def until(self, step, state, most):
        def flat(*state):
            new, stop = step(state)
            return new, self.stop(stop)

        found, _ = self.package.scan(flat, outputs_info=list(state), n_steps=most, return_list=True)
        return [rows[-1] for rows in found]

    def stop(self, condition):
        return self.package.scan_module.until(condition)

    def map(self, f, array):
        return self.package.map(f, array)[0]

    def batched_dot(self, x, y):
        return self.T.batched_dot(x, y)

    def softmax(self, x, axis=-1):
        if axis is None:
            return self.T.nnet.softmax(x.flatten()).reshape(x.shape)
        return self.T.nnet.softmax(x, axis)

    def cross_entropy(self, scores, labels):
        return -self.mean(self.log(self.softmax(scores))[self.T.arange(labels.shape[0]), labels])


class Theano1(Theano):
    def __init__(self):
        import theano
        import theano.tensor as T

        self.speak(theano, T)
        self.sigmoid = T.nnet.sigmoid

    def random(self):
        from theano.sandbox.rng_mrg import MRG_RandomStreams

        streams = MRG_RandomStreams(1)
        return lambda kind, shape, dtype: getattr(streams, kind)(shape, dtype=dtype)

    def softmax(self, x, axis=-1):
        if x.ndim == 2 and axis in (1, -1):
            return self.T.nnet.softmax(x)
        powers = self.exp(x - self.max(x, axis, keepdims=True))
        return powers / self.sum(powers, axis, keepdims=True)

    def logsumexp(self, x, axis=None):
        largest = self.max(x, axis, keepdims=True)
        return self.log(self.sum(self.exp(x - largest), axis)) + self.max(x, axis)


class PyTensor(Theano):
    def __init__(self):
        import pytensor
        import pytensor.tensor as T

        self.speak(pytensor, T)
        self.sigmoid, self.logsumexp = T.sigmoid, T.logsumexp

    def variable(self, array):
        return self.T.TensorType(str(array.dtype), shape=(None,) * array.ndim)()

    def stop(self, condition):
        from pytensor.scan.utils import until

        return until(condition)

    def map(self, f, array):
        from pytensor.scan.views import map

        return map(f, array)[0]

    def random(self):
        from pytensor.tensor.random.utils import RandomStream

        streams = RandomStream(1)
        return lambda kind, shape, dtype: getattr(streams, kind)(0, 1, size=shape, dtype=dtype)

    def batched_dot(self, x, y):
        return self.T.matmul(x, y)

    def softmax(self, x, axis=-1):
        from pytensor.tensor.special import softmax

        return softmax(x, axis=axis)


class Jax:
    operations = "exp log tanh sqrt maximum dot sum mean var max argmax concatenate"

    def __init__(self):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        self.jax, self.array, self.batched_dot = jax, jnp.asarray, jnp.matmul
        for name in self.operations.split():
            setattr(self, name, getattr(jnp, name))
        self.erf, self.logsumexp = jax.scipy.special.erf, jax.scipy.special.logsumexp
        self.sigmoid, self.softmax = jax.nn.sigmoid, jax.nn.softmax

    def special(self, name):
        functions = self.jax.scipy.special
        if name == "tri_gamma":
            return lambda x: functions.polygamma(1, x)
        return getattr(functions, {"psi": "digamma"}.get(name, name))

    def number(self, value, dtype):
        return value

    def compiled(self, f, arrays):
        return call("ready(f({}))", arrays, f=self.jax.jit(f), ready=self.jax.block_until_ready)

    def function(self, f, arrays):
        return self.compiled(partial(f, self), arrays)

    def gradient(self, f, arrays, count):
        return self.compiled(self.jax.value_and_grad(partial(f, self), argnums=tuple(range(count))), arrays)

    def advancing(self, f, state, arrays):
        """Calls of ``state, result = f(state, *arrays)``, each on the state that the last one left."""
        state = [self.array(s) for s in state]
        f = self.jax.jit(f, donate_argnums=0)

        def step(*arrays):
            nonlocal state
            state, result = f(state, *arrays)
            self.jax.block_until_ready((state, result))
            return result

        return call("step({})", arrays, step=step)

    def update(self, f, state, arrays):
        return self.advancing(lambda state, *arrays: (f(self, state, *arrays), ()), state, arrays)

    def train(self, cost, rate, state, arrays):
        def step(state, *arrays):
            value, gradients = self.jax.value_and_grad(partial(cost, self))(state, *arrays)
            return [s - s.dtype.type(rate) * g for s, g in zip(state, gradients)], value

        return self.advancing(step, state, arrays)

    def scan(self, step, sequences, state, steps=None, keep=0, backwards=False):
        def advance(state, rows):
            state = step(rows, state)
            return state, state[:keep]

        last, kept = self.jax.lax.scan(advance, list(state), list(sequences), length=steps, reverse=backwards)
        return kept, last

    def until(self, step, state, most):
        def unfinished(carried):
            count, stop, _ = carried
            return (count < most) & ~stop

        def advance(carried):
            new, stop = step(carried[2])
            return carried[0] + 1, stop, new

        return self.jax.lax.while_loop(unfinished, advance, (0, False, list(state)))[2]

    def map(self, f, array):
        return self.jax.lax.map(f, array)

    def draw(self, f, arrays):
        random = self.jax.random

        def step(state, *arrays):
            following, *keys = random.split(state[0], 4)
            keys = iter(keys)
            drawn = f(self, lambda kind, shape, dtype: getattr(random, kind)(next(keys), shape, dtype), *arrays)
            return [following], drawn

        return self.advancing(step, [random.PRNGKey(1)], arrays)

    def cross_entropy(self, scores, labels):
        import jax.numpy as jnp

        return -self.mean(self.jax.nn.log_softmax(scores)[jnp.arange(labels.shape[0]), labels])


class Torch:
    operations = "exp log tanh sqrt sigmoid argmax"

    def __init__(self):
        import torch

        self.torch, self.erf = torch, torch.erf
        for name in self.operations.split():
            setattr(self, name, getattr(torch, name))
        self.cross_entropy = torch.nn.functional.cross_entropy

    def special(self, name):
        functions = self.torch.special
        if name == "tri_gamma":
            return lambda x: functions.polygamma(1, x)
        return getattr(functions, {"j0": "bessel_j0", "j1": "bessel_j1"}.get(name, name))

    def compiled(self, f):
        return f

    def number(self, value, dtype):
        return value

    def array(self, value):
        tensor = self.torch.tensor(value)
        return tensor if tensor.is_floating_point() else tensor.long()

    def function(self, f, arrays):
        return call("f({})", arrays, f=self.compiled(partial(f, self)))

    def gradient(self, f, arrays, count):
        f = self.compiled(partial(f, self))

        def value_and_gradients(*arrays):
            value = f(*arrays)
            return [value.detach(), *self.torch.autograd.grad(value, arrays[:count])]

        arrays = [a.requires_grad_() for a in arrays[:count]] + list(arrays[count:])
        return call("f({})", arrays, f=value_and_gradients)

    def update(self, f, state, arrays):
        state = [self.torch.tensor(s) for s in state]

        @self.compiled
        def step(*arrays):
            for old, new in zip(state, f(self, state, *arrays)):
                old.copy_(new)

        return call("step({})", arrays, step=step)

    def optimizer(self, make, parameter, gradient):
        """Steps of one of PyTorch's own optimizers, with one gradient for ever."""
        parameter = self.torch.tensor(parameter, requires_grad=True)
        parameter.grad = gradient
        return "step()", {"step": self.compiled(make([parameter]).step)}

    def train(self, cost, rate, state, arrays):
        state = [self.torch.tensor(s, requires_grad=True) for s in state]
        cost = self.compiled(partial(cost, self))

        def step(*arrays):
            value = cost(state, *arrays)
            gradients = self.torch.autograd.grad(value, state)
            with self.torch.no_grad():
                for parameter, gradient in zip(state, gradients):
                    parameter.sub_(gradient, alpha=rate)
            return value.detach()

        return call("step({})", arrays, step=step)

    def scan(self, step, sequences, state, steps=None, keep=0, backwards=False):
        state, kept = list(state), []
        every = list(zip(*[sequence.unbind() for sequence in sequences])) or [()] * steps
        for rows in reversed(every) if backwards else every:
            state = step(rows, state)
            kept.append(state[:keep])
        return [self.torch.stack(rows[::-1] if backwards else rows) for rows in zip(*kept)], state

    def until(self, step, state, most):
        for _ in range(most):
            state, stop = step(state)
            if stop:
                break
        return state

    def map(self, f, array):
        return self.torch.stack([f(row) for row in array.unbind()])

    def draw(self, f, arrays):
        makers = {"uniform": self.torch.rand, "normal": self.torch.randn}

        def random(kind, shape, dtype):
            return makers[kind](shape, dtype=getattr(self.torch, dtype))

        return call("f({})", arrays, f=self.compiled(partial(f, self, random)))

    def sum(self, x, axis=None):
        return x.sum(dim=axis)

    def mean(self, x, axis=None):
        return x.mean(dim=axis)

    def var(self, x, axis=None):
        return x.var(dim=axis, correction=0)

    def max(self, x, axis=None):
        return x.max() if axis is None else x.amax(dim=axis)

    def logsumexp(self, x, axis=None):
        return self.torch.logsumexp(x, dim=tuple(range(x.ndim)) if axis is None else axis)

    def softmax(self, x, axis=-1):
        return self.torch.softmax(x.flatten(), 0).reshape(x.shape) if axis is None else self.torch.softmax(x, axis)

    def dot(self, x, y):
        return x @ y

    batched_dot = dot

    def maximum(self, x, y):
        return x.clamp(min=y) if isinstance(y, (int, float)) else self.torch.maximum(x, y)

    def concatenate(self, tensors, axis=0):
        return self.torch.cat(tensors, axis)


class TorchCompile(Torch):
    def compiled(self, f):
        return self.torch.compile(f)


class Copy:
    """A plain copy in memory, of as many bytes as a workload reads and writes."""

    def __init__(self):
        import numpy as np

        self.np = np

    def array(self, value):
        return value

    def copying(self, traffic):
        source = self.np.ones(traffic // 16)
        return "copy(b, a)", {"copy": self.np.copyto, "a": source, "b": self.np.zeros_like(source)}


PACKAGES = {
    "theano": Theano,
    "theano1": Theano1,
    "pytensor": PyTensor,
    "jax": Jax,
    "torch": Torch,
    "torch.compile": TorchCompile,
    "copy": Copy,
}
# The interpreters they live in, and the modules that `import` means, where these are not called the same.
HOMES = {"torch.compile": "torch", "copy": "theano"}
MODULES = {
    "theano": "theano.tensor",
    "theano1": "theano.tensor",
    "pytensor": "pytensor.tensor",
    "jax": "jax.numpy",
    "torch": "torch",
    "torch.compile": "torch",
    "copy": "numpy",
}
