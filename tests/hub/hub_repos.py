"""What a Hub keeps: users, repositories with immutable commits, branches and tags that point to commits.

Objects are addressed as in git: a blob by the sha1 of its content, a large file by the sha1 of its pointer, whose
sha256 the storage knows. Nothing here speaks HTTP.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

GITATTRIBUTES = b"".join(
    f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n".encode()
    for suffix in ("arrow", "bin", "gz", "npy", "parquet", "zip", "wav", "mp3", "png", "jpg")
)
LARGEST_REGULAR = 10 * 1024 * 1024


class Refused(Exception):
    """A request the Hub turns down: HTTP status, message, and the code that tells the client which error it is."""

    def __init__(self, status: int, message: str, code: str | None = None, errors: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.errors = status, message, code, list(errors)


@dataclass(frozen=True)
class User:
    name: str
    role: str = "write"
    orgs: tuple[str, ...] = ()

    @property
    def namespaces(self) -> set[str]:
        return {self.name, *self.orgs}


@dataclass(frozen=True)
class Entry:
    """A file in a commit: `oid` is git's sha1; `lfs` the sha256 if the content lies in the storage."""

    oid: str
    size: int
    lfs: str | None = None

    @property
    def etag(self) -> str:
        return self.lfs or self.oid

    @property
    def pointer_size(self) -> int:
        return len(_pointer(self.lfs or "", self.size))


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    files: Mapping[str, Entry]
    title: str
    description: str
    author: str
    number: int


@dataclass
class Repo:
    name: str
    private: bool
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.name.split("/")[0]

    def commit(self, revision: str) -> Commit:
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        if oid not in self.commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def history(self, revision: str) -> Iterator[Commit]:
        commit: Commit | None = self.commit(revision)
        while commit is not None:
            yield commit
            commit = self.commits[commit.parent] if commit.parent else None


class Repos:
    """All repositories and the objects behind them. `lock` makes each commit or tag one step."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.large: dict[str, bytes] = {}
        self._count = 0

    # Rights

    def readable(self, name: str, user: User | None) -> Repo:
        """The repository, if `user` may see it; a private one of somebody else looks like one that is not there."""
        repo = self.repos.get(name)
        if repo is not None and (not repo.private or (user and repo.namespace in user.namespaces)):
            return repo
        if user is None:
            raise Refused(401, "Invalid username or password.", "RepoNotFound")
        raise Refused(404, "Repository not found", "RepoNotFound")

    def writable(self, name: str, user: User | None) -> Repo:
        repo = self.readable(name, user)
        if user is None:
            raise Refused(401, "Invalid username or password.")
        if user.role != "write" or repo.namespace not in user.namespaces:
            raise Refused(403, f"You don't have the rights to write to {name}")
        return repo

    def create(self, name: str, private: bool, user: User | None) -> Repo:
        if user is None:
            raise Refused(401, "Invalid username or password.")
        namespace = name.split("/")[0]
        if user.role != "write" or namespace not in user.namespaces:
            raise Refused(403, f'You don\'t have the rights to create a dataset under the namespace "{namespace}"')
        with self.lock:
            if name in self.repos:
                raise Refused(409, "You already created this dataset repo")
            repo = self.repos[name] = Repo(name, private)
            files = {".gitattributes": self.blob(GITATTRIBUTES)}
            self._add(repo, None, files, "initial commit", "", "system")
        return repo

    # Objects

    def blob(self, content: bytes) -> Entry:
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.blobs[oid] = content
        return Entry(oid, len(content))

    def content(self, entry: Entry) -> bytes:
        return self.large[entry.lfs] if entry.lfs else self.blobs[entry.oid]

    def upload_mode(self, repo: Repo, revision: str, path: str, size: int, sample: bytes) -> str:
        attributes = repo.commit(revision).files.get(".gitattributes")
        lines = self.content(attributes).decode().splitlines() if attributes else []
        patterns = [line.split()[0] for line in lines if "filter=lfs" in line]
        by_name = any(fnmatch.fnmatch(path.rsplit("/", 1)[-1], pattern) for pattern in patterns)
        return "lfs" if by_name or size > LARGEST_REGULAR or b"\0" in sample else "regular"

    def ignored(self, repo: Repo, revision: str, path: str, gitignore: str | None) -> bool:
        if gitignore is None:
            entry = repo.commit(revision).files.get(".gitignore")
            gitignore = self.content(entry).decode() if entry else ""
        patterns = [line.strip() for line in gitignore.splitlines() if line.strip() and not line.startswith("#")]
        return any(fnmatch.fnmatch(part, pattern.strip("/")) for pattern in patterns for part in path.split("/"))

    # Changes

    def apply(self, name: str, branch: str, lines: Sequence[Mapping[str, object]], author: str) -> Commit:
        """One commit from the lines of a commit request, all of it or nothing."""
        with self.lock:
            repo = self.repos[name]
            if branch not in repo.branches:
                raise Refused(404, f"Invalid rev id: {branch}", "RevisionNotFound")
            head = repo.commit(branch)
            files = dict(head.files)
            header: dict[str, str] = {}
            for line in lines:
                value = line["value"]
                assert isinstance(value, dict)
                if line["key"] == "header":
                    header = value
                    continue
                path = str(value["path"])
                if path.startswith("/") or ".." in path.split("/") or not path:
                    raise Refused(400, f"Invalid path: {path}")
                if line["key"] == "file":
                    files[path] = self._regular(value)
                elif line["key"] == "lfsFile":
                    files[path] = self._large(value)
                elif line["key"] == "deletedFile":
                    if path not in files:
                        raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
                    del files[path]
                elif line["key"] == "deletedFolder":
                    files = {other: entry for other, entry in files.items() if not other.startswith(f"{path}/")}
                else:
                    raise Refused(400, f"Unknown operation: {line['key']}")
            if not header.get("summary"):
                raise Refused(400, "A commit needs a summary")
            if header.get("parentCommit") not in (None, head.oid):
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
            return self._add(repo, branch, files, header["summary"], header.get("description", ""), author)

    def tag(self, name: str, revision: str, tag: str) -> None:
        with self.lock:
            repo = self.repos[name]
            oid = repo.commit(revision).oid
            if tag in repo.tags:
                raise Refused(409, f"Tag reference exists already: {tag}")
            if not re.fullmatch(r"[^\s~^:?*\[\\]+", tag):
                raise Refused(400, f"Invalid tag name: {tag}")
            repo.tags[tag] = oid

    def _regular(self, value: Mapping[str, str]) -> Entry:
        if value.get("encoding") == "base64":
            return self.blob(base64.b64decode(value["content"], validate=True))
        return self.blob(value["content"].encode())

    def _large(self, value: Mapping[str, object]) -> Entry:
        oid = str(value["oid"])
        if oid not in self.large:
            raise Refused(400, f"LFS object {oid} was never uploaded")
        size = len(self.large[oid])
        if value.get("size", size) != size:
            raise Refused(400, f"LFS object {oid} has {size} bytes")
        pointer = _pointer(oid, size)
        return Entry(hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest(), size, oid)

    def _add(
        self, repo: Repo, branch: str | None, files: dict[str, Entry], title: str, description: str, author: str
    ) -> Commit:
        self._count += 1
        parent = repo.branches[branch] if branch else None
        body = [parent, sorted((path, entry.oid) for path, entry in files.items()), title, description, self._count]
        oid = hashlib.sha1(json.dumps(body).encode()).hexdigest()
        commit = Commit(oid, parent, files, title, description, author, self._count)
        repo.commits[oid] = commit
        repo.branches[branch or "main"] = oid
        return commit


def _pointer(sha256: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
