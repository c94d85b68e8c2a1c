"""`torc-frames serve`: every endpoint in both forms, its answers and its errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from services import Service

import torc_frames as tf
from torc_frames.service.routes import operations
from torc_frames.store.wire.legacy import Form

FIRST, LATER = "first", "later"

DOCUMENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "jobs": ({"command": "true", "name": "a"}, {"name": "b"}),
    "user_data": ({"name": "x"}, {"name": "y"}),
    "files": ({"path": "/x", "name": "f"}, {"st_mtime": 1.5}),
    "events": ({"category": "job"}, {"category": "workflow"}),
    "resource_requirements": ({"name": "small", "num_cpus": 2, "memory": "2g"}, {"memory": "3g"}),
}
"""Of each collection a document that both forms take, and a change of it."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def workflow(service: Service) -> str:
    return str(service.call("POST", "/workflows", {"name": "ridge", "user": "me"})["_key"])


@pytest.fixture
def job(service: Service, workflow: str) -> str:
    return str(service.call("POST", f"/jobs/{workflow}", {"command": "true", "name": "a"})["_key"])


def home(form: str, workflow: str, collection: str) -> str:
    """Return the path of a collection."""
    return f"/{collection}/{workflow}" if form == FIRST else f"/workflows/{workflow}/{collection}"


def without_system(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("_id", "_key", "_rev", "_oldRev")}


def keys(page: dict[str, Any]) -> list[str]:
    return [item["_key"] for item in page["items"]]


# the manual page's day


def test_records_of_a_job_as_the_manual_page_has_them(service: Service, workflow: str, job: str) -> None:
    path = f"/jobs/user_data/{workflow}/{job}"
    first = service.call("POST", path, {"key1": "val1", "key2": "val2"})
    assert set(first) == {"_id", "_key", "_rev", "key1", "key2"}
    assert first["_id"] == f"user_data__{workflow}/{first['_key']}"
    second = service.call("POST", path, {"key3": "val3"})
    assert service.call("GET", path) == {"items": [second, first]}
    assert keys(service.call("GET", f"/user_data/{workflow}")) == [first["_key"], second["_key"]]


def test_a_record_is_given_back_as_it_was_sent(service: Service, workflow: str) -> None:
    sent = {"n": None, "big": 2**70, "x": [1, {"y": None}], "": "", "ü\0": "\U0001f600", "tenth": 0.1}
    made = service.call("POST", f"/user_data/{workflow}", sent)
    assert without_system(made) == sent
    got = service.request("GET", f"/user_data/{workflow}/{made['_key']}")
    assert without_system(got.json()) == sent
    assert str(2**70) in got.text
    assert list(without_system(got.json())) == list(sent)


def test_a_job_has_the_defaults_of_its_form(service: Service, workflow: str) -> None:
    first = service.call("POST", f"/jobs/{workflow}", {"command": "true"})
    defaults = {"status": "uninitialized", "run_id": 0, "interruptible": False}
    assert (defaults | {"cancel_on_blocking_job_failure": True}).items() <= first.items()
    later = service.call("GET", f"/workflows/{workflow}/jobs/{first['_key']}")
    assert later["supports_termination"] is False
    assert "run_id" not in later


def test_a_job_specification_makes_a_job_with_its_records(service: Service, workflow: str, job: str) -> None:
    made = service.call(
        "POST",
        f"/job_specifications/{workflow}",
        {
            "name": "c",
            "command": "true",
            "user_data": [{"p": 1}, {"_key": "mine", "p": 2}],
            "blocked_by": ["a"],
        },
    )
    records = service.call("GET", f"/jobs/user_data/{workflow}/{made['_key']}")["items"]
    assert [record["p"] for record in records] == [2, 1]
    assert records[0]["_key"] == "mine"
    [edge] = service.call("GET", f"/edges/{workflow}/blocks")["items"]
    assert (edge["_from"], edge["_to"]) == (f"jobs__{workflow}/{job}", made["_id"])


