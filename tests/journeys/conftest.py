from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.journeys import catalog
from tests.journeys.house import SERVERS, Ground, House, Plan, new_ground
from tests.journeys.processes import until
from tests.journeys.seals import Seals

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


@pytest.fixture(scope="session")
def catalog_house(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that uploads its catalog when it is told to, and learns what became of it by messages."""
    folder = tmp_path_factory.mktemp("house")
    sold_in = [*catalog.CORNERS, *catalog.TOLD_STORES]
    products = [catalog.product(catalog.local(store), 100 + number, [store]) for number, store in enumerate(sold_in)]
    products += [catalog.product(sku, 200 + number, catalog.CORNERS) for number, sku in enumerate(catalog.OLD)]
    ours = catalog.store_file(folder / "ours.json", catalog.TOLD_STORES, products)
    plan = Plan(amazon_knows=ours, amazon_options=("--ingestion-seconds", "0.3"))
    seldom = {"CATALOG_POLL_FIRST": "60", "CATALOG_POLL_CAP": "60"}
    with ground.house(folder, {**catalog.CATALOG, **seldom}, plan) as house:
        house.manage("loadstore", str(ours))
        house.start()
        until(lambda: catalog.is_subscribed(house), 30.0, "the subscription is confirmed")
        yield house


@dataclass(frozen=True, slots=True)
class FirstUpload:
    """What was known when everything was at Amazon for the first time, before any story of this house."""

    told_by: set[str]
    told: Any


@pytest.fixture(scope="session")
def all_at_amazon(catalog_house: House) -> FirstUpload:
    """Sent by `manage.py uploadcatalog`; told by `manage.py catalogstatus`."""
    stores = len(catalog.TOLD_STORES) + len(catalog.CORNERS)
    items = stores * (len(catalog.FIT) + 1) + len(catalog.CORNERS) * len(catalog.OLD)
    said = catalog_house.manage("uploadcatalog")
    assert said == f"{stores} uploads with {items} items are to be sent by the worker.\n"
    catalog.wait_for_rest(catalog_house, 120.0)
    told_by = {upload.told_by for upload in catalog.uploads(catalog_house.records)}
    return FirstUpload(told_by, catalog.told_by_command(catalog_house))


@pytest.fixture(scope="session")
def first_upload(catalog_house: House, all_at_amazon: FirstUpload) -> House:
    """The same house when everything is at Amazon."""
    assert all_at_amazon
    return catalog_house


@pytest.fixture(scope="session")
def seals() -> Iterator[Seals]:
    seals = Seals()
    yield seals
    seals.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """A failure shows the last lines of every process of its house."""
    report = yield
    if report.failed:
        houses = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, House)]
        report.sections.extend(("logs of the house", house.told()) for house in houses)
    return report
