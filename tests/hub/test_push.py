"""Pushing a release: one commit, one tag, and what happens when things break on the way."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsbuild.hub import Patience, PushResult, push
from schemas.errors import DsbuildError

REPO = "emotion-lab/tiny"
# The client's own way of sending a file; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
COMMIT, TAG, PUT = r"/commit/main$", r"/tag/", r"^/lfs/"

LOAD = f"""
from datasets import load_dataset
def rows(revision, config):
    loaded = load_dataset({REPO!r}, config, revision=revision)
    return {{name: split.to_list() for name, split in loaded.items()}}
"""


@pytest.fixture
def send(hub: Any, patience: Patience) -> Callable[..., PushResult]:
    """`push` to the local Hub."""

    def sending(folder: Path, repo: str = REPO, **options: Any) -> PushResult:
        return push(folder, repo, **{"patience": patience, **options})

    return sending


def commits(hub: Any) -> list[str]:
    """Titles of the commits on main, the newest first."""
    return [commit.title for commit in hub.repos.repos[REPO].history("main")]


def refusal(act: Callable[[], object], hub: Any) -> str:
    """The error that `act` ends with; no text of it, or of what caused it, has a token in it."""
    with pytest.raises(DsbuildError) as caught:
        act()
    failure: BaseException | None = caught.value
    while failure is not None:
        assert not any(token in str(failure) for token in [*hub.tokens, "hf_wrong_token"])
        failure = failure.__cause__ or failure.__context__
    return str(caught.value)


def test_a_pushed_release_is_loaded_back_by_its_version(hub: Any, send: Any, release: Any, look: Any) -> None:
    result = send(release())
    assert result.repo == REPO
    assert (result.tag, result.uploaded, result.deleted) == ("1.0.0", 6, 0)
    assert (result.unchanged, result.created, result.dry_run) == (False, True, False)
    assert result.url == f"{hub.url}/datasets/{REPO}/tree/1.0.0"
    assert hub.repos.repos[REPO].tags == {"1.0.0": result.commit}
    assert commits(hub) == ["tiny 1.0.0", "initial commit"]
    seen = look(
        LOAD
        + """
