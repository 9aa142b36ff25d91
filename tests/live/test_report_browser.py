"""The report as a person sees it: a real browser, three widths, light and dark, paper, the keyboard."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

# The metrics that the report's own tests use, made by the real audits.
sys.path.insert(0, str(Path(__file__).parents[1] / "audits" / "report"))

from audited import audited

from audits.report import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

WIDTHS = (400, 900, 1400)
EVIL = (
    "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">\"' onfocus=alert(1) "
    "\u202egnirts \u2069" + "x" * 3_000
)


@dataclass
class Opened:
    """A page, and what happened while it was open."""

    page: Page
    requests: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def assert_quiet(self, file: Path) -> None:
        """Nothing was asked for but the file, and nothing was complained about."""
        assert self.requests == [file.as_uri()]
        assert self.said == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pilot.html, and hostile.html with hostile text wherever data can put text."""
    metrics, tasks = audited()
    folder = tmp_path_factory.mktemp("report")
    (folder / "pilot.html").write_text(render(metrics, tasks), encoding="utf-8")
    (folder / "hostile.html").write_text(render(_hostile(metrics), tasks), encoding="utf-8")
    (folder / "empty.html").write_text(render({}, []), encoding="utf-8")
    return folder


def _hostile(value: Any) -> Any:
    if isinstance(value, dict):
        # Labels, splits, reasons: what maps names to counts.
        data = bool(value) and all(isinstance(one, int) for one in value.values()) and "pairs" not in value
        return {(EVIL + key if data and "n" not in value else key): _hostile(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_hostile(one) for one in value]
    return EVIL + value if isinstance(value, str) else value


def _open(browser: Browser, file: Path, width: int, scheme: Literal["light", "dark"] = "light") -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    opened = Opened(page)
    page.on("request", lambda request: opened.requests.append(request.url))
    page.on("console", lambda message: opened.said.append(message.text))
    page.on("pageerror", lambda error: opened.said.append(str(error)))
    page.on("dialog", lambda dialog: opened.said.append(dialog.message))
    page.goto(file.as_uri())
    yield opened
    context.close()


def _width(page: Page) -> tuple[int, int]:
    """(what the page needs, what the window has)."""
    needs: list[int] = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return needs[0], needs[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["pilot", "hostile", "empty"])
def test_the_page_is_quiet_and_never_scrolls_sideways(
    browser: Browser, folder: Path, artefacts: Path, name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    file = folder / f"{name}.html"
    for opened in _open(browser, file, width, scheme):
        page = opened.page
        needs, has = _width(page)
        assert needs <= has
        page.screenshot(path=artefacts / f"report_{name}_{width}_{scheme}.png", full_page=True)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        needs, has = _width(page)
        assert needs <= has, "with everything unfolded"
        assert page.title() != "pwned"
        opened.assert_quiet(file)


def test_a_dark_reader_gets_a_dark_page(browser: Browser, folder: Path) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        for opened in _open(browser, folder / "pilot.html", 900, scheme):
            grounds.append(opened.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(252, 251, 248)", "rgb(23, 23, 21)"]


def test_on_paper_everything_is_unfolded_and_light(browser: Browser, folder: Path, artefacts: Path) -> None:
    for opened in _open(browser, folder / "pilot.html", 720, "dark"):
        page = opened.page
        folded = page.locator("details:not([open]) table").first
        assert folded.evaluate("one => one.checkVisibility({contentVisibilityAuto: true})") is False
        page.emulate_media(media="print")
        assert folded.evaluate("one => one.checkVisibility({contentVisibilityAuto: true})") is True
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.locator("nav").is_hidden()
        page.screenshot(path=artefacts / "report_print.png", full_page=True)
        page.pdf(path=artefacts / "report_print.pdf", format="A4", print_background=True)


def test_a_keyboard_gets_everywhere(browser: Browser, folder: Path) -> None:
    for opened in _open(browser, folder / "pilot.html", 900):
        page = opened.page
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the report")
        assert skip.evaluate("one => one === document.activeElement")
        box = skip.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "report"
        summary = page.locator("#question summary")
        summary.focus()
        page.keyboard.press("Enter")
        assert page.get_by_text("Something good has happened").is_visible()
        page.locator("#agreement a[href='#def-alpha']").first.focus()
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == "#def-alpha"
        in_view = "one => { const box = one.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight }"
        assert page.locator("#def-alpha").evaluate(in_view)


def test_wide_tables_scroll_in_their_own_box(browser: Browser, folder: Path) -> None:
    for opened in _open(browser, folder / "pilot.html", 400):
        box = opened.page.locator("#annotators .scroll")
        assert box.evaluate("one => one.scrollWidth > one.clientWidth")
        box.focus()
        opened.page.keyboard.press("ArrowRight")
        # The page's policy forbids what playwright's own waiting does, so this looks by itself.
        deadline = time.monotonic() + 10
        while not box.evaluate("one => one.scrollLeft") and time.monotonic() < deadline:
            opened.page.wait_for_timeout(50)
        assert box.evaluate("one => one.scrollLeft") > 0


def test_intervals_stand_where_the_axis_says(browser: Browser, folder: Path) -> None:
    metrics, _ = audited()
    expected = metrics["agreement"][0]
    for opened in _open(browser, folder / "pilot.html", 1400):
        chart = opened.page.locator("#agreement .overall svg")
        left, width = chart.evaluate("one => { const b = one.getBoundingClientRect(); return [b.left, b.width] }")
        middle = "one => { const b = one.getBoundingClientRect(); return b.left + b.width / 2 }"
        dot = chart.locator(".dot").evaluate(middle)
        whisker = chart.locator(".whisker").evaluate("one => one.getBoundingClientRect().width")
        assert (dot - left) / width == pytest.approx(expected["value"], abs=0.005)
        assert whisker / width == pytest.approx(expected["high"] - expected["low"], abs=0.02)
