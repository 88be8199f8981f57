"""Charts: they parse, say in words what they show, escape what they are given, and draw it."""

from xml.etree import ElementTree

import numpy as np
import pytest

from talweg.draw import bar_chart, confusion_chart, line_chart, scatter_chart
from talweg.draw.charts.canvas import stack
from talweg.errors import ShapeError

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "<script>alert('1') & \"2\"</script>\x07\ud800"
EPOCHS = np.arange(1, 41)

CHARTS = {
    "line": lambda text: line_chart(
        {text: (EPOCHS, 1 / EPOCHS), "b": (EPOCHS, EPOCHS)},
        title=text,
        x_label=text,
        y_label=text,
        marks=[(30, text)],
    ),
    "scatter": lambda text: scatter_chart(
        EPOCHS, EPOCHS + 1, title=text, x_label=text, y_label=text
    ),
    "confusion": lambda text: confusion_chart([text, "b"], [[5, 1], [0, 4]], title=text),
    "large confusion": lambda text: confusion_chart([text] * 12, np.eye(12), title=text),
    "bar": lambda text: bar_chart([text, "b"], [1.5, -0.5], title=text),
}


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def texts(svg: str) -> list[str]:
    return ["".join(each.itertext()) for each in parse(svg).iter(f"{SVG}text")]


def paths(svg: str) -> list[np.ndarray]:
    """The points of each path."""
    found = [each.attrib["d"] for each in parse(svg).iter(f"{SVG}path")]
    return [np.array([p.split() for p in d[1:].split("L")], dtype=float) for d in found]


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_has_a_text_alternative(name: str) -> None:
    root = parse(CHARTS[name]("plain"))
    title, desc = root[0], root[1]
    assert root.attrib["role"] == "img"
    assert (title.tag, desc.tag) == (f"{SVG}title", f"{SVG}desc")
    assert title.text == "plain"
    assert len(desc.text) > 20
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], desc.attrib["id"]]


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_escapes_what_it_is_given(name: str) -> None:
    svg = CHARTS[name](EVIL)
    root = parse(svg)
    assert "<script" not in svg
    assert root[0].text == EVIL.replace("\x07", "\ufffd").replace("\ud800", "\ufffd")


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_takes_colors_from_variables_only(name: str) -> None:
    root = parse(CHARTS[name]("plain"))
    colors = {each.attrib.get(key) for each in root.iter() for key in ("fill", "stroke")}
    assert all(color.startswith("var(--") for color in colors - {None, "none"})
    style = root.find(f"{SVG}style").text
    used = {color[4:-1] for color in colors - {None, "none"}}
    assert all(f"{name}:" in style for name in used)


@pytest.mark.parametrize(
    "svg",
    [
        line_chart({}, title="t"),
        line_chart({"a": ([], [])}, title="t"),
        line_chart({"a": ([1, 2], [np.nan, np.inf])}, title="t"),
        scatter_chart([], [], title="t"),
        confusion_chart([], np.zeros((0, 0)), title="t"),
        confusion_chart(["a"], [[0]], title="t"),
        bar_chart([], [], title="t"),
        bar_chart(["a"], [np.nan], title="t"),
    ],
)
def test_a_chart_of_nothing_says_so(svg: str) -> None:
    assert "no data" in texts(svg)
    assert parse(svg)[1].text == "There is no data to show."


def test_a_line_leaves_out_what_is_not_finite() -> None:
    y = np.array([3.0, np.nan, 2.0, np.inf, 1.0, -np.inf, 1e200])
    (points,) = paths(line_chart({"a": (np.arange(7), y)}, title="t"))
    assert len(points) == 3
    assert np.isfinite(points).all()


def test_a_lone_point_is_drawn() -> None:
    assert len(list(parse(line_chart({"a": ([1], [2])}, title="t")).iter(f"{SVG}circle"))) == 1


def test_a_line_chart_describes_its_lines_and_marks() -> None:
    y = 10.0 - EPOCHS / 5
    y[20] = 1.5
    svg = line_chart({"loss": (EPOCHS, y)}, title="t", x_label="epoch", marks=[(21, "best: 21")])
    seen = parse(svg)[1].text
    assert "loss goes from 9.800 at epoch 1 to 2 at epoch 40" in seen
    assert "lowest 1.500 at 21" in seen
    assert "Marked at epoch 21: best: 21." in seen
    assert "best: 21" in texts(svg)


def test_a_long_line_is_thinned_and_keeps_its_peak() -> None:
    y = np.zeros(60_000)
    y[33_333] = 1.0
    (points,) = paths(line_chart({"a": (np.arange(60_000), y)}, title="t"))
    assert len(points) <= 600
    assert points[:, 1].min() == 0.0  # the top of the plot, where 1 lies


def test_values_over_many_decades_get_a_log_scale_that_is_said() -> None:
    assert "loss (log scale)" in texts(CHARTS["line"]("loss"))
    assert "loss" in texts(line_chart({"a": ([1, 2], [1, 50])}, title="t", y_label="loss"))


