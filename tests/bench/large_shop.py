"""A retailer of three stores after 400 days, written by plain SQL: nothing else fills a million purchases in minutes.

Shares are those of life: most purchases are ordered, some carts were empty, few wait or were refused, nearly all of
that lately. A column that is not named here gets its model's default, so that new columns change nothing here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import NOT_PROVIDED, Model

from catalog.models import (
    Barcode,
    CatalogItem,
    CatalogMessage,
    CatalogRun,
    CatalogUpload,
    Product,
    ProductFinding,
    Retirement,
    Store,
    UploadLine,
)
from jwo_store.models import Alarm, Assignment
from orders.models import (
    CheckoutAttempt,
    FinanceExport,
    Problem,
    PromotionSaving,
    Purchase,
    PurchaseLine,
    PurchaseNote,
    RefusedCart,
)
from pricing.models import (
    ChangedPrice,
    Fee,
    Price,
    PriceChange,
    Promotion,
    PromotionTarget,
    TaxAssignment,
    TaxCategory,
    TaxHoliday,
    TaxRule,
)

STORES = ("SHOP-1", "SHOP-2", "SHOP-3")
STORE = "'SHOP-' || 1 + n % 3"
DAYS = 400
NOUNS = "'{Almond,Apple,Banana,Basil,Bread,Butter,Carrot,Cheese,Cherry,Chips,Coffee,Cookie,Cola,Crackers,Dates,Fig,\
Garlic,Ginger,Grape,Ham,Honey,Juice,Kiwi,Lemon,Lime,Mango,Milk,Mint,Nuts,Oats,Olive,Onion,Pasta,Peach,Pear,Pepper,Plum,\
Rice,Salt,Soap}'::text[]"


def stock(purchases: int, products: int, promotions: int, person: int) -> None:
    """Fill an empty, migrated database; `person` is the key of who did what was done by hand."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    stores()
    _products(products)
    prices(products, person)
    _promotions(promotions, products)
    at_amazon(products, person)
    _purchases(purchases, products, promotions, person)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


# --- Rows ----------------------------------------------------------------------------------------------------------


def fill(model: type[Model], rows: str, **columns: str) -> None:
    """Insert into the model's table: an SQL expression for each field that is named, over the rows of a FROM clause."""
    given = {**{name: value for name, value in _defaults(model).items() if name not in columns}, **columns}
    named: list[Any] = [model._meta.get_field(name) for name in given]
    into = ", ".join(f'"{field.column}"' for field in named)
    _run(model, f"INSERT INTO {model._meta.db_table} ({into}) SELECT {', '.join(given.values())} FROM {rows}")  # noqa: S608


def _defaults(model: type[Model]) -> dict[str, str]:
    found = {}
    for field in model._meta.concrete_fields:
        default: Any = getattr(field, "default", NOT_PROVIDED)
        if default is not NOT_PROVIDED and not callable(default):
            found[field.name] = _literal(default)
        elif field.primary_key and field.get_internal_type() == "UUIDField":
            found[field.name] = "gen_random_uuid()"
        elif not field.null and field.get_internal_type() in {"CharField", "TextField"} and default is NOT_PROVIDED:
            found[field.name] = "''"
    return found


def _literal(value: Any) -> str:
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def note(model: Any, person: int, when: str = "starts_at") -> None:
    """One record in the history for each row of the table."""
    noted = model.history.model
    tracked = {field.column for field in model._meta.concrete_fields} & {f.column for f in noted._meta.concrete_fields}
    columns = ", ".join(f'"{column}"' for column in sorted(tracked))
    _run(
        noted,
        f"INSERT INTO {noted._meta.db_table} ({columns}, history_id, history_date, history_user_id, history_type, "  # noqa: S608
        f"history_source, history_change_reason) SELECT {columns}, gen_random_uuid(), least(now(), {when}), {person}, "
        f"'+', '', 'As agreed' FROM {model._meta.db_table}",
    )
    for relation in noted._history_m2m_fields:
        _note_related(model, noted, relation)


