"""Vanishing and exploding gradients: what reaches the first layers of a deep net, and the cures.

Going back through a layer multiplies the gradient by its weights and by the slopes of its units.
A sigmoid's slope is at most 1/4, so ten layers leave next to nothing; weights that are too large
make activations and gradients larger from layer to layer instead. Units with slope 1 (ReLU),
starts that suit them and batch normalisation keep its size; clipping and weight decay hold it
down. A path as first argument gets the picture.
"""

import sys
import warnings

import drawing
import numpy as np

import talweg as tw
from talweg.draw import line_chart

LAYERS, UNITS, EPOCHS = 10, 16, 60
EXPLODING = "relu, weights of spread 0.7"
NETS = {
    "sigmoid, weights of spread 0.25": ("sigmoid", tw.Normal(0.25), False),
    "sigmoid, batch normalisation": ("sigmoid", tw.Normal(0.25), True),
    "tanh, Glorot's start": ("tanh", tw.Glorot(), False),
    "relu, He's start": ("relu", tw.He(), False),
    EXPLODING: ("relu", tw.Normal(0.7), False),
}
CURES: dict[str, dict[str, float]] = {
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
    kind, start, normalises = NETS[name]
    layers: list[object] = []
    for _ in range(LAYERS):
        layers += [tw.Dense(UNITS, bias=False, init=start)] + [tw.BatchNorm()] * normalises + [kind]
    return tw.Sequential(*layers, tw.Dense(1), dtype="float64")


def gradient_norms(run: tw.Run, step: int = 0) -> np.ndarray:
    """How long the gradient of each layer's weights is, from the first layer to the last."""
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


def tell_start(runs: dict[str, tw.Run]) -> None:
    print(f"Length of the gradient by layer, first step, {LAYERS} hidden layers")
    print(f"  {'layer':<33}{'1':>9}{'4':>9}{'7':>9}{'10':>9}{'11':>9}")
    for name, run in runs.items():
        norms = gradient_norms(run)[[0, 3, 6, 9, 10]]
        print(f"  {name:<33}" + "".join(f"{norm:>9.1e}" for norm in norms))


def tell_learning(runs: dict[str, tw.Run]) -> None:
    print("\nLoss in the first and the last of 60 epochs of plain descent, alpha 0.05")
    for name, run in runs.items():
        losses = run.history["loss"]
        said = f"{losses[0]:.4f} -> {losses[-1]:.4f}" if len(losses) else "not one epoch is finite"
        print(f"  {name:<33}{said}")


def tell_cures(cures: dict[str, tw.Run]) -> None:
    print(f"\nThe exploding net again: {EXPLODING}")
    print(f"  {'cure':<29}{'first update':>13}{'loss in epoch 1':>17}{'10':>9}{'60':>10}")
    for name, run in cures.items():
        update = run.watched["0.weight/update_ratio"][0]
        losses = np.full(EPOCHS, np.nan)
        losses[: run.epochs] = run.history["loss"][:EPOCHS]
        told = "".join(f"{losses[at]:>{width}.2g}" for at, width in ((0, 17), (9, 9), (59, 10)))
        print(f"  {name:<29}{update:>13.1e}{told}")
    print("(The first update: as a multiple of the weights. nan: no longer finite.)")
    print("Clipping bounds the step and saves the run; weight decay makes the weights,")
    print("and with them the gradients, shorter; a good start needs neither.")


def main(picture: str | None = None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tw.TrainingWarning)  # that a run exploded is the lesson
        runs = {name: train(name) for name in NETS}
        cures = {name: train(EXPLODING, **settings) for name, settings in CURES.items()}
    tell_start(runs)
    print("Sigmoids hand on less and less: layer 1 hears a million times less than")
    print("layer 11. Weights that are too large make every gradient huge instead.")
    tell_learning(runs)
    tell_cures(cures)

    layers = np.arange(1, LAYERS + 2)
    chosen = [name for name in NETS if name != "tanh, Glorot's start"]
    norms = {name: (layers, gradient_norms(runs[name])) for name in chosen}
    losses = {name: (np.arange(1, EPOCHS + 1), runs[name].history["loss"]) for name in chosen[:3]}
    drawing.write(
        picture,
        "Vanishing and exploding gradients",
        (
            line_chart(norms, title="The gradient by layer", x_label="layer", y_label="length"),
            "Falling to the left: vanishing. At the top: exploding. Near 1: every layer learns.",
        ),
        (
            line_chart(losses, title="Learning", x_label="epoch", y_label="loss"),
            "Where the first layers hear nothing, the net only learns the mean.",
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
