"""Makes the demo store file: three small stores, what they sell, and every pricing rule; the same bytes each time.

`python -m tests.sandbox.make_demo_store` writes `demo_store.json` beside this file. Brands, prices and barcodes are
invented. Barcodes lie where no real product has one: UPC in number system 4 and EAN in prefix 952 (GS1 keeps them for
a company's own use and for examples), ISBN outside every registration group; a UPC-E, which these ranges can't hold,
belongs to the textbook maker 0-12345. PLUs of four and five digits are those of the produce list, of six digits the
stores' own. Tax rates resemble real ones and are examples, not advice.
"""

import argparse
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

Row = Mapping[str, object]

OUTPUT = Path(__file__).with_name("demo_store.json")

ARENA = "ARENA-EAST-12"
AIRPORT = "AIRPORT-WEST-04"
CAMPUS = "CAMPUS-NORTH-03"
NEW_YORK = "America/New_York"
CHICAGO = "America/Chicago"
OPENING_DAY = "2026-01-01"

STORES: tuple[Row, ...] = (
    {"store_id": ARENA, "name": "Arena East 12", "time_zone": NEW_YORK, "currency": "USD"},
    {"store_id": AIRPORT, "name": "Airport West 4", "time_zone": NEW_YORK, "currency": "USD"},
    {
        "store_id": CAMPUS,
        "name": "Campus North 3",
        "time_zone": CHICAGO,
        "currency": "USD",
        "empty_cart_purchase_id": "ISSUED",
    },
)

TAX_CATEGORIES: tuple[Row, ...] = (
    {"code": "GENERAL", "name": "General merchandise"},
    {"code": "GROCERY", "name": "Groceries, fruit and vegetables", "exempt": True},
    {"code": "FOOD", "name": "Packaged food"},
    {"code": "PREPARED_FOOD", "name": "Prepared food and hot drinks"},
    {"code": "SOFT_DRINK", "name": "Soft drinks"},
    {"code": "WATER", "name": "Bottled water"},
    {"code": "CANDY", "name": "Candy"},
    {"code": "MEDICINE", "name": "Medicines and first aid"},
    {"code": "CLOTHING", "name": "Clothing"},
)


def midnight(day: str, zone: str = NEW_YORK) -> str:
    """The start of an ISO day on a zone's wall clock, with its offset."""
    return datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).isoformat()


@dataclass(frozen=True, slots=True)
class Barcode:
    code: str
    type: str


def with_check_digit(digits: str) -> str:
    """A UPC, EAN or GTIN completed by its check digit (GS1, modulo 10; the last weight is 3)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return f"{digits}{-total % 10}"


def plu(code: str) -> Barcode:
    return Barcode(code, "PLU")


def ean_8(digits: str) -> Barcode:
    """From the last three digits. It begins with 9, so that nobody can read it as a UPC-E."""
    return Barcode(with_check_digit(f"9520{digits}"), "EAN8")


def upc_e(item: int) -> Barcode:
    """The short form of the UPC of maker 0-12345 for an item number of one digit, 5 to 9."""
    if item not in range(5, 10):
        raise ValueError(f"no UPC-E of this form for item {item}")
    check_digit = with_check_digit(f"0123450000{item}")[-1]
    return Barcode(f"012345{item}{check_digit}", "UPC")


def book(title: int) -> tuple[Barcode, Barcode]:
    """Both codes of a book: its ISBN-10 (modulo 11) and the EAN printed on its back."""
    digits = f"68{title:07}"
    remainder = -sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
    isbn = digits + "0123456789X"[remainder]
    return Barcode(isbn, "ISBN"), Barcode(with_check_digit(f"978{digits}"), "EAN")


def numbered(kind: str, brand: str, sku: str) -> Barcode:
    """The code of a product in the maker's numbering; it hangs on brand and SKU alone, so new products move none."""
    item = zlib.crc32(sku.encode())
    upc = f"4{zlib.crc32(brand.encode()) % 100_000:05}{item % 100_000:05}"
    match kind:
        case "UPC":
            return Barcode(with_check_digit(upc), kind)
        case "EAN":
            return Barcode(with_check_digit(f"952{item % 1_000_000_000:09}"), kind)
        case "GTIN":  # of a pack: the digit before says how it is packed
            return Barcode(with_check_digit(f"10{upc}"), kind)
    raise ValueError(f"no numbering for {kind}")


@dataclass(frozen=True, slots=True)
class Item:
    sku: str
    brand: str
    title: str
    """Variety and size: what follows the brand in the name."""
    price: str
    printed: tuple[Barcode, ...] = ()
    """The codes it carries, where they are not the maker's numbering."""
    kind: str = "UPC"
    also: str = ""
    """A second kind of code in the maker's numbering."""
    stores: tuple[str, ...] = ()
    """Where it is sold, if not wherever its shelf stands."""
    by_weight: bool = False
    containers: int = 1
    """Cans or bottles in a pack, each with its deposit."""

    @property
    def barcodes(self) -> tuple[Barcode, ...]:
        kinds = [self.kind] if not self.printed else []
        kinds += [self.also] if self.also else []
        return (*self.printed, *(numbered(kind, self.brand, self.sku) for kind in kinds))


@dataclass(frozen=True, slots=True)
class Shelf:
    category: str
    subcategory: str
    tax_category: str
    items: tuple[Item, ...]
    stores: tuple[str, ...] = ()
    """Empty means every store."""
    has_deposit: bool = False

    def stores_of(self, item: Item) -> tuple[str, ...]:
        return item.stores or self.stores