# every collection, in both forms


@pytest.mark.parametrize("form", [FIRST, LATER])
@pytest.mark.parametrize("collection", DOCUMENTS)
def test_documents_are_added_read_changed_and_deleted(
    service: Service, workflow: str, form: str, collection: str
) -> None:
    path, (sent, change) = home(form, workflow, collection), DOCUMENTS[collection]
    made = service.call("POST", path, sent)
    assert sent.items() <= made.items()
    one = f"{path}/{made['_key']}"
    assert service.call("GET", one) == made
    changed = service.call("PUT", one, {**change, "_key": made["_key"], "_rev": made["_rev"]})
    assert changed["_oldRev"] == made["_rev"] != changed["_rev"]
    now = service.call("GET", one)
    assert without_system(now) == without_system(made) | change
    assert service.call("GET", path)["items"] == [now]
    assert service.call("DELETE", one) == now
    assert service.refusal("GET", one)[0] == 404
    service.call("POST", path, sent)
    told = service.call("DELETE", path)["message"]
    assert told == f'Deleted all documents in the "{collection}" collection for workflow {workflow}'
    assert service.call("GET", path)["total_count"] == 0


def test_workflows_are_added_read_changed_and_deleted(service: Service) -> None:
    made = service.call("POST", "/workflows", {"name": "w", "user": "me", "description": "d"})
    path = f"/workflows/{made['_key']}"
    assert made["_id"] == f"workflows/{made['_key']}"
    assert service.call("GET", path) == made
    sent = {"_key": made["_key"], "_rev": made["_rev"], "description": "new"}
    assert service.call("PUT", path, sent)["_oldRev"] == made["_rev"]
    now = service.call("GET", path)
    assert (now["name"], now["description"]) == ("w", "new")
    assert now in service.call("GET", "/workflows")["items"]
    assert service.call("DELETE", path) == now
    status, message = service.refusal("GET", path)
    key = made["_key"]
    assert (status, message) == (404, f"Error: Document not found. Operation: Get workflows with key={key}")


@pytest.mark.parametrize("form", [FIRST, LATER])
def test_results_are_those_of_runs(service: Service, workflow: str, job: str, form: str) -> None:
    path = home(form, workflow, "results")
    last = f"/results/find_by_job/{workflow}/{job}"
    if form == LATER:
        last = f"{path}/find_by_job/{job}"
    assert service.refusal("GET", last) == (404, f"No result is stored for job {job}")
    for run_id in (1, 2):
        made = service.call(
            "POST",
            path,
            {
                **{"job_key": job, "run_id": run_id, "return_code": run_id - 1, "status": "done"},
                **{"exec_time_minutes": 1.5, "completion_time": "2023-03-29 08:21:33.5"},
            },
        )
        assert service.call("GET", f"{path}/{made['_key']}") == made
    assert service.call("GET", last) == made
    assert service.call("GET", path, return_code=0)["items"][0]["run_id"] == 1
    assert service.call("GET", path, job_key=job, run_id=2)["items"] == [made]
    assert service.refusal("GET", last.replace(f"/{job}", "/99"))[0] == 404
    service.call("DELETE", f"{path}/{made['_key']}")
    assert service.call("GET", last)["run_id"] == 1


@pytest.mark.parametrize("form", [FIRST, LATER])
def test_jobs_are_found_by_status_and_listed_by_key(
    service: Service, workflow: str, job: str, form: str
) -> None:
    service.call("POST", f"/jobs/{workflow}", {"command": "true", "_key": "mine", "status": "ready"})
    if form == FIRST:
        found, listed = f"/jobs/find_by_status/{workflow}/ready", f"/job_keys/{workflow}"
    else:
        found, listed = f"/workflows/{workflow}/jobs/find_by_status/ready", f"/workflows/{workflow}/job_keys"
    page = service.call("GET", found)
    assert (keys(page), page["total_count"]) == (["mine"], 1)
    assert service.call("GET", listed) == {"items": [job, "mine"]}


