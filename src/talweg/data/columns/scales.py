"""Scales of words with an order, such as small, medium, large."""

from __future__ import annotations

import re
from collections.abc import Iterable

# From least to most; synonyms for one step are separated by |.
_SCALES = (
    "lowest|very low|vlow, low, medium low, medium|med|mid|moderate|average|normal, medium high, "
    "high, very high|vhigh|highest, extreme",
    "tiny|very small, small, medium|med|mid|big medium, large|big, very large|huge|extra large",
    "xxs, xs, s, m, l, xl, xxl, xxxl",
    "very poor|terrible, poor|bad, fair|average|typical|ok, good, very good, excellent|great, "
    "outstanding|perfect",
    "never, rarely|seldom, occasionally|sometimes, often|frequently|usually, always",
    "strongly disagree, disagree, neutral|neither agree nor disagree|undecided, agree, "
    "strongly agree",
    "very dissatisfied, dissatisfied, neutral, satisfied, very satisfied",
    "none|absent, mild|slight|minor, moderate, severe|serious|major, critical|very severe",
    "very slow, slow, medium, fast, very fast",
    "young, middle aged|adult, old|senior",
    "cold, cool, mild, warm, hot",
    "short, medium, long|tall",
    "light, medium, heavy",
    "first, second, third, fourth, fifth",
    "1st, 2nd, 3rd, 4th, 5th, 6th",
    "freshman, sophomore, junior, senior",
    "primary|elementary, secondary|high school, bachelor|bachelors, master|masters, "
    "doctorate|phd|doctor",
    "beginner|novice, intermediate, advanced, expert",
    "bronze, silver, gold, platinum, diamond",
)
_STEPS = [
    {word: step for step, words in enumerate(scale.split(", ")) for word in words.split("|")}
    for scale in _SCALES
]
_LETTERS_NEED = {"m", "l"}  # single letters have many other meanings


def scale_of(levels: Iterable[str]) -> tuple[str, ...] | None:
    """The levels in their order, if all are on one scale and no step occurs twice; else None.

    >>> scale_of(["Large", "small", "medium"])
    ('small', 'medium', 'Large')
    """
    words = {_folded(level): level for level in levels}
    for steps in _STEPS:
        level_at = {steps[word]: level for word, level in words.items() if word in steps}
        if len(level_at) == len(words) >= 2:
            letters = all(len(word) == 1 for word in words)
            if letters and not words.keys() >= _LETTERS_NEED:
                return None
            return tuple(level_at[step] for step in sorted(level_at))
    return None


def _folded(level: str) -> str:
    return re.sub(r"[\s_-]+", " ", level).strip().lower()
