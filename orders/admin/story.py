"""What the page of a purchase tells: where it stands, what to do next, what was taken, what Amazon said."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import starmap
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from catalog.models import Store
from jwo_store.access import Stores
from jwo_store.admin_site import clock, counted, time_of
from jwo_store.words import to_the_second
from orders.models import CheckoutAttempt, Purchase, PurchaseLine
from orders.proof import differences
from orders.purchases import PRICED_AGAIN
from orders.statuses import Outcome, Status
from pricing import receipt
from pricing.explain import Explanation, Unreadable, explain
from pricing.nearly import explain_all
from pricing.terms import UNIT_NAMES

TONES = {
    Status.UNPRICED: "warning",
    Status.EMPTY: "plain",
    Status.AWAITING_CHECKOUT: "info",
    Status.ORDERED: "success",
    Status.REJECTED: "danger",
    Status.CLOSED: "plain",
}
OUTCOME_TONES = {
    Outcome.ORDERED: "success",
    Outcome.REFUSED: "danger",
    Outcome.UNAVAILABLE: "warning",
    Outcome.UNKNOWN: "warning",
}
"""The colours of statuses and outcomes, by the names that the theme's labels have."""


@dataclass(frozen=True, slots=True)
class LineStory:
    number: int
    product: str
    code: str
    catalog: str
    """Where the catalog is searched for the code."""
    quantity: str
    price: str
    promotions: tuple[str, ...]
    fees: tuple[str, ...]
    tax: str
    total: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttemptStory:
    number: int
    at: str
    took: str
    environment: str
    answer: str
    words: str
    outcome: str
    tone: str


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    text: str
    by: str = ""
    time: str = ""

    def told(self) -> "Event":
        return replace(self, time=to_the_second(self.at))


def story(purchase: Purchase, promotions_in: Stores) -> dict[str, Any]:
    """Everything that the page shows, in a fixed number of queries, on the clock of the store if we know it.

    `promotions_in` are the stores of whose promotions the person may know.
    """
    store = Store.objects.filter(pk=purchase.store_id).first()
    with timezone.override(store.zone if store else timezone.get_current_timezone()):
        return _story(purchase, store, promotions_in)