data = load_dataset(REPO, "data", revision="1.0.0")
print(json.dumps({
    "names": data["train"].features["emotion"].names,
    "data": rows("1.0.0", "data"),
    "annotations": rows("1.0.0", "annotations"),
    "default": rows("1.0.0", None),
}))
""".replace("REPO", repr(REPO))
    )
    assert seen["names"] == ["joy", "anger"]
    assert seen["data"]["train"] == [
        {"text": "What a day!", "emotion": 0},
        {"text": "Not again.", "emotion": 1},
        {"text": "खूप आनंद झाला", "emotion": 0},
    ]
    assert seen["data"]["test"] == [{"text": "What a day!", "emotion": 0}]
    assert seen["annotations"]["train"][1] == {"item_id": "a", "annotator": "p2"}
    assert seen["default"] == seen["data"]
    assert not any(line.authorised for line in hub.storage_log)


def test_both_versions_can_be_loaded_after_a_second_push(hub: Any, send: Any, release: Any, look: Any) -> None:
    first = send(release(extra={"audit/old.html": "gone in the next version"}))
    second = send(release("1.1.0", texts=("Another day.", "Never!")))
    assert (second.uploaded, second.deleted, second.created) == (3, 1, False)
    repo = hub.repos.repos[REPO]
    assert repo.tags == {"1.0.0": first.commit, "1.1.0": second.commit}
    assert repo.commits[second.commit].parent == first.commit
    assert sorted(repo.commit("main").files) == [
        ".gitattributes", "README.md", "annotations/train-0.parquet", "audit/metrics.json", "data/test-0.parquet",
        "data/train-0.parquet", "manifest.json",
    ]  # fmt: skip
    code = LOAD + "print(json.dumps([[row['text'] for row in rows(v, 'data')['train']] for v in ('1.0.0', '1.1.0')]))"
    assert look(code) == [["What a day!", "Not again.", "खूप आनंद झाला"], ["Another day.", "Never!"]]


def test_the_same_again_sends_nothing_and_says_so(hub: Any, send: Any, release: Any) -> None:
    first = send(release())
    hub.forget()
    again = send(release())
    assert again.unchanged
    assert (again.commit, again.uploaded, again.created) == (first.commit, 0, False)
    assert hub.changing() == []
    assert commits(hub) == ["tiny 1.0.0", "initial commit"]


def test_the_same_content_from_another_writer_is_the_same_version(hub: Any, send: Any, release: Any) -> None:
    first = send(release())
    hub.forget()
    again = send(release(writer="gzip"))
    assert again.unchanged
    assert again.commit == first.commit
    assert hub.changing() == []


def test_a_version_that_stands_for_another_content_is_refused_and_not_moved(hub: Any, send: Any, release: Any) -> None:
    first = send(release())
    hub.forget()
    said = refusal(lambda: send(release(texts=("Something else.",), content="f" * 64)), hub)
    theirs = hub.repos.repos[REPO].commits[first.commit].description.removeprefix("Content hash: ")
    assert "1.0.0" in said
    assert first.commit[:12] in said
    assert theirs[:12] in said
    assert "f" * 12 in said
    assert hub.repos.repos[REPO].tags == {"1.0.0": first.commit}
    assert hub.changing() == []


def test_another_card_under_an_existing_version_is_refused(hub: Any, send: Any, release: Any) -> None:
    send(release())
    said = refusal(lambda: send(release(extra={"audit/report.html": "new"})), hub)
    assert "the same rows with another card" in said


def test_a_tag_on_somebody_elses_commit_is_refused_and_not_moved(hub: Any, send: Any, release: Any) -> None:
    hub.repos.create(REPO, False, hub.tokens[hub.writer])
    foreign = hub.write(REPO, {"data.csv": b"a,b\n"}, "by hand")
    hub.repos.tag(REPO, "main", "1.0.0")
    said = refusal(lambda: send(release()), hub)
    assert "no release of dsbuild" in said
    assert hub.repos.repos[REPO].tags == {"1.0.0": foreign}
    assert hub.repos.repos[REPO].branches == {"main": foreign}


@pytest.mark.parametrize("after", [0.0, 3.0], ids=["connection cut", "answer too late"])
def test_a_commit_whose_answer_is_lost_is_made_exactly_once(hub: Any, send: Any, release: Any, after: float) -> None:
    hub.drop_answer("POST", COMMIT, after=after)
    result = send(release(), patience=Patience(answer=1.0, waits=(0.01,)))
    assert commits(hub) == ["tiny 1.0.0", "initial commit"]
    assert hub.repos.repos[REPO].tags == {"1.0.0": result.commit}
    assert len(hub.seen("POST", COMMIT)) == 1


def test_a_commit_that_lands_after_we_looked_is_not_made_twice(hub: Any, send: Any, release: Any) -> None:
    # The first request is answered 504 and carried out later, just before the second one arrives.
    folder = release()
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    hub.answer("POST", COMMIT, 504)
    hub.before("POST", COMMIT, lambda: hub.write(REPO, files, "tiny 1.0.0"))
    result = send(folder)
    assert [line.status for line in hub.seen("POST", COMMIT)] == [504, 412]
    assert commits(hub) == ["tiny 1.0.0", "initial commit"]
    assert hub.repos.repos[REPO].tags == {"1.0.0": result.commit}


def test_a_commit_whose_answer_is_lost_is_found_under_somebody_elses(hub: Any, send: Any, release: Any) -> None:
    def somebody() -> None:
        hub.before("GET", rf"/{REPO}$", lambda: hub.write(REPO, {"notes.txt": b"by hand"}, "notes"))

    hub.before("GET", "/xet-write-token/", somebody)
    hub.drop_answer("POST", COMMIT)
    result = send(release())
    assert commits(hub) == ["notes", "tiny 1.0.0", "initial commit"]
    assert hub.repos.repos[REPO].tags == {"1.0.0": result.commit}
    assert hub.repos.repos[REPO].commits[result.commit].title == "tiny 1.0.0"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_hub_that_fails_for_a_moment_is_asked_again(hub: Any, send: Any, release: Any, status: int) -> None:
    for method, pattern in [("GET", rf"/{REPO}$"), ("POST", "/create$"), ("POST", COMMIT), ("POST", TAG)]:
        hub.answer(method, pattern, status)
    result = send(release())
    assert commits(hub) == ["tiny 1.0.0", "initial commit"]
    assert hub.repos.repos[REPO].tags == {"1.0.0": result.commit}
    assert [line.status for line in hub.seen("POST", COMMIT)] == [status, 200]


def test_a_tag_whose_answer_is_lost_is_not_sent_again(hub: Any, send: Any, release: Any) -> None:
    hub.drop_answer("POST", TAG)
    result = send(release())
    assert hub.repos.repos[REPO].tags == {"1.0.0": result.commit}
    assert len(hub.seen("POST", TAG)) == 1


def test_a_repository_whose_creation_got_no_answer_is_used(hub: Any, send: Any, release: Any) -> None:
    hub.drop_answer("POST", "/create$")
    assert send(release()).created
    assert commits(hub) == ["tiny 1.0.0", "initial commit"]


def test_a_push_that_stopped_before_the_tag_is_taken_up_there(hub: Any, send: Any, release: Any) -> None:
    folder = release()
    hub.answer("POST", TAG, 503, times=99)
    assert "503" in refusal(lambda: send(folder), hub)
    hub.heal()
    hub.forget()
    result = send(folder)
    assert (result.uploaded, result.unchanged) == (0, False)
    assert hub.repos.repos[REPO].tags == {"1.0.0": result.commit}
    assert [line.path for line in hub.changing()] == [f"/api/datasets/{REPO}/tag/{result.commit}"]


def test_what_somebody_commits_during_a_push_is_not_written_over(hub: Any, send: Any, release: Any) -> None:
    send(release())
    hub.before("POST", COMMIT, lambda: hub.write(REPO, {"notes.txt": b"by hand"}, "notes"))
    said = refusal(lambda: send(release("1.1.0", texts=("New.",))), hub)
    assert "changed during the push" in said
    assert commits(hub) == ["notes", "tiny 1.0.0", "initial commit"]
    assert list(hub.repos.repos[REPO].tags) == ["1.0.0"]


def test_a_tag_that_somebody_sets_during_a_push_is_not_moved(hub: Any, send: Any, release: Any) -> None:
    hub.repos.create(REPO, False, hub.tokens[hub.writer])
    foreign = hub.write(REPO, {"data.csv": b"a,b\n"}, "by hand")
    hub.before("POST", TAG, lambda: hub.repos.tag(REPO, foreign, "1.0.0"))
    assert foreign[:12] in refusal(lambda: send(release()), hub)
    assert hub.repos.repos[REPO].tags == {"1.0.0": foreign}


def test_a_damaged_release_is_refused_before_anything_is_sent(hub: Any, send: Any, release: Any) -> None:
    folder = release()
    (folder / "data/train-0.parquet").write_bytes(b"PAR1 and not much else")
    assert "data/train-0.parquet has changed" in refusal(lambda: send(folder), hub)
    assert hub.log == []


def test_a_folder_that_is_no_release_is_refused_before_anything_is_sent(hub: Any, send: Any, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    assert "no manifest.json" in refusal(lambda: send(tmp_path / "pictures"), hub)
    assert hub.log == []


def test_a_sample_has_no_version_and_is_not_pushed(hub: Any, send: Any, release: Any) -> None:
    assert "no version" in refusal(lambda: send(release("sample")), hub)
    assert hub.log == []


@pytest.mark.parametrize("what", ["storage refuses", "commit fails", "card is refused", "files cut for ever"])
def test_a_broken_push_leaves_the_old_version_whole(
    hub: Any, send: Any, release: Any, look: Any, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = send(release())
    if what == "storage refuses":
        hub.answer("PUT", PUT, 403, times=99)
    elif what == "commit fails":
        hub.answer("POST", COMMIT, 503, times=99)
    elif what == "files cut for ever":
        # The client repeats an upload five times over 23 s; that is its own affair and tested there.
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
        hub.cut_request("PUT", PUT, times=99)
    bad_card = {"card": "---\nlicense: no-such-licence\n---\n"} if what == "card is refused" else {}
    said = refusal(lambda: send(release("2.0.0", texts=("Quite new.", "Indeed."), **bad_card)), hub)
    hub.heal()
    assert "signature" not in said
    assert ("no-such-licence" in said) == (what == "card is refused")
    assert commits(hub) == ["tiny 1.0.0", "initial commit"]
    assert hub.repos.repos[REPO].tags == {"1.0.0": first.commit}
    if what == "storage refuses":
        code = LOAD + "print(json.dumps([[r['text'] for r in rows(v, 'data')['train']] for v in ('1.0.0', 'main')]))"
        assert look(code) == [["What a day!", "Not again.", "खूप आनंद झाला"]] * 2


def test_an_upload_that_is_cut_once_is_sent_again_whole(hub: Any, send: Any, release: Any) -> None:
    hub.cut_request("PUT", PUT)
    result = send(release())
    assert sorted(line.status for line in hub.seen("PUT", PUT)) == [0, 200, 200, 200]
    assert hub.repos.repos[REPO].tags == {"1.0.0": result.commit}


def test_equal_files_are_sent_once_and_both_are_there(hub: Any, send: Any, release: Any) -> None:
    send(release(texts=("Only one.",)))
    there = hub.repos.repos[REPO].commit("1.0.0").files
    assert there["data/train-0.parquet"] == there["data/test-0.parquet"]
    assert len(hub.seen("PUT", PUT)) == len({entry.lfs for entry in there.values() if entry.lfs}) == 2


def test_a_file_that_changes_during_a_push_is_noticed_before_the_commit(hub: Any, send: Any, release: Any) -> None:
    folder = release()
    hub.before("GET", "/xet-write-token/", lambda: (folder / "audit/metrics.json").write_text("[]"))
    assert "changed during the push" in refusal(lambda: send(folder), hub)
    assert commits(hub) == ["initial commit"]


def test_an_answer_that_is_no_answer_of_a_hub_ends_in_one_clear_error(hub: Any, send: Any, release: Any) -> None:
    hub.garble_answer("GET", rf"/{REPO}$")
    assert "client failed while looking at the repository" in refusal(lambda: send(release()), hub)


def test_a_commit_whose_answer_is_garbled_is_made_exactly_once(hub: Any, send: Any, release: Any) -> None:
    hub.garble_answer("POST", COMMIT)
    result = send(release())
    assert commits(hub) == ["tiny 1.0.0", "initial commit"]
    assert hub.repos.repos[REPO].tags == {"1.0.0": result.commit}


def test_what_the_hub_finds_doubtful_in_the_card_is_handed_on(hub: Any, send: Any, release: Any) -> None:
    card = "---\nlicense: mit\ntask_categories: [mind-reading]\n---\n"
    assert "mind-reading" in send(release(card=card)).doubts[0]


def test_a_refused_card_is_known_before_any_file_is_sent(hub: Any, send: Any, release: Any) -> None:
    card = "---\nlicense: proprietary\nlanguage: [en-GB]\n---\n"
    said = refusal(lambda: send(release(card=card)), hub)
    assert "proprietary" in said
    assert "en-GB" in said
    assert hub.seen("PUT", PUT) == []


@pytest.mark.parametrize(
    ("token", "said"),
    [("hf_wrong_token", "does not accept the token"), ("reader", "no right to write"), ("other", "no right to write")],
)
def test_a_token_without_the_right_is_named_as_the_reason_and_never_shown(
    hub: Any, send: Any, release: Any, monkeypatch: pytest.MonkeyPatch, token: str, said: str
) -> None:
    send(release())
    monkeypatch.setenv("HF_TOKEN", getattr(hub, token, token))
    assert said in refusal(lambda: send(release("1.1.0", texts=("New.",))), hub)
    assert said in refusal(lambda: send(release("1.1.0", texts=("New.",)), "emotion-lab/not-there"), hub)
    assert list(hub.repos.repos) == [REPO]
    assert commits(hub) == ["tiny 1.0.0", "initial commit"]


def test_a_private_repository_of_somebody_else_is_neither_seen_nor_made_again(
    hub: Any, send: Any, release: Any, look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(release(), private=True)
    assert hub.repos.repos[REPO].private
    code = f"""
