"""The embedded store as collections of documents, as clients of 2023 see it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from documents import Documents
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import FREE_KEYS, json_values

import torc_frames
from torc_frames.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    UnreadableRecordError,
)
from torc_frames.service.errors import DuplicateKeyError, IllegalKeyError
from torc_frames.store.legacy.needs import name_of
from torc_frames.store.records import NewJobs, Resources, RunResult
from torc_frames.store.sqlite.store import SQLiteStore
from torc_frames.store.wire.legacy import Form

FIRST, LATER = Form.FIRST, Form.LATER
SYSTEM = {"_id", "_key", "_rev"}
NAMES = FREE_KEYS.filter(lambda name: name not in {*SYSTEM, "_oldRev"})
BODIES = st.dictionaries(NAMES, json_values(FREE_KEYS), max_size=4)
RESULT = {
    "run_id": 1,
    "return_code": 0,
    "exec_time_minutes": 1.5,
    "completion_time": "2023-03-29T08:21:33+00:00",
    "status": "done",
}
TIMELESS = {**RESULT, "completion_time": "tomorrow"}
ENDLESS = {**RESULT, "exec_time_minutes": 1e300}


def changed_since(store: SQLiteStore, rev: str) -> list[str]:
    """Return the keys of records that a pull asks for that has seen a rev."""
    with store.snapshot("1") as snapshot:
        return [key for page in snapshot.user_data(since=rev) for key in page.keys]


class Client:
    """Speaks with the documents of one workflow in dicts."""

    def __init__(self, store: SQLiteStore, workflow: str = "1") -> None:
        self.store = store
        self.documents = Documents(store)
        self.workflow = workflow

    def home(self, collection: str) -> str | None:
        return None if collection == "workflows" else self.workflow

    def post(self, collection: str, form: Form = FIRST, /, **attributes: Any) -> Any:
        body = json.dumps(attributes).encode()
        return json.loads(self.documents.add(form, collection, self.home(collection), body))

    def put(self, collection: str, form: Form, document: dict[str, Any], /, **attributes: Any) -> Any:
        body = json.dumps({"_key": document["_key"], "_rev": document["_rev"], **attributes}).encode()
        home = self.home(collection)
        return json.loads(self.documents.update(form, collection, home, document["_key"], body))

    def get(self, collection: str, key: str, form: Form = FIRST) -> Any:
        return json.loads(self.documents.get(form, collection, self.home(collection), key))

    def delete(self, collection: str, key: str, form: Form = FIRST) -> Any:
        return json.loads(self.documents.delete(form, collection, self.home(collection), key))

    def list(
        self, collection: str, form: Form = FIRST, /, skip: int = 0, limit: int = 1000, **filters: Any
    ) -> Any:
        found, total = self.documents.list(
            form, collection, self.home(collection), skip=skip, limit=limit, filters=filters
        )
        return [json.loads(one) for one in found], total

    def keys(self, collection: str, form: Form = FIRST, /, **filters: Any) -> Any:
        found, total = self.list(collection, form, **filters)
        assert len(found) == total
        return [one["_key"] for one in found]

    def job_post(self, job: str, form: Form = FIRST, /, **attributes: Any) -> Any:
        body = json.dumps(attributes).encode()
        return json.loads(self.documents.add_job_record(form, self.workflow, job, body))

    def job_records(self, job: str, form: Form = FIRST, edge: str | None = None) -> Any:
        return [json.loads(one) for one in self.documents.job_records(form, self.workflow, job, edge)]

    def edges(self, name: str, *, skip: int = 0, limit: int = 1000) -> Any:
        found, total = self.documents.edges(self.workflow, name, skip=skip, limit=limit)
        return [json.loads(one) for one in found], total

    def pairs(self, name: str) -> Any:
        """Return which keys an edge leads from and to."""
        found, total = self.edges(name)
        assert len(found) == total
        return [(one["_from"].split("/")[1], one["_to"].split("/")[1]) for one in found]

    def link(self, name: str, origin: str, end: str, form: Form = LATER) -> Any:
        body = json.dumps({"_from": origin, "_to": end}).encode()
        return json.loads(self.documents.add_edge(self.workflow, name, body, form=form))

    def statuses(self) -> list[str]:
        return [job["status"] for job in self.list("jobs")[0]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "study.db"


@pytest.fixture
def client(path: Path) -> Iterator[Client]:
    """One workflow, key 1, of a new store."""
    store = SQLiteStore(path, network=False)
    store.add_workflow("ridge")
    yield Client(store)
    store.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteStore]:
    """A store in which each example has workflows of its own."""
    store = SQLiteStore(tmp_path_factory.mktemp("documents") / "study.db", network=False)
    yield store
    store.close()


def attributes(document: bytes) -> dict[str, bytes]:
    """Return the attributes of a document undecoded, without the system's."""
    found = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    return {name: bytes(value) for name, value in found.items() if name not in SYSTEM}


class TestWorkflows:
    """The collection of workflows."""

    def test_both_forms_show_what_they_know(self, client: Client) -> None:
        made = client.post("workflows", name="w", user="ada", description="d")
        system = {"_id": "workflows/2", "_key": "2", "_rev": "1"}
        assert made == {**system, "name": "w", "user": "ada", "description": "d"}
        assert client.get("workflows", "2") == made
        later = client.get("workflows", "2", LATER)
        assert later.pop("timestamp") == client.store.get_workflow("2").created
        assert later == {**made, "is_archived": False}
        assert client.store.get_workflow("2").user == "ada"

    def test_what_is_missing_is_empty_in_the_later_form(self, client: Client) -> None:
        made = client.post("workflows")
        assert set(made) == SYSTEM
        later = client.get("workflows", made["_key"], LATER)
        assert (later["name"], later["user"], later["description"]) == ("", "", "")

    def test_the_later_form_takes_null_for_missing_and_keeps_what_has_no_column(self, client: Client) -> None:
        made = client.post("workflows", LATER, name="w", user=None, timestamp="then", is_archived=True)
        assert (made["user"], made["timestamp"], made["is_archived"]) == ("", "then", True)
        assert set(client.get("workflows", made["_key"])) == {*SYSTEM, "name"}
        assert client.put("workflows", LATER, made, is_archived=False)["is_archived"] is False
        assert client.get("workflows", made["_key"], LATER)["timestamp"] == "then"

    def test_an_update_leaves_what_is_not_sent(self, client: Client) -> None:
        made = client.post("workflows", name="w", user="ada")
        answer = client.put("workflows", FIRST, made, description="new")
        assert answer == {
            **{"_id": made["_id"], "_key": "2", "_oldRev": "1", "description": "new"},
            "_rev": client.get("workflows", "2")["_rev"],
        }
        assert client.get("workflows", "2")["user"] == "ada"
        with pytest.raises(ConflictError):
            client.put("workflows", FIRST, made, name="late")

    def test_its_rev_is_that_of_the_document_not_of_what_is_in_it(self, client: Client) -> None:
        made = client.post("workflows", name="w")
        inside = Client(client.store, made["_key"])
        inside.post("jobs", command="c")
        assert client.put("workflows", FIRST, made, name="x")["_rev"] > made["_rev"]
        assert client.store.get_workflow(made["_key"]).name == "x"

    def test_lists_are_filtered_in_the_later_form_only(self, client: Client) -> None:
        client.post("workflows", LATER, name="a", user="ada", is_archived=True)
        assert client.keys("workflows", LATER, name="a") == ["2"]
        assert client.keys("workflows", LATER, is_archived=False) == ["1"]
        assert client.keys("workflows", LATER, description="", user="") == ["1"]
        assert client.keys("workflows", FIRST, name="a") == ["1", "2"]

    def test_deleting_one_deletes_everything_of_it(self, client: Client) -> None:
        client.post("workflows", name="doomed", _key="doomed")
        inside = Client(client.store, "doomed")
        inside.post("jobs", command="c")
        for collection, body in (("user_data", {"a": 1}), ("files", {"path": "x"}), ("events", {"a": 1})):
            inside.post(collection, **body)
        inside.post("results", job_key="1", **RESULT)
        assert client.delete("workflows", "doomed")["name"] == "doomed"
        with client.store._connections.reading() as connection:
            for table in ("job", "user_data", "document", "result"):
                assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        for collection in ("workflows", "user_data"):
            with pytest.raises(NotFoundError) as caught:
                inside.get(collection, "doomed")
            assert (caught.value.kind, caught.value.keys) == ("workflows", ("doomed",))

    def test_one_with_a_key_of_its_own_is_the_same_by_its_id_in_the_store(self, client: Client) -> None:
        client.post("workflows", name="w", _key="mine")
        inside = Client(client.store, "mine")
        assert inside.post("user_data", a=1)["_id"] == "user_data__mine/1"
        assert client.store.get_user_data("2", "1").data == {"a": 1}
        with pytest.raises(NotFoundError):
            client.get("workflows", "2")


