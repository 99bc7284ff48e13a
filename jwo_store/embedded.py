"""The embedded product: web, worker and beat in the one child process of a gunicorn. No other server is needed.

Started by `manage.py runstore`. The broker in memory lives in this process alone, so that rows made by other
processes are found by the sweep.
"""

import logging
import signal
import threading
from typing import Any

import celery.worker.state
from celery.beat import Scheduler, Service
from celery.worker import WorkController
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from jwo_store.celery import app

logger = logging.getLogger(__name__)

WORKER_THREADS = 8
"""Four for checkouts; the catalog's steps (`catalog.uploads.AT_ONCE`) must not take them all."""
WEB_THREADS = 16
KEEP_CONNECTIONS = 1_000_000_000
"""Tasks between two closings of the database: opening SQLite anew for each task costs more than the task."""

STOP_WITHIN = 40
"""Seconds that a running call to Amazon is given to end on its own."""


class EmbeddedStore(BaseApplication):  # type: ignore[misc]
    """gunicorn with one worker, in whose process Celery's worker and beat run as threads."""

    def __init__(self, wsgi: WSGIHandler, *, host: str, port: int) -> None:
        self.application = wsgi
        self.bind = f"{host}:{port}"
        super().__init__()

    def load_config(self) -> None:
        background = _Background()
        options = {
            "bind": self.bind,
            "workers": 1,
            "worker_class": "gthread",
            "threads": WEB_THREADS,
            "timeout": 120,
            "graceful_timeout": STOP_WITHIN,
            "keepalive": 30,
            "accesslog": None,
            "loglevel": "warning",
            "control_socket_disable": True,
            "pre_fork": _close_connections,
            "post_worker_init": background.start,
            "worker_exit": background.stop,
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> WSGIHandler:
        return self.application


def _close_connections(_arbiter: Arbiter, _worker: Worker) -> None:
    """A connection opened before the fork must not be shared with the child."""
    connections.close_all()


class _Background:
    """Celery's worker and beat inside the web process."""

    def __init__(self) -> None:
        self.worker: Any = None
        self.beat: Any = None
        self.threads: list[threading.Thread] = []

    def start(self, web: Worker) -> None:
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, web.handle_exit)  # Celery's pool would die noisily on Ctrl-C
        app.conf.update(CELERY_DB_REUSE_MAX=KEEP_CONNECTIONS)
        self.worker = WorkController(
            app=app,
            pool_cls="threads",
            concurrency=WORKER_THREADS,
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
        )
        self.beat = Service(app, max_interval=1, scheduler_cls=Scheduler)
        self._run("worker", self.worker.start)
        self._run("beat", self.beat.start)
        app.send_task("orders.tasks.sweep", retry=False)

    def _run(self, name: str, target: Any) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        self.threads.append(thread)

    def stop(self, _arbiter: Arbiter, _worker: Worker) -> None:
        if self.worker is None:
            return
        self.beat.stop()
        celery.worker.state.should_stop = 0
        for thread in self.threads:
            thread.join(STOP_WITHIN)
