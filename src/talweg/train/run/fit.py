"""`fit`: from a network and arrays to a trained network and the record of its training."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from talweg.engine.run.outcome import Control
from talweg.errors import SettingError, TrainingWarning, user_level
from talweg.nn import Loss, Module
from talweg.nn.training_lock import training_lock
from talweg.optim import FullBatch, Optimizer, optimizer_hint
from talweg.optim.adaptive_sampling import AdaptiveSampling
from talweg.settings import check, names_known
from talweg.train.run.checkpoint import Checkpoint, checkpointer_of
from talweg.train.run.claim import claimed
from talweg.train.run.interrupts import interruptible
from talweg.train.run.job import RULES, job_of, refuse_part, warn_of
from talweg.train.run.progress import ProgressBar, wants_bar
from talweg.train.run.run import Run
from talweg.train.run.stopping import Stop


@names_known(optimizer_hint)
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
    """Train `net` on inputs X (N, ...) and targets y (N, ...).

    A second call continues from the current weights of `net`, with a new optimizer; to start over,
    call `net.init(X)` or build the network again.

    Args:
        net: a module. If it has no weights yet, it is initialized with `seed`.
        loss: a loss, its name, or a function (prediction, target) -> one number per row.
        optimizer: an optimizer such as `tw.SGD(lr=0.1)`, or its name. `tw.LBFGS()`, `tw.BFGS()` and
            `tw.SimulatedAnnealing()` use all rows in each step and need batch_size=None; each epoch
            is one step.
        epochs: the maximum number of passes over the rows.
        batch_size: rows per step; None for all rows (full-batch gradient descent).
        shuffle: draw a new order of rows for each epoch, from `seed` and the epoch alone.
        validation: (X, y) or (X, y, weights); a share of the rows such as 0.2, drawn with `seed`;
            a `tw.Holdout`, which has its own seed; or a `tw.Fold` of `tw.kfold`.
        stop: stopping rules. The run ends when the first of them holds.
        metrics: names such as "mae" and "accuracy", or functions like a loss.
        sample_weight: a weight of at least 0 for each row.
        class_weight: a weight for each class, as a mapping or a sequence, or "balanced".
        restore_best: restore the weights of the epoch with the lowest validation loss or, without
            validation, the lowest loss over all rows, which is then evaluated after each epoch.
            False keeps the final weights. By default True with validation, False without.
        seed: for the initial weights, the validation share and the order of rows.
        threads: the number of threads. By default a compiled run measures which number is fastest,
            up to the number of cores, and an interpreted one has 1. The bits depend on it only
            with the interpreter.
        engine: "native" compiles the run, "numpy" interprets it; None takes the best available.
        progress: show a progress bar; by default on a terminal.
        watch: record gradients, updates and direction changes of each parameter and activations of
            each layer in `run.watched`: at each "step", or as a mean over each "epoch", of 4 to 16
            of its steps. Names such as "gradient_norm", "0" or "0/dead" select some of them.
        lr_multipliers: factors of the optimizer's learning rate by part of the network, such as
            {"0": 0.1}; 0 freezes the part.
        sampler: `tw.AdaptiveSampling()` draws rows with probabilities that it learns, instead of a
            new order for each epoch. The number of steps stays the same.
        checkpoint: a file that the run is written to, atomically, every 30 seconds and at its end;
            or a `tw.Checkpoint` with other times. No other run may use the file at the same time.
        resume: continue from the checkpoint if it exists. The weights have the same bits as if the
            run had not been interrupted. Epochs and the settings of stopping rules may change; the
            file of another run is refused.

    Raises a TalwegError for unusable settings, shapes or data, before anything is changed. A
    non-finite loss or Ctrl-C ends the run, which is then returned; a non-finite loss also sets
    `run.failure` and warns (TrainingWarning).

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
        checkpointer = checkpointer_of(
            checkpoint, resume, job.program, job.rows, job.validation_rows, job.settings
        )
        if not (checkpointer and checkpointer.start):
            warn_of(job)
        control = Control(checkpointer=checkpointer)
        shown = ProgressBar(control, settings["epochs"], budget=job.program.limits.time_budget)
        bar = shown if wants_bar(settings["progress"]) else nullcontext()
        claim = claimed(checkpointer.file, checkpointer.identity) if checkpointer else nullcontext()
        with claim, interruptible(control), bar:
            run = job.run(job.prepare(settings["engine"]), control)
    if run.failure:
        warnings.warn(run.failure.message, TrainingWarning, stacklevel=user_level())
    return run
