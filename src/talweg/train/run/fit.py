"""`fit`: from a network and arrays to a trained network and the record of its training."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from talweg.engine.run.outcome import Control
from talweg.errors import SettingError, TrainingWarning
from talweg.nn import Loss, Module
from talweg.nn.training_lock import training_lock
from talweg.optim import FullBatch, Optimizer
from talweg.optim.adaptive_sampling import AdaptiveSampling
from talweg.settings import check
from talweg.train.run.checkpoint import Checkpoint, keeper_of
from talweg.train.run.claim import claimed
from talweg.train.run.interrupts import interruptible
from talweg.train.run.job import RULES, job_of, refuse_part, warn_of
from talweg.train.run.progress import ProgressBar, wants_bar
from talweg.train.run.run import Run
from talweg.train.run.stopping import Stop


def fit(
    net: Module,
    X: Any,
    y: Any,
    *,
    loss: str | Loss | Callable[..., Any] = "mse",
    optimizer: str | Optimizer | FullBatch = "adam",
    epochs: int = 100,
    batch_size: int | None = 32,
    shuffle: bool = True,
    validation: Any = None,
    stop: Stop | Sequence[Stop] | None = None,
    metrics: Any = (),
    sample_weight: Any = None,
    class_weight: Any = None,
    restore_best: bool | None = None,
    seed: int = 0,
    threads: int | None = None,
    engine: str | None = None,
    progress: bool | None = None,
    watch: Any = None,
    lr_multipliers: Mapping[str, float] | None = None,
    sampler: AdaptiveSampling | None = None,
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    resume: bool = False,
) -> Run:
    """Train `net` on rows X (N, ...) and targets y (N, ...) by gradient descent.

    Args:
        net: a module; if it has no weights yet, it is initialised with `seed`.
        loss: a loss, its name, or a function of (prediction, target) with a number a row.
        optimizer: an update rule such as `tw.SGD(lr=0.1)`, or its name. `tw.LBFGS()`, `tw.BFGS()`
            and `tw.SimulatedAnnealing()` see all rows in each pass, and need batch_size=None; an
            epoch is one step of theirs.
        epochs: the most passes over the rows.
        batch_size: rows a step; None for all (full-batch gradient descent), 1 for stochastic.
        shuffle: draw a new order of rows each epoch, from `seed` and the epoch alone.
        validation: (X, y) or (X, y, weights), a share of the rows to hold out, as 0.2, which
            `seed` draws, a `tw.Holdout`, which has a seed of its own, or a `tw.Fold`, as
            `tw.kfold` makes for cross-validation.
        stop: stopping rules; the first that holds ends the run.
        metrics: names such as "mae" and "accuracy", or functions like a loss.
        sample_weight: a weight of at least 0 for each row.
        class_weight: a weight for each class, as a mapping or sequence, or "balanced".
        restore_best: restore the weights of the epoch with the lowest validation loss or, without
            validation, the lowest loss over all rows, which is then evaluated after each epoch.
            False keeps the final weights. By default True with validation, False without.
        seed: of the starting weights, the held-out share and the order of rows.
        threads: that matrix products may take, 1 by default. More pay from some hundred units
            a layer; the interpreter's weights may then differ in their last bits.
        engine: "numpy" is the interpreter; None takes the best there is.
        progress: show a bar; by default on a terminal.
        watch: note in `run.watched` what happens within: gradients, updates and directions of
            each parameter, activations of each layer; each "step", or the mean over each "epoch",
            of every twelfth of its steps (but of 4 to 16). Names such as "gradient_norm", "0" or
            "0/dead" choose among them.
        lr_multipliers: factors of the optimizer's learning rate by part of the net, such as
            {"0": 0.1}; 0 freezes the part.
        sampler: `tw.AdaptiveSampling()` draws rows with probabilities that it learns, in place of
            a new order each epoch; an epoch has as many steps.
        checkpoint: a file that the run is written to every 30 seconds and at its end, whole or
            not at all; or a `tw.Checkpoint`, which says when. While the run goes on, another one is
            refused the file.
        resume: go on from that file if it is there, to the same weights, bit for bit, as if the
            run had not been interrupted. More epochs and other numbers of stopping rules are
            allowed; a file of another run is refused.

    Raises a TalwegError for settings, shapes and data that cannot be used, before anything is
    changed. A loss that stops being finite and Ctrl-C end the run and return it: the former
    with a TrainingWarning and `run.failure`.

    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> run = fit(tw.Sequential(tw.Dense(1)), X, 2 * X, optimizer=tw.SGD(lr=0.1), epochs=200)
    >>> run.net.predict([[3.0]]).round(2)
    array([[6.]], dtype=float32)
    """
    settings: dict[str, Any] = {
        "loss": loss,
        "optimizer": optimizer,
        "epochs": epochs,
        "batch_size": batch_size,
        "shuffle": shuffle,
        "validation": validation,
        "stop": stop,
        "metrics": metrics,
        "sample_weight": sample_weight,
        "class_weight": class_weight,
        "restore_best": restore_best,
        "seed": seed,
        "threads": threads,
        "engine": engine,
        "progress": progress,
        "watch": watch,
        "lr_multipliers": lr_multipliers,
    }
    settings = check("fit", settings, RULES)
    refuse_part(net)
    with training_lock(net):
        job = job_of(net, X, y, settings, sampler)
        if sampler is not None and checkpoint is not None:
            raise SettingError(
                "fit: a run with a sampler cannot be resumed yet; leave checkpoint out"
            )
        keeper = keeper_of(
            checkpoint, resume, job.program, job.rows, job.held_out, job.settings["engine"]
        )
        if not (keeper and keeper.start):
            warn_of(job)
        control = Control(keeper=keeper)
        shown = ProgressBar(control, settings["epochs"], budget=job.program.limits.time_budget)
        bar = shown if wants_bar(settings["progress"]) else nullcontext()
        claim = claimed(keeper.file, keeper.identity) if keeper else nullcontext()
        with claim, interruptible(control), bar:
            run = job.run(job.prepare(settings["engine"]), control)
    if run.failure:
        warnings.warn(run.failure.message, TrainingWarning, stacklevel=2)
    return run
