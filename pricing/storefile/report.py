"""What a load changes: how much of everything, and the first lines of each kind."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pricing.storefile.faults import Fault
from pricing.storefile.timeline import Action

MOST_LINES = 50
"""Lines of one kind; what is left over is counted."""

TOLD = (Action.ADDED, Action.CHANGED, Action.SUCCEEDED, Action.ENDED, Action.KEPT, Action.UNCHANGED)

HEADINGS = {
    Action.ADDED: "Added",
    Action.CHANGED: "Changed",
    Action.SUCCEEDED: "Ended and succeeded, because it was in force",
    Action.ENDED: "Ended",
    Action.KEPT: "Kept as it was, because what was in force stays",
}


@dataclass(slots=True)
class Difference:
    """Between a file and the database."""

    counts: Counter[tuple[str, Action]] = field(default_factory=Counter)
    lines: dict[tuple[str, Action], list[str]] = field(default_factory=dict)
    warnings: list[Fault] = field(default_factory=list)

    def tell(self, section: str, action: Action, line: Callable[[], str]) -> None:
        """Counts it, and keeps its line unless there are many already."""
        self.counts[section, action] += 1
        told = self.lines.setdefault((section, action), [])
        if action in HEADINGS and len(told) < MOST_LINES:
            told.append(line())

    def total(self, *actions: Action) -> int:
        return sum(count for (_, action), count in self.counts.items() if action in actions)

    def describe(self) -> Iterator[str]:
        """The lines of the report."""
        yield from self._table()
        for action, heading in HEADINGS.items():
            if self.total(action):
                yield from ("", f"{heading}:")
                for (section, each), lines in self.lines.items():
                    if each is action:
                        yield from _lines(lines, self.counts[section, action])
        if self.warnings:
            yield from ("", "Please look at:")
            yield from _lines([str(warning) for warning in self.warnings[:MOST_LINES]], len(self.warnings))

    def _table(self) -> Iterator[str]:
        sections = dict.fromkeys(section for section, _ in self.counts)
        width = max(map(len, sections), default=0)
        yield " " * width + "".join(f"{action:>12}" for action in TOLD)
        for section in sections:
            counts = (self.counts[section, action] for action in TOLD)
            yield f"{section.replace('_', ' '):<{width}}" + "".join(f"{count or '-':>12}" for count in counts)


def _lines(lines: list[str], total: int) -> Iterator[str]:
    yield from (f"  {line}" for line in lines)
    if total > len(lines):
        yield f"  ... and {total - len(lines):,} more"
