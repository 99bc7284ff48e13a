"""The product in its processes, in the deployment that the environment names, with its stand-in for Amazon.

Without `DATABASE_URL` it is the embedded product: one process, SQLite, a broker in memory. With it the three kinds of
process of production, on PostgreSQL and RabbitMQ, with a database and a queue of their own that go in the end.
"""

import os
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
from kombu.connection import Connection
from psycopg import sql

from tests.journeys.amazon import ACCESS_KEY, REGION, SECRET_KEY, Amazon
from tests.journeys.office import Office
from tests.journeys.processes import Process, free_port, run_python, until
from tests.journeys.records import PostgresRecords, Records, SqliteRecords
from tests.journeys.wire import SECRET, is_healthy

STORE_FILE = Path(__file__).with_name("store.json")
SERVERS = os.environ.get("DATABASE_URL", "").startswith(("postgres://", "postgresql://"))
BROKER = os.environ.get("CELERY_BROKER_URL") or "amqp://guest:guest@127.0.0.1:5672//"
READY_WITHIN = 60.0
READ_TIMEOUT, CALL_BOUND, LEASE = 3.0, 4.0, 8.0

Settings = Mapping[str, str]

SETTINGS: Settings = {
    "JWO_ENVIRONMENT": "sandbox",
    "SECRET_KEY": "journeys-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJ",
    "ALLOWED_HOSTS": "127.0.0.1",
    "CONNECTOR_SECRETS": SECRET,
    "CONNECTOR_CALLER_ARNS": "",
    "AWS_REGION": REGION,
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AMAZON_ROLE_ARN": "",
    "AMAZON_CATALOG_URL": "",
    "ALARM_EMAILS": "",
    "DEBUG": "off",
    "CHECKOUT_CONNECT_TIMEOUT": "1",
    "CHECKOUT_READ_TIMEOUT": f"{READ_TIMEOUT:g}",
    "CHECKOUT_LEASE": f"{LEASE:g}",
    "CHECKOUT_RETRY_BASE": "0.2",
    "CHECKOUT_RETRY_CAP": "0.5",
    "CHECKOUT_DEADLINE_HOURS": "24",
    "CHECKOUT_MISCONFIGURED_RETRY": "0.5",
    "CHECKOUT_UNKNOWN_TRIP_RETRIES": "0.4,0.8,1.2",
    "SWEEP_EVERY": "0.5",
    "DATABASE_POOL_SIZE": "6",
}
"""The product's own settings, with short times so that a story ends in seconds."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a house is made.

    `amazon_knows` is the store file that its Amazon reads, `amazon_options` what the sandbox is told beyond it.
    `workers` are as many processes where workers are processes at all.
    """

    amazon_knows: Path = STORE_FILE
    amazon_options: tuple[str, ...] = ()
    workers: int = 1


AS_USUAL = Plan()


class Ground(ABC):
    """A database with its tables and stores, made once; each house gets a copy."""

    @abstractmethod
    def house(self, folder: Path, settings: Settings, plan: Plan = AS_USUAL) -> "House":
        """A house on a copy of its own, not yet started."""

    @contextmanager
    def running(self, folder: Path, settings: Settings | None = None, plan: Plan = AS_USUAL) -> Iterator["House"]:
        """A house that runs, until it is left."""
        with self.house(folder, settings or {}, plan) as house:
            house.start()
            yield house

    @abstractmethod
    def close(self) -> None: ...


def prepare(settings: Settings, store_file: Path) -> None:
    run_python(["manage.py", "migrate", "-v0"], settings)
    run_python(["manage.py", "loadstore", str(store_file)], settings)


