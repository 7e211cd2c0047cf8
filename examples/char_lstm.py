"""Learn to write, character by character: a long short-term memory reads Python's own documentation.

    python examples/char_lstm.py                       # 460,000 characters that come with Python (pydoc_data)
    python examples/char_lstm.py --text book.txt       # any other text

The network guesses each next character from all that came before, and learns by Adam, through loops of 64 steps. Every
tenth of the way it is asked for some text of its own: what it draws at random is what it reads next.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

import theano
import theano.tensor as T

theano.config.floatX = "float32"  # twice as fast as float64, and exact enough for this
LENGTH = 64  # characters a step of training looks back


def read_text(path):
    if path is not None:
        return path.read_text(encoding="utf-8")
    from pydoc_data.topics import topics

    return "\n\n".join(text.strip() for _, text in sorted(topics.items()))


class Network:
    """Weights of an LSTM whose inputs and guesses are one of `n_symbols`."""

    def __init__(self, n_symbols, n_hidden, rng):
        def random(rows, columns):
            return theano.shared((rng.standard_normal((rows, columns)) / rows**0.5).astype("float32"))

        self.n_hidden = n_hidden
        self.inputs = random(n_symbols, 4 * n_hidden)  # a symbol picks a row
        self.recurrent = random(n_hidden, 4 * n_hidden)
        bias = np.zeros(4 * n_hidden, "float32")
        bias[n_hidden : 2 * n_hidden] = 1  # at first it forgets nothing
        self.bias = theano.shared(bias)
        self.out = random(n_hidden, n_symbols)
        self.out_bias = theano.shared(np.zeros(n_symbols, "float32"))
        self.parameters = [self.inputs, self.recurrent, self.bias, self.out, self.out_bias]

    def step(self, inputs, hidden, cell):
        gates = inputs + T.dot(hidden, self.recurrent)
        enter, forget, leave, candidate = (gates[:, i * self.n_hidden : (i + 1) * self.n_hidden] for i in range(4))
        cell = T.nnet.sigmoid(forget) * cell + T.nnet.sigmoid(enter) * T.tanh(candidate)
        return T.nnet.sigmoid(leave) * T.tanh(cell), cell

    def cost(self, text, hidden, cell):
        """Bits a character of ``text[1:]``, given what came before, and the state behind it; a column is one text."""
        inputs = self.inputs[text[:-1]] + self.bias
        (hidden, cell), _ = theano.scan(self.step, sequences=inputs, outputs_info=[hidden, cell], name="read")
        guesses = T.nnet.softmax((T.dot(hidden, self.out) + self.out_bias).reshape((-1, self.out_bias.shape[0])))
        truth = text[1:].flatten()
        return -T.mean(T.log2(guesses[T.arange(truth.shape[0]), truth])), hidden[-1], cell[-1]

    def write(self, noise, symbol, hidden, cell):
        """Symbols drawn one after the other: where a score plus Gumbel noise is largest. A row of `noise` is a step."""

        def step(noise, symbol, hidden, cell):
            hidden, cell = self.step(self.inputs[symbol] + self.bias, hidden, cell)
            scores = T.dot(hidden, self.out) + self.out_bias
            return T.argmax(scores + noise, axis=1), hidden, cell

        (symbols, _, _), _ = theano.scan(step, sequences=noise, outputs_info=[symbol, hidden, cell], name="write")
        return symbols


def adam(cost, parameters, rate, beta1=0.9, beta2=0.999):
    time = theano.shared(np.float32(0))
    now = time + 1
    size = rate * T.sqrt(1 - beta2**now) / (1 - beta1**now)
    updates = [(time, now)]
    for parameter, gradient in zip(parameters, T.grad(cost, parameters)):
        mean, square = (theano.shared(np.zeros_like(parameter.get_value())) for _ in range(2))
        new_mean = beta1 * mean + (1 - beta1) * gradient
        new_square = beta2 * square + (1 - beta2) * gradient**2
        step = size * new_mean / (T.sqrt(new_square) + 1e-8)
        updates += [(mean, new_mean), (square, new_square), (parameter, parameter - step)]
    return updates


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--text", type=Path, help="a text to learn (default: Python's documentation)")
    parser.add_argument("--steps", type=int, default=3000, help="of training (default: %(default)s)")
    parser.add_argument("--hidden", type=int, default=128, help="hidden units (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="texts read side by side (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0.005, help="learning rate (default: %(default)s)")
    parser.add_argument("--characters", type=int, default=300, help="of each sample (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of weights and samples (default: %(default)s)")
    options = parser.parse_args()

    rng = np.random.default_rng(options.seed)
    text = read_text(options.text)
    alphabet, symbols = np.unique(list(text), return_inverse=True)
    # The text is cut into columns, read side by side; the last one is kept back to see what has been understood.
    rows = len(symbols) // (options.batch_size + 1)
    if rows <= LENGTH:
        least = (LENGTH + 1) * (options.batch_size + 1)
        parser.error(f"the text has {len(text)} characters; with this --batch-size it needs {least} at least")
    columns = symbols[: rows * (options.batch_size + 1)].reshape(-1, rows).T.astype("int32")
    console = Console(highlight=False)
    bits = np.log2(len(alphabet))
    console.print(f"{len(text):,} characters, {len(alphabet)} different ones: by chance, {bits:.2f} bits a character")

    network = Network(len(alphabet), options.hidden, rng)
    window = T.imatrix("window")
    state = [theano.shared(np.zeros((options.batch_size, options.hidden), "float32")) for _ in "hc"]
    cost, *last = network.cost(window, *state)
    updates = adam(cost, network.parameters, options.rate) + list(zip(state, last))
    train = theano.function([window], cost, updates=updates)

    empty = [np.zeros((1, options.hidden), "float32")] * 2
    test = theano.function([window], network.cost(window, *empty)[0])
    noise = T.tensor3("noise")
    write = theano.function([noise], network.write(noise, symbols[:1], *empty))

    def sample():
        drawn = write(rng.gumbel(size=(options.characters, 1, len(alphabet))).astype("float32"))
        return "".join(alphabet[drawn[:, 0]])

    bar = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*bar, TextColumn("{task.fields[state]}"), console=console) as progress:
        task, costs = progress.add_task("reading", total=options.steps, state=""), []
        for step in range(1, options.steps + 1):
            at = step * LENGTH % (rows - LENGTH)
            costs.append(train(columns[at : at + LENGTH + 1, :-1]))
            progress.update(task, advance=1, state=f"{np.mean(costs[-50:]):.3f} bits a character")
            if step % max(1, options.steps // 10) == 0:
                title = f"after {step} steps: {test(columns[:, -1:]):.3f} bits a character of the text kept back"
                console.print(Panel(Text(sample()), title=title))


if __name__ == "__main__":
    main()
