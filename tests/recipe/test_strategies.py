"""What a recipe says of a strategy is held against it before anything runs, with the place where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsbuild.recipe import load
from schemas.errors import RecipeError

RECIPE = """dataset: lab
tasks:
  - {{name: emotion, kind: multi, taxonomy: ekman-neutral, perspective: reader}}
  - {{name: words, kind: open, perspective: reader}}
corpora: [{{name: tweets, path: tweets.csv, columns: {{id: id, text: text}}, labels: none}}]
annotate:
  - {{name: small, kind: lexicon, tasks: [emotion]}}
  - {{name: gpt, kind: llm, model: m, {options}}}
"""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("strategy: hints", r"recipe.yaml:8:.*sees none.*Name the annotators that give the hints in `sees`"),
        ("strategy: critic, sees: [nobody]", r"nobody"),
        ("stimulus: EP02", r"recipe.yaml:8:.*`stimulus` is set.*emotion_prompt or negative_prompt"),
        ("strategy: emotion_prompt, stimulus: EP12", r"no stimulus \"EP12\".*EP01 to EP11"),
        ("strategy: cotr, pivot: Hindi", r"pivot"),
        ("strategy: open", r"for tasks of kind open, and emotion is of kind multi"),
        ("language: ja", r"emotion has no instructions in the language ja"),
        (
            "instructed: false, strategy: translate_then_label, sees: [small]",
            r"told in words.*A base model can have: cot",
        ),
        ("prompt: nothing.j2", r"cannot be read"),
    ],
)
def test_an_option_that_does_not_fit_is_told_with_its_place(tmp_path: Path, options: str, words: str) -> None:
    (tmp_path / "tweets.csv").write_text("id,text\n1,x\n")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.format(options=options))
    with pytest.raises(RecipeError, match=f"(?s){words}"):
        load(path)


@pytest.mark.parametrize(
    "options",
    [
        "strategy: hints, sees: [small]",
        "strategy: emotion_prompt, stimulus: [EP02, EP05]",
        "strategy: cotr, pivot: hi, language: mr, persona: a nurse",
        "strategy: self_consistency, tasks: [emotion]",
        "strategy: open, tasks: [words], language: item",
    ],
)
def test_what_fits_is_taken(tmp_path: Path, options: str) -> None:
    (tmp_path / "tweets.csv").write_text("id,text\n1,x\n")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.format(options=options))
    assert load(path).recipe.annotate[1].name == "gpt"
