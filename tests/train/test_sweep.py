"""`sweep`: each run equals that of `fit`, and what runs share is made once."""

import signal
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import talweg as tw
from talweg.train.run.job import Job

RANDOM = np.random.default_rng(0)
N = 24
X = RANDOM.normal(size=(N, 3))
Y = np.tanh(X @ [1.0, -2.0, 0.5])
CLASSES = (Y > 0).astype(int)
ENGINES = ["native", "numpy"]
ROUNDING = 1e-12
QUIET = {"epochs": 4, "batch_size": 8, "progress": False}


def build(hidden: int = 4, activation: str = "tanh") -> tw.Sequential:
    return tw.Sequential(tw.Dense(hidden, activation), tw.Dense(1), dtype="float64")


def assert_same(one: tw.Run, two: tw.Run, rounding: float = 0) -> None:
    """Two runs are one to the last bit, but for times and the threads that they might take; where
    runs are replicas, but for rounding.
    """
    near = {"rtol": rounding, "atol": rounding}
    assert_allclose(one.net.weights.flat, two.net.weights.flat, **near)
    for records in ("history", "watched", "direction_changes"):
        ours, theirs = getattr(one, records), getattr(two, records)
        assert list(ours) == list(theirs)
        for name, values in ours.items():
            assert_allclose(values, theirs[name], **near)
    for name in (
        "stopped_by",
        "stop_reason",
        "best_epoch",
        "weights_taken",
        "epochs",
        "steps",
        "failure",
    ):
        assert getattr(one, name) == getattr(two, name), name
    apart = {"threads", "progress"}
    settings = [{n: v for n, v in run.settings.items() if n not in apart} for run in (one, two)]
    assert settings[0] == settings[1]


# As `fit` -----------------------------------------------------------------------------------------

STOPS = [tw.EarlyStopping(2), tw.TargetLoss(0.05)]
# what is swept, the settings of all, what of a point goes to `build`, how many programs it takes
SWEEPS = {
    "rates": ({"lr": [0.001, 0.1, 0.5]}, {"optimizer": "sgd"}, (), 1),
    "seeds": ({"seed": range(3)}, {}, (), 1),
    "seeds and rates": ({"seed": [1, 2], "lr": [0.01, 0.1]}, {"batch_size": 5}, (), 1),
    "epochs": ({"epochs": [1, 5, 3]}, {}, (), 1),
    "a share to validate on": ({"seed": range(3), "lr": [0.1, 0.01]}, {"validation": 0.25}, (), 1),
    "stopping": (
        {"lr": [0.3, 0.01], "seed": [5, 6]},
        {"validation": 0.25, "stop": STOPS, "epochs": 30, "batch_size": 4},
        (), 1,
    ),
    "stops": ({"stop": [None, tw.TargetLoss(0.4), [tw.MaxEpochs(2)]]}, {"epochs": 9}, (), 3),
    "shuffled or not": ({"shuffle": [True, False], "seed": [1, 2]}, {}, (), 1),
    "keep": ({"restore_best": [True, False]}, {"epochs": 9, "optimizer": tw.SGD(lr=1.0)}, (), 2),
    "hidden units": ({"hidden": [2, 3], "lr": [0.1, 0.2]}, {}, ("hidden",), 2),
    "activations": ({"activation": ["tanh", "relu"]}, {"metrics": "mae"}, ("activation",), 2),
    "a net's array": ({"hidden": np.array([2, 3])}, {}, ("hidden",), 2),
    "batches": ({"batch_size": [1, 5, None]}, {}, (), 3),
    "losses": ({"loss": ["mse", "mae", tw.huber]}, {}, (), 3),
    "momentum or none": (
        {"momentum": [0.0, 0.5, 0.9], "lr": [0.1, 0.01]}, {"optimizer": tw.SGD(lr=1.0)}, (), 2,
    ),
    "optimisers": ({"optimizer": ["adam", tw.SGD(lr=0.1)], "lr": [0.1, 0.2]}, {}, (), 2),
    "weighed classes": (
        {"seed": [2, 3, 5]},
        {"class_weight": {0: 0, 1: 2}, "loss": "binary_cross_entropy", "validation": 0.25,
         "batch_size": None},
        (), 1,
    ),
    "weighed rows": ({"lr": [0.1, 0.2]}, {"sample_weight": np.arange(N)}, (), 1),
    "validated or not": (
        {"validation": [None, (X, Y)]}, {"restore_best": True, "stop": STOPS[1]}, (), 2,
    ),
    "watched": ({"watch": [None, "epoch", "step"], "lr": [0.1, 0.2]}, {}, (), 3),
    "nothing": ({}, {}, (), 1),
}  # fmt: skip


