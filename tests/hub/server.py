"""A small Hub for tests, true to what the huggingface_hub client and `datasets` ask of the real one.

Two servers in threads: the Hub and, on another origin, the storage of large files, which must never see a token.
Run it by hand with `python tests/hub/server.py`; it prints the settings to use.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, quote

import hub_card
from hub_http import Answer, Fault, Faults, Logged, Request, Served, ranged
from hub_repos import Commit, Entry, Refused, Repo, Repos, User

REPO = r"/api/datasets/(?P<repo>[^/]+/[^/]+)"
DATED = "2026-01-01T00:00:00.000Z"


class Hub:
    """A running Hub. `log` has every request; the methods named after faults put one in a request's way."""

    def __init__(self, *, page_size: int = 1000) -> None:
        self.page_size = page_size
        self.repos = Repos()
        self.log: list[Logged] = []
        self.storage_log: list[Logged] = []
        self.tokens = {
            "hf_writer_" + "w" * 24: User("lab", "write", ("emotion-lab",)),
            "hf_reader_" + "r" * 24: User("lab", "read", ("emotion-lab",)),
            "hf_other_" + "o" * 25: User("rival", "write"),
        }
        self.writer, self.reader, self.other = self.tokens
        self._signed: dict[str, str] = {}
        self._faults = Faults()
        self._routes = [(method, re.compile(pattern), handle) for method, pattern, handle in self._table()]
        self._storage = Served(self._store, self._faults, self.storage_log)
        self._hub = Served(self._route, self._faults, self.log)
        self.url, self.storage_url = self._hub.url, self._storage.url

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._faults.closing.set()
        self._hub.stop()
        self._storage.stop()

    # Faults

    def answer(self, method: str, pattern: str, status: int, *, times: int = 1, **headers: str) -> None:
        """Answer with `status` and do nothing; `headers` with underscores for dashes."""
        answer = Answer.of({"error": f"made to fail with {status}"}, status, **headers)
        self._faults.add(Fault(method, pattern, "answer", times, answer))

    def drop_answer(self, method: str, pattern: str, *, after: float = 0.0, times: int = 1) -> None:
        """Do what is asked, then hang up without a word, `after` some seconds."""
        self._faults.add(Fault(method, pattern, "drop", times, seconds=after))

    def garble_answer(self, method: str, pattern: str, *, times: int = 1) -> None:
        """Do what is asked, then answer with somebody else's page, as a captive portal does."""
        self._faults.add(Fault(method, pattern, "garble", times))

    def hang(self, method: str, pattern: str, seconds: float, *, times: int = 1) -> None:
        """Do nothing, keep the client waiting, hang up."""
        self._faults.add(Fault(method, pattern, "hang", times, seconds=seconds))

    def cut_request(self, method: str, pattern: str, *, times: int = 1) -> None:
        """Hang up in the middle of the request's body."""
        self._faults.add(Fault(method, pattern, "cut", times))

    def before(self, method: str, pattern: str, action: Callable[[], object], *, times: int = 1) -> None:
        """Call `action` when the request has arrived, then answer it as usual."""
        self._faults.add(Fault(method, pattern, "before", times, action=action))

    def heal(self) -> None:
        self._faults.clear()

    # What tests look at

    def seen(self, method: str, pattern: str) -> list[Logged]:
        return [line for line in self.log + self.storage_log if line.method == method and re.search(pattern, line.path)]

    def forget(self) -> None:
        """Start the logs anew."""
        self.log.clear()
        self.storage_log.clear()

    def changing(self) -> list[Logged]:
        """The requests that may change something: all but GET and HEAD."""
        return [line for line in self.log + self.storage_log if line.method not in ("GET", "HEAD")]

    def write(self, repo: str, files: Mapping[str, bytes], title: str, branch: str = "main") -> str:
        """A commit made behind everybody's back, as from the web page; its oid."""
        lines: list[Mapping[str, object]] = [{"key": "header", "value": {"summary": title}}]
        for path, content in files.items():
            value = {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}
            lines.append({"key": "file", "value": value})
        return self.repos.apply(repo, branch, lines, "somebody").oid

    # Routes

    def _table(self) -> list[tuple[str, str, Callable[..., Answer]]]:
        revision, path = r"(?P<revision>[^/]+)", r"(?P<path>.+)"
        return [
            ("GET", r"/api/whoami-v2", self._whoami),
            ("POST", r"/api/repos/create", self._create),
            ("POST", r"/api/validate-yaml", self._validate),
            ("GET", REPO, self._info),
            ("GET", rf"{REPO}/revision/{revision}", self._info),
            ("GET", rf"{REPO}/refs", self._refs),
            ("GET", rf"{REPO}/commits/{revision}", self._commits),
            ("GET", rf"{REPO}/tree/{revision}(/{path})?", self._tree),
            ("POST", rf"{REPO}/paths-info/{revision}", self._paths_info),
            ("POST", rf"{REPO}/preupload/{revision}", self._preupload),
            ("POST", rf"{REPO}/commit/{revision}", self._commit),
            ("POST", rf"{REPO}/tag/{revision}", self._tag),
            ("DELETE", rf"{REPO}/tag/{revision}", self._untag),
            ("POST", r"/datasets/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", self._batch),
            ("POST", r"/datasets/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/verify", self._verify),
            ("(?:GET|HEAD)", rf"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/{revision}/{path}", self._resolve),
            ("(?:GET|HEAD)", rf"/api/resolve-cache/datasets/(?P<repo>[^/]+/[^/]+)/{revision}/{path}", self._cached),
        ]

    def _route(self, request: Request) -> Answer:
        user = self._user(request)
        for method, pattern, handle in self._routes:
            found = pattern.fullmatch(request.path)
            if found and re.fullmatch(method, request.method):
                return handle(request, user, **found.groupdict())
        raise Refused(404, "Sorry, we can't find the page you are looking for.")

    def _user(self, request: Request) -> User | None:
        given = request.headers.get("authorization")
        if given is None:
            return None
        user = self.tokens.get(given.removeprefix("Bearer "))
        if user is None:
            raise Refused(401, "Invalid credentials in Authorization header")
        return user

    # Accounts and repositories

    def _whoami(self, request: Request, user: User | None) -> Answer:
        if user is None:
            raise Refused(401, "Invalid credentials in Authorization header")
        orgs = [{"type": "org", "name": name} for name in user.orgs]
        role = {"accessToken": {"displayName": "test", "role": user.role}}
        return Answer.of({"type": "user", "name": user.name, "fullname": user.name, "orgs": orgs, "auth": role})

    def _create(self, request: Request, user: User | None) -> Answer:
        asked = request.json()
        if asked.get("type") != "dataset":
            raise Refused(400, "This Hub has datasets only")
        name = f"{asked.get('organization') or (user.name if user else '')}/{asked['name']}"
        body = {"name": name, "url": f"{self.url}/datasets/{name}"}
        try:
            self.repos.create(name, asked.get("visibility") == "private", user)
        except Refused as refused:
            if refused.status != 409:
                raise
            return Answer.of({"error": refused.message, **body}, 409, X_Error_Message=refused.message)
        return Answer.of(body)

    def _validate(self, request: Request, user: User | None) -> Answer:
        errors, warnings = hub_card.check(request.json()["content"])
        body = {
            kind: [{"message": text} for text in texts] for kind, texts in (("errors", errors), ("warnings", warnings))
        }
        return Answer.of(body, 400 if errors else 200)

    def _info(self, request: Request, user: User | None, repo: str, revision: str = "main") -> Answer:
        found = self.repos.readable(repo, user)
        commit = found.commit(revision)
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        return Answer.of(
            {"_id": repo, "id": repo, "author": found.namespace, "sha": commit.oid, "private": found.private,
             "gated": False, "disabled": False, "lastModified": DATED, "createdAt": DATED, "tags": [], "downloads": 0,
             "likes": 0, "siblings": siblings}
        )  # fmt: skip

    def _refs(self, request: Request, user: User | None, repo: str) -> Answer:
        found = self.repos.readable(repo, user)

        def listed(kind: str, refs: Mapping[str, str]) -> list[dict[str, str]]:
            return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid} for name, oid in refs.items()]

        return Answer.of(
            {"branches": listed("heads", found.branches), "converts": [], "tags": listed("tags", found.tags)}
        )

    def _commits(self, request: Request, user: User | None, repo: str, revision: str) -> Answer:
        return Answer.of(
            [{"id": commit.oid, "title": commit.title, "message": commit.description, "date": DATED,
              "authors": [{"user": commit.author}]}
             for commit in self.repos.readable(repo, user).history(revision)]
        )  # fmt: skip

    # Trees

    def _tree(self, request: Request, user: User | None, repo: str, revision: str, path: str | None) -> Answer:
        files = self.repos.readable(repo, user).commit(revision).files
        recursive = request.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        prefix = f"{path}/" if path else ""
        entries: dict[str, dict[str, Any]] = {}
        for name, entry in sorted(files.items()):
            if not name.startswith(prefix):
                continue
            folders = name[len(prefix) :].split("/")[:-1]
            for depth in range(1, len(folders) + 1 if recursive else min(len(folders), 1) + 1):
                folder = prefix + "/".join(folders[:depth])
                oid = hashlib.sha1(folder.encode()).hexdigest()
                entries[folder] = {"type": "directory", "oid": oid, "size": 0, "path": folder}
            if recursive or not folders:
                entries[name] = _file(name, entry)
        if path and not entries:
            raise Refused(404, f"{path} does not exist on {revision}", "EntryNotFound")
        start = int(request.query.get("cursor", ["0"])[0])
        page = list(entries.values())[start : start + self.page_size]
        links = {}
        if start + self.page_size < len(entries):
            following = f"{self.url}{quote(request.path)}?recursive={recursive}&cursor={start + self.page_size}"
            links = {"Link": f'<{following}>; rel="next"'}
        return Answer.of(page, 200, **links)

    def _paths_info(self, request: Request, user: User | None, repo: str, revision: str) -> Answer:
        files = self.repos.readable(repo, user).commit(revision).files
        wanted = parse_qs(request.body.decode()).get("paths", [])
        return Answer.of([_file(path, files[path]) for path in wanted if path in files])

    # Uploads

    def _preupload(self, request: Request, user: User | None, repo: str, revision: str) -> Answer:
        found, asked = self.repos.writable(repo, user), request.json()
        files = found.commit(revision).files
        if len(asked["files"]) > 256:
            raise Refused(400, "Too many files in one request")
        answers = []
        for file in asked["files"]:
            path, sample = file["path"], base64.b64decode(file["sample"])
            mode = self.repos.upload_mode(found, revision, path, file["size"], sample)
            ignored = self.repos.ignored(found, revision, path, asked.get("gitIgnore"))
            oid = files[path].etag if path in files else None
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": ignored, "oid": oid})
        return Answer.of({"files": answers})

    def _batch(self, request: Request, user: User | None, repo: str) -> Answer:
        self.repos.writable(repo, user)
        objects = []
        for wanted in request.json()["objects"]:
            answer = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.repos.large:
                signature = self._sign(wanted["oid"])
                upload = {"href": f"{self.storage_url}/lfs/{wanted['oid']}?signature={signature}"}
                verify = {"href": f"{self.url}/datasets/{repo}.git/info/lfs/verify"}
                answer["actions"] = {"upload": upload, "verify": verify}
            objects.append(answer)
        return Answer.of({"transfer": "basic", "objects": objects})

    def _verify(self, request: Request, user: User | None, repo: str) -> Answer:
        self.repos.writable(repo, user)
        asked = request.json()
        if len(self.repos.large.get(asked["oid"], b"")) != asked["size"]:
            raise Refused(404, "The object was not uploaded whole")
        return Answer.of({})

    def _commit(self, request: Request, user: User | None, repo: str, revision: str) -> Answer:
        self.repos.writable(repo, user)
        assert user is not None
        lines = [json.loads(line) for line in request.body.splitlines() if line.strip()]
        for line in lines:
            if line["key"] == "file" and line["value"]["path"] == "README.md":
                errors, _ = hub_card.check(base64.b64decode(line["value"]["content"]).decode())
                if errors:
                    raise Refused(400, "Invalid metadata", errors=errors)
        oid = self.repos.apply(repo, revision, lines, user.name).oid
        return Answer.of({"success": True, "commitOid": oid, "commitUrl": f"{self.url}/datasets/{repo}/commit/{oid}"})

    def _tag(self, request: Request, user: User | None, repo: str, revision: str) -> Answer:
        self.repos.writable(repo, user)
        self.repos.tag(repo, revision, request.json()["tag"])
        return Answer.of({})

    def _untag(self, request: Request, user: User | None, repo: str, revision: str) -> Answer:
        if self.repos.writable(repo, user).tags.pop(revision, None) is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return Answer.of({})

    # Downloads

    def _found(self, repo: str, user: User | None, revision: str, path: str) -> tuple[Repo, Commit, Entry]:
        found = self.repos.readable(repo, user)
        commit = found.commit(revision)
        if path not in commit.files:
            raise Refused(404, "Entry not found", "EntryNotFound")
        return found, commit, commit.files[path]

    def _resolve(self, request: Request, user: User | None, repo: str, revision: str, path: str) -> Answer:
        try:
            _, commit, entry = self._found(repo, user, revision, path)
        except Refused as refused:
            if refused.code != "EntryNotFound":
                raise
            commit = self.repos.readable(repo, user).commit(revision)
            headers = {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}
            return Answer(404, b"Entry not found", {**headers, "X-Repo-Commit": commit.oid})
        headers = {"X-Repo-Commit": commit.oid, "X-Linked-Size": str(entry.size), "X-Linked-Etag": f'"{entry.etag}"'}
        if entry.lfs:
            location = f"{self.storage_url}/lfs/{entry.lfs}?signature={self._sign(entry.lfs)}"
            return Answer(302, b"", {**headers, "ETag": f'"{entry.etag}"', "Location": location})
        location = f"/api/resolve-cache/datasets/{repo}/{commit.oid}/{quote(path)}"
        return Answer(307, b"", {"X-Repo-Commit": commit.oid, "Location": location})

    def _cached(self, request: Request, user: User | None, repo: str, revision: str, path: str) -> Answer:
        _, commit, entry = self._found(repo, user, revision, path)
        wanted = request.headers.get("range")
        status, body, headers = ranged(self.repos.content(entry), wanted)
        return Answer(status, body, {**headers, "X-Repo-Commit": commit.oid, "ETag": f'"{entry.oid}"'})

    # The storage

    def _sign(self, oid: str) -> str:
        signature = secrets.token_hex(8)
        self._signed[signature] = oid
        return signature

    def _store(self, request: Request) -> Answer:
        if "authorization" in request.headers:
            raise Refused(400, "The token of the Hub was sent to the storage")
        oid = request.path.removeprefix("/lfs/")
        if self._signed.get(request.query.get("signature", [""])[0]) != oid:
            raise Refused(403, "The signature does not match")
        if request.method == "PUT":
            if hashlib.sha256(request.body).hexdigest() != oid:
                raise Refused(400, "The content does not have the sha256 it was announced with")
            self.repos.large[oid] = request.body
            return Answer(200, b"", {"ETag": f'"{oid}"'})
        status, body, headers = ranged(self.repos.large[oid], request.headers.get("range"))
        return Answer(status, body, {**headers, "ETag": f'"{oid}"'})


def _file(path: str, entry: Entry) -> dict[str, Any]:
    listed: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.lfs:
        listed["lfs"] = {"oid": entry.lfs, "size": entry.size, "pointerSize": entry.pointer_size}
    return listed


if __name__ == "__main__":
    with Hub() as hub:
        print(f"export HF_ENDPOINT={hub.url} HF_TOKEN={hub.writer} HF_HUB_DISABLE_XET=1 HF_UPDATE_DOWNLOAD_COUNTS=0")
        input("Enter ends it. ")
