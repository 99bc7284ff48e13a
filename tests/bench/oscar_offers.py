"""django-oscar applying offers to a basket of ten lines and nineteen units, for `bench_pricing` and its environment.

`python oscar_offers.py SECONDS SHARE COUNT…` prints a line for each count of offers: the count, and the milliseconds
(median) that its applicator takes, finding the offers included. SHARE of them target products of the basket. The
database is SQLite in memory, as it ships. It stops when the seconds are over.
"""

import sys
from decimal import Decimal
from importlib import import_module
from random import Random
from time import perf_counter
from typing import Any

UNITS = [2, 3, 1, 2, 2, 1, 3, 2, 2, 1]
ELSEWHERE = 200
MOST_ROUNDS = 20


def prepare() -> None:
    oscar, defaults = import_module("oscar"), import_module("oscar.defaults")
    import_module("django.conf").settings.configure(
        **{name: getattr(defaults, name) for name in dir(defaults) if name.startswith("OSCAR")},
        INSTALLED_APPS=oscar.INSTALLED_APPS,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        SITE_ID=1,
        SECRET_KEY="of no worth",
        USE_TZ=True,
        ROOT_URLCONF="",
        STATIC_URL="/static/",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    import_module("django").setup()
    import_module("django.core.management").call_command("migrate", verbosity=0)


def products(count: int, rng: Random) -> list[Any]:
    create_product = import_module("oscar.test.factories").create_product
    return [create_product(price=Decimal(rng.randrange(99, 900, 10)) / 100, num_in_stock=99) for _ in range(count)]


def add_offer(number: int, targets: list[Any], rng: Random) -> None:
    """As the product's own: a percentage off, or some for a price, or one of some free."""
    factories = import_module("oscar.test.factories")
    benefit, condition = factories.Benefit, factories.Condition
    among = factories.RangeFactory(products=targets)
    kind, value = [
        (benefit.PERCENTAGE, Decimal(rng.choice([5, 10, 15, 20]))),
        (benefit.FIXED, Decimal(rng.choice([1, 2]))),
        (benefit.MULTIBUY, None),
    ][number % 3]
    factories.ConditionalOfferFactory(
        name=f"Offer {number}",
        condition=factories.ConditionFactory(range=among, type=condition.COUNT, value=rng.choice([1, 2, 3])),
        benefit=factories.BenefitFactory(range=among, type=kind, value=value),
    )


def median_of(basket: Any, applicator: Any, until: float) -> float | None:
    times: list[float] = []
    while len(times) < MOST_ROUNDS and perf_counter() < until:
        basket.reset_offer_applications()
        began = perf_counter()
        applicator.apply(basket)
        times.append((perf_counter() - began) * 1000)
    return sorted(times)[len(times) // 2] if times else None


def main(seconds: float, share: float, counts: list[int]) -> None:
    prepare()
    until = perf_counter() + seconds
    factories, rng = import_module("oscar.test.factories"), Random(7)  # noqa: S311  no secret
    taken, others = products(len(UNITS), rng), products(ELSEWHERE, rng)
    basket = factories.create_basket(empty=True)
    basket.strategy = import_module("oscar.apps.partner.strategy").Default()
    for product, units in zip(taken, UNITS, strict=True):
        basket.add_product(product, units)
    applicator = import_module("oscar.apps.offer.applicator").Applicator()
    made = 0
    for count in sorted(counts):
        while made < count and perf_counter() < until:
            among = taken if made % 100 < share * 100 else others
            add_offer(made, rng.sample(among, rng.randint(1, 3)), rng)
            made += 1
        milliseconds = median_of(basket, applicator, until)
        if made < count or milliseconds is None:
            return
        print(count, f"{milliseconds:.3f}", flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), [int(word) for word in sys.argv[3:]])
