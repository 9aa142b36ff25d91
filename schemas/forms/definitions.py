"""What every table holds, column by column: the one place where it is declared and explained."""

from __future__ import annotations

from schemas.forms import vocabularies as v
from schemas.forms.column import Column, Declared

_TURN = (
    Column("item_id", "string", "the id of the turn, where it is an item", form="id"),
    Column("speaker", "string", "who said it"),
    Column("text", "string", "what was said"),
)
_GROUP = (
    Column("kind", "string", "what the items of the group share", required=True, words=v.GROUP_KINDS, form="id"),
    Column("id", "string", "which group of that kind", required=True, form="id"),
)
_MEDIUM = (
    Column("role", "string", "what the file is to the item", required=True, words=v.MEDIA_ROLES),
    Column("path", "string", "where the file is, as the corpus has it", form="id"),
    Column("sha256", "string", "hash of the file's bytes", form="sha256"),
    Column("mime", "string", "media type", form="mime"),
    Column("start_s", "float64", "where in the file the item begins; null is its beginning", unit="s", low=0),
    Column(
        "end_s",
        "float64",
        "where in the file the item ends; null is its end",
        unit="s",
        low=0,
        not_before="start_s",
        apart=True,
    ),
    Column("rate", "int32", "samples a second of sound or signal, frames a second of video", unit="Hz", low=1),
    Column("channels", "int32", "channels of sound, or electrodes", low=1),
)
_SPAN = (
    Column("item_id", "string", "the item or the turn of its context; null is outside of what was said", form="id"),
    Column(
        "start", "int32", "first character, counted from 0; null where only the turn is known", unit="code point", low=0
    ),
    Column("end", "int32", "the character after the last one", unit="code point", low=0, not_before="start"),
    Column("label", "string", "what the span is, where the task has a taxonomy", form="id"),
    Column("text", "string", "the characters, quoted"),
)
_POINT = (
    Column("t", "float64", "time from the beginning of the item", required=True, unit="s"),
    Column("value", "float64", "the value at that time, in the task's range", required=True),
)
_GIVEN = (
    Column("label", "string", "id of the label in the task's taxonomy", required=True, form="id"),
    Column("score", "float64", "rank, level, share or count of votes, as the task's kind has it"),
    Column("original", "string", "the label as it was given, before aliases and crosswalk"),
    Column(
        "mapping", "string", "how it was converted; null where it was given as a label of the task", words=v.MAPPINGS
    ),
    Column("loss", "float64", "information lost in the conversion; null where there was none", unit="bit", low=0),
)
_DECIDED = (
    Column("label", "string", "id of the label in the task's taxonomy", required=True, form="id"),
    Column("p", "float64", "share or probability of the label", low=0, high=1),
    Column("score", "float64", "aggregated level, rank or number; null where the kind has none"),
)
_SHARE = (
    Column("label", "string", "id of the label in the task's taxonomy", required=True, form="id"),
    Column("p", "float64", "share or probability of the label", required=True, low=0, high=1),
)
_PLACE = (
    Column("label", "string", "id of the label", required=True, form="id"),
    Column("primary", "string", "the primary emotion of TONE it belongs to; null where it has no place"),
    Column("secondary", "string", "the secondary emotion, null above that tier"),
    Column("tertiary", "string", "the tertiary emotion, null above that tier"),
)
_TRAIT = (
    Column("scale", "string", "the questionnaire, e.g. `big-five`", required=True, form="id"),
    Column("name", "string", "the trait", required=True, form="id"),
    Column("value", "string", "its value as released"),
)

ITEMS = Declared(
    "items",
    "a unit that was judged, as it was built from its source",
    ("item_id",),
    (
        Column("item_id", "string", "id, the same on every rebuild", required=True, form="id"),
        Column("corpus", "string", "the corpus it comes from", required=True, form="id"),
        Column("modality", "string", "what kind of thing it is", required=True, words=v.MODALITIES),
        Column("language", "string", "language of the text or the speech", form="language"),
        Column("text", "string", "the text; what is said, for speech; null where there are no words"),
        Column("context", "struct", "the turns before it, the oldest first", many=True, of=_TURN),
        Column("groups", "struct", "what must never be split between train and test", many=True, of=_GROUP),
        Column("speaker", "string", "who speaks, under a pseudonym"),
        Column("media", "struct", "files of sound, image and signal", many=True, of=_MEDIUM),
        Column("created_at", "time", "when the source says it was made"),
        Column("split", "string", "its split in this dataset; null is train", form="split"),
        Column("source_split", "string", "its split in the source"),
        Column("parent", "string", "the item it was translated, cut or synthesised from", form="id"),
        Column(
            "source",
            "struct",
            "where it stands in the source",
            of=(
                Column("key", "string", "the source's own id"),
                Column("file", "string", "the file's name"),
                Column("row", "int64", "line or row in the file", low=0),
            ),
        ),
        Column("extra", "string", "what else the source says: nothing of it is dropped", form="json"),
    ),
)

