"""Rows made into items: their place in a dialogue, their groups, their media."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from corpora.columns import PERSONS, MediaFile
from corpora.entry import Source
from corpora.lists import in_rows, listed
from corpora.pseudonyms import Pseudonyms
from corpora.scope import Scope
from schemas.files import sha256_below
from schemas.ids import item_hash
from schemas.tables import ITEMS, conform, polars_schema

NO_TURN = "turn is no number"
NO_TIME = "start or end is no time"

_CONTEXT = pl.struct(item_id="before_id", speaker="before_speaker", text="before_text")


@dataclass(frozen=True)
class Parts:
    """The columns of the file that items are made of, with the place in the recipe that names each."""

    source: Source

    def texts(self) -> dict[str, str]:
        """{place in the entry: column or pattern}."""
        reading = self.source.reading
        named = {f"columns.{role}": text for role, text in self.source.columns.named().items()}
        named |= {f"groups.{kind}": text for kind, text in reading.groups.items()}
        for role, media in reading.media.items():
            for key, text in media.model_dump().items():
                if text is not None:
                    named[f"media.{role}.{key}"] = text
        return named

    def persons(self) -> dict[str, str]:
        """{place in the entry: column or pattern} of those that are names of people."""
        named = self.texts()
        return {place: text for place, text in named.items() if place.rpartition(".")[2] in PERSONS}


def with_parts(read: pl.DataFrame, source: Source, scope: Scope, names: Pseudonyms) -> pl.DataFrame:
    """`read` with a column for each part of an item: `_text_`, `_language_`, `_split_`, `_dialogue_`, `_turn_` (a
    Float64), `_speaker_`, `_group:KIND`, `_media:ROLE:KEY`. Names of people are pseudonyms from here on."""
    exprs = {
        f"_{role}_": scope.expr(text) for role, text in source.columns.named().items() if role not in ("id", "text")
    }
    exprs |= {f"_group:{kind}": scope.expr(text) for kind, text in source.reading.groups.items()}
    for role, media in source.reading.media.items():
        exprs[f"_media:{role}:path"] = scope.expr(media.path)
        for key in ("start", "end"):
            text = getattr(media, key)
            if text is not None:
                exprs[f"_media:{role}:{key}"] = seconds(scope.expr(text))
    if source.columns.text is not None:
        # The text as it stands, a blank one too: that is for the caller to refuse.
        exprs["_text_"] = (
            pl.col(source.columns.text) if "{" not in source.columns.text else scope.expr(source.columns.text)
        )
    else:
        exprs["_text_"] = pl.lit(None, dtype=pl.String)
    for role in ("language", "split"):
        if f"_{role}_" in exprs:
            exprs[f"_{role}_"] = exprs[f"_{role}_"].str.strip_chars()
    made = read.with_columns(**exprs)
    if source.columns.turn is not None:
        made = made.with_columns(pl.col("_turn_").str.strip_chars().cast(pl.Float64, strict=False))
    for column in ("_speaker_", *(f"_group:{kind}" for kind in PERSONS)):
        if column in made.columns:
            made = made.with_columns(names.column(made[column]).alias(column))
    return made


def alike(source: Source) -> list[str]:
    """The parts in which rows of one item have to be the same."""
    roles = [f"_{role}_" for role in source.columns.named() if role not in ("id",)]
    media = [
        f"_media:{role}:{key}"
        for role, one in source.reading.media.items()
        for key in ("path", "start", "end")
        if getattr(one, key) is not None
    ]
    return [*roles, *(f"_group:{kind}" for kind in source.reading.groups), *media]


def make_items(source: Source, read: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """The items (ITEMS) of the rows `read`, one each, and the hashes (String) of what annotators are shown of them.

    `read` has what `with_parts` gives, `_id_`, `_key_`, `_file_` (name), `_file_split_`, `_line_` and `_extra_`.
    """
    language: pl.Expr = pl.lit(source.language, dtype=pl.String)
    if source.columns.language is not None:
        language = pl.coalesce("_language_", language)
    split = pl.col("_split_") if source.columns.split is not None else pl.col("_file_split_")
    dtypes = polars_schema(ITEMS)
    more = {
        "context": _context(source, read),
        "groups": _groups(source, read),
        "media": _media(source.reading.media, read, dtypes["media"], source.folder),
    }
    frame = read.select(
        item_id=pl.col("_id_"),
        corpus=pl.lit(source.name),
        modality=pl.lit(source.modality),
        language=language,
        text=pl.col("_text_"),
        source_split=split,
        speaker=pl.col("_speaker_") if source.columns.speaker is not None else pl.lit(None, dtype=pl.String),
        source=pl.struct(pl.col("_key_").alias("key"), pl.col("_file_").alias("file"), pl.col("_line_").alias("row")),
        extra=pl.col("_extra_"),
    ).with_columns(**{name: column for name, column in more.items() if column is not None})
    items = conform(frame, ITEMS)
    texts = items["text"].to_list()
    if more["context"] is None and more["media"] is None:
        hashes = [item_hash(text) for text in texts]
    else:
        hashes = [
            item_hash(text, context, media)
            for text, context, media in zip(texts, items["context"].to_list(), items["media"].to_list(), strict=True)
        ]
    return items, pl.Series("_hash_", hashes, dtype=pl.String)


def _context(source: Source, read: pl.DataFrame) -> pl.Series | None:
    """The turns before each, at most so many: {item_id, speaker, text}, the oldest first."""
    turns = source.reading.context
    if source.columns.turn is None or not turns:
        return None
    speaker = pl.col("_speaker_") if source.columns.speaker is not None else pl.lit(None, dtype=pl.String)
    frame = read.select("_dialogue_", "_turn_", "_id_", "_text_", speaker.alias("_speaker_")).with_row_index("row")
    frame = frame.filter(pl.col("_dialogue_").is_not_null()).sort("_dialogue_", "_turn_", maintain_order=True)
    parts = [
        frame.select(
            "row",
            pl.lit(turns - back, dtype=pl.UInt32).alias("place"),
            *(
                pl.col(f"_{name}_").shift(back).over("_dialogue_").alias(f"before_{name}")
                for name in ("id", "speaker", "text")
            ),
        ).filter(pl.col("before_id").is_not_null())
        for back in range(1, turns + 1)
    ]
    lists = listed(pl.concat(parts).sort("row", "place"), _CONTEXT, "context")
    rows = pl.int_range(read.height, dtype=pl.UInt32, eager=True)
    # The first turn of a dialogue has no turn before it, which is known: an empty list, not a null one.
    return in_rows(lists, "context", rows).fill_null([])


def _groups(source: Source, read: pl.DataFrame) -> pl.Series | None:
    kinds = {"dialogue": "_dialogue_"} if source.columns.dialogue is not None else {}
    kinds |= {"speaker": "_speaker_"} if source.columns.speaker is not None else {}
    kinds |= {kind: f"_group:{kind}" for kind in source.reading.groups}
    if not kinds:
        return None
    parts = [
        read.select(pl.col(column).alias("id"))
        .with_row_index("row")
        .drop_nulls("id")
        .with_columns(pl.lit(kind).alias("kind"), pl.lit(place, dtype=pl.UInt32).alias("place"))
        for place, (kind, column) in enumerate(kinds.items())
    ]
    lists = listed(pl.concat(parts).sort("row", "place"), pl.struct("kind", "id"), "groups")
    return in_rows(lists, "groups", pl.int_range(read.height, dtype=pl.UInt32, eager=True))


def _media(
    media: Mapping[str, MediaFile], read: pl.DataFrame, dtype: pl.DataType, folder: Path | None
) -> pl.Series | None:
    """The column `media`; a file that lies where the corpus says, below `folder`, is known by its hash."""
    if not media:
        return None
    assert isinstance(dtype, pl.List)
    assert isinstance(dtype.inner, pl.Struct)
    parts = []
    for place, (role, one) in enumerate(media.items()):
        path = read[f"_media:{role}:path"]
        kinds = {
            name: mimetypes.guess_type(f"x.{name}")[0] for name in path.str.extract(r"\.([^./]+)$").unique() if name
        }
        hashes: dict[str, str] = {}
        if folder is not None:
            found = ((name, sha256_below(folder, name)) for name in path.drop_nulls().unique())
            hashes = {name: sha256 for name, sha256 in found if sha256 is not None}
        given = {
            "sha256": pl.col("path").replace_strict(hashes, default=None, return_dtype=pl.String),
            "role": pl.lit(role),
            "path": pl.col("path"),
            "mime": pl.col("path")
            .str.extract(r"\.([^./]+)$")
            .replace_strict(kinds, default=None, return_dtype=pl.String),
            "start_s": pl.col("start") if one.start is not None else pl.lit(None),
            "end_s": pl.col("end") if one.end is not None else pl.lit(None),
        }
        member = pl.struct(
            (given.get(field.name, pl.lit(None))).cast(field.dtype).alias(field.name) for field in dtype.inner.fields
        )
        columns = {"path": path} | {
            key: read[f"_media:{role}:{key}"] for key in ("start", "end") if getattr(one, key) is not None
        }
        frame = pl.DataFrame(columns).with_row_index("row").drop_nulls("path")
        parts.append(frame.select("row", pl.lit(place, dtype=pl.UInt32).alias("place"), member.alias("member")))
    lists = listed(pl.concat(parts).sort("row", "place"), pl.col("member"), "media")
    return in_rows(lists, "media", pl.int_range(read.height, dtype=pl.UInt32, eager=True))


def seconds(cells: pl.Expr) -> pl.Expr:
    """Times in seconds, Float64, of numbers or hh:mm:ss.fff (a comma will do); null where a cell is neither."""
    text = cells.str.strip_chars().str.replace(",", ".", literal=True)
    parts = text.str.extract_groups(r"^(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$")
    hours, minutes, rest = (parts.struct[place].cast(pl.Float64, strict=False) for place in range(3))
    clock = hours.fill_null(0.0) * 3600 + minutes * 60 + rest
    return pl.coalesce(text.cast(pl.Float64, strict=False), clock).round(6)
