"""A run ready to train: the arguments of `fit` checked, converted and recorded as a program."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from talweg.engine.registry import ENGINES, chosen_engine
from talweg.engine.run.engine import Engine, Runner
from talweg.engine.run.outcome import Control
from talweg.engine.run.program import WATCHED, Graphs, Limits, Program, Schedule, StopRule
from talweg.engine.run.rows import BATCH_INPUTS, Rows
from talweg.errors import SettingError, TrainingWarning, user_level
from talweg.graph import Graph, Recorded, recorded
from talweg.nn import Loss, Metric, Module, as_loss, as_metric
from talweg.optim import FullBatch, Optimizer, as_optimizer
from talweg.random import SEED
from talweg.settings import Choice, Constraint, Flag, Number, plain
from talweg.train.methods.adaptive_sampling import Groups, SampledMethod, groups_of
from talweg.train.methods.full_batch import PassMethod
from talweg.train.run.gradient_flow import Flow
from talweg.train.run.lr_multipliers import as_lr_multipliers
from talweg.train.run.recording import Recipe, evaluation_graph
from talweg.train.run.rows import (
    EVALUATION_ROWS,
    evaluation_size,
    mixes_rows,
    training_and_validation,
)
from talweg.train.run.run import Run
from talweg.train.run.run_report import finished
from talweg.train.run.stopping import Stop, TimeBudget, as_rules, refuse_measure
from talweg.train.run.training_step import DRAWS, StepMethod
from talweg.train.run.watching import as_watch

RULES: dict[str, Constraint] = {
    "epochs": Number(at_least=1, whole=True),
    "batch_size": Number(at_least=1, whole=True, optional=True),
    "shuffle": Flag(),
    "seed": SEED,
    "threads": Number(at_least=1, whole=True, optional=True),
    "engine": Choice(tuple(ENGINES), optional=True),
    "restore_best": Flag(optional=True),
    "progress": Flag(optional=True),
}


@dataclass(frozen=True)
class GraphRecorder:
    """Records the graphs of a run for any number of rows, once for each number."""

    step: Callable[[int], Graph]
    evaluation: Callable[[int], Graph] | None

    def graphs(self, batch_size: int, evaluation_size: int) -> tuple[Recorded, Recorded | None]:
        """The graphs for these numbers of rows only."""
        evaluation = self.evaluation and Recorded(self.evaluation(evaluation_size), evaluation_size)
        return Recorded(self.step(batch_size), batch_size), evaluation

    def for_any_rows(self, program: Program) -> Program:
        """The program with graphs that are recorded for any number of rows."""
        sizes = program.schedule
        evaluation = self.evaluation and recorded(self.evaluation, sizes.evaluation_size)
        step = recorded(self.step, sizes.batch_size)
        return replace(program, graphs=replace(program.graphs, step=step, evaluation=evaluation))


@dataclass(frozen=True)
class Job:
    """A run that is ready to train. `settings` are those that its `Run` reports."""

    net: Module
    program: Program
    rows: Rows
    validation_rows: Rows | None
    stops: Sequence[Stop]
    settings: Mapping[str, Any]
    recorder: GraphRecorder
    flow: Flow

    def run(self, runner: Runner, control: Control) -> Run:
        """Train the net, which gets the weights of the outcome."""
        control.begin()
        outcome = runner(
            self.program, self.net.weights.flat, self.rows, self.validation_rows, control
        )
        self.net.weights.flat[:] = outcome.weights
        steps = self.program.schedule.steps_of(len(self.rows))
        return finished(self.net, outcome, self.program, self.stops, self.settings, steps)

    def prepare(self, engine: str | None) -> Runner:
        """A runner for this job and every other one whose program has the same graphs."""
        return chosen_engine(engine).prepare(self.program_for(chosen_engine(engine)))

    def program_for(self, engine: Engine) -> Program:
        """The program, recorded for any number of rows if the engine wants that."""
        wants_rows = engine.capabilities.any_rows and self.program.method is None
        return self.recorder.for_any_rows(self.program) if wants_rows else self.program


def job_of(net: Module, X: Any, y: Any, settings: Mapping[str, Any], sampler: Any = None) -> Job:
    """The run of `fit` with all of these settings, before training."""
    for name in ("checkpoint", "resume", "sampler"):
        if settings.get(name) not in (None, False):
            raise SettingError(f"{name} works only for single runs: give it to tw.fit")
    rule, loss = as_optimizer(settings["optimizer"]), as_loss(settings["loss"])
    metrics = _metrics(settings["metrics"], loss)
    weights = settings["sample_weight"], settings["class_weight"]
    rows, validation_rows = training_and_validation(
        net, X, y, loss, settings["validation"], *weights, settings["seed"]
    )
    engine = chosen_engine(settings["engine"])
    _refuse_dtype(net, engine)
    engine.begin(net.weights.values())
    stops = as_rules(settings["stop"], _measured_names(metrics, validation_rows is not None))
    groups = None if sampler is None else groups_of(sampler, rows, loss)
    method = _method_of(rule, groups)
    recipe = _recipe(net, rows, loss, metrics, settings)
    method.refuse(recipe, len(rows), settings)
    program, recorder = _program(recipe, method, rows, validation_rows, stops, settings)
    _refuse_mixing(net, rows, validation_rows, program, method)
    reported = {name: plain(settings[name]) for name in [*RULES, "class_weight", "lr_multipliers"]}
    reported |= {"metrics": [metric.name for metric in metrics], "loss": loss.name}
    reported |= {"optimizer": rule.brief(), "stop": repr(list(stops))}
    reported |= {"batch_size": program.schedule.batch_size, "dtype": net.dtype}
    reported |= {} if sampler is None else {"sampler": repr(sampler)}
    reported |= {"engine": engine.name}
    flow = Flow(recipe, recorder.step, method.needs_gradients)
    return Job(net, program, rows, validation_rows, stops, reported, recorder, flow)


def warn_of(job: Job) -> None:
    """Warn (TrainingWarning) if no gradient reaches a parameter at the start of a run."""
    words = job.flow.warning(job.program, job.rows)
    if words:
        warnings.warn(words, TrainingWarning, stacklevel=user_level())


def copy_of(job: Job, net: Module, settings: Mapping[str, Any]) -> Job:
    """The run of another net with the same graphs and other numbers in the settings."""
    rule, program = as_optimizer(settings["optimizer"]), job.program
    method = _method_of(rule)
    recipe = replace(
        job.flow.recipe,
        net=net,
        watch=as_watch(settings["watch"]),
        multipliers=as_lr_multipliers(settings["lr_multipliers"], net.weights),
    )
    seed, epochs = settings["seed"], settings["epochs"]
    schedule = replace(
        program.schedule,
        seed=seed,
        settings=method.run_settings(recipe),
        schedules=rule.schedules(epochs),
    )
    varied = replace(
        program,
        schedule=schedule,
        limits=replace(program.limits, epochs=epochs),
        state=method.first_state(recipe, seed, DRAWS in program.state),
        method=method.method,
    )
    reported = {**job.settings, "seed": seed, "epochs": epochs, "optimizer": rule.brief()}
    return replace(job, net=net, program=varied, settings=reported)


# The program --------------------------------------------------------------------------------------


def _method_of(rule: Optimizer | FullBatch, groups: Groups | None = None) -> StepMethod:
    """The training method for a rule, and for the groups of rows that a sampler draws from."""
    if groups is not None:
        return SampledMethod(rule, groups)
    return PassMethod(rule) if isinstance(rule, FullBatch) else StepMethod(rule)


def _recipe(
    net: Module, rows: Rows, loss: Loss, metrics: Sequence[Metric], settings: Mapping[str, Any]
) -> Recipe:
    watch = as_watch(settings.get("watch"))
    multipliers = as_lr_multipliers(settings["lr_multipliers"], net.weights)
    return Recipe(net, without_rows(rows), loss, metrics, watch, multipliers)


def _program(
    recipe: Recipe,
    method: StepMethod,
    rows: Rows,
    validation_rows: Rows | None,
    stops: Sequence[Stop],
    settings: Mapping[str, Any],
) -> tuple[Program, GraphRecorder]:
    """The program of a run and the recorder of its graphs, which copies of the run share."""
    batch_size = min(settings["batch_size"] or len(rows), len(rows))
    limits = _limits(validation_rows, stops, settings)
    evaluated = _evaluated(rows, validation_rows, limits.restore_best)
    size = evaluation_size(len(evaluated or ()), settings["validation"])
    recorder = GraphRecorder(
        cache(partial(method.record_step, recipe)),
        None if evaluated is None else cache(partial(evaluation_graph, recipe)),
    )
    step, evaluation = recorder.graphs(batch_size, size)
    schedule = _schedule(recipe, method, batch_size, size, limits.validates, settings)
    watch, draws = recipe.watch, f"state.{DRAWS}" in step.graph.inputs
    graphs = Graphs(
        step,
        evaluation,
        measures=["loss", *(metric.name for metric in recipe.metrics)],
        watch_steps=watch is not None and watch.steps,
        watch_every=watch.every(schedule.steps_of(len(rows))) if watch else 1,
    )
    state = method.first_state(recipe, settings["seed"], draws)
    return Program(graphs, schedule, limits, state, method.method), recorder


def _limits(
    validation_rows: Rows | None, stops: Sequence[Stop], settings: Mapping[str, Any]
) -> Limits:
    restores, validates = settings["restore_best"], validation_rows is not None
    budgets = [stop.seconds for stop in stops if isinstance(stop, TimeBudget)]
    return Limits(
        epochs=settings["epochs"],
        rules=stops,
        time_budget=min(budgets, default=None),
        validates=validates,
        restore_best=validates if restores is None else restores,
        threads=settings["threads"],
    )


def _schedule(
    recipe: Recipe,
    method: StepMethod,
    batch_size: int,
    evaluation_size: int,
    validates: bool,
    settings: Mapping[str, Any],
) -> Schedule:
    rule: Optimizer | FullBatch = method.rule
    return Schedule(
        batch_size=batch_size,
        evaluation_size=evaluation_size,
        shuffle=settings["shuffle"],
        seed=settings["seed"],
        settings=method.run_settings(recipe),
        schedules=rule.schedules(settings["epochs"]),
        by_step=rule.changes_each_step,
        plateaus=_plateaus(rule, _measured_names(recipe.metrics, validates)),
    )


def _plateaus(rule: Optimizer | FullBatch, measures: set[str]) -> dict[str, StopRule]:
    """The settings that follow a measure."""
    for plateau in rule.plateaus().values():
        refuse_measure("ReduceOnPlateau", plateau.watch, measures)
    return {**rule.plateaus()}


def without_rows(rows: Rows) -> Rows:
    """No rows of the same shapes and dtypes, to record with."""
    return Rows(*(array[:0].copy() for array in (rows.x, rows.y, rows.weights)))


def _evaluated(rows: Rows, validation_rows: Rows | None, restores_best: bool) -> Rows | None:
    """What is evaluated after each epoch: validation, or without it all rows if the best weights
    are restored.
    """
    return rows if validation_rows is None and restores_best else validation_rows


# What is refused ----------------------------------------------------------------------------------


def refuse_part(net: Any) -> None:
    if not isinstance(net, Module):
        raise SettingError(f"fit: net must be a module such as tw.Sequential, not {net!r}")
    if net.network is not net:
        raise SettingError(
            f"fit: {net!r} is a part of a {type(net.network).__name__}; fit that network, or "
            "call init on the part to make it a separate network"
        )


def _metrics(given: Any, loss: Loss) -> list[Metric]:
    """The `metrics` of `fit`: None, one metric, or several."""
    is_one = isinstance(given, str | Metric | Loss) or callable(given)
    metrics = [as_metric(metric, loss) for metric in ([given] if is_one else given or ())]
    _refuse_names([metric.name for metric in metrics])
    return metrics


def _refuse_names(names: Sequence[str]) -> None:
    """Raise a SettingError for a metric's name that is taken or reserved."""
    for index, name in enumerate(names):
        if not isinstance(name, str) or not name:
            raise SettingError(f"fit: the name of a metric must be a word, but {name!r} was given")
        own = ("loss", "weights", *BATCH_INPUTS)
        if name in own or name.startswith(("state.", "settings.", "val_", WATCHED)):
            raise SettingError(f"fit: a metric cannot be called {name!r}; give it another name")
        if name in names[:index]:
            raise SettingError(
                f"fit: two metrics are called {name!r}; name one with tw.Metric(name, function)"
            )


