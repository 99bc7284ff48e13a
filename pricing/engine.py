"""What a cart costs under a pricebook, to the cent, and why. Plain Python: no database, no clock.

The order of things (pricing rules, sections 2 to 9): find each line's product and price; the best unit deals, zone by
zone; one basket offer; fees; tax; the amounts as Amazon wants them. The trace keeps every step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pricing import offers
from pricing.money import ZERO, half_up, round_up
from pricing.priced import Amounts, AppliedFee, AppliedPromotion, PricedCart, PricedLine, Unpriced, totals_of
from pricing.resolve import Line, resolve
from pricing.taxes import Taxable, holiday_of, split, tax_each
from pricing.terms import SPEND_GET, Cart, HolidayTerms, Pricebook, PromotionTerms, StoreTerms

TRACE_VERSION = 1


def price_cart(cart: Cart, book: Pricebook, *, now: datetime) -> PricedCart | Unpriced:
    """What the shopper owes for this cart, or why it cannot be priced. `now` is when we look."""
    lines = resolve(cart, book, now=now)
    if isinstance(lines, Unpriced):
        return lines
    assert book.store is not None  # noqa: S101  a store that we do not know was a problem above
    saved = offers.apply(lines, book)
    taxed = _tax(lines, book)
    priced = _priced(lines, taxed, book)
    return PricedCart(
        currency=book.store.currency,
        lines=priced,
        totals=totals_of(priced),
        trace=_trace(lines, priced, taxed, saved, book),
        optimal=saved.optimal,
    )


def settle(lines: Sequence[Line], book: Pricebook) -> tuple[tuple[PricedLine, ...], list[dict[str, Any]]]:
    """What lines come to on which all promotion amounts stand already, and what a trace says of each."""
    taxed = _tax(lines, book)
    priced = _priced(lines, taxed, book)
    return priced, _line_traces(lines, priced, taxed)


# --- From lines to amounts -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Promoted:
    """A promotion on a line or on one piece of it, gross where prices include tax."""

    terms: PromotionTerms
    amount: Decimal


@dataclass(slots=True)
class _Taxed:
    """How a line is taxed: per piece where the store's amounts are those of one piece."""

    subject: Taxable
    promoted: tuple[_Promoted, ...]
    holiday: HolidayTerms | None
    tax: Decimal
    times: int


def _tax(lines: Sequence[Line], book: Pricebook) -> list[_Taxed]:
    store = _store(book)
    named = {code for line in lines for code in line.promotions}
    by_code = {terms.code: terms for terms in book.promotions if terms.code in named}
    drafts = []
    for line in lines:
        promoted = tuple([_Promoted(by_code[code], amount) for code, amount in line.promotions.items()])
        if len(promoted) > 1:
            promoted = tuple(sorted(promoted, key=_wire_order))
        holiday = holiday_of(line, _store_paid(promoted), book.holidays) if book.holidays else None
        rate = ZERO if holiday or line.tax.exempt else sum([part.rate for part in line.tax.parts], ZERO)
        drafts.append((line, promoted, holiday, rate))
    if store.amounts_of_one_piece:
        drafts = [(line, _per_piece(line, promoted), holiday, rate) for line, promoted, holiday, rate in drafts]
    subjects = [_subject(line, promoted, rate, store) for line, promoted, _, rate in drafts]
    taxes = tax_each(subjects, store)
    return [
        _Taxed(subject, promoted, holiday, tax, line.pieces if store.amounts_of_one_piece else 1)
        for (line, promoted, holiday, _), subject, tax in zip(drafts, subjects, taxes, strict=True)
    ]


def _wire_order(promoted: _Promoted) -> tuple[bool, str]:
    return promoted.terms.kind == SPEND_GET, promoted.terms.code


def _store_paid(promoted: Sequence[_Promoted]) -> Decimal:
    return sum([one.amount for one in promoted if not one.terms.paid_by_vendor], ZERO)


def _per_piece(line: Line, promoted: Sequence[_Promoted]) -> tuple[_Promoted, ...]:
    """Each promotion rounded up to the next cent per piece, never more than is left of the piece."""
    left = line.price.amount
    pieces = []
    for one in promoted:
        amount = min(round_up(one.amount / line.pieces), left)
        left -= amount
        if amount:
            pieces.append(_Promoted(one.terms, amount))
    return tuple(pieces)


def _subject(line: Line, promoted: Sequence[_Promoted], rate: Decimal, store: StoreTerms) -> Taxable:
    taxed_fees = sum([fee.amount for fee in line.fees if fee.taxed], ZERO)
    one_piece = store.amounts_of_one_piece
    return Taxable(
        price=line.price.amount if one_piece else line.line_price,
        store_paid=_store_paid(promoted),
        taxed_fees=taxed_fees if one_piece else taxed_fees * line.pieces,
        rate=rate,
    )


def _priced(lines: Sequence[Line], taxed: Sequence[_Taxed], book: Pricebook) -> tuple[PricedLine, ...]:
    return tuple(
        PricedLine(line.number, line.product.sku, line.product.name, line=whole, sent=sent)
        for line, (whole, sent) in zip(lines, _amounts(lines, taxed, book), strict=True)
    )


