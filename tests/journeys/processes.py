"""Real processes: started with an environment of their own, ended by their own id, with a log that a failure shows."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent.parent
PORTS = range(20_000, 32_000)
"""Below those that systems take for outgoing connections: a port stays free between two starts of its process."""

POLL = 0.02
STOP_WITHIN = 15.0
TAIL_BYTES = 6_000
T = TypeVar("T")


def until(met: Callable[[], T], within: float, what: str, seen: Callable[[], object] = str) -> T:
    """The first true value; AssertionError, naming what was waited for and what is `seen`, after that many seconds."""
    deadline = time.monotonic() + within
    while not (value := met()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within:g} s. {seen()}")
        time.sleep(POLL)
    return value


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    while True:
        port = random.choice(PORTS)  # noqa: S311  no secret
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


def own_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """These settings and what a program needs to run at all: nothing else of ours reaches it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", **settings}


def run_python(command: Sequence[str], settings: Mapping[str, str], within: float = 240.0) -> str:
    """What a command of ours printed; CalledProcessError with its words when it fails."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=own_environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=within,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


class Process:
    """One program of ours in a process group of its own, its children with it."""

    def __init__(self, name: str, command: Sequence[str], folder: Path) -> None:
        self.name = name
        self.command = command
        self.log = folder / f"{name}.log"
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._popen is not None, f"{self.name} was never started"
        return self._popen.pid

    @property
    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def start(self, settings: Mapping[str, str]) -> None:
        assert not self.is_running, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, *self.command],
                cwd=ROOT,
                env=own_environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL to the process and its children: as when the power fails."""
        if self._popen is not None:
            if self.is_running:
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()

    def kill_child(self) -> None:
        """SIGKILL to the child of a gunicorn, which then makes another: as when memory runs out."""
        children = children_of(self.pid)
        assert children, f"{self.name} has no child to kill"
        os.kill(children[0], signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM; SIGKILL to all that is left when that does not end it."""
        if self._popen is None or not self.is_running:
            return
        self._popen.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(STOP_WITHIN)
        self.kill()

    def tail(self) -> str:
        """The last lines of its log."""
        if not self.log.exists():
            return ""
        return self.log.read_bytes()[-TAIL_BYTES:].decode(errors="replace")


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if listed.exists():
        return [int(child) for child in listed.read_text().split()]
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in table.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]
