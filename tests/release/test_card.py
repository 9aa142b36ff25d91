"""The card says what the release is, and nothing that is in it can make it say something else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from dsbuild.release import Contents, write_release
from dsbuild.release.card.front_matter import size_category
from dsbuild.release.card.licences import hub_licence

Make = Callable[..., Contents]
HOSTILE = [
    "---\nlicense: mit\n---\n# Mine",
    "a\n---\nb: c",
    "x: [y, {z",
    "'quote' \"double\" # comment",
    "| a | b |\n| --- | --- |",
    "```\nrm -rf\n```",
    "````` five",
    "<script>alert(1)</script><!-- -->",
    "[link](javascript:alert(1)) ![img](http://example.org/x.png)",
    "{{ 7 * 7 }} {% raw %}",
    "\u2028line\u2029paragraph\x85next\x00nul\x1b[31m",
    "\u202eright to left",
    "`code` *bold* _under_ ~~gone~~ $x$ \\ end\\",
    "- item\n1. item\n> quote",
    "!!python/object/apply:os.system ['true']",
    "",
]


def parts(card: str) -> tuple[dict[str, Any], str]:
    """Front matter and body, cut as the Hub's client cuts them."""
    match = re.search(r"^(\s*---[\r\n]+)([\S\s]*?)([\r\n]+---(\r\n|\r|\n|$))", card)
    assert match is not None
    return yaml.safe_load(match[2]), card[match.end() :]


def outside_blocks(body: str) -> list[str]:
    """The lines of a Markdown text that are not in a fenced block; every block must end."""
    lines: list[str] = []
    fence: str | None = None
    for line in body.splitlines():
        found = re.match(r"`{3,}", line)
        if fence is None and found:
            fence = found[0]
        elif fence is not None and line == fence:
            fence = None
        elif fence is None:
            lines.append(line)
    assert fence is None
    return lines


def card_of(contents: Contents, out: Path) -> str:
    return (write_release(contents, out).path / "README.md").read_text(encoding="utf-8")


def test_the_front_matter_is_what_the_hub_asks_for(contents: Make, tmp_path: Path) -> None:
    from huggingface_hub import DatasetCard

    card = card_of(contents(languages=["en", "mr", "mr-Latn", "und"]), tmp_path)
    fields, _ = parts(card)
    assert fields["license"] == "cc-by-nc-sa-4.0"
    assert fields["language"] == ["en", "mr"]
    assert fields["language_bcp47"] == ["mr-Latn"]
    assert fields["size_categories"] == ["n<1K"]
    assert fields["task_categories"] == ["text-classification", "text-generation"]
    assert [config["config_name"] for config in fields["configs"]] == [
        "data",
        "items",
        "annotations",
        "labels",
        "provenance",
    ]
    assert [config.get("default") for config in fields["configs"]] == [True, None, None, None, None]
    assert fields["configs"][0]["data_files"][1] == {"split": "validation", "path": "data/validation.parquet"}
    assert DatasetCard(card).data.to_dict()["pretty_name"] == "Tweets"


def test_the_body_tells_the_figures_with_their_intervals(contents: Make, tmp_path: Path) -> None:
    card = card_of(contents(repo="lab/tweets"), tmp_path)
    for line in (
        'data = load_dataset("lab/tweets", "data", revision="1.0.0")',
        r"| emotion | gpt, llama | krippendorff\_alpha (masi), 95% interval | 0.612 \[0.562, 0.662\] | 5 | 10 |",
        r"| emotion | gpt | gold | language mr | 2 | 0.500 \[0.450, 0.550\] | 0.400 \[0.350, 0.450\] | undefined |",
        "| build:1:deduplicate | 6 | 5 | repeats another item: 1 |",
        "| `data` | an item with its labels, ready to train on | train 3, validation 1, test 1 |",
        "| label | train | test |",
        "| joy | 2 | 0 |",
        r"| leakage (exact) |  | at\_most 0 | 0 | yes |",
        "- gpt gave no usable answer to 1 of 5 questions.",
        "- silver leaves 1 of 5 items without a label.",
        "- Agreement of gpt, llama on emotion is 0.612 over 5 items, below 0.667, under which no conclusion should "
        "rest on it.",
        "@misc{tweets, title={Tweets}}",
    ):
        assert line in card.splitlines(), line
    assert "synthetic" not in card


def test_a_synthetic_corpus_is_called_that(contents: Make, tmp_path: Path) -> None:
    given = contents()
    corpora = [{**given.corpora[0], "synthetic": True}]
    card = card_of(contents(corpora=corpora), tmp_path)
    assert "**The corpus tweets is synthetic:**" in card
    assert "synthetic" in parts(card)[0]["tags"]
    assert "figures measured on them do not carry over" in card


