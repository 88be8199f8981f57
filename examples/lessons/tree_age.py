"""The age of a tree from its width and length: one step by hand, and three stopping rules.

After "Adventure of the Neurons" by Sergen Cansiz. The article shows its initial weights only in
pictures, so the ones here are a CONSTRUCTED instance that reproduces every number of its text:
prediction 6.25, loss 1.5625, new w1 -0.1125, new prediction -3.33. All biases are fixed at 0.5.
Give a path as the first argument to draw the chart.
"""

import sys

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

TREE, AGE = np.array([[5.0, 7.0]]), np.array([[5.0]])  # width and length; years
HIDDEN = np.array([[0.2, 1.0], [0.4, 0.5]])  # one column per hidden unit
OUTPUT = np.array([[0.5], [0.4]])
RATE = 0.05


def fixed_bias(total: tw.Tensor) -> tw.Tensor:
    """Add a bias of 0.5, which is not a parameter and so never changes."""
    return total + 0.5


def network() -> tw.Sequential:
    layers = [tw.Dense(units, fixed_bias, bias=False) for units in (2, 1)]
    net = tw.Sequential(*layers, dtype="float64")
    net.weights = {"0.weight": HIDDEN, "1.weight": OUTPUT}
    return net


def loss_by_hand() -> tw.Tensor:
    """The loss of one tree, with a separate variable for each weight."""
    width, length = TREE[0]
    (w1, w2), (w3, w4) = HIDDEN.T
    initial = {"w1": w1, "w2": w2, "w3": w3, "w4": w4, "v1": OUTPUT[0, 0], "v2": OUTPUT[1, 0]}
    w = {name: tw.tensor(value, name=name) for name, value in initial.items()}
    h1 = (w["w1"] * width + w["w2"] * length + 0.5).named("h1")
    h2 = (w["w3"] * width + w["w4"] * length + 0.5).named("h2")
    age = (h1 * w["v1"] + h2 * w["v2"] + 0.5).named("age")
    gap = (age - AGE.item()).named("gap")
    return (gap * gap).named("loss")


def by_hand() -> None:
    print("One step by hand (a constructed instance, not the article's own weights)\n")
    loss = loss_by_hand()
    loss.backward()
    print(tw.trace(loss))
    w1 = loss.find("w1")
    print("\nThe chain rule for w1, factor by factor:")
    print("  dloss/dage * dage/dh1 * dh1/dw1 = 2 * 1.25 * 0.5 * 5 =", f"{w1.grad:g}")
    print(f"  new w1 = {w1.item():g} - {RATE} * {w1.grad:g} = {w1.item() - RATE * w1.grad:.4f}")


def one_step(net: tw.Module, loss: str = "mse", engine: str | None = None) -> tw.Run:
    settings = {"optimizer": tw.SGD(lr=RATE), "epochs": 1, "batch_size": None}
    return tw.fit(net, TREE, AGE, loss=loss, engine=engine, **settings)


def by_fit() -> None:
    print("\nThe same step by tw.fit")
    net = network()
    print(f"  prediction {net.predict(TREE).item():.4f}")
    run = one_step(net)
    print(f"  loss {run.history['loss'][0]:.4f}")
    print(f"  new w1 {net.weights['0.weight'][0, 0]:.4f}")
    print(
        f"  new prediction {net.predict(TREE).item():.4f}: the step was too long; the target is 5"
    )


def forest(trees: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Made-up trees: width and length from 0 to 1, and an age with noise of one year."""
    random = np.random.default_rng(seed)
    sizes = random.uniform(0, 1, (trees, 2))
    return sizes, 2 + 3 * sizes[:, 0] + 4 * sizes[:, 1] ** 2 + random.normal(0, 1, trees)


def print_end(title: str, run: tw.Run) -> None:
    print(f"  {title}: stopped by {run.stopped_by} in epoch {run.epochs} of 10,000,")
    print(f"    because {run.stop_reason}")


def three_rules() -> tw.Run:
    print("\nThree stopping rules")
    one = {"loss": "mse", "optimizer": tw.SGD(lr=0.001), "epochs": 10_000, "batch_size": None}
    run = tw.fit(network(), TREE, AGE, stop=tw.MinDecrease(0.05), **one)
    print_end("minimum decrease", run)
    run = tw.fit(network(), TREE, AGE, stop=tw.TargetLoss(0.001), **one)
    print_end("target loss", run)

    wide = tw.Sequential(tw.Dense(32, "tanh", init=tw.Normal(2.0)), tw.Dense(1))
    few, many = forest(trees=15, seed=1), forest(trees=200, seed=2)
    stop = tw.EarlyStopping(200)
    run = tw.fit(wide, *few, optimizer=tw.SGD(lr=0.02), epochs=10_000, stop=stop, validation=many)
    print_end("early stopping", run)
    for name in ("loss", "val_loss"):
        best, last = run.history[name][[run.best_epoch - 1, -1]]
        print(f"    {name:<9} {best:.3f} in epoch {run.best_epoch}, {last:.3f} at the end")
    print(f"    the network keeps its weights of epoch {run.best_epoch}")
    return run


def main(picture: str | None = None) -> None:
    by_hand()
    by_fit()
    history = three_rules().history
    shown = np.arange(0, len(history["loss"]), 2)
    names = {"training": "loss", "validation": "val_loss"}
    lines = {label: (shown, history[name][shown]) for label, name in names.items()}
    chart = line_chart(lines, title="When to stop", x_label="epoch", y_label="loss")
    caption = "The training loss keeps falling; when the validation loss turns, it is time to stop."
    drawing.write(picture, "The age of a tree", (chart, caption))


if __name__ == "__main__":
    main(*sys.argv[1:2])