def _amounts(lines: Sequence[Line], taxed: Sequence[_Taxed], book: Pricebook) -> list[tuple[Amounts, Amounts]]:
    """Each line's money, and what of it is sent under `unitPrice`."""
    store = _store(book)
    pairs = []
    for line, one in zip(lines, taxed, strict=True):
        sent = _sent(line, one, store)
        pairs.append((sent.times(one.times) if one.times != 1 else sent, sent))
    return pairs


def _sent(line: Line, taxed: _Taxed, store: StoreTerms) -> Amounts:
    pieces = 1 if store.amounts_of_one_piece else line.pieces
    fees = tuple([AppliedFee(fee.code, fee.description, fee.amount * pieces) for fee in line.fees])
    fees_total = sum([fee.amount for fee in fees], ZERO)
    gross_total = taxed.subject.price + fees_total - sum([one.amount for one in taxed.promoted], ZERO)
    if not store.prices_include_tax:
        return Amounts(
            price=taxed.subject.price + fees_total,
            promotions=tuple([AppliedPromotion(p.terms.code, p.terms.receipt_text, p.amount) for p in taxed.promoted]),
            fees=fees,
            sales_tax=taxed.tax,
            total=gross_total + taxed.tax,
        )
    net = tuple(
        AppliedPromotion(p.terms.code, p.terms.receipt_text, half_up(p.amount / (1 + taxed.subject.rate)))
        for p in taxed.promoted
    )
    return Amounts(
        price=gross_total - taxed.tax + sum((p.amount for p in net), ZERO),
        promotions=net,
        fees=fees,
        sales_tax=taxed.tax,
        total=gross_total,
    )


def _store(book: Pricebook) -> StoreTerms:
    if book.store is None:
        raise ValueError("a pricebook of no store prices nothing")
    return book.store


# --- The trace -----------------------------------------------------------------------------------------------------


def _trace(
    lines: Sequence[Line],
    priced: Sequence[PricedLine],
    taxed: Sequence[_Taxed],
    saved: offers.Saved,
    book: Pricebook,
) -> Mapping[str, Any]:
    """Why the amounts are what they are: enough to compute them again."""
    store = _store(book)
    return {
        "version": TRACE_VERSION,
        "store_id": store.store_id,
        "moment": book.moment.isoformat(),
        "local_time": book.moment.astimezone(store.zone).isoformat(),
        "settings": {
            "prices_include_tax": store.prices_include_tax,
            "tax_rounding": "ORDER" if store.taxed_by_order else "LINE",
            "amount_basis": "UNIT" if store.amounts_of_one_piece else "LINE",
        },
        "lines": _line_traces(lines, priced, taxed),
        "applications": [application.trace() for application in saved.applications],
        "basket": saved.basket and saved.basket.trace(),
        "not_applied": [miss.trace() for miss in saved.misses],
        "optimal": saved.optimal,
    }


def _line_traces(lines: Sequence[Line], priced: Sequence[PricedLine], taxed: Sequence[_Taxed]) -> list[dict[str, Any]]:
    return [_line_trace(line, whole, one) for line, whole, one in zip(lines, priced, taxed, strict=True)]


def _line_trace(line: Line, priced: PricedLine, taxed: _Taxed) -> dict[str, Any]:
    price = line.price
    parts = () if line.tax.exempt else line.tax.parts
    shares = split(priced.line.sales_tax, [part.rate for part in parts])
    trace: dict[str, Any] = {
        "number": line.number,
        "product_id": line.sent.product_id,
        "sku": line.product.sku,
        "name": line.product.name,
        "quantity": str(line.quantity),
        "weight_unit": line.product.weight_unit,
        "price": {
            "row": price.row,
            "amount": str(price.amount),
            "store_id": price.store_id,
            "temporary": price.temporary,
            "starts_at": price.starts_at.isoformat(),
        },
        "line_price": str(line.line_price),
        "promotions": [
            {
                "code": one.terms.code,
                "row": one.terms.row,
                "text": one.terms.receipt_text,
                "funding": "VENDOR" if one.terms.paid_by_vendor else "STORE",
                "amount": str(one.amount),
            }
            for one in taxed.promoted
        ],
        "fees": [
            {"code": fee.code, "description": fee.description, "amount": str(fee.amount), "taxed": fee.taxed}
            for fee in line.fees
        ],
        "tax": {
            "category": line.tax.category,
            "exempt": line.tax.exempt,
            "holiday": taxed.holiday and taxed.holiday.trace(),
            "rate": str(taxed.subject.rate),
            "base": str(taxed.subject.base),
            "amount": str(priced.line.sales_tax),
            "parts": [
                {"code": part.code, "jurisdiction": part.jurisdiction, "rate": str(part.rate), "amount": str(share)}
                for part, share in zip(parts, shares, strict=True)
            ],
        },
        "total": str(priced.line.total),
    }
    if not line.product.listed:
        trace["note"] = "not listed for this store, but it has a price"
    return trace
