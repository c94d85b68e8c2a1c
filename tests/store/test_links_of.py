"""The links of a few records of a torc-server are found without reading all there are."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from torc_frames.store.v1 import links


@given(
    st.lists(st.integers(1, 260).flatmap(lambda n: st.sampled_from([1, 1, 1, n])), min_size=1, max_size=40),
    st.integers(1, 5),
    st.data(),
)
def test_all_links_of_a_record_are_found_wherever_they_are(jobs_of, gap, data):
    """Each record has so many jobs; ids have gaps."""
    rows = [(record * gap, job) for record, jobs in enumerate(jobs_of, 1) for job in range(1, jobs + 1)]

    def get(path: str, params: Mapping[str, object]) -> bytes:
        listed = rows[::-1] if params.get("reverse_sort") else rows
        offset, limit = int(params.get("offset", 0)), int(params.get("limit", 100_000))
        items = [
            {"user_data_id": record, "consumer_job_id": job, "consumer_job_name": f"j{job}"}
            for record, job in listed[offset : offset + limit]
        ]
        return msgspec.json.encode({"items": items, "total_count": len(rows)})

    wanted = data.draw(st.lists(st.integers(1, len(jobs_of) + 1).map(lambda n: n * gap), max_size=3))
    found = links.links_of(get, "1", wanted)
    assert list(zip(found.record_ids, found.job_ids, strict=True)) == sorted(
        {row for row in rows if row[0] in wanted}, key=lambda row: (row[1], row[0])
    )
