from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.house import SERVERS, Ground, House, new_ground

collect_ignore = ["test_embedded.py"] if SERVERS else ["test_servers.py"]
"""What only one of the two deployments has, a test of the other can't ask for."""


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A database with its stores, made once and copied for each house."""
    ground = new_ground(tmp_path_factory.mktemp("ground"))
    yield ground
    ground.close()


@pytest.fixture(scope="session")
def house(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The product and its Amazon, running; for all stories that need no settings of their own."""
    with ground.running(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """A failure shows the last lines of every process of its house."""
    report = yield
    if report.failed:
        houses = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, House)]
        report.sections.extend(("logs of the house", house.told()) for house in houses)
    return report
