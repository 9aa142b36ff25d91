"""Every mistake is told with file, line and column, and with what was meant; all of them at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dsbuild.recipe import BadRecipe, load

Write = Callable[..., str]

# (what stands in the recipe, what is written instead with § before the place of the mistake, what is said about it)
GATES = """\
gates:
  - {metric: krippendorff_alpha, task: emotion, from: [main], at_least: 0.6}
  - {metric: leakage, by: [exact, near], near: 0.9, at_most: 0}"""

MISTAKES = [
    # keys
    ("licence: CC0-1.0", "§license: CC0-1.0", 'license: unknown key; did you mean "licence"?'),
    ("strategy: cotr", "§strategey: cotr", 'annotate[0].strategey: unknown key; did you mean "strategy"?'),
    ("model: gpt-4o", "§modle: gpt-4o", 'annotate[0].modle: unknown key; did you mean "model"?'),
    ("near: 0.9, keep", "§nera: 0.9, keep", 'build[2].deduplicate.nera: unknown key; did you mean "near"?'),
    ("share: 0.5", "§shere: 0.5", 'gold[0].suggest.shere: unknown key; did you mean "share"?'),
    ("on: {splits: [test]}", "on: {§split: [test]}", 'gold[0].on.split: unknown key; did you mean "splits"?'),
    ("id: id, text: text", "id: id, §txt: text", 'corpora[0].columns.txt: unknown key; did you mean "text"?'),
    ("kind: author", "§kidn: author", 'corpora[0].labels[0].kidn: unknown key; did you mean "kind"?'),
    ("at_least: 0.6", "at_least: 0.6, §tsak: x", 'gates[0].tsak: unknown key; did you mean "task"?'),
    ("repo: lab/tweets", "§hub: x", "release.hub: unknown key; known here: version, repo, licence"),
    ("dataset: tweets", "§title: Tweets", "dataset: this key is missing"),
    ("- {name: gpt, kind: llm, model: gpt-4o,", "- §{name: gpt, kind: llm,", "annotate[0].model: this key is missing"),
    ("- {name: gpt, kind: llm,", "- §{name: gpt,", "annotate[0].kind: wanted a kind of annotator: "),
    # values
    ("dataset: tweets", "dataset: §My Tweets", "dataset: wanted lower-case letters, digits, _ . and -, the first"),
    ("dataset: tweets", "dataset: §7", "dataset: wanted a text, not 7; put it into quotes"),
    ("dataset: tweets", "dataset:§", "dataset: wanted a text, not nothing"),
    ("kind: multi", "kind: §mutli", 'tasks[0].kind: "mutli" is not one of them; did you mean "multi"?'),
    ("kind: choice", "kind: §3", "tasks[1].kind: wanted one of choice, multi, ranking, intensity, sca"),
    (
        "perspective: writer",
        "perspective: §riter",
        'tasks[0].perspective: "riter" is not one of them; did you mean "wri',
    ),
    ("[reader, writer]", "[reader, §editor]", 'tasks[1].perspective[1]: "editor" is not one of them; '),
    ("[reader, writer]", "§[]", "tasks[1].perspective: wanted a list of at least 1, not an empty list"),
    ("[reader, writer]", "§[reader, reader]", "tasks[1].perspective: a perspective stands here twice"),
    ("ekman-neutral, perspective: w", "§ekman-netral, perspective: w", "tasks[0].taxonomy: There is no taxonomy"),
    ("ekman-neutral, perspective: w", "§ekman-netral, perspective: w", 'Did you mean "ekman-neutral"?'),
    ("ekman-neutral, perspective: w", "§mine.yaml, perspective: w", "mine.yaml: There is no such taxonomy file."),
    (
        "{name: emotion, kind: multi, taxonomy: ekman-neutral",
        "§{name: emotion, kind: multi",
        "a multi task needs a tax",
    ),
    ("kind: multi, taxonomy: e", "kind: text, taxonomy: §e", "tasks[0].taxonomy: a text task has no taxonomy"),
    ("kind: llm, model: gpt-4o", "kind: §lmm, model: gpt-4o", "annotate[0].kind: there is no kind of annotator"),
    ("kind: llm, model: gpt-4o", "kind: §lmm, model: gpt-4o", 'did you mean "llm"?'),
    ("strategy: cotr", "params: {temperature: §hot}", 'annotate[0].params.temperature: wanted a number, not "hot"'),
    ("strategy: cotr", "params: {temperature: §3}", "annotate[0].params.temperature: wanted at most 2.0, not 3"),
    ("share: 0.5", "share: §50", "gold[0].suggest.share: wanted at most 1.0, not 50"),
    (
        "path: {train: train.csv, test: test.csv}",
        "path: §[a]",
        "corpora[0].path: wanted a text or keys with values, not",
    ),
    ("path: {train: train.csv,", "path: §{train: trian.csv,", "corpora[0].path: There is no file"),
    ("path: {train: train.csv,", "path: §{train: trian.csv,", 'Did you mean "train.csv"?'),
    ("people: [p1, p2]", "people: §p1", "gold[0].people: people is a list of names"),
    ("method: intersection", "method: §intersecton", 'aggregate[0].method: "intersecton" is not one of them; did you'),
    ("compare: [union]", "compare: [§onion]", 'aggregate[0].compare[0]: "onion" is not one of them; did you mean "un'),
    ("at_least: 0.6", "at_least: §high", 'gates[0].at_least: wanted a number, not "high"'),
    ("- {metric: kripp", "- §{at_most: 1, metric: kripp", "gates[0]: a gate has exactly one of at_least and at_most"),
    ("repo: lab/tweets", "version: §1.0", "release.version: wanted a text, not 1.0; put it into quotes"),
    ("repo: lab/tweets", "version: §one", 'release.version: wanted "auto" or a version like "1.0.0"; not "one"'),
    ("repo: lab/tweets", "repo: §a b", 'release.repo: wanted a repository like user/name; not "a b"'),
    ("licence: CC0-1.0", "budget: {usd: §lots}", 'budget.usd: wanted a number, not "lots"'),
    ("licence: CC0-1.0", "budget: {usd: §-1}", "budget.usd: wanted at least 0.0, not -1"),
    ("licence: CC0-1.0", "seed: §1.5", "seed: wanted a whole number, not 1.5"),
    ("licence: CC0-1.0", "seed: §true", "seed: wanted a whole number, not true"),
    ("licence: CC0-1.0", "max_rejects: §5%", "max_rejects: wanted a share (0.05) or a count (100)"),
    ("licence: CC0-1.0", "max_rejects: §1.5", "max_rejects: a share is at most 1.0; a count is written without"),
    # shapes
    ("- normalise", "- §normalize", 'build[0]: there is no step "normalize"; did you mean "normalise"?'),
    ("split: source", "split: §sauce", "build[1].split: split is `source`, or a mapping such as"),
    (
        "- split: source",
        "- §split: source\n    seed: 7",
        "build[1]: an entry of build is one step, but this one has the",
    ),
    ("- normalise", "- §[normalise]", "build[0]: a step is its name, or {name: options}"),
    (
        "- {name: gpt, kind: llm, model: gpt-4o, strategy: cotr}",
        "- §gpt",
        "annotate[0]: an annotator is keys with values",
    ),
    ("release: {repo: lab/tweets}", "release: §lab/tweets", 'release: wanted keys with values, not "lab/tweets"'),
    (GATES, "gates: §x", 'gates: wanted a list, not "x"'),
    ("data: {", "§gold: {", 'the key "gold" stands here twice (first in line 18)'),
    # references
    (
        "tasks: [emotion]}",
        "tasks: [§emotoin]}",
        'annotate[1].tasks[0]: there is no task "emotoin"; did you mean "emotion"?',
    ),
    (
        "tasks: [emotion]}",
        "tasks: [emotion, §mood]}",
        'annotate[1].tasks[1]: there is no task "mood"; did you mean "mood_',
    ),
    (
        "strategy: cotr",
        "on: {corpora: [§twets]}",
        'annotate[0].on.corpora[0]: there is no corpus "twets"; did you mean',
    ),
    (
        "splits: [test]",
        "splits: [§tset]",
        'gold[0].on.splits[0]: no item can be in a split "tset"; did you mean "test"?',
    ),
    ("from: gpt,", "from: §gtp,", 'gold[0].suggest.from: there is no annotator "gtp"; did you mean "gpt"?'),
    (
        "silver, task: emotion",
        "silver, task: §emotions",
        'aggregate[0].task: there is no task "emotions"; did you mean "em',
    ),
    (
        "from: [gpt, gpt-4.1]",
        "from: [§gtp, gpt-4.1]",
        'aggregate[0].from[0]: there is no annotator or session or corpus "gtp"',
    ),
    ("from: [gpt, gpt-4.1]", "from: [gpt, §gold]", "aggregate[0].from[1]: an aggregate is made of annotations"),
    (
        'stated, task: emotion, from: ["tweets:self"]',
        "stated, task: mood_reader, from: §gpt-4.1",
        'does not answer "mood',
    ),
    (
        '["tweets:self"]',
        '[§"tweets:sefl"]',
        'the corpus "tweets" came with no annotator "sefl" of "emotion"; did you mean "s',
    ),
    ('["tweets:self"]', '[§"tweet:self"]', 'aggregate[2].from[0]: there is no corpus "tweet"; did you mean "tweets"?'),
    (
        'stated, task: emotion, from: ["tweets:self"]',
        "stated, task: mood_reader, from: §tweets",
        "carry no annotations of",
    ),
    ("compare: [union]", "compare: §[intersection]", 'aggregate[0].compare: "intersection" is the method itself'),
    ("method: intersection", "method: §adjudicated", 'people\'s answers are adjudicated, and "gpt" is an annotator'),
    (
        'from: ["tweets:self"]',
        "from: [main], method: §stated",
        'only authors state their emotion, and "main" is not an author',
    ),
    ("compare: [union]", "options: {§ties: x}", "aggregate[0].options.ties: unknown key"),
    (
        "- {name: stated, task",
        "- {name: §main, task",
        'aggregate[2].name: the name "main" is taken by the session gold[0]',
    ),
    (
        "- {name: mood, kind",
        "- {name: §emotion, kind: text, perspective: reader}\n  - {name: mood, kind",
        "is taken by the task",
    ),
    (
        "from: [main], at",
        "from: [§mian], at",
        'gates[0].from[0]: there is no annotator or session or corpus "mian"; did you',
    ),
    ("from: [main], at", "from: §[gpt], at", "gates[0].from: agreement is between at least two annotators"),
    ("krippendorff_alpha, task: emotion", "krippendorff_alpha, task: §emo", 'gates[0].task: there is no task "emo"'),
    (
        "near: 0.9, at_most",
        "near: §0.95, at_most",
        "gates[1].near: 0.95 is looser than deduplication, which looks from 0.9",
    ),
    ("data: {emotion: [", "data: {§emotoin: [", 'data.emotoin: there is no task "emotoin"; did you mean "emotion"?'),
    (
        "data: {emotion: [gold",
        "data: {emotion: [§glod",
        'data.emotion[0]: there is no aggregate "glod"; did you mean "gold"?',
    ),
    (
        "{emotion: [gold, silver]}",
        "{mood_reader: [§gold]}",
        'data.mood_reader[0]: the aggregate "gold" is of the task "emo',
    ),
    ("split: source", "split: {stratify: §emotoin}", 'build[1].split.stratify: there is no task "emotoin"'),
    # who reads whom, and which items that decides
    (
        "strategy: cotr",
        "strategy: critic, sees: [§gtp-4.1]",
        'annotate[0].sees[0]: there is no annotator or corpus "gtp-4.1"; did you mean "gpt-4.1"?',
    ),
    (
        "strategy: cotr",
        "strategy: critic, sees: [§gpt]",
        'annotate[0].sees[0]: none of them can be the first: "gpt" needs "gpt"',
    ),
    (
        "strategy: cotr",
        "on: {where: §'uncertain(gpt)'}",
        'annotate[0].on.where: none of them can be the first: "gpt" needs "gpt"',
    ),
    (
        "on: {splits: [test]}",
        "on: {where: §'disagree(gpt, gtp-4.1)'}",
        'gold[0].on.where: there is no annotator or corpus "gtp-4.1"; did you mean "gpt-4.1"?; in disagree(gpt, gtp',
    ),
    (
        "on: {splits: [test]}",
        "on: {where: §'disagree(gpt) or missing(gpt)'}",
        "gold[0].on.where: one annotator cannot disagree, name at least two; in disagree(gpt)",
    ),
    (
        "on: {splits: [test]}",
        "on: {where: §'disagre(gpt, gpt-4.1)'}",
        "gold[0].on.where: there is no such question, did you mean disagree?: >>>disagre<<<(gpt, gpt-4.1)",
    ),
    (
        "on: {splits: [test]}",
        "on: {where: §'missing(gpt, task: emotoin)'}",
        'gold[0].on.where: there is no task "emotoin"; did you mean "emotion"?; in missing(gpt, task: emotoin)',
    ),
    (
        "on: {splits: [test]}",
        "on: {where: §'disagree(gpt, main)'}",
        'gold[0].on.where: there is no annotator or corpus "main"; ',
    ),
    # limits and batches
    ("strategy: cotr", "requests_per_minute: §0", "annotate[0].requests_per_minute: "),
    ("strategy: cotr", "batch: §often", 'annotate[0].batch: wanted true or false, not "often"'),
    # what would undo what dsbuild itself says in a request, and numbers that are none
    ("strategy: cotr", "params: {extra_body: §{messages: []}}", "and messages is one of these"),
    ("strategy: cotr", "params: {extra_body: §{max_tokens: 9}}", "and max_tokens is one of these"),
    ("strategy: cotr", "price: {output: 1, input: §inf}", "annotate[0].price.input: wanted a finite number"),
    ("strategy: cotr", "deadline_s: §inf", "annotate[0].deadline_s: wanted a finite number"),
    ("strategy: cotr", "§<<: {strategy: cotr}", "YAML 1.2 merges no keys with <<"),
    # what the design has and this version does not
    (
        "columns: {id: id, text: text}",
        "§release: v1",
        "corpora[0].release: not supported by this version of dsbuild; name the release's files in path",
    ),
    # secrets
    ("strategy: cotr", "§api_key: sk-12345678", 'annotate[0].api_key: unknown key; did you mean "api_key_env"?'),
    ("strategy: cotr", "api_key_env: §sk-12345678", "annotate[0].api_key_env: wanted the name of an environment vari"),
    ("strategy: cotr", "base_url: §'http://me:pw@host/v1'", "annotate[0].base_url: base_url must not hold a user or a"),
    ("repo: lab/tweets", "repo: §'https://me:pw@host/r'", "release.repo: wanted a repository"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[row[2][:50] for row in MISTAKES])
def test_a_mistake_is_told_with_its_place_and_what_was_meant(
    write: Write, recipe_text: str, right: str, wrong: str, said: str
) -> None:
    assert right in recipe_text
    before, mark, _ = recipe_text.replace(right, wrong, 1).partition("§")
    assert mark
    name = write(recipe_text.replace(right, wrong.replace("§", ""), 1))

    with pytest.raises(BadRecipe) as caught:
        load(name)

    message = str(caught.value)
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    assert message.startswith(f"r.yaml:{line}:{column}: ")
    assert said in message
    assert caught.value.exit_code == 2
    # One mistake is one mistake: nothing else is said to be wrong because of it.
    assert len(caught.value.mistakes) == 1
    assert "sk-1234" not in message
    assert "me:pw" not in message


def test_a_split_that_no_step_makes_cannot_be_chosen(write: Write, recipe_text: str) -> None:
    with pytest.raises(BadRecipe, match=r"r.yaml:19:18: gold\[0\].on.splits: no item is in a split: the build has no"):
        load(write(recipe_text.replace("  - split: source\n", "")))


def test_the_splits_of_shares_are_known(write: Write, recipe_text: str) -> None:
    text = recipe_text.replace("split: source", "split: {test: 0, validation: 0.1}")

    with pytest.raises(BadRecipe, match=r'no item can be in a split "test"; there are: train, validation'):
        load(write(text))


def test_a_broken_entry_still_counts_as_declared(write: Write, recipe_text: str) -> None:
    text = recipe_text.replace("- {name: silver, task: emotion, from: [gpt, gpt-4.1],", "- {name: silver,")

    with pytest.raises(BadRecipe) as caught:
        load(write(text))

    assert [mistake.key for mistake in caught.value.mistakes] == ["aggregate[0].task", "aggregate[0].from"]
