"""The translator through its public entry: what it asks, what it keeps, and what it does when a server fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotators.translation import TranslatorConfig
from schemas.config import AnnotatorEnv
from schemas.errors import DsbuildError
from schemas.forms.check import check_annotations
from schemas.ids import item_id
from schemas.protocols import AnnotatorOutput
from schemas.tables import ITEMS, conform
from schemas.task import Task

TEXTS = ["Estoy triste", "Qué alegría", "Estoy triste", "  ", "I am glad"]
LANGUAGES = ["es", "es", "es", "es", "en"]


def made(texts: list[str], languages: list[str | None]) -> pl.DataFrame:
    ids = [item_id("made", str(number)) for number in range(len(texts))]
    frame = pl.DataFrame(
        {"item_id": ids, "corpus": "made", "modality": "text", "text": texts, "language": languages},
        schema_overrides={"language": pl.String},
    )
    return conform(frame, ITEMS)


def translate(folder: Path, items: pl.DataFrame, put: list[Task] | None = None, **config: Any) -> AnnotatorOutput:
    settings = TranslatorConfig(**({"name": "mt", "backend": "libretranslate"} | config))
    env = AnnotatorEnv(
        store=folder / "responses.sqlite",
        cache=folder,
        logs=folder,
        directory=folder,
        progress=lambda done, total, **figures: None,
    )

    async def run() -> AnnotatorOutput:
        async with settings.open(env, []) as annotator:
            return await annotator.annotate(items, put or [])

    return asyncio.run(run())


def test_every_text_is_translated_with_the_quality_of_its_way_back(server: Callable[..., Any], tmp_path: Path) -> None:
    output = translate(tmp_path, made(TEXTS, LANGUAGES), base_url=server().url)
    rows = output.annotations.sort("text")
    assert rows["text"].to_list() == ["I am glad", "[en] Estoy triste", "[en] Estoy triste", "[en] Qué alegría"]
    assert rows["task"].unique().to_list() == ["translation"]
    assert rows["confidence"].to_list() == [None, 1.0, 1.0, 1.0]  # the stub's way back is perfect
    assert output.dead_letters.select("reason", "detail").rows() == [("no_text", "the item has no text")]
    assert output.figures == {
        "translated": 4,
        "same_language": 1,
        "back_translated": 2,
        "back_failed": 0,
        "back_chrf_sum": 2.0,
    }
    kept, broken = check_annotations(output.annotations)
    assert (kept.height, broken.height) == (4, 0)


def test_texts_go_together_where_the_server_takes_several_and_each_is_asked_once(
    server: Callable[..., Any], tmp_path: Path
) -> None:
    there = server()
    texts = [f"texto {number}" for number in range(70)] * 2
    translate(tmp_path, made(texts, ["es"] * 140), base_url=there.url, batch=32, back=False)
    assert sorted(len(asked) for _, _, asked in there.asked) == [6, 32, 32]


def test_what_was_translated_once_is_never_asked_again(server: Callable[..., Any], tmp_path: Path) -> None:
    there = server()
    first = translate(tmp_path, made(TEXTS, LANGUAGES), base_url=there.url)
    asked = len(there.asked)
    again = translate(tmp_path, made(TEXTS, LANGUAGES), base_url=there.url, batch=1, concurrency=1)
    assert len(there.asked) == asked
    assert again.annotations.equals(first.annotations)
    translate(tmp_path, made(TEXTS, LANGUAGES), base_url=there.url, to="de", back=False)
    assert len(there.asked) > asked


def test_a_text_that_the_server_refuses_fails_alone(server: Callable[..., Any], tmp_path: Path) -> None:
    there = server(refuses=["malo"])
    output = translate(tmp_path, made(["uno", "malo", "tres"], ["es"] * 3), base_url=there.url, back=False)
    assert sorted(output.annotations["text"]) == ["[en] tres", "[en] uno"]
    [letter] = output.dead_letters.to_dicts()
    assert (letter["item_id"], letter["task"], letter["reason"]) == (item_id("made", "1"), "translation", "http")
    assert "this text I do not take" in letter["detail"]


def test_a_busy_server_is_asked_again_after_what_it_says(server: Callable[..., Any], tmp_path: Path) -> None:
    there = server(busy=2)
    output = translate(tmp_path, made(["uno"], ["es"]), base_url=there.url, back=False)
    assert output.annotations["text"].to_list() == ["[en] uno"]
    assert len(there.asked) == 3


def test_a_server_that_loses_texts_gives_no_row_the_translation_of_another(
    server: Callable[..., Any], tmp_path: Path
) -> None:
    with pytest.raises(DsbuildError, match="as many texts as it was given"):
        translate(tmp_path, made(["uno", "dos"], ["es"] * 2), base_url=server(short=True).url, max_attempts=1)


def test_a_server_that_is_not_there_stops_the_run_with_its_address(tmp_path: Path) -> None:
    items = made([f"texto {number}" for number in range(40)], ["es"] * 40)
    with pytest.raises(DsbuildError, match=r"http://127\.0\.0\.1:9") as caught:
        translate(tmp_path, items, base_url="http://127.0.0.1:9", max_attempts=1, batch=1)
    assert "run again" in str(caught.value)


def test_a_key_is_sent_from_the_environment_and_stands_in_no_message(
    server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = server(key="the-right-key")
    items = made(["uno"], ["es"])
    monkeypatch.setenv("MT_KEY", "wrong-key-4711")
    with pytest.raises(DsbuildError, match="does not accept the key") as caught:
        translate(tmp_path, items, base_url=there.url, api_key_env="MT_KEY")
    assert "4711" not in str(caught.value)
    monkeypatch.setenv("MT_KEY", "the-right-key")
    assert translate(tmp_path, items, base_url=there.url, api_key_env="MT_KEY").annotations.height == 1
    monkeypatch.delenv("MT_KEY")
    with pytest.raises(DsbuildError, match="MT_KEY is not set"):
        translate(tmp_path, items, base_url=there.url, api_key_env="MT_KEY")


def test_apertiums_interface_is_spoken_and_needs_a_language(server: Callable[..., Any], tmp_path: Path) -> None:
    there = server()
    items = made(["uno\ny dos", "sin lengua"], ["es-MX", None])
    output = translate(tmp_path, items, backend="apertium", base_url=there.url)
    assert output.annotations["text"].to_list() == ["[en] uno\ny dos"]
    assert there.asked[0][:2] == ("es", "en")
    assert "has no language" in output.dead_letters["detail"][0]


def test_web_services_are_spoken_to_by_deep_translator(
    server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import deep_translator.google

    there = server()
    monkeypatch.setitem(deep_translator.google.BASE_URLS, "GOOGLE_TRANSLATE", f"{there.url}/m")
    items = made(["मी आनंदी आहे", "Estou feliz", "Nuqaqa kusisqam"], ["mr", "pt-BR", "xx"])
    output = translate(tmp_path, items, backend="google", back=False)
    assert sorted(output.annotations["text"]) == ["[en] Estou feliz", "[en] मी आनंदी आहे"]
    assert sorted(asked[:2] for asked in there.asked) == [("mr", "en"), ("pt", "en")]
    assert output.dead_letters["detail"].to_list() == ["google does not know the language xx"]


def test_a_translation_can_answer_a_text_task_and_no_other(server: Callable[..., Any], tmp_path: Path) -> None:
    english = Task(name="english", kind="text", perspective="writer", instructions={"en": "Translate."})
    choice = Task(name="tie", kind="pairwise", perspective="reader", instructions={"en": "Which?"})
    config = TranslatorConfig(name="mt", backend="google", tasks=("english",))
    assert config.cannot(english) is None
    assert "tie is pairwise" in str(config.cannot(choice))
    output = translate(tmp_path, made(["uno"], ["es"]), [english], base_url=server().url, tasks=("english",))
    assert output.annotations["task"].to_list() == ["english"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"backend": "libretranslate"}, "say where it is in base_url"),
        ({"backend": "google", "base_url": "http://x"}, "an address of its own"),
        ({"backend": "deepl"}, "name its environment variable in api_key_env"),
        ({"backend": "apertium", "base_url": "http://me:secret@host/"}, "must not hold a user"),
    ],
)
def test_a_translator_that_cannot_work_is_refused_in_the_recipe(wrong: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TranslatorConfig.model_validate({"name": "mt", **wrong})
