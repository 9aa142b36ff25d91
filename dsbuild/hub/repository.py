"""A dataset's repository on the Hub: what is there, and the few things a push changes in it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from dsbuild.hub.connection import Connection
from dsbuild.hub.contents import LocalFile
from dsbuild.release.manifest import NAME, Manifest, read_manifest
from schemas.errors import DsbuildError
from schemas.protocols import Progress

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.hf_api import RepoFile

KIND = "dataset"
BRANCH = "main"
# Files go up in groups, so that progress can be told and a cut costs little.
GROUP_BYTES = 32 * 1024 * 1024
GROUP_FILES = 100


@dataclass(frozen=True)
class Head:
    """The newest commit of the main branch."""

    commit: str
    private: bool


class Repository:
    """Reads of `hub.repo` are repeated freely; changes take a `landed` that looks before anything is sent again."""

    def __init__(self, hub: Connection) -> None:
        self.hub = hub
        self.name = hub.repo
        self.where = f"{hub.endpoint}/datasets/{hub.repo}"

    def head(self) -> Head | None:
        """The newest commit, None if there is no such repository for this token."""
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

        def look() -> Head | None:
            try:
                # This call alone sets its own timeout, to none, whatever the client has.
                info = self.hub.api.dataset_info(self.name, timeout=self.hub.patience.answer)
            except GatedRepoError:
                raise
            except RepositoryNotFoundError as absent:
                # 401 is "who are you", not "no such repository", since a token was sent.
                if absent.response.status_code == 401:
                    raise
                return None
            if info.sha is None:
                raise DsbuildError("The repository has no commit to start from.", where=self.where)
            return Head(info.sha, bool(info.private))

        return self.hub.ask("looking at the repository", look)

    def create(self, *, private: bool) -> None:
        """Make the repository; a public one unless `private`, or unless its organisation makes them private."""

        def make() -> None:
            visible = True if private else None
            self.hub.api.create_repo(self.name, repo_type=KIND, private=visible, exist_ok=True)

        # With exist_ok a repeat after a lost answer finds what the first one made.
        self.hub.ask("creating the repository", make)

    def files(self, commit: str) -> list[RepoFile]:
        """All files of `commit`."""
        from huggingface_hub.hf_api import RepoFile

        def look() -> list[RepoFile]:
            entries = self.hub.api.list_repo_tree(self.name, recursive=True, revision=commit, repo_type=KIND)
            return [entry for entry in entries if isinstance(entry, RepoFile)]

        return self.hub.ask("listing the files there", look, repeats_itself=True)

    def tagged(self, tag: str) -> str | None:
        """The commit that `tag` stands for, None if there is no such tag."""

        def look() -> str | None:
            refs = self.hub.api.list_repo_refs(self.name, repo_type=KIND)
            if tag not in {there.name for there in refs.tags}:
                return None
            # Asked for by name: what the list calls the target of an annotated tag may be the tag itself.
            sha = self.hub.api.dataset_info(self.name, revision=tag, timeout=self.hub.patience.answer).sha
            return None if sha is None else str(sha)

        return self.hub.ask("looking at the versions there", look)

    def since(self, commit: str) -> list[tuple[str, str]]:
        """The commits after `commit` on the main branch, newest first, each with its description."""

        def look() -> list[tuple[str, str]]:
            commits = self.hub.api.list_repo_commits(self.name, repo_type=KIND, revision=BRANCH)
            newer = takewhile(lambda made: made.commit_id != commit, commits)
            return [(made.commit_id, made.message) for made in newer]

        return self.hub.ask("looking at the commits there", look)

    def manifest(self, commit: str) -> Manifest | None:
        """The manifest of the release that `commit` holds, None if it holds none that can be read."""

        def look() -> bytes | None:
            response = self.hub.get(f"/datasets/{self.name}/resolve/{commit}/{NAME}")
            if response.status_code == 404:
                return None
            response.raise_for_status()
            content: bytes = response.content
            return content

        content = self.hub.ask("reading the manifest there", look)
        if content is None:
            return None
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / NAME).write_bytes(content)
            try:
                return read_manifest(Path(folder))
            except DsbuildError:
                # Somebody else's file of that name, or a format of the future: no release of ours either way.
                return None

    def check_card(self, card: Path) -> tuple[str, ...]:
        """Have the Hub check README.md before gigabytes are sent; the client does so again at the commit.

        Returns what the Hub finds doubtful but takes.

        Raises:
            DsbuildError: the Hub refuses the card; the error says why.
        """

        def post() -> tuple[list[str], tuple[str, ...]]:
            body = {"content": card.read_text(encoding="utf-8"), "repoType": KIND}
            response = self.hub.post("/api/validate-yaml", body)
            if response.status_code != 400:
                response.raise_for_status()
            said = response.json()
            errors, doubts = ([str(one.get("message")) for one in said.get(k, [])] for k in ("errors", "warnings"))
            return errors or ["no reason given"] * (response.status_code == 400), tuple(doubts)

        errors, doubts = self.hub.ask("checking the dataset card", post)
        if errors:
            raise DsbuildError(
                f"The Hub refuses the dataset card: {'; '.join(errors)[:400]}.",
                where=str(card),
                fix="Correct the recipe (licence, languages) and make the release again.",
            )
        return doubts

    def upload(
        self, files: Mapping[str, LocalFile], stack: ExitStack, progress: Progress | None
    ) -> list[CommitOperationAdd]:
        """Send the large files of `files` to the storage, where nobody sees them before a commit names them.

        Returns what a commit has to add. `stack` keeps files open until the commit is made.
        """
        from huggingface_hub import CommitOperationAdd

        open_files = not self._has_xet()
        done = 0
        additions: list[CommitOperationAdd] = []
        if progress:
            progress(0, len(files), bytes=0)
        for group in _groups(files):
            added = []
            for path in group:
                source = files[path].path
                # An open file makes the client take the plain LFS way, which every Hub has.
                content = stack.enter_context(source.open("rb")) if open_files else source
                addition = CommitOperationAdd(path_in_repo=path, path_or_fileobj=content)
                if addition.upload_info.sha256.hex() != files[path].sha256:
                    raise DsbuildError("The release changed during the push; nothing was committed.", where=str(source))
                added.append(addition)

            def send(added: Sequence[CommitOperationAdd] = added) -> None:
                # An empty gitignore stands for the repository's own: a release is sent whole.
                self.hub.api.preupload_lfs_files(
                    self.name, additions=added, repo_type=KIND, revision=BRANCH, gitignore_content="", free_memory=False
                )

            self.hub.ask("sending files", send, repeats_itself=True)
            additions += added
            done += sum(files[path].size for path in group)
            if progress:
                progress(len(additions), len(files), bytes=done)
        return additions

    def _has_xet(self) -> bool:
        """Whether the Hub speaks Xet. The client takes it for granted, and fails where it is missing."""

        def look() -> bool:
            response = self.hub.get(f"/api/datasets/{self.name}/xet-write-token/{BRANCH}")
            if response.status_code in (404, 405, 501):
                return False
            response.raise_for_status()
            return True

        return self.hub.ask("asking for the way to send files", look)


def _groups(files: Mapping[str, LocalFile]) -> list[list[str]]:
    """Paths in the order they are sent, cut by size and number; equal contents never meet before one of them is there.

    The client would send both from one open file at the same time, and garble them.
    """
    first = {files[path].sha256: path for path in sorted(files, reverse=True)}
    again = sorted(set(files) - set(first.values()))
    return [group for paths in (sorted(first.values()), again) for group in _cut(paths, files)]


def _cut(paths: Sequence[str], files: Mapping[str, LocalFile]) -> list[list[str]]:
    groups: list[list[str]] = []
    size = GROUP_BYTES
    for path in paths:
        if size >= GROUP_BYTES or len(groups[-1]) >= GROUP_FILES:
            groups.append([])
            size = 0
        groups[-1].append(path)
        size += files[path].size
    return groups