def _refuse_dtype(net: Module, engine: Engine) -> None:
    known = engine.capabilities.dtypes
    if net.dtype not in known:
        raise SettingError(
            f"fit: the engine {engine.name!r} trains networks of {' and '.join(known)}, but this "
            f"one has dtype={net.dtype!r}"
        )


def _measured_names(metrics: Sequence[Metric], validated: bool) -> set[str]:
    names = {"loss", *(metric.name for metric in metrics)}
    return names | ({f"val_{name}" for name in names} if validated else set())


def _refuse_mixing(
    net: Module, rows: Rows, validation_rows: Rows | None, program: Program, method: StepMethod
) -> None:
    """Raise a SettingError if the network combines rows that a run weights independently, or if
    rows that fill up a batch would change other predictions.
    """
    evaluated = _evaluated(rows, validation_rows, program.limits.restore_best)
    fills = len(rows) % program.schedule.batch_size > 0
    cuts = evaluated is not None and program.schedule.evaluation_size != len(evaluated)
    if not (fills or cuts or method.weights_rows) or not mixes_rows(net, rows):
        return
    combines = "fit: the network combines the rows of a batch (for example, in a mean over axis 0)"
    if method.weights_rows:
        raise SettingError(
            f"{combines}, so a sampler cannot weight rows independently; leave the sampler out"
        )
    raise SettingError(
        f"{combines}, so every batch must be full: give a batch_size that divides the {len(rows)} "
        f"rows, and at most {EVALUATION_ROWS} validation rows as (X, y), since a fold would be "
        "padded"
    )
