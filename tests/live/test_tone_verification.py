"""People verify TONE on the real server: what the build writes is imported, answered in a browser and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from label_studio_server import ADMIN_EMAIL, PASSWORD, LabelStudioServer

from annotators.embedding.encoder import encoder
from dsbuild.tone import tables
from dsbuild.tone.build import Embedding, Given, build, write, write_tasks

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]


def test_a_word_that_people_move_to_another_emotion_is_there_in_the_next_build(
    browser: Browser, label_studio: LabelStudioServer, tmp_path: Path, artefacts: Path
) -> None:
    model = encoder(1)
    embedding = Embedding(lambda texts: np.asarray(model(texts)), model.identity)
    config = write_tasks(build(Given(), embedding), tmp_path / "verify.json")
    asked = [
        task
        for task in json.loads((tmp_path / "verify.json").read_text(encoding="utf-8"))
        if task["data"]["word"] in ("vexation", "grateful")
    ]
    assert [task["data"]["word"] for task in asked] == ["grateful", "vexation"]
    with label_studio.client() as api:
        project = api.post(
            "/api/projects", json={"title": "TONE", "label_config": config.read_text(encoding="utf-8")}
        ).raise_for_status()
        number = project.json()["id"]
        ids = api.post(f"/api/projects/{number}/import?return_task_ids=true", json=asked).raise_for_status().json()
        # Vexation is right, without the browser.
        right = {"from_name": "verdict", "to_name": "word", "type": "choices", "value": {"choices": ["right"]}}
        api.post(f"/api/tasks/{ids['task_ids'][1]}/annotations/", json={"result": [right]}).raise_for_status()

        page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        page.goto(f"{label_studio.url}/user/login/")
        page.fill("input[name=email]", ADMIN_EMAIL)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "login" not in url)
        page.goto(f"{label_studio.url}/projects/{number}/data?task={ids['task_ids'][0]}")
        page.locator(".lsf-choices label").first.wait_for()
        assert not page.get_by_text("Which other emotion?").is_visible()
        page.locator(".lsf-choices label").filter(has_text="other").click()
        page.locator(".ant-select-selection-overflow").click()
        for step in ("joy", "contentment"):
            row = page.locator(".ant-select-tree-treenode").filter(has=page.get_by_text(step, exact=True)).first
            row.locator(".ant-select-tree-switcher").click()
        row = page.locator(".ant-select-tree-treenode").filter(has=page.get_by_text("pleasure", exact=True))
        row.locator(".ant-select-tree-checkbox").click()
        page.screenshot(path=str(artefacts / "tone_verification.png"))
        page.keyboard.press("Escape")
        with page.expect_response(lambda r: "/annotations" in r.url and r.request.method == "POST") as answer:
            page.get_by_role("button", name="Submit").first.click()
        assert answer.value.status == 201
        page.context.close()
        export = api.get(f"/api/projects/{number}/export", params={"exportType": "JSON"}).raise_for_status()
    (tmp_path / "export.json").write_bytes(export.content)

    built = build(Given(verified=(tmp_path / "export.json",)), embedding)
    assert built.counts["answers_read"] == {"answers": 2, "skipped": 0, "stale": 0, "foreign": 0}
    write(built, tmp_path / "tone")
    found = {row["word"]: row for row in tables.read(tmp_path / "tone", "vocabulary.tsv")}
    assert (found["vexation"]["term"], found["vexation"]["verification"]) == ("annoyance", "verified")
    assert (found["grateful"]["term"], found["grateful"]["verification"]) == ("pleasure", "verified")
    assert found["grateful"]["source"].startswith("people, instead of gladness")
