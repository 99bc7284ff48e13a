"""How fast staff see their pages when there is much: `python -m tests.bench.bench_pages [--purchases 1000000] …`.

On PostgreSQL, in a database of its own: three stores after 400 days (`tests.bench.large_shop`). Each page
(`tests.bench.pages`) is asked for by an administrator, a manager of all stores and staff of one, through Django's test
client: server time, without the network, and how much of it the database took. The number of queries is held against
a small database. It is told which index serves the slowest query of a page, as PostgreSQL plans it.
"""

import argparse
import json
import logging
import os
import re
import secrets
import statistics
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import django
import psycopg
from django.conf import settings

from tests.bench.bench_connector import SERVER

AIM = 300
"""Milliseconds at p95."""
TOLD, EXPLAINED = 40, 10
"""So many of the slowest are printed, and so many explained."""
PEOPLE = ("administrator", "manager", "staff")
SMALL = (2_000, 1_000, 200)
"""Purchases, products and promotions of the small database: most lists fill a page."""
MANY = 5_000
"""Reading fewer rows than these one after the other is no matter."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one page took; milliseconds."""

    page: str
    person: str
    median: float
    p95: float
    database: float
    queries: int
    sql: str
    """Of the slowest query."""

    @property
    def key(self) -> tuple[str, str]:
        return self.page, self.person


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=1_000_000)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--promotions", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=20, help="requests of each page by each person (%(default)s)")
    parser.add_argument("--only", default="", help="pages whose name matches this regular expression")
    parser.add_argument("--people", nargs="+", default=PEOPLE, choices=PEOPLE)
    parser.add_argument("--keep", default="", metavar="NAME", help="a database that is made once and then used again")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write what was measured of each page, as Markdown")
    parser.add_argument("--server", default=os.environ.get("BENCH_DATABASE_URL", SERVER))
    asked = parser.parse_args(words)
    set_up(asked.server)
    large = (asked.purchases, asked.products, asked.promotions)
    name = asked.keep or f"jwo_store_bench_{secrets.token_hex(4)}"
    with database(asked.server, f"{name}_small", SMALL, keep=bool(asked.keep)):
        small = {seen.key: seen.queries for seen in measure(2, asked.only, asked.people)}
    with database(asked.server, name, large, keep=bool(asked.keep)):
        seen = list(measure(asked.times, asked.only, asked.people))
        print(f"{large[0]:,} purchases, {large[1]:,} products, {large[2]:,} promotions; {asked.times} requests each; ")
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; milliseconds, aim {AIM} at p95")
        tell(seen, small)
        if asked.table:
            asked.table.write_text("\n".join(lines(seen)) + "\n")
    return 0


# --- Databases -----------------------------------------------------------------------------------------------------


def set_up(server: str) -> None:
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "jwo_store.settings",
            "JWO_ENVIRONMENT": "sandbox",
            "DATABASE_URL": server,
            "CELERY_BROKER_URL": "memory://",
            "SECRET_KEY": secrets.token_urlsafe(60),
            "ALLOWED_HOSTS": "testserver",
            "SECURE_SSL_REDIRECT": "off",
            "LOG_LEVEL": "ERROR",
        }
    )
    django.setup()
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STATIC_ROOT = Path(__file__).parent / "static"  # a place that is not there: no file is asked for
    logging.disable()  # that somebody may not see a page is no news
    warnings.filterwarnings("ignore", "No directory at")


@contextmanager
def database(server: str, name: str, size: tuple[int, int, int], *, keep: bool) -> Iterator[None]:
    """Ours while this lasts. Texts are ordered as people order them, so that no index helps a search by chance."""
    with psycopg.connect(server, autocommit=True) as beside:
        is_new = not beside.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if is_new:
            locale = "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
            beside.execute(f'CREATE DATABASE "{name}" {locale}')
        is_whole = not is_new
        try:
            connect_to(server, name)
            import_module("django.core.management").call_command("migrate", verbosity=0)
            if is_new:
                make(size)
            is_whole = True
            yield
        finally:
            hang_up()
            if not (keep and is_whole):
                beside.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def connect_to(server: str, name: str) -> None:
    hang_up()
    connection = import_module("django.db").connection
    connection.settings_dict["NAME"] = urlsplit(server)._replace(path=name).path


def hang_up() -> None:
    connection = import_module("django.db").connection
    connection.close()
    connection.close_pool()


def make(size: tuple[int, int, int]) -> None:
    shop, users = import_module("tests.bench.large_shop"), import_module("django.contrib.auth.models").User.objects
    began = perf_counter()
    administrator = users.create_superuser("administrator")
    shop.stock(*size, administrator.pk)
    shop.role("Manager", users.create_user("manager", is_staff=True))
    shop.role("Staff", users.create_user("staff", is_staff=True), "SHOP-1")
    print(f"filled with {size[0]:,} purchases in {perf_counter() - began:.0f} s", flush=True)


# --- Asking --------------------------------------------------------------------------------------------------------