ANNOTATIONS = Declared(
    "annotations",
    "one annotator's whole answer to one task on one item",
    ("annotation_id",),
    (
        Column("annotation_id", "string", "id, the same on every rebuild", required=True, form="id"),
        Column("item_id", "string", "the item judged", required=True, form="id"),
        Column("item_hash", "string", "hash of what was shown", form="hex"),
        Column("task", "string", "the question", required=True, form="id"),
        Column("perspective", "string", "whose emotion was asked for; the task's", words=v.PERSPECTIVES),
        Column("annotator", "string", "who answered; people under a pseudonym", required=True, form="id"),
        Column("annotator_kind", "string", "what kind of judge", required=True, words=v.ANNOTATOR_KINDS),
        Column("sample", "int32", "which answer of several that one annotator gave, from 0", low=0),
        Column("round", "string", "which time it was asked; null is the first", words=v.ROUNDS),
        Column("parent", "string", "the annotation it edits or adjudicates", form="id"),
        Column("asked", "string", "labels that were put to the annotator; null is all: not asked is not no", many=True),
        Column("shown", "string", "what of the item was shown; null is not known", words=v.SHOWN),
        Column(
            "labels", "struct", "the labels; an empty list says none of these, null is no answer", many=True, of=_GIVEN
        ),
        Column("value", "float64", "the number given, in the task's range"),
        Column("trace", "struct", "a value that changes with time", many=True, of=_POINT),
        Column("spans", "struct", "places in the text; an empty list says none", many=True, of=_SPAN),
        Column("text", "string", "the text given: explanation, caption, translation"),
        Column("confidence", "float64", "how sure the annotator said to be", low=0, high=1),
        Column("votes", "int32", "people behind this row, for a count or a consensus; null is one", low=1),
        Column("skipped", "bool", "whether the annotator was asked and passed"),
        Column("created_at", "time", "when a person answered"),
        Column("lead_time", "float64", "how long a person took", unit="s", low=0),
        Column("provenance", "string", "the row of `provenance` that says how it was made", form="id"),
    ),
)

LABELS = Declared(
    "labels",
    "what one aggregate made of the annotations of one item",
    ("item_id", "task", "perspective", "aggregate"),
    (
        Column("item_id", "string", "the item", required=True, form="id"),
        Column("task", "string", "the question", required=True, form="id"),
        Column("perspective", "string", "whose emotion was asked for; the task's", words=v.PERSPECTIVES),
        Column("aggregate", "string", "the rule of the recipe that made it", required=True, form="id"),
        Column("tier", "string", "whose judgement it rests on", required=True, words=v.TIERS),
        Column(
            "labels", "struct", "the labels; an empty list says none of these, null is no label", many=True, of=_DECIDED
        ),
        Column(
            "soft",
            "struct",
            "the whole distribution in the taxonomy's order, labels chosen or not; null where the rule has none",
            many=True,
            of=_SHARE,
        ),
        Column("value", "float64", "the number, in the task's range"),
        Column("spans", "struct", "places in the text", many=True, of=_SPAN),
        Column("trace", "struct", "a value that changes with time", many=True, of=_POINT),
        Column("text", "string", "the text"),
        Column("method", "string", "how it was aggregated"),
        Column("annotators", "int32", "how many answered", low=0),
        Column("agreement", "float64", "share of those who answered that gave just this answer", low=0, high=1),
        Column("tone", "struct", "where each label stands in TONE", many=True, of=_PLACE),
    ),
)

PEOPLE = Declared(
    "people",
    "one annotator, speaker, author or subject, under a pseudonym",
    ("person",),
    (
        Column("person", "string", "pseudonym: the corpus and a keyed hash of the name", required=True, form="id"),
        Column("roles", "string", "what the person did", many=True, words=v.ROLES),
        Column("identity", "string", "what stands behind the name", words=v.IDENTITIES),
        Column("gender", "string", "as the source says it"),
        Column("age", "string", "age or age group, as the source says it", unit="year"),
        Column("languages", "string", "as the source says them", many=True),
        Column("traits", "struct", "results of questionnaires about the person", many=True, of=_TRAIT),
    ),
)

PROVENANCE = Declared(
    "provenance",
    "one configuration of one annotator",
    ("provenance",),
    (
        Column("provenance", "string", "id: a hash of the rest", required=True, form="id"),
        Column("annotator", "string", "the annotator", required=True, form="id"),
        Column("kind", "string", "what kind of judge", required=True, words=v.ANNOTATOR_KINDS),
        Column("model", "string", "the model's name"),
        Column("identity", "string", "what identifies the model: weights, server, address"),
        Column("params", "string", "parameters of the annotator", form="json"),
        Column("prompt", "string", "the prompt's template"),
        Column("prompt_hash", "string", "hash of the prompt", form="hex"),
        Column("strategy", "string", "how the model is asked"),
        Column("code", "string", "version of the code"),
    ),
)

REJECTS = Declared(
    "rejects",
    "a row that could not be used, and why",
    (),
    (
        Column("stage", "string", "the node that refused it", required=True, form="id"),
        Column("reason", "string", "why, in the same words for every row of its kind", required=True, form="id"),
        Column("item_id", "string", "the item, where it is known"),
        Column("file", "string", "the file's name"),
        Column("line", "int64", "line in the file", low=0),
        Column("detail", "string", "what stood there and what is allowed"),
        Column("raw", "string", "the row as it was"),
    ),
)

DECLARED: dict[str, Declared] = {
    table.name: table for table in (ITEMS, ANNOTATIONS, LABELS, PEOPLE, PROVENANCE, REJECTS)
}