@pytest.mark.parametrize("form", [FIRST, LATER])
def test_edges_are_added_listed_and_deleted(service: Service, workflow: str, job: str, form: str) -> None:
    path = home(form, workflow, "edges") + "/consumes"
    record = service.call("POST", f"/user_data/{workflow}", {"a": 1})
    sent = {"_from": f"jobs__{workflow}/{job}", "_to": record["_id"]}
    edge = service.call("POST", path, sent)
    assert sent.items() <= edge.items()
    assert service.call("GET", path)["items"] == [edge]
    assert service.call("GET", f"{path}/{edge['_key']}") == edge
    assert keys(service.call("GET", f"/workflows/{workflow}/jobs/{job}/user_data_consumes")) == [
        record["_key"]
    ]
    assert service.call("DELETE", f"{path}/{edge['_key']}") == edge
    service.call("POST", path, sent)
    assert service.call("DELETE", path) == {"message": 'Deleted all edges in the "consumes" collection'}
    assert service.call("GET", path)["total_count"] == 0
    assert service.refusal("GET", home(form, workflow, "edges") + "/nothing")[0] == 404


# the later form


def test_jobs_in_bulk_have_their_records_and_wait_for_each_other(service: Service, workflow: str) -> None:
    path = f"/workflows/{workflow}"
    given, wanted = (service.call("POST", f"{path}/user_data", {"name": name}) for name in ("i", "o"))
    [first] = service.call(
        "POST",
        f"{path}/bulk_jobs",
        {"jobs": [{"command": "1", "input_user_data": [given["_id"]], "output_user_data": [wanted["_id"]]}]},
    )["items"]
    service.call("POST", f"{path}/bulk_jobs", {"jobs": [{"command": "2", "blocked_by": [first["_id"]]}]})
    for edge, record in (("consumes", given), ("stores", wanted)):
        page = service.call("GET", f"{path}/jobs/{first['_key']}/user_data_{edge}")
        assert page["items"] == [record]
        assert (page["count"], page["total_count"], page["has_more"]) == (1, 1, False)
    [blocks] = service.call("GET", f"{path}/edges/blocks")["items"]
    assert blocks["_from"] == first["_id"]


def test_jobs_in_bulk_are_added_all_or_none(service: Service, workflow: str) -> None:
    jobs = [{"command": "1"}, {"name": "no command"}]
    status, message = service.refusal("POST", f"/workflows/{workflow}/bulk_jobs", {"jobs": jobs})
    assert (status, message) == (400, 'request body "command" is required')
    for wrong in ({}, {"jobs": 1}, {"jobs": [1]}):
        status, message = service.refusal("POST", f"/workflows/{workflow}/bulk_jobs", wrong)
        assert (status, message[:12]) == (400, "request body")
    assert service.call("GET", f"/jobs/{workflow}")["total_count"] == 0


def test_a_record_added_to_a_job_is_one_that_it_stores(service: Service, workflow: str, job: str) -> None:
    path = f"/workflows/{workflow}/jobs/{job}"
    made = [service.call("POST", f"{path}/user_data", {"name": name, "data": {"x": 1}}) for name in "ab"]
    assert service.call("GET", f"{path}/user_data_stores")["items"] == made[::-1]
    page = service.call("GET", f"{path}/user_data_stores", skip=1, limit=1)
    assert (page["items"], page["total_count"], page["has_more"]) == (made[:1], 2, False)
    assert service.call("GET", f"{path}/user_data_consumes")["items"] == []


def test_the_later_form_says_its_version(service: Service) -> None:
    assert service.call("GET", "/version") == {"version": "0.6.4"}
    assert service.call("GET", "/ping")["message"]


# both forms of one store


