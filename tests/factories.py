"""Rows for tests, each valid by itself; tell a factory only what the test is about.

`PurchaseFactory(ordered=True)`, or `parked`, `under_way`, `refused`, `closed`, `empty`, makes a purchase of that status
whose lines, body and totals agree.
"""

import hashlib
import html
import json
import re
import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.messages import get_messages
from django.test import Client, override_settings
from django.utils import timezone

from catalog.models import (
    AcceptedCode,
    Barcode,
    BarcodeType,
    CatalogItem,
    CatalogMessage,
    CatalogRun,
    CatalogUpload,
    Product,
    ProductFinding,
    QueueReading,
    Retirement,
    Severity,
    SoldBy,
    Store,
    StoreList,
    UploadCall,
    UploadLine,
)
from catalog.statuses import CallKind, ItemState, MessageState, UploadKind, UploadStatus
from jwo_store.models import Alarm, Assignment, Heartbeat, Pace
from jwo_store.roles import sync_groups
from orders.models import (
    CartConflict,
    CheckoutAttempt,
    Problem,
    Purchase,
    PurchaseLine,
    PurchaseNote,
    RefusedCart,
)
from orders.statuses import Outcome, Status
from pricing.models import (
    BEGINNING,
    Fee,
    Price,
    Promotion,
    PromotionKind,
    TaxAssignment,
    TaxCategory,
    TaxHoliday,
    TaxRule,
)

if TYPE_CHECKING:  # factory-boy says that it is typed, but calling a factory gives the factory: so all of it is Any
    factory: Any

    class DjangoModelFactory(Any):  # type: ignore[misc]
        pass
else:
    import factory
    from factory.django import DjangoModelFactory

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "correct horse battery staple"


def assign(person: User, role: str, *stores: Any) -> User:
    """Give the person this role in these stores, or in all of them."""
    sync_groups()
    group = Group.objects.get(name=role)
    for store in stores or (None,):
        Assignment.objects.create(person=person, role=group, store=store)
    return person


def joins(role: str) -> Any:
    """In all stores, unless `role=[store, …]` says in which."""

    def join(user: User, _create: bool, stores: Any, **_: Any) -> None:  # noqa: FBT001  factory-boy's signature
        assign(user, role, *(stores or ()))

    return factory.post_generation(join)


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = factory.django.Password(PASSWORD)
    is_staff = True


class OwnerFactory(UserFactory):
    """May do everything."""

    is_superuser = True


class ManagerFactory(UserFactory):
    role = joins("Manager")


class AdministratorFactory(UserFactory):
    role = joins("Administrator")


class CashierFactory(UserFactory):
    role = joins("Staff")


class StrangerFactory(UserFactory):
    """Has a login, but is no member of staff."""

    is_staff = False


class FormReader(HTMLParser):
    """What a browser would send of the form with this id, if nothing were changed in it."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.values: dict[str, list[str]] = {}
        self._inside = False
        self._select = ""
        self._textarea: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("id") == self.form_id
        elif self._inside:
            self._read(tag, given)

    def _read(self, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        ticked = given.get("type") in ("checkbox", "radio")
        if tag == "input" and name and (not ticked or "checked" in given):
            self.values.setdefault(name, []).append(given.get("value", "on" if ticked else ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.values.setdefault(self._select, []).append(given["value"])
        elif tag == "textarea":
            self._textarea = name
            self.values[name] = [""]

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea][0] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = None


class Browser(Client):
    """Somebody in front of the admin, whose static files need not be collected for a test."""

    def request(self, **request: Any) -> Any:
        as_they_are = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
        with override_settings(STORAGES={**settings.STORAGES, "staticfiles": as_they_are}):
            return super().request(**request)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return super().get(*args, **kwargs)

    def post(self, *args: Any, **kwargs: Any) -> Any:
        return super().post(*args, **kwargs)

    def submit(self, url: str, form_id: str, **changes: Any) -> Any:
        """Open the page, change these fields of its form, and save; a reason that is asked for is given, if none is."""
        page = self.get(url)
        assert page.status_code == 200, page.status_code
        reader = FormReader(form_id)
        reader.feed(page.content.decode())
        reason = {"reason": "As in the test."} if reader.values.get("reason") == [""] else {}
        return self.post(url, {**reader.values, **reason, **changes, "_save": "Save"})


def said(response: Any) -> list[str]:
    """The messages that the page after this answer shows."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def faults(response: Any) -> dict[str, list[str]]:
    """What the form of this page finds wrong, by field."""
    form = response.context["adminform"].form
    return {name: [str(error) for error in errors] for name, errors in form.errors.items()}