class House(ABC):
    """The product and its Amazon. As a context manager it stops all that it has started, whatever happened."""

    parts: tuple[str, ...]
    """What is killed in turn: see `kill`."""
    callers: tuple[str, ...]
    """Those of them that call Amazon."""

    def __init__(self, folder: Path, records: Records, settings: Settings, plan: Plan) -> None:
        """`{amazon}` in the value of a setting stands for the address of the sandbox."""
        self.folder = folder
        self.records = records
        self.port = free_port()
        self.amazon = Amazon(folder, plan.amazon_knows, self.url, plan.amazon_options)
        self.settings = {
            **SETTINGS,
            "DATA_DIR": str(folder),
            "AMAZON_CHECKOUT_URL": self.amazon.url,
            **{name: value.replace("{amazon}", self.amazon.url) for name, value in settings.items()},
        }
        self.processes: dict[str, Process] = {}
        self.office = Office(folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def start(self) -> None:
        """Start whatever does not run, and wait until it is ready."""
        self.launch()
        try:
            until(self.is_ready, READY_WITHIN, "the product is ready")
        except AssertionError as error:
            error.add_note(self.told())
            raise

    def launch(self) -> None:
        """Start whatever of the product does not run; wait for the sandbox alone."""
        if not self.amazon.process.is_running:
            self.amazon.start()
        for process in self.processes.values():
            if not process.is_running:
                process.start(self.settings)

    def manage(self, *command: str) -> str:
        """What a management command printed, in a process of its own."""
        return run_python(["manage.py", *command], self.settings)

    def staff(self, what: str, **options: Any) -> Any:
        """What somebody in the back office does: see `tests.journeys.office`."""
        return self.office.ask(what, options, self.settings)

    def is_ready(self) -> bool:
        for process in self.processes.values():
            assert process.is_running, f"{process.name} ended by itself"
        return is_healthy(self.url)

    @abstractmethod
    def kill(self, part: str) -> None:
        """SIGKILL to one part; `start` brings it back."""

    def kill_all(self) -> None:
        """SIGKILL to the whole product; the sandbox runs on."""
        for process in self.processes.values():
            process.kill()

    @abstractmethod
    def lose_messages(self) -> None:
        """Whatever the broker holds is gone."""

    def stop(self) -> None:
        """All of the product, in order; the sandbox runs on."""
        for process in self.processes.values():
            process.stop()

    def close(self) -> None:
        self.office.close()
        for process in (*self.processes.values(), self.amazon.process):
            process.kill()

    def told(self) -> str:
        """The last lines of every log."""
        every = (*self.processes.values(), self.amazon.process)
        return "\n".join(f"--- {process.name}\n{process.tail()}" for process in every)


# --- Embedded ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SqliteGround(Ground):
    folder: Path

    @classmethod
    def made(cls, folder: Path, store_file: Path = STORE_FILE) -> Self:
        no_servers = {"DATABASE_URL": "", "CELERY_BROKER_URL": ""}
        prepare({**SETTINGS, **no_servers, "DATA_DIR": str(folder)}, store_file)
        return cls(folder)

    def house(self, folder: Path, settings: Settings, plan: Plan = AS_USUAL) -> "House":
        shutil.copy(self.folder / "store.sqlite3", folder)
        return Embedded(folder, settings, plan)

    def close(self) -> None:
        """The folder goes with the test run's other ones."""


class Embedded(House):
    parts = ("child", "child", "child", "child", "all")
    callers = parts

    def __init__(self, folder: Path, settings: Settings, plan: Plan) -> None:
        no_servers = {"DATABASE_URL": "", "CELERY_BROKER_URL": ""}
        super().__init__(folder, SqliteRecords(folder / "store.sqlite3"), {**no_servers, **settings}, plan)
        self.processes = {"store": Process("store", ["manage.py", "runstore", "--port", str(self.port)], folder)}

    def kill(self, part: str) -> None:
        if part == "child":
            self.processes["store"].kill_child()
        else:
            self.processes["store"].kill()

    def lose_messages(self) -> None:
        """They are gone: a broker in memory ends with its process."""


# --- Servers -------------------------------------------------------------------------------------------------------


class PostgresGround(Ground):
    def __init__(self, folder: Path, store_file: Path = STORE_FILE) -> None:
        self.server = urlsplit(os.environ["DATABASE_URL"])
        self.name = f"jwo_journeys_{secrets.token_hex(4)}"
        self.houses = 0
        self.ask("CREATE DATABASE {}", self.name)
        try:
            servers = {"DATABASE_URL": self.url(self.name), "CELERY_BROKER_URL": BROKER}
            prepare({**SETTINGS, **servers, "DATA_DIR": str(folder)}, store_file)
        except BaseException:
            self.close()
            raise

    def url(self, database: str) -> str:
        return urlunsplit(self.server._replace(path=f"/{database}"))

    def ask(self, statement: str, *names: str) -> None:
        """A statement about whole databases, sent beside them; the names are put in quotation marks."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def house(self, folder: Path, settings: Settings, plan: Plan = AS_USUAL) -> "Servers":
        self.houses += 1
        database = f"{self.name}_{self.houses}"
        self.ask("CREATE DATABASE {} TEMPLATE {}", database, self.name)
        return Servers(folder, self, database, settings, plan)

    def hang_up(self, database: str) -> None:
        """End every connection to this database."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))

    def drop(self, database: str) -> None:
        self.ask("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    def close(self) -> None:
        self.drop(self.name)


def to_broker() -> Any:
    return Connection(BROKER)  # type: ignore[no-untyped-call]  # kombu has no types


class Servers(House):
    parts = ("web", "worker", "beat", "child of web", "worker", "beat")
    callers = ("worker",)

    def __init__(self, folder: Path, ground: PostgresGround, database: str, settings: Settings, plan: Plan) -> None:
        self.ground = ground
        self.database = database
        self.queue = database
        self.workers = plan.workers
        servers = {"DATABASE_URL": ground.url(database), "CELERY_BROKER_URL": BROKER, "CELERY_QUEUE": self.queue}
        super().__init__(folder, PostgresRecords(ground.url(database)), {**servers, **settings}, plan)
        celery = ["-m", "celery", "-A", "jwo_store"]
        commands = {
            "web": ["-m", "gunicorn", "jwo_store.wsgi:application", *self._web_options()],
            **{name: [*celery, "worker", *self._worker_options(name)] for name in self._worker_names()},
            "beat": [*celery, "beat", "--schedule", str(folder / "schedule"), "--loglevel", "WARNING"],
        }
        self.processes = {name: Process(name, command, folder) for name, command in commands.items()}

    def _worker_names(self) -> list[str]:
        return ["worker", *(f"worker {number}" for number in range(2, self.workers + 1))]

    def _worker_options(self, name: str) -> list[str]:
        options = {"pool": "threads", "concurrency": "4", "loglevel": "WARNING"}
        options["hostname"] = f"{name.replace(' ', '-')}.{self.queue}@%h"
        given = [f"--{option}={value}" for option, value in options.items()]
        return [*given, "--without-mingle", "--without-gossip"]

    def _web_options(self) -> list[str]:
        options = {"bind": f"127.0.0.1:{self.port}", "worker-class": "gthread", "workers": "2", "threads": "8"}
        return [f"--{name}={value}" for name, value in options.items()]

    def is_ready(self) -> bool:
        return super().is_ready() and self.consumers() == self.workers

    def consumers(self) -> int:
        """How many workers take from our queue."""
        with to_broker() as connection:
            try:
                return int(connection.default_channel.queue_declare(self.queue, passive=True).consumer_count)
            except connection.channel_errors:
                return 0

    def kill(self, part: str) -> None:
        if part == "child of web":
            self.processes["web"].kill_child()
        else:
            self.processes[part].kill()

    def lose_messages(self) -> None:
        with to_broker() as connection:
            connection.default_channel.queue_purge(self.queue)

    def close(self) -> None:
        super().close()
        self.ground.drop(self.database)
        with to_broker() as connection:
            connection.default_channel.queue_delete(self.queue)
            connection.default_channel.exchange_delete(self.queue)


def new_ground(folder: Path, store_file: Path = STORE_FILE) -> Ground:
    """Of the deployment that the environment names."""
    return PostgresGround(folder, store_file) if SERVERS else SqliteGround.made(folder, store_file)
