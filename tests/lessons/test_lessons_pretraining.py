"""The lessons on pretraining and compression: that their numbers are so, computed another way."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

METHODS = ("Boltzmann machines", "denoising autoencoders")


@pytest.mark.slow
def test_pretraining(lesson) -> None:
    found = lesson("pretraining")
    X, y = found.names["bars"](2000, seed=0)
    images = X.reshape(-1, 8, 8)
    assert ((images.all(2).sum(1) > images.all(1).sum(1)) == y[:, 0])[~images.all((1, 2))].all()
    net, h = found.names["network"](X), X
    for place, told in enumerate(found.row("a random start")):
        h = 1 / (1 + np.exp(-h @ net.weights[f"{place}.weight"] - net.weights[f"{place}.bias"]))
        assert_allclose(told, h.std(axis=0).mean(), atol=6e-5)
    for name in METHODS:
        assert min(found.row(name)) > 0.2 > 100 * told
        losses = found.row(name, after="Then the whole")
        assert losses[0] > 0.6 and losses[1] < 0.3 and losses[2] < 0.05
    assert min(found.row("a random start", after="Then the whole")) > 0.68
    starts = ("a random start", *METHODS)
    random, *prepared = (shares(found, each, after="Then the whole")[0] for each in starts)
    assert random < 60 and min(prepared) > 90


@pytest.mark.slow
def test_the_first_layers_weights_turn_into_bars(lesson) -> None:
    """By a fit of all images of single bars to each unit's weights."""
    found = lesson("pretraining")
    X, _ = found.names["bars"](2000, seed=0)
    single = np.concatenate([np.kron(np.eye(8), np.ones((1, 8))), np.tile(np.eye(8), 8)])
    (printed,) = re.findall(r"whole bars: (.*)", found.printed)
    told = [int(word) for word in re.findall(r"(\d+)%", printed)]
    nets = [found.names["network"](X), *(found.names["prepared"](each, X).net for each in METHODS)]
    for net, share in zip(nets, told, strict=True):
        weight = net.weights["0.weight"].astype(float)
        gaps = weight - single.T @ np.linalg.lstsq(single.T, weight, rcond=None)[0]
        assert_allclose(
            share, 100 - 100 * (gaps**2).sum() / weight.var(axis=0).sum() / 64, atol=0.6
        )
    assert told[0] < 40 and min(told[1:3]) > 95


@pytest.mark.slow
def test_compression(lesson) -> None:
    found = lesson("compression")
    rows, others = found.names["abalone"]()
    centre, scale = rows.mean(0), rows.std(0)
    X, T = (rows - centre) / scale, (others - centre) / scale
    _, axes = np.linalg.eigh(X.T @ X)
    for count, told in enumerate(shares(found, "principal components"), start=1):
        kept = axes[:, -count:]
        left = ((T - T @ kept @ kept.T) ** 2).sum(0) / ((T - T.mean(0)) ** 2).sum(0)
        assert_allclose(told, 100 * (1 - left).mean(), atol=0.06)
    components, linear, bent = (
        np.array(shares(found, name))
        for name in ("principal components", "autoencoder, linear", "autoencoder")
    )
    assert_allclose(linear, components, atol=0.2)
    assert (bent - components > [1.5, 1.5, 0.4]).all()
    assert (
        np.array(shares(found, "autoencoder", "What a single"))
        > shares(found, "principal components", "What a single")
    ).all()
    weights = found.row("measured", after="Mean whole")
    assert_allclose(weights[-1], 0)
    below = {name: found.row(name, after="Mean whole")[-1] for name in found.names["NAMES"]}
    assert below["principal components"] > 30 > 5 > below["autoencoder"]
    assert found.row("principal components", after="Mean whole")[0] < -10


def shares(found, name: str, after: str = "") -> list[float]:
    """The percentages in a line, told by their sign."""
    text = found.printed[found.printed.index(after) :]
    (line,) = [each for each in text.splitlines() if each.strip().startswith(f"{name}  ")][:1]
    return [float(word[:-1]) for word in line.split() if word.endswith("%")]