class TestUserData:
    """Records, in both forms."""

    def test_the_first_form_keeps_any_object(self, client: Client) -> None:
        raw = b'{"key1": "val1",\n "n": 123456789012345678901, "f": 1.50e+2, "_rev": "x", "_id": "y"}'
        made = client.documents.add(FIRST, "user_data", "1", raw)
        assert made == (
            b'{"_id":"user_data__1/1","_key":"1","_rev":"2",'
            b'"key1":"val1","n":123456789012345678901,"f":1.50e+2}'
        )
        assert client.documents.get(FIRST, "user_data", "1", "1") == made
        assert client.store.get_user_data("1", "1").data["n"] == 123456789012345678901

    def test_a_record_of_one_form_is_read_in_the_other(self, client: Client) -> None:
        client.post("user_data", FIRST, a={"b": None})
        client.post("user_data", LATER, data={"c": [1]}, name="n", is_ephemeral=True)
        first, later = client.list("user_data")[0], client.list("user_data", LATER)[0]
        assert [set(one) - SYSTEM for one in first] == [{"a"}, {"c"}]
        assert later[0] == {
            **{k: first[0][k] for k in SYSTEM},
            "is_ephemeral": False,
            "data": {"a": {"b": None}},
        }
        assert (later[1]["name"], later[1]["is_ephemeral"], later[1]["data"]) == ("n", True, {"c": [1]})

    def test_no_attributes_are_an_empty_object_and_no_data_is_none(self, client: Client) -> None:
        assert set(client.post("user_data")) == SYSTEM
        assert set(client.post("user_data", LATER, name="n")) == {*SYSTEM, "name", "is_ephemeral"}
        assert client.store.get_user_data("1", "1").data == {}
        assert client.store.get_user_data("1", "2").data is None
        assert set(client.get("user_data", "2")) == SYSTEM

    def test_data_that_is_no_object_is_the_attribute_data(self, client: Client) -> None:
        client.store.add_user_data("1", [b"[1, 2]", b"5"])
        assert client.get("user_data", "1")["data"] == [1, 2]
        assert client.get("user_data", "2", LATER)["data"] == {"data": 5}
        client.put("user_data", FIRST, client.get("user_data", "2"), more=1)
        assert client.store.get_user_data("1", "2").data == {"data": 5, "more": 1}

    def test_data_that_nobody_could_read_is_named(self, client: Client) -> None:
        client.store.add_user_data("1", [b"{}", b'{"\\u0061":nonsense}'])
        with pytest.raises(UnreadableRecordError, match="user_data key 2 can not be read"):
            client.list("user_data")
        with pytest.raises(UnreadableRecordError):
            client.put("user_data", FIRST, {"_key": "2", "_rev": "2"}, a=1)

    def test_an_update_merges_deeply_in_the_first_form_only(self, client: Client) -> None:
        made = client.post("user_data", a={"x": 1, "deep": {"p": 1}}, b=2)
        client.put("user_data", FIRST, made, a={"y": 3, "deep": {"q": None}})
        merged = {"a": {"x": 1, "deep": {"p": 1, "q": None}, "y": 3}, "b": 2}
        found = client.get("user_data", "1", LATER)
        assert found["data"] == merged
        client.put("user_data", LATER, found, data={"a": {"z": 1}})
        assert client.get("user_data", "1", LATER)["data"] == {"a": {"z": 1}}

    def test_the_later_form_updates_only_what_is_sent(self, client: Client) -> None:
        made = client.post("user_data", LATER, name="n", data={"a": 1}, is_ephemeral=True)
        made = client.put("user_data", LATER, made, name="m")
        found = client.get("user_data", "1", LATER)
        assert (found["name"], found["data"], found["is_ephemeral"]) == ("m", {"a": 1}, True)
        client.put("user_data", LATER, made, data=None, name=None, is_ephemeral=False)
        assert set(client.get("user_data", "1", LATER)) == {*SYSTEM, "is_ephemeral"}

    def test_pages_are_oldest_first_with_records_of_jobs(self, client: Client) -> None:
        client.post("jobs", command="c")
        for number in range(5):
            client.post("user_data", n=number)
            client.job_post("1", n=number + 0.5)
        found, total = client.list("user_data", skip=3, limit=4)
        assert ([one["n"] for one in found], total) == ([1.5, 2, 2.5, 3], 10)
        assert client.list("user_data", skip=10, limit=4) == ([], 10)
        assert client.list("user_data", skip=9, limit=4)[0][0]["n"] == 4.5

    def test_lists_are_filtered(self, client: Client) -> None:
        for number in range(4):
            client.post("user_data", LATER, name="ab"[number % 2], is_ephemeral=number > 1)
        assert client.keys("user_data", LATER, name="a") == ["1", "3"]
        assert client.keys("user_data", LATER, name="a", is_ephemeral=True) == ["3"]
        assert client.list("user_data", LATER, limit=1, name="a") == (
            [client.get("user_data", "1", LATER)],
            2,
        )
        assert client.keys("user_data", FIRST, _key="2") == ["2"]
        assert client.keys("user_data", LATER, _key="2", name="a") == []
        assert client.keys("user_data", FIRST, _key="9") == []
        assert len(client.keys("user_data", FIRST, name="a", nonsense=1)) == 4

    def test_deleting_one_deletes_its_edges_and_is_told_to_later_pulls(self, client: Client) -> None:
        client.post("jobs", command="c")
        client.job_post("1", a=1)
        before = client.store.get_workflow("1").rev
        assert before is not None
        assert client.delete("user_data", "1")["a"] == 1
        assert client.pairs("stores") == []
        with client.store.snapshot("1") as snapshot:
            assert snapshot.removed(before) == ["1"]
        with pytest.raises(NotFoundError, match="no user_data key 1"):
            client.delete("user_data", "1")

    def test_deleting_all_counts_them(self, client: Client) -> None:
        for _ in range(3):
            client.post("user_data", a=1)
        assert client.documents.delete_all("user_data", "1") == 3
        assert client.documents.delete_all("user_data", "1") == 0
        with client.store.snapshot("1") as snapshot:
            assert snapshot.removed("1") == ["1", "2", "3"]

    def test_what_changed_is_seen_by_a_pull_since(self, client: Client) -> None:
        made = [client.post("user_data", n=number) for number in range(3)]
        since = client.store.get_workflow("1").rev
        client.put("user_data", FIRST, made[1], n=7)
        with client.store.snapshot("1") as snapshot:
            assert [page.keys for page in snapshot.user_data(since=since)] == [["2"]]

    def test_records_of_a_job_with_a_new_name_are_seen_by_a_pull_since(self, client: Client) -> None:
        job = client.post("jobs", command="c", name="old")
        made = [client.job_post(job["_key"], n=1), client.post("user_data", n=2)]
        since = client.store.get_workflow("1").rev
        assert since is not None
        job = client.put("jobs", FIRST, job, command="d")
        assert changed_since(client.store, since) == []
        client.put("jobs", FIRST, job, name="new")
        assert changed_since(client.store, since) == ["1"]
        assert [client.get("user_data", one["_key"]) for one in made] == made

    @pytest.mark.parametrize("how", ["one", "all"])
    def test_records_of_a_deleted_job_are_seen_by_a_pull_since(self, client: Client, how: str) -> None:
        job = client.post("jobs", command="c")["_key"]
        made = [client.job_post(job, n=1), client.post("user_data", n=2)]
        since = client.store.get_workflow("1").rev
        assert since is not None
        if how == "one":
            client.delete("jobs", job)
        else:
            client.documents.delete_all("jobs", "1")
        assert changed_since(client.store, since) == ["1"]
        assert [client.get("user_data", one["_key"]) for one in made] == made
        frame = torc_frames.connect(client.store.path).workflow("1").user_data()
        assert frame["job_key"].isna().all()

    @pytest.mark.parametrize("name", ["stores", "consumes"])
    def test_records_with_a_new_link_or_one_less_are_seen_by_a_pull_since(
        self, client: Client, name: str
    ) -> None:
        job = client.post("jobs", command="c")
        made = [client.post("user_data", n=number) for number in range(2)]
        since = client.store.get_workflow("1").rev
        assert since is not None
        edge = client.link(name, job["_id"], made[0]["_id"])
        assert changed_since(client.store, since) == ["1"]
        since = client.store.get_workflow("1").rev
        assert since is not None
        client.link(name, job["_id"], made[0]["_id"])
        assert changed_since(client.store, since) == []
        client.documents.delete_edge("1", name, edge["_key"])
        assert changed_since(client.store, since) == ["1"]
        assert [client.get("user_data", one["_key"]) for one in made] == made

    def test_a_record_of_a_renamed_job_is_updated_by_its_own_rev(self, client: Client) -> None:
        job = client.post("jobs", command="c", name="old")
        made = client.job_post(job["_key"], n=1)
        client.put("jobs", FIRST, job, name="new")
        changed = client.put("user_data", FIRST, made, n=2)
        assert changed["_oldRev"] == made["_rev"]
        client.store.update_user_data("1", ["1"], [b'{"n":3}'])
        with pytest.raises(ConflictError):
            client.put("user_data", FIRST, changed, n=4)
        now = client.get("user_data", "1")
        assert now["_rev"] == client.store.get_workflow("1").rev
        client.put("user_data", FIRST, now, n=5)

    def test_what_the_system_knows_is_not_taken_from_a_new_one(self, client: Client) -> None:
        for junk in ("x", 7, None, [1], {"a": 1}):
            made = client.post("user_data", _id=junk, _rev=junk, _oldRev=junk, a=1)
            assert set(made) == SYSTEM | {"a"}
            assert made["_id"] == f"user_data__1/{made['_key']}"
            assert made["_rev"] == client.store.get_workflow("1").rev

    def test_the_metadata_is_a_record_that_lists_leave_out(self, client: Client) -> None:
        found = client.get("user_data", "torc_frames")
        assert set(found) == SYSTEM
        assert found["_rev"] == client.store.get_workflow("1").rev
        assert client.post("user_data", _key="torc_frames", dtypes={"a": "int64"})["dtypes"] == {"a": "int64"}
        assert client.store.get_workflow("1").metadata == {"dtypes": {"a": "int64"}}
        with pytest.raises(DuplicateKeyError):
            client.post("user_data", _key="torc_frames")
        with pytest.raises(ConflictError):
            client.put("user_data", FIRST, found, x=1)
        found = client.get("user_data", "torc_frames", LATER)
        answer = client.put("user_data", LATER, found, data={"b": 1})
        assert answer["_rev"] == client.store.get_workflow("1").rev
        client.put("user_data", FIRST, answer, c={"d": 1})
        assert client.store.get_workflow("1").metadata == {"b": 1, "c": {"d": 1}}
        assert client.list("user_data") == ([], 0)
        assert client.delete("user_data", "torc_frames")["b"] == 1
        assert client.store.get_workflow("1").metadata == {}
        client.post("jobs", command="c")
        with pytest.raises(DuplicateKeyError):
            client.job_post("1", _key="torc_frames")


