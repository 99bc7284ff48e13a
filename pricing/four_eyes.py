"""The four-eyes rule: where a store asks for it, a change is proposed, and somebody else looks at it and approves it.

One function to call instead of changing something: `submit(act, made)`. It does the act at once and gives what came of
it; or, when one of the stores that the act concerns asks for a second pair of eyes on such things, it notes a
`Proposal`, changes nothing, and gives that. So a page says what it wants done as an `Act` (one row added, changed or
ended: `RowAct`; many prices: `pricing.acts`), and asks of the answer whether `outcome.proposal` is there.

`approve` does the act as of then, by the same call, after checking that what it is about is as it was; or it finds it
overtaken, and does nothing. Both are settled by one conditional update, so two people approve it once.

An operator's command (`loadstore`) is outside of the rule: whoever may run it may do everything; its report says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, Self

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from catalog.models import Store
from jwo_store.moves import move
from jwo_store.setting_back import Made
from jwo_store.telling import Line
from pricing.proposed import MOVES, Proposal, ProposalStatus

StoreIds = frozenset[str] | None
"""Which stores; None is all of them."""


class NotDecided(Exception):
    """A proposal stays as it is; the text says why."""


class Overtaken(Exception):
    """What was proposed cannot be done any more; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Described:
    """An act for who has to look at it."""

    subject: str
    lines: tuple[Line, ...]
    sentence: str = ""


class Act(Protocol):
    """Something that may have to be proposed first."""

    @property
    def act(self) -> str: ...

    @property
    def model(self) -> str:
        """The name of the table that it changes."""

    @property
    def stores(self) -> StoreIds: ...

    def describe(self) -> Described: ...

    def plan(self) -> Mapping[str, Any]:
        """What `read` needs, in JSON."""

    @classmethod
    def read(cls, proposal: Proposal) -> Self:
        """The act again; raises Overtaken when what it is about is no longer as it was."""

    def do(self, made: Made) -> Any:
        """Raises ValidationError or Overtaken."""


RULES: dict[str, str] = {
    "price": "second_look_prices",
    "pricechange": "second_look_prices",
    "promotion": "second_look_promotions",
    "taxrule": "second_look_taxes",
    "taxholiday": "second_look_taxes",
    "fee": "second_look_taxes",
}
"""The switch of a store that a change of a table goes by; a table that is not here is under no rule."""

PERMISSIONS: dict[str, str] = {"pricechange": "pricing.make_pricechange"}
"""Who may do, and so approve, what is no plain change of a table."""

ACTS: dict[str, type[Act]] = {}
"""How a proposal is read, by what is done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: either what was done, or the proposal that waits."""

    done: Any = None
    proposal: Proposal | None = field(default=None)


def is_asked(act: Act) -> bool:
    """Whether one of the stores that the act concerns asks for a second pair of eyes on it."""
    rule = RULES.get(act.model)
    if rule is None:
        return False
    asking = Store.objects.filter(**{rule: True})
    return (asking if act.stores is None else asking.filter(pk__in=act.stores)).exists()


def submit(act: Act, made: Made) -> Outcome:
    """Do it, or propose it where a store asks for that. Raises what the act raises."""
    if is_asked(act):
        return Outcome(proposal=propose(act, made))
    return Outcome(done=act.do(made))


def propose(act: Act, made: Made) -> Proposal:
    described = act.describe()
    proposal = Proposal(
        act=act.act,
        model=act.model,
        subject=described.subject[:500],
        sentence=described.sentence,
        lines=[[line.what, line.before, line.after] for line in described.lines],
        plan=dict(act.plan()),
        attached=getattr(act, "attached", None),
        reason=made.reason,
        proposed_by=made.by,
        proposed_at=made.now,
    )
    with transaction.atomic():
        return proposal.write_down(act.stores)


def permission(proposal: Proposal) -> str:
    """What somebody must be permitted to do himself in order to approve it."""
    verb = "add" if proposal.act == "ADD" else "change"
    return PERMISSIONS.get(proposal.model, f"pricing.{verb}_{proposal.model}")


# --- Deciding ------------------------------------------------------------------------------------------------------


def approve(proposal: Proposal, *, by: Any, now: datetime) -> Any:
    """Do what was proposed, as of now; gives what came of it.

    Raises NotDecided when it is the approver's own or was decided already, and Overtaken (it then says so) when what
    it is about was changed meanwhile, or its terms are refused by now: nothing is done then.
    """
    _check_other(proposal, by)
    try:
        with transaction.atomic():
            _settle(proposal, ProposalStatus.APPROVED, by=by, now=now)
            reason = f"{proposal.reason} (approved by {by.get_full_name() or by.get_username()})"
            return ACTS[proposal.act].read(proposal).do(Made(by=proposal.proposed_by, now=now, reason=reason))
    except (Overtaken, ValidationError, IntegrityError) as refused:
        proposal.refresh_from_db()
        words = _words(refused)
        _settle(proposal, ProposalStatus.OVERTAKEN, by=by, now=now, decision=words)
        raise Overtaken(words) from refused


def _words(refused: Exception) -> str:
    if isinstance(refused, ValidationError):
        return " ".join(refused.messages)
    return str(refused) if isinstance(refused, Overtaken) else "Something else is there already."


def refuse(proposal: Proposal, *, by: Any, now: datetime, reason: str) -> None:
    """Raises NotDecided."""
    _check_other(proposal, by)
    _settle(proposal, ProposalStatus.REFUSED, by=by, now=now, decision=reason)


def withdraw(proposal: Proposal, *, by: Any, now: datetime) -> None:
    """By who proposed it. Raises NotDecided."""
    if proposal.proposed_by_id != by.pk:
        raise NotDecided("Only who proposed it takes it back. You can refuse it.")
    _settle(proposal, ProposalStatus.WITHDRAWN, by=by, now=now)


def _check_other(proposal: Proposal, by: Any) -> None:
    if proposal.proposed_by_id == by.pk:
        raise NotDecided("This is your own: somebody else has to look at it.")


def _settle(proposal: Proposal, to: str, *, by: Any, now: datetime, **more: Any) -> None:
    """Move it on if nobody did so meanwhile. Raises NotDecided."""
    may = MOVES.get(proposal.status, frozenset())
    waits = proposal.is_waiting
    if not waits or not move(proposal, to=to, may=may, decided_by=by, decided_at=now, **more):
        raise NotDecided("This was decided already. Load the page again.")
