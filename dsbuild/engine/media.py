"""Where the files of a corpus's media lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import DsbuildError

if TYPE_CHECKING:
    from dsbuild.engine.node import Context


def corpus_folder(ctx: Context, corpus: str) -> Path:
    """The folder that the paths of the media of `corpus` start from: the one its files' names start from.

    Raises:
        DsbuildError: the recipe has no such corpus, or its files are pulled from the net, and no media with them.
    """
    from corpora.entry import resolve

    entry = next((one for one in ctx.recipe.corpora if one.name == corpus), None)
    if entry is None:
        raise DsbuildError(f'Nothing says where the files of the corpus "{corpus}" lie.')
    folder = resolve(entry, ctx.directory).folder
    if folder is not None:
        return folder
    raise DsbuildError(
        f'The files of the corpus "{corpus}" are pulled from the net, and its media are not with them.',
        fix=f"Point to a local copy that has them: --set corpora.{corpus}.path=DIR",
    )
