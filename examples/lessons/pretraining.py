"""Layer-wise pretraining: a deep net of sigmoids that learns nothing, and the same net prepared.

Each image is a few bars, lengthwise and across; which are more? After five layers of sigmoids with
a random start all images look alike, and the net only learns how often the answer is yes. So let
each layer first learn, with no answers, to stand for what the layer below makes of the images: as
a restricted Boltzmann machine, or an autoencoder that restores damaged images. Its weights turn
into bars. Then the whole net learns. A path as first argument gets the picture.
"""

import sys
from collections.abc import Mapping

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart
from talweg.draw.charts import canvas
from talweg.draw.markup import Markup, tag

SIDE, LAYERS, UNITS, EPOCHS, RULE = 8, 5, 32, 30, tw.SGD(lr=0.1, momentum=0.9)
METHODS: dict[str, tuple[tw.RBM | tw.DenoisingAutoencoder, tw.Optimizer]] = {
    "Boltzmann machines": (tw.RBM(weight_penalty=tw.L2(1e-3)), RULE),
    "denoising autoencoders": (tw.DenoisingAutoencoder(corruption=0.2), tw.Adam(lr=0.003)),
}
RANDOM = "a random start"


def bars(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images with more bars along one axis than along the other, and whether they lie across."""
    across, down = np.random.default_rng(seed).random((2, count, SIDE)) < 0.15
    differ = across.sum(1) != down.sum(1)
    images = (across[:, :, None] | down[:, None, :])[differ]
    goal = (across.sum(1) > down.sum(1))[differ]
    return images.reshape(-1, SIDE * SIDE).astype(float), goal[:, None].astype(float)


def network(X: np.ndarray) -> tw.Sequential:
    hidden = [tw.Dense(UNITS, "sigmoid") for _ in range(LAYERS)]
    return tw.Sequential(*hidden, tw.Dense(1)).init(X, seed=0)


def prepared(name: str, X: np.ndarray) -> tw.Pretraining:
    method, rule = METHODS[name]
    return tw.pretrain(network(X), X, method=method, optimizer=rule, epochs=40, batch_size=50)


def train(net: tw.Sequential) -> tw.Run:
    X, y = bars(2000, seed=0)
    return tw.fit(
        net,
        X,
        y,
        loss="binary_cross_entropy",
        metrics=["accuracy"],
        optimizer=RULE,
        epochs=EPOCHS,
        batch_size=50,
        validation=bars(1000, seed=1),
        restore_best=False,
        seed=0,
    )


def spreads(net: tw.Sequential, X: np.ndarray) -> list[float]:
    """How far the outputs of each hidden layer differ from image to image."""
    found = []
    for layer in net.layers[:-1]:
        X = layer.predict(X)
        found.append(float(X.std(axis=0).mean()))
    return found


def tell_start(nets: Mapping[str, tw.Sequential], X: np.ndarray) -> None:
    print("What is left of the differences between images after each hidden layer")
    print(f"  {'start':<24}" + "".join(f"{f'layer {n + 1}':>9}" for n in range(LAYERS)))
    for name, net in nets.items():
        print(f"  {name:<24}" + "".join(f"{each:>9.4f}" for each in spreads(net, X)))
    print("(The spread of a unit from image to image, the mean over the layer's units.)")


def tell_layers(found: Mapping[str, tw.Pretraining]) -> None:
    print("\nPretraining: the loss of each layer in its first and last epoch")
    for name, each in found.items():
        ends = [(run.history["loss"][0], run.history["loss"][-1]) for run in each.runs]
        print(f"  {name:<24}" + " ".join(f"{a:5.1f} ->{b:4.1f}" for a, b in ends[::2]))
    print("(Layers 1, 3 and 5: the squared error of what a layer was given, restored from")
    print("its units; of the autoencoders, the cross entropy, which is never 0.)")


def in_bars(weight: np.ndarray) -> float:
    """The share of the squared weights (D, H) that lies in whole bars, a number for each."""
    images = (weight - weight.mean(0)).T.reshape(-1, SIDE, SIDE)
    rest = images - images.mean(1, keepdims=True) - images.mean(2, keepdims=True)
    return float(1 - (rest**2).sum() / (images**2).sum())


def tell_learning(runs: Mapping[str, tw.Run]) -> None:
    print(f"\nThen the whole net learns: {EPOCHS} epochs of descent with momentum")
    print(f"  {'start':<24}{'loss in epoch 1':>16}{'10':>8}{'30':>8}{'right, of new images':>22}")
    for name, run in runs.items():
        losses, right = run.history["loss"], run.history["val_accuracy"][-1]
        told = "".join(f"{losses[at]:>{width}.3f}" for at, width in ((0, 16), (9, 8), (29, 8)))
        print(f"  {name:<24}{told}{right:>22.1%}")
    print("Guessing gets half. What layers learnt without answers made them learnable.")


def filters(weight: np.ndarray, count: int = 24) -> str:
    """The weights (D, H) that lead to some units, the longest, as images."""
    longest = np.argsort(-np.linalg.norm(weight, axis=0))[:count]
    title = "What units of the first layer look for"
    cells = [
        cell
        for place, unit in enumerate(longest)
        for cell in image(weight[:, unit] / np.abs(weight).max(), *divmod(place, 8))
    ]
    seen = f"{count} images of {SIDE} by {SIDE} weights, made of bars lengthwise and across."
    top = canvas.below_title(title) + 8
    return canvas.chart(title, seen, canvas.moved(top, *cells), height=top + 75 * count / 8)


def image(values: np.ndarray, row: int, column: int) -> list[Markup]:
    """One image in the place of a grid; what is near 0 is left out."""
    return [
        tag(
            "rect",
            x=75.0 * column + 8 * (at % SIDE),
            y=75.0 * row + 8 * (at // SIDE),
            width=8,
            height=8,
            fill=f"var(--{'series-1' if value > 0 else 'series-2'})",
            fill_opacity=f"{min(1.0, 1.5 * abs(value)):.2f}",
        )
        for at, value in enumerate(values)
        if abs(value) > 0.05
    ]


def main(picture: str | None = None) -> None:
    X, _ = bars(2000, seed=0)
    found = {name: prepared(name, X) for name in METHODS}
    nets = {RANDOM: network(X), **{name: each.net for name, each in found.items()}}
    first = nets["Boltzmann machines"].weights["0.weight"].copy()
    tell_start(nets, X)
    tell_layers(found)
    told = ", ".join(f"{in_bars(net.weights['0.weight']):.0%}" for net in nets.values())
    print(f"Of the first layer's weights, so much lies in whole bars: {told}.")
    runs = {name: train(net) for name, net in nets.items()}
    tell_learning(runs)

    epochs = np.arange(1, EPOCHS + 1)
    losses = {name: (epochs, run.history["loss"]) for name, run in runs.items()}
    drawing.write(
        picture,
        "Layer-wise pretraining",
        (filters(first), "Each square is a unit. It looks for bars, which nobody told it of."),
        (
            line_chart(losses, title="Learning", x_label="epoch", y_label="loss"),
            "From a random start nothing moves; prepared, the same net learns.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
