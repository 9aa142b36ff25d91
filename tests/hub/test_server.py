"""The local Hub is true enough: the client and `datasets`, as they are, work against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

REPO = "emotion-lab/by-hand"


@pytest.fixture
def made(hub: Any) -> Any:
    """A Hub with one repository."""
    hub.repos.create(REPO, False, hub.tokens[hub.writer])
    return hub


def test_the_clients_own_calls_work_as_on_a_hub(hub: Any, look: Callable[..., Any], tmp_path: Any) -> None:
    folder = tmp_path / "folder"
    (folder / "deep" / "er").mkdir(parents=True)
    for index in range(5):
        (folder / "deep" / f"{index}.txt").write_text(f"number {index}")
    (folder / "deep" / "er" / "big.bin").write_bytes(bytes(range(256)) * 64)
    code = f"""
from pathlib import Path
from huggingface_hub import HfApi, errors
from huggingface_hub.hf_api import RepoFile
api, repo = HfApi(), {REPO!r}
def failure(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__, getattr(getattr(error, "response", None), "status_code", None)
seen = {{}}
seen["who"] = api.whoami()["name"]
seen["absent"] = failure(lambda: api.dataset_info(repo))
seen["url"] = api.create_repo(repo, repo_type="dataset")
seen["again"] = failure(lambda: api.create_repo(repo, repo_type="dataset"))
seen["url again"] = api.create_repo(repo, repo_type="dataset", exist_ok=True)
seen["elsewhere"] = failure(lambda: api.create_repo("rival/x", repo_type="dataset"))
commit = api.upload_folder(repo_id=repo, repo_type="dataset", folder_path={str(folder)!r}).oid
tree = api.list_repo_tree(repo, repo_type="dataset", recursive=True)
seen["tree"] = sorted(entry.path for entry in tree if isinstance(entry, RepoFile))
seen["top"] = sorted(entry.path for entry in api.list_repo_tree(repo, repo_type="dataset"))
api.create_tag(repo, repo_type="dataset", tag="v1")
seen["tag again"] = failure(lambda: api.create_tag(repo, repo_type="dataset", tag="v1"))
api.delete_file("deep/0.txt", repo, repo_type="dataset")
seen["moved"] = failure(lambda: api.upload_file(
    path_or_fileobj=b"x", path_in_repo="x", repo_id=repo, repo_type="dataset", parent_commit=commit))
seen["nothing to delete"] = failure(lambda: api.delete_file("nothing", repo, repo_type="dataset"))
seen["tags"] = [tag.target_commit == commit for tag in api.list_repo_refs(repo, repo_type="dataset").tags]
seen["commits"] = [c.title for c in api.list_repo_commits(repo, repo_type="dataset")]
paths = api.get_paths_info(repo, ["deep/1.txt", "deep/er/big.bin", "nothing"], repo_type="dataset")
seen["paths"] = [[file.path, file.size, bool(file.lfs)] for file in paths]
where = Path(api.snapshot_download(repo, repo_type="dataset", revision="v1"))
seen["snapshot"] = [(where / "deep/0.txt").read_text(), len((where / "deep/er/big.bin").read_bytes())]
seen["no file"] = failure(lambda: api.hf_hub_download(repo, "nothing", repo_type="dataset"))
seen["no revision"] = failure(lambda: api.hf_hub_download(repo, "deep/1.txt", repo_type="dataset", revision="v9"))
api.delete_tag(repo, tag="v1", repo_type="dataset")
seen["no tags"] = len(api.list_repo_refs(repo, repo_type="dataset").tags)
seen["bad token"] = failure(lambda: HfApi(token="hf_nobody").dataset_info(repo))
seen["bad card"] = failure(lambda: api.upload_file(
    path_or_fileobj=b"---\\nlicense: nonsense\\n---", path_in_repo="README.md", repo_id=repo, repo_type="dataset"))
print(json.dumps(seen))
"""
    seen = look(code)
    assert seen == {
        "who": "lab",
        "absent": ["RepositoryNotFoundError", 404],
        "url": f"{hub.url}/datasets/{REPO}",
        "again": ["HfHubHTTPError", 409],
        "url again": f"{hub.url}/datasets/{REPO}",
        "elsewhere": ["HfHubHTTPError", 403],
        "tree": [".gitattributes", *(f"deep/{index}.txt" for index in range(5)), "deep/er/big.bin"],
        "top": [".gitattributes", "deep"],
        "tag again": ["HfHubHTTPError", 409],
        "moved": ["HfHubHTTPError", 412],
        "nothing to delete": ["RemoteEntryNotFoundError", 404],
        "tags": [True],
        "commits": ["Delete deep/0.txt with huggingface_hub", "Upload folder using huggingface_hub", "initial commit"],
        "paths": [["deep/1.txt", 8, False], ["deep/er/big.bin", 16384, True]],
        "snapshot": ["number 0", 16384],
        "no file": ["RemoteEntryNotFoundError", 404],
        "no revision": ["RevisionNotFoundError", 404],
        "no tags": 0,
        "bad token": ["HfHubHTTPError", 401],
        "bad card": ["ValueError", None],
    }
    assert not any(line.authorised for line in hub.storage_log)


def test_datasets_own_push_to_hub_and_streaming_work(made: Any, look: Callable[..., Any]) -> None:
    code = f"""
from datasets import ClassLabel, Dataset, Features, Value, load_dataset
features = Features({{"text": Value("string"), "label": ClassLabel(names=["joy", "anger"])}})
Dataset.from_dict({{"text": ["a", "b"], "label": [0, 1]}}, features=features).push_to_hub({REPO!r}, "texts")
streamed = load_dataset({REPO!r}, "texts", split="train", streaming=True)
print(json.dumps([list(streamed), streamed.features["label"].names]))
"""
    assert look(code) == [[{"text": "a", "label": 0}, {"text": "b", "label": 1}], ["joy", "anger"]]
    assert any(line.status == 206 for line in made.seen("GET", "^/lfs/"))


def test_a_commit_and_a_tag_stay_what_they_are(made: Any) -> None:
    first = made.write(REPO, {"a.txt": b"one"}, "one")
    made.repos.tag(REPO, "main", "1.0.0")
    second = made.write(REPO, {"a.txt": b"two"}, "two")
    repo = made.repos.repos[REPO]
    assert repo.commit("1.0.0").oid == first
    assert made.repos.content(repo.commit("1.0.0").files["a.txt"]) == b"one"
    assert made.repos.content(repo.commit("main").files["a.txt"]) == b"two"
    assert [commit.oid for commit in repo.history("main")][:2] == [second, first]
    # As `printf one | git hash-object --stdin` says.
    assert repo.commit("1.0.0").files["a.txt"].oid == "43dd47ea691c90a5fa7827892c70241913351963"
