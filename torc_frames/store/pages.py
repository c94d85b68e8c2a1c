"""Pages of records cut down to what is wanted of them."""

from __future__ import annotations

from torc_frames.records import UserDataPage

__all__ = ["only"]


def only(page: UserDataPage, wanted: set[str]) -> list[UserDataPage]:
    """Return the records of a page whose keys are wanted, as one page or none."""
    if wanted.issuperset(page.keys):
        return [page]
    chosen = [at for at, key in enumerate(page.keys) if key in wanted]
    if not chosen:
        return []
    lines = page.lines()
    return [
        UserDataPage(
            keys=[page.keys[at] for at in chosen],
            names=[page.names[at] for at in chosen],
            revs=[page.revs[at] for at in chosen],
            data=b"\n".join([lines[at] for at in chosen]),
        )
    ]