@pytest.mark.quick(
    "*-numpy", "seeds-native", "optimisers-native", "hidden units-native", "stopping-native"
)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SWEEPS)
def test_each_run_equals_that_of_fit(name: str, engine: str) -> None:
    over, settings, to_build, programs = SWEEPS[name]
    settings = {**QUIET, **settings, "engine": engine}
    target = CLASSES if "class_weight" in settings else Y
    sweep = tw.sweep(build, X, target, over=over, threads=2, **settings)
    assert len(sweep.runs) == len(sweep.points) == np.prod([len(each) for each in over.values()])
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        net = build(**{each: point[each] for each in to_build})
        alone = tw.fit(net, X, target, **fit_settings(point, settings, to_build))
        assert_same(run, alone, ROUNDING if name == "momentum or none" else 0)  # four with some
    if programs:
        assert sweep.programs == (programs if engine == "native" else 0)


def fit_settings(point, settings, to_build) -> dict:
    """What `fit` is given for a point: settings of the optimiser are put into it, and a share held
    out is drawn by the seed of the sweep.
    """
    given = {**settings, **{name: v for name, v in point.items() if name not in to_build}}
    if isinstance(given.get("validation"), float):
        given["validation"] = tw.Holdout(given["validation"], settings.get("seed", 0))
    of_rule = {name: given.pop(name) for name in ("lr", "momentum") if name in given}
    if of_rule:
        kinds = {"sgd": tw.SGD, "adam": tw.Adam}
        rule = given.get("optimizer", "adam")
        kind = kinds[rule] if isinstance(rule, str) else type(rule)
        given["optimizer"] = kind(**of_rule)
    return given


def test_points_are_all_combinations_in_order() -> None:
    over = {"lr": np.array([0.1, 0.2]), "hidden": [3, 2]}
    points = tw.sweep(build, X, Y, over=over, **QUIET).points
    assert points == [
        {"lr": 0.1, "hidden": 3},
        {"lr": 0.1, "hidden": 2},
        {"lr": 0.2, "hidden": 3},
        {"lr": 0.2, "hidden": 2},
    ]
    assert {type(value) for point in points for value in point.values()} == {float, int}


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_no_bit(threads: int) -> None:
    over = {"seed": range(4), "hidden": [3, 40]}
    one, many = (tw.sweep(build, X, Y, over=over, threads=n, **QUIET) for n in (2, threads))
    for ours, theirs in zip(one.runs, many.runs, strict=True):
        assert_same(ours, theirs)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_data_is_converted_to_the_dtype_of_each_network(dtype: str) -> None:
    def of_dtype(dtype: str) -> tw.Sequential:
        return tw.Sequential(tw.Dense(1), dtype=dtype)

    sweep = tw.sweep(of_dtype, X.tolist(), Y.tolist(), over={"dtype": [dtype, "float32"]}, **QUIET)
    for run, each in zip(sweep.runs, [dtype, "float32"], strict=True):
        assert_same(run, tw.fit(of_dtype(each), X, Y, **QUIET))


# What goes where ----------------------------------------------------------------------------------


def test_the_seed_goes_to_the_run_and_to_a_build_that_takes_one() -> None:
    def drawn(seed: int) -> tw.Sequential:
        net = tw.Sequential(tw.Dense(1), dtype="float64")
        net.weights = {"0.weight": np.full((3, 1), seed / 10)}
        return net

    sweep = tw.sweep(drawn, X, Y, over={"seed": [3, 4]}, **QUIET)
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        assert_same(run, tw.fit(drawn(**point), X, Y, **point, **QUIET))
    assert sweep.programs == 1
    given = tw.sweep(drawn, X, Y, over={"lr": [0.001]}, seed=4, **QUIET).runs[0]
    assert_same(given, sweep.runs[1])


