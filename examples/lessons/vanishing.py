"""Vanishing and exploding gradients: how much reaches the first layers, and the remedies.

Backpropagation through a layer multiplies the gradient by the weights and by the units' slopes. The
slope of a sigmoid is at most 1/4, so ten layers leave almost nothing; weights that are too large
make activations and gradients grow from layer to layer instead. Units with slope 1 (ReLU), matching
initializers and batch normalization preserve its size; clipping and weight decay limit it.
Give a path as the first argument to draw the charts.
"""

import sys
import warnings

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

LAYERS, UNITS, EPOCHS = 10, 16, 60
EXPLODING = "relu, initial spread 0.7"
NETWORKS = {
    "sigmoid, initial spread 0.25": ("sigmoid", tw.Normal(0.25), False),
    "sigmoid, batch norm": ("sigmoid", tw.Normal(0.25), True),
    "tanh, Glorot initializer": ("tanh", tw.Glorot(), False),
    "relu, He initializer": ("relu", tw.He(), False),
    EXPLODING: ("relu", tw.Normal(0.7), False),
}
REMEDIES: dict[str, dict[str, float]] = {
    "none": {},
    "clip the gradient to 1": {"clip_norm": 1.0},
    "weight decay 0.1": {"weight_decay": 0.1},
    "both": {"clip_norm": 1.0, "weight_decay": 0.1},
}


def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    X = random.normal(size=(256, UNITS))
    return X, np.tanh(X[:, 0] * X[:, 1]) + np.sin(X[:, 2])


def network(name: str) -> tw.Sequential:
    activation, init, normalizes = NETWORKS[name]
    layers: list[object] = []
    for _ in range(LAYERS):
        layers.append(tw.Dense(UNITS, bias=False, init=init))
        layers += [tw.BatchNorm()] * normalizes + [activation]
    return tw.Sequential(*layers, tw.Dense(1), dtype="float64")


def gradient_norms(run: tw.Run, step: int = 0) -> np.ndarray:
    """The norm of the gradient of each layer's weights, from the first layer to the last."""
    names = [name for name in run.net.weights if name.endswith(".weight")]
    return np.array([run.watched[f"{name}/gradient_norm"][step] for name in names])


def train(name: str, **settings: float) -> tw.Run:
    X, y = rows()
    return tw.fit(
        network(name),
        X,
        y,
        optimizer=tw.SGD(**{"lr": 0.05, **settings}),
        epochs=EPOCHS,
        batch_size=64,
        watch=["gradient_norm", "0.weight/update_ratio", "step"],
        seed=0,
    )


def print_norms(runs: dict[str, tw.Run]) -> None:
    print(f"Norm of the gradient by layer in the first step, {LAYERS} hidden layers")
    print(f"  {'layer':<33}{'1':>9}{'4':>9}{'7':>9}{'10':>9}{'11':>9}")
    for name, run in runs.items():
        norms = gradient_norms(run)[[0, 3, 6, 9, 10]]
        print(f"  {name:<33}" + "".join(f"{norm:>9.1e}" for norm in norms))


def print_losses(runs: dict[str, tw.Run]) -> None:
    print("\nLoss in the first and the last of 60 epochs of plain SGD, alpha 0.05")
    for name, run in runs.items():
        losses = run.history["loss"]
        ends = f"{losses[0]:.4f} -> {losses[-1]:.4f}" if len(losses) else "no epoch is finite"
        print(f"  {name:<33}{ends}")


def print_remedies(runs: dict[str, tw.Run]) -> None:
    print(f"\nRemedies for the exploding network ({EXPLODING})")
    print(f"  {'remedy':<29}{'first update':>13}{'loss in epoch 1':>17}{'10':>9}{'60':>10}")
    for name, run in runs.items():
        update = run.watched["0.weight/update_ratio"][0]
        losses = np.full(EPOCHS, np.nan)
        losses[: run.epochs] = run.history["loss"][:EPOCHS]
        columns = ((0, 17), (9, 9), (59, 10))
        cells = "".join(f"{losses[epoch]:>{width}.2g}" for epoch, width in columns)
        print(f"  {name:<29}{update:>13.1e}{cells}")
    print("(The first update is relative to the weights; nan means no longer finite.)")
    print("Clipping bounds the step and saves the run. Weight decay shrinks the weights,")
    print("and with them the gradients. A good initializer needs neither.")


def main(picture: str | None = None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)  # that a run exploded is the lesson
        runs = {name: train(name) for name in NETWORKS}
        remedies = {name: train(EXPLODING, **settings) for name, settings in REMEDIES.items()}
    print_norms(runs)
    print("Sigmoids pass on less and less: the gradient of layer 1 is a million times")
    print("smaller than that of layer 11. With large weights all gradients are huge.")
    print_losses(runs)
    print_remedies(remedies)

    layers = np.arange(1, LAYERS + 2)
    chosen = [name for name in NETWORKS if name != "tanh, Glorot initializer"]
    norms = {name: (layers, gradient_norms(runs[name])) for name in chosen}
    losses = {name: (np.arange(1, EPOCHS + 1), runs[name].history["loss"]) for name in chosen[:3]}
    drawing.write(
        picture,
        "Vanishing and exploding gradients",
        (
            line_chart(norms, title="Gradient norm by layer", x_label="layer", y_label="norm"),
            "Falling to the left: vanishing. At the top: exploding. Near 1: every layer learns.",
        ),
        (
            line_chart(losses, title="Learning", x_label="epoch", y_label="loss"),
            "If no gradient reaches the first layers, the network learns only the mean.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
