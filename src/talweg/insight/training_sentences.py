"""How a trained table was trained, in sentences."""

from __future__ import annotations

from collections import Counter

from talweg.data.model.trained_table import TrainedTable
from talweg.errors import counted
from talweg.insight.text import listed, number_word, range_text

_ENDINGS = {
    "epochs": "at the last epoch",
    "max_epochs": "after the number of epochs that was best for the others",
    "early_stopping": "because the validation loss stopped improving",
    "time_budget": "because the time budget ran out",
    "interrupted": "when training was interrupted",
    "non_finite": "because a value became NaN or infinite",
    "no_descent": "because no step lowered the loss",
}


def training_sentence(trained: TrainedTable) -> str:
    """How long training took, why it stopped, and which weights are kept."""
    seconds = f"{trained.training['seconds']:.1f} s"
    if trained.blueprint.members == 1:
        epochs = counted(trained.training["epochs"], "epoch")
        return f"Training took {epochs} and {seconds}. {ending(trained)}"
    epochs = epochs_taken(trained)
    return (
        f"{networks(trained)} trained side by side in {seconds}, {epochs} "
        f"epoch{'s' * (epochs != '1')} each; the prediction is their mean. {ending(trained)}"
    )


def networks(trained: TrainedTable) -> str:
    """The number of networks and the sizes of their hidden layers, to begin a sentence."""
    blueprint = trained.blueprint
    many, *sizes = number_word(blueprint.members), *map(str, blueprint.hidden)
    subject = "A network" if blueprint.members == 1 else f"{many.capitalize()} networks"
    return f"{subject} of {listed(sizes)} units" if sizes else subject


def epochs_taken(trained: TrainedTable) -> str:
    """The number of epochs of each network."""
    return range_text([member["epochs"] for member in trained.training["members"]])


def ending(trained: TrainedTable) -> str:
    """Why training stopped, and which weights the network keeps."""
    if trained.blueprint.members > 1:
        return _endings(trained)
    training = trained.training
    why = training["stop_reason"].replace("val_loss", "the validation loss")
    if training["stopped_by"] == "non_finite":
        why = "a value became NaN or infinite"
    return f"It stopped because {why}; the network keeps the weights {training['weights_taken']}."


def _endings(trained: TrainedTable) -> str:
    """How many networks stopped for which reason."""
    counts = Counter(member["stopped_by"] for member in trained.training["members"])
    reasons = [(_ENDINGS.get(name, name), n) for name, n in counts.most_common()]
    (why, first), *others = reasons
    stopped = f"{number_word(first).capitalize() if others else 'All'} stopped {why}"
    stopped = listed([stopped, *(f"{number_word(count)} {why}" for why, count in others)])
    return f"{stopped}; each keeps the weights of its best epoch ({_best_epochs(trained)})."


def _best_epochs(trained: TrainedTable) -> str:
    return range_text([member["best_epoch"] or 0 for member in trained.training["members"]])


def rows_used(trained: TrainedTable) -> str:
    """How many rows were used for training, validation and testing."""
    training, validation, test = trained.parts.values()
    if trained.in_time:
        return f"tested on {test:,} rows, trained on {training:,}, validated on {validation:,}"
    used = (
        f"{counted(training, 'row')} for training, {validation:,} for validation, {test:,} to test"
    )
    many = trained.blueprint.members
    return f"each of {many} networks: {used}" if many > 1 else used


def settings_used(trained: TrainedTable) -> dict[str, object]:
    """All settings, with the chosen values for those that were left open."""
    training, blueprint = trained.training, trained.blueprint
    bins = blueprint.bins
    chosen = {name: getattr(blueprint, name) for name in ("hidden", "activation", "dropout")}
    chosen["bins"] = max(map(len, bins.means.values())) if bins else 0
    chosen["time"] = trained.in_time.called if trained.in_time else trained.settings["time"]
    chosen |= {"task": trained.task, "n_estimators": blueprint.members + training["left_out"]}
    chosen |= {"epochs": training["most_epochs"], "patience": training["patience"]}
    chosen |= {name: training[name] for name in ("batch_size", "optimizer")}
    return {**trained.settings, **chosen}


def when(trained: TrainedTable) -> str:
    """When training ended, to the minute; "unknown" for files of older versions."""
    stamp = trained.training.get("when")
    return f"{stamp[:10]} {stamp[11:16]} UTC" if stamp else "unknown"


def provenance(trained: TrainedTable) -> str:
    """When, by which version and with which settings it was trained."""
    training = trained.training
    return (
        f"Trained on {when(trained)} with talweg {training.get('version', 'unknown')}: loss"
        f" {training['loss']}, optimizer {training['optimizer']}, batch size"
        f" {training['batch_size']}, seed {trained.settings['seed']}, {training['dtype']}."
    )


def bins_sentence(trained: TrainedTable) -> str:
    """What bins are, if numbers go through them; empty otherwise."""
    bins = trained.blueprint.bins
    if bins is None:
        return ""
    most = max(map(len, bins.means.values()))
    return (
        f"Numbers also enter the network through up to {most} bins per column (piecewise linear "
        "encoding), which makes jumps easy to learn."
    )