@pytest.mark.parametrize("own", [{}, {"seed": 9}])
def test_the_default_seed_does_not_replace_that_of_build(own) -> None:
    def drawn(seed: int = 7) -> tw.Sequential:
        seen.append(seed)
        return build()

    seen: list[int] = []
    tw.sweep(drawn, X, Y, over={"lr": [0.1]}, **own, **QUIET)
    assert seen == [own.get("seed", 7)]


def test_an_argument_of_build_is_not_a_setting_of_the_run() -> None:
    def narrow(lr: int, epochs: int, **others: int) -> tw.Sequential:
        seen.append((lr, epochs, others))
        return build(hidden=lr)

    seen: list[tuple[int, int, dict]] = []
    over = {"lr": [1, 2], "momentum": [0.5], "width": [9], "epochs": [7]}
    sweep = tw.sweep(narrow, X, Y, over=over, optimizer="sgd", **QUIET)
    assert seen == [(1, 7, {"width": 9}), (2, 7, {"width": 9})]
    assert [run.epochs for run in sweep.runs] == [QUIET["epochs"]] * 2
    assert [run.net.weights.flat.size for run in sweep.runs] == [6, 11]
    assert all("momentum=0.5" in run.settings["optimizer"] for run in sweep.runs)
    assert all("lr=0.01" in run.settings["optimizer"] for run in sweep.runs)


class Projected(tw.Module):
    """A net with a constant of its own, that a shared program must not mistake for another's."""

    dtype = "float64"

    def __init__(self, factors: np.ndarray) -> None:
        self._factors, self.out = factors, tw.Dense(1)

    def __call__(self, x: tw.Tensor) -> tw.Tensor:
        return self.out(x * self._factors)


@pytest.mark.parametrize("takes_seed", [True, False])
def test_networks_with_different_constants_have_different_programs(takes_seed: bool) -> None:
    drawn = np.random.default_rng(3)

    def with_seed(seed: int) -> Projected:
        return Projected(np.arange(3.0) + seed)

    def without() -> Projected:
        return Projected(drawn.normal(size=3))

    made = with_seed if takes_seed else without
    sweep = tw.sweep(made, X, Y, over={"seed": [1, 2, 1]}, **QUIET)
    for point, run in zip(sweep.points, sweep.runs, strict=True):
        assert_same(run, tw.fit(Projected(run.net._factors), X, Y, **point, **QUIET))
    assert sweep.programs == (2 if takes_seed else 3)


def test_networks_with_different_starts_share_a_program() -> None:
    def scaled(scale: float) -> tw.Sequential:
        return tw.Sequential(tw.Dense(1, init=tw.Normal(scale)))

    sweep = tw.sweep(scaled, X, Y, over={"scale": [0.1, 1.0], "seed": [1, 2]}, **QUIET)
    assert sweep.programs == 1
    assert len({run.net.weights.flat[0] for run in sweep.runs}) == 4


# Failures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_that_diverges_harms_no_other(engine: str) -> None:
    settings = {**QUIET, "optimizer": "sgd", "engine": engine, "epochs": 60}
    rates = [0.01, 1e30, 0.1, 1e31]
    with pytest.warns(tw.TrainingWarning, match=r"2 of 4 runs .*: lr=1e\+30; lr=1e\+31\.") as told:
        sweep = tw.sweep(build, X, Y, over={"lr": rates}, **settings)
    assert len(told) == 1 and told[0].filename == __file__
    assert [run.stopped_by for run in sweep.runs] == ["epochs", "non_finite"] * 2
    assert [run.failure is None for run in sweep.runs] == [True, False] * 2
    assert sweep.runs[1].failure.lr == 1e30
    for rate, run in zip(rates, sweep.runs, strict=True):
        if run.failure is None:
            alone = tw.fit(build(), X, Y, **{**settings, "optimizer": tw.SGD(lr=rate)})
            assert_same(run, alone, ROUNDING if engine == "native" else 0)
    assert sweep.best_point == {"lr": 0.1}