def test_a_record_of_one_form_is_read_through_the_other(service: Service, workflow: str) -> None:
    first = service.call("POST", f"/user_data/{workflow}", {"a": {"x": 1}})
    there = service.call("GET", f"/workflows/{workflow}/user_data/{first['_key']}")
    assert (there["data"], there["is_ephemeral"], "name" in there) == ({"a": {"x": 1}}, False, False)
    later = service.call("POST", f"/workflows/{workflow}/user_data", {"name": "n", "data": {"b": 2}})
    here = service.call("GET", f"/user_data/{workflow}/{later['_key']}")
    assert without_system(here) == {"b": 2}
    assert here["_rev"] == later["_rev"]


def test_the_first_form_merges_deeply_and_the_later_one_replaces(service: Service, workflow: str) -> None:
    sent = {"a": {"x": 1, "y": {"z": 2}}, "b": 1}
    first = service.call("POST", f"/user_data/{workflow}", sent)
    path = f"/user_data/{workflow}/{first['_key']}"
    change = {"_key": first["_key"], "_rev": first["_rev"], "a": {"y": {"w": 3}}}
    answer = service.call("PUT", path, change)
    assert without_system(answer) == {"a": {"y": {"w": 3}}}
    assert without_system(service.call("GET", path)) == {"a": {"x": 1, "y": {"z": 2, "w": 3}}, "b": 1}
    rev = answer["_rev"]
    later = {"_key": first["_key"], "_rev": rev, "name": "n", "data": {"a": {"y": 4}}}
    service.call("PUT", f"/workflows/{workflow}/user_data/{first['_key']}", later)
    assert without_system(service.call("GET", path)) == {"a": {"y": 4}}


def test_what_frames_read_is_what_was_served(service: Service, workflow: str, job: str) -> None:
    service.call("POST", f"/workflows/{workflow}/jobs/{job}/user_data", {"data": {"loss": 0.5}})
    frame = tf.connect(service.database).workflow(workflow).results()
    assert frame["loss"].tolist() == [0.5]
    assert frame.index.tolist() == [job]


def test_the_metadata_of_a_workflow_is_a_document_that_no_list_shows(service: Service, workflow: str) -> None:
    path = f"/user_data/{workflow}/torc_frames"
    now = service.call("GET", path)
    assert without_system(now) == {}
    service.call("PUT", path, {"_key": "torc_frames", "_rev": now["_rev"], "dtypes": {"x": 1}})
    assert without_system(service.call("GET", path)) == {"dtypes": {"x": 1}}
    assert service.call("GET", f"/user_data/{workflow}")["items"] == []


# pages and filters


@pytest.mark.parametrize("form", [FIRST, LATER])
def test_pages_say_where_they_are(service: Service, workflow: str, form: str) -> None:
    path = home(form, workflow, "user_data")
    made = [service.call("POST", path, {})["_key"] for _ in range(5)]
    page = service.call("GET", path, skip=1, limit=3)
    assert keys(page) == made[1:4]
    about = {name: value for name, value in page.items() if name != "items"}
    most = 1000 if form == FIRST else 100_000
    assert about == {
        **{"skip": 1, "limit": 3, "max_limit": most, "count": 3, "total_count": 5, "has_more": True}
    }
    last = service.call("GET", path, skip=4)
    assert (keys(last), last["has_more"], last["limit"]) == (made[4:], False, most)
    beyond = service.call("GET", path, skip=9)
    assert (beyond["items"], beyond["total_count"], beyond["has_more"]) == ([], 5, False)
    assert service.call("GET", path, limit=0)["has_more"] is True


def test_the_first_form_gives_a_thousand_at_most(service: Service, workflow: str) -> None:
    jobs = [{"command": "true"}] * 1001
    service.call("POST", f"/workflows/{workflow}/bulk_jobs", {"jobs": jobs})
    page = service.call("GET", f"/jobs/{workflow}", limit=5000)
    assert (page["count"], page["limit"], page["total_count"], page["has_more"]) == (1000, 1000, 1001, True)
    assert service.call("GET", f"/workflows/{workflow}/jobs", limit=5000)["count"] == 1001