class TestKeys:
    """Keys that the service makes, and those that clients choose."""

    def test_made_keys_are_the_ids_of_the_store(self, client: Client) -> None:
        assert client.store.add_user_data("1", [b"1"]) == ["1"]
        assert client.post("user_data", a=1)["_key"] == "2"
        assert client.store.add_user_data("1", [b"1"]) == ["3"]

    def test_a_larger_number_becomes_the_id(self, client: Client) -> None:
        assert client.post("user_data", _key="92181820", a=1)["_id"] == "user_data__1/92181820"
        assert client.store.get_user_data("1", "92181820").data == {"a": 1}
        assert client.post("user_data", a=2)["_key"] == "92181821"

    @pytest.mark.parametrize(
        "key", ["a", "7!$(x)", "007", "0", "-1", "1", "x" * 254, "9007199254740993", "9" * 30]
    )
    def test_any_other_key_stays_beside_the_row(self, client: Client, key: str) -> None:
        client.store.add_workflow("other")
        client.store.add_user_data("2", [b"0"])
        assert client.post("user_data", _key=key, a=1)["_key"] == key
        assert client.get("user_data", key)["a"] == 1
        assert client.keys("user_data", FIRST, _key=key) == [key]
        assert client.store.get_user_data("1", "2").data == {"a": 1}
        with pytest.raises(NotFoundError):
            client.get("user_data", "2")
        with pytest.raises(NotFoundError):
            Client(client.store, "2").get("user_data", "2")

    @pytest.mark.parametrize("collection", ["user_data", "jobs", "workflows", "results", "files", "events"])
    def test_one_that_exists_is_refused(self, client: Client, collection: str) -> None:
        client.post("jobs", command="c", _key="job")
        more = {"jobs": {"command": "c"}, "files": {"path": "x"}, "results": {"job_key": "job", **RESULT}}
        client.post(collection, FIRST, _key="key", **more.get(collection, {}))
        before = client.list(collection)
        with pytest.raises(DuplicateKeyError, match="unique constraint violated"):
            client.post(collection, FIRST, _key="key", **more.get(collection, {}))
        assert client.list(collection) == before

    def test_a_made_one_can_not_be_chosen_again(self, client: Client) -> None:
        made = client.post("user_data", a=1)["_key"]
        with pytest.raises(DuplicateKeyError):
            client.post("user_data", _key=made)
        client.delete("user_data", made)
        assert client.post("user_data", _key=made)["_key"] == made
        assert client.keys("user_data") == [made]

    @pytest.mark.parametrize("key", ["", "a/b", "a b", "é", "x" * 255, "a\n"])
    def test_an_illegal_one_is_refused(self, client: Client, key: str) -> None:
        with pytest.raises(IllegalKeyError, match="illegal document key"):
            client.post("user_data", _key=key)
        assert client.list("user_data") == ([], 0)

    @pytest.mark.parametrize("key", [7, True, ["k"], {"k": 1}], ids=str)
    def test_one_that_is_no_string_is_refused(self, client: Client, key: object) -> None:
        with pytest.raises(IllegalKeyError, match="illegal document key"):
            client.post("user_data", _key=key)
        made = client.post("user_data")
        with pytest.raises(RefusedError, match='request body "_key" must be a string'):
            client.put("user_data", FIRST, made, _key=key)

    def test_an_illegal_one_is_not_told_at_length(self, client: Client) -> None:
        with pytest.raises(IllegalKeyError) as told:
            client.post("user_data", _key="x" * 1_000_000)
        assert len(str(told.value)) < 1000

    def test_the_same_one_may_be_in_every_workflow(self, client: Client) -> None:
        client.store.add_workflow("other")
        other = Client(client.store, "2")
        for one in (client, other):
            one.post("user_data", _key="k", of=one.workflow)
            one.post("jobs", _key="k", command=one.workflow)
        assert (client.get("user_data", "k")["of"], other.get("user_data", "k")["of"]) == ("1", "2")
        assert (client.get("jobs", "k")["command"], other.get("jobs", "k")["command"]) == ("1", "2")

    def test_made_ones_step_over_numbers_that_were_chosen(self, client: Client) -> None:
        top = 2**53
        for number in (top + 1, top + 3, top + 4, top):
            client.post("user_data", _key=str(number))
            client.post("jobs", _key=str(number), command="c")
            client.post("workflows", _key=str(number))
            client.post("results", _key=str(number), job_key=str(number), **RESULT)
        made = [client.post("user_data")["_key"], *client.store.add_user_data("1", [b"1", b"2"])]
        made += [client.post("user_data")["_key"]]
        assert made == [str(top + at) for at in (2, 5, 6, 7)]
        added = client.store.add_jobs("1", NewJobs(["a", "b"], ["", ""], [b"1", b"2"], outputs=True))
        assert added.job_keys == [str(top + 5), str(top + 6)]
        assert client.store.add_workflow("w").key == str(top + 2)
        (job,) = client.store.start_jobs("1", added.job_keys[:1], "me")
        client.store.finish_job("1", RunResult(job.key, 1, "completed", 0, "2026-01-01", "2026-01-01"))
        for collection in ("user_data", "jobs", "results"):
            keys = client.keys(collection)
            assert len(set(keys)) == len(keys)

    LEGAL = st.text("aZ09_-:.@()+,=;$!*'%", min_size=1, max_size=6)
    NUMBERS = st.integers(0, 12) | st.integers(2**53 - 2, 2**53 + 8) | st.integers(2**63 - 2, 2**63 + 2)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["post", "made", "jobs", "rows", "delete"]),
                LEGAL | NUMBERS.map(str),
                st.booleans(),
            ),
            max_size=25,
        )
    )
    @example(
        [
            ("post", str(2**53 + 2), False),
            ("post", str(2**53 - 1), False),
            ("rows", "", False),
            ("rows", "", False),
        ]
    )
    def test_any_legal_key_is_found_again_and_never_made(
        self, shared: SQLiteStore, steps: list[tuple[str, str, bool]]
    ) -> None:
        clients = [Client(shared, shared.add_workflow("w").key) for _ in range(2)]
        there: list[dict[str, int]] = [{}, {}]
        for number, (step, key, which) in enumerate(steps):
            client, known = clients[which], there[which]
            if step == "post":
                try:
                    assert client.post("user_data", _key=key, n=number)["_key"] == key
                except DuplicateKeyError:
                    assert key in known
                    continue
                assert key not in known
                known[key] = number
            elif step == "delete":
                for gone in list(known)[:1]:
                    assert client.delete("user_data", gone)["n"] == known.pop(gone)
            elif step == "made":
                made = client.post("user_data", n=number)["_key"]
                assert made not in known
                known[made] = number
            elif step == "rows":
                for made in shared.add_user_data(client.workflow, [b'{"n": %d}' % number] * 3):
                    assert made not in known
                    known[made] = number
            else:
                job = client.post("jobs", command="c")["_key"]
                made = client.job_post(job, n=number)["_key"]
                assert made not in known
                known[made] = number
        for client, known in zip(clients, there, strict=True):
            found, total = client.list("user_data")
            assert {one["_key"]: one["n"] for one in found} == known
            assert len(known) == total
            for key, number in known.items():
                assert client.get("user_data", key)["n"] == number
                assert client.keys("user_data", FIRST, _key=key) == [key]


