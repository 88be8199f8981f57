"""The numbers of the lessons on pretraining and compression, computed independently."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

METHODS = ("Boltzmann machines", "denoising autoencoders")


@pytest.mark.slow
def test_pretraining(lesson) -> None:
    result = lesson("pretraining")
    X, y = result.names["bars"](2000, seed=0)
    images = X.reshape(-1, 8, 8)
    assert ((images.all(2).sum(1) > images.all(1).sum(1)) == y[:, 0])[~images.all((1, 2))].all()
    net, h = result.names["network"](X), X
    for layer, spread in enumerate(result.row("a random start")):
        h = 1 / (1 + np.exp(-h @ net.weights[f"{layer}.weight"] - net.weights[f"{layer}.bias"]))
        assert_allclose(spread, h.std(axis=0).mean(), atol=6e-5)
    for name in METHODS:
        assert min(result.row(name)) > 0.2 > 100 * spread
        losses = result.row(name, after="Fine-tuning the whole")
        assert losses[0] > 0.6 and losses[1] < 0.3 and losses[2] < 0.05
    assert min(result.row("a random start", after="Fine-tuning the whole")) > 0.68
    starts = ("a random start", *METHODS)
    random, *prepared = (
        shares(result, start, after="Fine-tuning the whole")[0] for start in starts
    )
    assert random < 60 and min(prepared) > 90


@pytest.mark.slow
def test_the_weights_of_the_first_layer_turn_into_bars(lesson) -> None:
    """Computed by a least-squares fit of all single bars to each unit's weights."""
    result = lesson("pretraining")
    X, _ = result.names["bars"](2000, seed=0)
    single = np.concatenate([np.kron(np.eye(8), np.ones((1, 8))), np.tile(np.eye(8), 8)])
    (printed,) = re.findall(r"whole bars: (.*)", result.printed)
    percentages = [int(word) for word in re.findall(r"(\d+)%", printed)]
    nets = [
        result.names["network"](X),
        *(result.names["pretrain"](name, X).net for name in METHODS),
    ]
    for net, share in zip(nets, percentages, strict=True):
        weight = net.weights["0.weight"].astype(float)
        gaps = weight - single.T @ np.linalg.lstsq(single.T, weight, rcond=None)[0]
        assert_allclose(
            share, 100 - 100 * (gaps**2).sum() / weight.var(axis=0).sum() / 64, atol=0.6
        )
    assert percentages[0] < 40 and min(percentages[1:3]) > 95


@pytest.mark.slow
def test_compression(lesson) -> None:
    result = lesson("compression")
    rows, others = result.names["abalone"]()
    centre, scale = rows.mean(0), rows.std(0)
    X, T = (rows - centre) / scale, (others - centre) / scale
    _, axes = np.linalg.eigh(X.T @ X)
    for count, share in enumerate(shares(result, "principal components"), start=1):
        kept = axes[:, -count:]
        left = ((T - T @ kept @ kept.T) ** 2).sum(0) / ((T - T.mean(0)) ** 2).sum(0)
        assert_allclose(share, 100 * (1 - left).mean(), atol=0.06)
    components, linear, bent = (
        np.array(shares(result, name))
        for name in ("principal components", "autoencoder, linear", "autoencoder")
    )
    assert_allclose(linear, components, atol=0.2)
    assert (bent - components > [1.5, 1.5, 0.4]).all()
    assert (
        np.array(shares(result, "autoencoder", "Variance of each"))
        > shares(result, "principal components", "Variance of each")
    ).all()
    weights = result.row("measured", after="Mean whole")
    assert_allclose(weights[-1], 0)
    below = {name: result.row(name, after="Mean whole")[-1] for name in result.names["NAMES"]}
    assert below["principal components"] > 30 > 5 > below["autoencoder"]
    assert result.row("principal components", after="Mean whole")[0] < -10


def shares(result, name: str, after: str = "") -> list[float]:
    """The percentages in the first line that starts with `name`, after the text `after`."""
    text = result.printed[result.printed.index(after) :]
    (line,) = [line for line in text.splitlines() if line.strip().startswith(f"{name}  ")][:1]
    return [float(word[:-1]) for word in line.split() if word.endswith("%")]
