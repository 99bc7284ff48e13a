"""The list of promotions and the page on which one is written, published, stopped and brought back."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from pricing import promotions
from pricing.admin.promotions import LABELS
from pricing.models import MAY, NEEDS, VARYING, Promotion, PromotionStop
from pricing.promotions import State, state_of
from tests.factories import (
    Browser,
    CashierFactory,
    ManagerFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    StrangerFactory,
    faults,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PROMOTIONS = "/admin/pricing/promotion/"
ADD = f"{PROMOTIONS}add/"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

TEN_OFF = {
    "code": "COLA-10",
    "name": "10 % off cola",
    "receipt_text": "Cola 10% off",
    "kind": "PERCENT_OFF",
    "percent": "10",
    "targets_skus": ["COLA-1"],
}


@pytest.fixture
def manager() -> Browser:
    return signed_in(ManagerFactory())


@pytest.fixture
def goods() -> None:
    StoreFactory(name="Market Street")
    ProductFactory(sku="COLA-1", name="Example Cola")


def page(row: Promotion) -> str:
    return f"{PROMOTIONS}{row.pk}/change/"


def press(browser: Browser, row: Promotion, move: str, **entered: str) -> Any:
    return browser.post(f"{PROMOTIONS}{row.pk}/press/{move}/", entered)


def offered(browser: Browser, row: Promotion) -> list[str]:
    """Of the moves; other buttons may stand beside them."""
    moves = {text for texts in BUTTONS.values() for text in texts}
    return [text for button in browser.get(page(row)).context["page_buttons"] if (text := button["text"]) in moves]


def why(row: Promotion) -> str:
    """The reason of what was done with it last, as its history has it."""
    return str(row.history.first().history_change_reason)


def send(browser: Browser, url: str, button: str, **changes: Any) -> Any:
    """Submit the form with another button than Save."""
    return browser.submit(url, "promotion_form", **changes, **{button: "1"})


# -- the form


def test_each_kind_shows_what_it_needs_and_nothing_else_before_any_script_has_run() -> None:
    css = Path("pricing/static/pricing/promotion.css").read_text()
    rules = re.findall(r"#id_kind > :is\(([^)]*)\):checked\)\) :has\(> \.field-line\.field-(\w+)\)", css)
    shown = {field: set(re.findall(r'"(\w+)"', kinds)) for kinds, field in rules}

    assert shown.keys() == set(VARYING)
    for kind, needs in NEEDS.items():
        fields = needs | MAY.get(kind, frozenset())
        assert {field for field, kinds in shown.items() if kind in kinds} == fields == LABELS[kind].keys()


@pytest.mark.usefixtures("goods")
def test_a_draft_may_be_incomplete(manager: Browser) -> None:
    answer = send(manager, ADD, "_draft", code="IDEA", name="An idea", kind="MULTI_BUY", starts_at_0="2020-01-01")

    assert faults(answer) == {"starts_at": ["Enter a valid time."]}
    answer = send(manager, ADD, "_draft", code="IDEA", name="An idea", kind="MULTI_BUY")
    draft = Promotion.objects.get()
    assert (answer.url, said(answer)) == (page(draft), ["The draft is saved. Nobody gets it until you publish it."])
    assert (draft.is_draft, draft.count, draft.targets, draft.receipt_text) == (True, None, None, "")


@pytest.mark.usefixtures("goods")
def test_a_draft_is_edited_on_its_page_until_it_is_published(manager: Browser) -> None:
    start = (timezone.now() + DAY).replace(microsecond=0)
    shown = timezone.localtime(start, ZoneInfo("America/New_York"))  # the clock of the only store
    dates = {"starts_at_0": f"{shown:%Y-%m-%d}", "starts_at_1": f"{shown:%H:%M:%S}"}
    send(manager, ADD, "_draft", code="IDEA", name="An idea", kind="PERCENT_OFF", **dates)
    draft = Promotion.objects.get()
    assert draft.planned_start == start

    manager.submit(page(draft), "promotion_form", name="A better idea", code="BETTER")
    draft.refresh_from_db()
    assert (draft.name, draft.code, draft.is_draft) == ("A better idea", "BETTER", True)
    assert draft.planned_start == start

    answer = send(manager, page(draft), "_publish")
    assert faults(answer) == {
        "receipt_text": ["This field is required."],
        "percent": ["Say how many percent."],
        "targets": ["Choose the products. If you mean everything, say so."],
    }
    draft.refresh_from_db()
    assert draft.is_draft

    filled = {"receipt_text": "Less", "percent": "5", "targets_skus": ["COLA-1"]}
    answer = send(manager, page(draft), "_publish", **filled)
    draft.refresh_from_db()
    assert (answer.url, draft.starts_at) == (page(draft), start)
    assert said(answer)[0].startswith("Published: “A better idea” starts on ")


@pytest.mark.usefixtures("goods")
def test_publishing_without_a_start_is_live_at_once(manager: Browser) -> None:
    send(manager, ADD, "_draft", **TEN_OFF)
    draft = Promotion.objects.get()

    answer = send(manager, page(draft), "_publish")

    draft.refresh_from_db()
    assert state_of(draft, timezone.now()) == State.LIVE
    assert said(answer) == ["Published: “10 % off cola” is live now."]


@pytest.mark.usefixtures("goods")
def test_a_draft_that_could_not_be_published_is_shown_as_a_draft(manager: Browser) -> None:
    send(manager, ADD, "_draft", **TEN_OFF)
    draft = Promotion.objects.get()

    answer = send(manager, page(draft), "_publish", reason="")

    assert faults(answer) == {"reason": ["Say why."]}
    assert answer.context["told"]["state"] == State.DRAFT
    texts = [button["text"] for button in answer.context["page_buttons"]]
    assert "Delete draft…" in texts
    assert "Stop now" not in texts
    assert "code" not in answer.context["adminform"].readonly_fields


@pytest.mark.usefixtures("goods")
@pytest.mark.parametrize("button", ["_draft", "_publish"])
def test_a_draft_that_somebody_has_published_meanwhile_is_left_alone(manager: Browser, button: str) -> None:
    row = PromotionFactory(code="SALE", targets={"skus": ["COLA-1"]})

    answer = send(manager, page(row), button, percent="99")

    assert faults(answer) == {"__all__": ["This was published meanwhile. Load the page again."]}
    assert [(row.percent, row.ends_at) for row in Promotion.objects.all()] == [(row.percent, None)]


def test_two_drafts_do_not_share_a_code(manager: Browser) -> None:
    PromotionFactory(code="IDEA", starts_at=None)

    answer = send(manager, ADD, "_draft", code="IDEA", name="Another", kind="MULTI_BUY")

    assert faults(answer) == {"__all__": ["There is a draft with this code already."]}
    assert Promotion.objects.count() == 1


@pytest.mark.usefixtures("goods")
def test_the_sentence_and_the_counts_follow_what_is_typed(manager: Browser) -> None:
    ProductFactory(sku="NUTS-1", category="Snacks", subcategory="Nuts")
    ProductFactory(sku="BAR-1", category="Snacks", subcategory="")
    there = StoreFactory(name="Harbour")
    entered = {
        "kind": "BUNDLE",
        "amount": "5",
        "stores": [there.pk],
        "weekdays": ["MON"],
        "components_0_count": "1",
        "components_2_count": "2",
        "components_0_targets_categories": ["Snacks"],
        "components_2_targets_skus": ["COLA-1"],
    }

    heard = manager.post(f"{PROMOTIONS}words/", entered).json()

    assert heard["words"] == "Mondays, 1 of snacks and 2 of Example Cola together for $5.00, in Harbour."
    counts = {name: count for name, count in heard["counts"].items() if count}
    assert counts == {"components_0_targets": "2 products", "components_2_targets": "1 product"}


# -- states and buttons


BUTTONS = {
    State.DRAFT: ["Duplicate", "Delete draft…"],
    State.SCHEDULED: ["End early…", "Back to draft…", "Duplicate"],
    State.LIVE: ["Stop now", "End early…", "Duplicate"],
    State.STOPPED: ["Undo the stop", "Duplicate"],
    State.ENDED: ["Duplicate"],
}


@pytest.fixture
def one_of_each() -> dict[State, Promotion]:
    now = timezone.now()
    rows: dict[State, Promotion] = {
        State.DRAFT: PromotionFactory(code="D", starts_at=None),
        State.SCHEDULED: PromotionFactory(code="S", starts_at=now + DAY),
        State.LIVE: PromotionFactory(code="L"),
        State.STOPPED: PromotionFactory(code="P"),
        State.ENDED: PromotionFactory(code="E", ends_at=now - DAY),
    }
    promotions.stop(rows[State.STOPPED], now=now, by=ManagerFactory())
    return rows


def test_the_page_says_the_state_and_offers_what_it_allows(
    manager: Browser, one_of_each: dict[State, Promotion]
) -> None:
    for state, row in one_of_each.items():
        assert offered(manager, row) == BUTTONS[state]
        assert f" {state.label} " in text_of(manager.get(page(row)))


def test_the_button_that_stops_a_promotion_does_not_look_like_the_others(
    manager: Browser, one_of_each: dict[State, Promotion]
) -> None:
    shown = manager.get(page(one_of_each[State.LIVE])).content.decode()
    assert re.findall(r'<button class="bo-button bo-grave" type="submit">([^<]*)', shown) == ["Stop now"]
    assert "bo-grave" not in manager.get(page(one_of_each[State.STOPPED])).content.decode()


def test_the_list_is_filtered_by_state(manager: Browser, one_of_each: dict[State, Promotion]) -> None:
    for state, row in one_of_each.items():
        listed = manager.get(f"{PROMOTIONS}?state={state}").context["cl"].result_list
        assert [each.pk for each in listed] == [row.pk]


@pytest.mark.usefixtures("goods")
def test_the_list_asks_the_same_number_of_questions_for_many(
    manager: Browser, one_of_each: dict[State, Promotion]
) -> None:
    PromotionFactory(targets={"skus": ["COLA-1"]})
    manager.get(PROMOTIONS)
    with CaptureQueriesContext(connection) as few:
        manager.get(PROMOTIONS)
    for place in range(30):
        PromotionFactory(targets={"skus": [f"SKU-{place}"]}, stores=[StoreFactory()])
    with CaptureQueriesContext(connection) as many:
        manager.get(PROMOTIONS)
    assert len(many) == len(few)
    assert one_of_each


def test_staff_see_promotions_and_move_none(one_of_each: dict[State, Promotion]) -> None:
    cashier = signed_in(CashierFactory())
    for state, row in one_of_each.items():
        assert offered(cashier, row) == []
        for move in ("publish", "stop_now", "undo_stop", "end_early", "back_to_draft", "duplicate", "delete_draft"):
            assert press(cashier, row, move).status_code == 403
        assert state_of(Promotion.objects.get(pk=row.pk), timezone.now()) == state
    stranger = signed_in(StrangerFactory())
    assert stranger.get(PROMOTIONS).status_code in {302, 403}


def test_one_press_stops_and_one_takes_it_back(manager: Browser) -> None:
    StoreFactory()
    sale = PromotionFactory(code="SALE", name="Sale")

    stopped = press(manager, sale, "stop_now")
    assert stopped.url == page(sale)
    assert said(stopped) == [
        "1 promotion stopped in all stores. Trips of before keep what they got. To take it back: “Undo the stop”."
    ]
    assert state_of(Promotion.objects.get(), timezone.now()) == State.STOPPED

    undone = press(manager, sale, "undo_stop")
    successor = Promotion.objects.exclude(pk=sale.pk).get()
    assert undone.url == page(successor)
    assert state_of(successor, timezone.now()) == State.LIVE
    assert "what holds since then" in text_of(manager.get(page(sale)))


def test_a_stop_that_cannot_be_undone_is_explained(manager: Browser) -> None:
    StoreFactory()
    sale = PromotionFactory(code="SALE")
    press(manager, sale, "stop_now")
    PromotionFactory(code="SALE", starts_at=timezone.now() + DAY)

    answer = press(manager, sale, "undo_stop")

    assert "The code “SALE” is planned again from" in said(answer)[-1]
    assert Promotion.objects.count() == 2
    assert PromotionStop.objects.get().undone_at is None


def test_many_are_named_before_they_are_stopped(manager: Browser) -> None:
    rows = [PromotionFactory(), PromotionFactory()]
    chosen = {"action": "stop_now", "_selected_action": [row.pk for row in rows]}

    asked = manager.post(PROMOTIONS, chosen)
    assert asked.context["shown"] == [str(row) for row in rows]
    assert not PromotionStop.objects.exists()

    manager.post(PROMOTIONS, {**chosen, "confirmed": "yes", "reason": "Sold out"})
    assert PromotionStop.objects.count() == 2
    assert [why(row) for row in rows] == ["Stopped at once. Sold out"] * 2


def test_a_reason_for_a_stop_and_its_undoing_is_picked_beside_the_button_or_left_out(manager: Browser) -> None:
    StoreFactory()
    sale, other = PromotionFactory(code="SALE"), PromotionFactory(code="OTHER")
    assert "The price at the till is wrong" in text_of(manager.get(page(sale)))
    assert "Stopped by mistake" not in text_of(manager.get(page(sale)))

    press(manager, sale, "stop_now", reason="Sold out")
    press(manager, other, "stop_now", reason="")
    assert [why(sale), why(other)] == ["Stopped at once. Sold out", "Stopped at once."]

    assert "Stopped by mistake" in text_of(manager.get(page(sale)))
    press(manager, sale, "undo_stop", reason="It is in stock again")
    back = Promotion.objects.in_force(timezone.now()).get()
    assert why(back) == "The stop was undone. It is in stock again"
    changed = text_of(manager.get("/admin/pricing/price/changed/"))
    assert "The stop was undone. It is in stock again" in changed
    assert "Stopped at once. Sold out" in changed


def test_an_early_end_is_asked_for_and_set(manager: Browser) -> None:
    sale = PromotionFactory(ends_at=datetime(2097, 7, 1, tzinfo=UTC))

    assert b"Set the end" in press(manager, sale, "end_early").content
    too_late = press(manager, sale, "end_early", confirmed="yes", at="2097-08-01T10:00", reason="Sold out.")
    assert "Choose an earlier moment." in text_of(too_late)
    sale.refresh_from_db()
    assert sale.ends_at == datetime(2097, 7, 1, tzinfo=UTC)

    press(manager, sale, "end_early", confirmed="yes", at="2097-06-01T10:00", reason="Sold out.")
    sale.refresh_from_db()
    assert sale.ends_at == datetime(2097, 6, 1, 10, tzinfo=UTC)
    assert why(sale) == "Sold out."


def test_an_early_end_of_many_is_all_or_none(manager: Browser) -> None:
    live, over = PromotionFactory(code="L"), PromotionFactory(code="O", ends_at=datetime(2026, 2, 1, tzinfo=UTC))
    chosen = {"action": "end_early", "_selected_action": [live.pk, over.pk], "confirmed": "yes"}

    answer = manager.post(PROMOTIONS, {**chosen, "at": "2097-06-01T10:00", "reason": "Sold out."})

    assert "Only what is live or scheduled can end earlier." in text_of(answer)
    assert Promotion.objects.get(pk=live.pk).ends_at is None


def test_a_copy_opens_as_a_draft(manager: Browser) -> None:
    sale = PromotionFactory(code="SALE", ends_at=timezone.now() - DAY)

    answer = press(manager, sale, "duplicate")

    copy = Promotion.objects.exclude(pk=sale.pk).get()
    assert (answer.url, copy.code, copy.is_draft) == (page(copy), "SALE-2", True)
    assert manager.get(page(copy)).context["adminform"].form["code"].value() == "SALE-2"


def test_drafts_are_deleted_after_a_question_and_nothing_else_is(manager: Browser) -> None:
    draft, live = PromotionFactory(starts_at=None), PromotionFactory()

    assert b"This cannot be undone." in press(manager, draft, "delete_draft").content
    assert Promotion.objects.count() == 2
    refused = press(manager, live, "delete_draft", confirmed="yes")
    assert said(refused) == ["Only drafts can be deleted. What was published is stopped, or ends."]
    assert press(manager, draft, "delete_draft", confirmed="yes").url == PROMOTIONS
    assert list(Promotion.objects.all()) == [live]


def test_drafts_are_published_from_the_list(manager: Browser) -> None:
    StoreFactory()
    ready, not_yet = (
        PromotionFactory(code="R", starts_at=None),
        PromotionFactory(code="N", starts_at=None, percent=None),
    )
    chosen = {"action": "publish", "_selected_action": [ready.pk, not_yet.pk]}

    asked = manager.post(PROMOTIONS, {**chosen, "confirmed": "yes"})
    assert asked.context["form"].errors == {"reason": ["Say why."]}
    answer = manager.post(PROMOTIONS, {**chosen, "confirmed": "yes", "reason": "Summer."})

    assert said(answer) == [
        f"{not_yet}: Say how many percent.",
        "1 promotion published. What has no later start is live now.",
    ]
    assert [row.is_draft for row in Promotion.objects.order_by("code")] == [True, False]
    assert why(ready) == "Summer."


def test_what_is_yet_to_start_is_taken_back_on_its_page(manager: Browser) -> None:
    soon = PromotionFactory(starts_at=timezone.now() + DAY)

    assert b"These will not start by themselves." in press(manager, soon, "back_to_draft").content
    assert not Promotion.objects.get().is_draft
    press(manager, soon, "back_to_draft", confirmed="yes", reason="Later.")

    assert Promotion.objects.get().is_draft
    assert why(soon) == "Later."
