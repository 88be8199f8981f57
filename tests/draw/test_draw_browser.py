"""Pages in a real browser: the accessibility checker axe finds nothing, and nothing is cut off.

Needs the extra `browser` and a Chromium, playwright's own or one of the system.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.pages import NAMES, page

api = pytest.importorskip("playwright.sync_api", reason="no browser: install talweg[browser]")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe in this place")

pytestmark = pytest.mark.slow

SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with api.sync_playwright() as started:
        found = [shutil.which(each) for each in SYSTEM if shutil.which(each)]
        for path in (None, *found):
            try:
                running = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
            except api.Error:
                continue
            yield running
            running.close()
            return
        pytest.skip("no Chromium here: run `playwright install chromium`")


@pytest.fixture(params=NAMES)
def file(request, tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text(page(request.param), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 375])
def test_axe_finds_nothing_and_nothing_sticks_out(browser, file, scheme: str, width: int) -> None:
    # the page's own policy forbids scripts, so the checker's must be let through
    size = {"width": width, "height": 800}
    context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    try:
        view = context.new_page()
        asked: list[str] = []
        view.on("request", lambda request: asked.append(request.url))
        view.goto(file.as_uri())
        assert asked == [file.as_uri()]
        view.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert view.evaluate("document.documentElement.scrollWidth") == width
        found = axe.Axe().run(view)
        assert found.response["passes"]
        assert found.response["violations"] == [], found.generate_report()
        assert view.evaluate(CUT) == []
    finally:
        context.close()


# Words of a chart that reach beyond it, by more than a letter's rounding.
CUT = """
[...document.querySelectorAll('svg.talweg-chart text')].filter(each => {
  const inner = each.getBoundingClientRect();
  const outer = each.closest('svg').getBoundingClientRect();
  return inner.left < outer.left - 1 || inner.right > outer.right + 1
      || inner.top < outer.top - 2 || inner.bottom > outer.bottom + 2;
}).map(each => each.textContent)
"""