class TestUpdates:
    """Revs, and the order in which an update is checked."""

    @pytest.mark.parametrize(
        ("collection", "first"),
        [
            ("user_data", "an user data"), ("jobs", "a job"), ("workflows", "a workflow"),
            ("files", "a file"), ("results", "a result"), ("events", "an event"),
        ],
    )  # fmt: skip
    def test_one_without_rev_is_refused_before_all_else(
        self, client: Client, collection: str, first: str
    ) -> None:
        home = client.home(collection)
        with pytest.raises(RefusedError, match=f"^Updating {first} requires the existing revision$"):
            client.documents.update(FIRST, collection, home, "no such", b'{"_key":"other"}')
        later = first if collection == "workflows" else "a document"
        with pytest.raises(RefusedError, match=f"^Updating {later} requires the existing revision$"):
            client.documents.update(LATER, collection, home, "no such", b'{"_rev":null}')

    def test_a_key_that_is_not_that_of_the_path_is_refused_next(self, client: Client) -> None:
        with pytest.raises(RefusedError, match=r"^key=no such does not match other$"):
            client.documents.update(FIRST, "user_data", "1", "no such", b'{"_key":"other","_rev":"1"}')
        with pytest.raises(RefusedError, match=r"^key=1 does not match undefined$"):
            client.documents.update(FIRST, "user_data", "1", "1", b'{"_rev":"1"}')

    def test_then_it_must_exist_and_have_this_rev(self, client: Client) -> None:
        with pytest.raises(NotFoundError) as caught:
            client.put("user_data", FIRST, {"_key": "7", "_rev": "1"})
        assert (caught.value.kind, caught.value.keys) == ("user_data", ("7",))
        made = client.post("user_data", a=1)
        new = client.put("user_data", FIRST, made, a=2)
        assert (new["_oldRev"], new["a"]) == (made["_rev"], 2)
        assert new["_rev"] not in (made["_rev"], None)
        with pytest.raises(ConflictError):
            client.put("user_data", FIRST, made, a=3)
        assert client.put("user_data", FIRST, new, a=3)["_oldRev"] == new["_rev"]

    def test_every_update_gives_a_new_rev_even_without_a_change(self, client: Client) -> None:
        job = client.post("jobs", command="c")["_key"]
        made = [
            client.post("user_data"), client.get("jobs", job), client.post("events"),
            client.post("files", path="x"), client.post("results", job_key=job, **RESULT),
            client.post("resource_requirements"), client.post("workflows"),
        ]  # fmt: skip
        for one in made:
            collection = one["_id"].split("/")[0].removesuffix("__1")
            answer = client.put(collection, FIRST, one)
            assert answer["_rev"] != one["_rev"]
            assert client.get(collection, one["_key"])["_rev"] == answer["_rev"]

    @pytest.mark.parametrize("collection", ["user_data", "jobs", "events"])
    def test_concurrent_updates_lose_nothing(self, client: Client, collection: str) -> None:
        made = client.post(collection, **({"command": "c"} if collection == "jobs" else {}))
        at = "run_id" if collection == "jobs" else "n"

        def work(number: int) -> int:
            tries = 0
            for _ in range(20):
                while True:
                    found = client.get(collection, made["_key"])
                    tries += 1
                    try:
                        client.put(collection, FIRST, found, **{at: found.get(at, 0) + 1})
                    except ConflictError:
                        continue
                    break
            return tries

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(work, range(6))) >= 120
        assert client.get(collection, made["_key"])[at] == 120
        client.store.close()

    def test_concurrent_posts_have_keys_of_their_own(self, client: Client) -> None:
        job = client.post("jobs", command="c")["_key"]

        def work(number: int) -> list[str]:
            return [client.job_post(job, n=number, i=i)["_key"] for i in range(25)]

        with ThreadPoolExecutor(8) as pool:
            keys = [key for made in pool.map(work, range(8)) for key in made]
        assert len(set(keys)) == 200
        assert client.list("user_data", limit=1)[1] == len(client.job_records(job)) == 200
        client.store.close()

    def test_only_one_of_many_gets_a_key(self, client: Client) -> None:
        def work(number: int) -> int:
            try:
                client.post("user_data", _key="mine", n=number)
            except DuplicateKeyError:
                return 0
            return 1

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(work, range(16))) == 1
        client.store.close()

    def test_a_busy_file_is_unavailable(self, client: Client, path: Path) -> None:
        hasty = SQLiteStore(path, network=False, timeout=0.05)
        with client.store.transaction():
            client.post("user_data", a=1)
            with ThreadPoolExecutor(1) as pool:
                failed = pool.submit(Client(hasty).post, "user_data").exception()
                assert isinstance(failed, UnavailableError)
                assert pool.submit(Client(hasty).list, "user_data").result() == ([], 0)
            assert client.keys("user_data") == ["1"]
        assert Client(hasty).keys("user_data") == ["1"]
        hasty.close()

    def test_a_write_that_fails_leaves_nothing(self, client: Client) -> None:
        rev = client.store.get_workflow("1").rev
        body = {"command": "c", "user_data": [{"a": 1}, {"_key": "a/b"}]}
        with pytest.raises(IllegalKeyError):
            client.documents.add_job_specification("1", json.dumps(body).encode())
        assert client.list("jobs") == client.list("user_data") == ([], 0)
        assert client.store.get_workflow("1").rev == rev


