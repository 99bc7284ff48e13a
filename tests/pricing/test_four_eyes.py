"""Where a store asks for a second pair of eyes, a change is proposed; somebody else approves or refuses it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog.models import Product, Store
from jwo_store.models import Assignment
from jwo_store.setting_back import Made
from pricing import bulk, four_eyes, promotions
from pricing.acts import ManyAct, Move, MoveAct, RowAct
from pricing.models import Fee, Price, PriceChange, PriceList, Promotion, TaxRule
from pricing.proposed import Proposal, ProposalStatus
from pricing.storefile.load import load
from tests.conftest import AtOnce
from tests.factories import (
    Browser,
    CashierFactory,
    FeeFactory,
    ManagerFactory,
    OwnerFactory,
    PriceFactory,
    ProductFactory,
    PromotionFactory,
    StoreFactory,
    TaxCategoryFactory,
    TaxRuleFactory,
    UserFactory,
    said,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db

PRICES = "/admin/pricing/price/"
FEES = "/admin/pricing/fee/"
PROMOTIONS = "/admin/pricing/promotion/"
PROPOSALS = "/admin/pricing/proposal/"
DAY = timedelta(days=1)


@pytest.fixture
def mia() -> User:
    person: User = ManagerFactory(username="mia", first_name="Mia", last_name="Moor")
    return person


@pytest.fixture
def tom() -> User:
    person: User = ManagerFactory(username="tom", first_name="Tom", last_name="Tait")
    return person


@pytest.fixture
def proposer(mia: User) -> Browser:
    return signed_in(mia)


@pytest.fixture
def approver(tom: User) -> Browser:
    return signed_in(tom)


@pytest.fixture
def east() -> Store:
    """It asks for a second pair of eyes on everything."""
    store: Store = StoreFactory(
        store_id="EAST",
        name="East",
        second_look_prices=True,
        second_look_promotions=True,
        second_look_taxes=True,
    )
    return store


@pytest.fixture
def price(east: Store) -> Price:
    row: Price = PriceFactory(product=ProductFactory(sku="COLA", name="Cola"), store=east, amount=Decimal("2.49"))
    return row


def press(browser: Browser, proposal: Proposal, button: str, **entered: str) -> Any:
    return browser.post(f"{PROPOSALS}{proposal.pk}/press/{button}/", entered)


def proposed_price(browser: Browser, price: Price, amount: str = "2.99") -> Proposal:
    browser.submit(f"{PRICES}{price.pk}/change/", "price_form", amount=amount, reason="Dearer.")
    return Proposal.objects.get()


def amounts() -> list[tuple[Decimal, bool]]:
    """Of all prices, with whether they are open."""
    return [(row.amount, row.ends_at is None) for row in Price.objects.order_by("starts_at")]


# -- a row


def test_a_change_is_proposed_and_nothing_is_changed(proposer: Browser, price: Price, mia: User) -> None:
    answer = proposer.submit(f"{PRICES}{price.pk}/change/", "price_form", amount="2.99", reason="Dearer.")

    proposal = Proposal.objects.get()
    assert answer.url == f"{PROPOSALS}{proposal.pk}/change/"
    assert said(answer) == [
        "Change: price of Cola (COLA) in East: nothing is changed yet. Somebody else has to look at it first."
    ]
    assert (proposal.proposed_by, proposal.reason, proposal.status) == (mia, "Dearer.", ProposalStatus.WAITING)
    assert proposal.lines == [["Price", "2.49 USD", "2.99 USD"]]
    assert [store.pk for store in proposal.stores.all()] == ["EAST"]
    assert amounts() == [(Decimal("2.49"), True)]
    assert price.history.count() == 1


def test_somebody_else_approves_it_and_it_is_done_as_of_then(
    proposer: Browser, approver: Browser, price: Price, mia: User, tom: User
) -> None:
    proposal = proposed_price(proposer, price)
    page = text_of(approver.get(f"{PROPOSALS}{proposal.pk}/change/"))
    assert "2.49 USD → to 2.99 USD" in page
    before = timezone.now()

    answer = press(approver, proposal, "approve")

    assert said(answer) == ["Approved and done."]
    proposal.refresh_from_db()
    held = Price.objects.get(ends_at=None)
    assert (proposal.status, proposal.decided_by) == (ProposalStatus.APPROVED, tom)
    assert amounts() == [(Decimal("2.49"), False), (Decimal("2.99"), True)]
    assert held.starts_at >= before
    record = held.history.get()
    assert (record.history_user, record.history_change_reason) == (mia, "Dearer. (approved by Tom Tait)")
    assert Price.history.filter(id=price.pk).first().history_user == mia


def test_nobody_approves_or_refuses_his_own_not_even_a_superuser(price: Price) -> None:
    owner: User = OwnerFactory(username="owner")
    browser = signed_in(owner)
    proposal = proposed_price(browser, price)

    assert "/approve/" not in browser.get(f"{PROPOSALS}{proposal.pk}/change/").content.decode()
    for button in ("approve", "refuse"):
        answer = press(browser, proposal, button, confirmed="yes", reason="x")
        assert said(answer)[-1] == "This is your own: somebody else has to look at it."
    with pytest.raises(four_eyes.NotDecided):
        four_eyes.approve(proposal, by=owner, now=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.update(status=ProposalStatus.APPROVED, decided_by=owner, decided_at=timezone.now())
    assert amounts() == [(Decimal("2.49"), True)]


def test_who_may_not_change_prices_decides_nothing(proposer: Browser, price: Price) -> None:
    proposal = proposed_price(proposer, price)
    cashier = signed_in(CashierFactory())

    assert press(cashier, proposal, "approve").status_code == 403
    assert cashier.get(PROPOSALS).status_code == 403
    assert Proposal.objects.get().is_waiting


def test_a_refusal_needs_a_reason_and_changes_nothing(proposer: Browser, approver: Browser, price: Price) -> None:
    proposal = proposed_price(proposer, price)

    assert press(approver, proposal, "refuse", confirmed="yes").context["form"].errors["reason"]
    answer = press(approver, proposal, "refuse", confirmed="yes", reason="Too much.")

    proposal.refresh_from_db()
    assert said(answer) == ["Refused. Nothing was changed."]
    assert (proposal.status, proposal.decision) == (ProposalStatus.REFUSED, "Too much.")
    assert "Too much." in text_of(proposer.get(f"{PROPOSALS}{proposal.pk}/change/"))
    assert amounts() == [(Decimal("2.49"), True)]


def test_only_who_proposed_it_takes_it_back(proposer: Browser, approver: Browser, price: Price) -> None:
    proposal = proposed_price(proposer, price)

    assert "Only who proposed it takes it back." in said(press(approver, proposal, "withdraw"))[0]
    press(proposer, proposal, "withdraw")

    proposal.refresh_from_db()
    assert proposal.status == ProposalStatus.WITHDRAWN
    assert said(press(approver, proposal, "approve"))[-1] == "This was decided already. Load the page again."
    assert amounts() == [(Decimal("2.49"), True)]


def test_what_was_changed_meanwhile_is_overtaken_and_nothing_is_done(
    proposer: Browser, approver: Browser, price: Price
) -> None:
    proposal = proposed_price(proposer, price)
    price.ends_at = timezone.now() + DAY
    price.save()

    answer = press(approver, proposal, "approve")

    proposal.refresh_from_db()
    assert proposal.status == ProposalStatus.OVERTAKEN
    assert "It was changed meanwhile." in said(answer)[0]
    assert said(answer)[0].endswith("Nothing was changed.")
    assert Price.objects.get().amount == Decimal("2.49")


def test_a_new_price_is_proposed_and_starts_when_it_is_approved(
    proposer: Browser, approver: Browser, east: Store
) -> None:
    ProductFactory(sku="TEA", name="Tea")
    proposer.submit(f"{PRICES}add/", "price_form", product="TEA", store=east.pk, amount="1.25", reason="New.")
    proposal = Proposal.objects.get()
    assert not Price.objects.exists()
    before = timezone.now()

    press(approver, proposal, "approve")

    row = Price.objects.get()
    assert (row.product_id, row.store_id, row.amount) == ("TEA", "EAST", Decimal("1.25"))
    assert row.starts_at >= before


def test_a_promotion_is_looked_at_by_its_sentence_and_its_stores_come_with_it(
    approver: Browser, east: Store, mia: User
) -> None:
    promotion = PromotionFactory(code="TEN", stores=[east])
    west = StoreFactory(store_id="WEST")
    promotion.percent = Decimal(20)
    made = Made(by=mia, now=timezone.now(), reason="More.")
    outcome = four_eyes.submit(RowAct.changing(promotion, {"stores": [east, west]}), made)
    assert outcome.proposal is not None
    assert "20 % off drinks" in text_of(approver.get(f"{PROPOSALS}{outcome.proposal.pk}/change/"))

    press(approver, outcome.proposal, "approve")

    held = Promotion.objects.in_force(timezone.now()).get()
    assert (held.percent, set(held.stores.all())) == (Decimal(20), {east, west})


def test_ending_is_proposed(proposer: Browser, approver: Browser, price: Price) -> None:
    answer = proposer.post(f"{PRICES}{price.pk}/press/end_now/", {"confirmed": "yes", "reason": "Sold out."})
    assert "nothing is changed yet" in said(answer)[0]
    assert Price.objects.get().ends_at is None

    press(approver, Proposal.objects.get(), "approve")

    assert Price.objects.get().ends_at is not None


@pytest.mark.parametrize("move", [Move.STOP, Move.END_EARLY])
def test_stopping_a_promotion_is_proposed(approver: Browser, east: Store, mia: User, move: Move) -> None:
    promotion = PromotionFactory(stores=[east])
    end = timezone.now() + DAY if move == Move.END_EARLY else None
    outcome = four_eyes.submit(MoveAct(move, promotion, at=end), Made(mia, timezone.now(), "Wrong."))
    assert outcome.proposal is not None
    assert Promotion.objects.get().ends_at is None

    press(approver, outcome.proposal, "approve")

    ended = Promotion.objects.get()
    assert ended.ends_at == end if end else ended.is_over(timezone.now())


def test_a_stop_by_its_button_is_proposed_and_its_undoing_too(
    proposer: Browser, approver: Browser, east: Store, mia: User
) -> None:
    promotion = PromotionFactory(stores=[east])
    url = f"{PROMOTIONS}{promotion.pk}/press/"
    proposer.post(f"{url}stop_now/")
    assert promotions.state_of(Promotion.objects.get(), timezone.now()) == "live"
    press(approver, Proposal.objects.get(), "approve")
    assert promotions.state_of(Promotion.objects.get(), timezone.now()) == "stopped"

    assert promotion.history.first().history_change_reason == "Stopped at once. (approved by Tom Tait)"

    proposer.post(f"{url}undo_stop/", {"reason": "Stopped by mistake"})
    assert Promotion.objects.count() == 1
    press(approver, Proposal.objects.get(status=ProposalStatus.WAITING), "approve")
    record = Promotion.objects.in_force(timezone.now()).get().history.first()
    assert record.history_change_reason == "The stop was undone. Stopped by mistake (approved by Tom Tait)"
    assert record.history_user == mia


def test_publishing_and_taking_back_are_proposed_by_their_buttons(
    proposer: Browser, approver: Browser, east: Store
) -> None:
    draft = PromotionFactory(stores=[east], starts_at=None, planned_start=timezone.now() + DAY)
    chosen = {"_selected_action": [draft.pk], "confirmed": "yes", "reason": "Summer."}
    proposer.post(PROMOTIONS, {**chosen, "action": "publish"})
    assert Promotion.objects.get().is_draft
    press(approver, Proposal.objects.get(), "approve")
    assert promotions.state_of(Promotion.objects.get(), timezone.now()) == "scheduled"

    taken_back = {"confirmed": "yes", "reason": "Later."}
    proposer.post(f"{PROMOTIONS}{draft.pk}/press/back_to_draft/", taken_back)
    assert promotions.state_of(Promotion.objects.get(), timezone.now()) == "scheduled"
    press(approver, Proposal.objects.get(status=ProposalStatus.WAITING), "approve")
    assert Promotion.objects.get().is_draft


def test_publishing_by_the_form_is_proposed(proposer: Browser, approver: Browser, east: Store) -> None:
    draft = PromotionFactory(stores=[east], starts_at=None)
    page = f"{PROMOTIONS}{draft.pk}/change/"
    proposer.submit(
        page, "promotion_form", _publish="1", reason="Summer.", targets_categories=[], targets_everything="on"
    )
    assert Promotion.objects.get().is_draft

    press(approver, Proposal.objects.get(), "approve")
    assert promotions.state_of(Promotion.objects.get(), timezone.now()) == "live"


def test_what_could_not_be_done_is_not_even_proposed(proposer: Browser, east: Store) -> None:
    draft = PromotionFactory(code="D", stores=[east], starts_at=None, percent=None)
    live = PromotionFactory(code="L", stores=[east])
    answer = {"confirmed": "yes", "reason": "Summer."}

    published = proposer.post(PROMOTIONS, {**answer, "action": "publish", "_selected_action": [draft.pk]})
    ended = proposer.post(f"{PROMOTIONS}{live.pk}/press/end_early/", {**answer, "at": "2020-01-01T10:00"})

    assert said(published) == [f"{draft}: Say how many percent."]
    assert "Choose a moment to come" in text_of(ended)
    assert not Proposal.objects.exists()
    assert Promotion.objects.get(pk=draft.pk).is_draft
    assert Promotion.objects.get(pk=live.pk).ends_at is None


def test_taxes_go_by_their_own_switch(proposer: Browser, approver: Browser, east: Store) -> None:
    rule = TaxRuleFactory(stores=[east], tax_categories=[TaxCategoryFactory()])
    url = f"/admin/pricing/taxrule/{rule.pk}/change/"
    proposer.submit(url, "taxrule_form", rate="5", reason="The law.")
    assert TaxRule.objects.get().rate == Decimal("0.04")

    press(approver, Proposal.objects.get(), "approve")

    assert TaxRule.objects.in_force(timezone.now()).get().rate == Decimal("0.05")


def test_fees_go_by_the_switch_of_taxes(proposer: Browser, approver: Browser, east: Store) -> None:
    fee = FeeFactory(stores=[east], products=[ProductFactory()], amount=Decimal("0.05"))
    url = f"{FEES}{fee.pk}/"
    proposer.submit(f"{url}change/", "fee_form", amount="0.10", reason="The law.")
    assert Fee.objects.get().amount == Decimal("0.05")
    press(approver, Proposal.objects.get(), "approve")
    held = Fee.objects.in_force(timezone.now()).get()
    assert held.amount == Decimal("0.10")

    proposer.post(f"{FEES}{held.pk}/press/end_now/", {"confirmed": "yes", "reason": "No more."})
    assert not Fee.objects.get(pk=held.pk).is_over(timezone.now())
    press(approver, Proposal.objects.get(status=ProposalStatus.WAITING), "approve")
    assert not Fee.objects.in_force(timezone.now()).exists()

    west = StoreFactory(store_id="WEST", second_look_prices=True, second_look_promotions=True)
    new = {"code": "BAG", "description": "Bag", "amount": "0.10", "products": ["COLA"], "all_stores": "", "reason": "x"}
    ProductFactory(sku="COLA")
    proposer.submit(f"{FEES}add/", "fee_form", **new, stores=[west.pk])
    assert Fee.objects.in_force(timezone.now()).get().code == "BAG"


def test_what_is_for_all_stores_needs_it_when_one_store_asks(proposer: Browser, price: Price) -> None:
    general = PriceFactory(product=price.product, amount=Decimal(2))

    proposer.submit(f"{PRICES}{general.pk}/change/", "price_form", amount="2.50", reason="Dearer.")

    assert Proposal.objects.get().all_stores


def test_where_no_store_asks_a_change_is_made_at_once(proposer: Browser) -> None:
    price = PriceFactory(store=StoreFactory(second_look_taxes=True))

    proposer.submit(f"{PRICES}{price.pk}/change/", "price_form", amount="3", reason="Dearer.")

    assert Price.objects.count() == 2
    assert not Proposal.objects.exists()


def test_going_back_in_the_history_is_proposed_too(proposer: Browser, approver: Browser, price: Price) -> None:
    price.amount = Decimal("2.99")
    held = price.revise(now=timezone.now())
    address = proposer.get(f"{PRICES}{held.pk}/history/").context["entries"][-1][1]
    answer = proposer.submit(address, "set_back_form", reason="A slip.")
    assert said(answer) == ["Nothing is changed yet: somebody else has to look at it first."]

    press(approver, Proposal.objects.get(), "approve")

    assert amounts()[-1] == (Decimal("2.49"), True)


# -- many prices


def many(store: Store | None, seen: str = "") -> ManyAct:
    change = bulk.Change(bulk.How.PERCENT_UP, Decimal(10), None, store, timezone.now())
    found = bulk.plan(Product.objects.all(), change)
    return ManyAct(("COLA",), change, seen or found.fingerprint, is_from_now=True)


def test_a_change_of_many_prices_is_done_when_it_is_approved_and_undone_likewise(
    proposer: Browser, approver: Browser, price: Price, east: Store, mia: User
) -> None:
    outcome = four_eyes.submit(many(east), Made(mia, timezone.now(), "Makers."))
    assert outcome.proposal is not None
    assert outcome.proposal.lines == [["Cola (COLA)", "2.49", "2.74"]]
    assert amounts() == [(Decimal("2.49"), True)]

    press(approver, outcome.proposal, "approve")
    change = PriceChange.objects.get()
    assert (change.made_by, change.reason) == (mia, "Makers. (approved by Tom Tait)")
    assert amounts() == [(Decimal("2.49"), False), (Decimal("2.74"), True)]

    proposer.post(f"/admin/pricing/pricechange/{change.pk}/press/undo_change/")
    assert amounts()[-1] == (Decimal("2.74"), True)
    press(approver, Proposal.objects.get(status=ProposalStatus.WAITING), "approve")
    assert amounts()[-1] == (Decimal("2.49"), True)
    assert price.product_id == "COLA"


def test_a_change_of_many_prices_is_overtaken_when_a_price_differs(
    approver: Browser, price: Price, east: Store, mia: User
) -> None:
    outcome = four_eyes.submit(many(east), Made(mia, timezone.now(), "Makers."))
    price.amount = Decimal(5)
    price.revise(now=timezone.now())
    assert outcome.proposal is not None

    press(approver, outcome.proposal, "approve")

    outcome.proposal.refresh_from_db()
    assert outcome.proposal.status == ProposalStatus.OVERTAKEN
    assert not PriceChange.objects.exists()


def looked_up(browser: Browser, url: str) -> dict[str, str]:
    return {"seen": browser.get(url).context["difference"].fingerprint, "apply": "", "reason": "Spring."}


def test_an_imported_list_waits_on_its_page_and_so_does_its_undoing(
    proposer: Browser, approver: Browser, price: Price, mia: User
) -> None:
    rows = SimpleUploadedFile("spring.csv", b"SKU,Store,Price\nCOLA,EAST,2.99\n")
    url = proposer.post(f"{PRICES}import/", {"file": rows}).url
    answer = proposer.post(url, looked_up(proposer, url))

    proposal = Proposal.objects.get()
    assert answer.url == f"{PROPOSALS}{proposal.pk}/change/"
    assert proposal.lines == [["Cola, East", "2.49", "2.99"]]
    assert (amounts(), PriceChange.objects.count()) == ([(Decimal("2.49"), True)], 0)
    assert "This list is no longer here" in said(proposer.get(url))[-1]

    press(approver, proposal, "approve")
    change = PriceChange.objects.get()
    assert (change.made_by, change.reason) == (mia, "Spring. (approved by Tom Tait)")
    assert amounts() == [(Decimal("2.49"), False), (Decimal("2.99"), True)]
    assert not PriceList.objects.exists()

    proposer.post(f"/admin/pricing/pricechange/{change.pk}/press/undo_change/")
    assert amounts()[-1] == (Decimal("2.99"), True)
    press(approver, Proposal.objects.get(status=ProposalStatus.WAITING), "approve")
    assert amounts()[-1] == (Decimal("2.49"), True)
    assert price.product_id == "COLA"


def test_a_list_that_was_looked_at_before_somebody_changed_a_price_is_not_even_proposed(
    proposer: Browser, price: Price
) -> None:
    rows = SimpleUploadedFile("spring.csv", b"SKU,Store,Price\nCOLA,EAST,2.99\n")
    url = proposer.post(f"{PRICES}import/", {"file": rows}).url
    seen = looked_up(proposer, url)
    price.amount = Decimal("2.60")
    price.revise(now=timezone.now())

    assert "somebody changed prices of this list" in said(proposer.post(url, seen))[0]
    assert not Proposal.objects.exists()
    assert amounts()[-1] == (Decimal("2.60"), True)


def test_a_change_of_many_prices_waits_on_its_page(proposer: Browser, approver: Browser, price: Price) -> None:
    url = "/admin/pricing/pricechange/add/"
    asked = {"which": "filtered", "how": "PERCENT_UP", "by": "10", "store": "EAST", "reason": "Makers."}
    seen = proposer.post(url, {**asked, "look": ""}).context["plan"].fingerprint

    answer = proposer.post(url, {**asked, "seen": seen, "apply": ""})

    assert answer.url == f"{PROPOSALS}{Proposal.objects.get().pk}/change/"
    assert (amounts(), PriceChange.objects.count()) == ([(Decimal("2.49"), True)], 0)
    press(approver, Proposal.objects.get(), "approve")
    assert amounts()[-1] == (Decimal("2.74"), True)
    assert price.product_id == "COLA"


# -- around it


def test_a_store_file_is_outside_of_the_rule_and_says_so(east: Store) -> None:
    ProductFactory(sku="COLA")
    raw = b'{"prices": [{"sku": "COLA", "store_id": "EAST", "amount": "1.00", "starts_at": "2030-01-01T00:00:00Z"}]}'

    loaded = load(raw, clock=timezone.now)

    assert Price.objects.count() == 1
    assert any("East: changes there need a second pair of eyes" in str(note) for note in loaded.difference.warnings)
    east.refresh_from_db()
    assert east.second_look_prices


def test_the_home_page_counts_what_waits_for_others(proposer: Browser, approver: Browser, price: Price) -> None:
    proposed_price(proposer, price)

    assert "Waiting for a second pair of eyes 1" in text_of(approver.get("/admin/"))
    assert "Waiting for a second pair of eyes 0 and 1 proposal of your own" in text_of(proposer.get("/admin/"))


def test_the_list_takes_a_constant_number_of_queries(
    proposer: Browser, price: Price, django_assert_num_queries: Any, mia: User
) -> None:
    def propose(count: int) -> None:
        for _ in range(count):
            four_eyes.propose(RowAct.ending(price, now=timezone.now()), Made(mia, timezone.now(), "x"))

    propose(2)
    proposer.get(PROPOSALS)

    with CaptureQueriesContext(connection) as few:
        proposer.get(PROPOSALS)
    propose(10)
    with django_assert_num_queries(len(few)):
        proposer.get(PROPOSALS)


def test_a_proposal_without_a_reason_cannot_be() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        four_eyes.propose(RowAct.ending(PriceFactory(), now=timezone.now()), Made(ManagerFactory(), timezone.now(), ""))


@pytest.mark.django_db(transaction=True)
def test_two_people_who_approve_at_once_apply_it_once(at_once: AtOnce) -> None:
    store = StoreFactory(second_look_prices=True)
    price = PriceFactory(store=store, amount=Decimal("2.49"))
    price.amount = Decimal("2.99")
    proposal = four_eyes.propose(RowAct.changing(price, {}), Made(ManagerFactory(), timezone.now(), "Dearer."))
    people = [ManagerFactory(), OwnerFactory()]

    def approve(number: int) -> str:
        try:
            four_eyes.approve(Proposal.objects.get(pk=proposal.pk), by=people[number], now=timezone.now())
        except (four_eyes.NotDecided, four_eyes.Overtaken, ValidationError) as refused:
            return type(refused).__name__
        return "done"

    assert sorted(at_once(2, approve)) == ["NotDecided", "done"]
    assert amounts() == [(Decimal("2.49"), False), (Decimal("2.99"), True)]
    assert Proposal.objects.get().status == ProposalStatus.APPROVED


def test_who_may_change_prices_elsewhere_only_decides_nothing_here(proposer: Browser, price: Price) -> None:
    proposal = proposed_price(proposer, price)
    west = StoreFactory(store_id="WEST")
    there: User = UserFactory(username="there", is_staff=True)
    Assignment.objects.create(person=there, role=Group.objects.get(name="Manager"), store=west)

    answer = press(signed_in(there), proposal, "approve")

    assert answer.status_code == 404
    assert Proposal.objects.get().is_waiting
    assert amounts() == [(Decimal("2.49"), True)]


def test_who_may_change_prices_there_decides(proposer: Browser, price: Price, east: Store) -> None:
    proposal = proposed_price(proposer, price)
    there: User = UserFactory(username="there", is_staff=True)
    Assignment.objects.create(person=there, role=Group.objects.get(name="Manager"), store=east)

    answer = press(signed_in(there), proposal, "approve")

    assert said(answer) == ["Approved and done."]
    assert amounts()[-1] == (Decimal("2.99"), True)
