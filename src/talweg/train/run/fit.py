"""`fit`: from a network and arrays to a trained network and the record of its training."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from talweg.engine.run.program import (
    BATCH_INPUTS,
    WATCHED,
    Control,
    Program,
    Rows,
    StopRule,
)
from talweg.errors import SettingError, TrainingWarning
from talweg.nn import Loss, Metric, Module, as_loss, as_metric
from talweg.nn.training_lock import training_lock
from talweg.optim import FullBatch, Optimizer, as_optimizer
from talweg.optim.adaptive_sampling import AdaptiveSampling
from talweg.random import SEED
from talweg.settings import Choice, Constraint, Flag, Number, check, plain
from talweg.train.methods import full_batch, importance_sampling_loop as sampled
from talweg.train.methods.sampling_groups import Groups, groups_of
from talweg.train.run.checkpoint import Checkpoint, keeper_of
from talweg.train.run.claim import claimed
from talweg.train.run.engines import Engine, begin_to_compile, chosen_engine, engine_for
from talweg.train.run.gradient_flow import Flow
from talweg.train.run.interrupts import interruptible
from talweg.train.run.lr_multipliers import as_lr_multipliers
from talweg.train.run.progress import ProgressBar, wants_bar
from talweg.train.run.recording import (
    DRAWS,
    evaluation_graph,
    first_state,
    run_settings,
    step_graph,
)
from talweg.train.run.rows import (
    EVALUATION_ROWS,
    evaluation_size,
    mixes_rows,
    training_and_validation,
)
from talweg.train.run.run import Run
from talweg.train.run.run_report import finished
from talweg.train.run.stopping import Stop, TimeBudget, as_rules, refuse_measure
from talweg.train.run.watching import as_watch

RULES: dict[str, Constraint] = {
    "epochs": Number(at_least=1, whole=True),
    "batch_size": Number(at_least=1, whole=True, optional=True),
    "shuffle": Flag(),
    "seed": SEED,
    "threads": Number(at_least=1, whole=True, optional=True),
    "engine": Choice(("numpy", "native"), optional=True),
    "restore_best": Flag(optional=True),
    "progress": Flag(optional=True),
}


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
        engine_name = chosen_engine(settings["engine"])
        if sampler is not None and checkpoint is not None:
            raise SettingError(
                "fit: a run with a sampler cannot be resumed yet; leave checkpoint out"
            )
        keeper = keeper_of(checkpoint, resume, job.program, job.rows, job.held_out, engine_name)
        if not (keeper and keeper.start):
            warn_of(job)
        control = Control(keeper=keeper)
        shown = ProgressBar(control, settings["epochs"], budget=job.program.time_budget)
        bar = shown if wants_bar(settings["progress"]) else nullcontext()
        claim = claimed(keeper.file, keeper.identity) if keeper else nullcontext()
        with claim, interruptible(control), bar:
            run = job.run(engine_for(settings["engine"], job.program), control)
    if run.failure:
        warnings.warn(run.failure.message, TrainingWarning, stacklevel=2)
    return run


@dataclass(frozen=True)
class Job:
    """A run that is ready to go: checked, converted and recorded; `settings` go to its record."""

    net: Module
    program: Program
    rows: Rows
    held_out: Rows | None
    stops: Sequence[Stop]
    settings: Mapping[str, Any]
    flow: Flow

    def run(self, engine: Engine, control: Control) -> Run:
        """Train the net, which keeps the weights that the engine gives back."""
        control.begin()
        outcome = engine(self.program, self.net.weights.flat, self.rows, self.held_out, control)
        self.net.weights.flat[:] = outcome.weights
        steps = -(-len(self.rows) // self.program.batch_size)
        return finished(self.net, outcome, self.program, self.stops, self.settings, steps)


def job_of(net: Module, X: Any, y: Any, settings: Mapping[str, Any], sampler: Any = None) -> Job:
    """The run that `fit` does with these settings, all of them; nothing is trained yet."""
    for name in ("checkpoint", "resume", "sampler"):
        if settings.get(name) not in (None, False):
            raise SettingError(f"{name} is for single runs: give it to fit")
    rule, loss = as_optimizer(settings["optimizer"]), as_loss(settings["loss"])
    metrics = _metrics(settings["metrics"], loss)
    weights = settings["sample_weight"], settings["class_weight"]
    rows, held_out = training_and_validation(
        net, X, y, loss, settings["validation"], *weights, settings["seed"]
    )
    begin_to_compile(chosen_engine(settings["engine"]), net)
    stops = as_rules(settings["stop"], _measured_names(metrics, held_out is not None))
    groups = groups_of(sampler, rows, loss)
    if groups:
        sampled.refuse_settings(rule, net, rows, settings)
    program = _program(net, rows, held_out, loss, metrics, rule, stops, groups, settings)
    _ = program.step, program.evaluate  # what cannot be recorded is told before all else
    _refuse_filling(net, rows, held_out, program)
    recorded = {name: plain(settings[name]) for name in [*RULES, "class_weight", "lr_multipliers"]}
    recorded |= {"metrics": [each.name for each in metrics], "loss": loss.name}
    recorded |= {"optimizer": repr(rule), "stop": repr(list(stops))}
    recorded |= {"batch_size": program.batch_size, "dtype": net.dtype}
    recorded |= {"sampler": repr(sampler)} if groups else {}
    recorded |= {"engine": chosen_engine(settings["engine"])}
    flow = Flow(net, loss, as_lr_multipliers(settings["lr_multipliers"], net.weights))
    return Job(net, program, rows, held_out, stops, recorded, flow)


def warn_of(job: Job, place: str = "") -> None:
    """A TrainingWarning where no gradient reaches a parameter at the start of a run."""
    words = job.flow.warning(job.program, job.rows)
    if words:
        warnings.warn(f"{place}{words}", TrainingWarning, stacklevel=3)


def copy_of(job: Job, net: Module, settings: Mapping[str, Any]) -> Job:
    """The run of another net, whose graphs are the same, with other numbers in the settings."""
    rule, watch = as_optimizer(settings["optimizer"]), as_watch(settings["watch"])
    varied = {"seed": settings["seed"], "epochs": settings["epochs"]}
    state = first_state(net, rule, watch, settings["seed"], DRAWS in job.program.state)
    numbers = run_settings(rule, as_lr_multipliers(settings["lr_multipliers"], net.weights))
    schedules = rule.schedules(settings["epochs"])
    search = rule if isinstance(rule, FullBatch) else None
    of_rule: dict[str, Any] = {"state": state, "settings": numbers, "schedules": schedules}
    program = replace(job.program, search=search, **of_rule, **varied)
    recorded = {**job.settings, **varied, "optimizer": repr(rule)}
    return replace(job, net=net, program=program, settings=recorded)


def _metrics(given: Any, loss: Loss) -> list[Metric]:
    """What is measured beside the loss: None, one metric, or several."""
    is_one = isinstance(given, str | Metric | Loss) or callable(given)
    found = [as_metric(each, loss) for each in ([given] if is_one else given or ())]
    _refuse_names([each.name for each in found])
    return found


def _refuse_names(names: Sequence[str]) -> None:
    """Names of metrics must tell them apart from each other and from what a run records."""
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise SettingError(f"fit: a metric's name is a word, but one is called {name!r}")
        own = ("loss", "weights", *BATCH_INPUTS)
        if name in own or name.startswith(("state.", "settings.", "val_", WATCHED)):
            raise SettingError(f"fit: a metric cannot be called {name!r}; give it another name")
        if name in names[:place]:
            raise SettingError(
                f"fit: two metrics are called {name!r}; name one with tw.Metric(name, function)"
            )


def refuse_part(net: Any) -> None:
    if not isinstance(net, Module):
        raise SettingError(f"fit: net must be a module such as tw.Sequential, not {net!r}")
    if net.whole is not net:
        raise SettingError(
            f"fit: {net!r} is a part of a {type(net.whole).__name__}; fit that, or call init on "
            "the part to make it a network of its own"
        )


def _measured_names(metrics: Sequence[Metric], validated: bool) -> set[str]:
    names = {"loss", *(each.name for each in metrics)}
    return names | ({f"val_{name}" for name in names} if validated else set())


def _program(
    net: Module,
    rows: Rows,
    held_out: Rows | None,
    loss: Loss,
    metrics: Sequence[Metric],
    rule: Optimizer | FullBatch,
    stops: Sequence[Stop],
    groups: Groups | None,
    settings: Mapping[str, Any],
) -> Program:
    """The run as data: one recorded step, one recorded evaluation, and plain numbers.

    Each graph is recorded once, and shared by programs that are copies of this one.
    """
    batch_size = min(settings["batch_size"] or len(rows), len(rows))
    restores, validates = settings["restore_best"], held_out is not None
    keep_best = validates if restores is None else restores
    evaluated = _evaluated(rows, held_out, keep_best)
    example = without_rows(rows)
    watch = as_watch(settings.get("watch"))
    multipliers = as_lr_multipliers(settings["lr_multipliers"], net.weights)
    if isinstance(rule, FullBatch):
        full_batch.refuse_settings(rule, net, settings, len(rows), batch_size)
        step = partial(full_batch.pass_graph, net, example, loss, metrics, rule)
    else:
        step = partial(step_graph, net, example, loss, metrics, rule, watch, multipliers, groups)
    evaluation = partial(evaluation_graph, net, example, loss, metrics)
    budgets = [each.seconds for each in stops if isinstance(each, TimeBudget)]
    record_step = cache(step)
    every = watch.every(-(-len(rows) // batch_size)) if watch else 1
    draws = f"state.{DRAWS}" in record_step(batch_size).inputs
    return Program(
        record_step=record_step,
        record_evaluation=None if evaluated is None else cache(evaluation),
        measures=["loss", *(each.name for each in metrics)],
        state=first_state(net, rule, watch, settings["seed"], draws, groups),
        settings=run_settings(rule, multipliers, groups),
        epochs=settings["epochs"],
        batch_size=batch_size,
        evaluation_size=evaluation_size(len(evaluated or ()), settings["validation"]),
        shuffle=settings["shuffle"],
        seed=settings["seed"],
        rules=stops,
        time_budget=min(budgets, default=None),
        validates=held_out is not None,
        keep_best=keep_best,
        threads=settings["threads"],
        watch_steps=watch is not None and watch.steps,
        watch_every=every,
        schedules=rule.schedules(settings["epochs"]),
        changes_each_step=rule.changes_each_step,
        plateaus=_plateaus(rule, _measured_names(metrics, held_out is not None)),
        search=rule if isinstance(rule, FullBatch) else None,
        groups=groups,
    )


def _plateaus(rule: Optimizer | FullBatch, measures: set[str]) -> dict[str, StopRule]:
    """The settings that follow a measure, each one that there is."""
    for each in rule.plateaus().values():
        refuse_measure("ReduceOnPlateau", each.watch, measures)
    return {**rule.plateaus()}


def without_rows(rows: Rows) -> Rows:
    """Rows of the same kind, none of them: to record with, and hold no data."""
    return Rows(*(each[:0].copy() for each in (rows.x, rows.y, rows.weights)))


def _evaluated(rows: Rows, held_out: Rows | None, keep_best: bool) -> Rows | None:
    """What is evaluated after each epoch: validation; without it all rows, if the best is kept."""
    return rows if held_out is None and keep_best else held_out


def _refuse_filling(net: Module, rows: Rows, held_out: Rows | None, program: Program) -> None:
    """Rows that fill up the last batch must not reach the others' predictions."""
    evaluated = _evaluated(rows, held_out, program.keep_best)
    fills = len(rows) % program.batch_size > 0
    cuts = evaluated is not None and program.evaluation_size != len(evaluated)
    if (fills or cuts) and mixes_rows(net, rows):
        raise SettingError(
            "fit: the net mixes the rows of a batch (a mean over axis 0, say), so each batch must "
            f"be full: give a batch_size that divides the {len(rows)} rows, and at most "
            f"{EVALUATION_ROWS} rows for validation, as (X, y): those of a fold are filled up"
        )