class TestBodies:
    """What is refused, and how it is said."""

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"{", b"[1]", b"5", b"null", b'"x"', b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":1e999}',
            b'{"a":01}', b'{"a":1}x', b'{"a":"\\ud800"}', b'{"\\udc00":1}', b'{"a":"\xff"}',
            b'{"a":"\xed\xa0\x80"}',
            b'{"a":"\n"}', b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"\xef\xbb\xbf{}",
        ],
        ids=lambda body: str(body[:20]),
    )  # fmt: skip
    def test_what_is_no_json_object_is_refused(self, client: Client, body: bytes) -> None:
        for write in (
            lambda: client.documents.add(FIRST, "user_data", "1", body),
            lambda: client.documents.update(FIRST, "user_data", "1", "1", body),
            lambda: client.documents.add(LATER, "jobs", "1", body),
        ):
            with pytest.raises(RefusedError, match=r"^request body"):
                write()

    @pytest.mark.parametrize(
        ("collection", "form", "body", "message"),
        [
            ("jobs", FIRST, {}, '"command" is required'),
            ("jobs", FIRST, {"command": 5}, '"command" must be a string'),
            ("jobs", FIRST, {"command": None}, '"command" must be a string'),
            ("jobs", FIRST, {"command": "c", "x": True}, '"x" is not allowed'),
            ("jobs", FIRST, {"command": "c", "run_id": "1"}, '"run_id" must be an integer'),
            ("jobs", FIRST, {"command": "c", "run_id": 2**60}, '"run_id" must be an integer'),
            ("jobs", FIRST, {"command": "c", "interruptible": 1}, '"interruptible" must be a boolean'),
            ("jobs", LATER, {"command": "c", "run_id": 1}, '"run_id" is not allowed'),
            ("jobs", LATER, {"command": "c", "blocked_by": "1"}, '"blocked_by" must be an array of strings'),
            ("jobs", LATER, {"command": "c", "internal": []}, '"internal" must be an object'),
            ("user_data", LATER, {"data": 5}, '"data" must be an object'),
            ("user_data", LATER, {"a": 5}, '"a" is not allowed'),
            ("user_data", LATER, {"is_ephemeral": None}, '"is_ephemeral" must be a boolean'),
            ("workflows", FIRST, {"name": None}, '"name" must be a string'),
            ("workflows", FIRST, {"timestamp": "x"}, '"timestamp" is not allowed'),
            ("files", FIRST, {"name": "x"}, '"path" is required'),
            ("results", FIRST, {"job_key": "1"}, '"run_id" is required'),
            ("results", FIRST, {**RESULT, "job_key": 1}, '"job_key" must be a string'),
            ("results", FIRST, {**TIMELESS, "job_key": "1"}, '"completion_time" must be a time'),
            ("results", FIRST, {**ENDLESS, "job_key": "1"}, '"exec_time_minutes": no run of'),
            ("resource_requirements", LATER, {"num_cpus": 1.5}, '"num_cpus" must be an integer'),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_named(
        self, client: Client, collection: str, form: Form, body: dict[str, Any], message: str
    ) -> None:
        client.store.add_jobs("1", NewJobs(["a"], ["c"], [None]))
        before = client.list(collection)
        with pytest.raises(RefusedError, match=f"^request body {message}"):
            client.post(collection, form, **body)
        assert client.list(collection) == before

    @pytest.mark.parametrize("level", ['{"x":%s}', "[%s]", '[0,{"a":1,"b":%s}]'])
    @pytest.mark.parametrize("collection", ["user_data", "events", "jobs"])
    def test_what_few_could_read_is_refused_as_nested_too_deeply(
        self, client: Client, level: str, collection: str
    ) -> None:
        def body(depth: int) -> bytes:
            text = "1"
            for _ in range(depth // level.replace("]", "}").count("}") - 1):
                text = level % text
            inside = text.encode()
            return (
                b'{"command":"c","internal":{"x":%b}}' % inside
                if collection == "jobs"
                else b'{"x":%b}' % inside
            )

        key = json.loads(client.documents.add(FIRST, collection, "1", body(240)))["_key"]
        with pytest.raises(RefusedError, match=r"^request body is n"):
            client.documents.add(FIRST, collection, "1", body(260))
        assert client.keys(collection) == [key]
        for form, name in ((LATER, "category"), (FIRST, "interruptible"), (LATER, "name")):
            client.list(collection, form, **{name: False})

    def test_a_record_that_was_taken_can_be_merged_and_pulled(self, client: Client) -> None:
        deep = b'{"a":' * 240 + b"1" + b"}" * 240
        made = json.loads(client.documents.add(FIRST, "user_data", "1", deep))
        system = b'{"_key":"%b","_rev":"%b",' % (made["_key"].encode(), made["_rev"].encode())
        client.documents.update(FIRST, "user_data", "1", made["_key"], deep.replace(b"{", system, 1))
        frame = torc_frames.connect(client.store.path).workflow("1").user_data()
        assert frame[".".join("a" * 240)].tolist() == [1]

    JSON_TEXT = st.builds(
        lambda value, ascii_only, indent: json.dumps(value, ensure_ascii=ascii_only, indent=indent),
        json_values(FREE_KEYS),
        st.booleans(),
        st.sampled_from([None, 0, 1]),
    ) | st.sampled_from(
        ["1E+2", "-0", "-0.0", "1" * 400, "1.10", "0.1e-7", '"\\u0000\\/"', "[ 1,\r\n\t2 ]", '{"_key":1}']
    )

    @given(
        st.dictionaries(NAMES, JSON_TEXT, max_size=4),
        st.sampled_from(Form),
        st.sampled_from(["", "\n", " \t"]),
    )
    def test_every_value_comes_back_as_it_was_written(
        self, shared: SQLiteStore, values: dict[str, str], form: Form, space: str
    ) -> None:
        client = Client(shared, shared.add_workflow("w").key)
        texts = (f"{json.dumps(name)}:{space}{value}" for name, value in values.items())
        data = f"{space}{{{space}{','.join(texts)}}}{space}".encode()
        body = data if form is FIRST else b'{"data": %b}' % data
        key = json.loads(client.documents.add(form, "user_data", client.workflow, body))["_key"]
        kept = {name: value.replace("\r", " ").replace("\n", " ").encode() for name, value in values.items()}
        assert attributes(client.documents.get(FIRST, "user_data", client.workflow, key)) == kept
        later = attributes(client.documents.get(LATER, "user_data", client.workflow, key))
        assert attributes(later["data"]) == kept
        assert later["is_ephemeral"] == b"false"
        with shared.snapshot(client.workflow) as snapshot:
            (page,) = snapshot.user_data()
        assert page.lines() == [later["data"]]
        assert json.loads(page.data) == json.loads(data)

    @given(BODIES, BODIES, BODIES)
    @example({"a": {"x": 1, "y": {}}}, {"a": {"y": {"z": None}}}, {"a": {"x": 2}})
    def test_updates_merge_as_objects_do(
        self, shared: SQLiteStore, old: dict[str, Any], first: dict[str, Any], later: dict[str, Any]
    ) -> None:
        client = Client(shared, shared.add_workflow("w").key)
        made = client.documents.add(FIRST, "user_data", client.workflow, json.dumps(old).encode())
        answer = client.put("user_data", FIRST, json.loads(made), **first)
        expected = merged(old, first)
        assert client.get("user_data", answer["_key"], LATER)["data"] == expected
        assert {name: value for name, value in answer.items() if name not in {*SYSTEM, "_oldRev"}} == first
        client.put("user_data", LATER, answer, data=later)
        assert client.get("user_data", answer["_key"], LATER)["data"] == later


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for name, value in new.items():
        before = both.get(name)
        both[name] = merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return both


class TestJobs:
    """Jobs, in both forms."""

    def test_the_first_form_has_defaults(self, client: Client) -> None:
        made = client.post("jobs", command="python run.py")
        system = {"_id": "jobs__1/1", "_key": "1", "_rev": "2"}
        assert made == {
            **system, "command": "python run.py", "status": "uninitialized",
            "cancel_on_blocking_job_failure": True, "interruptible": False, "run_id": 0,
        }  # fmt: skip
        assert client.get("jobs", "1", LATER) == {
            **system, "command": "python run.py", "status": "uninitialized",
            "cancel_on_blocking_job_failure": True, "supports_termination": False,
        }  # fmt: skip

    def test_each_form_gives_back_what_it_knows(self, client: Client) -> None:
        first = client.post(
            "jobs", command="c", name="n", interruptible=True, run_id=3, internal={"num_cpus": 1}
        )
        assert "internal" not in first
        assert (first["name"], first["interruptible"], first["run_id"]) == ("n", True, 3)
        later = client.get("jobs", "1", LATER)
        assert later["internal"] == {"num_cpus": 1}
        assert not {"interruptible", "run_id"} & set(later)
        more = {"invocation_script": None, "supports_termination": True, "input_files": ["files__1/1"]}
        more |= {"schedule_compute_nodes": {"num_jobs": 2}, "scheduler": "slurm_schedulers__1/2"}
        made = client.post("jobs", LATER, command="c", internal={"hash": 5}, **more)
        assert {name: made[name] for name in more} == more
        assert not {*more, "internal"} & set(client.get("jobs", "2"))

    def test_jobs_of_the_store_look_like_any_other(self, client: Client) -> None:
        client.store.add_jobs("1", NewJobs(["a", "b"], ["c", ""], [b'{"n":1}', None], depends_on=[[], []]))
        first = client.list("jobs")[0]
        assert [(job["name"], job["command"], job["status"]) for job in first] == [
            ("a", "c", "ready"),
            ("b", "", "ready"),
        ]
        assert client.documents.job_keys("1") == ["1", "2"]
        assert client.job_records("1") == client.list("user_data")[0]

    def test_an_update_merges(self, client: Client) -> None:
        made = client.post("jobs", command="c", name="n", internal={"a": 1}, run_id=2)
        answer = client.put("jobs", FIRST, made, status="done", internal={"b": 2}, interruptible=True)
        assert answer == {
            **{name: answer[name] for name in ("_id", "_key", "_rev")},
            **{"_oldRev": made["_rev"], "status": "done", "interruptible": True},
        }
        found = client.get("jobs", "1", LATER)
        assert (found["command"], found["status"], found["internal"]) == ("c", "done", {"a": 1, "b": 2})
        client.put("jobs", LATER, found, internal={"c": 3}, command="d")
        assert client.get("jobs", "1", LATER)["internal"] == {"c": 3}
        found = client.get("jobs", "1")
        assert (found["command"], found["run_id"], found["interruptible"]) == ("d", 2, True)
        assert client.store.get_job("1").command == "d"

    def test_lists_are_filtered(self, client: Client) -> None:
        client.post("jobs", name="a", command="c", status="done", run_id=1)
        client.post("jobs", name="b", command="c", interruptible=True, cancel_on_blocking_job_failure=False)
        client.post("jobs", LATER, name="c", command="d", supports_termination=True)
        for form, filters, keys in [
            (FIRST, {"name": "a"}, ["1"]),
            (FIRST, {"command": "c"}, ["1", "2"]),
            (FIRST, {"command": "c", "run_id": 0}, ["2"]),
            (FIRST, {"status": "uninitialized"}, ["2", "3"]),
            (FIRST, {"interruptible": True}, ["2"]),
            (FIRST, {"interruptible": False}, ["1", "3"]),
            (LATER, {"cancel_on_blocking_job_failure": True}, ["1", "3"]),
            (LATER, {"supports_termination": True}, ["3"]),
            (FIRST, {"supports_termination": True, "other": "x"}, ["1", "2", "3"]),
            (FIRST, {"_key": "2", "name": "b"}, ["2"]),
        ]:
            assert client.keys("jobs", form, **filters) == keys

    def test_records_of_a_job_are_newest_first(self, client: Client) -> None:
        client.post("jobs", command="c", _key="job")
        keys = [client.job_post("job", n=number)["_key"] for number in range(3)]
        assert [one["_key"] for one in client.job_records("job")] == keys[::-1]
        assert client.job_post("job", _key="own", a=1)["_id"] == "user_data__1/own"
        assert client.pairs("stores") == [("job", key) for key in [*keys, "own"]]
        for read in (lambda: client.job_records("9"), lambda: client.job_post("9", a=1)):
            with pytest.raises(NotFoundError) as caught:
                read()
            assert (caught.value.kind, caught.value.keys) == ("jobs", ("9",))

    def test_roles_are_edges_and_what_the_first_form_adds_is_stored(self, client: Client) -> None:
        client.store.add_jobs("1", NewJobs(["a"], ["c"], [b'{"in":1}'], outputs=True))
        client.job_post("1", FIRST, none=1)
        client.job_post("1", LATER, data={"out": 1})
        assert [one["_key"] for one in client.job_records("1")] == ["4", "3", "2", "1"]
        assert [one["_key"] for one in client.job_records("1", LATER, "stores")] == ["4", "3", "2"]
        assert [one["_key"] for one in client.job_records("1", LATER, "consumes")] == ["1"]
        with client.store.snapshot("1") as snapshot:
            (links,) = snapshot.links()
        assert links.roles == ["input", "output", "output", "output"]

    def test_deleting_one_deletes_its_edges_and_not_its_records(self, client: Client) -> None:
        client.store.add_jobs("1", NewJobs(["a"], ["c"], [b'{"in":1}'], outputs=True))
        client.post("jobs", LATER, command="c", status="ready", blocked_by=["jobs__1/1"])
        assert client.statuses() == ["ready", "blocked"]
        rev = client.store.get_workflow("1").rev
        assert client.delete("jobs", "1")["name"] == "a"
        assert client.statuses() == ["ready"]
        assert client.store.get_workflow("1").rev != rev
        assert client.keys("user_data") == ["1", "2"]
        assert client.pairs("stores") == client.pairs("consumes") == client.pairs("blocks") == []
        assert client.documents.delete_all("jobs", "1") == 1
        assert client.documents.job_keys("1") == []

    def test_many_are_added_at_once_with_edges_between_them(self, client: Client) -> None:
        client.post("user_data", LATER, data={"a": 1}, name="shared")
        need = client.post("resource_requirements", LATER, num_cpus=4, memory="2g")["_id"]
        bodies = [
            {"command": "last", "_key": "last", "blocked_by": ["jobs__1/first"], "status": "ready"},
            {
                **{"command": "first", "_key": "first", "input_user_data": ["user_data__1/1"]},
                **{"output_user_data": [], "resource_requirements": need, "output_files": []},
            },
        ]
        made = client.documents.add_jobs("1", [json.dumps(body).encode() for body in bodies])
        assert (
            [json.loads(one)["_key"] for one in made] == client.documents.job_keys("1") == ["last", "first"]
        )
        assert [json.loads(one)["status"] for one in made] == ["blocked", "uninitialized"]
        assert client.pairs("blocks") == [("first", "last")]
        assert client.pairs("consumes") == [("first", "1")]
        assert client.pairs("requires") == [("first", "1")]
        assert client.store.get_job("2").resources == Resources(4, 0, "2g", "P0DT1M")

    @pytest.mark.parametrize(
        ("more", "error", "message"),
        [
            ({"blocked_by": ["jobs__1/9"]}, NotFoundError, "no jobs key 9"),
            ({"blocked_by": ["9"]}, RefusedError, "^request body \"blocked_by\" is not the _id .* '9'"),
            ({"blocked_by": ["jobs__2/1"]}, RefusedError, '^request body "blocked_by" is not the _id'),
            ({"blocked_by": ["jobs__1/new"]}, RefusedError, "^request body: these jobs would wait .*: new"),
            ({"input_user_data": ["user_data__1/9"]}, NotFoundError, "no user_data key 9"),
            (
                {"resource_requirements": "resource_requirements__1/9"},
                NotFoundError,
                "no resource_requirements key",
            ),
        ],
    )
    def test_none_is_added_if_one_is_wrong(
        self, client: Client, more: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        bodies = [b'{"command":"c"}', json.dumps({"command": "c", "_key": "new", **more}).encode()]
        with pytest.raises(error, match=message):
            client.documents.add_jobs("1", bodies)
        assert client.list("jobs") == ([], 0)

    def test_a_specification_is_a_job_with_its_records(self, client: Client) -> None:
        client.post("jobs", name="before", command="c", status="done")
        client.post("resource_requirements", name="big", num_cpus=8)
        client.post("files", name="in", path="in.csv")
        body = {
            **{
                "name": "n",
                "key": "chosen",
                "command": "c",
                "user_data": [{"a": 1}, {"_key": "own", "b": 2}],
            },
            **{"blocked_by": ["before"], "resource_requirements": "big", "input_files": ["in"]},
            **{"output_files": [], "scheduler": "", "interruptible": True},
        }
        made = json.loads(client.documents.add_job_specification("1", json.dumps(body).encode()))
        assert made == client.get("jobs", "chosen")
        assert (made["name"], made["status"], made["interruptible"]) == ("n", "uninitialized", True)
        assert [one["_key"] for one in client.job_records("chosen")] == ["own", "1"]
        with client.store.snapshot("1") as snapshot:
            (links,) = snapshot.links()
        assert links.roles == ["output", "output"]
        assert client.pairs("blocks") == [("1", "chosen")]
        assert client.store.get_job("2").resources.num_cpus == 8
        assert client.get("jobs", "chosen", LATER)["input_files"] == ["files__1/2"]

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({"blocked_by": ["nobody"]}, "\"blocked_by\" names none of the jobs: 'nobody'"),
            ({"blocked_by": ["twice"]}, "\"blocked_by\" names several of the jobs: 'twice'"),
            ({"input_files": ["x"]}, '"input_files" names none of the files'),
            ({"resource_requirements": "x"}, '"resource_requirements" names none'),
            ({"scheduler": "slurm_schedulers/x"}, '"scheduler" names none'),
            ({"user_data": [1]}, '"user_data" must be an array of objects'),
            ({"status": "ready"}, '"status" is not allowed'),
        ],
    )
    def test_a_specification_must_name_what_is_there(
        self, client: Client, more: dict[str, Any], message: str
    ) -> None:
        for _ in range(2):
            client.post("jobs", name="twice", command="c")
        with pytest.raises(RefusedError, match=f"^request body {message}"):
            client.documents.add_job_specification("1", json.dumps({"command": "c", **more}).encode())
        assert len(client.keys("jobs")) == 2

    def test_jobs_without_a_status_are_run_with_the_store(self, client: Client, path: Path) -> None:
        write = f"{sys.executable} -c \"open(r'{path.parent}/order', 'a').write('{{}}')\""
        first = client.post("jobs", command=write.format("1"))
        client.post("jobs", LATER, command=write.format("2"), blocked_by=[first["_id"]])
        client.post("jobs", command=write.format("3"), status="disabled")
        wf = torc_frames.connect(path).workflow("1")
        summary = wf.run(workers=2, show_progress=False)
        assert (summary.completed, summary.not_run) == (2, 0)
        assert client.statuses() == ["completed", "completed", "disabled"]
        assert (path.parent / "order").read_text() == "12"
        assert [(one["job_key"], one["run_id"], one["status"]) for one in client.list("results")[0]] == [
            ("1", 1, "completed"),
            ("2", 1, "completed"),
        ]

    def test_one_that_a_client_calls_running_is_left_to_it(self, client: Client, path: Path) -> None:
        client.put("jobs", FIRST, client.post("jobs", command="false"), status="running")
        wf = torc_frames.connect(path).workflow("1")
        with pytest.warns(
            torc_frames.TorcFramesWarning, match="left to other runners: a client of the service"
        ):
            assert wf.run(show_progress=False).running_elsewhere == 1
        client.put("jobs", FIRST, client.get("jobs", "1"), status="uninitialized", command="true")
        assert wf.run(show_progress=False).completed == 1

    def test_an_update_of_a_running_job_does_not_disown_what_it_stored(self, client: Client) -> None:
        client.store.add_jobs("1", NewJobs(["a"], ["c"], [None]))
        (job,) = client.store.start_jobs("1", ["1"], "me")
        found = client.get("jobs", "1")
        answer = client.put("jobs", FIRST, found, name="b")
        assert answer["_rev"] != found["_rev"]
        assert client.store.get_job("1").rev == job.rev
        assert client.store.runners("1") == {"1": "me"}
        with pytest.raises(ConflictError):
            client.put("jobs", FIRST, found, name="c")


class TestEdges:
    """What links documents."""

    def test_each_has_a_key_a_page_and_can_be_deleted(self, client: Client) -> None:
        client.store.add_jobs("1", NewJobs(["a", "b", "c"], [""] * 3, [b"1"] * 3, outputs=True))
        client.store.add_jobs(
            "1", NewJobs(["d"], [""], [None], depends_on=[["1", "3"]], resources=[Resources(2, 0, "1g")])
        )
        client.job_post("2", none=1)
        pairs = {
            "consumes": [("1", "1"), ("2", "2"), ("3", "3")],
            "stores": [("1", "4"), ("2", "5"), ("2", "7"), ("3", "6")],
            "blocks": [("1", "4"), ("3", "4")],
            "requires": [("4", "2-0-1g-_")],
        }
        for name, expected in pairs.items():
            found, total = client.edges(name)
            assert client.pairs(name) == expected
            assert len({one["_key"] for one in found}) == total
            for at, one in enumerate(found):
                assert set(one) == {*SYSTEM, "_from", "_to"}
                assert one["_id"] == f"{name}__1/{one['_key']}"
                assert json.loads(client.documents.edge("1", name, one["_key"])) == one
                assert client.edges(name, skip=at, limit=1) == ([one], total)
            rev = client.store.get_workflow("1").rev
            assert json.loads(client.documents.delete_edge("1", name, found[0]["_key"])) == found[0]
            assert client.edges(name) == (found[1:], total - 1)
            assert client.store.get_workflow("1").rev != rev
            for key in (found[0]["_key"], "x", "1-99", f"{2**70}-1", ""):
                with pytest.raises(NotFoundError) as caught:
                    client.documents.edge("1", name, key)
                assert caught.value.kind == name
            assert client.documents.delete_edges("1", name) == total - 1
            assert client.edges(name) == ([], 0)
        assert client.statuses() == ["ready"] * 4
        assert client.store.get_job("4").resources == Resources()
        assert len(client.keys("user_data")) == 7

    def test_they_are_found_by_keys_that_clients_chose(self, client: Client) -> None:
        for key in ("j1", "j2"):
            client.post("jobs", command="c", _key=key)
        client.post("user_data", _key="r")
        client.post("resource_requirements", _key="n", num_cpus=2)
        client.link("stores", "jobs__1/j1", "user_data__1/r")
        client.link("consumes", "jobs__1/j2", "user_data__1/r")
        client.link("blocks", "jobs__1/j1", "jobs__1/j2")
        client.link("requires", "jobs__1/j2", "resource_requirements__1/n")
        assert client.pairs("stores") == [("j1", "r")]
        assert client.pairs("consumes") == [("j2", "r")]
        assert client.pairs("blocks") == [("j1", "j2")]
        assert client.pairs("requires") == [("j2", "n")]

    def test_one_added_twice_is_one(self, client: Client) -> None:
        client.post("jobs", command="c")
        client.post("jobs", command="c")
        client.job_post("1", a=1)
        for name, end in (
            ("stores", "user_data__1/1"),
            ("consumes", "user_data__1/1"),
            ("blocks", "jobs__1/2"),
        ):
            one = client.link(name, "jobs__1/1", end)
            assert client.link(name, "jobs__1/1", end) == one
            assert client.edges(name) == ([one], 1)

    def test_what_the_first_form_lets_a_job_store_is_an_output_unless_its_key_says_else(
        self, client: Client
    ) -> None:
        client.post("jobs", command="c")
        for form in (FIRST, LATER):
            client.link("stores", "jobs__1/1", client.post("user_data", a=1)["_id"], form)
            client.link("consumes", "jobs__1/1", client.post("user_data", a=1)["_id"], form)
        with client.store.snapshot("1") as snapshot:
            (links,) = snapshot.links()
        assert links.roles == ["output", "input", "output", "input"]
        digits = "0123456789abcdef"
        for kind, role in (("input", "input"), ("output-unnamed", "output"), ("record", None)):
            record = client.post("user_data", _key=f"{kind}-{digits}", a=1)["_id"]
            one = client.link("stores", "jobs__1/1", record, FIRST)
            assert (one["_from"], one["_to"]) == ("jobs__1/1", record)
            assert client.link("stores", "jobs__1/1", record, FIRST) == one
            with client.store.snapshot("1") as snapshot:
                (links,) = snapshot.links()
            assert links.roles[-1] == role

    def test_waiting_blocks_a_ready_job_and_no_longer_waiting_frees_it(self, client: Client) -> None:
        client.store.add_jobs("1", NewJobs(["a", "b"], ["c", "c"], [None, None]))
        edge = client.link("blocks", "jobs__1/1", "jobs__1/2")
        assert client.statuses() == ["ready", "blocked"]
        client.documents.delete_edge("1", "blocks", edge["_key"])
        assert client.statuses() == ["ready", "ready"]
        (job,) = client.store.start_jobs("1", ["1"], "me")
        client.store.finish_job("1", RunResult("1", job.run_id, "completed", 0, "2026-01-01", "2026-01-01"))
        client.link("blocks", "jobs__1/1", "jobs__1/2")
        assert client.statuses() == ["completed", "ready"]

    @pytest.mark.parametrize(("origin", "end"), [("3", "1"), ("1", "1"), ("2", "1")])
    def test_jobs_can_not_wait_for_each_other(self, client: Client, origin: str, end: str) -> None:
        for _ in range(3):
            client.post("jobs", command="c")
        client.link("blocks", "jobs__1/1", "jobs__1/2")
        client.link("blocks", "jobs__1/2", "jobs__1/3")
        with pytest.raises(RefusedError, match=r"^request body: these jobs would wait for each other: 1"):
            client.link("blocks", f"jobs__1/{origin}", f"jobs__1/{end}")
        assert client.pairs("blocks") == [("1", "2"), ("2", "3")]

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=15))
    def test_what_was_accepted_never_is_a_circle(
        self, shared: SQLiteStore, edges: list[tuple[int, int]]
    ) -> None:
        client = Client(shared, shared.add_workflow("w").key)
        jobs = shared.add_jobs(client.workflow, NewJobs(["j"] * 6, [""] * 6, [None] * 6)).job_keys
        after: dict[int, set[int]] = {job: {job} for job in range(6)}
        for origin, end in edges:
            ids = [f"jobs__{client.workflow}/{jobs[job]}" for job in (origin, end)]
            if origin in after[end]:
                with pytest.raises(RefusedError):
                    client.link("blocks", *ids)
                continue
            client.link("blocks", *ids)
            for known in after.values():
                if origin in known:
                    known |= after[end]
        waiting = {end for _, end in client.pairs("blocks")}
        assert client.statuses() == ["blocked" if job in waiting else "ready" for job in jobs]

    @pytest.mark.parametrize(
        ("name", "body", "error", "message"),
        [
            ("stores", {"_from": "jobs__1/1", "_to": "user_data__1/9"}, NotFoundError, "no user_data key 9"),
            ("stores", {"_from": "jobs__1/9", "_to": "user_data__1/1"}, NotFoundError, "no jobs key 9"),
            (
                "stores",
                {"_from": "jobs__1/1", "_to": "jobs__1/1"},
                RefusedError,
                '^request body "_to" is not',
            ),
            ("stores", {"_from": "1", "_to": "user_data__1/1"}, RefusedError, '^request body "_from" is not'),
            ("stores", {"_from": "jobs__1/1"}, RefusedError, '^request body "_to" is required'),
            (
                "blocks",
                {"_from": 1, "_to": "jobs__1/1"},
                RefusedError,
                '^request body "_from" must be a string',
            ),
            ("blocks", {"_from": "jobs__1/1", "_to": "jobs__1/1", "data": {}}, RefusedError, "^request body"),
            ("executed", {"_from": "x", "_to": "y"}, NotFoundError, "no edges key executed"),
        ],
    )
    def test_one_must_lead_somewhere(
        self, client: Client, name: str, body: dict[str, Any], error: type[Exception], message: str
    ) -> None:
        client.post("jobs", command="c")
        with pytest.raises(error, match=message):
            client.documents.add_edge("1", name, json.dumps(body).encode())


