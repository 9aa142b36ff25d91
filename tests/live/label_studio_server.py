"""A real Label Studio server for the live tests: started on a free port with a data folder of its own, and stopped."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

ROOT = Path(__file__).resolve().parents[2]
ADMIN_EMAIL = "admin@dsbuild.example"
PASSWORD = "correct horse battery staple"
ADMIN_TOKEN = "5eed0000000000000000000000000000000005ee"
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
READY_WITHIN = 240  # seconds; the first start migrates a database: 45 s on idle cores, 135 s on busy ones


def executable() -> Path:
    """Where the server's program is; not checked."""
    return Path(os.environ.get("DSBUILD_LABEL_STUDIO", ROOT / ".venv-label-studio" / "bin" / "label-studio"))


def _end_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, even by SIGKILL (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Person:
    """A signed-up account: its Label Studio id, both kinds of token, and a session for the API with its own token."""

    name: str
    email: str
    id: int
    token: str
    personal_access_token: str
    api: httpx.Client

    def next_task(self, project: int) -> dict[str, Any] | None:
        """The task that the server puts before this person next; null when it has none for them."""
        answer = self.api.get(f"/api/projects/{project}/next")
        if answer.status_code == 404:
            return None
        task: dict[str, Any] = answer.raise_for_status().json()
        return task

    def answer(self, task: int, *labels: str, skip: bool = False) -> int:
        """Tick these boxes (label ids) of a task and submit, or skip it; the annotation's number."""
        value = {"from_name": "answer", "to_name": "text", "type": "choices", "value": {"choices": list(labels)}}
        body = {"result": [] if skip else [value], "was_cancelled": skip, "lead_time": 5.5}
        return int(self.api.post(f"/api/tasks/{task}/annotations/", json=body).raise_for_status().json()["id"])


@dataclass
class LabelStudioServer:
    """`with LabelStudioServer(folder) as server:` runs one until the block ends, whatever ends it."""

    folder: Path
    port: int = field(default_factory=free_port)
    started_in: float = 0.0
    people: dict[str, Person] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(executable()), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(self.port)],
                env=os.environ | self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its process group is the handle to stop it by
                preexec_fn=_end_with_parent,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        self.started_in = time.monotonic() - began
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _environment(self) -> dict[str, str]:
        return {
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder / "data"),
            "LABEL_STUDIO_HOST": self.url,
            "LABEL_STUDIO_USERNAME": ADMIN_EMAIL,
            "LABEL_STUDIO_PASSWORD": PASSWORD,
            "LABEL_STUDIO_USER_TOKEN": ADMIN_TOKEN,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # read only when the organisation is first made
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
            "LOG_LEVEL": "WARNING",
            # Without it the server takes any prediction, however wrong, so a test could not tell.
            "fflag_feat_utc_210_prediction_validation_15082025": "true",
        }

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"Label Studio ended with {self._process.returncode}:\n{self._tail()}")
            try:
                if httpx.get(f"{self.url}/health", timeout=5, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass  # not listening yet: that is what is being waited for
            time.sleep(0.3)
        raise RuntimeError(f"Label Studio was not ready within {READY_WITHIN} s:\n{self._tail()}")

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def stop(self) -> None:
        """End the server and everything it started."""
        process, self._process = self._process, None
        for person in self.people.values():
            person.api.close()
        if process is None:
            return
        for wanted in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, wanted)
            except ProcessLookupError:
                break
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                continue
        process.wait(timeout=15)

    def client(self, token: str = ADMIN_TOKEN) -> httpx.Client:
        """A bare HTTP session with someone's legacy token: what a test does in a person's place."""
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Token {token}"}, timeout=120, trust_env=False
        )

    def person(self, name: str, *, domain: str = "dsbuild.example") -> Person:
        """The account `name`, signed up through an invitation the first time it is asked for."""
        if name not in self.people:
            self.people[name] = self._sign_up(name, f"{name}@{domain}")
        return self.people[name]

    def _sign_up(self, name: str, email: str) -> Person:
        with self.client() as admin:
            invitation = admin.get("/api/invite").raise_for_status().json()["invite_url"]
        with httpx.Client(base_url=self.url, follow_redirects=True, timeout=120, trust_env=False) as browser:
            form = _CSRF.search(browser.get(invitation).raise_for_status().text)
            assert form is not None, "the sign-up page has no form"
            browser.post(
                invitation,
                data={"csrfmiddlewaretoken": form.group(1), "email": email, "password": PASSWORD},
                headers={"Referer": self.url},
            ).raise_for_status()
            me: dict[str, Any] = browser.get("/api/current-user/whoami").raise_for_status().json()
            token = browser.get("/api/current-user/token").raise_for_status().json()["token"]
            pat = (
                browser.post("/api/token/", headers={"X-CSRFToken": browser.cookies["csrftoken"], "Referer": self.url})
                .raise_for_status()
                .json()["token"]
            )
        return Person(name, email, me["id"], token, pat, self.client(token))