DRINKS = (
    Shelf(
        "Drinks",
        "Soft drinks",
        "SOFT_DRINK",
        (
            Item("DRK-COLA-12", "Brindlepop", "Classic Cola 12 oz Can", "1.79", (upc_e(5),)),
            Item("DRK-COLA-20", "Brindlepop", "Classic Cola 20 oz Bottle", "2.49", also="EAN"),
            Item("DRK-COLA-6PK", "Brindlepop", "Classic Cola 6 Pack 12 oz Cans", "7.49", also="GTIN", containers=6),
            Item("DRK-ZERO-12", "Brindlepop", "Zero Sugar Cola 12 oz Can", "1.79", (upc_e(6),)),
            Item("DRK-ZERO-20", "Brindlepop", "Zero Sugar Cola 20 oz Bottle", "2.49", also="EAN"),
            Item("DRK-CHERRY-20", "Brindlepop", "Cherry Cola 20 oz Bottle", "2.49"),
            Item("DRK-LEMLIME-12", "Brindlepop", "Lemon Lime Soda 12 oz Can", "1.79", (upc_e(7),)),
            Item("DRK-LEMLIME-20", "Brindlepop", "Lemon Lime Soda 20 oz Bottle", "2.49"),
            Item("DRK-ORANGE-20", "Brindlepop", "Orange Soda 20 oz Bottle", "2.49"),
            Item("DRK-ROOTBEER-20", "Thistlekeg", "Root Beer 20 oz Bottle", "2.59"),
            Item("DRK-GINGER-12", "Brindlepop", "Ginger Ale 12 oz Can", "1.79", (upc_e(8),)),
        ),
        has_deposit=True,
    ),
    Shelf(
        "Drinks",
        "Water",
        "WATER",
        (
            Item("DRK-WATER-500", "Clearfen", "Spring Water 500 ml Bottle", "1.49", also="EAN"),
            Item("DRK-WATER-1L", "Clearfen", "Spring Water 1 liter Bottle", "2.29"),
            Item("DRK-WATER-6PK", "Clearfen", "Spring Water 6 Pack 500 ml Bottles", "5.49", also="GTIN", containers=6),
            Item("DRK-SPARK-500", "Clearfen", "Sparkling Water 500 ml Bottle", "1.79"),
            Item("DRK-SPARKLIME-12", "Clearfen", "Lime Sparkling Water 12 oz Can", "1.59"),
            Item("DRK-SPARKBERRY-12", "Clearfen", "Berry Sparkling Water 12 oz Can", "1.59"),
            Item("DRK-MINERAL-750", "Fontelune", "Sparkling Mineral Water 750 ml Bottle", "3.49", kind="EAN"),
        ),
        has_deposit=True,
    ),
    Shelf(
        "Drinks",
        "Energy drinks",
        "SOFT_DRINK",
        (
            Item("DRK-ENERGY-16", "Voltarrow", "Original Energy Drink 16 oz Can", "3.29", also="EAN"),
            Item("DRK-ENERGYZERO-16", "Voltarrow", "Zero Sugar Energy Drink 16 oz Can", "3.29"),
            Item("DRK-ENERGYMANGO-12", "Voltarrow", "Mango Energy Drink 12 oz Can", "2.89"),
        ),
        has_deposit=True,
    ),
    Shelf(
        "Drinks",
        "Sports drinks",
        "SOFT_DRINK",
        (
            Item("DRK-SPORTLEMON-20", "Stridemoss", "Lemon Sports Drink 20 oz", "2.29"),
            Item("DRK-SPORTBERRY-20", "Stridemoss", "Berry Sports Drink 20 oz", "2.29"),
        ),
    ),
    Shelf(
        "Drinks",
        "Juice",
        "FOOD",
        (
            Item("DRK-OJ-12", "Grovemarch", "Orange Juice 12 oz", "3.29"),
            Item("DRK-APPLEJUICE-10", "Grovemarch", "Apple Juice 10 oz", "2.49"),
            Item("DRK-CARROTJUICE-12", "Grovemarch", "Carrot Juice 12 oz", "3.79"),
            Item("DRK-GREENSMOOTHIE-12", "Grovemarch", "Green Smoothie 12 oz", "4.49"),
            Item("DRK-MANGOSMOOTHIE-12", "Grovemarch", "Mango Smoothie 12 oz", "4.49"),
            Item("DRK-COCONUT-330", "Cocobruma", "Coconut Water 330 ml", "2.99", kind="EAN"),
        ),
    ),
    Shelf(
        "Drinks",
        "Iced tea and lemonade",
        "SOFT_DRINK",
        (
            Item("DRK-TEALEMON-16", "Leafmoor", "Lemon Iced Tea 16 oz", "2.29"),
            Item("DRK-TEAPEACH-16", "Leafmoor", "Peach Iced Tea 16 oz", "2.29"),
            Item("DRK-LEMONADE-16", "Grovemarch", "Pink Lemonade 16 oz", "2.49"),
        ),
    ),
    Shelf(
        "Drinks",
        "Iced coffee",
        "FOOD",
        (
            Item("DRK-ICEDVANILLA-11", "Kilnbrook", "Vanilla Latte Iced Coffee 11 oz", "3.49"),
            Item("DRK-ICEDMOCHA-11", "Kilnbrook", "Mocha Iced Coffee 11 oz", "3.49"),
            Item("DRK-COLDBREW-10", "Kilnbrook", "Cold Brew Black Coffee 10 oz", "3.79"),
        ),
    ),
    Shelf(
        "Drinks",
        "Coffee and tea",
        "PREPARED_FOOD",
        (
            Item("DRK-COFFEE-12", "Kilnbrook", "House Coffee Small 12 oz", "2.49"),
            Item("DRK-COFFEE-16", "Kilnbrook", "House Coffee Large 16 oz", "2.99"),
            Item("DRK-LATTE-12", "Kilnbrook", "Oat Latte 12 oz", "4.29"),
            Item("DRK-CAPPUCCINO-12", "Kilnbrook", "Cappuccino 12 oz", "3.99"),
            Item("DRK-HOTCHOC-12", "Kilnbrook", "Hot Chocolate 12 oz", "3.49"),
            Item("DRK-BLACKTEA-12", "Leafmoor", "Breakfast Tea 12 oz", "2.29"),
            Item("DRK-GREENTEA-12", "Leafmoor", "Jasmine Green Tea 12 oz", "2.29"),
        ),
    ),
)

SNACKS = (
    Shelf(
        "Snacks",
        "Chips",
        "FOOD",
        (
            Item("SNK-CHIPSALT-15", "Saltmarrow", "Sea Salt Potato Chips 1.5 oz", "1.79", also="EAN"),
            Item("SNK-CHIPSALT-5", "Saltmarrow", "Sea Salt Potato Chips 5 oz", "3.99"),
            Item("SNK-CHIPBBQ-15", "Saltmarrow", "Barbecue Potato Chips 1.5 oz", "1.79"),
            Item("SNK-CHIPVINEGAR-15", "Saltmarrow", "Salt and Vinegar Potato Chips 1.5 oz", "1.79"),
            Item("SNK-CHIPONION-5", "Saltmarrow", "Sour Cream and Onion Potato Chips 5 oz", "3.99"),
            Item("SNK-CHIPTORTILLA-5", "Saltmarrow", "Lime Tortilla Chips 5 oz", "3.79"),
        ),
    ),
    Shelf(
        "Snacks",
        "Popcorn",
        "FOOD",
        (
            Item("SNK-POPBUTTER-2", "Popperwick", "Butter Popcorn 2 oz", "2.29"),
            Item("SNK-POPCHEDDAR-2", "Popperwick", "White Cheddar Popcorn 2 oz", "2.49"),
            Item("SNK-POPCARAMEL-3", "Popperwick", "Caramel Popcorn 3 oz", "2.79"),
        ),
    ),
    Shelf(
        "Snacks",
        "Pretzels and crackers",
        "FOOD",
        (
            Item("SNK-PRETZEL-3", "Twistlane", "Salted Pretzel Twists 3 oz", "1.99"),
            Item("SNK-PRETZELPB-3", "Twistlane", "Peanut Butter Pretzel Bites 3 oz", "2.99"),
            Item("SNK-CRACKCHEESE-3", "Twistlane", "Cheddar Crackers 3 oz", "2.29"),
            Item("SNK-CRACKRICE-100", "Sorakiku", "Seaweed Rice Crackers 100 g", "3.49", kind="EAN"),
        ),
    ),
    Shelf(
        "Snacks",
        "Nuts and trail mix",
        "FOOD",
        (
            Item("SNK-PEANUT-2", "Hickoryfen", "Roasted Peanuts 2 oz", "1.49"),
            Item("SNK-CASHEW-2", "Hickoryfen", "Salted Cashews 2 oz", "2.79"),
            Item("SNK-ALMOND-2", "Hickoryfen", "Smoked Almonds 2 oz", "2.49"),
            Item("SNK-TRAIL-3", "Hickoryfen", "Mountain Trail Mix 3 oz", "2.99", also="EAN"),
        ),
    ),
    Shelf(
        "Snacks",
        "Bars",
        "FOOD",
        (
            Item("SNK-BARGRANOLA-1", "Stridemoss", "Oat and Honey Granola Bar 1.4 oz", "1.69"),
            Item("SNK-BARPROTEINPB-2", "Stridemoss", "Peanut Butter Protein Bar 2 oz", "2.99", also="EAN"),
            Item("SNK-BARPROTEINCH-2", "Stridemoss", "Chocolate Protein Bar 2 oz", "2.99", also="EAN"),
            Item("SNK-BARALMOND-1", "Stridemoss", "Almond Sea Salt Bar 1.4 oz", "1.99"),
            Item("SNK-BARDATE-35", "Datelarch", "Date and Cashew Bar 35 g", "1.89", (ean_8("101"),)),
        ),
    ),
    Shelf(
        "Snacks",
        "Jerky",
        "FOOD",
        (
            Item("SNK-JERKYBEEF-3", "Smokefinch", "Original Beef Jerky 3 oz", "6.99"),
            Item("SNK-JERKYTERI-3", "Smokefinch", "Teriyaki Beef Jerky 3 oz", "6.99"),
            Item("SNK-JERKYTURKEY-1", "Smokefinch", "Turkey Jerky Stick 1 oz", "1.99", (ean_8("102"),)),
        ),
    ),
    Shelf(
        "Snacks",
        "Bulk bins",
        "FOOD",
        (
            Item("SNK-BULKMIXED-LB", "Hickoryfen", "Mixed Nuts per lb", "9.99", (plu("700101"),), by_weight=True),
            Item("SNK-BULKALMOND-LB", "Hickoryfen", "Whole Almonds per lb", "8.99", (plu("700102"),), by_weight=True),
            Item("SNK-BULKTRAIL-LB", "Hickoryfen", "Trail Mix per lb", "7.49", (plu("700103"),), by_weight=True),
            Item("SNK-BULKMANGO-LB", "Hickoryfen", "Dried Mango per lb", "10.99", (plu("700104"),), by_weight=True),
        ),
        stores=(CAMPUS,),
    ),
)