def _note_related(model: Any, noted: Any, relation: Any) -> None:
    """What the rows' relations to many held, in those records."""
    kept, held = getattr(noted, relation.name).model, relation.remote_field.through
    one, other = (f"{name}_id" for name in (relation.m2m_field_name(), relation.m2m_reverse_field_name()))
    _run(
        kept,
        f"INSERT INTO {kept._meta.db_table} (m2m_history_id, id, {one}, {other}, history_id) "  # noqa: S608
        f"SELECT gen_random_uuid(), h.id, h.{one}, h.{other}, r.history_id "
        f"FROM {held._meta.db_table} h JOIN {noted._meta.db_table} r ON r.{model._meta.pk.column} = h.{one}",
    )


def _run(model: type[Model], sql: str) -> None:
    """Without triggers and checks of relations; indexes that hold no constraint are built when the rows are there."""
    with transaction.atomic(), connection.cursor() as cursor, _indexes_later(cursor, model._meta.db_table):
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)


@contextmanager
def _indexes_later(cursor: Any, table: str) -> Iterator[None]:
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass "
        "AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)",
        [table],
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _, definition in found:
        cursor.execute(definition)


def numbers(count: int) -> str:
    return f"generate_series(1, {max(1, count)}) n"


# --- What is sold --------------------------------------------------------------------------------------------------


def stores() -> None:
    fill(
        Store,
        "generate_series(0, 2) n",
        store_id=STORE,
        name="'Shop ' || (1 + n)",
        time_zone="(ARRAY['America/New_York', 'America/Chicago', 'America/New_York'])[1 + n]",
    )
    fill(TaxCategory, "generate_series(0, 4) n", code="'TAX-' || n", name="'Category ' || n")
    began = f"now() - interval '{DAYS} days'"
    fill(Fee, numbers(3), code="'FEE-' || n", description="'Deposit ' || n", amount="5 * n", starts_at=began)
    fill(TaxRule, numbers(3), code="'RULE-' || n", jurisdiction="'State ' || n", rate="4000000 / n", starts_at=began)
    rules, holidays = TaxRule.tax_categories.through, TaxHoliday.tax_categories.through
    fill(rules, f"{TaxRule._meta.db_table} r, generate_series(0, 4) n", taxrule="r.id", taxcategory="'TAX-' || n")
    over = {"starts_at": f"{began} + n * interval '30 days'", "ends_at": f"{began} + n * interval '33 days'"}
    fill(TaxHoliday, numbers(12), code="'HOLIDAY-' || n", name="'Holiday ' || n", **over)
    fill(holidays, f"{TaxHoliday._meta.db_table} h", taxholiday="h.id", taxcategory="'TAX-1'")


def sku(number: str) -> str:
    return f"'SKU-' || lpad(({number})::text, 6, '0')"


def _products(products: int) -> None:
    fill(
        Product,
        numbers(products),
        sku=sku("n"),
        name=f"({NOUNS})[1 + n % 40] || ' No ' || n || ', 500 ml'",
        brand="'Brand ' || n % 200",
        category="'Category ' || n % 40",
        subcategory="'Shelf ' || n % 7",
        all_stores="n % 5 > 0",
    )
    some = Product.stores.through
    fill(some, f"{numbers(products)}, generate_series(1, 2) s WHERE n % 5 = 0", product=sku("n"), store="'SHOP-' || s")
    code = "lpad((7 * n)::text, 12, '0')"
    fill(Barcode, numbers(products), product=sku("n"), code=code, type="'UPC'", lookup_key=code)
    code = "'5' || lpad((7 * n)::text, 12, '0')"
    more = f"{numbers(products)} WHERE n % 3 = 0"
    fill(Barcode, more, product=sku("n"), position="1", code=code, type="'EAN'", lookup_key=code)
    fill(TaxAssignment, numbers(products), product=sku("n"), tax_category="'TAX-' || n % 5", starts_at="'1970-01-01Z'")