def text_of(response: Any) -> str:
    """The words of a page, without its tags."""
    content: str = response.content.decode()
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", content)).split())


def signed_in(user: User) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


class AlarmFactory(DjangoModelFactory):
    class Meta:
        model = Alarm

    kind = "Cart waits for a repair"
    subject = factory.Sequence(lambda n: f"ARENA-EAST-12: COLA-{n}")
    text = "There is no price for this product. Add one; then price the cart again."
    link = "/admin/orders/purchase/"
    environment = "sandbox"
    first_at = factory.LazyFunction(timezone.now)
    last_at = factory.SelfAttribute("first_at")


class HeartbeatFactory(DjangoModelFactory):
    class Meta:
        model = Heartbeat

    name = factory.Sequence(lambda n: f"job{n}")
    at = factory.LazyFunction(timezone.now)


class PaceFactory(DjangoModelFactory):
    class Meta:
        model = Pace

    name = factory.Sequence(lambda n: f"pace{n}")
    next_at = factory.LazyFunction(timezone.now)


class StoreFactory(DjangoModelFactory):
    class Meta:
        model = Store

    store_id = factory.Sequence(lambda n: f"ARENA-EAST-{n + 100}")  # never that of `tests.orders.shop`
    name = factory.LazyAttribute(lambda store: store.store_id.replace("-", " ").title())
    time_zone = "America/New_York"