MEALS = (
    Shelf(
        "Sandwiches",
        "Classic sandwiches",
        "PREPARED_FOOD",
        (
            Item("SND-TURKEYCLUB", "Deckerby", "Turkey Club Sandwich 8 oz", "8.49"),
            Item("SND-HAMSWISS", "Deckerby", "Ham and Swiss Sandwich 7 oz", "7.99"),
            Item("SND-CHICKEN", "Deckerby", "Roast Chicken Sandwich 8 oz", "8.49"),
            Item("SND-TUNA", "Deckerby", "Tuna Salad Sandwich 7 oz", "7.49"),
            Item("SND-EGG", "Deckerby", "Egg Salad Sandwich 6 oz", "5.99"),
            Item("SND-CAPRESE", "Deckerby", "Tomato Mozzarella Sandwich 7 oz", "7.49"),
        ),
    ),
    Shelf(
        "Sandwiches",
        "Wraps",
        "PREPARED_FOOD",
        (
            Item("SND-WRAPCAESAR", "Deckerby", "Chicken Caesar Wrap 8 oz", "8.29"),
            Item("SND-WRAPBUFFALO", "Deckerby", "Buffalo Chicken Wrap 8 oz", "8.29"),
            Item("SND-WRAPHUMMUS", "Deckerby", "Hummus Vegetable Wrap 8 oz", "7.29"),
        ),
    ),
    Shelf(
        "Sandwiches",
        "Breakfast",
        "PREPARED_FOOD",
        (
            Item("SND-BAGELCREAM", "Deckerby", "Bagel with Cream Cheese 5 oz", "4.29"),
            Item("SND-BAGELSALMON", "Deckerby", "Bagel with Smoked Salmon 6 oz", "9.49", stores=(ARENA, AIRPORT)),
            Item("SND-BURRITO", "Deckerby", "Egg and Cheese Breakfast Burrito 8 oz", "6.49"),
        ),
    ),
    Shelf(
        "Salads",
        "Salad bowls",
        "PREPARED_FOOD",
        (
            Item("SAL-CAESAR", "Greenwhisk", "Chicken Caesar Salad 10 oz", "9.49"),
            Item("SAL-GREEK", "Greenwhisk", "Greek Salad 10 oz", "8.99"),
            Item("SAL-COBB", "Greenwhisk", "Cobb Salad 11 oz", "9.99"),
            Item("SAL-QUINOA", "Greenwhisk", "Quinoa and Roasted Vegetable Salad 10 oz", "8.99"),
        ),
    ),
    Shelf(
        "Salads",
        "Sushi",
        "PREPARED_FOOD",
        (
            Item("SAL-SUSHICALI", "Sorakiku", "California Roll Sushi 8 pieces", "8.99"),
            Item("SAL-SUSHISALMON", "Sorakiku", "Salmon Avocado Sushi 8 pieces", "10.49"),
            Item("SAL-SUSHIVEG", "Sorakiku", "Cucumber Roll Sushi 8 pieces", "6.99"),
        ),
        stores=(AIRPORT, CAMPUS),
    ),
    Shelf(
        "Salads",
        "Snack boxes",
        "PREPARED_FOOD",
        (
            Item("SAL-BOXCHEESE", "Greenwhisk", "Cheese and Grapes Snack Box 6 oz", "6.49"),
            Item("SAL-BOXHUMMUS", "Greenwhisk", "Hummus and Carrots Snack Box 6 oz", "5.49"),
            Item("SAL-BOXPROTEIN", "Greenwhisk", "Egg and Almonds Protein Box 6 oz", "6.99"),
        ),
    ),
    Shelf(
        "Hot food",
        "Hot dogs and burgers",
        "PREPARED_FOOD",
        (
            Item("HOT-DOG", "Emberlodge", "Classic Hot Dog 6 oz", "5.49"),
            Item("HOT-DOGCHILI", "Emberlodge", "Chili Cheese Hot Dog 8 oz", "6.99"),
            Item("HOT-DOGVEG", "Emberlodge", "Plant Based Hot Dog 6 oz", "5.99"),
            Item("HOT-BURGER", "Emberlodge", "Cheeseburger 8 oz", "8.49"),
            Item("HOT-TENDERS", "Emberlodge", "Chicken Tenders 7 oz", "8.99"),
        ),
        stores=(ARENA, CAMPUS),
    ),
    Shelf(
        "Hot food",
        "Pizza",
        "PREPARED_FOOD",
        (
            Item("HOT-PIZZACHEESE", "Emberlodge", "Cheese Pizza Slice 6 oz", "4.49"),
            Item("HOT-PIZZAPEPPERONI", "Emberlodge", "Pepperoni Pizza Slice 6 oz", "4.99"),
        ),
    ),
    Shelf(
        "Hot food",
        "Nachos and fries",
        "PREPARED_FOOD",
        (
            Item("HOT-NACHOS", "Emberlodge", "Nachos with Cheese Sauce 8 oz", "6.49"),
            Item("HOT-FRIES", "Emberlodge", "French Fries 6 oz", "4.29"),
            Item("HOT-PRETZEL", "Emberlodge", "Giant Soft Pretzel 7 oz", "4.99"),
        ),
        stores=(ARENA,),
    ),
    Shelf(
        "Hot food",
        "Soup",
        "PREPARED_FOOD",
        (
            Item("HOT-SOUPTOMATO", "Emberlodge", "Tomato Basil Soup 12 oz", "4.99"),
            Item("HOT-SOUPCHICKEN", "Emberlodge", "Chicken Noodle Soup 12 oz", "5.49"),
        ),
        stores=(AIRPORT, CAMPUS),
    ),
)