def prices(products: int, person: int) -> None:
    """A former and a present price of each product; a store's own, temporary ones, and ones that are yet to start."""
    amount = "199 + (n * 37) % 1800"
    turn = "now() - interval '1 day' - (n % 300) * interval '1 day' - (n % 86400) * interval '1 second'"
    began = f"now() - interval '{DAYS} days'"
    each = {"product": sku("n"), "amount": amount}
    fill(Price, numbers(products), **{**each, "amount": f"{amount} - 10"}, starts_at=began, ends_at=turn)
    fill(Price, numbers(products), **each, starts_at=turn)
    own = f"{numbers(products)} WHERE n % 4 = 0"
    fill(Price, own, **{**each, "amount": f"{amount} + 20"}, store="'SHOP-1'", starts_at=turn)
    soon = {"starts_at": "now() - interval '2 days'", "ends_at": "now() + (1 + n % 20) * interval '1 day'"}
    fill(Price, f"{numbers(products)} WHERE n % 20 = 0", **each, temporary="true", **soon)
    later = {"starts_at": "now() + (1 + n % 40) * interval '1 day'", "ends_at": "now() + interval '60 days'"}
    fill(Price, f"{numbers(products)} WHERE n % 50 = 0", **each, temporary="true", **later)
    for model in (Price, TaxRule, Fee, TaxHoliday):
        note(model, person)
    for other in (Product, TaxCategory, Store):
        note(other, person, f"now() - random() * interval '{DAYS} days'")
    changes = max(1, products // 500)
    made = f"now() - n * interval '{DAYS} days' / {changes + 1}"
    words = {"words": "'Category ' || n % 40 || ': up by 3 percent'", "reason": "'New price list'"}
    fill(PriceChange, numbers(changes), **words, made_at=made, made_by=str(person), starts_at=made, temporary="false")
    of = f"{PriceChange._meta.db_table} c, generate_series(1, 100) n"
    row = {"product": sku(f"1 + (c.id * 100 + n) % {products}"), "before": amount, "after": f"{amount} + 10"}
    fill(ChangedPrice, of, change="c.id", **row, made="gen_random_uuid()", temporary="false", starts_at="c.starts_at")


def _promotions(promotions: int, products: int) -> None:
    """One in twenty is in force, fewer are yet to start or still drafts; the others are over."""
    week = "interval '7 days'"
    over, long_ago = f"now() - (n % 50) * {week}", f"now() - (n % 50 + 1) * {week}"
    skus = f"(SELECT jsonb_agg({sku(f'1 + (n * 50 + k * 7) % {products}')}) FROM generate_series(1, 5) k)"  # noqa: S608
    fill(
        Promotion,
        numbers(promotions),
        code="'PROMO-' || lpad(n::text, 5, '0')",
        name=f"({NOUNS})[1 + n % 40] || ' week ' || n",
        receipt_text="'Week of savings'",
        kind="CASE WHEN n % 5 = 0 THEN 'MULTI_BUY' ELSE 'PERCENT_OFF' END",
        percent="CASE WHEN n % 5 > 0 THEN 100000 END",
        amount="CASE WHEN n % 5 = 0 THEN 500 END",
        count="CASE WHEN n % 5 = 0 THEN 3 END",
        targets=f"jsonb_build_object('skus', {skus})",
        all_stores="n % 4 > 0",
        weekdays="'[]'::jsonb",
        starts_at=f"CASE WHEN n % 200 = 1 THEN NULL WHEN n % 20 = 0 THEN now() - (n % 7) * interval '1 day' "
        f"WHEN n % 40 = 2 THEN now() + (n % 60 + 1) * interval '1 day' ELSE {long_ago} - interval '1 hour' END",
        ends_at=f"CASE WHEN n % 200 = 1 OR n % 100 = 20 THEN NULL WHEN n % 20 = 0 THEN now() + (n % 30 + 1) * "
        f"interval '1 day' WHEN n % 40 = 2 THEN now() + interval '90 days' ELSE {over} - interval '1 minute' END",
    )
    table = Promotion._meta.db_table
    some = Promotion.stores.through
    fill(some, f"{table} p WHERE NOT p.all_stores", promotion="p.id", store="'SHOP-1'")
    started = f"{table} p, jsonb_array_elements_text(p.targets->'skus') s WHERE p.starts_at IS NOT NULL"
    fill(PromotionTarget, started, promotion="p.id", role="0", key="'sku:' || s", excluded="false")
    note(Promotion, 1, "coalesce(starts_at, now())")


# --- At Amazon -----------------------------------------------------------------------------------------------------


def at_amazon(products: int, person: int) -> None:
    uploads, ago = DAYS, f"now() - ({DAYS} - n) * interval '1 day'"
    fill(CatalogRun, numbers(uploads), asked_at=ago, finished_at=ago, is_scheduled="n % 3 > 0", item_count="100")
    fill(
        CatalogUpload,
        numbers(3 * uploads),
        run="1 + n / 3",
        store=STORE,
        environment="'sandbox'",
        item_count="100",
        packed="'\\x00'",
        sha256="md5(n::text)",
        made_at=f"now() - ({3 * uploads} - n) * interval '8 hours'",
        status="CASE WHEN n % 97 = 0 THEN 'PARKED' WHEN n % 89 = 0 THEN 'FAILED' ELSE 'FINISHED' END",
        ingestion_id="'ing-' || md5(n::text)",
        report_sha256="md5(n::text)",
        refused_count="n % 3",
        problem="CASE WHEN n % 97 = 0 THEN 'Amazon does not let us in.' ELSE '' END",
    )
    lines = f"{numbers(3 * uploads)}, generate_series(1, 100) k"
    fill(UploadLine, lines, upload="n", sku=sku(f"1 + (n * 100 + k) % {products}"), outcome="'TAKEN'")
    fill(
        CatalogMessage,
        numbers(9 * uploads),
        sha256="md5(n::text)",
        body='\'{"Type": "Notification"}\'',
        environment="'sandbox'",
        received_at=f"now() - ({9 * uploads} - n) * interval '160 minutes'",
        last_received_at="now()",
        kind="'Notification'",
        ingestion_id="'ing-' || md5((1 + n / 3)::text)",
        upload="1 + n / 3 % 1200",
        state="CASE WHEN n % 100 = 3 THEN 'ORPHAN' ELSE 'HANDLED' END",
    )
    fill(
        CatalogItem,
        f"{numbers(products)}, generate_series(1, 3) s WHERE n % 5 > 0 OR s < 3",
        product=sku("n"),
        store="'SHOP-' || s",
        state="CASE WHEN n % 211 = 0 THEN 'REFUSED' WHEN n % 101 = 0 THEN 'BLOCKED' WHEN n % 997 = 0 THEN 'CHANGED' "
        "ELSE 'LIVE' END",
        is_priced="n % 150 > 0",
        record='\'{"item_sku": "SKU-\' || n || \'", "item_name": "Product", "brand_name": "Brand"}\'',
        wanted_hash="md5(n::text)",
        sent_hash="md5(n::text)",
        live_hash="md5(n::text)",
        reason="CASE WHEN n % 211 = 0 THEN 'Amazon does not take this name.' ELSE '' END",
        upload="1 + n % 1200",
        changed_at="now() - (n % 300) * interval '1 day'",
        taken_at="now() - (n % 300) * interval '1 day'",
    )
    fill(
        ProductFinding,
        f"{numbers(products)} WHERE n % 10 = 0",
        product=sku("n"),
        rule="CASE WHEN n % 100 = 0 THEN 'no-barcode' ELSE 'long-name' END",
        severity="CASE WHEN n % 100 = 0 THEN 'ERROR' ELSE 'WARNING' END",
        sentence="'The name has more than 60 characters.'",
        fix="'Shorten it.'",
    )
    gone = f"{numbers(products)} WHERE n % 70 = 0"
    fill(Retirement, gone, product=sku("n"), reason="'Sold no more'", retired_at="now()", retired_by=str(person))


# --- Purchases -----------------------------------------------------------------------------------------------------

CROCKFORD = "upper(substr(md5('purchase' || n), 1, 4) || '-' || substr(md5('purchase' || n), 5, 4) || '-' || \
substr(md5('purchase' || n), 9, 4))"
ORDER = (
    "'1' || lpad(abs(hashint4(n)) % 100 || '', 2, '0') || '-' || lpad(abs(hashint4(n + 1)) % 10000000 || '', 7, '0')\
 || '-' || lpad(n % 10000000 || '', 7, '0')"
)


def status_of(purchases: int) -> str:
    """Nearly all is ordered. What waits, waits since lately; what Amazon refused or a person closed is rare."""
    return (
        f"CASE WHEN n % 33 = 3 THEN 'EMPTY' WHEN n % 1000 = 13 THEN 'REJECTED' WHEN n % 500 = 17 THEN 'CLOSED' "
        f"WHEN n > {purchases - 40} THEN 'AWAITING_CHECKOUT' WHEN n > {purchases * 9 // 10} AND n % 200 = 7 "
        f"THEN 'UNPRICED' ELSE 'ORDERED' END"
    )


def _purchases(purchases: int, products: int, promotions: int, person: int) -> None:
    at = f"now() - interval '{DAYS} days' * ({purchases} - n) / {purchases}"
    rows = f"(SELECT n, {at} AS at, {status_of(purchases)} AS status FROM {numbers(purchases)}) seen"  # noqa: S608
    cents = "CASE WHEN status IN ('EMPTY', 'UNPRICED') THEN NULL ELSE 199 + (n::bigint * 7919) % 9000 END"
    fill(
        Purchase,
        rows,
        purchase_id=f"'P-' || {CROCKFORD}",
        trip_id="md5('trip' || n)::uuid::text",
        request_id="md5('request' || n)::uuid::text",
        store=STORE,
        environment="'sandbox'",
        is_test="n % 400 = 5",
        status="status",
        answer=f"'P-' || {CROCKFORD}",
        received_at="at",
        caller="'arn:aws:iam::123456789012:role/connector'",
        raw="convert_to(repeat(md5('raw' || n), 25), 'UTF8')",
        raw_sha256="md5(n::text) || md5(n::text)",
        content_sha256="md5(n::text) || md5(n::text)",
        redacted_at="CASE WHEN at < now() - interval '90 days' THEN at + interval '90 days' END",
        trip_started_at="at - interval '6 minutes'",
        trip_ended_at="at - interval '20 seconds'",
        priced_at="at",
        currency="'USD'",
        sub_total=cents,
        promotions_total=f"0 * ({cents})",
        sales_tax_total=f"0 * ({cents})",
        price_total=cents,
        trace="repeat(md5('trace' || n), 30)",
        body=f"CASE WHEN ({cents}) IS NOT NULL THEN convert_to(repeat(md5('body' || n), 15), 'UTF8') END",
        submit_after="CASE WHEN status = 'AWAITING_CHECKOUT' THEN at + interval '5 minutes' END",
        deadline_from="at",
        possibly_charged="n % 5000 = 17 OR n % 3000 = 1",
        order_id=f"CASE WHEN status = 'ORDERED' THEN {ORDER} END",
        ordered_at="CASE WHEN status = 'ORDERED' THEN at + CASE WHEN n % 300 = 9 THEN 200 ELSE 2 END * "
        "interval '1 second' END",
        refusal="CASE WHEN status = 'REJECTED' THEN 'InvalidCart' ELSE '' END",
        closed_reason="CASE WHEN status = 'CLOSED' THEN 'The shopper came back and paid.' ELSE '' END",
    )
    table = Purchase._meta.db_table
    taken = f"1 + (p.id * 7919 + k * 104729) % {products}"
    line = {"price": "399", "promotions": "0", "sales_tax": "0", "fees": "0", "total": "399"}
    fill(
        PurchaseLine,
        f"{table} p, generate_series(1, 5) k WHERE p.status <> 'EMPTY' AND k <= 1 + p.id % 5",
        purchase="p.id",
        number="k",
        product_id=sku(taken),
        type="'SKU'",
        quantity="'1'",
        unit="'unit'",
        sku=sku(taken),
        name="'Product ' || k",
        **line,
    )
    fill(
        CheckoutAttempt,
        f"{table} p WHERE p.status IN ('ORDERED', 'REJECTED')",
        purchase="p.id",
        number="1",
        started_at="p.received_at",
        seconds="0.4",
        environment="'sandbox'",
        host="'checkout.example.com'",
        status="CASE WHEN p.status = 'ORDERED' THEN 200 ELSE 400 END",
        outcome="CASE WHEN p.status = 'ORDERED' THEN 'ORDERED' ELSE 'REFUSED' END",
    )
    code = f"'PROMO-' || lpad((20 * (1 + p.id % {max(1, promotions // 20)}))::text, 5, '0')"
    fill(PromotionSaving, f"{table} p WHERE p.id % 3 = 0", purchase="p.id", code=code, amount="50")
    waiting = f"{table} p WHERE p.status = 'UNPRICED'"
    fill(Problem, waiting, purchase="p.id", line="1", cause="'price'", product_id="'SKU-X'", message="'No price.'")
    closed = f"{table} p WHERE p.status = 'CLOSED'"
    fill(PurchaseNote, closed, purchase="p.id", at="p.received_at", by=str(person), text="'Closed'")
    others(purchases, person)


def others(purchases: int, person: int) -> None:
    """Refused carts, alarms, and what finance took out."""
    few = max(40, purchases // 500)  # more than the banner of every page shows
    at = f"now() - interval '{DAYS} days' * n / {few}"
    fill(
        RefusedCart,
        numbers(few),
        raw="convert_to(repeat(md5(n::text), 25), 'UTF8')",
        raw_sha256="md5(n::text)",
        faults='\'[{"path": "cartItems", "message": "is missing"}]\'::jsonb',
        environment="'sandbox'",
        received_at=at,
        last_received_at=at,
        purchase=f"CASE WHEN n % 10 > 0 THEN 1 + n % {purchases} END",
    )
    fill(
        Alarm,
        numbers(few),
        kind="(ARRAY['cart parked', 'cart refused', 'late trip'])[1 + n % 3]",
        subject="'P-' || md5(n::text)",
        text="'Look at it.'",
        environment="'sandbox'",
        first_at=at,
        last_at=at,
        emailed_at=at,
        acknowledged_at=f"CASE WHEN n > 12 THEN {at} END",
        acknowledged_by=f"CASE WHEN n > 12 THEN {person} END",
    )
    fill(
        FinanceExport,
        numbers(36),
        asked_at="now() - n * interval '10 days'",
        finished_at="now() - n * interval '10 days'",
        status="'DONE'",
        asked_by=str(person),
        first_day="now() - (n + 3) * interval '10 days'",
        last_day="now() - n * interval '10 days'",
        store_ids="'[\"SHOP-1\"]'::jsonb",
        is_test="false",
        environment="'sandbox'",
        form="'XLSX'",
        order_count="75000",
    )


def role(name: str, person: Any, store_id: str | None = None) -> None:
    """Give somebody a role in one store, or in all."""
    Assignment.objects.create(person=person, role=Group.objects.get(name=name), store_id=store_id)