class RelatedRowsFactory(DjangoModelFactory):
    """Takes what a row relates to, such as `stores=[store]`, like any other value."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: type[Any], *args: Any, **kwargs: Any) -> Any:
        names = [field.name for field in model_class._meta.many_to_many if field.name in kwargs]
        related = {name: kwargs.pop(name) for name in names}
        row = super()._create(model_class, *args, **kwargs)
        for name, rows in related.items():
            getattr(row, name).set(rows)
        return row


class ProductFactory(RelatedRowsFactory):
    """Sold by the piece in all stores; `weighed=True` for one sold by the pound, `stores=[…]` for some stores."""

    class Meta:
        model = Product

    class Params:
        weighed = factory.Trait(sold_by=SoldBy.WEIGHT, weight_unit="lb")

    sku = factory.Sequence(lambda n: f"COLA-{n}")
    name = factory.LazyAttribute(lambda product: f"Example {product.sku.title()}")
    brand = "Example"
    category = "Drinks"
    subcategory = "Soft drinks"
    stores: Any = ()
    all_stores = factory.LazyAttribute(lambda product: not product.stores)


def upc(number: int) -> str:
    """A UPC-A with the right check digit."""
    digits = f"{number:011d}"
    odd, even = (sum(int(digit) for digit in digits[start::2]) for start in (0, 1))
    return digits + str(-(odd * 3 + even) % 10)


class BarcodeFactory(DjangoModelFactory):
    class Meta:
        model = Barcode

    product = factory.SubFactory(ProductFactory)
    code = factory.Sequence(lambda n: upc(12345670000 + n))
    type = BarcodeType.UPC


class AcceptedCodeFactory(DjangoModelFactory):
    class Meta:
        model = AcceptedCode

    product = factory.SubFactory(ProductFactory)
    code = "012345678900"
    type = BarcodeType.UPC
    reason = "So it is printed."
    accepted_at = factory.LazyFunction(timezone.now)
    accepted_by = factory.SubFactory(UserFactory)


class RetirementFactory(DjangoModelFactory):
    class Meta:
        model = Retirement

    product = factory.SubFactory(ProductFactory)
    reason = "Sold out for good."
    retired_at = factory.LazyFunction(timezone.now)
    retired_by = factory.SubFactory(UserFactory)


class StoreListFactory(DjangoModelFactory):
    """Names the stores that there are."""

    class Meta:
        model = StoreList

    store_ids = factory.LazyFunction(lambda: list(Store.objects.values_list("store_id", flat=True)))
    confirmed_at = factory.LazyFunction(timezone.now)
    confirmed_by = factory.SubFactory(UserFactory)


class CatalogRunFactory(DjangoModelFactory):
    class Meta:
        model = CatalogRun

    asked_at = factory.LazyFunction(timezone.now)


class CatalogUploadFactory(DjangoModelFactory):
    """Waits to be sent; or `followed`, `finished`, `unread`, `failed`, `parked`, or an `archive` call."""

    class Meta:
        model = CatalogUpload

    class Params:
        sent = factory.Trait(
            ingestion_id=factory.Sequence(lambda n: f"ing-{n:06d}"), sent_at=factory.SelfAttribute("made_at")
        )
        ended = factory.Trait(
            sent=True, due_at=None, amazon_status="DONE", told_by="asking", ended_at=factory.SelfAttribute("made_at")
        )
        followed = factory.Trait(sent=True, status=UploadStatus.FOLLOWED, amazon_status="INPROGRESS")
        finished = factory.Trait(
            ended=True,
            status=UploadStatus.FINISHED,
            report_packed=zlib.compress(b'{"items": []}'),
            report_sha256=hashlib.sha256(b'{"items": []}').hexdigest(),
            report_at=factory.SelfAttribute("made_at"),
            finished_at=factory.SelfAttribute("made_at"),
        )
        unread = factory.Trait(
            ended=True, status=UploadStatus.UNREAD, problem="Its report could not be fetched: there is no file."
        )
        failed = factory.Trait(ended=True, status=UploadStatus.FAILED, amazon_status="FATAL", problem="Given up.")
        parked = factory.Trait(status=UploadStatus.PARKED, due_at=None, problem="Amazon refused the whole call (400).")
        archive = factory.Trait(
            kind=UploadKind.ARCHIVE, store=None, content=b'{"itemSkus":[],"allApplicableStores":[]}'
        )
        content = b'{"catalogItems":[]}'

    store = factory.SubFactory(StoreFactory)
    environment = factory.LazyFunction(lambda: settings.JWO_ENVIRONMENT)
    item_count = 1
    packed = factory.LazyAttribute(lambda upload: zlib.compress(upload.content))
    sha256 = factory.LazyAttribute(lambda upload: hashlib.sha256(upload.content).hexdigest())
    made_at = factory.LazyFunction(timezone.now)
    due_at = factory.SelfAttribute("made_at")


class UploadLineFactory(DjangoModelFactory):
    class Meta:
        model = UploadLine

    upload = factory.SubFactory(CatalogUploadFactory)
    sku = factory.Sequence(lambda n: f"COLA-{n}")


class UploadCallFactory(DjangoModelFactory):
    class Meta:
        model = UploadCall

    upload = factory.SubFactory(CatalogUploadFactory)
    kind = CallKind.SEND
    started_at = factory.LazyFunction(timezone.now)
    seconds = 0.4
    host = "catalog.example"
    status = 201
    words = "Taken in."
    answer = '{"ingestionId": "ing-1"}'


class CatalogItemFactory(DjangoModelFactory):
    """At Amazon, in a store of its own."""

    class Meta:
        model = CatalogItem

    product = factory.SubFactory(ProductFactory)
    store = factory.SubFactory(StoreFactory)
    state = ItemState.LIVE
    is_priced = True
    record = factory.LazyAttribute(lambda item: json.dumps({"item_sku": item.product.sku, "standard_price": "4.25"}))
    wanted_hash = "ab" * 32
    sent_hash = factory.SelfAttribute("wanted_hash")
    live_hash = factory.LazyAttribute(lambda item: item.wanted_hash if item.state == ItemState.LIVE else "")
    changed_at = factory.LazyFunction(timezone.now)
    taken_at = factory.LazyAttribute(lambda item: item.changed_at if item.live_hash else None)


class ProductFindingFactory(DjangoModelFactory):
    class Meta:
        model = ProductFinding

    product = factory.SubFactory(ProductFactory)
    rule = "name-size"
    severity = Severity.WARNING
    sentence = "The name does not say how much is in it."
    fix = "Write the size behind it."


class CatalogMessageFactory(DjangoModelFactory):
    """Worked; its bytes are its own."""

    class Meta:
        model = CatalogMessage

    body = factory.Sequence(lambda n: json.dumps({"ingestionId": f"ing-{n:06d}", "processingStatus": "DONE"}))
    sha256 = factory.LazyAttribute(lambda message: hashlib.sha256(message.body.encode()).hexdigest())
    environment = factory.LazyFunction(lambda: settings.JWO_ENVIRONMENT)
    received_at = factory.LazyFunction(timezone.now)
    last_received_at = factory.SelfAttribute("received_at")
    kind = "Notification"
    state = MessageState.HANDLED
    reason = "Nothing new: this was known already."


class QueueReadingFactory(DjangoModelFactory):
    class Meta:
        model = QueueReading

    url = "https://sqs.us-east-1.amazonaws.com/111122223333/jwo-catalog-results"
    arn = "arn:aws:sqs:us-east-1:111122223333:jwo-catalog-results"
    redrive_policy = json.dumps({"deadLetterTargetArn": f"{arn}-dead", "maxReceiveCount": 5})
    visibility_timeout = 60
    dead_letters = 0
    read_at = factory.LazyFunction(timezone.now)


class PriceFactory(DjangoModelFactory):
    class Meta:
        model = Price

    product = factory.SubFactory(ProductFactory)
    amount = Decimal("4.25")
    starts_at = LONG_AGO


class TaxCategoryFactory(DjangoModelFactory):
    class Meta:
        model = TaxCategory

    code = factory.Sequence(lambda n: f"SOFT-DRINK-{n}")
    name = "Soft drinks"


class TaxAssignmentFactory(DjangoModelFactory):
    class Meta:
        model = TaxAssignment

    product = factory.SubFactory(ProductFactory)
    tax_category = factory.SubFactory(TaxCategoryFactory)
    starts_at = BEGINNING


class CodedFactory(RelatedRowsFactory):
    """Holds in all stores, or in the given `stores` only."""

    class Meta:
        abstract = True

    code = factory.Sequence(lambda n: f"CODE-{n}")
    starts_at = LONG_AGO
    stores: Any = ()
    all_stores = factory.LazyAttribute(lambda row: not row.stores)


class PromotionFactory(CodedFactory):
    class Meta:
        model = Promotion

    name = "10 % off drinks"
    receipt_text = "Drinks 10% off"
    kind = PromotionKind.PERCENT_OFF
    percent = Decimal(10)
    targets: Any = factory.LazyFunction(lambda: {"categories": ["Drinks"]})


class FeeFactory(CodedFactory):
    class Meta:
        model = Fee

    description = "Bottle deposit"
    amount = Decimal("0.05")
    products: Any = ()


class TaxRuleFactory(CodedFactory):
    class Meta:
        model = TaxRule

    jurisdiction = "New York State"
    rate = Decimal("0.04")
    tax_categories: Any = ()


class TaxHolidayFactory(CodedFactory):
    class Meta:
        model = TaxHoliday

    name = "Back to school"
    tax_categories: Any = ()


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "USD"}


def checkout_body(trip_id: str, sku: str = "COLA-1") -> bytes:
    """One cola at 4.25 with 0.50 off and 0.31 tax, as it goes to Amazon."""
    unit_price = {
        "price": usd("4.25"),
        "promotions": [{"promotionAmount": usd("0.50"), "promotionDescription": "Second period special"}],
        "salesTax": usd("0.31"),
        "totalPrice": usd("4.06"),
    }
    line = {"productId": sku, "type": "SKU", "quantity": {"value": "1.0", "unit": "unit"}, "unitPrice": unit_price}
    totals = {
        "subTotal": usd("4.25"),
        "promotionsTotal": usd("0.50"),
        "salesTaxTotal": usd("0.31"),
        "priceTotal": usd("4.06"),
    }
    return json.dumps({"idempotentShoppingTripId": trip_id, "lineItems": [line], "orderTotals": totals}).encode()


def add_line(purchase: Purchase, create: bool, lines: int | None, **_: Any) -> None:  # noqa: FBT001  factory-boy's
    """One line, unless `lines=0` is asked for."""
    if create and lines is None and purchase.status != Status.EMPTY:
        PurchaseLineFactory(purchase=purchase, priced=purchase.price_total is not None)


class PurchaseFactory(DjangoModelFactory):
    class Meta:
        model = Purchase
        skip_postgeneration_save = True

    class Params:
        sku = "COLA-1"
        priced = factory.Trait(
            currency="USD",
            sub_total=Decimal("4.25"),
            promotions_total=Decimal("0.50"),
            sales_tax_total=Decimal("0.31"),
            price_total=Decimal("4.06"),
            priced_at=factory.SelfAttribute("trip_ended_at"),
            body=factory.LazyAttribute(lambda purchase: checkout_body(purchase.trip_id, purchase.sku)),
            trace=factory.LazyFunction(lambda: json.dumps({"optimal": True, "lines": []})),
        )
        parked = factory.Trait(status=Status.UNPRICED)
        empty = factory.Trait(status=Status.EMPTY)
        under_way = factory.Trait(
            priced=True, status=Status.AWAITING_CHECKOUT, submit_after=factory.SelfAttribute("received_at")
        )
        ordered = factory.Trait(
            priced=True,
            status=Status.ORDERED,
            order_id=factory.Sequence(lambda n: f"113-{n:07d}-0000001"),
            ordered_at=factory.SelfAttribute("received_at"),
        )
        refused = factory.Trait(priced=True, status=Status.REJECTED, refusal="InvalidCartTotalException")
        closed = factory.Trait(priced=True, status=Status.CLOSED, closed_reason="The shopper paid at the desk.")

    trip_id = factory.Sequence(lambda n: f"trip-{n:06d}")
    request_id = factory.Sequence(lambda n: f"request-{n:06d}")
    store = factory.SubFactory(StoreFactory)
    environment = factory.LazyFunction(lambda: settings.JWO_ENVIRONMENT)
    status = Status.UNPRICED
    answer = factory.SelfAttribute("purchase_id")
    purchase_id = factory.LazyFunction(lambda: Purchase._meta.get_field("purchase_id").get_default())
    received_at = factory.LazyFunction(timezone.now)
    deadline_from = factory.SelfAttribute("received_at")
    trip_started_at = factory.LazyAttribute(lambda purchase: purchase.received_at - timedelta(minutes=9))
    trip_ended_at = factory.LazyAttribute(lambda purchase: purchase.received_at - timedelta(minutes=1))
    raw = factory.LazyAttribute(lambda purchase: json.dumps({"idempotentShoppingTripId": purchase.trip_id}).encode())
    raw_sha256 = factory.LazyAttribute(lambda purchase: hashlib.sha256(purchase.raw).hexdigest())
    content_sha256 = factory.SelfAttribute("raw_sha256")

    lines = factory.post_generation(add_line)


class PurchaseLineFactory(DjangoModelFactory):
    class Meta:
        model = PurchaseLine

    class Params:
        priced = factory.Trait(
            price=Decimal("4.25"),
            promotions=Decimal("0.50"),
            fees=Decimal("0.00"),
            sales_tax=Decimal("0.31"),
            total=Decimal("4.06"),
            name="Example Cola 500 ml",
        )

    purchase = factory.SubFactory(PurchaseFactory, lines=0)
    number = 0
    product_id = "COLA-1"
    type = "SKU"
    quantity = "1.0"
    unit = "unit"
    sku = factory.SelfAttribute("product_id")


class ProblemFactory(DjangoModelFactory):
    class Meta:
        model = Problem

    purchase = factory.SubFactory(PurchaseFactory, parked=True)
    line = 0
    product_id = "COLA-1"
    cause = "price"
    message = "COLA-1 had no price in this store when the shopper left."


class CheckoutAttemptFactory(DjangoModelFactory):
    class Meta:
        model = CheckoutAttempt

    purchase = factory.SubFactory(PurchaseFactory, under_way=True)
    number = factory.LazyAttribute(lambda attempt: attempt.purchase.attempts.count() + 1)
    started_at = factory.LazyFunction(timezone.now)
    seconds = 0.4
    environment = factory.LazyFunction(lambda: settings.JWO_ENVIRONMENT)
    host = "127.0.0.1:9000"
    status = 503
    words = "Service Unavailable"
    outcome = Outcome.UNAVAILABLE


class CartConflictFactory(DjangoModelFactory):
    class Meta:
        model = CartConflict

    purchase = factory.SubFactory(PurchaseFactory)
    received_at = factory.LazyFunction(timezone.now)
    request_id = factory.Sequence(lambda n: f"other-request-{n}")
    raw = factory.LazyAttribute(lambda conflict: conflict.request_id.encode())
    raw_sha256 = factory.LazyAttribute(lambda conflict: hashlib.sha256(conflict.raw).hexdigest())
    content_sha256 = factory.LazyAttribute(lambda conflict: conflict.raw_sha256)


class RefusedCartFactory(DjangoModelFactory):
    class Meta:
        model = RefusedCart

    raw = factory.Sequence(lambda n: json.dumps({"requestId": n}).encode())
    raw_sha256 = factory.LazyAttribute(lambda cart: hashlib.sha256(cart.raw).hexdigest())
    faults: Any = factory.LazyFunction(lambda: [{"path": "$.storeId", "message": "is missing"}])
    environment = factory.LazyFunction(lambda: settings.JWO_ENVIRONMENT)
    received_at = factory.LazyFunction(timezone.now)
    last_received_at = factory.SelfAttribute("received_at")


class PurchaseNoteFactory(DjangoModelFactory):
    class Meta:
        model = PurchaseNote

    purchase = factory.SubFactory(PurchaseFactory)
    at = factory.LazyFunction(timezone.now)
    text = "The shopper called."
