from __future__ import annotations

import pytest

from tests.trust.fault import Place, Servers, servers
from tests.trust.faults import all_faults


@pytest.fixture(scope="module")
def lent(tmp_path_factory):
    with servers(tmp_path_factory.mktemp("trust")) as lent:
        yield lent


@pytest.mark.parametrize("fault", all_faults(), ids=lambda fault: f"{fault.store}: {fault.title}")
def test_it_holds(fault, lent: Servers, tmp_path):
    for number in range(fault.small):
        folder = tmp_path / str(number)
        folder.mkdir()
        fault.attempt(Place(folder, number, lent))
