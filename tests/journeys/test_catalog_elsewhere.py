"""With other people's stand-ins: the queue is moto's SQS, reports lie in moto's S3, a subscription is moto's SNS's.

moto seals messages with a certificate that only Amazon's own address would vouch for, so its topic delivers raw; what
is sealed the test puts on the queue itself.
"""

from collections.abc import Iterator

import pytest

from tests.journeys import catalog
from tests.journeys.catalog import CATALOG, FIT
from tests.journeys.elsewhere import Elsewhere
from tests.journeys.house import Ground, House, Plan
from tests.journeys.processes import until
from tests.journeys.seals import Seals

pytestmark = pytest.mark.journey

WITHIN = 30.0


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    elsewhere = Elsewhere()
    yield elsewhere
    elsewhere.close()


@pytest.fixture(scope="module")
def house(ground: Ground, tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    ours = catalog.store_file(folder / "ours.json", [])
    options = ["--ingestion-seconds", "0.3", "--publish-to", elsewhere.topic, "--sns-endpoint", elsewhere.url]
    options += ["--reports-to", "s3://reports", "--s3-endpoint", elsewhere.url]
    settings = {
        **CATALOG,
        "CATALOG_POLL_FIRST": "60",
        "CATALOG_QUEUE_URL": elsewhere.queue,
        "CATALOG_TOPIC_ARN": elsewhere.topic,
        "AWS_ENDPOINT_URL_SQS": elsewhere.url,
        "AWS_ENDPOINT_URL_SNS": elsewhere.url,
    }
    with ground.house(folder, settings, Plan(ours, tuple(options))) as house:
        house.manage("loadstore", str(ours))
        house.start()
        yield house


def test_everything_is_live_by_motos_queue_and_bucket(house: House, elsewhere: Elsewhere) -> None:
    house.staff("upload changes")
    catalog.wait_for_rest(house, WITHIN)
    assert {item.state for item in catalog.items(house.records) if item.sku in FIT} == {"LIVE"}
    catalog.assert_both_agree(house)
    assert {(upload.status, upload.told_by) for upload in catalog.uploads(house.records)} == {("FINISHED", "asking")}
    until(lambda: {one.state for one in catalog.messages(house.records)} == {"HANDLED"}, WITHIN, "messages are worked")
    assert {message.upload_id for message in catalog.messages(house.records)} == {
        upload.pk for upload in catalog.uploads(house.records)
    }
    assert elsewhere.reports()
    assert elsewhere.left() == 0
    hosts = house.records.rows("SELECT DISTINCT host FROM catalog_uploadcall WHERE kind = 'REPORT'")
    assert all(host.startswith(f"{elsewhere.url}/reports/") for (host,) in hosts)


def test_a_sealed_message_on_motos_queue_ends_an_upload(house: House, elsewhere: Elsewhere, seals: Seals) -> None:
    catalog.rename(house, "TEA", "Example Tea of moto 500 ml")
    switch = house.amazon.misbehave("ingestion_never_ends")
    last = len(catalog.uploads(house.records))
    house.staff("upload changes")

    def new() -> list[catalog.Upload]:
        return catalog.uploads(house.records)[last:]

    until(lambda: [upload.status for upload in new()] == ["FOLLOWED"] * 2, WITHIN, "both are taken in")
    house.amazon.behave(switch)
    for upload in new():
        house.amazon.misbehave("notice_none", times=1)
        house.amazon.finish(str(upload.ingestion_id))
        elsewhere.put(seals.notification(str(upload.ingestion_id), "DONE", TopicArn=elsewhere.topic))
    catalog.wait_for_rest(house, WITHIN)
    assert {upload.told_by for upload in new()} == {"message"}
    catalog.assert_both_agree(house)


def test_a_subscription_is_confirmed_at_motos_sns(house: House, elsewhere: Elsewhere, seals: Seals) -> None:
    confirmation = seals.confirmation(
        f"{elsewhere.url}/?Action=ConfirmSubscription", "a" * 64, TopicArn=elsewhere.topic
    )
    assert house.records.rows(CONFIRMED) == [(None,)]
    elsewhere.put(confirmation)
    until(
        lambda: catalog.messages(house.records)[-1].reason == "The subscription is confirmed.",
        WITHIN,
        "it is confirmed",
    )
    assert house.records.rows(CONFIRMED) != [(None,)]


CONFIRMED = "SELECT confirmed_at FROM catalog_queuereading"
