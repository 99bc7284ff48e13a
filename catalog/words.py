"""The words of item names: abbreviations, sizes, and letters that Amazon takes. Plain Python.

Amazon's catalog_maintenance page: no marks above ASCII, no abbreviations (its example: WTR for Water), and brand,
variety and quantity wherever possible (`Dr. Pepper Zero Cherry 20oz`, `… Extra Soft (2 Count)`).
"""

import re
import unicodedata
from collections.abc import Mapping

ABBREVIATIONS: Mapping[str, str] = {
    **dict.fromkeys(("asst", "asstd", "assrt", "assrtd"), "assorted"),
    **dict.fromkeys(("bg", "bgs"), "bag"),
    **dict.fromkeys(("bkfst", "brkfst"), "breakfast"),
    "blk": "black",
    **dict.fromkeys(("blubry", "blubrry"), "blueberry"),
    "brd": "bread",
    **dict.fromkeys(("btl", "btls", "bttl"), "bottle"),
    "btr": "butter",
    "bx": "box",
    "carm": "caramel",
    "chdr": "cheddar",
    **dict.fromkeys(("chkn", "ckn", "chckn", "chix"), "chicken"),
    **dict.fromkeys(("choc", "chc", "choco"), "chocolate"),
    **dict.fromkeys(("chp", "chps"), "chips"),
    **dict.fromkeys(("chs", "chz"), "cheese"),
    **dict.fromkeys(("cin", "cinn"), "cinnamon"),
    "cntr": "container",
    **dict.fromkeys(("cof", "cffe"), "coffee"),
    **dict.fromkeys(("ckie", "cky"), "cookie"),
    **dict.fromkeys(("crkr", "crkrs"), "crackers"),
    **dict.fromkeys(("crm", "crmy"), "cream"),
    "dbl": "double",
    **dict.fromkeys(("doz", "dz"), "dozen"),
    "drk": "dark",
    "drnk": "drink",
    "dsrt": "dessert",
    "dt": "diet",
    **dict.fromkeys(("enrgy", "nrg"), "energy"),
    **dict.fromkeys(("flv", "flvr", "flav"), "flavor"),
    "frsh": "fresh",
    "frt": "fruit",
    **dict.fromkeys(("frz", "frzn", "fzn"), "frozen"),
    "gf": "gluten free",
    "grld": "grilled",
    "grn": "green",
    "hny": "honey",
    "jce": "juice",
    **dict.fromkeys(("lg", "lrg"), "large"),
    "lmn": "lemon",
    "med": "medium",
    "mlk": "milk",
    "natl": "natural",
    "orig": "original",
    **dict.fromkeys(("org", "orgnc"), "organic"),
    **dict.fromkeys(("pk", "pks"), "pack"),
    **dict.fromkeys(("pkg", "pkgs", "pkt"), "package"),
    **dict.fromkeys(("pnt", "pnut", "pnuts"), "peanut"),
    "ptto": "potato",
    "pwdr": "powder",
    "rasp": "raspberry",
    "reg": "regular",
    "rst": "roast",
    "rstd": "roasted",
    "sce": "sauce",
    **dict.fromkeys(("shmp", "shamp"), "shampoo"),
    "shrd": "shredded",
    "slcd": "sliced",
    "slt": "salt",
    **dict.fromkeys(("sm", "sml"), "small"),
    "smkd": "smoked",
    "snck": "snack",
    **dict.fromkeys(("sndwch", "sndwich", "sdwch"), "sandwich"),
    **dict.fromkeys(("sngl", "sgl"), "single"),
    **dict.fromkeys(("sprk", "sprkl", "sprklg"), "sparkling"),
    **dict.fromkeys(("strw", "strwb", "strwbry", "strawb"), "strawberry"),
    "swt": "sweet",
    **dict.fromkeys(("tky", "trky"), "turkey"),
    **dict.fromkeys(("tpst", "tthpst"), "toothpaste"),
    **dict.fromkeys(("vnl", "vnla", "vanil"), "vanilla"),
    "w/": "with",
    "w/o": "without",
    **dict.fromkeys(("wht", "wh"), "white"),
    "whl": "whole",
    "wtr": "water",
    **dict.fromkeys(("ygrt", "yog"), "yogurt"),
    "zro": "zero",
}
"""Short words that lists of products are full of, in small letters. Units of measure are none: see `SIZE`."""