def _story(purchase: Purchase, store: Store | None, promotions_in: Stores) -> dict[str, Any]:
    problems = list(purchase.problems.all())
    attempts = list(purchase.attempts.all())
    by_line: dict[int | None, tuple[str, ...]] = {
        number: tuple(p.message for p in problems if p.line == number) for number in {p.line for p in problems}
    }
    rows = list(purchase.lines.all())
    trace = _parsed(purchase.trace)
    apart = receipt.fees_apart(trace)
    lines = _lines(purchase, rows, by_line, apart=apart)
    return {
        "purchase": purchase,
        "status": purchase.get_status_display(),
        "tone": TONES[Status(purchase.status)],
        "marks": marks(purchase),
        "next_step": next_step(purchase, store),
        "facts": _facts(purchase, store),
        "totals": _totals(purchase, rows, apart=apart),
        "lines": lines,
        "general_problems": by_line.get(None, ()),
        "attempts": [_attempt(attempt) for attempt in attempts],
        "conflicts": [(clock(one.received_at), one.request_id) for one in purchase.conflicts.defer("raw")],
        "timeline": _timeline(purchase, attempts, len(lines)),
        "body": _pretty(bytes(purchase.body or b"")),
        "explanation": _explanation(trace, purchase, store, promotions_in),
        "proof": _proof(purchase),
        "trace": _pretty(purchase.trace),
        "printed_at": clock(timezone.now()),
        "clock_zone": time_of(),
    }


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of computing the amounts once more, from what was kept with the purchase."""

    holds: bool
    text: str
    differences: tuple[str, ...] = ()


def _proof(purchase: Purchase) -> Proof | None:
    if purchase.price_total is None:
        return None
    found = differences(purchase)
    if found:
        return Proof(
            False,
            "Computed once more from what was kept, this does not agree. Tell the software's maker:",
            tuple(found),
        )
    return Proof(
        True,
        "Computed once more from what was kept with the purchase, as this page was opened: every line, the totals and "
        "what was sent to Amazon agree to the cent.",
    )


def _explanation(trace: Any, purchase: Purchase, store: Store | None, promotions_in: Stores) -> Explanation | None:
    try:
        if store is None or purchase.priced_at is None:
            return explain(trace)
        return explain_all(trace, store, purchase.priced_at, seen_in=promotions_in)
    except Unreadable:
        return None


def marks(purchase: Purchase) -> list[str]:
    """What is unusual about the purchase, in few words each."""
    said = (
        (purchase.environment != settings.JWO_ENVIRONMENT, f"Of the {purchase.environment} environment"),
        (purchase.possibly_charged, "May have been charged"),
        (purchase.is_test, "Test trip"),
        (not purchase.optimal, "Best deal not proven"),
    )
    return [text for holds, text in said if holds]


def next_step(purchase: Purchase, store: Store | None) -> str:
    """What the status means, and what whoever reads it should do."""
    match Status(purchase.status):
        case Status.UNPRICED:
            step = (
                "This cart could not be priced, so nothing was sent to Amazon. Mend what the problems below name, "
                "for example a missing price or tax rule; then press “Price again”."
            )
        case Status.EMPTY:
            step = "The shopper took nothing, so there is nothing to charge and nothing to do."
        case Status.AWAITING_CHECKOUT:
            step = _on_its_way(purchase, store)
        case Status.ORDERED:
            step = f"Amazon charged the shopper and made order {purchase.order_id}. There is nothing to do."
        case Status.REJECTED:
            step = (
                f"Amazon refused this purchase: {purchase.refusal}. Read below what it said. Mend it and press “Price "
                "again”, or “Send again” if the fault was Amazon's, or close it."
            )
        case Status.CLOSED:
            step = f"Given up: {purchase.closed_reason}"
    return f"{step} {_charged(purchase)}".strip()


def _on_its_way(purchase: Purchase, store: Store | None) -> str:
    if store is not None and store.on_hold:
        return "The store is on hold: this purchase is sent when the store is released."
    if purchase.environment != settings.JWO_ENVIRONMENT:
        return f"This purchase is of the {purchase.environment} environment and is never sent from here."
    return f"It is on its way to Amazon and is tried again by itself; next at {clock(purchase.submit_after)}."


def _charged(purchase: Purchase) -> str:
    if not purchase.possibly_charged or purchase.status == Status.ORDERED:
        return ""
    return (
        "Amazon may have charged the shopper already. “Send again” sends exactly the same content, and Amazon answers "
        "with the same order."
    )


def _facts(purchase: Purchase, store: Store | None) -> list[tuple[str, str]]:
    facts = [
        ("Store", str(store) if store else f"{purchase.store_id}, which we do not know"),
        ("Environment", purchase.get_environment_display()),
        ("Clock of this page", f"{time_of()}{', as in the store' if store else ''}"),
        ("Shopper came in", clock(purchase.trip_started_at)),
        ("Shopper left", clock(purchase.trip_ended_at)),
        ("Cart received", clock(purchase.received_at)),
        ("Prices of", clock(purchase.priced_at)),
        ("Order ID", purchase.order_id or "—"),
        ("Trip ID", purchase.trip_id),
        ("Request ID", purchase.request_id),
        ("ID told to Amazon", purchase.answer or "an empty purchase ID"),
    ]
    if purchase.status == Status.AWAITING_CHECKOUT:
        facts.append(("Given up after", clock(purchase.deadline)))
    return facts


def _totals(purchase: Purchase, lines: Iterable[PurchaseLine], *, apart: bool) -> list[tuple[str, str]]:
    amounts = purchase.sub_total, purchase.promotions_total, purchase.sales_tax_total, purchase.price_total
    price, promotions, tax, total = (amount or Decimal(0) for amount in amounts)
    if purchase.price_total is None:
        return []
    fees = sum((line.fees or Decimal(0) for line in lines), Decimal(0))
    rows = receipt.sums(price=price, fees=fees, promotions=promotions, tax=tax, total=total, apart=apart)
    return receipt.in_words(rows, purchase.currency)


def _lines(
    purchase: Purchase, rows: Iterable[PurchaseLine], problems: Mapping[int | None, tuple[str, ...]], *, apart: bool
) -> list[LineStory]:
    items = _sent_items(purchase)
    return [
        _line(line, items[line.number] if line.number < len(items) else {}, problems.get(line.number, ()), apart=apart)
        for line in rows
    ]


def _line(line: PurchaseLine, item: Mapping[str, Any], problems: tuple[str, ...], *, apart: bool) -> LineStory:
    amounts = _mapping(item.get("unitPrice"))
    promotions = [
        (str(one.get("promotionDescription", "")), _amount(one.get("promotionAmount")))
        for one in _mappings(amounts.get("promotions"))
    ]
    fees = [
        (str(one.get("depositAndFeeDescription", "")), _amount(one.get("depositAndFeeAmount")))
        for one in _mappings(amounts.get("depositsAndFees"))
    ]
    return LineStory(
        number=line.number + 1,
        product=line.name,
        code=line.sku or line.product_id,
        catalog=f"{reverse('admin:catalog_product_changelist')}?{urlencode({'q': line.sku or line.product_id})}",
        quantity=_quantity(line),
        price=_money(line.price - (line.fees or Decimal(0)) if line.price is not None and apart else line.price),
        promotions=tuple(starmap(receipt.promotion, _of_the_line(promotions, line.promotions))),
        fees=tuple(receipt.fee(text, amount, apart=apart) for text, amount in _of_the_line(fees, line.fees)),
        tax=_money(line.sales_tax),
        total=_money(line.total),
        problems=problems,
    )


def _quantity(line: PurchaseLine) -> str:
    """`2`, or `0.453 lb` of what is weighed; what cannot be read is shown as Amazon sent it."""
    pieces = UNIT_NAMES.get(line.unit.lower()) == "unit"
    whole, _, fraction = line.quantity.partition(".")
    return whole if pieces and not fraction.strip("0") else f"{line.quantity} {line.unit}"


def _of_the_line(parts: list[tuple[str, Decimal]], whole: Decimal | None) -> list[tuple[str, Decimal]]:
    """The amounts of the whole line, of those that were sent: in some stores they are one piece's."""
    sent = sum(amount for _, amount in parts)
    pieces = whole / sent if whole and sent else Decimal(1)
    return [(text, amount * pieces) for text, amount in parts]