def test_a_joiner_that_marathi_needs_stays_in_the_example(contents: Make, tmp_path: Path) -> None:
    text = "दुसर\u200dयाच्या"
    card = card_of(contents(items=contents().items.with_columns(pl.lit(text).alias("text"))), tmp_path)
    assert f'"text": "{text}"' in card


def _hostile_metrics(metrics: Any, text: str) -> Any:
    return {
        **metrics,
        "items": {"total": 5, "by_split": {text: 5}, "by_language": {text: 5}, "by_corpus": {text: 5}},
        "funnel": [{**metrics["funnel"][0], "node": text, "rejects": {text: 1}}],
        "annotators": [{**metrics["annotators"][0], "name": text, "model": text, "strategy": text}],
        "agreement": [{**metrics["agreement"][0], "over": [text, text], "value": None, "note": text}],
        "scores": [{**metrics["scores"][0], "of": text, "against": text, "by": {text: text}}],
        "aggregates": [{**aggregate, "from": [text], "method": text} for aggregate in metrics["aggregates"]],
        "distribution": [{**metrics["distribution"][0], "label": text, "split": text}],
        "gates": [{**metrics["gates"][0], "wanted": text}],
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_out_of_its_place(text: str, contents: Make, tmp_path: Path, offline: Any) -> None:
    given = contents()
    plain = card_of(given, tmp_path / "plain")
    card = card_of(
        contents(
            title=text,
            licence=text,
            languages=[text, "en"],
            description=text,
            items=given.items.with_columns(pl.lit(text).alias("text"), pl.lit(text).alias("speaker")),
            metrics=_hostile_metrics(given.metrics, text),
            corpora=[
                {
                    "name": text,
                    "title": text,
                    "licence": text,
                    "citation": text,
                    "url": text,
                    "description": text,
                    "files": [{"name": text, "sha256": text}],
                }
            ],
        ),
        tmp_path / "hostile",
    )
    fields, body = parts(card)
    assert fields["license"] == "other"
    assert fields["configs"] == parts(plain)[0]["configs"]
    lines = outside_blocks(body)
    # Every heading and every table is one of ours, and every row has the cells of its head.
    headings = [line for line in lines if re.match(r" {0,3}#", line)]
    ours = [line for line in outside_blocks(parts(plain)[1]) if line.startswith("#")]
    assert len(headings) == len(ours)
    assert [h for h in headings if h.startswith("## ")] == [h for h in ours if h.startswith("## ")]
    width = 0
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line))
            width = width if before.startswith("|") else cells
            assert cells == width, line
    whole = "\n".join(lines)
    assert "<script" not in whole
    assert "<!--" not in whole
    assert not re.search(r"(?<!\\)\]\(", whole)
    assert "7 * 7" not in whole
    assert "49" not in whole
    assert not any(c in card for c in "\u2028\u2029\x85\x00\x1b\u202e")
    # And datasets still finds its splits and columns, and the text is as it was.
    builder = offline.load_dataset_builder(str(tmp_path / "hostile/tweets/1.0.0"), "data")
    assert set(builder.config.data_files) == {"train", "validation", "test"}
    assert builder.info.features["emotion"].feature.names == given.tasks[0].label_ids
    train = pl.read_parquet(tmp_path / "hostile/tweets/1.0.0/data/train.parquet")
    assert set(train["text"]) == {text}


@pytest.mark.parametrize(
    ("licence", "fields"),
    [
        ("CC-BY-NC-SA-4.0", {"license": "cc-by-nc-sa-4.0"}),
        ("CC BY 4.0", {"license": "cc-by-4.0"}),
        ("CC0", {"license": "cc0-1.0"}),
        ("GPL-3.0-or-later", {"license": "gpl-3.0"}),
        ("ODbL-1.0", {"license": "odbl"}),
        (
            "Terms of the lab",
            {"license": "other", "license_name": "terms-of-the-lab", "license_details": "Terms of the lab"},
        ),
        (
            "https://example.org/terms",
            {
                "license": "other",
                "license_name": "https-example.org-terms",
                "license_link": "https://example.org/terms",
            },
        ),
    ],
)
def test_licences_get_the_names_that_the_hub_knows(licence: str, fields: dict[str, str]) -> None:
    assert hub_licence(licence) == fields


@pytest.mark.parametrize(
    ("n", "name"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (11_998, "10K<n<100K"),
        (100_000, "100K<n<1M"),
        (10**6, "1M<n<10M"),
        (10**9, "1B<n<10B"),
        (999_999_999_999, "100B<n<1T"),
        (10**12, "n>1T"),
    ],
)
def test_sizes_get_the_names_that_the_hub_knows(n: int, name: str) -> None:
    assert size_category(n) == name
