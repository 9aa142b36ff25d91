"""`dsbuild push`: a release becomes one commit and one tag of a dataset repository, or nothing at all.

What is large goes to the storage first, where nobody sees it. Then one commit, on the head that was looked at, makes
the repository equal to the release: what differs is written, what the release does not have is deleted (the Hub's own
.gitattributes apart); the files of that commit are compared with the manifest; then the tag. Whatever breaks before
the commit leaves the old version whole, and whatever breaks after it is taken up by the next push.

An answer that gets lost is looked up before anything is sent again. When the head has moved meanwhile, the push ends
unless the release is there by now. It does not start over on the new head: its commit would delete what somebody else
has just written. A tag is never moved: if the version exists, it must say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from dsbuild.hub.connection import Patience, connect
from dsbuild.hub.contents import Difference, LocalFile, compare, local_file
from dsbuild.hub.repository import BRANCH, KIND, Head, Repository
from dsbuild.release.manifest import NAME, Manifest
from dsbuild.release.verify import verify
from dsbuild.release.versions import parse
from schemas.errors import DsbuildError
from schemas.protocols import Progress


@dataclass(frozen=True)
class PushResult:
    """What a push did, or with `dry_run` would do.

    Attributes:
        commit: the commit that holds the release; in a dry run None unless it is already there.
        tag: the version.
        url: the page of that version.
        uploaded, deleted: numbers of files written to and deleted from the repository.
        unchanged: the version was there and says the same; nothing was sent.
        created: the repository is new.
        doubts: what the Hub finds doubtful in the dataset card, but takes.
    """

    repo: str
    commit: str | None
    tag: str
    url: str
    uploaded: int
    deleted: int
    unchanged: bool
    created: bool
    dry_run: bool
    doubts: tuple[str, ...] = ()


def push(
    release_dir: Path,
    repo: str,
    *,
    private: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> PushResult:
    """Push the release in `release_dir` to the dataset `repo` (NAMESPACE/NAME) at HF_ENDPOINT, tagged by its version.

    The token is HF_TOKEN, or the one `hf auth login` has stored. `private` is for a repository that is still to be
    made. A dry run asks the Hub what is there and changes nothing. `progress` counts files, with the figure `bytes`.

    Raises:
        DsbuildError: the release is damaged or no release, or has no version; the Hub cannot be reached, does not
            accept the token, gives it no right to write, or fails for longer than `patience`; the version exists
            there with another content; the repository holds another dataset, or changed during the push.
    """
    manifest = verify(release_dir)
    if parse(manifest.version) is None:
        raise DsbuildError(
            f"This release has no version ({manifest.version}), so there is nothing to tag.",
            where=str(release_dir),
            fix="Push a whole release: run the recipe without --sample.",
        )
    local = {path: LocalFile(release_dir / path, entry.bytes, entry.sha256) for path, entry in manifest.files.items()}
    local[NAME] = local_file(release_dir / NAME)
    with connect(repo, patience or Patience()) as hub:
        return _Push(Repository(hub), manifest, local, progress).run(private=private, dry_run=dry_run)


class _Push:
    def __init__(
        self, there: Repository, manifest: Manifest, local: Mapping[str, LocalFile], progress: Progress | None
    ) -> None:
        self._there = there
        self._manifest = manifest
        self._local = local
        self._progress = progress
        self._description = f"Content hash: {manifest.content_hash}"
        self._doubts: tuple[str, ...] = ()

    def run(self, *, private: bool, dry_run: bool) -> PushResult:
        head = self._there.head()
        created = head is None
        if head is None:
            if dry_run:
                return self._result(None, uploaded=len(self._local), created=True, dry_run=True)
            self._there.create(private=private)
            head = self._there.head()
            if head is None:
                raise DsbuildError("The repository was created but cannot be seen.", where=self._there.where)
        if private and not head.private:
            raise DsbuildError(
                "The repository is public, so the release would not be private.",
                where=self._there.where,
                fix="Make it private on the Hub first, or push without --private.",
            )
        tagged = self._there.tagged(self._manifest.version)
        if tagged is not None:
            self._must_say_the_same(tagged)
            return self._result(tagged, unchanged=True, dry_run=dry_run)
        self._must_be_ours(head)
        difference = self._difference(head.commit)
        uploaded, deleted = len(difference.write), len(difference.delete)
        if dry_run:
            there = None if difference else head.commit
            return self._result(there, uploaded=uploaded, deleted=deleted, dry_run=True)
        # Without a difference an earlier push got as far as the commit.
        commit = self._commit(head, difference) if difference else head.commit
        return self._result(self._tag(commit), uploaded=uploaded, deleted=deleted, created=created)

    def _commit(self, head: Head, difference: Difference) -> str:
        """One commit on `head` that makes the repository equal to the release; its oid."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        if "README.md" in difference.write:
            self._doubts = self._there.check_card(self._local["README.md"].path)
        hub = self._there.hub
        with ExitStack() as stack:
            files = {path: self._local[path] for path in difference.write}
            operations: list[CommitOperationAdd | CommitOperationDelete] = []
            operations += self._there.upload(files, stack, self._progress)
            operations += [CommitOperationDelete(path_in_repo=path, is_folder=False) for path in difference.delete]

            def send() -> str:
                made = hub.api.create_commit(
                    self._there.name,
                    operations,
                    commit_message=f"{self._manifest.dataset} {self._manifest.version}",
                    commit_description=self._description,
                    repo_type=KIND,
                    revision=BRANCH,
                    parent_commit=head.commit,
                )
                return str(made.oid)

            commit = hub.ask("committing", send, landed=lambda: self._landed(head))
        if wrong := self._difference(commit):
            raise DsbuildError(
                f"The commit {commit[:12]} does not hold what was sent: {wrong}. It was not tagged.",
                where=self._there.where,
                fix="Push again; if it stays so, tell the people who run that Hub.",
            )
        return commit

    def _landed(self, before: Head) -> str | None:
        """The commit that holds the release, if there is one now; None while the head is still `before`."""
        now = self._there.head()
        if now is not None and now.commit == before.commit:
            return None
        if now is not None and not self._difference(now.commit):
            return now.commit
        # Ours may have landed with somebody else's on top of it: it says in its description what it holds.
        for commit, description in self._there.since(before.commit) if now is not None else ():
            if self._description in description and not self._difference(commit):
                return commit
        raise DsbuildError(
            f"The repository changed during the push: its head was {before.commit[:12]} and is "
            f"{now.commit[:12] if now else 'gone'}. Nothing was written over it.",
            where=self._there.where,
            fix="Look at what came in, then push again: a push deletes what the release does not have.",
        )

    def _tag(self, commit: str) -> str:
        """Tag `commit` with the version; the commit that the tag stands for."""
        version = self._manifest.version
        api = self._there.hub.api

        def send() -> str:
            api.create_tag(self._there.name, tag=version, revision=commit, repo_type=KIND)
            return commit

        def landed() -> str | None:
            tagged = self._there.tagged(version)
            if tagged is not None and tagged != commit:
                self._must_say_the_same(tagged)
            return tagged

        return self._there.hub.ask("tagging the version", send, landed=landed)

    def _must_be_ours(self, head: Head) -> None:
        """Refuse to replace the releases of another dataset: a slip in the repository's name would hide them all."""
        there = self._there.manifest(head.commit)
        if there is not None and there.dataset != self._manifest.dataset:
            raise DsbuildError(
                f"That repository holds the dataset '{there.dataset}' ({there.version}), and this release is of "
                f"'{self._manifest.dataset}'. Nothing was sent.",
                where=self._there.where,
                fix="Name this dataset's own repository; a new one is made by the push.",
            )

    def _must_say_the_same(self, tagged: str) -> None:
        """Refuse to go on if the version's tag stands for another release than this one."""
        if not self._difference(tagged):
            return
        theirs = self._there.manifest(tagged)
        # Another writer gives other bytes for the same content, and the same version.
        if theirs is not None and theirs.identity == self._manifest.identity:
            return
        said = f"content hash {theirs.content_hash[:12]}" if theirs else "no release of dsbuild"
        ours = f"content hash {self._manifest.content_hash[:12]}"
        if said == ours:
            ours = "the same rows with another card, report or schema"
        raise DsbuildError(
            f"Version {self._manifest.version} exists with another content: its tag stands for commit {tagged[:12]} "
            f"({said}), this release is {ours}. A tag is never moved.",
            where=self._there.where,
            fix="Make the release again under a new version.",
        )

    def _difference(self, commit: str) -> Difference:
        return compare(self._local, self._there.files(commit))

    def _result(
        self,
        commit: str | None,
        *,
        uploaded: int = 0,
        deleted: int = 0,
        unchanged: bool = False,
        created: bool = False,
        dry_run: bool = False,
    ) -> PushResult:
        version = self._manifest.version
        return PushResult(
            repo=self._there.name,
            commit=commit,
            tag=version,
            url=f"{self._there.where}/tree/{version}",
            uploaded=uploaded,
            deleted=deleted,
            unchanged=unchanged,
            created=created,
            dry_run=dry_run,
            doubts=self._doubts,
        )