def _sent_items(purchase: Purchase) -> list[Mapping[str, Any]]:
    return _mappings(_mapping(_parsed(bytes(purchase.body or b""))).get("lineItems"))


def _attempt(attempt: CheckoutAttempt) -> AttemptStory:
    answer = " ".join(str(part) for part in (attempt.status, attempt.error) if part)
    return AttemptStory(
        number=attempt.number,
        at=to_the_second(attempt.started_at),
        took="" if attempt.seconds is None else f"{attempt.seconds:.1f} s",
        environment=attempt.get_environment_display(),
        answer=answer or "no answer",
        words=attempt.words,
        outcome=attempt.get_outcome_display() or "Running, or cut short",
        tone=OUTCOME_TONES[Outcome(attempt.outcome)] if attempt.outcome else "plain",
    )


def _timeline(purchase: Purchase, attempts: Iterable[CheckoutAttempt], lines: int) -> list[Event]:
    notes = list(purchase.notes.select_related("by"))
    events = [
        Event(purchase.trip_started_at, "The shopper came in."),
        Event(purchase.trip_ended_at, "The shopper left."),
        Event(purchase.received_at, "Amazon sent the cart."),
        *_pricing(purchase, lines, again=any(note.text == PRICED_AGAIN for note in notes)),
        *(event for one in attempts for event in _try(one)),
        *(Event(note.at, note.text, _name(note.by)) for note in notes),
    ]
    if purchase.ordered_at:
        events.append(Event(purchase.ordered_at, f"Amazon made order {purchase.order_id}."))
    return [event.told() for event in sorted(events, key=lambda event: event.at)]


def _pricing(purchase: Purchase, lines: int, *, again: bool) -> Iterator[Event]:
    """What came of pricing it at once; where it was priced again, a note tells when and by whom."""
    if purchase.status == Status.EMPTY:
        yield Event(purchase.received_at, "The cart was empty: there is nothing to charge.")
    elif purchase.price_total is None:
        yield Event(purchase.received_at, "It could not be priced and waits for a repair.")
    elif not again:
        total = f"{_money(purchase.price_total)} {purchase.currency}"
        yield Event(purchase.received_at, f"Priced at once: {counted(lines, 'line')}, {total}.")


def _try(attempt: CheckoutAttempt) -> Iterator[Event]:
    yield Event(attempt.started_at, f"Sent to Amazon, try {attempt.number}.")
    if attempt.seconds is None or attempt.outcome == Outcome.ORDERED:  # an order is told by its own event
        return
    answer = " ".join(str(part) for part in (attempt.status, attempt.error) if part)
    said = f" ({answer})" if answer else ""
    at = attempt.started_at + timedelta(seconds=attempt.seconds)
    yield Event(at, f"Try {attempt.number}: {attempt.get_outcome_display()}{said}.")


def _name(person: Any) -> str:
    return (person.get_full_name() or person.get_username()) if person else ""


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:.2f}"


def _amount(money: Any) -> Decimal:
    return Decimal(str(_mapping(money).get("amount", "0")))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _parsed(document: bytes | str) -> Any:
    try:
        return json.loads(document) if document else None
    except ValueError:
        return None


def _pretty(document: bytes | str) -> str:
    parsed = _parsed(document)
    return "" if parsed is None else json.dumps(parsed, indent=2, ensure_ascii=False)


def ago(moment: datetime, now: datetime) -> str:
    """`5 minutes`, `3 hours`, `2 days`, `less than a minute`: how long something waits."""
    minutes = int((now - moment).total_seconds() // 60)
    for size, unit in ((24 * 60, "day"), (60, "hour")):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}s"
    if minutes < 1:
        return "less than a minute"
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