class TestRequirements:
    """What jobs need."""

    def test_what_is_sent_is_kept_with_defaults(self, client: Client) -> None:
        made = client.post("resource_requirements", name="big", num_cpus=4)
        assert made == {
            **{"_id": "resource_requirements__1/1", "_key": "1", "_rev": "2", "name": "big", "num_cpus": 4},
            **{"num_gpus": 0, "num_nodes": 1, "memory": "1m", "runtime": "P0DT1H"},
        }
        assert client.post("resource_requirements", LATER)["runtime"] == "P0DT1M"
        assert client.post("resource_requirements", num_cpus=4, name="big") == made
        assert client.post("resource_requirements", num_cpus=4, name="big", _key="k")["_key"] == "k"
        assert client.keys("resource_requirements", LATER, num_cpus=4, memory="1m") == ["1", "k"]

    def test_an_edge_gives_them_to_the_job_and_follows_their_changes(self, client: Client) -> None:
        need = client.post("resource_requirements", num_cpus=4, num_gpus=1, memory="2g", runtime="PT2H")
        other = client.post("resource_requirements", LATER, name="other")
        rev = client.post("jobs", command="c")["_rev"]
        client.link("requires", "jobs__1/1", need["_id"])
        assert client.store.get_job("1").resources == Resources(4, 1, "2g", "PT2H")
        assert client.get("jobs", "1")["_rev"] == rev
        client.put("resource_requirements", FIRST, need, memory="3g")
        assert client.store.get_job("1").resources == Resources(4, 1, "3g", "PT2H")
        client.link("requires", "jobs__1/1", other["_id"])
        assert client.pairs("requires") == [("1", other["_key"])]
        client.delete("resource_requirements", other["_key"])
        assert client.pairs("requires") == []
        assert client.store.get_job("1").resources == Resources()

    @pytest.mark.parametrize("form", list(Form))
    @pytest.mark.parametrize(
        ("sent", "said"),
        [
            ({"name": "big", "num_cpus": 4}, Resources(4, 0, None, "default")),
            ({"name": name_of(Resources(4)), "num_cpus": 4}, Resources(4)),
            (
                {"name": name_of(Resources(4, 1, "2g")), "num_cpus": 4, "num_gpus": 1, "memory": "2g"},
                Resources(4, 1, "2g"),
            ),
            ({"name": "x", "memory": "2g", "runtime": "PT1H"}, Resources(1, 0, "2g", "PT1H")),
        ],
    )
    def test_defaults_of_the_service_are_no_limits_of_jobs(
        self, client: Client, form: Form, sent: dict[str, object], said: Resources
    ) -> None:
        need = client.post("resource_requirements", form, **sent)
        assert need["memory"] == sent.get("memory", "1m")
        client.post("jobs", command="c")
        client.link("requires", "jobs__1/1", need["_id"])
        told = Resources(said.num_cpus, said.num_gpus, said.memory, need["runtime"])
        assert client.store.get_job("1").resources == (told if said.runtime == "default" else said)
        assert client.pairs("requires") == [("1", need["_key"])]

    def test_jobs_of_the_store_have_documents_made_for_them(self, client: Client) -> None:
        needs = [
            Resources(),
            Resources(2, 0, "2 g", None),
            Resources(4, 1, "4g", "PT1H"),
            Resources(2, 0, "2 g"),
        ]
        client.store.add_jobs("1", NewJobs(["j"] * 4, ["c"] * 4, [None] * 4, resources=needs))
        found, total = client.list("resource_requirements")
        assert total == 2
        keys = [one["_key"] for one in found]
        assert keys == ["2-0-2_20g-_", "4-1-4g-PT1H"]
        assert client.get("resource_requirements", keys[0]) == found[0]
        assert (found[0]["num_cpus"], found[0]["memory"], found[0]["runtime"]) == (2, "2 g", None)
        assert client.pairs("requires") == [("2", keys[0]), ("3", keys[1]), ("4", keys[0])]
        assert client.keys("resource_requirements", FIRST, num_gpus=1) == keys[1:]
        assert client.list("resource_requirements", skip=1, limit=5) == (found[1:], 2)
        with pytest.raises(RefusedError, match="can not be updated"):
            client.put("resource_requirements", FIRST, found[0], num_cpus=3)
        sent = client.post("resource_requirements", num_cpus=4, num_gpus=1, memory="4g", runtime="PT1H")
        assert client.keys("resource_requirements") == [sent["_key"], keys[0]]
        assert client.pairs("requires")[1] == ("3", sent["_key"])
        client.delete("resource_requirements", keys[0])
        assert client.pairs("requires") == [("3", sent["_key"])]
        assert client.documents.delete_all("resource_requirements", "1") == 1
        assert client.list("resource_requirements") == ([], 0)
        assert client.store.get_job("3").resources == Resources()

    def test_a_made_key_that_a_client_has_chosen_becomes_another(self, client: Client) -> None:
        client.post("resource_requirements", _key="2-0-_-_", num_cpus=9)
        client.store.add_jobs("1", NewJobs(["j"], ["c"], [None], resources=[Resources(2)]))
        assert client.keys("resource_requirements") == ["2-0-_-_", "2-0-_-_-"]
        assert client.get("resource_requirements", "2-0-_-_-")["num_cpus"] == 2
        assert client.pairs("requires") == [("1", "2-0-_-_-")]


