"""Text in one form, with what carries meaning left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.normalise import Normalise, normalised, without_idle

ZWNJ, ZWJ, ZWSP = "\u200c", "\u200d", "\u200b"


def apply(function: Callable[[pl.Expr], pl.Expr], text: str) -> str:
    return str(pl.DataFrame({"text": [text]}).select(function(pl.col("text"))).item())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("cafe\u0301", "caf\u00e9"),
        ("  a \u00a0\n\tb\u3000\u2028c\x1f ", "a b c"),
        ("a\x00b\x07c\x9fd", "abcd"),
        ("a \x07 b", "a b"),
        ("e\x08\u0301", "\u00e9"),
        (f"उद्{ZWNJ}घाटन", f"उद्{ZWNJ}घाटन"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
    ],
)
def test_text_comes_in_one_form(raw: str, expected: str) -> None:
    assert apply(normalised, raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"उद्{ZWNJ}घाटन", f"उद्{ZWNJ}घाटन"),  # a virama, then the form without a ligature
        (f"क्{ZWJ} ", f"क्{ZWJ}"),  # a half form on its own
        (f"हा{ZWNJ} नमुना", "हा नमुना"),
        (f"आहे {ZWNJ}का", "आहे का"),
        (f"नये..{ZWNJ}कु", "नये..कु"),
        (f"می{ZWNJ}خواهم", f"می{ZWNJ}خواهم"),
        (f"1402 ه{ZWJ}.", f"1402 ه{ZWJ}."),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
        (f"he{ZWNJ}l{ZWJ}{ZWNJ}lo", "hello"),
        (f"a{ZWSP}b\u00adc\u2060d\ufeff", "abcd"),
        (f"ภาษา{ZWSP}ไทย", f"ภาษา{ZWSP}ไทย"),
        ("a \u2060 b", "a b"),
        ("\u200fשלום\u200f", "\u200fשלום\u200f"),
    ],
)
def test_invisible_characters_go_only_where_they_do_nothing(raw: str, expected: str) -> None:
    assert apply(lambda text: without_idle(normalised(text)), raw) == expected


MIXED = st.text(
    st.sampled_from([*"ab क्षाด.1 \n\x07", ZWNJ, ZWJ, ZWSP, "\u00ad", "\u0301", "\ufeff", "ه", "\U0001f469"])
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(MIXED, st.text(st.characters(codec="utf-8"))), min_size=1, max_size=20))
def test_doing_it_twice_changes_nothing(texts: list[str]) -> None:
    column = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    once = column.select(normalised(pl.col("text")))
    assert once.select(normalised(pl.col("text"))).equals(once)
    bare = once.select(without_idle(pl.col("text")))
    assert bare.select(without_idle(pl.col("text"))).equals(bare)
    assert bare.select(normalised(pl.col("text"))).equals(bare)


def test_figures_count_what_changed_and_empty_texts_are_rejected(items: Any, run: Any) -> None:
    frame = items([{"text": "same"}, {"text": "two  blanks"}, {"text": "\x07"}, {"text": None}, {"text": "a\u2060"}])
    plain = run(Normalise(), frame)
    assert plain.items["text"].to_list() == ["same", "two blanks", None, "a\u2060"]
    assert plain.figures == {"changed": 2}
    assert plain.rejects.select("reason", "item_id").rows() == [("empty text", "i2")]
    bare = run(Normalise(invisible="remove"), frame, batch=2)
    assert bare.items["text"].to_list() == ["same", "two blanks", None, "a"]
    assert bare.figures == {"changed": 3, "invisible characters": 1}


def test_the_turns_before_an_item_are_put_in_the_same_form(items: Any, run: Any) -> None:
    context = [{"item_id": "x", "speaker": "A", "text": "well  now"}, {"item_id": None, "speaker": None, "text": None}]
    done = run(Normalise(), items([{"text": "a", "context": context}, {"text": "b", "context": None}]))
    assert done.items["context"].to_list() == [
        [{"item_id": "x", "speaker": "A", "text": "well now"}, {"item_id": None, "speaker": None, "text": None}],
        None,
    ]


def test_a_recipe_writes_the_name_alone_or_with_options() -> None:
    assert Normalise.from_recipe(None) == Normalise()
    assert Normalise.from_recipe({"invisible": "remove"}).invisible == "remove"
    with pytest.raises(ValueError, match="Extra inputs"):
        Normalise.from_recipe({"form": "NFKC"})
    with pytest.raises(ValueError, match="options are a mapping"):
        Normalise.from_recipe("NFC")
