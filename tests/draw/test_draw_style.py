"""The colors: text and lines stand out enough, in light and in dark (WCAG 2, level AA)."""

import pytest

from talweg.draw.style import DARK, LIGHT, PAGE_CSS

Colour = tuple[float, ...]
SCHEMES = pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])


def channels(color: str) -> Colour:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def luminance(color: Colour) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: Colour, other: Colour) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@SCHEMES
@pytest.mark.parametrize("ground", ["paper", "panel"])
@pytest.mark.parametrize("text", ["ink", "soft", "accent"])
def test_text_can_be_read(colors: dict[str, str], text: str, ground: str) -> None:
    assert contrast(channels(colors[text]), channels(colors[ground])) >= 4.5


@SCHEMES
def test_lines_can_be_seen(colors: dict[str, str]) -> None:
    for name in ("series-1", "series-2", "series-3", "series-4", "soft"):
        assert contrast(channels(colors[name]), channels(colors["paper"])) >= 3


@SCHEMES
@pytest.mark.parametrize("shade", ["right", "wrong"])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 1.0])
def test_counts_can_be_read_on_any_shade(colors: dict[str, str], shade: str, share: float) -> None:
    both = zip(channels(colors[shade]), channels(colors["paper"]), strict=True)
    mixed = tuple(share * over + (1 - share) * under for over, under in both)
    assert contrast(channels(colors["ink"]), mixed) >= 4.5


def test_both_schemes_name_the_same_colors() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_the_style_sheet_is_balanced_and_uses_known_colors() -> None:
    assert PAGE_CSS.count("{") == PAGE_CSS.count("}")
    used = {part.split(")")[0] for part in PAGE_CSS.split("var(--")[1:]}
    assert used <= LIGHT.keys()
