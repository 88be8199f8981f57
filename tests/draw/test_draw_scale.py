"""Numbers as positions and words: ticks, formats, scales, thinning."""

import numpy as np
import pytest

from talweg.draw.charts.scale import (
    Scale,
    along,
    nice_step,
    number,
    spread,
    thin_line,
    thin_points,
    wants_log,
)

MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


def words(scale: Scale) -> list[str]:
    return [word for _, word in scale.ticks()]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (3.0, "3"),
        (-3.0, f"{MINUS}3"),
        (0.57134, "0.5713"),
        (12345.678, "12,346"),
        (2.5e-7, f"2.5{TIMES}10⁻⁷"),
        (-1e9, f"{MINUS}10⁹"),
        (float("nan"), "\N{EN DASH}"),
        (float("inf"), "\N{EN DASH}"),
    ],
)
def test_numbers_are_written_as_a_reader_wants_them(value: float, said: str) -> None:
    assert number(value) == said


@pytest.mark.parametrize("span", np.geomspace(1e-12, 1e12, 50))
def test_steps_are_1_2_or_5_times_a_power_of_ten(span: float) -> None:
    step = nice_step(span)
    assert f"{step:.0e}"[0] in "125"
    assert 3 <= span / step <= 8


def test_linear_ticks_are_round_and_hold_all_values() -> None:
    scale = spread(np.array([0.13, 0.97]), 0, 100)
    assert words(scale) == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert scale([0.0, 0.5, 1.0]).tolist() == [0, 50, 100]


def test_log_ticks_are_powers_of_ten() -> None:
    assert words(spread(np.array([0.002, 30.0]), 0, 1, log=True)) == ["0.01", "0.1", "1", "10"]
    assert words(spread(np.array([0.05, 6.0]), 0, 1, log=True)) == [
        "0.05",
        "0.1",
        "0.2",
        "0.5",
        "1",
        "2",
        "5",
    ]


def test_many_decades_get_few_ticks() -> None:
    assert 3 <= len(words(spread(np.array([1e-140, 1e140]), 0, 1, log=True))) <= 9


def test_epochs_get_whole_ticks() -> None:
    assert words(along(np.array([1, 2, 3]), 0, 1)) == ["1", "2", "3"]


@pytest.mark.parametrize("value", [0.0, 1.0, -7.5, 1e-30, 1e12, 5e-324])
def test_equal_values_get_an_axis(value: float) -> None:
    scale = spread(np.array([value, value]), 0, 1)
    assert scale.low <= value <= scale.high
    assert scale.low < scale.high
    assert scale.ticks()


def test_a_log_scale_is_for_positive_values_over_more_than_two_decades() -> None:
    assert wants_log(np.array([0.009, 1.0]))
    assert not wants_log(np.array([0.01, 1.0]))
    assert not wants_log(np.array([0.0, 1000.0]))
    assert not wants_log(np.array([-1.0, 1000.0]))
    assert not wants_log(np.array([]))


def test_a_thinned_line_keeps_its_ends_and_extremes() -> None:
    x, y = np.arange(60_000.0), np.sin(np.arange(60_000.0))
    y[12_345], y[50_001] = 9.0, -9.0
    few_x, few_y = thin_line(x, y)
    assert few_x.size <= 600
    assert {0.0, 12_345.0, 50_001.0, 59_999.0} <= set(few_x)
    assert (few_y.max(), few_y.min()) == (9.0, -9.0)
    assert np.all(np.diff(few_x) > 0)


def test_thinned_points_keep_extremes_and_are_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 20_000))
    few_x, few_y = thin_points(x, y)
    assert few_x.size <= 1500
    assert (few_x.min(), few_x.max()) == (x.min(), x.max())
    assert (few_y.min(), few_y.max()) == (y.min(), y.max())
    assert np.array_equal(thin_points(x, y)[0], few_x)


def test_what_is_short_is_not_thinned() -> None:
    x = np.arange(600.0)
    assert thin_line(x, x)[0] is x
    assert thin_points(x, x)[0] is x
