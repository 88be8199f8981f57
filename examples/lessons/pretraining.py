"""Layer-wise pretraining: a deep sigmoid network that learns nothing, and the same one pretrained.

Each image shows a few bars; are more of them horizontal or vertical? After five sigmoid layers with
random weights all images look alike, and the network learns only the mean of the answers. So each
layer first learns, without labels, to represent the output of the layer below, as a restricted
Boltzmann machine or as a denoising autoencoder. Its weights turn into bars. Then the whole network
is fine-tuned. Give a path as the first argument to draw the charts.
"""

import sys
from collections.abc import Mapping

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart
from talweg.draw.charts import canvas
from talweg.draw.markup import Markup, tag

SIDE, LAYERS, UNITS, EPOCHS, OPTIMIZER = 8, 5, 32, 30, tw.SGD(lr=0.1, momentum=0.9)
METHODS: dict[str, tuple[tw.RBM | tw.DenoisingAutoencoder, tw.Optimizer]] = {
    "Boltzmann machines": (tw.RBM(weight_penalty=tw.L2(1e-3)), OPTIMIZER),
    "denoising autoencoders": (tw.DenoisingAutoencoder(corruption=0.2), tw.Adam(lr=0.003)),
}
RANDOM = "a random start"


def bars(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images with more bars along one axis, and whether that axis is the horizontal one."""
    across, down = np.random.default_rng(seed).random((2, count, SIDE)) < 0.15
    differ = across.sum(1) != down.sum(1)
    images = (across[:, :, None] | down[:, None, :])[differ]
    target = (across.sum(1) > down.sum(1))[differ]
    return images.reshape(-1, SIDE * SIDE).astype(float), target[:, None].astype(float)


def network(X: np.ndarray) -> tw.Sequential:
    hidden = [tw.Dense(UNITS, "sigmoid") for _ in range(LAYERS)]
    return tw.Sequential(*hidden, tw.Dense(1)).init(X, seed=0)


def pretrain(name: str, X: np.ndarray) -> tw.Pretraining:
    settings = dict(zip(("method", "optimizer"), METHODS[name], strict=True))
    return tw.pretrain(network(X), X, epochs=40, batch_size=50, **settings)


def train(net: tw.Sequential) -> tw.Run:
    X, y = bars(2000, seed=0)
    measures = {"loss": "binary_cross_entropy", "metrics": ["accuracy"]}
    settings = {"optimizer": OPTIMIZER, "epochs": EPOCHS, "batch_size": 50, "restore_best": False}
    return tw.fit(net, X, y, validation=bars(1000, seed=1), seed=0, **measures, **settings)


def spreads(net: tw.Sequential, X: np.ndarray) -> list[float]:
    """The standard deviation of a unit over the images, averaged over each hidden layer."""
    deviations = []
    for layer in net.layers[:-1]:
        X = layer.predict(X)
        deviations.append(float(X.std(axis=0).mean()))
    return deviations


def print_start(nets: Mapping[str, tw.Sequential], X: np.ndarray) -> None:
    print("How much the outputs of each hidden layer differ between images")
    print(f"  {'start':<24}" + "".join(f"{f'layer {n + 1}':>9}" for n in range(LAYERS)))
    for name, net in nets.items():
        print(f"  {name:<24}" + "".join(f"{spread:>9.4f}" for spread in spreads(net, X)))
    print("(The standard deviation over the images, averaged over the units of the layer.)")


def print_layers(pretrained: Mapping[str, tw.Pretraining]) -> None:
    print("\nPretraining: the loss of each layer in its first and last epoch")
    for name, pretraining in pretrained.items():
        ends = [(run.history["loss"][0], run.history["loss"][-1]) for run in pretraining.runs]
        print(f"  {name:<24}" + " ".join(f"{a:5.1f} ->{b:4.1f}" for a, b in ends[::2]))
    print("(Layers 1, 3 and 5. For Boltzmann machines, the squared reconstruction error;")
    print("for autoencoders, the cross-entropy, which is never 0.)")


def share_in_bars(weight: np.ndarray) -> float:
    """The share of the squared weights (D, H) that whole bars explain."""
    images = (weight - weight.mean(0)).T.reshape(-1, SIDE, SIDE)
    rest = images - images.mean(1, keepdims=True) - images.mean(2, keepdims=True)
    return float(1 - (rest**2).sum() / (images**2).sum())


def print_learning(runs: Mapping[str, tw.Run]) -> None:
    print(f"\nFine-tuning the whole network: {EPOCHS} epochs of SGD with momentum")
    print(f"  {'start':<24}{'loss in epoch 1':>16}{'10':>8}{'30':>8}{'validation accuracy':>22}")
    for name, run in runs.items():
        losses, accuracy = run.history["loss"], run.history["val_accuracy"][-1]
        cells = "".join(f"{losses[epoch]:>{w}.3f}" for epoch, w in ((0, 16), (9, 8), (29, 8)))
        print(f"  {name:<24}{cells}{accuracy:>22.1%}")
    print("Guessing gets half right. Pretraining without labels made the network trainable.")


def filters(weight: np.ndarray, count: int = 24) -> str:
    """The units of a layer with the largest weights (D, H), drawn as images."""
    largest = np.argsort(-np.linalg.norm(weight, axis=0))[:count]
    title = "Weights of the first layer"
    cells = [
        cell
        for index, unit in enumerate(largest)
        for cell in image(weight[:, unit] / np.abs(weight).max(), *divmod(index, 8))
    ]
    text = f"{count} images of {SIDE} by {SIDE} weights, made of horizontal and vertical bars."
    top = canvas.below_title(title) + 8
    return canvas.chart(title, text, canvas.moved(top, *cells), height=top + 75 * count / 8)


def image(values: np.ndarray, row: int, column: int) -> list[Markup]:
    """One image at a row and column of the grid; weights near 0 are left out."""
    return [
        tag(
            "rect",
            x=75.0 * column + 8 * (i % SIDE),
            y=75.0 * row + 8 * (i // SIDE),
            width=8,
            height=8,
            fill=f"var(--{'series-1' if value > 0 else 'series-2'})",
            fill_opacity=f"{min(1.0, 1.5 * abs(value)):.2f}",
        )
        for i, value in enumerate(values)
        if abs(value) > 0.05
    ]


def main(picture: str | None = None) -> None:
    X, _ = bars(2000, seed=0)
    pretrained = {name: pretrain(name, X) for name in METHODS}
    nets = {RANDOM: network(X), **{name: result.net for name, result in pretrained.items()}}
    first = nets["Boltzmann machines"].weights["0.weight"].copy()
    print_start(nets, X)
    print_layers(pretrained)
    shares = ", ".join(f"{share_in_bars(net.weights['0.weight']):.0%}" for net in nets.values())
    print(f"The share of the first layer's weights that lies in whole bars: {shares}.")
    runs = {name: train(net) for name, net in nets.items()}
    print_learning(runs)

    epochs = np.arange(1, EPOCHS + 1)
    losses = {name: (epochs, run.history["loss"]) for name, run in runs.items()}
    drawing.write(
        picture,
        "Layer-wise pretraining",
        (
            filters(first),
            "Each square is a unit. It detects bars, which it discovered without labels.",
        ),
        (
            line_chart(losses, title="Learning", x_label="epoch", y_label="loss"),
            "From a random start the loss does not move; pretrained, the same network learns.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