def test_workflows_which_both_forms_list_by_one_path_come_by_the_thousand(service: Service) -> None:
    page = service.call("GET", "/workflows", limit=5000)
    assert (page["limit"], page["max_limit"]) == (1000, 1000)
    described = service.call("GET", "/openapi.json", form="later")["paths"]
    [limit] = [one for one in described["/workflows"]["get"]["parameters"] if one["name"] == "limit"]
    assert limit["schema"]["default"] == 1000


@pytest.mark.parametrize("text", ["2", "2.0", "2e0", "00002"])
def test_numbers_may_come_with_a_point(service: Service, workflow: str, text: str) -> None:
    for _ in range(3):
        service.call("POST", f"/user_data/{workflow}", {})
    assert service.call("GET", f"/user_data/{workflow}", limit=text)["count"] == 2
    assert service.call("GET", f"/user_data/{workflow}", skip=text)["count"] == 1


@pytest.mark.parametrize("name", ["skip", "limit"])
@pytest.mark.parametrize(
    "text", ["abc", "", "nan", "inf", "0x10", "1_0", "-1", "-1.0", "1.5", "٣", "1" * 400]
)
def test_what_is_no_count_is_refused(service: Service, workflow: str, name: str, text: str) -> None:
    status, message = service.refusal("GET", f"/user_data/{workflow}", **{name: text})
    assert status == 400
    assert message.startswith(f'query parameter "{name}" must be a number')


@pytest.mark.parametrize("text", ["1e300", "9" * 30])
def test_counts_beyond_all_lists_are_counts(service: Service, workflow: str, text: str) -> None:
    assert service.call("GET", f"/user_data/{workflow}", skip=text)["items"] == []
    assert service.call("GET", f"/user_data/{workflow}", limit=text)["limit"] == 1000


def test_filters_count_too(service: Service, workflow: str) -> None:
    for name, interruptible in (("a", True), ("a", False), ("b", True)):
        service.call(
            "POST", f"/jobs/{workflow}", {"command": "1", "name": name, "interruptible": interruptible}
        )
    path = f"/jobs/{workflow}"
    page = service.call("GET", path, name="a", limit=1)
    assert (page["count"], page["total_count"], page["has_more"]) == (1, 2, True)
    for text in ("True", "true", "TRUE"):
        assert service.call("GET", path, interruptible=text)["total_count"] == 2
    assert service.call("GET", path, interruptible="False", name="a")["total_count"] == 1
    assert service.call("GET", path, run_id="0.0", status="uninitialized")["total_count"] == 3
    assert service.call("GET", path, nothing="x", sort_by="name")["total_count"] == 3
    for text in ("1e30", "9" * 30, "-1e300", "-" + "9" * 30):
        assert service.call("GET", path, run_id=text)["total_count"] == 0
        assert service.call("GET", f"/results/{workflow}", return_code=text)["total_count"] == 0
    assert service.refusal("GET", path, interruptible="yes")[0] == 400
    assert service.refusal("GET", path, run_id="x")[0] == 400


# errors


def test_errors_have_the_four_attributes_of_the_database(service: Service) -> None:
    answer = service.request("GET", "/workflows/999977")
    assert answer.json() == {
        "error": True,
        "errorNum": 404,
        "errorMessage": "Error: Document not found. Operation: Get workflows with key=999977",
        "code": 404,
    }


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/user_data/999977", "Get workflows with key=999977"),
        ("GET", "/user_data/{wf}/999977", "Get user_data with key=999977"),
        ("DELETE", "/user_data/{wf}/999977", "Get user_data with key=999977"),
        ("PUT", "/user_data/{wf}/999977", "Update user_data key=999977"),
        ("PUT", "/user_data/999978/999977", "Get workflows with key=999978"),
        ("PUT", "/workflows/999977", "Update workflow key=999977"),
        ("GET", "/jobs/user_data/{wf}/999977", "Get jobs with key=999977"),
        ("POST", "/jobs/user_data/{wf}/999977", "Get jobs with key=999977"),
        ("GET", "/workflows/{wf}/jobs/999977/user_data_stores", "Get jobs with key=999977"),
    ],
)
def test_what_does_not_exist_is_named(
    service: Service, workflow: str, method: str, path: str, operation: str
) -> None:
    body = {"_key": "999977", "_rev": "1"} if method == "PUT" else {} if method == "POST" else None
    status, message = service.refusal(method, path.format(wf=workflow), body)
    assert (status, message) == (404, f"Error: Document not found. Operation: {operation}")