FRUIT = (
    Shelf(
        "Fruit",
        "Whole fruit",
        "GROCERY",
        (
            Item("FRT-BANANA", "Fennelgate", "Banana Each", "0.39", (plu("4011"),)),
            Item("FRT-BANANAORG", "Fennelgate", "Organic Banana Each", "0.49", (plu("94011"),)),
            Item("FRT-APPLEGALA", "Fennelgate", "Gala Apple Each", "0.89", (plu("4135"),)),
            Item("FRT-APPLEGRANNY", "Fennelgate", "Granny Smith Apple Each", "0.89", (plu("4017"),)),
            Item("FRT-ORANGE", "Fennelgate", "Navel Orange Each", "0.99", (plu("4012"),)),
            Item("FRT-PEAR", "Fennelgate", "Bartlett Pear Each", "0.99", (plu("4409"),)),
            Item("FRT-KIWI", "Fennelgate", "Green Kiwi Each", "0.69", (plu("4030"),)),
            Item("FRT-AVOCADO", "Fennelgate", "Hass Avocado Each", "1.49", (plu("4046"),), stores=(CAMPUS,)),
            Item("FRT-LEMON", "Fennelgate", "Lemon Each", "0.69", (plu("4053"),), stores=(CAMPUS,)),
        ),
    ),
    Shelf(
        "Fruit",
        "Fruit by weight",
        "GROCERY",
        (
            Item("FRT-GRAPERED-LB", "Fennelgate", "Red Grapes per lb", "2.99", (plu("4023"),), by_weight=True),
            Item("FRT-GRAPEGREEN-LB", "Fennelgate", "Green Grapes per lb", "2.99", (plu("4022"),), by_weight=True),
            Item("FRT-APPLEFUJI-LB", "Fennelgate", "Fuji Apples per lb", "2.29", (plu("4131"),), by_weight=True),
            Item("FRT-CHERRY-LB", "Fennelgate", "Sweet Cherries per lb", "5.99", (plu("4045"),), by_weight=True),
        ),
        stores=(AIRPORT, CAMPUS),
    ),
    Shelf(
        "Fruit",
        "Berries and cut fruit",
        "GROCERY",
        (
            Item("FRT-CUPMIXED-8", "Fennelgate", "Mixed Fruit Cup 8 oz", "4.99"),
            Item("FRT-CUPMELON-8", "Fennelgate", "Melon Cup 8 oz", "4.49"),
            Item("FRT-SLICEAPPLE-3", "Fennelgate", "Apple Slices 3 oz", "1.79"),
            Item("FRT-STRAWBERRY-16", "Fennelgate", "Strawberries 16 oz", "4.49"),
            Item("FRT-BLUEBERRY-6", "Fennelgate", "Blueberries 6 oz", "3.99", also="EAN"),
        ),
    ),
)

BAKERY = (
    Shelf(
        "Bakery",
        "Pastries",
        "FOOD",
        (
            Item("BAK-CROISSANT", "Millwhistle", "Butter Croissant 3 oz", "3.29"),
            Item("BAK-CROISSANTALM", "Millwhistle", "Almond Croissant 4 oz", "3.99"),
            Item("BAK-CINNAMON", "Millwhistle", "Cinnamon Roll 4 oz", "3.79"),
        ),
    ),
    Shelf(
        "Bakery",
        "Muffins and doughnuts",
        "FOOD",
        (
            Item("BAK-MUFFINBLUE", "Millwhistle", "Blueberry Muffin 4 oz", "3.29"),
            Item("BAK-MUFFINBRAN", "Millwhistle", "Raisin Bran Muffin 4 oz", "3.29"),
            Item("BAK-DONUTGLAZED", "Millwhistle", "Glazed Doughnut 2 oz", "1.99"),
            Item("BAK-DONUTCHOC", "Millwhistle", "Chocolate Doughnut 3 oz", "2.29"),
        ),
    ),
    Shelf(
        "Bakery",
        "Cookies and cakes",
        "FOOD",
        (
            Item("BAK-COOKIECHIP", "Millwhistle", "Chocolate Chip Cookie 3 oz", "2.49"),
            Item("BAK-COOKIEOAT", "Millwhistle", "Oatmeal Raisin Cookie 3 oz", "2.49"),
            Item("BAK-BROWNIE", "Millwhistle", "Fudge Brownie 3 oz", "2.99"),
            Item("BAK-CAKELEMON", "Millwhistle", "Lemon Loaf Cake Slice 4 oz", "3.49"),
        ),
    ),
    Shelf(
        "Bakery",
        "Bread",
        "GROCERY",
        (
            Item("BAK-BREADSOUR", "Millwhistle", "Sourdough Bread 24 oz", "5.49"),
            Item("BAK-BREADWHEAT", "Millwhistle", "Whole Wheat Bread 20 oz", "3.99"),
            Item("BAK-BAGEL-4PK", "Millwhistle", "Plain Bagels 4 Pack", "3.79"),
        ),
        stores=(CAMPUS,),
    ),
)

SWEETS = (
    Shelf(
        "Sweets",
        "Chocolate",
        "CANDY",
        (
            Item("SWT-CHOCMILK", "Cocoalark", "Milk Chocolate Bar 1.6 oz", "1.79"),
            Item("SWT-CHOCDARK", "Cocoalark", "Dark Chocolate Bar 70 Percent Cocoa 3 oz", "3.49", also="EAN"),
            Item("SWT-CHOCHAZEL", "Cocoalark", "Hazelnut Chocolate Bar 1.6 oz", "1.99"),
            Item("SWT-CHOCCUPS", "Cocoalark", "Peanut Butter Chocolate Cups 1.5 oz", "1.89"),
            Item("SWT-CHOCALPINE", "Gletscherling", "Alpine Milk Chocolate 100 g", "3.99", kind="EAN"),
        ),
    ),
    Shelf(
        "Sweets",
        "Candy",
        "CANDY",
        (
            Item("SWT-GUMMYBEAR-5", "Gumdrum", "Gummy Bears 5 oz", "2.79"),
            Item("SWT-GUMMYWORM-5", "Gumdrum", "Sour Gummy Worms 5 oz", "2.79"),
            Item("SWT-CHEWS-2", "Gumdrum", "Chewy Fruit Candy 2 oz", "1.49", (ean_8("103"),)),
            Item("SWT-LICORICE-7", "Gumdrum", "Red Licorice 7 oz", "2.99"),
            Item("SWT-LOLLIPOP", "Gumdrum", "Swirl Lollipop 1 oz", "0.99"),
            Item(
                "SWT-BULKGUMMY-LB",
                "Gumdrum",
                "Gummy Mix per lb",
                "6.99",
                (plu("700105"),),
                stores=(CAMPUS,),
                by_weight=True,
            ),
        ),
    ),
    Shelf(
        "Sweets",
        "Gum and mints",
        "CANDY",
        (
            Item("SWT-GUMBUBBLE", "Brindlepop", "Bubble Gum 14 sticks", "1.59", (upc_e(9),)),
            Item("SWT-GUMCINNAMON", "Mintgable", "Cinnamon Gum 14 sticks", "1.59"),
            Item("SWT-MINTS", "Mintgable", "Strong Mints 1.7 oz Tin", "2.49", (ean_8("104"),)),
        ),
    ),
    Shelf(
        "Sweets",
        "Ice cream",
        "FOOD",
        (
            Item("SWT-ICEVANILLA", "Polarpine", "Vanilla Ice Cream Cup 4 oz", "2.99"),
            Item("SWT-ICECOOKIE", "Polarpine", "Ice Cream Cookie Sandwich 4 oz", "3.29"),
            Item("SWT-ICEBAR", "Polarpine", "Dipped Ice Cream Bar 3 oz", "2.99"),
            Item("SWT-ICEPINT", "Polarpine", "Mint Chip Ice Cream 16 oz", "6.49", also="EAN"),
        ),
    ),
)

