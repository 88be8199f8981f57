"""Runs that become non-finite or get Ctrl-C end and report why."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import talweg as tw
from talweg.errors import TrainingWarning

X = np.random.default_rng(0).normal(size=(20, 3))
Y = X.sum(axis=1)


def network(**settings) -> tw.Sequential:
    return tw.Sequential(tw.Dense(5, "relu"), tw.Dense(1), **settings).init(X, seed=1)


def diverging(lr: float, **settings) -> tw.Run:
    with pytest.warns(TrainingWarning):
        return tw.fit(network(), X, Y, optimizer=tw.SGD(lr=lr), epochs=100, **settings)


@pytest.mark.parametrize("lr", [1.0, 10.0, 1e4])
@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize("validation", [None, 0.2])
def test_a_learning_rate_that_is_too_large(lr: float, batch_size, validation) -> None:
    run = diverging(lr, batch_size=batch_size, validation=validation)
    failure = run.failure
    assert run.stopped_by == "non_finite" and run.stop_reason == failure.message
    assert failure.lr == lr and failure.gate
    steps_an_epoch = -(-(16 if validation else 20) // (batch_size or 20))
    assert failure.step == run.steps + 1
    assert failure.epoch == (failure.step - 1) // steps_an_epoch + 1
    assert np.isfinite(run.net.weights.flat).all()
    assert run.epochs == failure.epoch - 1
    for values in run.history.values():
        assert len(values) == run.epochs
    assert np.isfinite(run.history.get("loss", [])).all()
    assert f"epoch {failure.epoch}, step {failure.step} (lr {lr:g})" in failure.message
    assert f"Try a smaller learning rate (lr={lr / 10:g})" in failure.message


def test_the_weights_before_the_failed_step_are_kept() -> None:
    run = diverging(10.0, batch_size=None)
    again = tw.fit(network(), X, Y, optimizer=tw.SGD(lr=10.0), epochs=run.steps, batch_size=None)
    np.testing.assert_array_equal(run.net.weights.flat, again.net.weights.flat)


@pytest.mark.parametrize(
    ("layers", "loss", "gate", "layer"),
    [
        ([tw.Dense(1, tw.exp, init=1000.0)], "mse", "exp", "layer '0'"),
        ([tw.Dense(1, init=0.0), tw.Dense(1, tw.log, init=1.0)], "mse", "log", "layer '1'"),
        ([tw.Dense(1, tw.sqrt, init="zeros")], "mse", "divide", "in the gradient of layer '0'"),
        ([tw.Dense(1, init=1e200)], "sse", "multiply", "the loss"),
    ],
    ids=lambda each: str(each)[:30],
)
def test_the_gate_and_the_layer_that_made_the_first_nan(layers, loss, gate, layer) -> None:
    net = tw.Sequential(*layers, dtype="float64")
    with pytest.warns(TrainingWarning) as warned:
        run = tw.fit(net, [[1.0], [2.0]], [1.0, 1.0], loss=loss)
    assert (run.failure.epoch, run.failure.step, run.epochs) == (1, 1, 0)
    assert f"gate {gate} in " in run.failure.message and layer in run.failure.message
    assert run.failure.gate == gate
    assert str(warned[0].message) == run.failure.message
    assert warned[0].filename == __file__  # the user's line, not talweg's


def test_the_history_of_a_run_that_failed_at_once_is_empty() -> None:
    with pytest.warns(TrainingWarning):
        run = tw.fit(
            tw.Sequential(tw.Dense(1, tw.exp, init=1000.0)), [[1.0]], [1.0], metrics=["mae"]
        )
    assert {name: values.tolist() for name, values in run.history.items()} == {
        "loss": [],
        "mae": [],
    }
    assert run.best_epoch == 0


# Ctrl-C -------------------------------------------------------------------------------------------

ENDLESS = """
import signal, sys
import numpy as np, talweg as tw
from talweg.train.run import progress
progress._LINE_EVERY = 0.5
X = np.ones((64, 4))
net = tw.Sequential(tw.Dense(8, "tanh"), tw.Dense(1))
run = tw.fit(net, X, X[:, 0], epochs=10**9, batch_size=8, progress=True)
print(run.stopped_by, len(run.history["loss"]) == run.epochs, np.isfinite(net.weights.flat).all())
print(run.stop_reason)
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX does")
@pytest.mark.slow
def test_ctrl_c_ends_a_run_cleanly() -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDLESS], stdout=-1, stderr=-1, text=True)
    try:
        process.stderr.read(1)  # the progress bar is drawn, so the run is under way
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0 and "Traceback" not in errors
    state, why, restored = printed.splitlines()
    assert state == "interrupted True True"
    assert why.startswith("it was interrupted after ")
    assert restored == "True"


def test_ctrl_c_in_the_same_process() -> None:
    """The main thread receives the signal, whichever thread sends it."""
    before = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGINT])
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("only the main thread receives signals")
    timer.start()
    run = tw.fit(network(), X, Y, epochs=10**8)
    timer.join()
    assert run.stopped_by == "interrupted"
    assert signal.getsignal(signal.SIGINT) is before
    assert tw.fit(network(), X, Y, epochs=2).stopped_by == "epochs"


def test_an_uninterrupted_run_restores_the_signal_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    tw.fit(network(), X, Y, epochs=1)
    assert signal.getsignal(signal.SIGINT) is before


def test_two_simultaneous_runs_equal_separate_runs() -> None:
    def train(seed: int, found: dict[int, np.ndarray]) -> None:
        net = tw.Sequential(tw.Dense(5, "relu"), tw.Dense(1))
        found[seed] = tw.fit(net, X, Y, epochs=100, batch_size=4, seed=seed).net.predict(X)

    alone: dict[int, np.ndarray] = {}
    together: dict[int, np.ndarray] = {}
    for seed in range(3):
        train(seed, alone)
    threads = [threading.Thread(target=train, args=(seed, together)) for seed in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for seed in range(3):
        np.testing.assert_array_equal(alone[seed], together[seed])


# Blame --------------------------------------------------------------------------------------------


def test_non_finite_initial_weights_are_refused_by_name() -> None:
    net = tw.Sequential(tw.Dense(1)).init([[1.0]])
    net.weights["0.bias"][0] = np.nan
    with pytest.raises(tw.DataError, match=r"0\.bias holds NaN or infinity before the first step"):
        tw.fit(net, [[1.0]], [1.0])


def test_a_gradient_whose_square_overflows_is_a_failure() -> None:
    """Otherwise Adam would divide by infinity from then on and never move again."""
    net = tw.Sequential(tw.Dense(1, bias=False, init="ones"))
    with pytest.warns(TrainingWarning, match="gate multiply in the loss or the update"):
        run = tw.fit(net, [[1e25]], [0.0], loss=lambda p, t: p[:, 0], optimizer="adam")
    assert run.stopped_by == "non_finite" and net.weights.flat.tolist() == [1]


def test_gates_of_the_outermost_module_are_attributed_to_it() -> None:
    class Own(tw.Module):
        def __call__(self, x: tw.Tensor) -> tw.Tensor:
            return tw.log(self.parameter("factor", (1, 1), "ones") @ x * -1.0)

    with pytest.warns(TrainingWarning, match="gate log in the network's own __call__"):
        tw.fit(Own(), [[1.0]], [1.0])


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:

        class Looking(tw.Stop):
            def update(self, state, epoch):
                assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
                return {}, True

        tw.fit(tw.Sequential(tw.Dense(1)), [[1.0]], [1.0], stop=Looking(), engine="numpy")
    finally:
        signal.signal(signal.SIGINT, before)
