"""The lessons print true numbers within 80 columns, and draw well-formed pages."""

import ast
import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import talweg as tw

LESSONS = Path(__file__).parents[2] / "examples" / "lessons"
TOOLS = {"drawing", "book_networks"}
NAMES = sorted(file.stem for file in LESSONS.glob("*.py") if file.stem not in TOOLS)
TESTS = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
RUN = set(re.findall(r'lesson\("(\w+)"\)', TESTS))
QUICK = {"streetlights"}  # the others take over a second
MARKED = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in NAMES
    if name not in RUN
]


@pytest.mark.parametrize("name", MARKED)
def test_a_lesson_without_other_tests_prints_and_draws(lesson, name: str) -> None:
    """The fixture runs the lesson and checks it with `conftest.assert_sound`."""
    assert lesson(name).printed


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_is_short_and_says_what_it_teaches(name: str) -> None:
    text = (LESSONS / f"{name}.py").read_text()
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring and 5 <= len(docstring.splitlines()) <= 8  # a title, a blank line, the lesson
    assert len(text.splitlines()) <= 165


def test_the_readme_lists_every_lesson_once() -> None:
    listed = re.findall(r"^\| `(\w+)\.py`", (LESSONS / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == NAMES


def test_without_a_path_nothing_is_drawn(lesson, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    lesson("slopes").names["main"]()
    assert list(tmp_path.iterdir()) == [] and "The picture" not in capsys.readouterr().out


def test_a_contour_of_a_bowl_is_a_circle(lesson) -> None:
    lesson("error_plane")  # puts the folder of the lessons on the path
    from drawing import contour

    grid = np.meshgrid(np.linspace(-2, 2, 81), np.linspace(-2, 2, 81))
    pieces = contour(*grid, grid[0] ** 2 + grid[1] ** 2, 1.0)
    assert_allclose(np.hypot(*pieces.reshape(-1, 2).T), 1, atol=2e-3)
    lengths = np.hypot(*(pieces[:, 1] - pieces[:, 0]).T)
    assert_allclose(lengths.sum(), 2 * np.pi, rtol=1e-3)


# The numbers --------------------------------------------------------------------------------------


def test_slopes(lesson) -> None:
    result, steps = lesson("slopes"), np.arange(21)
    roll, naive, simple = (result.names[name] for name in ("roll", "Naive", "Oversimplified"))
    bucket, steep = result.names["bucket"], result.names["steep_bucket"]
    assert roll(bucket, naive(lr=1.0), 2.5, 5).tolist() == [2.5, 1.5, 0.5, -0.5, 0.5, -0.5]
    assert_allclose(roll(bucket, simple(), 2.5, 20), 2.5 * (-1.0) ** steps)
    assert_allclose(roll(steep, simple(), 2.5, 20), 2.5 * (-3.0) ** steps)
    assert_allclose(roll(steep, tw.SGD(lr=0.1), 2.5, 20), 2.5 * 0.6**steps)
    assert result.row("naive, step 1") == [2.5, 1.5, 0.5, -0.5, 0.5, 0.5]
    assert_allclose(result.row("improved, alpha 0.1")[-1], 2.5 * 0.6**20, rtol=1e-3)
    assert result.row("alpha 0.1")[-1] > 2 > 0.1 > abs(result.row("Adam, alpha 0.1")[-1])
    for start, height in (("5", 0.16), ("2", 0.16), ("-0.9", -1), ("-4", 0.16)):
        x, printed = result.row(f"from {start}", after="Local minima")
        assert_allclose([x / 4 + 2 * np.sin(2 * x), printed], [0, height], atol=5e-3)


ERRORS = {  # alpha: mean |error| before step 50,000 with 4 and with 32 hidden units, as published
    "0.001": (0.485977857846, 0.458029258565),
    "0.01": (0.0985964298089, 0.0529658087026),
    "0.1": (0.0130144905381, 0.0108421669738),
    "1": (0.00351012256786, 0.00299625684932),
    "10": (0.00131274062834, 0.000942641990774),
    "100": (0.125206352756, 0.5),
    "1000": (0.5, 0.5),
}
# direction changes of all 16 weights, by alpha
CHANGES = {"0.001": 6, "0.01": 18, "0.1": 18, "1": 18, "10": 192, "100": 142}


@pytest.mark.slow
def test_hidden_sizes(lesson) -> None:
    result = lesson("hidden_sizes")
    for column, hidden in enumerate(("4 hidden units:", "32 hidden units:")):
        for alpha, published in ERRORS.items():
            *_, error, changes = result.row(alpha, after=hidden)
            rtol = 1e-2 if (alpha, column) == ("10", 1) else 0
            assert_allclose(error, published[column], rtol=rtol, atol=6e-8)
            assert column or alpha not in CHANGES or abs(changes - CHANGES[alpha] / 16) < 6e-4
    printed = re.sub(" +", " ", result.printed)
    for row in ("7 19 2 6", "7 2 0 22", "19 26 9 17", "22 15 4 15"):
        assert f"\n {row} {row}\n" in printed  # the gradient's changes equal the weight's
    for row in ("3 2 4 1", "1 2 2 1", "6 6 4 1", "7 7 7 3"):
        assert f"\n {row} " in printed.partition("alpha 1000")[2]


@pytest.mark.slow
def test_buckets(lesson) -> None:
    result = lesson("buckets")
    height = result.names["height"]
    x = np.linspace(-5, 5, 100_001)
    rises = np.diff(height(x)) > 0
    bottoms = x[1:-1][~rises[:-1] & rises[1:]]
    peaks = x[1:-1][rises[:-1] & ~rises[1:]]
    assert len(bottoms) == 5
    sweep = result.names["roll_all"]()
    starts = np.array([run.history["position"][0] for run in sweep.runs])
    ends = np.array([run.net.weights.flat[0] for run in sweep.runs])
    basins = np.searchsorted(peaks, starts)
    assert_allclose(ends, bottoms[basins], atol=2e-4)
    for bottom, count in zip(bottoms, np.bincount(basins), strict=True):
        assert result.row(f"{bottom:.3f}")[1] == count
    assert_allclose(sweep.best.net.weights.flat, bottoms[np.argmin(height(bottoms))], atol=2e-4)
    assert f"found by {np.mean(basins == 3):.0%} of the starts" in result.printed
    assert len(sweep.minima) == 5
    for minimum in sweep.minima:
        assert len({*basins[minimum.indices]}) == 1
    nets = result.names["restart_net"]()
    losses = np.array([run.history["loss"][-1] for run in nets.runs])
    spread = [float(np.quantile(losses, share)) for share in (0.1, 0.5, 0.9, 1)]
    printed = result.row("100 starts:")
    assert_allclose([printed[column] for column in (1, 2, 4, 5)], spread, rtol=1e-3)
    solved = int(re.search(r"(\d+)% of the starts were solved", result.printed)[1])
    assert solved == round(100 * np.mean(losses < 0.01)) and 30 < solved < 90
    best, *stuck = [
        minimum.run.net.predict([[0, 0], [0, 1], [1, 0], [1, 1]]) for minimum in nets.minima
    ]
    assert np.abs(best.ravel() - [0, 1, 1, 0]).max() < 0.05
    assert stuck and all(np.abs(outputs.ravel() - [0, 1, 1, 0]).max() > 0.4 for outputs in stuck)
    assert "100 times as 1 program" in result.printed


def test_error_plane(lesson) -> None:
    result = lesson("error_plane")
    X, y = result.names["rows"]()
    bend = 2 * X.T @ X / len(X)
    bottom, start = np.linalg.solve(bend, 2 * X.T @ y / len(X)), result.names["START"]
    path, losses = result.names["descend"](X, y, 0.1)
    powers = [np.linalg.matrix_power(np.eye(2) - 0.1 * bend, step) for step in range(26)]
    assert_allclose(path, [bottom + power @ (start - bottom) for power in powers], rtol=1e-9)
    assert_allclose(losses, [np.mean((X @ w - y) ** 2) for w in path[:-1]], rtol=1e-9)
    rows = {name: result.row(f"{name},") for name in ("small", "good", "too large")}
    low, high = np.linalg.eigvalsh(bend)
    for row, alpha in zip(rows.values(), (0.1 / high, 2 / (low + high), 2.08 / high), strict=True):
        powers = [np.linalg.matrix_power(np.eye(2) - alpha * bend, step) for step in (0, 5, 25)]
        above = [
            ((power @ (start - bottom)) @ bend @ (power @ (start - bottom))) / 2 for power in powers
        ]
        assert_allclose(row[:4], [alpha, *above], rtol=1e-3, atol=6e-4)
    ends = {name: row[3] for name, row in rows.items()}
    assert ends["good"] < 0.001 < 1 < ends["small"] < ends["too large"]
    along, across = rows["good"][4:]
    assert along == -across


@pytest.mark.slow
def test_batch_sizes(lesson) -> None:
    result = lesson("batch_sizes")
    X, y = result.names["rows"]()
    gradients = result.names["row_gradients"](X, y)
    net = result.names["network"]().init(X, seed=0)
    loss = tw.mse(net(X), y)
    loss.backward()
    whole = np.concatenate([loss.find(name).grad.ravel() for name in net.weights])
    assert_allclose(gradients.mean(axis=0), whole, atol=1e-12)
    spread = np.sqrt(((gradients - whole) ** 2).sum(axis=1).mean())
    for size in result.names["SIZES"]:
        measured, expected, variance = result.row(str(size))
        assert_allclose([measured, expected], spread / np.sqrt(size), rtol=0.1)
        assert_allclose(variance, measured**2, rtol=1e-2)
    ends = {name: result.row(name, after="Loss over") for name in result.names["METHODS"]}
    assert [row[2] for row in ends.values()] == [512 * 40, 16 * 40, 40]
    losses = [row[5] for row in ends.values()]
    assert losses[0] < 0.03 and losses[1] < 0.03 < 0.1 < losses[2]


@pytest.mark.slow
def test_race(lesson) -> None:
    result = lesson("race")
    names = result.names
    with pytest.warns(tw.TrainingWarning, match="stopped being finite: lr=0.0256"):
        sweep = names["on_valley"](tw.SGD())
    x, path = names["START"][0].copy(), []
    for _ in range(names["STEPS"] + 1):
        path.append(x.copy())
        gap = x[1] - x[0] ** 2
        x -= sweep.best_point["lr"] * np.array([-2 * (1 - x[0]) - 40 * gap * x[0], 20 * gap])
    assert_allclose(names["path"](sweep.best), path, rtol=1e-7)


@pytest.mark.slow
def test_the_table_of_the_race(lesson) -> None:
    result = lesson("race")
    heights = {name: result.row(name)[1] for name in result.names["OPTIMIZERS"]}
    assert min(heights, key=heights.__getitem__) in ("momentum", "Nesterov", "Adam")
    assert max(heights["momentum"], heights["Nesterov"], heights["Adam"]) < 1e-6
    assert heights["SGD"] > 1e-3
    for name in heights:
        _, first, third, last, near = result.row(name, after="On a 7-16-1")
        assert first > third and last < 0.45 and 1 <= near <= 8


@pytest.mark.slow
def test_racing_methods(lesson) -> None:
    result = lesson("racing_methods")
    names = result.names
    valley = names["valley"]()
    x, y = np.random.default_rng(0).normal(size=2)
    heights = valley.loss(tw.constant(np.array([[x, y]] * 2)), valley.y).value
    assert_allclose(heights.mean(), (1 - x) ** 2 + 10 * (y - x**2) ** 2)
    ends = {name: result.row(name)[-3:] for name in names["METHODS"]}
    assert max(ends["BFGS"][1], ends["L-BFGS"][1]) < 1e-12 < 1e-5 < ends["momentum"][1]
    assert ends["annealing"][2] < 0.01 and ends["SGD"][2] > 1e-3
    losses = {name: result.row(name, after="On a 7-16-1")[-3:] for name in names["METHODS"]}
    assert losses.pop("annealing")[2] > 0.9
    assert all(last < 0.4 and last < first for first, _, last in losses.values())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::talweg.TrainingWarning")  # the largest rates diverge
def test_beyond_sgd(lesson) -> None:
    """Each method has a problem on which it beats plain SGD with the same budget."""
    result = lesson("beyond_sgd")
    factors = {"rare rows": 2, "many minima": 1e5, "one long valley": 1e3, "bad starts": 1e4}
    for name, problem in result.names["PROBLEMS"].items():
        compared = problem()
        sgd, other = compared.ends
        assert other * factors[name] < sgd
        assert_allclose(result.row(name)[1], sgd, rtol=1e-2)
        for passes, losses in (compared.sgd, compared.other):
            assert len(passes) == len(losses) and passes[-1] <= result.names["PASSES"][name]


@pytest.mark.slow
def test_approximation(lesson) -> None:
    result = lesson("approximation")
    rows = np.array([result.row(str(units)) for units in result.names["UNITS"]])
    assert_allclose(rows[:, 0], 3 * np.array(result.names["UNITS"]) + 1)
    best, median, worst = rows[:, 1:].T
    assert (best <= median).all() and (median <= worst).all()
    assert (best[1:4] < 0.6 * best[:3]).all() and best[0] > 0.2 and (best[4:] < 0.01).all()


@pytest.mark.slow
def test_recognition(lesson, tmp_path, capsys) -> None:
    result = lesson("recognition")
    rows = re.findall(r"^ +(\d+)% +([\d.]+)% +([\d.]+)%$", result.printed, re.MULTILINE)
    noise, network, nearest = np.array(rows, float).T
    assert_allclose(noise, 100 * np.array(result.names["NOISE"]))
    assert network[0] == nearest[0] == 100 and (np.diff(network) < 0).all()
    assert (network[1:] > nearest[1:] - 3).all()
    letters = result.names["LETTERS"]
    assert result.names["nearest"](letters).tolist() == list(range(len(letters)))
    digits = np.random.default_rng(0).integers(0, 10, 300)
    pixels = np.repeat(25 * digits[:, None], 784, axis=1)
    for part in ("train", "t10k"):
        for name, data, head in (("images-idx3", pixels, 16), ("labels-idx1", digits, 8)):
            with gzip.open(tmp_path / f"{part}-{name}-ubyte.gz", "wb") as file:
                file.write(bytes(head) + data.astype("uint8").tobytes())
    result.names["print_digits"](tmp_path)
    assert "of 300 test images" in capsys.readouterr().out


@pytest.mark.slow
def test_classification(lesson) -> None:
    result = lesson("classification")
    counts = np.array([result.row(name) for name in result.names["NAMES"]])
    assert counts.shape == (3, 3) and counts.sum() == 1177
    right = np.trace(counts) / counts.sum()
    assert 0.5 < right < 0.65 and f"{right:.1%} are right" in result.printed
    rows = re.findall(r"^ +(\d+)% +(\d+)% +(\d+)$", result.printed, re.MULTILINE)
    confidence, accuracy, count = np.array(rows, float).T
    # three standard deviations
    assert (np.abs(confidence - accuracy) < 300 / np.sqrt(count) / 2).all()


@pytest.mark.slow
def test_vanishing(lesson) -> None:
    result = lesson("vanishing")
    sigmoid = result.row("sigmoid, initial spread 0.25")
    assert (np.diff(sigmoid) > 0).all() and sigmoid[-1] > 1e5 * sigmoid[0]
    for cured in ("sigmoid, batch norm", "tanh, Glorot initializer", "relu, He initializer"):
        norms = result.row(cured)
        assert max(norms) < 20 * min(norms) and min(norms) > 0.1
        first, last = result.row(cured, after="Loss in the first")
        assert last < first / 2
    assert min(result.row(result.names["EXPLODING"])) > 1e4
    first, last = result.row("sigmoid, initial spread 0.25", after="Loss in the first")
    assert last > 0.9 * first
    cures = {
        name: result.row(name, after="exploding network")[1:] for name in result.names["REMEDIES"]
    }
    assert np.isnan(cures["none"]).all() and np.isnan(cures["weight decay 0.1"]).all()
    assert cures["both"][-1] < 2 < 10 < cures["clip the gradient to 1"][-1] < 1e5


@pytest.mark.slow
def test_early_stopping(lesson) -> None:
    result = lesson("early_stopping")
    share, x = result.names["nonlinearity"], np.linspace(-1, 1, 101)
    assert share(x, 3 * x - 1) < 1e-25 and share(x, x**2) == pytest.approx(1)
    rows = re.findall(r"^ +([\d,]+) +(\d\.\d+) +(\d\.\d+)( +<-)?", result.printed, re.MULTILINE)
    epochs = [int(row[0].replace(",", "")) for row in rows]
    assert epochs == sorted(epochs)
    shares, losses = (np.array([float(row[i]) for row in rows]) for i in (1, 2))
    (best,) = [index for index, row in enumerate(rows) if row[3]]
    assert 0 < best < len(rows) - 1 and losses[best] == losses.min() < 0.6 * losses[[0, -1]].min()
    assert shares[0] < 0.002 and shares[-1] > 0.5 and (np.diff(shares[1:]) > 0).all()


@pytest.mark.slow
def test_overfitting(lesson) -> None:
    """The plain network fits its training images best, and gets worse on test images."""
    result = lesson("overfitting")
    gaps = {}
    for name in ("plain", "dropout", "batches", "softmax"):
        training = result.row("training accuracy", after=f"{name}: epoch")
        test = result.row("test accuracy", after=f"{name}: epoch")
        assert test[-1] > 0.6 > 0.35 > test[0]
        gaps[name] = training[-1] - test[-1]
        assert name != "plain" or test[-1] < max(test) - 0.03
    assert max(gaps, key=gaps.__getitem__) == "plain" and min(gaps.values()) > 0.05


@pytest.mark.parametrize("name", ["dropout", "batches", "softmax"])
def test_one_batch_matches_the_books_code(lesson, name: str) -> None:
    """The masks, derivatives and updates of one batch, written as in the book."""
    lesson("circuits")  # puts the folder of the lessons on the path
    from book_networks import RECIPES, Reader

    recipe, random = RECIPES[name], np.random.default_rng(0)
    x, y, mask = random.random((100, 16)), np.eye(3)[np.arange(100) % 3], random.random((100, 100))
    mask = np.round(mask)
    net = Reader(recipe, 4, 4, 3)
    first, second = (random.normal(size=shape) / 10 for shape in net.shapes().values())
    net.weights = {"first": first, "second": second}
    settings = {"loss": "cross_entropy" if recipe.softmax else "half_sse", "batch_size": 100}
    rows = np.hstack([x, 2 * mask, y])[:, : None if name == "batches" else -3]
    tw.fit(net, rows, y, optimizer=tw.SGD(lr=recipe.alpha), epochs=1, **settings)
    layer = (np.tanh(x @ first) if recipe.softmax else np.maximum(x @ first, 0)) * mask * 2
    output = layer @ second
    if recipe.softmax:
        output = np.exp(output) / np.exp(output).sum(axis=1, keepdims=True)
    delta = (y - output) / (1 if name == "dropout" else 100)
    for _ in range(recipe.updates):
        back = delta @ second.T * mask * (1 - layer**2 if recipe.softmax else 1)
        second = second + recipe.alpha * layer.T @ delta
        first = first + recipe.alpha * x.T @ back
    assert_allclose(net.weights["first"], first, rtol=1e-10)
    assert_allclose(net.weights["second"], second, rtol=1e-10)


@pytest.mark.slow
def test_spiral(lesson) -> None:
    """Softmax alone separates by straight lines; the ground-truth tests check the numbers."""
    result = lesson("spiral")
    text = result.printed[result.printed.index("over the plane") :]
    rows = re.findall(r"^  ([.+#]{31})     ([.+#]{31})$", text, re.MULTILINE)
    assert len(rows) == 15
    softmax, net = (np.array([[*row] for row in side]) for side in zip(*rows, strict=True))
    changes = [(side[:, 1:] != side[:, :-1]).sum(axis=1) for side in (softmax, net)]
    assert max(changes[0]) <= 2 < max(changes[1])
    assert "49%" in result.printed and "98%" in result.printed


@pytest.mark.slow
def test_binary_addition(lesson) -> None:
    """The network adds all sums correctly; the ground-truth tests check the article's numbers."""
    result = lesson("binary_addition")
    assert "it now gets 100.00% right" in result.printed
    net = result.names["problem"]()[0].init(np.zeros((1, 8, 2)))
    right, carries = result.names["every_sum"](net)
    assert right.mean() < 0.05 and carries.mean() == 1 - 0.75**7
    numbers = np.arange(256)
    assert (result.names["number"](result.names["bits"](numbers)) == numbers).all()


@pytest.mark.slow
def test_dropout(lesson) -> None:
    result = lesson("dropout")
    plain, dropout, dropconnect = (result.row(kind) for kind in result.names["KINDS"])
    assert plain[0] < 0.001 and plain[1] > 1.05 * plain[2]
    for regularized in (dropout, dropconnect):
        assert regularized[0] > 0.05 and regularized[1] < 0.85 * plain[1]