def test_no_run_is_the_best_if_all_fail() -> None:
    with pytest.warns(tw.TrainingWarning, match=r"5 of 5 .* lr=1e\+32; and 2 more\."):
        sweep = tw.sweep(
            build, X, Y, over={"lr": [1e30, 1e31, 1e32, 1e33, 1e34]}, optimizer="sgd", **QUIET
        )
    with pytest.raises(tw.DataError, match="no run has a loss to compare"):
        _ = sweep.best
    assert "*" not in str(sweep)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_error_within_a_run_ends_the_sweep_and_names_the_point(engine: str) -> None:
    class Refusing(tw.Stop):
        def init(self):
            raise ZeroDivisionError("this rule cannot begin")

        def __repr__(self) -> str:
            return "Refusing()"

    before = threading.active_count()
    settings = {**QUIET, "epochs": 10**7, "engine": engine, "threads": 2}
    stops = [None, Refusing()] if engine == "native" else [Refusing(), None]
    with pytest.raises(ZeroDivisionError) as raised:
        tw.sweep(build, X, Y, over={"seed": [5], "stop": stops}, **settings)
    (note,) = raised.value.__notes__
    assert note == "(sweep at seed=5, stop=Refusing())"
    for thread in threading.enumerate():
        if thread.name.startswith("talweg-"):
            thread.join(10)
    assert threading.active_count() <= before


# Ctrl-C -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("engine", "at_once"), [("native", 2), ("numpy", 1)])
def test_ctrl_c_keeps_the_runs_that_have_begun(engine: str, at_once: int, monkeypatch) -> None:
    def run(job: Job, *given) -> tw.Run:
        begun.append(job)
        if len(begun) == 3 + at_once:  # so three are done
            threading.Timer(0.05, signal.raise_signal, [signal.SIGINT]).start()
        return plain(job, *given)

    if threading.current_thread() is not threading.main_thread():
        pytest.skip("only the main thread receives signals")
    begun, plain = [], Job.run
    monkeypatch.setattr(Job, "run", run)
    before = signal.getsignal(signal.SIGINT)
    over = {"stop": [tw.MaxEpochs(1), None], "seed": range(3)}
    settings = {**QUIET, "epochs": 10**8, "engine": engine, "threads": 2}
    sweep = tw.sweep(build, X, Y, over=over, **settings)
    cut = ["interrupted"] * at_once
    assert [run.stopped_by for run in sweep.runs] == ["max_epochs"] * 3 + cut
    assert [point["seed"] for point in sweep.points] == [0, 1, 2, 0, 1][: 3 + at_once]
    assert [point["seed"] for point in sweep.left_out] == [0, 1, 2][at_once:]
    left_out = "1 run" if at_once == 2 else "2 runs"
    assert str(sweep).splitlines()[-1] == f"{left_out} not started before Ctrl-C"
    assert signal.getsignal(signal.SIGINT) is before
    assert all(np.isfinite(run.net.weights.flat).all() for run in sweep.runs)


def test_ctrl_c_does_not_wait_for_a_program_to_be_compiled(monkeypatch) -> None:
    def slow(*_):
        signal.raise_signal(signal.SIGINT)
        go_on.wait(20)
        compiled.set()
        return

    if threading.current_thread() is not threading.main_thread():
        pytest.skip("only the main thread receives signals")
    go_on, compiled = threading.Event(), threading.Event()
    monkeypatch.setattr("talweg.train.search.batching.Work.prepare", slow)
    sweep = tw.sweep(build, X, Y, over={"seed": range(3)}, **QUIET)
    assert not compiled.is_set()
    go_on.set()
    assert sweep.runs == [] and len(sweep.left_out) == 3
    assert str(sweep).startswith("0 runs in ")
    with pytest.raises(tw.DataError):
        _ = sweep.best


# What is left -------------------------------------------------------------------------------------


def test_the_best_run_has_the_lowest_loss_with_the_weights_it_kept() -> None:
    settings = {**QUIET, "optimizer": "sgd", "epochs": 40}
    trained = tw.sweep(build, X, Y, over={"lr": [1e-4, 0.3, 1e-3]}, **settings)
    assert trained.best is trained.runs[1] and trained.best_point == {"lr": 0.3}
    held = tw.sweep(build, X, Y, over={"seed": range(6)}, validation=0.25, **settings)
    least = [run.history["val_loss"][run.best_epoch - 1] for run in held.runs]
    assert held.best is held.runs[int(np.argmin(least))]
    assert_array_equal(held.table["val_loss"], least)


