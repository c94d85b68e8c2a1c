"""Whole workflows, as clients of 2023 post them and are shown them, and what their records are then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from servers import TorcServer
from services import Service

import torc_frames as tf

SPECIFICATION: dict[str, Any] = {
    "name": "spec",
    "user": "alice",
    "description": "all that there is",
    "files": [{"name": "f", "path": "f.csv"}],
    "resource_requirements": [{"name": "r", "num_cpus": 3, "memory": "2g"}],
    "schedulers": {"slurm_schedulers": [{"name": "s", "account": "a", "nodes": 1, "walltime": "1:00:00"}]},
    "config": {"compute_node_resource_stats": {"cpu": True}},
    "jobs": [
        {"name": "b", "command": "true", "input_files": ["f"], "blocked_by": ["a"],
         "resource_requirements": "r"},
        {"name": "a", "command": "true", "output_files": ["f"],
         "user_data": [{"alpha": 1}, {"beta": [2.5, None]}],
         "cancel_on_blocking_job_failure": False, "interruptible": True, "scheduler": "slurm_schedulers/s"},
    ],
}  # fmt: skip
"""Jobs name others that come later, too."""

SYSTEM = ("_id", "_key", "_rev")


@pytest.fixture(scope="module", params=["both", "first"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    options = ("--form", "first") if request.param == "first" else ()
    with Service(tmp_path_factory.mktemp(request.param), *options) as service:
        yield service


@pytest.fixture
def key(service: Service) -> str:
    """A workflow that was posted whole."""
    made = service.call("POST", "/workflow_specifications", SPECIFICATION)
    assert (made["name"], made["user"], made["_id"]) == ("spec", "alice", f"workflows/{made['_key']}")
    return str(made["_key"])


def plain(document: Any) -> Any:
    """Return a document without what the system adds to it."""
    if isinstance(document, list):
        return [plain(one) for one in document]
    if isinstance(document, dict):
        return {name: plain(one) for name, one in document.items() if name not in SYSTEM}
    return document


def contains(whole: Any, part: Any) -> bool:
    """Return whether all of a part is in a document; lists are as long."""
    if isinstance(part, dict):
        return all(name in whole and contains(whole[name], one) for name, one in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


class TestWholeWorkflows:
    """``/workflow_specifications``: what is posted is shown."""

    def test_what_is_posted_is_shown_and_makes_the_same_again(self, service: Service, key: str) -> None:
        shown = service.call("GET", f"/workflow_specifications/{key}")
        assert contains(shown, SPECIFICATION)
        again = service.call("POST", "/workflow_specifications", plain(shown))["_key"]
        assert plain(service.call("GET", f"/workflow_specifications/{again}")) == plain(shown)

    def test_the_example_can_be_posted(self, service: Service) -> None:
        example = service.call("GET", "/workflow_specifications/example")
        key = service.call("POST", "/workflow_specifications", example)["_key"]
        assert contains(service.call("GET", f"/workflow_specifications/{key}"), example)

    def test_a_workflow_without_a_name(self, service: Service) -> None:
        for path in ("/workflows", "/workflow_specifications"):
            key = service.call("POST", path, {})["_key"]
            shown = service.call("GET", f"/workflow_specifications/{key}")
            assert (shown["jobs"], "name" in shown) == ([], False)
            assert service.call("GET", f"/workflows/{key}").get("name", "") == ""
            for url in (service.url, service.database):
                with tf.connect(url) as client:
                    assert client.workflows().loc[key, "name"] == ""

    def test_how_it_is_to_be_run_and_in_which_run_it_is(self, service: Service, key: str) -> None:
        stats = service.call("GET", f"/workflows/config/{key}")["compute_node_resource_stats"]
        assert (stats["cpu"], stats["memory"], stats["interval"]) == (True, False, 10)
        status = service.call("GET", f"/workflows/status/{key}")
        assert (status["run_id"], status["is_canceled"], status["auto_tune_status"]["job_keys"]) == (
            1,
            False,
            [],
        )
        service.call("POST", f"/jobs/{key}", {"command": "true", "run_id": 3})
        assert service.call("GET", f"/workflows/status/{key}")["run_id"] == 3

    @pytest.mark.parametrize(
        "path", ["/workflow_specifications/99", "/workflows/config/99", "/workflows/status/99"]
    )
    def test_of_a_workflow_that_does_not_exist(self, service: Service, path: str) -> None:
        assert service.refusal("GET", path) == (
            404,
            "Error: Document not found. Operation: Get workflows with key=99",
        )

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"jobs": [{"name": "a"}]}, 'request body jobs 0: "command" is required'),
            ({"jobs": [{"command": "c"}, {"command": "c", "blocked_by": ["z"]}]},
             "request body \"blocked_by\" names none of the jobs: 'z'"),
            ({"jobs": [{"command": "c", "input_files": ["z"]}]},
             "request body jobs 0: \"input_files\" names none of the files: 'z'"),
            ({"files": [{"name": "f"}]}, 'request body files 0: "path" is required'),
            ({"files": 1}, 'request body "files" must be an array of objects'),
            ({"later": 1}, 'request body "later" is not allowed'),
            ({"jobs": [{"name": "a", "command": "c", "blocked_by": ["b"]},
                       {"name": "b", "command": "c", "blocked_by": ["a"]}]},
             "request body: these jobs would wait for each other: "),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_told_and_nothing_is_kept(
        self, service: Service, change: dict[str, Any], says: str
    ) -> None:
        before = service.call("GET", "/workflows")["total_count"]
        status, told = service.refusal("POST", "/workflow_specifications", change)
        assert status == 400
        assert told.startswith(says)
        assert service.call("GET", "/workflows")["total_count"] == before

    def test_what_torc_frames_pushed_is_shown(self, service: Service) -> None:
        with tf.connect(service.database) as client:
            wf = client.create_workflow("pushed")
            wf.push(pd.DataFrame({"a": [1, 2]}), command="true", outputs=True)
            shown = service.call("GET", f"/workflow_specifications/{wf.key}")
            again = service.call("POST", "/workflow_specifications", plain(shown))["_key"]
            records = client.workflow(again).user_data()
        assert sorted(records["a"].dropna()) == [1, 2]
        assert len(records) == 4


class TestRecords:
    """A record that a client of March 2023 lets a job store is its output, whoever asks."""

    def test_by_url_and_by_path(self, service: Service, key: str, torc_server: TorcServer) -> None:
        job = service.call("POST", f"/jobs/{key}", {"name": "job", "command": "true"})["_key"]
        service.call("POST", f"/jobs/user_data/{key}/{job}", {"loss": 0.5})
        with tf.connect(service.url) as url, tf.connect(service.database) as path:
            frames = [client.workflow(key).user_data().drop(columns="rev") for client in (url, path)]
            pd.testing.assert_frame_equal(*frames)
            assert frames[0]["role"].tolist() == ["output"] * 3
            results = [client.workflow(key).results() for client in (url, path)]
            pd.testing.assert_frame_equal(*results)
            assert results[0].loc[job, "loss"] == 0.5
            with tf.connect(torc_server.url) as to:
                for client in (url, path):
                    copied = client.copy(key, to=to).workflow.results()
                    assert copied["loss"].tolist()[-1] == 0.5
                    assert len(copied) == len(results[0])

    def test_what_torc_frames_stores_by_url_is_the_same_by_path(self, first_service: Service) -> None:
        with tf.connect(first_service.url) as url, tf.connect(first_service.database) as path:
            wf = url.create_workflow("ours")
            wf.push(pd.DataFrame({"a": [1, 2]}), outputs=True)
            wf.add_user_data(wf.jobs().index[0], {"neither": 1}, role=None)
            frames = [
                client.workflow(wf.key).user_data().drop(columns=["rev", "record_key", "record_name"])
                for client in (url, path)
            ]
            pd.testing.assert_frame_equal(*frames)
            pd.testing.assert_frame_equal(wf.parameters(), path.workflow(wf.key).parameters())

    def test_what_was_pushed_by_path_is_the_same_by_url(self, service: Service) -> None:
        with tf.connect(service.url) as url, tf.connect(service.database) as path:
            wf = path.create_workflow("by path")
            wf.push(pd.DataFrame({"a": [1, 2]}), outputs=True)
            job = wf.jobs().index[0]
            both = [client.workflow(wf.key) for client in (path, url)]
            for pull in (
                lambda one: one.user_data()["role"],
                lambda one: one.user_data(job=job)["role"],
                lambda one: one.parameters(),
            ):
                pd.testing.assert_series_equal(*[pd.Series(pull(one).to_numpy().ravel()) for one in both])
            assert [one.job(job).parameters for one in both] == [{"a": 1}] * 2
