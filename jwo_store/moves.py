"""One way to move a status: a conditional update that must change exactly one row."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Model


def move(row: Model, *, to: str, may: Collection[str], where: Mapping[str, Any] | None = None, **changes: Any) -> bool:
    """Move this row on, if nobody moved it meanwhile: True when this call did it; the object then says so too.

    `may` are the statuses that its present one can become. `where` names further columns that must still hold what
    they held, such as the fencing token. Raises ValueError for a move that there is not.
    """
    status: str = row.status  # type: ignore[attr-defined]
    if to != status and to not in may:
        raise ValueError(f"what is {status} cannot become {to}")
    rows = type(row)._default_manager.filter(pk=row.pk, status=status, **(where or {}))  # noqa: SLF001  Django's own way
    if rows.update(status=to, **changes) != 1:
        return False
    for name, value in {"status": to, **changes}.items():
        setattr(row, name, value)
    return True