from datasets import load_dataset
def read(token):
    try:
        return len(load_dataset({REPO!r}, "data", revision="1.0.0", token=token)["train"])
    except Exception as error:
        return type(error).__name__
print(json.dumps([read(token) for token in ({hub.other!r}, False, {hub.reader!r})]))
"""
    assert look(code, token=None) == ["DatasetNotFoundError", "DatasetNotFoundError", 3]
    monkeypatch.setenv("HF_TOKEN", hub.other)
    assert "no right to write" in refusal(lambda: send(release()), hub)


def test_a_release_meant_to_be_private_does_not_go_to_a_public_repository(hub: Any, send: Any, release: Any) -> None:
    send(release())
    said = refusal(lambda: send(release("1.1.0", texts=("New.",)), private=True), hub)
    assert "public" in said
    assert commits(hub) == ["tiny 1.0.0", "initial commit"]


def test_without_a_token_nothing_is_asked(
    hub: Any, send: Any, release: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    assert "HF_TOKEN" in refusal(lambda: send(release()), hub)
    assert hub.log == []


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "lab/ti ny", "lab/..", "https://hub/lab", "lab/tiny.git"])
def test_what_is_no_repository_name_is_refused_before_anything_is_sent(
    hub: Any, send: Any, release: Any, name: str
) -> None:
    assert "NAMESPACE/NAME" in refusal(lambda: send(release(), name), hub)
    assert hub.log == []


def test_an_endpoint_where_nobody_listens_is_named(
    hub: Any, send: Any, release: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", url)
    said = refusal(lambda: send(release()), hub)
    assert "Cannot reach the Hub" in said
    assert url in said


def test_a_hub_that_never_answers_is_not_waited_for_for_ever(hub: Any, send: Any, release: Any) -> None:
    hub.hang("GET", rf"/{REPO}$", seconds=30, times=9)
    said = refusal(lambda: send(release(), patience=Patience(answer=0.3, waits=(0.01,))), hub)
    assert "no answer within 0.3 s" in said


def test_the_wait_that_a_hub_asks_for_is_kept_or_told(hub: Any, send: Any, release: Any) -> None:
    hub.answer("POST", TAG, 429, Retry_After="0")
    send(release())
    hub.answer("POST", COMMIT, 429, Retry_After="3600")
    said = refusal(lambda: send(release("1.1.0", texts=("New.",))), hub)
    assert "slow down" in said
    assert "3600 s" in said
    assert len(hub.seen("POST", COMMIT)) == 2


def test_a_dry_run_says_what_would_happen_and_changes_nothing(hub: Any, send: Any, release: Any) -> None:
    told = send(release(), dry_run=True)
    assert (told.uploaded, told.created, told.commit, told.dry_run) == (6, True, None, True)
    assert hub.repos.repos == {}
    send(release())
    hub.forget()
    told = send(release("1.1.0", texts=("New.",)), dry_run=True)
    assert (told.uploaded, told.created, told.unchanged) == (3, False, False)
    assert send(release(), dry_run=True).unchanged
    assert hub.changing() == []


def test_a_hub_that_speaks_xet_is_sent_files_its_way(
    hub: Any, send: Any, release: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Xet's own storage cannot be had here, so this ends where the client would begin to send.
    given: list[object] = []

    def preupload(api: object, repo: str, additions: Any, **options: Any) -> None:
        given.extend(addition.path_or_fileobj for addition in additions)
        raise RuntimeError("as far as this goes")

    monkeypatch.setattr("huggingface_hub.HfApi.preupload_lfs_files", preupload)
    hub.answer("GET", "/xet-write-token/", 200)
    assert "as far as this goes" in refusal(lambda: send(release()), hub)
    assert len(given) == 6
    assert all(isinstance(path, str) for path in given), "an open file would turn Xet off"
    assert commits(hub) == ["initial commit"]


def test_a_gitignore_in_the_repository_does_not_thin_out_a_release(hub: Any, send: Any, release: Any) -> None:
    hub.repos.create(REPO, False, hub.tokens[hub.writer])
    hub.write(REPO, {".gitignore": b"*.parquet\naudit\n"}, "ignore")
    result = send(release())
    assert (result.uploaded, result.deleted) == (6, 1)
    assert "data/train-0.parquet" in hub.repos.repos[REPO].commit("1.0.0").files


def test_progress_counts_files_up_to_all_of_them(hub: Any, send: Any, release: Any) -> None:
    told: list[tuple[int, int, int]] = []
    folder = release()
    send(folder, progress=lambda done, total, **figures: told.append((done, total, figures["bytes"])))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert told == [(0, 6, 0), (6, 6, size)]


def test_a_push_leaves_the_client_as_it_found_it(hub: Any, send: Any, release: Any) -> None:
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils import _http, logging
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled

    made: list[object] = []

    def own_factory() -> Any:
        made.append(client := _http.default_client_factory())
        return client

    before = (logging.get_verbosity(), are_progress_bars_disabled())
    set_client_factory(own_factory)
    try:
        send(release())
        assert made, "a program's own client (its proxies, its certificates) is the one that is used"
        assert own_factory is _http._GLOBAL_CLIENT_FACTORY
        assert _http.get_session().timeout.read is None
    finally:
        set_client_factory(_http.default_client_factory)
    assert (logging.get_verbosity(), are_progress_bars_disabled()) == before


def test_a_release_never_replaces_another_dataset(hub: Any, send: Any, release: Any) -> None:
    send(release())
    before = commits(hub)
    other = release("2.0.0", dataset="other")
    told = refusal(lambda: send(other), hub)
    assert "holds the dataset 'tiny' (1.0.0), and this release is of 'other'" in told
    assert "holds the dataset 'tiny'" in refusal(lambda: send(other, dry_run=True), hub)
    assert commits(hub) == before
    assert set(hub.repos.repos[REPO].tags) == {"1.0.0"}