class TestResults:
    """How runs ended."""

    def test_those_of_the_store_have_the_dialects_shape(self, client: Client) -> None:
        client.store.add_jobs("1", NewJobs(["a"], ["c"], [None]))
        client.store.start_jobs("1", ["1"], "me")
        times = "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:30+00:00"
        client.store.finish_job("1", RunResult("1", 1, "failed", 3, *times))
        assert client.list("results") == (
            [
                {
                    **{"_id": "results__1/1", "_key": "1", "_rev": "0", "job_key": "1", "run_id": 1},
                    **{"return_code": 3, "status": "failed"},
                    **{"exec_time_minutes": 1.5, "completion_time": times[1]},
                }
            ],
            1,
        )
        assert client.keys("results", FIRST, job_key="1", return_code=3, status="failed", run_id=1) == ["1"]
        assert client.keys("results", LATER, return_code=0) == []

    def test_one_that_is_sent_is_kept_as_it_was_and_seen_by_the_store(self, client: Client) -> None:
        client.post("jobs", command="c", _key="job")
        body = {**RESULT, "job_key": "job", "completion_time": "2023-03-29 10:21:33+02:00"}
        made = client.post("results", **body)
        assert {name: made[name] for name in body} == body
        with client.store.snapshot("1") as snapshot:
            (page,) = snapshot.results()
        assert (page.job_keys, page.statuses) == (["1"], ["done"])
        assert (page.start_times, page.end_times) == (
            ["2023-03-29T08:20:03+00:00"],
            ["2023-03-29T08:21:33+00:00"],
        )
        answer = client.put("results", LATER, made, return_code=7)
        assert client.get("results", "1") == {**made, "return_code": 7, "_rev": answer["_rev"]}
        assert client.keys("results", FIRST, job_key="job") == ["1"]
        with pytest.raises(
            RefusedError, match=r'^request body "run_id": run 1 of job job has a result already'
        ):
            client.post("results", **body)
        with pytest.raises(NotFoundError, match="no jobs key 9"):
            client.post("results", **{**body, "job_key": "9"})
        assert client.delete("results", "1")["return_code"] == 7
        assert client.documents.delete_all("results", "1") == 0

    def test_a_time_without_a_zone_is_this_machines(self, client: Client) -> None:
        client.post("jobs", command="c")
        said = "2023-03-29 08:21:33.553000"
        assert (
            client.post("results", **{**RESULT, "job_key": "1", "completion_time": said})["completion_time"]
            == said
        )
        with client.store.snapshot("1") as snapshot:
            (page,) = snapshot.results()
        assert datetime.fromisoformat(page.end_times[0]) == datetime.fromisoformat(said).astimezone()

    def test_times_that_are_none_took_no_time(self, client: Client) -> None:
        client.store.add_jobs("1", NewJobs(["a"], ["c"], [None]))
        client.store.start_jobs("1", ["1"], "me")
        client.store.finish_job("1", RunResult("1", 1, "failed", 3, "", "once"))
        found = client.get("results", "1")
        assert (found["exec_time_minutes"], found["completion_time"]) == (0, "once")