GROCERIES = (
    Shelf(
        "Groceries",
        "Dairy and eggs",
        "GROCERY",
        (
            Item("GRO-MILK-64", "Dewmeadow", "Whole Milk 64 oz", "3.79", stores=(CAMPUS,)),
            Item("GRO-MILK-16", "Dewmeadow", "Reduced Fat Milk 16 oz", "1.99"),
            Item("GRO-OATMILK-1L", "Haverlund", "Oat Milk 1 liter", "4.29", stores=(CAMPUS,), kind="EAN"),
            Item("GRO-YOGURTGREEK-5", "Dewmeadow", "Plain Greek Yogurt 5 oz", "1.79"),
            Item("GRO-YOGURTBERRY-5", "Dewmeadow", "Strawberry Yogurt 5 oz", "1.79"),
            Item("GRO-CHEDDAR-8", "Dewmeadow", "Sharp Cheddar Cheese 8 oz", "4.49", stores=(CAMPUS,)),
            Item("GRO-EGGS-12", "Dewmeadow", "Large Eggs 12 count", "4.29", stores=(CAMPUS,)),
        ),
    ),
    Shelf(
        "Groceries",
        "Pantry",
        "GROCERY",
        (
            Item("GRO-SPAGHETTI-16", "Larkpantry", "Spaghetti 16 oz", "1.99"),
            Item("GRO-SAUCE-24", "Larkpantry", "Tomato Basil Sauce 24 oz", "3.49"),
            Item("GRO-RAMEN-3", "Sorakiku", "Chicken Ramen Cup 3 oz", "1.49", also="EAN"),
            Item("GRO-PEANUTBUTTER-16", "Larkpantry", "Creamy Peanut Butter 16 oz", "3.99"),
            Item("GRO-CEREAL-12", "Larkpantry", "Honey Granola Cereal 12 oz", "4.79"),
            Item("GRO-OLIVEOIL-500", "Colle Quieto", "Extra Virgin Olive Oil 500 ml", "9.99", kind="EAN"),
            Item("GRO-SOUPBEAN-15", "Larkpantry", "Black Bean Soup 15 oz", "2.79"),
        ),
        stores=(CAMPUS,),
    ),
    Shelf(
        "Groceries",
        "Vegetables",
        "GROCERY",
        (
            Item("GRO-TOMATO-LB", "Fennelgate", "Roma Tomatoes per lb", "1.99", (plu("4087"),), by_weight=True),
            Item("GRO-CARROT-LB", "Fennelgate", "Loose Carrots per lb", "1.29", (plu("4562"),), by_weight=True),
            Item("GRO-POTATO-LB", "Fennelgate", "Russet Potatoes per lb", "1.19", (plu("4072"),), by_weight=True),
            Item("GRO-ONION-LB", "Fennelgate", "Red Onions per lb", "1.49", (plu("4082"),), by_weight=True),
            Item("GRO-CUCUMBER", "Fennelgate", "Cucumber Each", "0.99", (plu("4062"),)),
        ),
        stores=(CAMPUS,),
    ),
    Shelf(
        "Groceries",
        "Frozen meals",
        "FOOD",
        (
            Item("GRO-FROZENPIZZA-13", "Larkpantry", "Frozen Margherita Pizza 13 oz", "6.99"),
            Item("GRO-FROZENBURRITO-6", "Larkpantry", "Frozen Bean Burrito 6 oz", "2.49"),
        ),
        stores=(CAMPUS,),
    ),
    Shelf(
        "Groceries",
        "Bags and paper",
        "GENERAL",
        (
            Item("GRO-BAGPAPER", "Carrybough", "Paper Bag with Handles", "0.15"),
            Item("GRO-BAGTOTE", "Carrybough", "Cotton Tote Bag", "4.99"),
            Item("GRO-TISSUE-10", "Carefern", "Pocket Tissues 10 count", "0.99"),
        ),
    ),
)

HEALTH = (
    Shelf(
        "Health",
        "Medicine",
        "MEDICINE",
        (
            Item("HLT-IBUPROFEN-24", "Carefern", "Ibuprofen 200 mg 24 tablets", "5.99"),
            Item("HLT-ASPIRIN-24", "Carefern", "Aspirin 325 mg 24 tablets", "4.49"),
            Item("HLT-ALLERGY-10", "Carefern", "Allergy Relief 10 tablets", "7.99"),
            Item("HLT-ANTACID-12", "Carefern", "Antacid 12 chewables", "3.49"),
            Item("HLT-BANDAGE-20", "Carefern", "Adhesive Bandages 20 count", "3.29"),
        ),
    ),
    Shelf(
        "Health",
        "Personal care",
        "GENERAL",
        (
            Item("HLT-SANITIZER-2", "Carefern", "Hand Sanitizer 2 oz", "2.99"),
            Item("HLT-SUNSCREEN-3", "Carefern", "Sunscreen Lotion 3 oz", "7.49"),
            Item("HLT-TOOTHBRUSH", "Carefern", "Travel Toothbrush Soft", "2.49"),
            Item("HLT-TOOTHPASTE-1", "Carefern", "Fresh Toothpaste 1 oz", "1.99"),
            Item("HLT-SHAMPOO-3", "Carefern", "Daily Shampoo 3 oz", "2.99"),
            Item("HLT-LIPBALM", "Carefern", "Mint Lip Balm 0.15 oz", "2.79", (ean_8("105"),)),
        ),
    ),
    Shelf(
        "Health",
        "Vitamins",
        "GENERAL",
        (
            Item("HLT-VITAMINC-10", "Carefern", "Vitamin C Tablets 10 count", "4.99"),
            Item("HLT-VITAMIND-30", "Carefern", "Vitamin D Gummies 30 count", "8.99"),
        ),
    ),
)

TRAVEL = (
    Shelf(
        "Travel",
        "Chargers and cables",
        "GENERAL",
        (
            Item("TRV-CABLE-3", "Joltfern", "Charging Cable 3 feet", "12.99"),
            Item("TRV-CHARGER-20", "Joltfern", "Wall Charger 20 watt", "19.99"),
            Item("TRV-POWERBANK", "Joltfern", "Power Bank 5000 mAh", "29.99", also="EAN"),
            Item("TRV-BATTERY-4", "Joltfern", "Small Batteries 4 Pack", "6.49"),
        ),
    ),
    Shelf(
        "Travel",
        "Headphones",
        "GENERAL",
        (
            Item("TRV-EARBUDS", "Joltfern", "Wired Earbuds Black", "14.99"),
            Item("TRV-EARBUDSAIR", "Joltfern", "Wireless Earbuds White", "39.99"),
        ),
    ),
    Shelf(
        "Travel",
        "Comfort and rain",
        "GENERAL",
        (
            Item("TRV-PILLOW", "Packlark", "Travel Neck Pillow Gray", "24.99", stores=(AIRPORT,)),
            Item("TRV-EYEMASK", "Packlark", "Travel Sleep Mask Black", "9.99", stores=(AIRPORT,)),
            Item("TRV-UMBRELLA", "Packlark", "Compact Umbrella Black", "14.99"),
            Item("TRV-SUNGLASSES", "Packlark", "Classic Sunglasses Black", "16.99", stores=(ARENA, AIRPORT)),
        ),
    ),
    Shelf(
        "Travel",
        "Books and magazines",
        "GENERAL",
        (
            Item("TRV-BOOKCITY", "Lanternquay", "City Walks Travel Book Paperback", "17.99", book(1042013)),
            Item("TRV-BOOKPUZZLE", "Lanternquay", "Crossword Puzzle Book Volume 7", "8.99", book(1042028)),
            Item("TRV-MAGHOOPS", "Lanternquay", "Hoops Quarterly Magazine", "6.99", also="EAN"),
            Item("TRV-MAGGARDEN", "Lanternquay", "Garden and Kitchen Magazine", "6.49"),
        ),
        stores=(AIRPORT, CAMPUS),
    ),
)

