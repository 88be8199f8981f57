"""Binary addition with a recurrent network, which adds two numbers bit by bit and learns to carry.

It works from right to left, as by hand. The 16 hidden units see two bits and their own previous
state, which has to hold the carry. Recurrence means using the same weights eight times, so the
module is a Python loop, and the gradient flows back through all eight bits. It reproduces "Anyone
Can Learn To Code an LSTM-RNN in Python" (Andrew Trask, iamtrask.github.io, 2015) digit by digit.
Give a path as the first argument to draw the chart.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

BITS, HIDDEN, SUMS = 8, 16, 10_000


class Adder(tw.Module):
    """Map (N, bits, 2), lowest bit first, to (N, bits): a number between 0 and 1 for each bit."""

    dtype = "float64"

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        first = self.parameter("first", (2, HIDDEN))
        second = self.parameter("second", (HIDDEN, 1))
        back = self.parameter("back", (HIDDEN, HIDDEN))
        hidden: tw.Tensor | float = 0.0
        outputs = []
        for bit in range(BITS):
            memory = tw.matmul(hidden, back) if bit else 0.0
            hidden = tw.sigmoid(tw.matmul(x[:, bit], first) + memory)
            outputs.append(tw.sigmoid(tw.matmul(hidden, second)))
        return tw.gates.concatenate(*outputs, axis=1)


def problem() -> tuple[Adder, np.ndarray, np.ndarray]:
    """The initial weights and the summands (n, 2), drawn as in the article, and their sums (n,)."""
    np.random.seed(0)
    shapes = {"first": (2, HIDDEN), "second": (HIDDEN, 1), "back": (HIDDEN, HIDDEN)}
    net = Adder()
    net.weights = {name: 2 * np.random.random(shape) - 1 for name, shape in shapes.items()}
    sums = np.random.randint(2 ** (BITS - 1), size=(SUMS, 2))
    return net, sums, sums.sum(axis=1)


def bits(numbers: np.ndarray) -> np.ndarray:
    """Integers (...) as bits (..., bits), lowest bit first."""
    return (numbers[..., None] >> np.arange(BITS) & 1).astype(float)


def number(outputs: np.ndarray) -> np.ndarray:
    """The inverse of `bits`, after rounding."""
    return np.round(outputs).astype(int) @ 2 ** np.arange(BITS)


def train(every: int = 500, engine: str | None = None) -> tuple[list[np.ndarray], Adder]:
    """The outputs (every, bits) for each stretch of sums before training on it, and the network."""
    net, sums, targets = problem()
    X, y, outputs = bits(sums).transpose(0, 2, 1), bits(targets), []
    settings = {"loss": "half_sse", "optimizer": tw.SGD(lr=0.1), "batch_size": 1, "shuffle": False}
    for start in range(0, SUMS, every):
        rows = slice(start, start + every)
        outputs.append(net.predict(X[rows]))
        tw.fit(net, X[rows], y[rows], epochs=1, engine=engine, **settings)
    return outputs, net


def errors(outputs: list[np.ndarray]) -> np.ndarray:
    """The absolute errors summed over the eight bits, (stretches, every)."""
    targets = bits(problem()[2]).reshape(len(outputs), -1, BITS)
    return np.abs(np.stack(outputs) - targets).sum(axis=2)


def every_sum(net: Adder) -> tuple[np.ndarray, np.ndarray]:
    """Which sums of all pairs of summands are right, and which need a carry; (128, 128) each."""
    pairs = np.moveaxis(np.indices((2 ** (BITS - 1),) * 2), 0, -1)
    answers = number(net.predict(bits(pairs).reshape(-1, 2, BITS).transpose(0, 2, 1)))
    right = answers.reshape(pairs.shape[:2]) == pairs.sum(axis=-1)
    return right, (pairs[..., 0] & pairs[..., 1]) > 0


def main(picture: str | None = None) -> None:
    outputs, net = train()
    error, (_, sums, targets) = errors(outputs), problem()
    print("Eight bits, 16 hidden units; each answer was given before training on that sum")
    print(f"{'sum':>8}   error       answer")
    for stretch in range(0, len(outputs), 2):
        row = stretch * len(outputs[0])
        (one, other), answer = sums[row], number(outputs[stretch][0])
        verdict = "right" if answer == targets[row] else f"wrong: {targets[row]}"
        print(f"{row:>8}   {error[stretch, 0]:.8f}  {one} + {other} = {answer}  ({verdict})")
    right, carries = every_sum(net)
    print(f"\nOf all {right.size:,} sums it now gets {right.mean():.2%} right,")
    print(f"of those with a carry {right[carries].mean():.2%}. It was trained on {SUMS:,}.")

    lines = {"error of eight bits": (np.arange(0, SUMS, len(outputs[0])), error.mean(axis=1))}
    chart = line_chart(lines, title="Learning to carry", x_label="training sums", y_label="error")
    caption = "For thousands of sums it guesses; then it discovers the carry."
    drawing.write(picture, "Binary addition", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
