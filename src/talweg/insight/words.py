"""A trained table in sentences: what it predicts, how well, why training ended, what to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from talweg.data.columns.cells import plain
from talweg.data.columns.values import number_text as number_text
from talweg.data.model.target import Classification, Regression
from talweg.data.model.trained_table import TrainedTable
from talweg.errors import counted
from talweg.insight.time_words import time_sentences

FEW_HELD_OUT = 100  # rows; the standard error of an accuracy of 0.9 is then 0.03

_NAMED = 4  # of several targets or classes; of more the first three
_HARDLY = 0.02  # of the way from the trivial predictor to a perfect one
_WORDS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_WHY = {
    "epochs": "at the last epoch",
    "max_epochs": "after as many epochs as were best for the others",
    "early_stopping": "as the validation loss fell no more",
    "time_budget": "as the time was used up",
    "interrupted": "at the interruption",
    "non_finite": "as the numbers stopped being finite",
    "no_descent": "where no step led lower",
}


def setting_text(value: object) -> str:
    """A setting as a person reads it.

    >>> setting_text((128, 64)), setting_text(None), setting_text(2.0)
    ('128, 64', 'none', '2')
    """
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, float):
        return plain(float(value))
    return "none" if value is None else str(value)


def target_name(trained: TrainedTable) -> str:
    """What to call the target: its name, or the first few of several."""
    return listed(first_few(list(map(trained.called, trained.coding.names))))


def baseline(trained: TrainedTable) -> str:
    """What the trivial predictor says to each row."""
    prior, when = trained.held_out.prior, " of the rows before" if trained.in_time else ""
    if is_several(trained):
        return f"the mean of each{when and ' in the rows before'}"
    if trained.task == "regression":
        return f"the mean{when}, {number_text(float(prior[0]))}"
    return f"the most frequent class{when}, {_level(trained, int(prior.argmax()))}"


def _level(trained: TrainedTable, place: int) -> str:
    """A class as it is written."""
    assert isinstance(trained.coding, Classification)
    return trained.coding.levels[place]


def sentences(trained: TrainedTable, known: Collection[str] = ()) -> list[str]:
    """All that a person should read of a trained table: of `known` columns, doubts and why they are
    left out were said before.
    """
    told = [headline(trained), verdict(trained), interval_sentence(trained)]
    told += time_sentences(trained)
    told += [training_sentence(trained), bins_sentence(trained)]
    told += [decision_sentence(trained), *notes(trained, known)]
    unseen = [pair for pair in left_out(trained).items() if pair[0] not in known]
    return [each for each in told if each] + [
        f"Column {name!r} is left out. {why}" for name, why in unseen
    ]


def headline(trained: TrainedTable) -> str:
    """What the network reaches on rows that it never saw, beside a trivial predictor."""
    first, many = trained.scores[0], trained.blueprint.members > 1
    subject = f"On {judged_rows(trained)}, the network{'s' * many}"
    trivial = f"always predicting {baseline(trained)}, is"
    if is_several(trained):
        return f"{subject} {'explain' if many else 'explains'} {_explained(trained)}"
    if trained.task == "regression":
        error, r2 = trained.scores[1], "" if first.network > 0 else f" (R2 {first.network:.3g})"
        return (
            f"{subject} {'explain' if many else 'explains'} "
            f"{_share(first.network)} of the variance of {target_name(trained)}{r2} and "
            f"{'are' if many else 'is'} off by {number_text(error.network)} on average; "
            f"{trivial} off by {number_text(error.trivial)}."
        )
    return (
        f"{subject} {'predict' if many else 'predicts'} {target_name(trained)} correctly in "
        f"{_percent(first.network)} of them; {trivial} correct in {_percent(first.trivial)}."
    )


def _explained(trained: TrainedTable) -> str:
    """How much of the variance of several targets, and of which most and least."""
    first, *others = trained.scores
    names = trained.coding.names
    of_each = zip((one.network for one in others), map(trained.called, names), strict=False)
    ordered = sorted(of_each)
    (least, hardest), (most, easiest) = ordered[0], ordered[-1]
    r2 = "" if first.network > 0 else f"{first.network:.3g}, "
    return (
        f"{_share(first.network)} of the variance of {target_name(trained)} on average (R2 {r2}"
        f"from {least:.3g} of "
        f"{hardest} to {most:.3g} of {easiest}); always predicting "
        f"{baseline(trained)} explains none."
    )


def _share(r2: float) -> str:
    """R2 as a share of the variance, if it is one."""
    return _percent(r2) if r2 > 0 else "none"


def is_several(trained: TrainedTable) -> bool:
    """Whether there are several targets."""
    return len(trained.coding.names) > 1


def judged_rows(trained: TrainedTable) -> str:
    """The rows that the scores are of."""
    rows = counted(len(trained.held_out.true), "row")
    if trained.in_time is not None:
        judges = "networks" if trained.blueprint.members > 1 else "a network"
        by = trained.in_time.called
        return f"the last {rows} by {by}, predicted by {judges} that learned from earlier rows only"
    if trained.blueprint.members > 1:
        return f"{rows}, each judged by a network that never saw it"
    return f"{rows} that training never saw"


def interval_sentence(trained: TrainedTable) -> str:
    """How far the truth lies from a predicted number; nothing where few rows tell, or of classes.

    Of 100 judged rows the share that it holds has a standard error of 0.03.
    """
    coding = trained.coding
    if isinstance(coding, Classification) or len(trained.held_out.true) < FEW_HELD_OUT:
        return ""
    reach = trained.reach(0.9)
    if not np.isfinite(reach).all() or len(reach) > _NAMED:  # weights that ran away, or too much
        return ""
    within = list(map(_within, coding.each, reach.tolist()))
    if is_several(trained):
        pairs = zip(within, map(trained.called, trained.coding.names), strict=True)
        within = [f"{each} ({name})" for each, name in pairs]
    return f"In 9 of 10 cases the truth lies within {listed(within)} of the prediction."


def _within(target: Regression, reach: float) -> str:
    if target.logs is None:
        return number_text(reach)
    return f"a factor of {number_text(target.logs.factor(reach))}"


def verdict(trained: TrainedTable) -> str:
    """Whether the network is worth having, and what to do where it is not."""
    score = trained.scores[0]
    room = 1.0 - score.trivial
    gain = (score.network - score.trivial) / room if room > 0 else 0.0
    if not gain >= -_HARDLY and trained.in_time:
        return (
            f"That is worse than always predicting {baseline(trained)}: the other columns do not "
            "say how this one goes on. Columns that do, such as its earlier values, may help."
        )
    if not gain >= -_HARDLY:  # NaN, from weights that ran away, is worse as well
        return (
            "That is worse than the trivial predictor: try a smaller learning rate, more "
            "patience, or more rows."
        )
    if gain < _HARDLY:
        return (
            "It has hardly learned more than the trivial predictor knows: the other columns may "
            "say little about this one, or there are too few rows."
        )
    if trained.task == "regression" and abs(score.trivial) < _HARDLY:
        return ""  # then R2, which the headline gives, says just that
    return f"That is {_percent(gain)} of the way from the trivial predictor to a perfect one."


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
    many, *sizes = _number_word(blueprint.members), *map(str, blueprint.hidden)
    found = "A network" if blueprint.members == 1 else f"{many.capitalize()} networks"
    return f"{found} of {listed(sizes)} units" if sizes else found


def epochs_taken(trained: TrainedTable) -> str:
    """How many epochs each network took."""
    took = [each["epochs"] for each in trained.training["members"]]
    return f"{took[0]:,}" if min(took) == max(took) else _span(took)


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
    said = f"{_number_word(first).capitalize() if others else 'All'} stopped {why}"
    said = listed([said, *(f"{_number_word(count)} {why}" for why, count in others)])
    return f"{said}; each keeps the weights of its best epoch, {_best_epochs(trained)}."


def _best_epochs(trained: TrainedTable) -> str:
    best = [each["best_epoch"] or 0 for each in trained.training["members"]]
    return _span(best) if min(best) < max(best) else str(best[0])


def notes(trained: TrainedTable, known: Collection[str] = ()) -> list[str]:
    """What a person should know before they trust the model."""
    told, said = trained.training, []
    if told["stopped_by"] == "non_finite":
        said.append(told["stop_reason"][:1].upper() + told["stop_reason"][1:])
    if lost := told.get("left_out"):
        were, whose = ("network was", "its") if lost == 1 else ("networks were", "their")
        said.append(f"{lost} more {were} left out, as {whose} numbers stopped being finite.")
    if trained.settings["epochs"] is not None and _used_all_epochs(trained):
        said.append("Training used all the epochs that were asked for; more of them may help.")
    held = len(trained.held_out.true)
    if held < FEW_HELD_OUT:
        rows = counted(held, "row")
        said.append(f"With only {rows} held out, the scores are rough; another seed gives others.")
    if not isinstance(trained.coding, Classification):
        said += [
            f"{one.name} is very skewed, so its logarithm is what was learned."
            for one in trained.coding.each
            if one.logs
        ]
    said += _single_rows(trained)
    if trained.along_time and trained.along_time.flatters:
        said.append(trained.along_time.warning)
    doubts = trained.encoder.notes.items()
    said += [f"Column {name!r}: {doubt}" for name, doubt in doubts if name not in known]
    without = trained.rows - sum(trained.parts.values())
    if without:
        were = "was" if without == 1 else "were"
        said.append(f"{counted(without, 'row')} without a target {were} left out.")
    return said


def _single_rows(trained: TrainedTable) -> list[str]:
    """What to say of classes that have one row each."""
    if not isinstance(trained.coding, Classification) or trained.in_time:
        return []
    counts = np.rint(trained.held_out.prior * sum(trained.parts.values()))
    names = [trained.coding.levels[place] for place in np.flatnonzero(counts == 1)]
    if not names:
        return []
    whose = f"{listed(first_few(names))} of {target_name(trained)}"
    said = f"The classes {whose} have" if len(names) > 1 else f"The class {whose} has"
    return [f"{said} a single row, which cannot both teach and test: add rows, or join classes."]


def _used_all_epochs(trained: TrainedTable) -> bool:
    """Whether most networks did; a schedule of the rate ends at the last epoch, as it should."""
    ends = [each["stopped_by"] for each in trained.training["members"]]
    return ends.count("epochs") > len(ends) / 2


def decision_sentence(trained: TrainedTable) -> str:
    """From which probability on a class is predicted, where that is no matter of the likeliest."""
    decision = trained.decision
    if decision is None:
        return ""
    positive = _level(trained, decision.positive)
    return (
        f"A row is taken for {positive} where its probability is at least "
        f"{number_text(decision.threshold)}."
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


def left_out(trained: TrainedTable) -> dict[str, str]:
    """The columns that the network does not see, and why."""
    encoder, learnt = trained.encoder, len(trained.coding.names)
    return dict.fromkeys(encoder.targets[learnt:], "As asked for.") | encoder.left_out


def _number_word(count: int) -> str:
    return _WORDS[count] if count < len(_WORDS) else f"{count:,}"


def first_few(names: Sequence[str]) -> Sequence[str]:
    """The names, of many the first few and how many more there are."""
    if len(names) <= _NAMED:
        return names
    return [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1:,} more"]


def listed(texts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last


def _span(numbers: Sequence[int]) -> str:
    return f"{min(numbers):,} to {max(numbers):,}"


def _percent(share: float, decimals: int = 1) -> str:
    return f"{share:.{decimals}%}"