FAN_SHOP = (
    Shelf(
        "Fan shop",
        "Shirts and hoodies",
        "CLOTHING",
        (
            Item("FAN-JERSEY-M", "Harbor Herons", "Home Jersey Medium", "89.00"),
            Item("FAN-JERSEY-L", "Harbor Herons", "Home Jersey Large", "89.00"),
            Item("FAN-TSHIRT-M", "Harbor Herons", "Team T-Shirt Medium", "32.00"),
            Item("FAN-TSHIRT-L", "Harbor Herons", "Team T-Shirt Large", "32.00"),
            Item("FAN-HOODIE-L", "Harbor Herons", "Team Hoodie Large", "64.00"),
        ),
        stores=(ARENA,),
    ),
    Shelf(
        "Fan shop",
        "Caps and scarves",
        "CLOTHING",
        (
            Item("FAN-CAP", "Harbor Herons", "Team Cap Blue", "28.00", stores=(ARENA, AIRPORT)),
            Item("FAN-BEANIE", "Harbor Herons", "Knit Beanie Blue", "24.00"),
            Item("FAN-SCARF", "Harbor Herons", "Team Scarf Blue and White", "24.00"),
            Item("FAN-SOCKS", "Harbor Herons", "Team Socks 1 pair", "14.00"),
        ),
        stores=(ARENA,),
    ),
    Shelf(
        "Fan shop",
        "Souvenirs",
        "GENERAL",
        (
            Item("FAN-FINGER", "Harbor Herons", "Foam Finger Blue", "12.00", stores=(ARENA,)),
            Item("FAN-MUG", "Harbor Herons", "Team Mug 11 oz", "15.00"),
            Item("FAN-MAGNET", "Harbor Herons", "Skyline Magnet", "7.00"),
            Item("FAN-KEYRING", "Harbor Herons", "Team Keyring Steel", "8.00"),
            Item("FAN-PENNANT", "Harbor Herons", "Team Pennant 30 inch", "11.00", stores=(ARENA,)),
            Item("FAN-BALL", "Harbor Herons", "Mini Ball Size 3", "18.00", stores=(ARENA,)),
        ),
        stores=(ARENA, AIRPORT),
    ),
)

CAMPUS_SHOP = (
    Shelf(
        "Campus shop",
        "Stationery",
        "GENERAL",
        (
            Item("CMP-NOTEBOOK", "Inkwren", "Spiral Notebook 100 sheets", "3.99"),
            Item("CMP-PENS-4", "Inkwren", "Gel Pens Black 4 Pack", "4.99"),
            Item("CMP-HIGHLIGHT-3", "Inkwren", "Highlighter Pens 3 Pack", "4.49"),
            Item("CMP-CARDS-100", "Inkwren", "Index Cards 100 count", "1.99"),
        ),
        stores=(CAMPUS,),
    ),
    Shelf(
        "Campus shop",
        "Campus wear",
        "CLOTHING",
        (
            Item("CMP-TSHIRT-M", "Campus North", "Student T-Shirt Medium", "22.00"),
            Item("CMP-HOODIE-M", "Campus North", "Student Hoodie Medium", "48.00"),
            Item("CMP-JACKET-L", "Campus North", "Letter Jacket Large", "129.00"),
        ),
        stores=(CAMPUS,),
    ),
)

SHELVES: tuple[Shelf, ...] = (
    *DRINKS,
    *SNACKS,
    *MEALS,
    *FRUIT,
    *BAKERY,
    *SWEETS,
    *GROCERIES,
    *HEALTH,
    *TRAVEL,
    *FAN_SHOP,
    *CAMPUS_SHOP,
)


def stock() -> Iterator[tuple[Shelf, Item]]:
    return ((shelf, item) for shelf in SHELVES for item in shelf.items)


def product(shelf: Shelf, item: Item) -> Row:
    row: dict[str, object] = {
        "sku": item.sku,
        "name": f"{item.brand} {item.title}",
        "brand": item.brand,
        "category": shelf.category,
        "subcategory": shelf.subcategory,
        "tax_category": shelf.tax_category,
        "sold_by": "WEIGHT" if item.by_weight else "EACH",
    }
    if item.by_weight:
        row["weight_unit"] = "lb"
    row["barcodes"] = [{"code": barcode.code, "type": barcode.type} for barcode in item.barcodes]
    if stores := shelf.stores_of(item):
        row["stores"] = list(stores)
    return row


@dataclass(frozen=True, slots=True)
class Surcharge:
    """A store where some categories cost this many percent of the price elsewhere."""

    store_id: str
    percent: int
    categories: frozenset[str]


FOOD_AND_DRINK = frozenset({"Drinks", "Snacks", "Sandwiches", "Salads", "Hot food", "Bakery", "Sweets"})

SURCHARGES = (
    Surcharge(ARENA, 140, FOOD_AND_DRINK),
    Surcharge(AIRPORT, 125, FOOD_AND_DRINK | {"Fruit", "Health"}),
)

CHANGED_PRICES: tuple[Row, ...] = (
    # Temporary: one over, two in force over the turn of the year 2026, one to come, one with an end far ahead.
    {
        "sku": "DRK-ENERGY-16",
        "amount": "2.49",
        "temporary": True,
        "starts_at": midnight("2026-02-01"),
        "ends_at": midnight("2026-03-01"),
    },
    {
        "sku": "SWT-CHOCMILK",
        "amount": "1.29",
        "temporary": True,
        "starts_at": midnight("2026-11-01"),
        "ends_at": midnight("2027-02-01"),
    },
    {
        "sku": "DRK-COLA-20",
        "store_id": ARENA,
        "amount": "2.99",
        "temporary": True,
        "starts_at": midnight("2026-10-15"),
        "ends_at": midnight("2027-06-15"),
    },
    {
        "sku": "FRT-CHERRY-LB",
        "store_id": CAMPUS,
        "amount": "3.99",
        "temporary": True,
        "starts_at": midnight("2027-06-01", CHICAGO),
        "ends_at": midnight("2027-08-01", CHICAGO),
    },
    {
        "sku": "FRT-BANANA",
        "store_id": CAMPUS,
        "amount": "0.25",
        "temporary": True,
        "starts_at": midnight(OPENING_DAY, CHICAGO),
        "ends_at": midnight("2036-01-01", CHICAGO),
    },
    # Regular: a cheaper one since the summer, a dearer one to come.
    {"sku": "TRV-POWERBANK", "amount": "26.99", "starts_at": midnight("2026-07-01")},
    {"sku": "GRO-MILK-16", "amount": "2.09", "starts_at": midnight("2028-01-01")},
)


