"""Learn to read handwritten digits: softmax regression first, then a network with one hidden layer.

    python examples/train_digits.py                    # 1,797 digits of 8 x 8 pixels, bundled with scikit-learn
    python examples/train_digits.py mnist.pkl.gz       # MNIST: 70,000 digits of 28 x 28 pixels

Both models minimize the mean negative log-likelihood by stochastic gradient descent with momentum. The learning curves
and some misread digits are drawn to a PNG; the test errors are printed at the end.
"""

from __future__ import annotations

import argparse
import gzip
import pickle
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import theano
import theano.tensor as T

floatX = theano.config.floatX


def load_digits(mnist, rng):
    """The training and the test set, each (images, labels): one row of pixels between 0 and 1 an image."""
    if mnist is not None:
        with gzip.open(mnist) as file:
            train, _, test = pickle.load(file, encoding="latin1")
        return train, test
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = rng.permutation(len(images))
    images, labels = images[order] / 16, labels[order]
    return (images[:-500], labels[:-500]), (images[-500:], labels[-500:])


def as_shared(images, labels):
    """Data in shared variables is handed to compiled functions once, not at every call."""
    return theano.shared(images.astype(floatX)), theano.shared(labels.astype("int32"))


class Layer:
    """An affine map with a nonlinearity; its weights start at zero or, given an `rng`, at random."""

    def __init__(self, n_in, n_out, nonlinearity, rng=None):
        bound = np.sqrt(6 / (n_in + n_out))
        weights = np.zeros((n_in, n_out)) if rng is None else rng.uniform(-bound, bound, (n_in, n_out))
        self.W = theano.shared(weights.astype(floatX), "W")
        self.b = theano.shared(np.zeros(n_out, floatX), "b")
        self.parameters = [self.W, self.b]
        self.nonlinearity = nonlinearity

    def __call__(self, x):
        return self.nonlinearity(T.dot(x, self.W) + self.b)


def momentum_descent(cost, parameters, rate, momentum):
    """The updates that move each parameter one step downhill."""
    updates = []
    for parameter, gradient in zip(parameters, T.grad(cost, parameters)):
        velocity = theano.shared(np.zeros_like(parameter.get_value()))
        step = momentum * velocity - rate * gradient
        updates += [(velocity, step), (parameter, parameter + step)]
    return updates


def train(layers, train_set, test_set, options, on_epoch):
    """Train a stack of layers; its error on the test set after each epoch, and the labels it gives that set at last."""
    (train_x, train_y), (test_x, _) = as_shared(*train_set), as_shared(*test_set)
    x, y, batch = T.matrix("x"), T.ivector("y"), T.lscalar("batch")

    probabilities = x
    for layer in layers:
        probabilities = layer(probabilities)
    cost = -T.mean(T.log(probabilities)[T.arange(y.shape[0]), y])
    parameters = [parameter for layer in layers for parameter in layer.parameters]
    rows = slice(batch * options.batch_size, (batch + 1) * options.batch_size)

    train_on = theano.function(
        [batch],
        cost,
        updates=momentum_descent(cost, parameters, options.rate, options.momentum),
        givens={x: train_x[rows], y: train_y[rows]},
    )
    predict = theano.function([], T.argmax(probabilities, axis=1), givens={x: test_x})

    costs, errors = [], []
    n_batches = len(train_set[1]) // options.batch_size
    for _ in range(options.epochs):
        costs.append(np.mean([train_on(i) for i in range(n_batches)]))
        errors.append(np.mean(predict() != test_set[1]))
        on_epoch(state=f"cost {costs[-1]:.4f}   test error {errors[-1]:.2%}")
    return errors, predict()


def draw(path, curves, test_set, predicted, n_misread=12):
    """Learning curves on the left; on the right the first digits that the last model misreads."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1.2, 1])
    axes = left.subplots()
    for name, errors in curves.items():
        axes.plot(np.arange(1, len(errors) + 1), 100 * np.array(errors), label=name)
    axes.set(xlabel="epoch", ylabel="test error (%)", ylim=(0, None))
    axes.legend()

    images, labels = test_set
    side = int(np.sqrt(images.shape[1]))
    misread = np.flatnonzero(predicted != labels)[:n_misread]
    right.suptitle("misread digits: truth → guess")
    for cell, i in zip(right.subplots(3, 4).flat, [*misread, *[None] * (n_misread - len(misread))]):
        cell.axis("off")
        if i is not None:
            cell.imshow(images[i].reshape(side, side), cmap="gray_r")
            cell.set_title(f"{labels[i]} → {predicted[i]}", fontsize=10)
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("mnist", nargs="?", type=Path, help="path to mnist.pkl.gz (default: scikit-learn's digits)")
    parser.add_argument("--epochs", type=int, default=60, help="passes over the training set (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="digits a step (default: %(default)s)")
    parser.add_argument("--hidden", type=int, default=100, help="hidden units (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0.05, help="learning rate (default: %(default)s)")
    parser.add_argument("--momentum", type=float, default=0.9, help="momentum (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of split and weights (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("digits.png"), help="the picture (default: %(default)s)")
    options = parser.parse_args()

    rng = np.random.RandomState(options.seed)
    train_set, test_set = load_digits(options.mnist, rng)
    n_pixels, n_classes = train_set[0].shape[1], 10
    models = {
        "softmax regression": [Layer(n_pixels, n_classes, T.nnet.softmax)],
        "one hidden layer": [
            Layer(n_pixels, options.hidden, T.tanh, rng),
            Layer(options.hidden, n_classes, T.nnet.softmax),
        ],
    }

    console = Console()
    console.print(f"{len(train_set[1]):,} digits to learn from, {len(test_set[1]):,} to be tested on")
    curves = {}
    columns = TextColumn("{task.description:18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, TextColumn("{task.fields[state]}"), console=console) as progress:
        for name, layers in models.items():
            task = progress.add_task(name, total=options.epochs, state="compiling")
            on_epoch = partial(progress.update, task, advance=1)
            curves[name], predicted = train(layers, train_set, test_set, options, on_epoch)
    draw(options.output, curves, test_set, predicted)

    table = Table("model", "test error")
    for name, errors in curves.items():
        table.add_row(name, f"{errors[-1]:.2%}")
    console.print(table, f"Learning curves and misread digits: {options.output}")


if __name__ == "__main__":
    main()