def test_the_table_has_a_column_for_each_name_and_measure() -> None:
    sweep = tw.sweep(
        build, X, Y, over={"hidden": [2, 3], "loss": ["mse", tw.mae]}, metrics="mae", **QUIET
    )
    names = ["hidden", "loss", "run_loss", "mae", "stopped_by", "epochs", "seconds"]
    assert list(sweep.table) == names and list(sweep.columns) == names
    assert type(sweep.columns) is dict
    assert sweep.table["hidden"].tolist() == [2, 2, 3, 3]
    assert sweep.table["stopped_by"].tolist() == ["epochs"] * 4
    assert_array_equal(sweep.table["mae"], [run.history["mae"][-1] for run in sweep.runs])
    assert sweep.table["mae"].dtype == float and sweep.table["hidden"].dtype.kind == "i"


def test_a_measure_that_a_run_lacks_is_nan_in_the_table() -> None:
    over = {"metrics": ["mae", ()], "validation": [None, (X, Y)]}
    sweep = tw.sweep(build, X, Y, over=over, **QUIET)
    assert np.isnan(sweep.table["mae"]).tolist() == [False, False, True, True]
    assert np.isnan(sweep.table["val_loss"]).tolist() == [True, False, True, False]
    assert sweep.best in (sweep.runs[1], sweep.runs[3])


def test_the_printed_table() -> None:
    settings = {**QUIET, "optimizer": "sgd", "epochs": 40}
    sweep = tw.sweep(build, X, Y, over={"hidden": [2], "lr": [0.3, 1e-4]}, **settings)
    head, best, other, *words = str(sweep).splitlines()
    assert head.split() == ["hidden", "lr", "loss", "stopped_by", "epochs", "seconds"]
    assert best.split()[:5] == ["*", "2", "0.3", f"{sweep.table['loss'][0]:.6g}", "epochs"]
    assert other.split()[:2] == ["2", "0.0001"] and other.startswith(" ")
    assert words[0] == "* has the lowest loss"
    assert words[1].startswith("2 runs in ") and words[1].endswith(" s to compile 1 program")
    assert str(sweep.table).splitlines() == [head, best, other]
    assert repr(sweep) == "<Sweep of 2 runs; print it for a table>"


def test_a_long_table_is_cut_in_the_middle_and_a_wide_one_at_80_characters() -> None:
    over = {"seed": range(60), "loss": [lambda_with_a_name_that_is_much_longer_than_a_column]}
    names = ["mse", "mae", "sse", "huber", "half_sse"]
    sweep = tw.sweep(build, X, Y, over=over, metrics=names, epochs=1, progress=False)
    lines = str(sweep).splitlines()
    assert len(lines) == 1 + 20 + 1 + 20 + 2
    assert lines[21].split()[0] == "..."
    assert max(map(len, lines)) <= 80
    assert sum("lambda_with_a_name" in line for line in lines) == 40


def lambda_with_a_name_that_is_much_longer_than_a_column(prediction, target):
    return tw.mean((prediction - target) ** 2, 1)


@pytest.mark.slow  # to import them
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_data_frame_takes_the_columns(library: str) -> None:
    frames = pytest.importorskip(library)
    over = {"hidden": [2, 3], "activation": ["tanh"]}
    sweep = tw.sweep(build, X, Y, over=over, halving=tw.SuccessiveHalving(2), **QUIET)
    for columns in (sweep.columns, sweep.table):
        frame = frames.DataFrame(columns)
        assert frame.shape == (2, len(sweep.columns))
        assert list(frame["hidden"]) == [2, 3] and sorted(frame["rung"]) == [1, 2]


def test_times_and_programs() -> None:
    sweep = tw.sweep(build, X, Y, over={"hidden": [2, 3], "seed": [1, 2]}, **QUIET)
    assert sweep.programs == 2 and sweep.left_out == []
    assert 0 < sweep.compile_seconds <= sum(run.compile_seconds for run in sweep.runs)
    assert sweep.seconds > max(run.seconds for run in sweep.runs)