def measure(times: int, only: str, who: Iterable[str]) -> Iterator[Seen]:
    people = {name: signed_in(name) for name in who}
    pages = import_module("tests.bench.pages").all_pages(signed_in("administrator"))
    import_module("jwo_store.garbage").collect_seldom()  # as a process that serves
    for page in pages:
        if re.search(only, page.name):
            for name, client in people.items():
                yield from ask(page, name, client, times)


def signed_in(name: str) -> Any:
    client = import_module("django.test").Client()
    client.force_login(import_module("django.contrib.auth.models").User.objects.get(username=name))
    return client


def ask(page: Any, person: str, client: Any, times: int) -> Iterator[Seen]:
    """Nothing where the page is not this person's."""
    database = import_module("django.db")
    database.reset_queries()  # it keeps the last 9,000
    with import_module("django.test.utils").CaptureQueriesContext(database.connection) as captured:
        answer = client.get(page.url)
    if answer.status_code in (403, 404):
        return
    assert answer.status_code in (200, 302), f"{page.url} answers {person} with {answer.status_code}"
    slowest = max(captured.captured_queries, key=lambda query: float(query["time"]))
    spent = [timed(client, page.url) for _ in range(times)]
    whole = sorted(one for one, _, _ in spent)
    yield Seen(
        page.name,
        person,
        statistics.median(whole),
        whole[ceil(len(whole) * 0.95) - 1],
        statistics.median(part for _, part, _ in spent),
        min(count for _, _, count in spent),  # now and then a request notes besides that somebody is still there
        slowest["sql"],
    )


def timed(client: Any, url: str) -> tuple[float, float, int]:
    """One request: all of it, what the database took, and how many queries."""
    each: list[float] = []

    def stop(execute: Any, *told: Any) -> Any:
        began = perf_counter()
        try:
            return execute(*told)
        finally:
            each.append(perf_counter() - began)

    began = perf_counter()
    with import_module("django.db").connection.execute_wrapper(stop):
        client.get(url)
    return (perf_counter() - began) * 1000, sum(each) * 1000, len(each)


# --- Telling -------------------------------------------------------------------------------------------------------


def tell(seen: Sequence[Seen], small: Mapping[tuple[str, str], int]) -> None:
    by_time = sorted(seen, key=lambda one: -one.p95)
    slow = [one for one in by_time if one.p95 > AIM]
    print(f"{len(seen)} pages; {len(slow)} over the aim\n")
    print(f"{'':64}{'median':>8}{'p95':>8}{'database':>10}{'queries':>9}")
    for one in by_time[: max(TOLD, len(slow))]:
        print(f"{row_name(one):64}{one.median:>8.0f}{one.p95:>8.0f}{one.database:>10.0f}{one.queries:>9}")
    grown = [one for one in seen if one.queries > small.get(one.key, one.queries)]
    print(f"\nmore queries than with the small database: {len(grown) or 'nowhere'}")
    for one in grown:
        print(f"{row_name(one):64}{small[one.key]:>8} in the small one, {one.queries} in the large one")
    print(f"\nwhat serves the slowest query of the {EXPLAINED} slowest pages")
    for one in each_page_once(by_time)[:EXPLAINED]:
        print(f"{row_name(one):64} {'; '.join(served_by(one.sql))}")


def lines(seen: Iterable[Seen]) -> Iterator[str]:
    """Each page as the person sees it for whom it takes longest, with what serves its slowest query."""
    yield "| page | p50 | p95 | in the database | queries | what serves it |"
    yield "|---|---|---|---|---|---|"
    for one in each_page_once(sorted(seen, key=lambda one: -one.p95)):
        figures = f"{one.median:.0f} | {one.p95:.0f} | {one.database:.0f} | {one.queries}"
        yield f"| {one.page} ({one.person}) | {figures} | {'; '.join(served_by(one.sql))} |"


def row_name(one: Seen) -> str:
    return f"{one.page} ({one.person})"[:63]


def each_page_once(seen: Iterable[Seen]) -> list[Seen]:
    found: dict[str, Seen] = {}
    for one in seen:
        found.setdefault(one.page, one)
    return list(found.values())


def served_by(sql: str) -> list[str]:
    """The indexes of the plan, and the tables of which all rows are read."""
    if not sql.lstrip("( ").upper().startswith(("SELECT", "WITH")):
        return ["no query that reads"]
    with import_module("django.db").connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}".replace("%", "%%"), [])
        plan = cursor.fetchone()[0]
    found = plan if isinstance(plan, list) else json.loads(plan)
    return list(dict.fromkeys(served(found[0]["Plan"]))) or ["small tables alone"]


def served(node: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in node:
        yield f"{node['Index Name']} ({node['Plan Rows']:,} rows)"
    elif node["Node Type"] == "Seq Scan" and rows_of(node["Relation Name"]) > MANY:
        yield f"reads all rows of {node['Relation Name']}"
    for part in node.get("Plans", ()):
        yield from served(part)


def rows_of(table: str) -> float:
    with import_module("django.db").connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        return float(cursor.fetchone()[0])


if __name__ == "__main__":
    sys.exit(main())
