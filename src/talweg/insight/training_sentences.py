"""How a trained table was trained, in sentences."""

from __future__ import annotations

from collections import Counter

from talweg.data.model.trained_table import TrainedTable
from talweg.errors import counted
from talweg.insight.text import listed, number_word, range_text

_WHY = {
    "epochs": "at the last epoch",
    "max_epochs": "after as many epochs as were best for the others",
    "early_stopping": "as the validation loss fell no more",
    "time_budget": "as the time was used up",
    "interrupted": "at the interruption",
    "non_finite": "as the numbers stopped being finite",
    "no_descent": "where no step led lower",
}


def training_sentence(trained: TrainedTable) -> str:
    """How long it trained, why it stopped, and which weights it kept."""
    told, seconds = trained.training, f"{trained.training['seconds']:.1f} s"
    if trained.blueprint.members == 1:
        return f"Training took {counted(told['epochs'], 'epoch')} and {seconds}. {ending(trained)}"
    epochs = epochs_taken(trained)
    return (
        f"{networks(trained)} trained side by side in {seconds}, {epochs} "
        f"epoch{'s' * (epochs != '1')} each; a prediction is the mean of theirs. {ending(trained)}"
    )


def networks(trained: TrainedTable) -> str:
    """How many networks there are, of which layers, as the start of a sentence."""
    blueprint = trained.blueprint
    many, *sizes = number_word(blueprint.members), *map(str, blueprint.hidden)
    found = "A network" if blueprint.members == 1 else f"{many.capitalize()} networks"
    return f"{found} of {listed(sizes)} units" if sizes else found


def epochs_taken(trained: TrainedTable) -> str:
    """How many epochs each network took."""
    return range_text([member["epochs"] for member in trained.training["members"]])


def ending(trained: TrainedTable) -> str:
    """Why training stopped, and which weights the network keeps."""
    if trained.blueprint.members > 1:
        return _endings(trained)
    told = trained.training
    why = told["stop_reason"].replace("val_loss", "the validation loss")
    if told["stopped_by"] == "non_finite":
        why = "its numbers stopped being finite"
    return f"It stopped because {why}; the network keeps the weights {told['weights_taken']}."


def _endings(trained: TrainedTable) -> str:
    """The same of several networks: how many stopped why."""
    members = trained.training["members"]
    counts = Counter(each["stopped_by"] for each in members)
    (why, first), *others = [(_WHY.get(each, each), n) for each, n in counts.most_common()]
    said = f"{number_word(first).capitalize() if others else 'All'} stopped {why}"
    said = listed([said, *(f"{number_word(count)} {why}" for why, count in others)])
    return f"{said}; each keeps the weights of its best epoch, {_best_epochs(trained)}."


def _best_epochs(trained: TrainedTable) -> str:
    return range_text([member["best_epoch"] or 0 for member in trained.training["members"]])


def rows_used(trained: TrainedTable) -> str:
    """What the rows were there for."""
    learn, stop, judge = trained.parts.values()
    if trained.in_time:
        return f"judged on {judge:,} rows after learning from {learn:,} and stopping by {stop:,}"
    said = f"{counted(learn, 'row')} to learn from, {stop:,} to stop by, {judge:,} to be judged on"
    many = trained.blueprint.members
    return f"each of {many} networks: {said}" if many > 1 else said


def settings_used(trained: TrainedTable) -> dict[str, object]:
    """What was asked for, then what became of it where that was left open."""
    told, blueprint = trained.training, trained.blueprint
    bins = blueprint.bins
    found = {name: getattr(blueprint, name) for name in ("hidden", "activation", "dropout")}
    found["bins"] = max(map(len, bins.means.values())) if bins else 0
    found["time"] = trained.in_time.called if trained.in_time else trained.settings["time"]
    found |= {"task": trained.task, "n_estimators": blueprint.members + told["left_out"]}
    found |= {"epochs": told["most_epochs"], "patience": told["patience"]}
    found |= {name: told[name] for name in ("batch_size", "optimizer")}
    return {**trained.settings, **found}


def when(trained: TrainedTable) -> str:
    """When training ended, to the minute; "unknown" in files from before it was noted."""
    stamp = trained.training.get("when")
    return f"{stamp[:10]} {stamp[11:16]} UTC" if stamp else "unknown"


def provenance(trained: TrainedTable) -> str:
    """When, by which version and with which settings it was trained."""
    told = trained.training
    return (
        f"It was trained at {when(trained)} by talweg {told.get('version', 'unknown')}, on the loss"
        f" {told['loss']} with {told['optimizer']}, in batches of {told['batch_size']}, seed"
        f" {trained.settings['seed']}, {told['dtype']}."
    )


def bins_sentence(trained: TrainedTable) -> str:
    """What bins are, where numbers go through them; else nothing."""
    bins = trained.blueprint.bins
    if bins is None:
        return ""
    most = max(map(len, bins.means.values()))
    return (
        f"Numbers enter as they are and as how far they lie into each of up to {most} bins of "
        "their column, so that jumps are easy to learn."
    )
