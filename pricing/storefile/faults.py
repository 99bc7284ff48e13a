from collections.abc import Iterable
from dataclasses import dataclass

MOST_FAULTS = 100
"""So many are listed; a file with more was written by a machine, and they are all alike."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where: `promotions[3].percent`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class Faulty(ValueError):
    """The file can't be loaded. Holds every fault, up to the most that are listed, and how many there are in all."""

    def __init__(self, faults: Iterable[Fault], total: int | None = None) -> None:
        self.faults = tuple(faults)
        self.total = len(self.faults) if total is None else total
        super().__init__("\n".join(map(str, self.faults)))


class Faults:
    """The faults found so far."""

    def __init__(self) -> None:
        self.total = 0
        self._listed: list[Fault] = []

    def add(self, path: str, message: str) -> None:
        self.total += 1
        if len(self._listed) < MOST_FAULTS:
            self._listed.append(Fault(path, message))

    def copy(self) -> "Faults":
        """The same faults so far, to which others can be added."""
        other = Faults()
        other.total, other._listed = self.total, list(self._listed)
        return other

    def stop(self) -> None:
        """Raises Faulty if there was any."""
        if self.total:
            raise Faulty(self._listed, self.total)
