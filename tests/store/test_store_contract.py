"""What `torc_frames.store.base` promises, on every store: written through one, read through another."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import replace
from threading import Event
from typing import Any, get_args

import pytest
from servers import TorcServer
from stores import StoreKind, link, only, set_status

from torc_frames.errors import ConflictError, NotFoundError, RefusedError, UnreadableRecordError
from torc_frames.store import parallel
from torc_frames.store.base import RunnableStore, Store
from torc_frames.store.legacy import links as legacy_links
from torc_frames.store.open import open_store
from torc_frames.store.paged import lists
from torc_frames.store.paged import snapshot as paged_snapshot
from torc_frames.store.records import JobRecord, Kind, NewJobs, Resources, ResultPage, RunResult
from torc_frames.store.sqlite import snapshot as sqlite_snapshot
from torc_frames.store.v1 import links as v1_links
from torc_frames.store.v1 import snapshot as v1_snapshot

NOWHERE = ["999", "0", "-1", "+1", "01", " 1", "1.0", "", "abc", "٣", "²", "9" * 18, "9" * 19, "9" * 5000]


def column(pages: Iterable[Any], name: str) -> list[Any]:
    """Return one column over all pages, none of which may be empty."""
    pages = list(pages)
    assert all(len(page) for page in pages)
    return [value for page in pages for value in getattr(page, name)]


def records(store: Store, workflow: str, **chosen: Any) -> dict[str, bytes]:
    """Return the raw data of records by key."""
    with store.snapshot(workflow) as snapshot:
        pages = list(snapshot.user_data(**chosen))
        snapshot.verify()
    for page in pages:
        assert len(page.lines()) == len(page.keys) == len(page.names) == len(page.revs)
    return {key: line for page in pages for key, line in zip(page.keys, page.lines(), strict=True)}


def links(store: Store, workflow: str, **chosen: Any) -> list[tuple[str, str, str | None]]:
    """Return job key, record key and role of each link."""
    with store.snapshot(workflow) as snapshot:
        pages = list(snapshot.links(**chosen))
    rows = [column(pages, name) for name in ("job_keys", "record_keys", "roles")]
    return list(zip(*rows, strict=True))


def new_jobs(count: int, **more: Any) -> NewJobs:
    """Return jobs with input records."""
    inputs = [b'{"i":%d}' % i for i in range(count)]
    return NewJobs([f"job{i}" for i in range(count)], ["true"] * count, **{"inputs": inputs, **more})


def statuses(store: Store, workflow: str) -> dict[str, str]:
    """Return the status of each job."""
    with store.snapshot(workflow) as snapshot:
        pages = list(snapshot.jobs())
    return dict(zip(column(pages, "keys"), column(pages, "statuses"), strict=True))


def rev(store: Store, workflow: str) -> str | None:
    """Return the rev of a workflow."""
    return store.get_workflow(workflow).rev


def content(store: Store, workflow: str) -> Any:
    """Return all of a workflow, to be compared."""
    return store.get_workflow(workflow), statuses(store, workflow), records(store, workflow)


def stop(store: Store, write: Callable[[], object]) -> None:
    """Write in a transaction that fails then."""
    with store.transaction():
        write()
        raise KeyboardInterrupt


def exactly(data: Any) -> str:
    """Return a text that is the same for the same JSON, whatever the order of keys."""
    return json.dumps(data, sort_keys=True)


@pytest.fixture
def workflow(store: RunnableStore) -> str:
    """The key of a workflow, beside which there are others."""
    store.add_workflow("before")
    key = store.add_workflow("study").key
    other = store.add_workflow("after").key
    store.add_jobs(other, new_jobs(2, outputs=True))
    return key


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each page a tenth of its rows, so that few rows are many pages."""
    for module in (lists, sqlite_snapshot, paged_snapshot, legacy_links, v1_links, v1_snapshot):
        for name in {"FIRST_ROWS", "_FIRST_ROWS", "PAGE_ROWS"} & vars(module).keys():
            monkeypatch.setattr(module, name, vars(module)[name] // 10)


class TestStore:
    """The promises of `Store` and `Snapshot`."""

    def test_a_workflow_reads_back_as_it_was_added(
        self, store: Store, reader: Store, store_kind: StoreKind, store_server: TorcServer | None
    ) -> None:
        # A server that asks for passwords knows who it is.
        me = getattr(store_server, "username", None) or "me"
        large = 2**70 if store_kind.keeps_all_json else 2**64 - 1
        metadata = {"é": [1, large, 1.0, None]}
        added = store.add_workflow("a\0b ü", user=me, description="d", metadata=metadata)
        plain = store.add_workflow("a\0b ü")
        assert reader.get_workflow(added.key) == added
        assert added.metadata == metadata
        assert str(added.metadata) == str(metadata)
        assert (added.user, added.description, added.name) == (me, "d", "a\0b ü")
        assert (plain.description, plain.metadata) == (None, {})
        assert plain.user == getattr(store_server, "username", None)
        assert reader.workflows() == [added, plain]
        assert reader.workflow_keys("a\0b ü") == [added.key, plain.key]
        assert reader.workflow_keys("a") == []
        with reader.snapshot(added.key) as snapshot:
            assert snapshot.workflow == added

    def test_a_workflow_that_does_not_exist_is_not_found(self, store: Store, workflow: str) -> None:
        calls = [
            store.get_workflow,
            store.delete_workflow,
            lambda key: store.merge_metadata(key, {"a": 1}),
            lambda key: store.update_workflow(key, name="a"),
            lambda key: store.snapshot(key).__enter__(),
            lambda key: store.add_jobs(key, new_jobs(1)),
            lambda key: store.add_jobs(key, new_jobs(0)),
            lambda key: store.add_user_data(key, [b'{"i":1}']),
            lambda key: store.add_user_data(key, []),
            lambda key: store.update_user_data(key, [], []),
            lambda key: store.delete_user_data(key, []),
            lambda key: store.get_user_data(key, "1"),
            lambda key: store.get_job("1", key),
            lambda key: store.update_commands(key, [], []),
            lambda key: store.delete_jobs(key, []),
        ]
        for call in calls:
            for key in NOWHERE:
                with pytest.raises(NotFoundError) as caught:
                    call(key)
                assert caught.value.kind == "workflow"
                assert caught.value.keys == (key,)
                pickle.loads(pickle.dumps(caught.value))

    def test_jobs_are_counted_by_status(
        self, store: Store, reader: Store, workflow: str, store_kind: StoreKind
    ) -> None:
        first = store.add_jobs(workflow, new_jobs(2)).job_keys
        store.add_jobs(workflow, new_jobs(1, depends_on=[first[:1]]))
        free, waiting = store_kind.new_jobs_are
        counts = {free: 2, waiting: 1} if free != waiting else {free: 3}
        assert reader.count_jobs([*NOWHERE, workflow]) == [{} for _ in NOWHERE] + [counts]
        assert reader.count_jobs([]) == []

    def test_what_else_torc_lists_is_empty_where_there_is_none(self, reader: Store, workflow: str) -> None:
        with reader.snapshot(workflow) as snapshot:
            for kind in get_args(Kind):
                assert snapshot.rows(kind) == []
            assert list(snapshot.results(latest=True, labels=True)) == []

    def test_deleting_a_workflow_deletes_all_of_it_and_no_other(
        self, store: Store, reader: Store, workflow: str
    ) -> None:
        added = store.add_jobs(workflow, new_jobs(3, outputs=True))
        store.add_jobs(workflow, new_jobs(1, depends_on=[added.job_keys]))
        others = [one for one in reader.workflows() if one.key != workflow]
        store.delete_workflow(workflow)
        assert reader.workflows() == others
        with pytest.raises(NotFoundError):
            reader.get_job(added.job_keys[0])
        assert len(records(reader, others[-1].key)) == 4
        assert store.add_workflow("again").key != workflow

    def test_what_is_told_of_a_workflow_is_changed_part_by_part(self, store: Store, reader: Store) -> None:
        before = store.add_workflow("a", user="me", description="d", metadata={"m": [1.0, {"x": None}]})
        other = store.add_workflow("a")
        for given, name, description in (
            ({"name": "a\0b ü"}, "a\0b ü", "d"),
            ({"description": "é\n"}, "a\0b ü", "é\n"),
            ({"name": "c", "description": ""}, "c", None),
            ({}, "c", None),
        ):
            store.update_workflow(before.key, **given)
            after = reader.get_workflow(before.key)
            assert after == replace(before, name=name, description=description, rev=after.rev)
        assert reader.get_workflow(other.key) == other
        assert (before.rev is None) == (after.rev == before.rev)

    def test_metadata_is_merged_at_the_top_level(self, store: Store, reader: Store, workflow: str) -> None:
        store.merge_metadata(workflow, {"a": {"x": 1}, "b": 2})
        store.merge_metadata(workflow, {"a": {"y": 1}, "c": None})
        assert reader.get_workflow(workflow).metadata == {"a": {"y": 1}, "b": 2, "c": None}

    def test_a_merge_that_changes_nothing_is_no_write(self, store: Store, workflow: str) -> None:
        store.merge_metadata(workflow, {"a": 1})
        before = store.get_workflow(workflow)
        store.merge_metadata(workflow, {"a": 1})
        store.merge_metadata(workflow, {})
        assert store.get_workflow(workflow) == before

    @pytest.mark.parametrize("value", [True, 1.0, "1"])
    def test_a_merge_tells_equal_values_of_other_types_apart(
        self, store: Store, reader: Store, workflow: str, value: object
    ) -> None:
        store.merge_metadata(workflow, {"a": 1})
        store.merge_metadata(workflow, {"a": value})
        assert type(reader.get_workflow(workflow).metadata["a"]) is type(value)

    def test_merges_from_many_threads_lose_none(self, store: Store, workflow: str) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: store.merge_metadata(workflow, {f"k{i}": i}), range(64)))
        assert store.get_workflow(workflow).metadata == {f"k{i}": i for i in range(64)}

    @pytest.mark.parametrize("metadata", [{"a": float("nan")}, {"a": object()}, {"a": "\ud800"}])
    def test_metadata_that_json_can_not_hold_is_refused(
        self, store: Store, workflow: str, metadata: dict[str, Any]
    ) -> None:
        before = store.workflows()
        with pytest.raises(RefusedError):
            store.merge_metadata(workflow, metadata)
        with pytest.raises(RefusedError):
            store.add_workflow("bad", metadata=metadata)
        assert store.workflows() == before

    def test_every_write_gives_the_workflow_a_new_rev(
        self, store: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        only(store_kind.has_revs, "its workflows have no revs")
        seen = [rev(store, workflow)]

        def changed() -> None:
            assert rev(store, workflow) not in seen
            seen.append(rev(store, workflow))

        added = store.add_jobs(workflow, new_jobs(1))
        changed()
        (key,) = store.add_user_data(workflow, [b'{"i":1}'], job_keys=added.job_keys, role="output")
        changed()
        assert store.update_user_data(workflow, [key], [b'{"i":2}']) == [
            store.get_user_data(workflow, key).rev
        ]
        changed()
        store.delete_user_data(workflow, [key])
        changed()
        store.merge_metadata(workflow, {"a": 1})
        changed()
        store.update_commands(workflow, added.job_keys, ["other"])
        changed()
        store.add_jobs(workflow, new_jobs(1, links={None: [[]]}, depends_on=[added.job_keys]))
        changed()

    def test_empty_batches_are_no_write(self, store: Store, workflow: str) -> None:
        before = rev(store, workflow)
        added = store.add_jobs(workflow, new_jobs(0, outputs=True))
        assert (added.job_keys, added.input_keys, added.output_keys) == ([], [], [])
        assert store.add_user_data(workflow, []) == []
        assert store.update_user_data(workflow, [], []) == []
        store.delete_user_data(workflow, [])
        store.update_commands(workflow, [], [])
        store.delete_jobs(workflow, [])
        assert rev(store, workflow) == before

    def test_the_url_opens_the_same_store(self, store: Store, store_kind: StoreKind, workflow: str) -> None:
        only(not store_kind.snapshots_hold_up_writers, "that this file is shared is not found out")
        with closing(open_store(store.url)) as other:
            assert type(other) is type(store)
            assert other.url == store.url
            assert other.workflows() == store.workflows()
            (key,) = other.add_user_data(workflow, [b'{"i":1}'])
        assert records(store, workflow) == {key: b'{"i":1}'}

    # transactions

    def test_a_transaction_is_all_or_nothing(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        with store.transaction():
            (a,) = store.add_jobs(workflow, new_jobs(1, inputs=[None])).job_keys
            (key,) = store.add_user_data(workflow, [b'{"i":1}'], job_keys=[a], role="output")
            if store_kind.has_transactions:
                assert (records(reader, workflow), statuses(reader, workflow)) == ({}, {})
        assert links(reader, workflow) == [(a, key, "output")]
        with pytest.raises(KeyboardInterrupt):
            stop(store, lambda: store.update_user_data(workflow, [key], [b'{"i":2}']))
        written = b'{"i":1}' if store_kind.has_transactions else b'{"i":2}'
        assert records(reader, workflow) == {key: written}

    def test_a_transaction_inside_of_another_is_part_of_that(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        def add() -> None:
            with store.transaction():
                store.add_user_data(workflow, [b'{"i":1}'])

        with store.transaction():
            add()
            with pytest.raises(KeyboardInterrupt):
                stop(store, add)
            assert len(records(reader, workflow)) == (0 if store_kind.has_transactions else 2)
        assert len(records(reader, workflow)) == 2
        with pytest.raises(KeyboardInterrupt):
            stop(store, add)
        assert len(records(reader, workflow)) == (2 if store_kind.has_transactions else 3)

    def test_no_other_writer_comes_into_a_transaction(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        only(store_kind.has_transactions, "each of its writes is by itself")
        begun = Event()

        def add() -> str:
            begun.set()
            return reader.add_user_data(workflow, [b'{"i":9}'])[0]

        with ThreadPoolExecutor(1) as pool, store.transaction():
            other = pool.submit(add)
            begun.wait()
            mine = [store.add_user_data(workflow, [b'{"i":%d}' % i])[0] for i in range(50)]
            assert not other.done()
        assert list(records(reader, workflow)) == [*mine, other.result()]

    # jobs

    def test_jobs_read_back_in_order(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        ready = store_kind.new_jobs_are[0]
        needs = [Resources(), Resources(4, 1, "2g", "PT1H")]
        added = store.add_jobs(
            workflow, NewJobs(["b\0", "a"], ["x\ny", "ü"], [b'{"a": 1}', None], resources=needs)
        )
        assert [reader.get_job(key) for key in added.job_keys] == [
            JobRecord(added.job_keys[0], workflow, "b\0", "x\ny", ready, needs[0], 0, rev(reader, workflow)),
            JobRecord(added.job_keys[1], workflow, "a", "ü", ready, needs[1], 0, rev(reader, workflow)),
        ]
        with reader.snapshot(workflow) as snapshot:
            (page,) = snapshot.jobs()
            (one,) = snapshot.jobs(job_key=added.job_keys[1])
        assert page.keys == added.job_keys
        assert (page.names, page.commands) == (["b\0", "a"], ["x\ny", "ü"])
        assert (page.num_cpus, page.num_gpus) == ([1, 4], [0, 1])
        assert (page.memory, page.runtimes) == ([None, "2g"], [None, "PT1H"])
        assert (page.run_ids, page.revs) == ([0, 0], [rev(reader, workflow)] * 2)
        assert (one.keys, one.names) == ([added.job_keys[1]], ["a"])

    def test_jobs_have_their_records_and_links(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        null = b"{}" if store_kind.roles_are_of_records else b"null"
        added = store.add_jobs(
            workflow, NewJobs(["a", "b", "c"], [""] * 3, [b'{"a":1}', None, null], outputs=True)
        )
        first, second, third = added.job_keys
        assert added.input_keys[1] is None
        assert None not in added.output_keys
        inputs = {added.input_keys[0]: b'{"a":1}', added.input_keys[2]: null}
        assert records(reader, workflow, role="input") == inputs
        assert records(reader, workflow, role="output") == dict.fromkeys(added.output_keys, b"{}")
        assert links(reader, workflow, role="input") == [
            (first, added.input_keys[0], "input"),
            (third, added.input_keys[2], "input"),
        ]
        assert {link[:2] for link in links(reader, workflow, job_key=second)} == {
            (second, added.output_keys[1])
        }
        with reader.snapshot(workflow) as snapshot:
            (page,) = snapshot.user_data(job_key=third)
            (linked,) = snapshot.links(job_key=third)
        assert sorted(map(str, page.names)) == ["input_c", "output_c"]
        assert linked.job_names == ["c", "c"]

    def test_a_job_of_another_workflow_is_not_found(self, store: Store, workflow: str) -> None:
        (mine,) = store.add_jobs(workflow, new_jobs(1)).job_keys
        other = store.workflows()[-1].key
        assert store.get_job(mine, workflow).key == mine
        for key, where in [(mine, other), *((key, workflow) for key in NOWHERE)]:
            with pytest.raises(NotFoundError):
                store.get_job(key, where)
            with pytest.raises(NotFoundError):
                store.add_user_data(where, [b'{"i":1}'], job_keys=[key], role="input")
            with pytest.raises(NotFoundError):
                store.add_jobs(where, new_jobs(1, depends_on=[[key]]))
            with store.snapshot(where) as snapshot:
                for read in (snapshot.jobs, snapshot.user_data, snapshot.links):
                    with pytest.raises(NotFoundError):
                        list(read(job_key=key))
                with pytest.raises(NotFoundError):
                    snapshot.count_user_data(job_key=key)
        for key in NOWHERE:
            with pytest.raises(NotFoundError):
                store.get_job(key)

    def test_all_missing_jobs_are_named_and_nothing_is_written(self, store: Store, workflow: str) -> None:
        (job,) = store.add_jobs(workflow, new_jobs(1)).job_keys
        before = content(store, workflow)
        with pytest.raises(NotFoundError) as caught:
            store.add_jobs(workflow, new_jobs(3, depends_on=[[job], ["777777"], ["888888", job]]))
        assert (caught.value.kind, caught.value.keys) == ("job", ("777777", "888888"))
        with pytest.raises(NotFoundError) as caught:
            store.add_user_data(workflow, [b'{"i":1}'] * 3, job_keys=[job, "777777", None], role="input")
        assert caught.value.keys == ("777777",)
        assert content(store, workflow) == before

    def test_dependencies_read_back_ordered_by_the_waiting_job(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        ready, blocked = store_kind.new_jobs_are
        a, b = store.add_jobs(workflow, new_jobs(2)).job_keys
        c, d, e = store.add_jobs(workflow, new_jobs(3, depends_on=[[b, a, b], [], [a]])).job_keys
        with reader.snapshot(workflow) as snapshot:
            (page,) = snapshot.dependencies()
        assert page.job_keys == [c, c, e]
        assert set(page.depends_on_keys[:2]) == {a, b}
        assert page.depends_on_keys[2] == a
        assert statuses(reader, workflow) == {a: ready, b: ready, c: blocked, d: ready, e: blocked}

    @pytest.mark.parametrize(
        "jobs",
        [
            NewJobs(["a"], [], [None]),
            NewJobs(["a"], ["x"], []),
            NewJobs(["a"], ["x"], [None], resources=[]),
            NewJobs(["a"], ["x"], [None], depends_on=[]),
            NewJobs(["a\ud800"], ["x"], [None]),
            NewJobs(["a"], ["x"], [b"\xff"]),
        ],
    )
    def test_jobs_that_make_no_sense_are_refused(self, store: Store, workflow: str, jobs: NewJobs) -> None:
        before = rev(store, workflow)
        with pytest.raises(RefusedError):
            store.add_jobs(workflow, jobs)
        assert (rev(store, workflow), statuses(store, workflow)) == (before, {})

    def test_jobs_are_linked_to_records_that_exist(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        x, y, z = store.add_user_data(workflow, [b'{"i":1}', b'{"i":2}', b'{"i":3}'], role="input")
        since = rev(store, workflow)
        added = store.add_jobs(workflow, new_jobs(2, links={"input": [[x, y, x], [y]]}))
        a, b = added.job_keys
        linked = [*((a, key, "input") for key in (x, y, added.input_keys[0])), (b, y, "input")]
        assert set(links(reader, workflow)) == {*linked, (b, added.input_keys[1], "input")}
        assert list(records(reader, workflow, job_key=a)) == [x, y, added.input_keys[0]]
        assert set(links(reader, workflow, record_keys=[y, z, "999"])) == {(a, y, "input"), (b, y, "input")}
        assert links(reader, workflow, record_keys=[x], role="input") == [(a, x, "input")]
        assert links(reader, workflow, record_keys=[x], role="output") == []
        assert links(reader, workflow, record_keys=[]) == []
        if store_kind.has_revs:  # whose records they are is part of what a pull shows
            assert set(records(reader, workflow, since=since)) == {x, y, *added.input_keys}

    def test_links_of_what_changed(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        if not store_kind.has_revs:
            with store.snapshot(workflow) as snapshot, pytest.raises(RefusedError, match="rev"):
                list(snapshot.links(since="1"))
            return
        added = store.add_jobs(workflow, new_jobs(3, outputs=True))
        a, b, _ = added.job_keys
        since = rev(store, workflow)
        assert links(reader, workflow, since=since) == []
        store.update_user_data(workflow, [str(added.output_keys[1])], [b'{"i":1}'])
        (new,) = store.add_user_data(workflow, [b'{"i":2}'], job_keys=[a], role="output")
        assert {one[:2] for one in links(reader, workflow, since=since)} == {
            *((a, key) for key in (added.input_keys[0], added.output_keys[0], new)),
            *((b, key) for key in (added.input_keys[1], added.output_keys[1])),
        }
        assert links(reader, workflow, since=since, role="input") == [
            (a, added.input_keys[0], "input"),
            (b, added.input_keys[1], "input"),
        ]

    def test_commands_are_replaced(self, store: Store, reader: Store, workflow: str) -> None:
        a, b, c = store.add_jobs(workflow, new_jobs(3)).job_keys
        before = content(store, workflow)
        with pytest.raises(NotFoundError) as caught:
            store.update_commands(workflow, [a, "777777", "888888"], ["x", "y", "z"])
        assert (caught.value.kind, caught.value.keys) == ("job", ("777777", "888888"))
        with pytest.raises(RefusedError):
            store.update_commands(workflow, [a, b], ["x"])
        assert content(store, workflow) == before
        told: list[int] = []
        store.update_commands(workflow, [c, a], ["echo c", "ü\nx"], report=told.append)
        assert sum(told) == 2
        assert [reader.get_job(key).command for key in (a, b, c)] == ["ü\nx", "true", "echo c"]
        assert records(reader, workflow) == before[2]

    def test_what_a_store_has_beside_is_nothing_that_was_added(
        self, store: Store, reader: Store, workflow: str
    ) -> None:
        store.add_jobs(workflow, new_jobs(2, outputs=True, resources=[Resources(2), Resources()]))
        store.add_user_data(workflow, [b'{"i":1}'])
        store.merge_metadata(workflow, {"a": 1})
        with reader.snapshot(workflow) as snapshot:
            assert snapshot.others() == {}

    def test_no_job_is_stale_that_never_ran(self, store: Store, reader: Store, workflow: str) -> None:
        added = store.add_jobs(workflow, new_jobs(2, outputs=True))
        store.update_user_data(workflow, [str(added.input_keys[0])], [b'{"i":7}'])
        with reader.snapshot(workflow) as snapshot:
            assert not snapshot.stale()

    # deleting jobs

    def test_deleting_jobs_deletes_what_only_they_have(
        self, store: Store, reader: Store, store_server: Any, workflow: str
    ) -> None:
        added = store.add_jobs(workflow, new_jobs(4, outputs=True))
        a, b, c, d = added.job_keys
        (alone,) = store.add_user_data(workflow, [b'{"alone":1}'])
        shared, gone = added.input_keys[2], added.input_keys[1]
        link(store, store_server, str(shared), d, "input")
        link(store, store_server, str(gone), a, "input")
        told: list[int] = []
        store.delete_jobs(workflow, [c, a, b, a], report=told.append)
        assert sum(told) == 3
        assert list(statuses(reader, workflow)) == [d]
        left = {shared, added.input_keys[3], added.output_keys[3], alone}
        assert set(records(reader, workflow)) == left
        assert {one[0] for one in links(reader, workflow)} == {d}
        for key in (a, b, c):
            with pytest.raises(NotFoundError):
                reader.get_job(key, workflow)
        assert len(reader.workflows()) == 3
        assert len(statuses(reader, reader.workflows()[-1].key)) == 2

    def test_many_jobs_are_deleted_at_once(self, store: Store, reader: Store, workflow: str) -> None:
        added = store.add_jobs(workflow, new_jobs(150, outputs=True))
        told: list[int] = []
        store.delete_jobs(workflow, added.job_keys[:-1], report=told.append)
        assert sum(told) == 149
        assert list(statuses(reader, workflow)) == added.job_keys[-1:]
        assert list(records(reader, workflow)) == [added.input_keys[-1], added.output_keys[-1]]

    def test_a_job_without_records_is_deleted(self, store: Store, reader: Store, workflow: str) -> None:
        a, b = store.add_jobs(workflow, new_jobs(2, inputs=[None, None])).job_keys
        store.delete_jobs(workflow, [a])
        assert list(statuses(reader, workflow)) == [b]

    def test_nothing_is_deleted_if_a_job_does_not_exist(self, store: Store, workflow: str) -> None:
        added = store.add_jobs(workflow, new_jobs(2))
        other = store.workflows()[-1].key
        (theirs,) = store.add_jobs(other, NewJobs(["x"], ["true"], [None])).job_keys
        before = content(store, workflow)
        for key in [*NOWHERE, *([theirs] if theirs not in added.job_keys else [])]:
            with pytest.raises(NotFoundError) as caught:
                store.delete_jobs(workflow, [added.job_keys[0], key, "777777"])
            assert (caught.value.kind, caught.value.keys) == ("job", (key, "777777"))
        with pytest.raises(NotFoundError, match="workflow"):
            store.delete_jobs("999", [])
        store.delete_jobs(workflow, [])
        assert content(store, workflow) == before

    def test_jobs_that_others_wait_for_are_deleted_with_these_only(
        self, store: Store, reader: Store, workflow: str
    ) -> None:
        a, b = store.add_jobs(workflow, new_jobs(2)).job_keys
        c, d = store.add_jobs(
            workflow, NewJobs(["c", "d"], ["", ""], [None, None], depends_on=[[a], [b]])
        ).job_keys
        before = content(store, workflow)
        with pytest.raises(RefusedError, match=rf"{b} \(job {d}\)") as caught:
            store.delete_jobs(workflow, [c, b, a])
        assert f"(job {c})" not in str(caught.value)
        assert content(store, workflow) == before
        store.delete_jobs(workflow, [a, c])
        assert list(statuses(reader, workflow)) == [b, d]
        with reader.snapshot(workflow) as snapshot:
            (page,) = snapshot.dependencies()
        assert (page.job_keys, page.depends_on_keys) == ([d], [b])

    @pytest.mark.parametrize("status", ["running", "pending"])
    def test_jobs_under_way_are_not_deleted(
        self, store: Store, store_kind: StoreKind, store_server: Any, workflow: str, status: str
    ) -> None:
        a, b = store.add_jobs(workflow, new_jobs(2)).job_keys
        set_status(store, store_server, b, status)
        before = content(store, workflow)
        with pytest.raises(RefusedError, match=rf"{b} \({status}\)"):
            store.delete_jobs(workflow, [a, b])
        assert content(store, workflow) == before

    def test_what_was_deleted_is_added_again_under_new_keys(
        self, store: Store, reader: Store, workflow: str
    ) -> None:
        first = store.add_jobs(workflow, new_jobs(2, outputs=True))
        store.delete_jobs(workflow, first.job_keys)
        second = store.add_jobs(workflow, new_jobs(2, outputs=True))
        assert not {*first.job_keys} & {*second.job_keys}
        assert not {*first.input_keys} & {*second.input_keys}
        assert list(statuses(reader, workflow)) == second.job_keys
        assert records(reader, workflow, role="input") == dict(
            zip(second.input_keys, [b'{"i":0}', b'{"i":1}'], strict=True)
        )

    def test_a_deletion_that_was_stopped_is_finished_by_the_same_call(
        self,
        store: Store,
        reader: Store,
        store_kind: StoreKind,
        workflow: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(parallel, "TELL_S", 0.01)  # so that few jobs do
        added = store.add_jobs(workflow, new_jobs(150, outputs=True))
        gone = added.job_keys[:-1]

        def stop(done: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.delete_jobs(workflow, gone, report=stop)
        left = list(statuses(reader, workflow))
        assert len(left) == 150 or (store_kind.server and 1 <= len(left) < 150)
        store.delete_jobs(workflow, gone)
        assert list(statuses(reader, workflow)) == added.job_keys[-1:]
        assert list(records(reader, workflow)) == [added.input_keys[-1], added.output_keys[-1]]

    # user_data

    @pytest.mark.parametrize(
        "raw",
        [
            b"null", b"true", b"1", b"1.0", b"-0.0", b"0.1000", b"1e2", b"123456789012345678901234567890",
            b'"x"', '"ü\u2028"'.encode(), b'"\\u0000\\n\\ud83d"', b"[]", b"{}", b'{"a":1,"a":2}',
            b'{"b":1,"a":{"c":[1,2.50,null]}}', b"[1,1.0,-0.0,0.1000,1e2]", b"[18446744073709551615]",
        ],
    )  # fmt: skip
    def test_raw_json_reads_back_as_it_is_kept(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str, raw: bytes
    ) -> None:
        try:
            (kept,) = store.kept([raw])
        except RefusedError:
            assert not store_kind.keeps_all_json
            with pytest.raises(RefusedError):
                store.add_user_data(workflow, [raw])
            assert records(reader, workflow) == {}
            return
        store.add_user_data(workflow, [b"{}"])
        name = None if store_kind.roles_are_of_records else "n"
        (key,) = store.add_user_data(workflow, [raw], names=[name])
        found = records(reader, workflow)[key]
        if store_kind.keeps_all_json:
            assert found == kept == raw
        record = reader.get_user_data(workflow, key)
        assert (record.key, record.workflow_key, record.name) == (key, workflow, name)
        assert not record.is_ephemeral
        for data in (json.loads(found), record.data, json.loads(kept)):
            assert exactly(data) == exactly(json.loads(raw))
        if raw != b"null":
            store.update_user_data(workflow, [key], [b'{"i":0}'])
            store.update_user_data(workflow, [key], [raw])
            assert records(reader, workflow)[key] == found

    def test_records_keep_their_order_names_and_links(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        a, b = store.add_jobs(workflow, new_jobs(2, inputs=[None, None])).job_keys
        bare = store_kind.roles_are_of_records
        names = [None] * 4 if bare else ["x", None, "", "y"]
        data = [b'{"i":0}', b'{"i":1}', b'{"i":2}', b'{"i":3}']
        added = store.add_user_data(workflow, data[:3], job_keys=[b, None, a], names=names[:3], role="output")
        (last,) = store.add_user_data(
            workflow, data[3:], job_keys=[b], role="input", names=names[3:], is_ephemeral=not bare
        )
        assert list(records(reader, workflow).items()) == list(zip([*added, last], data, strict=True))
        with reader.snapshot(workflow) as snapshot:
            (page,) = snapshot.user_data()
        assert page.names == names
        assert links(reader, workflow) == [
            (a, added[2], "output"),
            (b, added[0], "output"),
            (b, last, "input"),
        ]
        assert reader.get_user_data(workflow, last).is_ephemeral is not bare
        assert list(records(reader, workflow, job_key=b)) == [added[0], last]
        assert list(records(reader, workflow, job_key=b, role="output")) == [added[0]]
        assert list(records(reader, workflow, job_key=b, role="input")) == [last]
        assert records(reader, workflow, job_key=a, role="input") == {}
        assert list(records(reader, workflow, role="output")) == [added[0], added[2]]

    def test_what_is_ephemeral_is_told_of_each_record(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        only(not store_kind.roles_are_of_records, "its records are never ephemeral")
        a, b, c = store.add_user_data(workflow, [b'{"i":1}'] * 3, is_ephemeral=[True, False, True])
        with reader.snapshot(workflow) as snapshot:
            assert column(snapshot.user_data(), "keys") == [a, b, c]
            assert snapshot.ephemeral() == {a, c}
        assert [reader.get_user_data(workflow, key).is_ephemeral for key in (a, b, c)] == [True, False, True]

    def test_a_link_needs_no_role_where_the_store_does_without(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        (job,) = store.add_jobs(workflow, new_jobs(1, inputs=[None])).job_keys
        if store_kind.links_need_roles:
            with pytest.raises(RefusedError, match="role"):
                store.add_user_data(workflow, [b"{}"], job_keys=[job])
            assert records(reader, workflow) == {}
        else:
            (key,) = store.add_user_data(workflow, [b"{}"], job_keys=[job])
            assert links(reader, workflow) == [(job, key, None)]

    def test_counts_agree_with_what_is_read(self, store: Store, reader: Store, workflow: str) -> None:
        a, b = store.add_jobs(workflow, new_jobs(2, outputs=True)).job_keys
        store.add_user_data(workflow, [b'{"i":1}', b'{"i":2}'], job_keys=[a, None], role="output")
        choices: Sequence[dict[str, Any]] = [
            {}, {"job_key": a}, {"job_key": b}, {"role": "input"}, {"job_key": a, "role": "output"},
        ]  # fmt: skip
        for chosen in choices:
            with reader.snapshot(workflow) as snapshot:
                assert snapshot.count_user_data(**chosen) == len(records(reader, workflow, **chosen)) > 0

    def test_columns_of_different_lengths_are_refused(self, store: Store, workflow: str) -> None:
        (key,) = store.add_user_data(workflow, [b'{"i":1}'])
        before = rev(store, workflow)
        with pytest.raises(RefusedError):
            store.add_user_data(workflow, [b'{"i":1}'], job_keys=[])
        with pytest.raises(RefusedError):
            store.add_user_data(workflow, [b'{"i":1}'], names=["a", "b"])
        with pytest.raises(RefusedError):
            store.update_user_data(workflow, [key], [])
        with pytest.raises(RefusedError):
            store.update_user_data(workflow, [key], [b'{"i":2}'], revs=[])
        with pytest.raises(RefusedError) as caught:
            store.add_user_data(workflow, [b'{"i":1}', b"\xff", b'{"i":2}', b"\xfe"])
        assert [problem.row for problem in caught.value.problems] == [1, 3]
        assert (rev(store, workflow), records(store, workflow)) == (before, {key: b'{"i":1}'})

    def test_a_record_that_is_not_json_is_unreadable_or_refused(
        self, store: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        if not store_kind.keeps_all_json:
            with pytest.raises(RefusedError) as refused:
                store.add_user_data(workflow, [b"{}", b"{", b"NaN", b"[1] 2", b""])
            assert [problem.row for problem in refused.value.problems] == [1, 2, 3, 4]
            assert records(store, workflow) == {}
            return
        keys = store.add_user_data(workflow, [b"{", b"NaN", b"1 2", b""])
        for key in keys:
            with pytest.raises(UnreadableRecordError) as caught:
                store.get_user_data(workflow, key)
            assert caught.value.key == key
        assert list(records(store, workflow).values()) == [b"{", b"NaN", b"1 2", b""]

    def test_a_record_of_another_workflow_is_not_found(self, store: Store, workflow: str) -> None:
        (mine,) = store.add_user_data(workflow, [b'{"i":1}'])
        other = store.workflows()[-1].key
        before = records(store, other)
        for key, where in [(mine, other), *((key, workflow) for key in NOWHERE)]:
            for call in (
                lambda key, where: store.get_user_data(where, key),
                lambda key, where: store.update_user_data(where, [key], [b'{"i":2}']),
                lambda key, where: store.delete_user_data(where, [key]),
            ):
                with pytest.raises(NotFoundError) as caught:
                    call(key, where)
                assert (caught.value.kind, caught.value.keys) == ("user_data", (key,))
        assert (records(store, workflow), records(store, other)) == ({mine: b'{"i":1}'}, before)

    def test_updates_are_all_or_nothing(self, store: Store, reader: Store, workflow: str) -> None:
        a, b = store.add_user_data(workflow, [b'{"i":1}', b'{"i":2}'])
        before = rev(store, workflow)
        with pytest.raises(NotFoundError):
            store.update_user_data(workflow, [a, "999", b], [b'{"i":7}', b'{"i":8}', b'{"i":9}'])
        assert (rev(reader, workflow), records(reader, workflow)) == (before, {a: b'{"i":1}', b: b'{"i":2}'})
        revs = store.update_user_data(workflow, [b, a], [b'{"i":20}', b'{"i":10}'])
        assert records(reader, workflow) == {a: b'{"i":10}', b: b'{"i":20}'}
        assert revs == [reader.get_user_data(workflow, key).rev for key in (b, a)]

    def test_an_update_of_a_changed_record_is_a_conflict(
        self, store: Store, reader: Store, workflow: str
    ) -> None:
        a, b = store.add_user_data(workflow, [b'{"i":1}', b'{"i":2}'])
        seen = [reader.get_user_data(workflow, key).rev for key in (a, b)]
        store.update_user_data(workflow, [b], [b'{"i":3}'])
        with pytest.raises(ConflictError, match=b):
            reader.update_user_data(workflow, [a, b], [b'{"i":4}', b'{"i":4}'], revs=seen)
        assert records(store, workflow) == {a: b'{"i":1}', b: b'{"i":3}'}
        reader.update_user_data(workflow, [a, b], [b'{"i":5}', b'{"i":5}'], revs=[seen[0], None])
        assert records(store, workflow) == {a: b'{"i":5}', b: b'{"i":5}'}

    def test_a_new_rev_is_good_for_the_next_update(self, store: Store, workflow: str) -> None:
        (key,) = store.add_user_data(workflow, [b'{"i":1}'])
        revs = store.update_user_data(workflow, [key], [b'{"i":2}'])
        revs = store.update_user_data(workflow, [key], [b'{"i":3}'], revs=revs)
        assert records(store, workflow) == {key: b'{"i":3}'}

    def test_data_that_is_there_already_may_be_written(
        self, store: Store, reader: Store, workflow: str
    ) -> None:
        a, b = store.add_user_data(workflow, [b'{"i":1}', b'{"i":2}'])
        told: list[int] = []
        revs = store.update_user_data(workflow, [a, b], [b'{"i":1}', b'{"i":3}'], report=told.append)
        assert sum(told) == 2
        assert revs == [reader.get_user_data(workflow, key).rev for key in (a, b)]
        assert records(reader, workflow) == {a: b'{"i":1}', b: b'{"i":3}'}
        store.update_user_data(workflow, [a], [b'{"i":4}'], revs=revs[:1])
        assert records(reader, workflow) == {a: b'{"i":4}', b: b'{"i":3}'}

    def test_deleting_records_deletes_their_links(self, store: Store, reader: Store, workflow: str) -> None:
        added = store.add_jobs(workflow, new_jobs(2, outputs=True))
        gone = [str(added.input_keys[1]), str(added.output_keys[0])]
        with pytest.raises(NotFoundError):
            store.delete_user_data(workflow, [*gone, "999"])
        assert len(records(reader, workflow)) == len(links(reader, workflow)) == 4
        store.delete_user_data(workflow, gone)
        left = [added.input_keys[0], added.output_keys[1]]
        assert list(records(reader, workflow)) == left
        assert [link[1] for link in links(reader, workflow)] == left
        with pytest.raises(NotFoundError):
            store.delete_user_data(workflow, gone[:1])
        assert list(statuses(reader, workflow)) == added.job_keys

    def test_keys_are_never_used_again(self, store: Store, workflow: str) -> None:
        keys = store.add_user_data(workflow, [b'{"i":1}', b'{"i":2}'])
        store.delete_user_data(workflow, keys)
        assert not set(keys) & set(store.add_user_data(workflow, [b'{"i":1}', b'{"i":2}']))

    # snapshots

    def test_a_snapshot_of_nothing_has_no_pages(self, store: Store, reader: Store) -> None:
        with reader.snapshot(store.add_workflow("empty").key) as snapshot:
            for read in (
                snapshot.jobs, snapshot.user_data, snapshot.links, snapshot.results, snapshot.dependencies,
            ):  # fmt: skip
                assert list(read()) == []
            assert snapshot.count_user_data() == 0
            snapshot.verify()

    @pytest.mark.usefixtures("small_pages")
    def test_pages_join_to_the_whole_and_requests_grow_with_pages(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        self.check_pages(store, reader, workflow, min(store_kind.many // 4, 1_000))

    @pytest.mark.long
    def test_large_pages_join_to_the_whole(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        self.check_pages(store, reader, workflow, store_kind.many)

    def check_pages(self, store: Store, reader: Store, workflow: str, count: int) -> None:
        added = store.add_jobs(workflow, new_jobs(count, outputs=True))
        store.add_jobs(
            workflow, new_jobs(count, depends_on=[[key] for key in added.job_keys], inputs=[None] * count)
        )
        with reader.snapshot(workflow) as snapshot:
            assert len(column(snapshot.jobs(), "keys")) == 2 * count
            pages = list(snapshot.user_data(role="input"))
            assert column(pages, "keys") == added.input_keys
            assert b"\n".join(page.data for page in pages).split(b"\n") == [
                b'{"i":%d}' % i for i in range(count)
            ]
            pages = list(snapshot.links())
            assert column(pages, "job_keys") == [key for key in added.job_keys for _ in range(2)]
            assert len(set(column(pages, "record_keys"))) == 2 * count
            assert column(snapshot.dependencies(), "depends_on_keys") == added.job_keys
            assert snapshot.requests < 40

    @pytest.mark.usefixtures("small_pages")
    def test_iterators_may_be_asked_for_anew_and_interleaved(self, store: Store, workflow: str) -> None:
        store.add_jobs(workflow, new_jobs(500))
        with store.snapshot(workflow) as snapshot:
            first, second = snapshot.user_data(), snapshot.user_data()
            assert next(first) == next(second)
            assert column(snapshot.jobs(), "keys") == column(snapshot.jobs(), "keys")
            assert list(first) == list(second)

    @pytest.mark.usefixtures("small_pages")
    def test_a_snapshot_shows_one_moment_or_says_that_it_does_not(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        keys = store.add_jobs(workflow, new_jobs(240, outputs=True)).job_keys
        with ThreadPoolExecutor(1) as pool, reader.snapshot(workflow) as snapshot:
            pages = snapshot.user_data()
            seen = [next(pages)]
            added = pool.submit(store.add_user_data, workflow, [b'{"i":1}'], job_keys=keys[:1])
            removed = pool.submit(store.delete_user_data, workflow, [seen[0].keys[0]])
            if not store_kind.snapshots_hold_up_writers:
                wait([added, removed])
            try:
                seen += pages
                snapshot.verify()
            except ConflictError:
                return
            assert len(column(seen, "keys")) == snapshot.count_user_data() == 480
            assert len(column(snapshot.links(), "job_keys")) == 480
        removed.result()
        assert added.result()[0] in records(reader, workflow)

    def test_since_yields_what_was_added_or_updated(
        self, store: Store, reader: Store, store_kind: StoreKind, workflow: str
    ) -> None:
        if not store_kind.has_revs:
            with store.snapshot(workflow) as snapshot:
                for ask in (snapshot.removed, lambda since: list(snapshot.user_data(since=since))):
                    with pytest.raises(RefusedError, match="rev"):
                        ask("1")
            return
        a, b, c = store.add_user_data(workflow, [b'{"i":1}', b'{"i":2}', b'{"i":3}'])
        since = str(rev(store, workflow))
        assert records(reader, workflow, since=since) == {}
        (d,) = store.add_user_data(workflow, [b'{"i":4}'])
        store.update_user_data(workflow, [b], [b'{"i":5}'])
        assert records(reader, workflow, since=since) == {b: b'{"i":5}', d: b'{"i":4}'}
        store.delete_user_data(workflow, [d])
        store.delete_user_data(workflow, [c, a])
        assert records(reader, workflow, since=since) == {b: b'{"i":5}'}
        with reader.snapshot(workflow) as snapshot:
            removed = snapshot.removed(since)
            assert removed[0] == d
            assert set(removed[1:]) == {a, c}
            assert snapshot.removed(str(snapshot.workflow.rev)) == []

    def test_a_closed_store_opens_again(self, store: Store, reader: Store, workflow: str) -> None:
        store.close()
        store.close()
        (key,) = store.add_user_data(workflow, [b'{"i":1}'])
        store.close()
        assert records(reader, workflow) == records(store, workflow) == {key: b'{"i":1}'}

    def test_writes_from_many_threads_are_all_kept(self, store: Store, reader: Store, workflow: str) -> None:
        def add(i: int) -> list[str]:
            return store.add_user_data(workflow, [b'{"i":%d}' % i] * 3)

        with ThreadPoolExecutor(8) as pool:
            keys = list(pool.map(add, range(50)))
        found = records(reader, workflow)
        assert len(found) == 150
        assert all(found[key] == b'{"i":%d}' % i for i, batch in enumerate(keys) for key in batch)


def end(store: RunnableStore, workflow: str, job: JobRecord, status: str, code: int = 0) -> None:
    """Finish a run of a job."""
    times = "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:01+00:00"
    store.finish_job(workflow, RunResult(job.key, job.run_id, status, code, *times))


def run(store: RunnableStore, workflow: str, key: str, status: str = "completed") -> None:
    """Start and finish a job."""
    (job,) = store.start_jobs(workflow, [key], "me")
    end(store, workflow, job, status)


class TestRunnableStore:
    """The promises of `RunnableStore`."""

    @pytest.fixture(autouse=True)
    def runs_jobs(self, store_kind: StoreKind) -> None:
        """Leave out stores whose jobs torc runs."""
        only(store_kind.runs_jobs, "torc runs its jobs")

    @pytest.fixture
    def diamond(self, store: RunnableStore, workflow: str) -> list[str]:
        """Four jobs: b and c wait for a, d for both."""
        (a,) = store.add_jobs(workflow, new_jobs(1)).job_keys
        b, c = store.add_jobs(workflow, new_jobs(2, depends_on=[[a], [a]])).job_keys
        (d,) = store.add_jobs(workflow, new_jobs(1, depends_on=[[b, c]])).job_keys
        return [a, b, c, d]

    def test_only_ready_jobs_start(
        self, store: RunnableStore, reader: RunnableStore, workflow: str, diamond: list[str]
    ) -> None:
        (job,) = store.start_jobs(workflow, [*diamond[::-1], diamond[0]], "me")
        assert (job.key, job.status, job.run_id) == (diamond[0], "running", 1)
        assert reader.get_job(job.key) == job
        before = rev(store, workflow)
        assert reader.start_jobs(workflow, diamond, "other") == []
        assert rev(store, workflow) == before
        assert reader.runners(workflow) == {job.key: "me"}

    def test_jobs_start_in_the_order_they_were_asked_for(self, store: RunnableStore, workflow: str) -> None:
        keys = store.add_jobs(workflow, new_jobs(5)).job_keys[::-1]
        assert [job.key for job in store.start_jobs(workflow, keys, "me")] == keys

    def test_each_job_is_started_by_one_runner(self, store: RunnableStore, workflow: str) -> None:
        keys = store.add_jobs(workflow, new_jobs(40)).job_keys
        with ThreadPoolExecutor(8) as pool:
            started = pool.map(
                lambda i: [job.key for key in keys for job in store.start_jobs(workflow, [key], f"r{i}")],
                range(8),
            )
        assert sorted(key for some in started for key in some) == sorted(keys)

    def test_success_unblocks_jobs_that_wait_for_nothing_else(
        self, store: RunnableStore, reader: RunnableStore, workflow: str, diamond: list[str]
    ) -> None:
        seen = []
        for key in diamond:
            run(store, workflow, key)
            seen.append([status[0] for status in statuses(reader, workflow).values()])
        assert ["".join(row) for row in seen] == ["crrb", "ccrb", "cccr", "cccc"]
        with reader.snapshot(workflow) as snapshot:
            (page,) = snapshot.results()
            (named,) = snapshot.results(labels=True)
            names = {job.key: job.name for page in snapshot.jobs() for job in page.jobs(workflow)}
        assert named.more["job_name"] == [names[key] for key in named.job_keys]
        assert page.job_keys == diamond
        assert (page.run_ids, page.statuses, page.return_codes) == ([1] * 4, ["completed"] * 4, [0] * 4)
        assert page.start_times[0] < page.end_times[0]
        assert reader.runners(workflow) == {}

    @pytest.mark.parametrize("status", ["failed", "canceled"])
    def test_failure_cancels_dependents_directly_or_not(
        self, store: RunnableStore, reader: RunnableStore, workflow: str, diamond: list[str], status: str
    ) -> None:
        run(store, workflow, diamond[0], status)
        assert list(statuses(reader, workflow).values()) == [status, "canceled", "canceled", "canceled"]

    def test_failure_cancels_no_other_job(
        self, store: RunnableStore, workflow: str, diamond: list[str]
    ) -> None:
        run(store, workflow, diamond[0])
        run(store, workflow, diamond[1], "failed")
        assert list(statuses(store, workflow).values()) == ["completed", "failed", "ready", "canceled"]
        run(store, workflow, diamond[2])
        assert statuses(store, workflow)[diamond[3]] == "canceled"

    def test_a_reset_brings_back_what_was_canceled(
        self, store: RunnableStore, reader: RunnableStore, workflow: str, diamond: list[str]
    ) -> None:
        run(store, workflow, diamond[0], "failed")
        store.reset_jobs(workflow, [diamond[0]])
        assert list(statuses(reader, workflow).values()) == ["ready", "blocked", "blocked", "blocked"]
        (job,) = store.start_jobs(workflow, diamond, "me")
        assert job.run_id == 2
        end(store, workflow, job, "completed")
        for key in diamond[1:]:
            run(store, workflow, key)
        assert set(statuses(reader, workflow).values()) == {"completed"}
        with reader.snapshot(workflow) as snapshot:
            (page,) = snapshot.results()
        assert (page.job_keys[:2], page.run_ids[:2]) == ([diamond[0]] * 2, [1, 2])
        assert page.statuses[:2] == ["failed", "completed"]

    def test_a_reset_of_a_dependent_alone_leaves_it_blocked(
        self, store: RunnableStore, workflow: str, diamond: list[str]
    ) -> None:
        run(store, workflow, diamond[0], "failed")
        store.reset_jobs(workflow, [diamond[3]])
        assert list(statuses(store, workflow).values()) == ["failed", "canceled", "canceled", "blocked"]

    def test_a_reset_blocks_ready_jobs_that_wait_again(
        self, store: RunnableStore, workflow: str, diamond: list[str]
    ) -> None:
        run(store, workflow, diamond[0])
        run(store, workflow, diamond[1])
        store.reset_jobs(workflow, [diamond[0]])
        assert list(statuses(store, workflow).values()) == ["ready", "completed", "blocked", "blocked"]
        run(store, workflow, diamond[0])
        assert list(statuses(store, workflow).values()) == ["completed", "completed", "ready", "blocked"]

    def test_a_reset_of_all_jobs_starts_from_the_beginning(
        self, store: RunnableStore, workflow: str, diamond: list[str]
    ) -> None:
        for key in diamond:
            run(store, workflow, key)
        store.reset_jobs(workflow, diamond)
        assert list(statuses(store, workflow).values()) == ["ready", "blocked", "blocked", "blocked"]
        before = rev(store, workflow)
        store.reset_jobs(workflow, [])
        store.reset_jobs(workflow, diamond)
        assert rev(store, workflow) == before

    def test_a_run_that_is_not_the_current_one_is_a_conflict(
        self, store: RunnableStore, workflow: str, diamond: list[str]
    ) -> None:
        (first,) = store.start_jobs(workflow, [diamond[0]], "me")
        store.reset_jobs(workflow, [diamond[0]])
        assert store.runners(workflow) == {}
        with pytest.raises(ConflictError):
            end(store, workflow, first, "completed")
        (second,) = store.start_jobs(workflow, [diamond[0]], "me")
        with pytest.raises(ConflictError):
            end(store, workflow, first, "completed")
        end(store, workflow, second, "completed")
        with pytest.raises(ConflictError):
            end(store, workflow, second, "completed")
        with store.snapshot(workflow) as snapshot:
            assert column(snapshot.results(), "run_ids") == [2]

    @pytest.mark.parametrize("status", ["ready", "running", "blocked", "done"])
    def test_a_run_ends_only_as_torc_says(self, store: RunnableStore, workflow: str, status: str) -> None:
        (key,) = store.add_jobs(workflow, new_jobs(1)).job_keys
        (job,) = store.start_jobs(workflow, [key], "me")
        with pytest.raises(RefusedError):
            end(store, workflow, job, status)
        assert store.get_job(key) == job

    def test_new_jobs_are_ready_where_all_dependencies_completed(
        self, store: RunnableStore, workflow: str
    ) -> None:
        a, b = store.add_jobs(workflow, new_jobs(2)).job_keys
        run(store, workflow, a)
        keys = store.add_jobs(workflow, new_jobs(3, depends_on=[[a], [a, b], []])).job_keys
        assert [store.get_job(key).status for key in keys] == ["ready", "blocked", "ready"]

    def test_empty_batches_of_runs_are_no_write(self, store: RunnableStore, workflow: str) -> None:
        before = rev(store, workflow)
        assert store.start_jobs(workflow, [], "me") == []
        store.reset_jobs(workflow, [])
        assert (rev(store, workflow), store.runners(workflow)) == (before, {})

    def test_commands_are_replaced_whatever_the_status(
        self, store: RunnableStore, reader: RunnableStore, workflow: str, diamond: list[str]
    ) -> None:
        run(store, workflow, diamond[0])
        (job,) = store.start_jobs(workflow, [diamond[1]], "me")
        store.update_commands(workflow, diamond, ["a", "b", "c", "d"])
        assert [reader.get_job(key).command for key in diamond] == ["a", "b", "c", "d"]
        assert list(statuses(reader, workflow).values()) == ["completed", "running", "ready", "blocked"]
        assert reader.get_job(job.key).rev == job.rev
        end(store, workflow, job, "completed")

    def test_a_job_is_stale_whose_parameters_changed_after_its_run_began(
        self, store: RunnableStore, reader: RunnableStore, workflow: str
    ) -> None:
        added = store.add_jobs(workflow, new_jobs(3, outputs=True))
        a, b, _ = added.job_keys

        def stale() -> Any:
            with reader.snapshot(workflow) as snapshot:
                return dict(snapshot.stale() or {})

        def change(at: int, data: bytes) -> None:
            store.update_user_data(workflow, [str(added.input_keys[at])], [data])

        run(store, workflow, a)
        (job,) = store.start_jobs(workflow, [b], "me")
        assert stale() == {}
        change(1, b'{"i":9}')
        end(store, workflow, job, "completed")
        assert stale() == {b: True}
        change(0, b'{"i":9}')
        change(2, b'{"i":9}')  # it never ran
        assert stale() == {a: True, b: True}
        store.reset_jobs(workflow, [a])
        run(store, workflow, a)
        store.update_user_data(workflow, [str(added.output_keys[0])], [b'{"y":1}'])
        assert stale() == {b: True}

    def test_outputs_of_earlier_runs_are_dropped(
        self, store: RunnableStore, reader: RunnableStore, workflow: str
    ) -> None:
        added = store.add_jobs(workflow, new_jobs(1, outputs=True))
        (key,), (results,) = added.job_keys, map(str, added.output_keys)
        (before,) = store.add_user_data(workflow, [b'{"i":0}'], job_keys=[key], role="output")
        (job,) = store.start_jobs(workflow, [key], "me")
        store.drop_outputs(workflow, key)  # there are none
        (logged,) = store.add_user_data(workflow, [b'{"i":1}'], job_keys=[key], role="output")
        store.update_user_data(workflow, [results], [b'{"y":1}'])
        end(store, workflow, job, "completed")
        store.drop_outputs(workflow, key)  # it does not run
        assert set(records(reader, workflow, role="output")) == {results, before, logged}
        store.reset_jobs(workflow, [key])
        (job,) = store.start_jobs(workflow, [key], "me")
        with pytest.raises(ConflictError):
            store.drop_outputs(workflow, key, job.run_id - 1)
        store.drop_outputs(workflow, key, job.run_id)
        assert records(reader, workflow, role="output") == {results: b"{}", before: b'{"i":0}'}

    def test_runs_of_elsewhere_are_taken_over(
        self, store: RunnableStore, reader: RunnableStore, workflow: str, diamond: list[str]
    ) -> None:
        a, b, c, d = diamond
        times = "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:01+00:00"
        runs = ResultPage([a, b], [2, 1], ["completed", "failed"], [0, 3], [times[0]] * 2, [times[1]] * 2)
        before = content(store, workflow)
        with pytest.raises(RefusedError):
            store.add_runs(workflow, diamond, ["completed"], [1], runs)
        with pytest.raises(NotFoundError):
            store.add_runs(workflow, ["999"], ["completed"], [1], runs)
        assert content(store, workflow) == before
        store.add_runs(workflow, diamond, ["completed", "failed", "running", "blocked"], [2, 1, 4, 0], runs)
        assert statuses(reader, workflow) == {a: "completed", b: "failed", c: "ready", d: "blocked"}
        assert [reader.get_job(key).run_id for key in diamond] == [2, 1, 4, 0]
        with reader.snapshot(workflow) as snapshot:
            (page,) = snapshot.results()
        assert page == runs

    def test_what_does_not_exist_is_not_found(self, store: RunnableStore, workflow: str) -> None:
        (key,) = store.add_jobs(workflow, new_jobs(1)).job_keys
        other = store.workflows()[-1].key
        for where, job in [(workflow, "999"), (other, key)]:
            with pytest.raises(NotFoundError):
                store.start_jobs(where, [job], "me")
            with pytest.raises(NotFoundError):
                store.reset_jobs(where, [job])
            with pytest.raises(NotFoundError):
                store.finish_job(where, RunResult(job, 1, "completed", 0, "", ""))
        for call in (lambda: store.runners("999"), lambda: store.start_jobs("999", [], "me")):
            with pytest.raises(NotFoundError):
                call()