WORD = re.compile(r"w/o?|[a-z']+")
"""A word of a name in small letters, apart from the number that it may hang on: `6pk` has the word `pk`."""

MEASURES = (
    *("oz", "ounces?", "lbs?", "pounds?", "m?g", "mcg", "grams?", "kgs?", "kilos?", "kilograms?"),
    *("[mcd]?l", "lt", "ltr", "lit(?:er|re)s?", "fl", "pt", "pints?", "qt", "quarts?", "gal", "gallons?", "cups?"),
    *("ct", "count", "pks?", "packs?", "pcs?", "pieces?", "ea", "each", "dozen", "dz", "doz", "pairs?", "sets?"),
    *("[mc]?m", "in", "inch(?:es)?", "ft", "feet", "foot", "yd", "yards?", "w", "watts?", "v", "gb", "tb", "mah"),
    *("sheets?", "rolls?", "tablets?", "tabs?", "capsules?", "caps", "bags?", "cans?", "bottles?", "box(?:es)?"),
    *(
        "bars?",
        "slices?",
        "servings?",
        "sticks?",
        "wipes?",
        "pods?",
        "sachets?",
        "pouch(?:es)?",
        "cartons?",
        "[a-z]{3,}s",
    ),
)
SIZES = (
    *("each", "ea", "dozen", "pair", "single", "per lb", "per kg", "per oz", "per g", "per pound", "per piece"),
    *("(?:pack|box|bag|case|set|carton) of [0-9]+", "size [a-z0-9]+"),
    *("small", "medium", "large", "x{1,3}l", "one size"),
)
SIZE = re.compile(rf"[0-9][ -]?(?:{'|'.join(MEASURES)})\b|\b(?:{'|'.join(SIZES)})\b")
"""A size or quantity in a name in small letters: a number with a unit, or a word such as `each`."""

SIGNS = str.maketrans(
    {
        **dict.fromkeys("®™©℠", ""),
        **dict.fromkeys("‘’´`", "'"),  # noqa: RUF001  the curly ones that people type
        **dict.fromkeys("‐‑‒–—−", "-"),  # noqa: RUF001  dashes that look alike are the point
        **dict.fromkeys("“”„•·…", " "),
        **dict(zip("½¼¾⅓⅔", (" 1/2", " 1/4", " 3/4", " 1/3", " 2/3"), strict=True)),
        **dict(zip("ßæÆœŒøØłŁđĐ×", ("ss", *("ae", "Ae", "oe", "Oe"), *"oOlLdDx"), strict=True)),
    }
)


def plain(text: str) -> str:
    """The text in the letters of ASCII as far as they go: `Nescafé® 1½ oz` as `Nescafe 1 1/2 oz`."""
    parts = unicodedata.normalize("NFKD", text.translate(SIGNS))
    letters = (sign for sign in parts if not unicodedata.combining(sign) and (sign.isprintable() or sign.isspace()))
    return " ".join("".join(letters).split())


def abbreviations(name: str) -> list[str]:
    """The abbreviations in a name of small letters."""
    words = WORD.findall(name)
    return [] if ABBREVIATIONS.keys().isdisjoint(words) else [word for word in words if word in ABBREVIATIONS]


def mentions(name: str, brand: str) -> bool:
    """Whether a name contains a brand. Capitals, accents and marks don't count: `Coca Cola` names `Coca-Cola`."""
    if f" {brand.lower()} " in f" {name.lower()} ":
        return True
    wanted, words = _bare_words(brand), _bare_words(name)
    if f" {' '.join(wanted)} " in f" {' '.join(words)} " or not wanted:
        return True
    joined = "".join(wanted)
    return len(joined) >= LONG_ENOUGH and joined in "".join(words)


LONG_ENOUGH = 5
"""Letters of a brand that are no accident inside another word, as `Ole` is in `Whole`."""


def _bare_words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", plain(text).lower().replace("'", ""))