def test_lines_have_a_legend_and_differ_in_more_than_color() -> None:
    svg = line_chart({name: ([1, 2], [1, 2]) for name in "abcd"}, title="t")
    assert set("abcd") <= set(texts(svg))
    lines = list(parse(svg).iter(f"{SVG}path"))
    assert len({line.attrib["stroke"] for line in lines}) == 4
    assert len({line.attrib.get("stroke-dasharray") for line in lines}) == 4


def test_words_above_a_plot_do_not_overlap() -> None:
    assert stack([(0, 50), (40, 90), (60, 100), (45, 55)]) == [0, 1, 0, 2]


def test_marks_stay_inside_the_chart() -> None:
    svg = line_chart({"a": ([1, 40], [1, 2])}, title="t", marks=[(40, "stopped: 40")])
    (mark,) = [e for e in parse(svg).iter(f"{SVG}text") if e.text == "stopped: 40"]
    assert mark.attrib["text-anchor"] == "end"


@pytest.mark.parametrize("power", [-300, -30, -6, 0, 6, 12, 100])
def test_any_magnitude_can_be_drawn(power: int) -> None:
    y = np.linspace(-1, 1, 9) * 10.0**power
    for svg in (
        line_chart({"a": (y, y)}, title="t"),
        line_chart({"a": (np.abs(y), np.abs(y) + 10.0**power)}, title="t"),
        scatter_chart(y, y[::-1], title="t"),
        bar_chart(list("abcdefghi"), y, title="t"),
    ):
        parse(svg)
        assert "nan" not in svg
        assert "inf" not in svg.replace("infinity", "")


def test_a_scatter_chart_says_when_it_shows_fewer_points() -> None:
    rng = np.random.default_rng(0)
    svg = scatter_chart(*rng.normal(size=(2, 20_000)), title="t")
    dots = len(list(parse(svg).iter(f"{SVG}circle")))
    assert 1400 < dots <= 1500
    assert f"{dots:,} of 20,000 points" in texts(svg)
    assert f"It shows {dots:,} of 20,000 points." in parse(svg)[1].text


def test_a_scatter_chart_tells_how_far_from_the_diagonal() -> None:
    seen = parse(scatter_chart([1, 2, 3], [1.5, 2.5, 9], title="t"))[1].text
    assert "half of the points lie within 0.500" in seen
    assert "diagonal" not in scatter_chart([1, 2], [1, 2], title="t", diagonal=False)


def test_a_confusion_chart_shows_and_tells_its_counts() -> None:
    svg = confusion_chart(["cat", "dog"], [[50, 7], [3, 1040]], title="t")
    assert [word for word in texts(svg) if word[0].isdigit()] == ["50", "7", "3", "1,040"]
    seen = parse(svg)[1].text
    assert "1,090 of 1,100 rows are right. By class: cat 50 of 57, dog 1,040 of 1,043." in seen
    assert seen.endswith("Most frequent confusion: cat, predicted as dog 7 times.")


def test_many_classes_become_twenty_and_other() -> None:
    counts = np.diag(np.arange(1, 31))
    counts[0, 1] = 2  # two rare classes, confused with each other
    svg = confusion_chart([f"c{index}" for index in range(30)], counts, title="t")
    names = [word for word in texts(svg) if word[0] == "c" or word == "other"]
    assert names == [*(f"c{index}" for index in range(10, 30)), "other"] * 2
    assert str(sum(range(1, 11)) + 2) in texts(svg)
    seen = parse(svg)[1].text
    assert "465 of 467 rows are right" in seen
    assert "the 10 rarest of 30 classes" in seen


def test_a_large_matrix_keeps_its_size() -> None:
    small, large = (
        parse(confusion_chart(list(map(str, range(n))), np.eye(n), title="t")) for n in (3, 20)
    )
    assert "min-width" not in small.attrib.get("style", "")
    assert "min-width" in large.attrib["style"]
    assert "fixed" in large.attrib["class"]


def test_bars_start_at_zero() -> None:
    root = parse(bar_chart(["up", "down", "gone"], [2.0, -1.0, np.nan], title="t"))
    up, down = root.findall(f"{SVG}rect")
    zero = float(up.attrib["x"])
    assert float(down.attrib["x"]) + float(down.attrib["width"]) == pytest.approx(zero, abs=0.2)
    assert float(up.attrib["width"]) == pytest.approx(2 * float(down.attrib["width"]), abs=0.3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: line_chart({"a": ([1, 2], [1])}, title="t"),
        lambda: scatter_chart([1], [1, 2], title="t"),
        lambda: bar_chart(["a"], [1, 2], title="t"),
        lambda: confusion_chart(["a"], [[1, 2]], title="t"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(wrong) -> None:
    with pytest.raises(ShapeError, match="Give "):
        wrong()
