"""What jobs need, as documents of a service of 2023, whose names say what was not given."""

from __future__ import annotations

from torc_frames.store.records import Resources
from torc_frames.store.wire.legacy import Need, encode

__all__ = ["body_of", "name_of", "resources_of"]


def name_of(resources: Resources) -> str:
    """Return a name for what a job needs, one for all jobs that need the same.

    Examples
    --------
    >>> name_of(Resources(4, memory="2g"))
    '4 cpus, 0 gpus, 2g, any runtime'
    """
    memory, runtime = resources.memory or "any memory", resources.runtime or "any runtime"
    return f"{resources.num_cpus} cpus, {resources.num_gpus} gpus, {memory}, {runtime}"


def body_of(resources: Resources) -> bytes:
    """Return the document that is added; the service fills in its defaults for what is not given."""
    given = {
        "name": name_of(resources),
        "num_cpus": resources.num_cpus,
        "num_gpus": resources.num_gpus,
        "memory": resources.memory or None,
        "runtime": resources.runtime or None,
    }
    return encode({name: value for name, value in given.items() if value is not None})


def resources_of(need: Need | None) -> Resources:
    """Return what a job needs; a service's defaults count as not given only where the name says so."""
    if need is None or not need.key:
        return Resources()
    memory, runtime = need.memory, need.runtime
    for given in ((None, None), (None, runtime), (memory, None)):
        resources = Resources(need.num_cpus, need.num_gpus, *given)
        if name_of(resources) == need.name:
            return resources
    return Resources(need.num_cpus, need.num_gpus, memory, runtime)