class TestKept:
    """Files and events."""

    def test_files_are_kept_and_the_same_ones_once(self, client: Client) -> None:
        made = client.post("files", name="in", path="in.csv", st_mtime=1680070893.5)
        assert made == client.post("files", st_mtime=1680070893.5, path="in.csv", name="in")
        assert client.post("files", path="in.csv")["_key"] == "2"
        assert client.keys("files", FIRST, path="in.csv") == ["1", "2"]
        assert client.keys("files", LATER, name="in") == ["1"]
        answer = client.put("files", FIRST, made, path="new.csv")
        assert client.get("files", "1") == {**made, "path": "new.csv", "_rev": answer["_rev"]}
        assert client.delete("files", "1")["path"] == "new.csv"
        assert client.documents.delete_all("files", "1") == 1

    def test_events_may_be_anything_and_the_later_form_tells_the_time(self, client: Client) -> None:
        assert set(client.post("events", category="x", deep={"a": [1]})) == {*SYSTEM, "category", "deep"}
        assert isinstance(client.post("events", LATER, category="y")["timestamp"], int)
        assert client.keys("events", LATER, category="y") == ["2"]
        assert client.keys("events", FIRST, category="y") == ["1", "2"]
        found = client.get("events", "1")
        client.put("events", FIRST, found, deep={"b": 1})
        assert client.get("events", "1")["deep"] == {"a": [1], "b": 1}
        client.put("events", LATER, client.get("events", "1"), deep={"c": 1})
        assert client.get("events", "1")["deep"] == {"c": 1}

    def test_a_copy_to_another_store_says_that_they_are_left_out(self, client: Client) -> None:
        client.post("files", path="x")
        client.post("events")
        client.post("events")
        client.post("resource_requirements")
        with client.store.snapshot("1") as snapshot:
            assert snapshot.others() == {"events": 2, "files": 1, "resource requirements": 1}


@pytest.mark.parametrize(
    "call",
    [
        lambda documents: documents.list(FIRST, "jobs", "9", limit=1),
        lambda documents: documents.get(FIRST, "workflows", None, "9"),
        lambda documents: documents.add(FIRST, "user_data", "9", b"{}"),
        lambda documents: documents.update(FIRST, "user_data", "9", "1", b"{}"),
        lambda documents: documents.delete(FIRST, "files", "9", "1"),
        lambda documents: documents.delete_all("jobs", "9"),
        lambda documents: documents.job_keys("9"),
        lambda documents: documents.add_jobs("9", []),
        lambda documents: documents.job_records(FIRST, "9", "1"),
        lambda documents: documents.edges("9", "stores", limit=1),
        lambda documents: documents.get(FIRST, "user_data", "9", "torc_frames"),
    ],
)
def test_a_workflow_that_is_not_there_is_told_first(
    client: Client, call: Callable[[Documents], object]
) -> None:
    with pytest.raises(NotFoundError) as caught:
        call(client.documents)
    assert (caught.value.kind, caught.value.keys) == ("workflows", ("9",))
