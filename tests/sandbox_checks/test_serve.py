"""The sandbox as a process, its page and its shelves."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.demo import Addresses, _environment
from tests.sandbox.pictures import UNKNOWN_PICTURE, picture_of
from tests.sandbox.server import Sandbox, Settings, SettingsError, secrets_from
from tests.sandbox.shelves import StoreFileError, read_store_file
from tests.sandbox.sigv4 import Credentials
from tests.sandbox_checks.conftest import SMALL_STORE
from tests.sandbox_checks.fake_product import call, control

SECRETS = {"SANDBOX_CONNECTOR_SECRET": "c", "SANDBOX_ACCESS_KEY": "a", "SANDBOX_SECRET_KEY": "s"}
START = [sys.executable, "-m", "tests.sandbox", "serve", "--store-file", str(SMALL_STORE)]
ROOT = Path(__file__).parents[2]


def run(*words: str, secrets: dict[str, str] = SECRETS) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
    return subprocess.run(
        [*START, *words], cwd=ROOT, env=environ | secrets, capture_output=True, text=True, timeout=20, check=False
    )


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    words = [*START, "--port", "0", "--state", str(tmp_path / "s.jsonl")]
    with subprocess.Popen(words, cwd=ROOT, env=os.environ | SECRETS, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_the_process_tells_its_address_and_ends_on_sigterm(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    told = process.stdout.readline()
    address = re.fullmatch(r"Amazon's side is at (http://127\.0\.0\.1:\d+), for the product at .*\n", told)
    assert address
    assert control(address[1], "GET", "health") == {"status": "ok", "stores": 2, "trips": 0}
    queue = f"{address[1]}/111122223333/jwo-catalog-results"
    topic = "arn:aws:sns:us-east-1:999988887777:jwo-catalog-ingestions"
    assert process.stdout.readline() == f"The queue is {queue}, its topic {topic}\n"
    told = control(address[1], "GET", "catalog")
    assert (told["queue"]["url"], told["subscription"]["topic_arn"]) == (queue, topic)
    assert told["settings"]["seconds"] == 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0


def test_a_port_in_use_is_one_clear_line(sandbox: Sandbox) -> None:
    port = sandbox.url.rpartition(":")[2]
    ended = run("--port", port)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"The sandbox can't listen on 127.0.0.1:{port}: Address already in use\n"


def test_the_demos_product_finds_the_catalog_the_queue_and_the_topic(sandbox: Sandbox, tmp_path: Path) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    environment = _environment(Addresses(8000, port), tmp_path)
    told = control(sandbox.url, "GET", "catalog")
    assert environment["CATALOG_QUEUE_URL"] == told["queue"]["url"]
    assert environment["CATALOG_TOPIC_ARN"] == told["subscription"]["topic_arn"]
    names = ("AMAZON_CATALOG_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_SNS")
    assert {environment[name] for name in names} == {sandbox.url}


def test_others_may_reach_it_by_another_address(make_settings: Callable[..., Settings]) -> None:
    with Sandbox(make_settings(public_url="http://amazon.example:81")) as sandbox:
        assert control(sandbox.url, "GET", "catalog")["queue"]["url"].startswith("http://amazon.example:81/1111")


def test_without_secrets_it_does_not_start() -> None:
    ended = run(secrets={"SANDBOX_ACCESS_KEY": "a"})
    assert (ended.returncode, ended.stderr) == (2, "Not set: SANDBOX_CONNECTOR_SECRET, SANDBOX_SECRET_KEY\n")


def test_a_region_is_said_by_the_environment() -> None:
    assert secrets_from(SECRETS) == ("c", Credentials("a", "s", "us-east-1"))
    assert secrets_from(SECRETS | {"SANDBOX_REGION": "eu-west-1"}) == ("c", Credentials("a", "s", "eu-west-1"))


def test_an_address_that_is_none_does_not_start(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match="'localhost:8000' is not an http address"):
        make_settings("localhost:8000")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "No such file"),
        ("{", "not well-formed"),
        ("{}", "lacks 'stores'"),
        ('{"stores": [3]}', "not well-formed"),
        ('{"stores": [], "products": [{"name": "x"}]}', "lacks 'sku'"),
    ],
)
def test_a_store_file_that_is_none_is_told(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "store.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(StoreFileError, match=words):
        read_store_file(file)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("sku", "store_id", "at", "label"),
    [
        ("COLA", "ARENA-1", "2026-02-01", "4.25"),  # the store's own before everybody's
        ("COLA", "PIECES-2", "2026-02-01", "2.49"),
        ("COLA", "ARENA-1", "2021-03-12", "3.75"),  # the temporary before the regular
        ("COLA", "PIECES-2", "2025-02-01", None),  # not yet in force
        ("UNPRICED", "ARENA-1", "2026-02-01", None),
    ],
)
def test_the_paper_label_is_the_price_in_force(sku: str, store_id: str, at: str, label: str | None) -> None:
    assert read_store_file(SMALL_STORE).label(sku, store_id, moment(at)) == label


def test_a_store_shows_what_it_lists_by_category(sandbox: Sandbox) -> None:
    arena, pieces = control(sandbox.url, "GET", "connection")["stores"]
    assert [shelf["category"] for shelf in arena["shelves"]] == ["Drinks", "Snacks", "Merchandise", "Other"]
    assert [shelf["category"] for shelf in pieces["shelves"]] == ["Drinks", "Snacks", "Other"]
    nuts = arena["shelves"][1]["products"][1]
    assert (nuts["name"], nuts["unit"], nuts["by_weight"], nuts["label"], nuts["picture"]) == (
        "Example Mixed Nuts",
        "lb",
        True,
        "8.99",
        "🥜",
    )
    assert (arena["amounts_are_per_piece"], pieces["amounts_are_per_piece"]) == (False, True)


@pytest.mark.parametrize(
    ("names", "picture"),
    [
        (("Home Team Scarf", "", "Merchandise"), "🧣"),
        (("Example Cola 500 ml", "Soft drinks", "Drinks"), "🥤"),
        (("Something", "", "Snacks"), "🍿"),
        (("Something", "Bakery", "Snacks"), "🥐"),
        (("Example", "", "Odds"), UNKNOWN_PICTURE),
    ],
)
def test_a_product_has_the_picture_of_its_name_or_else_of_its_category(names: tuple[str, ...], picture: str) -> None:
    assert picture_of(*names) == picture


def test_the_page_is_served_under_a_strict_policy_and_loads_nothing_from_elsewhere(sandbox: Sandbox) -> None:
    answer = call(sandbox.url, "GET", "/")
    page, policy = answer.text, answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert not re.search(r"https?://|style=|<script>|onclick", page)
    for name in set(re.findall(r'(?:src|href)="(/[^"]+)"', page)):
        assert call(sandbox.url, "GET", name).status == 200
    assert call(sandbox.url, "GET", "/gates.js").headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/../server.py", 404),
        ("GET", "/v1/checkout/carts", 405),
        ("PUT", "/control/trips", 405),
        ("GET", "/control/trips?after=x", 400),
    ],
)
def test_what_is_not_there_is_told(sandbox: Sandbox, method: str, target: str, status: int) -> None:
    assert call(sandbox.url, method, target).status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 200),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
        ({"Content-Type": "text/plain"}, 400),  # what a form of a foreign page could send
        ({"Content-Type": "application/json", "Host": "evil.example"}, 403),  # a rebound name
        ({"Content-Type": "application/json", "Host": "localhost:8001"}, 200),
        ({"Content-Type": "application/json", "Content-Length": "x"}, 400),
        ({"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, 400),
    ],
)
def test_strangers_pages_can_not_pull_the_strings(sandbox: Sandbox, headers: dict[str, str], status: int) -> None:
    assert call(sandbox.url, "POST", "/control/reset", b"{}", headers).status == status


def test_nothing_of_the_product_is_imported() -> None:
    imported: Any = subprocess.run(
        [sys.executable, "-c", "import tests.sandbox.__main__, sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    ours = {"jwo_store", "catalog", "pricing", "orders", "django", "botocore"}
    assert not ours & {name.partition(".")[0] for name in imported.stdout.split()}
