"""What happened, one JSON line each: a sandbox that is started again still knows its trips and orders."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

Event = dict[str, Any]
Appliers = Mapping[str, Callable[[Event], None]]
"""What to do with an event, by its name."""


class JournalError(Exception):
    """The journal can't be read or written; the text names the file and the reason."""


class Journal:
    """An append-only file of events; without a path nothing outlives the process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = Lock()
        self._out: TextIO | None = None

    def events(self) -> Iterator[Event]:
        """Every event of the file; a last line that was cut off by a crash is passed over."""
        if self._path is None or not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith("\n"):
                    return
                try:
                    yield json.loads(line)
                except ValueError as problem:
                    raise JournalError(f"{self._path}, line {number}: {problem}") from problem

    def replay(self, appliers: Appliers) -> None:
        """Let everything happen again that the file tells; JournalError at a line that tells nothing of a sandbox."""
        for number, event in enumerate(self.events(), start=1):
            try:
                appliers[event["event"]](event)
            except (LookupError, TypeError, ValueError) as problem:
                raise JournalError(f"The state file's line {number} is no event of a sandbox: {problem}") from problem

    def open(self) -> None:
        """Make ready for writing, behind the last whole line."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._cut_torn_line(self._path)
            self._out = self._path.open("a", encoding="utf-8")
        except OSError as problem:
            raise JournalError(f"The state file {self._path} can't be written: {problem.strerror}") from problem

    def append(self, event: Event) -> None:
        if self._out is None:
            return
        line = json.dumps(event, separators=(",", ":")) + "\n"
        with self._lock:
            self._out.write(line)
            self._out.flush()

    def close(self) -> None:
        if self._out is not None:
            self._out.close()
            self._out = None

    @staticmethod
    def _cut_torn_line(path: Path) -> None:
        if not path.exists():
            return
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("r+b") as file:
                file.truncate(whole)