def test_an_update_needs_the_current_rev_and_the_key(service: Service, workflow: str) -> None:
    made = service.call("POST", f"/user_data/{workflow}", {"a": 1})
    key, path = made["_key"], f"/user_data/{workflow}/{made['_key']}"
    for form, noun in (
        (path, "an user data"),
        (home(LATER, workflow, "user_data") + f"/{key}", "a document"),
    ):
        required = (400, f"Updating {noun} requires the existing revision")
        assert service.refusal("PUT", form, {"_key": "other"}) == required
    mismatch = service.refusal("PUT", path, {"_key": "other", "_rev": made["_rev"]})
    assert mismatch == (400, f"key={key} does not match other")
    stale = (409, f"Error: Conflicting revision. Operation: Update user_data key={key}")
    assert service.refusal("PUT", path, {"_key": key, "_rev": "stale", "a": 2}) == stale
    assert service.call("GET", path) == made


@pytest.mark.parametrize("form", [FIRST, LATER])
@pytest.mark.parametrize("collection", DOCUMENTS)
def test_a_key_of_one_s_own_is_honoured_once(
    service: Service, workflow: str, form: str, collection: str
) -> None:
    path, (sent, _) = home(form, workflow, collection), DOCUMENTS[collection]
    for key in ("it's:@mine(1)", "92181820", "0012"):
        assert service.call("POST", path, {**sent, "_key": key, "_id": "x", "_rev": "y"})["_key"] == key
        assert service.call("GET", f"{path}/{key}")["_id"] == f"{collection}__{workflow}/{key}"
        answer = service.request("POST", path, json={**sent, "_key": key})
        assert (answer.status_code, answer.json()["errorNum"]) == (400, 1210)
    for key in ("a/b", "", "ü", "a b", "x" * 255):
        answer = service.request("POST", path, json={**sent, "_key": key})
        assert (answer.status_code, answer.json()["errorNum"]) == (400, 1221), key
    assert service.call("GET", path)["total_count"] == 3


