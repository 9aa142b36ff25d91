"""A strict reader of the page: every element closed in order, and everything a test asks about it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input", "base", "wbr"}
# Elements that fetch, run or submit something; the page has none of them.
ACTIVE = {
    "script", "img", "link", "iframe", "object", "embed", "form", "input", "button", "base", "audio", "video", "source",
    "image", "use", "foreignobject", "animate", "set", "picture", "track", "template", "noscript", "frame", "applet",
}  # fmt: skip
FETCHING = ("style", "src", "srcset", "action", "formaction", "data", "poster", "ping", "xlink:href")


class Markup(HTMLParser):
    """The elements, attributes and text of a page. Raises AssertionError where it is not well formed."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"an attribute twice in {tag}"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> is out of order"

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data))

    @property
    def text(self) -> str:
        """Everything that is read, in one string with single blanks."""
        return " ".join(" ".join(data for tag, data in self.texts if tag != "style").split())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every `tag`."""
        return [attrs for name, attrs in self.tags if name == tag]


def assert_inert(page: str) -> Markup:
    """The page is well formed, runs nothing, fetches nothing."""
    markup = Markup(page)
    for tag, attrs in markup.tags:
        assert tag not in ACTIVE, f"the page has a {tag}"
        for name, value in attrs.items():
            assert not name.startswith("on"), f"{name} on {tag}"
            assert name not in ("style", "src", "srcset", "action", "formaction", "data", "xlink:href"), (
                f"{name} on {tag}"
            )
            if name == "href":
                assert value is not None
                assert value.startswith("#"), f"a link to {value[:80]}"
    ids = [attrs["id"] for _, attrs in markup.tags if "id" in attrs]
    assert len(set(ids)) == len(ids), "an id twice"
    for _, attrs in markup.tags:
        for reference in (attrs.get("href") or "#").removeprefix("#"), attrs.get("aria-labelledby") or "":
            assert not reference or reference in ids, f"nothing is called {reference}"
    return markup