def dearer(price: str, percent: int) -> str:
    """So many percent of a price, up to the next amount that ends in 9 cents."""
    cents = -(-int(Decimal(price) * 100) * percent // 100)
    cents += (9 - cents) % 10
    return f"{cents // 100}.{cents % 100:02}"


def regular_prices(shelf: Shelf, item: Item) -> Iterator[Row]:
    """The price in all stores, and those of the stores that are dearer."""
    yield {"sku": item.sku, "amount": item.price, "starts_at": midnight(OPENING_DAY)}
    for surcharge in SURCHARGES:
        stores = shelf.stores_of(item)
        if shelf.category in surcharge.categories and (not stores or surcharge.store_id in stores):
            yield {
                "sku": item.sku,
                "store_id": surcharge.store_id,
                "amount": dearer(item.price, surcharge.percent),
                "starts_at": midnight(OPENING_DAY),
            }


def prices() -> list[Row]:
    return [row for shelf, item in stock() for row in regular_prices(shelf, item)] + list(CHANGED_PRICES)


def fees() -> list[Row]:
    """New York's bottle deposit on every can and bottle, and a fee on the paper bag."""
    with_deposit = [item for shelf, item in stock() if shelf.has_deposit]
    deposits: list[Row] = [
        {
            "code": f"DEPOSIT-{5 * containers:02}",
            "description": "Bottle deposit",
            "amount": f"0.{5 * containers:02}",
            "taxed": False,
            "skus": [item.sku for item in with_deposit if item.containers == containers],
            "stores": [ARENA, AIRPORT],
            "starts_at": midnight(OPENING_DAY),
        }
        for containers in sorted({item.containers for item in with_deposit})
    ]
    bag_fee: Row = {
        "code": "BAG-FEE",
        "description": "Bag fee",
        "amount": "0.10",
        "taxed": True,
        "skus": ["GRO-BAGPAPER"],
        "starts_at": midnight(OPENING_DAY),
    }
    return [*deposits, bag_fee]


PROMOTIONS: tuple[Row, ...] = (
    {
        "code": "MORNING-COFFEE",
        "name": "Morning coffee and tea for 1.99",
        "receipt_text": "Morning coffee 1.99",
        "kind": "FIXED_PRICE",
        "amount": "1.99",
        "targets": {"categories": ["Drinks > Coffee and tea"], "except_skus": ["DRK-HOTCHOC-12"]},
        "weekdays": ["MON", "TUE", "WED", "THU", "FRI"],
        "from_time": "06:00",
        "until_time": "10:00",
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "HAPPY-HOUR",
        "name": "Happy hour: 20 percent off chips, popcorn and soft drinks",
        "receipt_text": "Happy hour 20% off",
        "kind": "PERCENT_OFF",
        "percent": "20",
        "targets": {"categories": ["Snacks > Chips", "Snacks > Popcorn", "Drinks > Soft drinks"]},
        "weekdays": ["MON", "TUE", "WED", "THU", "FRI"],
        "from_time": "16:00",
        "until_time": "18:00",
        "stores": [CAMPUS],
        "starts_at": midnight(OPENING_DAY, CHICAGO),
    },
    {
        "code": "LATE-NIGHT",
        "name": "Late night: 1.50 off hot food after the game",
        "receipt_text": "Late night 1.50 off",
        "kind": "AMOUNT_OFF",
        "amount": "1.50",
        "targets": {"categories": ["Hot food"]},
        "weekdays": ["FRI", "SAT"],
        "from_time": "22:00",
        "until_time": "01:00",
        "stores": [ARENA],
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "EVENING-BAKERY",
        "name": "Half price on bakery in the evening, bread excepted",
        "receipt_text": "Evening bakery 50% off",
        "kind": "PERCENT_OFF",
        "percent": "50",
        "targets": {"categories": ["Bakery"], "except_skus": ["BAK-BREADSOUR", "BAK-BREADWHEAT", "BAK-BAGEL-4PK"]},
        "from_time": "20:00",
        "until_time": "23:00",
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "FRUIT-15",
        "name": "15 percent off fruit by the piece and by weight",
        "receipt_text": "Fruit 15% off",
        "kind": "PERCENT_OFF",
        "percent": "15",
        "targets": {"categories": ["Fruit > Whole fruit", "Fruit > Fruit by weight"]},
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "SANDWICH-WED",
        "name": "Sandwich Wednesday: sandwiches and wraps for 6.50",
        "receipt_text": "Sandwich Wednesday",
        "kind": "FIXED_PRICE",
        "amount": "6.50",
        "targets": {
            "categories": ["Sandwiches > Classic sandwiches", "Sandwiches > Wraps"],
            "except_skus": ["SND-EGG"],
        },
        "weekdays": ["WED"],
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "FAN-10",
        "name": "10 percent off the fan shop, jerseys excepted",
        "receipt_text": "Fan shop 10% off",
        "kind": "PERCENT_OFF",
        "percent": "10",
        "targets": {"categories": ["Fan shop"], "except_skus": ["FAN-JERSEY-M", "FAN-JERSEY-L"]},
        "stores": [ARENA],
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "GAMEDAY-SCARF",
        "name": "Scarf and beanie for 19.00 on weekends",
        "receipt_text": "Game day 19.00",
        "kind": "FIXED_PRICE",
        "amount": "19.00",
        "targets": {"skus": ["FAN-SCARF", "FAN-BEANIE"]},
        "weekdays": ["SAT", "SUN"],
        "priority": 5,
        "stores": [ARENA],
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "SUMMER-ICE",
        "name": "Summer 2026: 0.75 off ice cream",
        "receipt_text": "Ice cream 0.75 off",
        "kind": "AMOUNT_OFF",
        "amount": "0.75",
        "targets": {"categories": ["Sweets > Ice cream"]},
        "starts_at": midnight("2026-06-01"),
        "ends_at": midnight("2026-09-01"),
    },
    {
        "code": "CHARGE-25",
        "name": "25 percent off chargers and cables",
        "receipt_text": "Chargers 25% off",
        "kind": "PERCENT_OFF",
        "percent": "25",
        "targets": {"categories": ["Travel > Chargers and cables"]},
        "stores": [AIRPORT],
        "starts_at": midnight(OPENING_DAY),
        "ends_at": midnight("2036-01-01"),
    },
    {
        "code": "VITAMINS-30",
        "name": "New year 2027: 30 percent off vitamins",
        "receipt_text": "Vitamins 30% off",
        "kind": "PERCENT_OFF",
        "percent": "30",
        "targets": {"categories": ["Health > Vitamins"]},
        "starts_at": midnight("2027-01-01"),
        "ends_at": midnight("2027-03-01"),
    },
    {
        "code": "BULK-WEEKEND",
        "name": "Bulk nuts for 7.99 per lb on weekends",
        "receipt_text": "Bulk nuts 7.99 per lb",
        "kind": "FIXED_PRICE",
        "amount": "7.99",
        "targets": {"skus": ["SNK-BULKMIXED-LB", "SNK-BULKALMOND-LB"]},
        "weekdays": ["SAT", "SUN"],
        "stores": [CAMPUS],
        "starts_at": midnight(OPENING_DAY, CHICAGO),
    },
)

DEALS: tuple[Row, ...] = (
    {
        "code": "PROTEIN-MAKER",
        "name": "0.50 off protein bars, paid by the maker",
        "receipt_text": "Protein bar 0.50 off",
        "kind": "AMOUNT_OFF",
        "amount": "0.50",
        "targets": {"skus": ["SNK-BARPROTEINPB-2", "SNK-BARPROTEINCH-2"]},
        "funding": "VENDOR",
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "BOGO-POPCORN",
        "name": "Buy 1 popcorn, get 1 free, twice a trip",
        "receipt_text": "Popcorn 1 plus 1 free",
        "kind": "BUY_X_GET_Y",
        "buy": 1,
        "get": 1,
        "percent": "100",
        "targets": {"categories": ["Snacks > Popcorn"]},
        "max_uses_per_trip": 2,
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "COFFEE-MUFFIN",
        "name": "A coffee or tea makes a muffin half price",
        "receipt_text": "Muffin half price",
        "kind": "BUY_X_GET_Y",
        "buy": 1,
        "get": 1,
        "percent": "50",
        "targets": {"categories": ["Drinks > Coffee and tea"]},
        "get_targets": {"skus": ["BAK-MUFFINBLUE", "BAK-MUFFINBRAN"]},
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "BARS-3-FOR-5",
        "name": "3 snack bars for 5.00, mix and match",
        "receipt_text": "3 bars for 5.00",
        "kind": "MULTI_BUY",
        "count": 3,
        "amount": "5.00",
        "targets": {"categories": ["Snacks > Bars"]},
        "max_uses_per_trip": 3,
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "SODA-2-FOR-5",
        "name": "2 soft drinks for 5.00 at the arena, packs excepted",
        "receipt_text": "2 soft drinks for 5.00",
        "kind": "MULTI_BUY",
        "count": 2,
        "amount": "5.00",
        "targets": {
            "categories": ["Drinks > Soft drinks"],
            "except_skus": ["DRK-COLA-6PK", "DRK-COLA-12", "DRK-ZERO-12", "DRK-LEMLIME-12", "DRK-GINGER-12"],
        },
        "priority": 2,
        "stores": [ARENA],
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "MEAL-DEAL",
        "name": "Meal deal: sandwich or wrap, chips and a drink for 10.00",
        "receipt_text": "Meal deal 10.00",
        "kind": "BUNDLE",
        "amount": "10.00",
        "components": [
            {"targets": {"categories": ["Sandwiches > Classic sandwiches", "Sandwiches > Wraps"]}, "count": 1},
            {"targets": {"categories": ["Snacks > Chips"]}, "count": 1},
            {"targets": {"categories": ["Drinks > Soft drinks", "Drinks > Water", "Drinks > Juice"]}, "count": 1},
        ],
        "max_uses_per_trip": 4,
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "GAME-COMBO",
        "name": "Game combo: 2 hot dogs and 2 bottles for 17.00",
        "receipt_text": "Game combo 17.00",
        "kind": "BUNDLE",
        "amount": "17.00",
        "components": [
            {"targets": {"skus": ["HOT-DOG", "HOT-DOGCHILI", "HOT-DOGVEG"]}, "count": 2},
            {"targets": {"skus": ["DRK-COLA-20", "DRK-ZERO-20", "DRK-LEMLIME-20", "DRK-ROOTBEER-20"]}, "count": 2},
        ],
        "priority": 3,
        "stores": [ARENA],
        "starts_at": midnight(OPENING_DAY),
    },
    {
        "code": "SPEND-25",
        "name": "3.00 off food and drink from 25.00",
        "receipt_text": "3.00 off 25.00",
        "kind": "SPEND_GET",
        "threshold": "25.00",
        "amount": "3.00",
        "targets": {"categories": sorted(FOOD_AND_DRINK)},
        "stores": [CAMPUS],
        "starts_at": midnight(OPENING_DAY, CHICAGO),
    },
    {
        "code": "SPEND-40",
        "name": "5 percent off everything from 40.00",
        "receipt_text": "5% off 40.00",
        "kind": "SPEND_GET",
        "threshold": "40.00",
        "percent": "5",
        "targets": {"all": True, "except_skus": ["GRO-BAGPAPER"]},
        "priority": 1,
        "stores": [AIRPORT, CAMPUS],
        "starts_at": midnight(OPENING_DAY),
    },
)


@dataclass(frozen=True, slots=True)
class TaxRule:
    code: str
    jurisdiction: str
    rate: str
    tax_categories: tuple[str, ...]
    stores: tuple[str, ...]
    zone: str = NEW_YORK

    def as_row(self) -> Row:
        return {
            "code": self.code,
            "jurisdiction": self.jurisdiction,
            "tax_categories": list(self.tax_categories),
            "stores": list(self.stores),
            "rate": self.rate,
            "starts_at": midnight(OPENING_DAY, self.zone),
        }


IN_NEW_YORK = (ARENA, AIRPORT)
TAXED_IN_NEW_YORK = ("GENERAL", "SOFT_DRINK", "WATER", "CANDY", "PREPARED_FOOD")
COMMUTER_DISTRICT = "Metropolitan Commuter Transportation District"
TAXED_IN_ILLINOIS = ("GENERAL", "SOFT_DRINK", "CANDY", "PREPARED_FOOD", "CLOTHING")
TRANSPORT_AUTHORITY = "Regional Transportation Authority"

TAX_RULES = (
    TaxRule("NY-STATE", "New York State", "0.04", TAXED_IN_NEW_YORK, IN_NEW_YORK),
    # A rate of zero is said outright: a tax category that no rule names is a mistake, not a zero.
    TaxRule("NY-STATE-ZERO", "New York State", "0.00", ("FOOD", "MEDICINE", "CLOTHING"), IN_NEW_YORK),
    TaxRule("NY-MCTD", COMMUTER_DISTRICT, "0.00375", TAXED_IN_NEW_YORK, IN_NEW_YORK),
    TaxRule("NY-CITY", "New York City", "0.045", TAXED_IN_NEW_YORK, (ARENA,)),
    # Outside the city clothing is free of the state's tax alone.
    TaxRule("NY-WESTCHESTER", "Westchester County", "0.04", (*TAXED_IN_NEW_YORK, "CLOTHING"), (AIRPORT,)),
    TaxRule("NY-MCTD-CLOTHING", COMMUTER_DISTRICT, "0.00375", ("CLOTHING",), (AIRPORT,)),
    TaxRule("IL-STATE", "State of Illinois", "0.0625", TAXED_IN_ILLINOIS, (CAMPUS,), CHICAGO),
    TaxRule("IL-STATE-REDUCED", "State of Illinois", "0.01", ("FOOD", "WATER", "MEDICINE"), (CAMPUS,), CHICAGO),
    TaxRule("IL-COOK", "Cook County", "0.0175", TAXED_IN_ILLINOIS, (CAMPUS,), CHICAGO),
    TaxRule("IL-CHICAGO", "City of Chicago", "0.0125", TAXED_IN_ILLINOIS, (CAMPUS,), CHICAGO),
    TaxRule("IL-CHICAGO-DRINKS", "City of Chicago, soft drinks", "0.03", ("SOFT_DRINK",), (CAMPUS,), CHICAGO),
    TaxRule("IL-CHICAGO-MEALS", "City of Chicago, restaurants", "0.005", ("PREPARED_FOOD",), (CAMPUS,), CHICAGO),
    TaxRule("IL-RTA", TRANSPORT_AUTHORITY, "0.01", TAXED_IN_ILLINOIS, (CAMPUS,), CHICAGO),
    TaxRule("IL-RTA-REDUCED", TRANSPORT_AUTHORITY, "0.0125", ("FOOD", "WATER", "MEDICINE"), (CAMPUS,), CHICAGO),
)

TAX_HOLIDAYS: tuple[Row, ...] = (
    {
        "code": "BACK-TO-SCHOOL-2027",
        "name": "Back to school 2027",
        "tax_categories": ["CLOTHING"],
        "stores": [CAMPUS],
        "unit_price_below": "125.00",
        "starts_at": midnight("2027-08-01", CHICAGO),
        "ends_at": midnight("2027-08-15", CHICAGO),
    },
    {
        "code": "STUDENT-CLOTHING",
        "name": "Student clothing relief",
        "tax_categories": ["CLOTHING"],
        "stores": [CAMPUS],
        "unit_price_below": "40.00",
        "starts_at": midnight(OPENING_DAY, CHICAGO),
        "ends_at": midnight("2036-01-01", CHICAGO),
    },
)


def demo_store() -> dict[str, Sequence[Row]]:
    """The store file's sections."""
    return {
        "stores": STORES,
        "tax_categories": TAX_CATEGORIES,
        "products": [product(shelf, item) for shelf, item in stock()],
        "prices": prices(),
        "fees": fees(),
        "promotions": PROMOTIONS + DEALS,
        "tax_rules": [rule.as_row() for rule in TAX_RULES],
        "tax_holidays": TAX_HOLIDAYS,
    }


def as_text(document: Mapping[str, Iterable[Row]]) -> str:
    """JSON with one row a line, so that a change of one row reads as a change of one line."""
    sections = (
        f'  "{section}": [\n' + ",\n".join(f"    {json.dumps(row)}" for row in rows) + "\n  ]"
        for section, rows in document.items()
    )
    return "{\n" + ",\n".join(sections) + "\n}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sandbox.make_demo_store", description="Write the demo store."
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where to write, if not beside this file")
    chosen = parser.parse_args(arguments)
    document = demo_store()
    chosen.output.write_text(as_text(document), encoding="ascii", newline="\n")
    print(", ".join(f"{len(rows)} {section.replace('_', ' ')}" for section, rows in document.items()))


if __name__ == "__main__":
    main()