BROKEN = [b"", b"x", b"{", b"{}}", b"[]", b"1", b'"x"', b"null", b'{"a": NaN}', b'{"a": -Infinity}']
BROKEN += [b'{"a": 1e999}', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"\xef\xbb\xbf{}", b"{'a': 1}"]
BROKEN += [b'{"a":' * 100_000 + b"1" + b"}" * 100_000]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_object_is_refused(service: Service, workflow: str, job: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    before = service.call("GET", f"/user_data/{workflow}")
    for method, path in [
        ("POST", "/workflows"),
        ("POST", f"/user_data/{workflow}"),
        ("POST", f"/jobs/{workflow}"),
        ("POST", f"/jobs/user_data/{workflow}/{job}"),
        ("POST", f"/job_specifications/{workflow}"),
        ("POST", f"/edges/{workflow}/stores"),
        ("POST", f"/workflows/{workflow}/bulk_jobs"),
        ("PUT", f"/user_data/{workflow}/torc_frames"),
        ("PUT", f"/jobs/{workflow}/{job}"),
    ]:
        answer = service.request(method, path, data=body, headers=headers)
        assert answer.status_code == 400, (path, answer.text)
        assert answer.json()["errorMessage"].startswith("request body"), path
    assert service.call("GET", f"/user_data/{workflow}") == before


def test_deep_nesting_is_kept_or_refused_and_never_breaks_the_service(
    service: Service, workflow: str
) -> None:
    for depth in (50, 300, 900, 1100, 5000):
        body = '{"a":' * depth + "1" + "}" * depth
        headers = {"Content-Type": "application/json"}
        made = service.request("POST", f"/user_data/{workflow}", data=body, headers=headers)
        assert made.status_code in (200, 400), (depth, made.text)
        if made.status_code == 200:
            path = f"/user_data/{workflow}/{made.json()['_key']}"
            system = f'"_key":"{made.json()["_key"]}","_rev":"{made.json()["_rev"]}",'
            merged = service.request("PUT", path, data=body.replace("{", "{" + system, 1), headers=headers)
            assert merged.status_code in (200, 400), (depth, merged.text)


def test_unknown_attributes_of_a_job_are_refused(service: Service, workflow: str) -> None:
    status, message = service.refusal("POST", f"/jobs/{workflow}", {"command": "x", "colour": 1})
    assert (status, message) == (400, 'request body "colour" is not allowed')


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/workflows/", "//workflows", "/user_data", "/edges/1", "/jobs/1/2/3"]
)
def test_unknown_paths_are_not_found(service: Service, path: str) -> None:
    answer = service.request("GET", path, allow_redirects=False)
    assert (answer.status_code, answer.json()["errorNum"]) == (404, 404)
    assert "unknown path" in answer.json()["errorMessage"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/user_data/1", "DELETE, GET, HEAD, POST"),
        ("PATCH", "/user_data/1/1", "DELETE, GET, HEAD, PUT"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("OPTIONS", "/workflows", "GET, HEAD, POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    service: Service, method: str, path: str, allowed: str
) -> None:
    answer = service.request(method, path)
    assert (answer.status_code, answer.json()["errorNum"]) == (405, 405)
    assert answer.headers["Allow"] == allowed


def test_head_is_get_without_a_body(service: Service, workflow: str) -> None:
    answer = service.request("HEAD", f"/workflows/{workflow}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert service.request("HEAD", "/workflows/999977").status_code == 404


# paths


ODD_KEYS = ["a%2Fb", "%2E%2E", "..%2F..%2Fetc%2Fpasswd", "%00", "1%00", "x" * 5000, "%D9%A1", "1%20", "%2B1"]
ODD_KEYS += [
    "1%2F..%2F1",
    "%0A",
    "01",
    "1.0",
    "-1",
    "%27%20OR%201%3D1",
    "9" * 400,
    "9223372036854775808",
    "*",
]


@pytest.mark.parametrize("key", ODD_KEYS, ids=range(len(ODD_KEYS)))
def test_odd_keys_are_unknown_keys(service: Service, workflow: str, job: str, key: str) -> None:
    service.call("POST", f"/jobs/user_data/{workflow}/{job}", {"a": 1})
    before = service.call("GET", f"/user_data/{workflow}")
    for method, path in [
        ("GET", f"/user_data/{workflow}/{key}"),
        ("DELETE", f"/user_data/{workflow}/{key}"),
        ("GET", f"/workflows/{key}"),
        ("DELETE", f"/workflows/{key}"),
        ("DELETE", f"/user_data/{key}"),
        ("GET", f"/jobs/user_data/{workflow}/{key}"),
        ("GET", f"/workflows/{key}/jobs"),
        ("GET", f"/edges/{workflow}/{key}"),
        ("DELETE", f"/edges/{workflow}/stores/{key}"),
    ]:
        answer = service.send(
            f"{method} {service.path}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        assert answer.split(b" ")[1] in (b"404", b"400"), path
    assert service.call("GET", f"/user_data/{workflow}") == before


def test_a_path_that_is_no_text_is_refused(service: Service) -> None:
    answer = service.send(
        f"GET {service.path}/workflows/%FF HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert b" 400 " in answer.splitlines()[0]
    assert b"the path is not UTF-8" in answer


def test_keys_of_another_workflow_are_unknown(service: Service, workflow: str, job: str) -> None:
    other = service.call("POST", "/workflows", {"name": "other"})["_key"]
    assert service.refusal("GET", f"/jobs/{other}/{job}")[0] == 404
    assert service.refusal("POST", f"/jobs/user_data/{other}/{job}", {})[0] == 404


def test_any_database_name_is_served(service: Service, workflow: str) -> None:
    elsewhere = service.url.replace("/workflows/", "/mine%2Fown/")
    answer = service._session.get(f"{elsewhere}/workflows/{workflow}", timeout=60)
    assert answer.json()["_key"] == workflow


# the first form alone


def test_the_first_form_alone_has_nothing_of_the_later(tmp_path: Path) -> None:
    with Service(tmp_path, "--form", "first") as service:
        workflow = service.call("POST", "/workflows", {"name": "w"})["_key"]
        assert set(service.call("GET", f"/workflows/{workflow}")) == {"_id", "_key", "_rev", "name"}
        assert service.call("GET", "/workflows")["max_limit"] == 1000
        for path in ("/ping", "/version", f"/workflows/{workflow}/jobs", f"/workflows/{workflow}/user_data"):
            assert service.refusal("GET", path)[0] == 404
        described = service.call("GET", "/openapi.json")["paths"]
        assert {path for path in described if path.startswith("/workflows")} == {
            "/workflows",
            "/workflows/{key}",
            "/workflows/config/{key}",
            "/workflows/status/{key}",
        }


# the description


def test_the_description_has_every_operation_by_its_name(service: Service) -> None:
    for query, forms in ({}, Form), ({"form": "first"}, [Form.FIRST]), ({"form": "later"}, [Form.LATER]):
        described = service.call("GET", "/openapi.json", **query)
        assert described["servers"] == [{"url": "/_db/workflows/torc-service"}]
        found = {
            (method.upper(), path): operation["operationId"]
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
        }
        names: dict[tuple[str, str], str] = {}
        for form in forms:
            for operation in operations(form):
                names.setdefault((operation.method, operation.path), operation.name)
        assert found == names
        assert len(set(found.values())) == len(found)


def test_the_description_is_the_same_at_the_root(service: Service) -> None:
    root = "http://{}:{}/openapi.json".format(*service.address)
    assert service._session.get(root, timeout=60).json() == service.call("GET", "/openapi.json")


def test_every_path_of_the_description_is_served(service: Service) -> None:
    for path, methods in service.call("GET", "/openapi.json")["paths"].items():
        for method in methods:
            answer = service.request(method, path.replace("{", "no-").replace("}", ""))
            assert "unknown path" not in answer.text
            assert answer.status_code in (200, 400, 404), (method, path, answer.text)


def test_the_description_refers_to_nothing_that_it_has_not(service: Service) -> None:
    described = service.call("GET", "/openapi.json")
    text = json.dumps(described)
    used = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert used <= set(described["components"]["schemas"])


@pytest.mark.parametrize(
    "name",
    [
        *("post_jobs_user_data_workflow_key", "get_jobs_user_data_workflow_key", "post_user_data_workflow"),
        *("get_user_data_workflow", "get_user_data_workflow_key", "put_user_data_workflow_key"),
        *("delete_user_data_workflow_key", "delete_user_data_workflow", "post_workflows", "get_workflows"),
        *("get_workflows_key", "put_workflows_key", "delete_workflows_key", "post_jobs_workflow"),
        *("get_jobs_workflow", "delete_jobs_workflow", "get_jobs_workflow_key", "put_jobs_workflow_key"),
        *("delete_jobs_workflow_key", "get_job_keys_workflow", "get_jobs_find_by_status_workflow_status"),
        *("get_results_workflow", "get_results_find_by_job_workflow_key", "post_job_specifications_workflow"),
    ],
)
def test_clients_of_the_manual_s_day_find_their_methods(name: str) -> None:
    assert name in {operation.name for operation in operations(Form.FIRST)}
