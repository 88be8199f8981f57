"""Binary addition by recurrence: a net that adds two numbers bit by bit, and learns to carry.

It goes from the right to the left, as by hand; 16 hidden units see two bits and what they were
themselves one bit before, which is where a carried one has to be kept. Recurrence is no more than
using the same weights eight times, so a module of one's own writes it as a loop, and the gradient
goes back through all eight bits by itself. Number for number "Anyone Can Learn To Code an LSTM-RNN
in Python" (Andrew Trask, iamtrask.github.io, 2015). A path as first argument gets the picture.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

BITS, HIDDEN, SUMS = 8, 16, 10_000


class Adder(tw.Module):
    """(N, bits, 2), the last bit first, to (N, bits): one number from 0 to 1 for each bit."""

    dtype = "float64"

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        first = self.parameter("first", (2, HIDDEN))
        second = self.parameter("second", (HIDDEN, 1))
        back = self.parameter("back", (HIDDEN, HIDDEN))
        hidden: tw.Tensor | float = 0.0
        outputs = []
        for bit in range(BITS):
            remembered = tw.matmul(hidden, back) if bit else 0.0
            hidden = tw.sigmoid(tw.matmul(x[:, bit], first) + remembered)
            outputs.append(tw.sigmoid(tw.matmul(hidden, second)))
        return tw.gates.concatenate(*outputs, axis=1)


def problem() -> tuple[Adder, np.ndarray, np.ndarray]:
    """The starting weights and the sums, (n, 2), as the article draws them; what each comes to."""
    np.random.seed(0)
    shapes = {"first": (2, HIDDEN), "second": (HIDDEN, 1), "back": (HIDDEN, HIDDEN)}
    net = Adder()
    net.weights = {name: 2 * np.random.random(shape) - 1 for name, shape in shapes.items()}
    sums = np.random.randint(2 ** (BITS - 1), size=(SUMS, 2))
    return net, sums, sums.sum(axis=1)


def bits(numbers: np.ndarray) -> np.ndarray:
    """(...) as (..., bits), the last bit first."""
    return (numbers[..., None] >> np.arange(BITS) & 1).astype(float)


def number(said: np.ndarray) -> np.ndarray:
    """The opposite of `bits`, where each is rounded."""
    return np.round(said).astype(int) @ 2 ** np.arange(BITS)


def train(every: int = 500, engine: str | None = None) -> tuple[list[np.ndarray], Adder]:
    """What the net says, (every, bits), of each so many sums before it learns from them."""
    net, sums, goals = problem()
    X, y, said = bits(sums).transpose(0, 2, 1), bits(goals), []
    settings = {"loss": "half_sse", "optimizer": tw.SGD(lr=0.1), "batch_size": 1, "shuffle": False}
    for start in range(0, SUMS, every):
        rows = slice(start, start + every)
        said.append(net.predict(X[rows]))
        tw.fit(net, X[rows], y[rows], epochs=1, engine=engine, **settings)
    return said, net


def errors(said: list[np.ndarray]) -> np.ndarray:
    """Those of eight bits added up, one a sum, (stretches, every)."""
    goals = bits(problem()[2]).reshape(len(said), -1, BITS)
    return np.abs(np.stack(said) - goals).sum(axis=2)


def every_sum(net: Adder) -> tuple[np.ndarray, np.ndarray]:
    """Which of all sums are right, and which need a carried one; (128, 128) each."""
    both = np.moveaxis(np.indices((2 ** (BITS - 1),) * 2), 0, -1)
    said = number(net.predict(bits(both).reshape(-1, 2, BITS).transpose(0, 2, 1)))
    return said.reshape(both.shape[:2]) == both.sum(axis=-1), (both[..., 0] & both[..., 1]) > 0


def main(picture: str | None = None) -> None:
    said, net = train()
    found, (_, sums, goals) = errors(said), problem()
    print("Eight bits, 16 hidden units; what the net says before it learns from that sum")
    print(f"{'sum':>8}   error     it says")
    for place in range(0, len(said), 2):
        at = place * len(said[0])
        (one, other), answer = sums[at], number(said[place][0])
        verdict = "right" if answer == goals[at] else f"wrong: {goals[at]}"
        print(f"{at:>8}   {found[place, 0]:.8f}  {one} + {other} = {answer}  ({verdict})")
    right, carries = every_sum(net)
    print(f"\nOf all {right.size:,} sums it now gets {right.mean():.2%} right;")
    print(f"of those where a one has to be carried, {right[carries].mean():.2%}. It saw {SUMS:,}.")

    lines = {"error of eight bits": (np.arange(0, SUMS, len(said[0])), found.mean(axis=1))}
    chart = line_chart(lines, title="Learning to carry", x_label="sums seen", y_label="error")
    caption = "Guesses for thousands of sums; then it finds out what has to be remembered."
    drawing.write(picture, "Binary addition", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
