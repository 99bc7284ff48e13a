"""Where things are, by job: the sidebar, and what the top of each page says of where one is.

The apps are named as strings only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from jwo_store import access


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the sidebar: a list of one model, perhaps filtered, or another page about it.

    Seen by those who may view the model.
    """

    title: str
    icon: str
    app: str
    model: str
    query: str = ""
    page: str = "changelist"
    is_of_all_stores: bool = False
    """For those alone who may view it in all stores."""

    @property
    def url(self) -> str:
        return reverse(f"admin:{self.app}_{self.model}_{self.page}") + self.query

    def is_here(self, request: HttpRequest) -> bool:
        """Whether the person is right there; other pages than lists carry queries of their own."""
        return self.url == (request.get_full_path() if self.page == "changelist" else request.path)

    def is_seen_by(self, request: HttpRequest) -> bool:
        verbs = ("view", "change")
        held = [access.stores_with(request.user, f"{self.app}.{verb}_{self.model}") for verb in verbs]
        return any(stores.everywhere if self.is_of_all_stores else stores for stores in held)


class Home:
    """The page that everybody starts from."""

    title = "Today"
    icon = "today"
    query = ""

    @property
    def url(self) -> str:
        return reverse("admin:index")

    def is_here(self, request: HttpRequest) -> bool:
        return request.path == self.url

    def is_seen_by(self, _request: HttpRequest) -> bool:
        return True


SIDEBAR: tuple[tuple[str, tuple[Link | Home, ...]], ...] = (
    ("", (Home(), Link("Alarms", "notifications", "jwo_store", "alarm"))),
    (
        "Prices",
        (
            Link("All prices", "sell", "pricing", "price"),
            Link("Price a cart", "shopping_basket", "pricing", "price", page="cart"),
            Link("Changes of many prices", "price_change", "pricing", "pricechange"),
        ),
    ),
    (
        "Promotions",
        (
            Link("All promotions", "redeem", "pricing", "promotion"),
            Link("Calendar", "calendar_month", "pricing", "promotion", page="calendar"),
            Link("Live now", "play_circle", "pricing", "promotion", "?state=live"),
            Link("Scheduled", "schedule", "pricing", "promotion", "?state=scheduled"),
            Link("Drafts", "edit_note", "pricing", "promotion", "?state=draft"),
            Link("Tried on past trips", "science", "orders", "backtest"),
        ),
    ),
    (
        "Taxes and fees",
        (
            Link("Tax rules", "percent", "pricing", "taxrule"),
            Link("Tax categories", "category", "pricing", "taxcategory"),
            Link("Tax holidays", "event", "pricing", "taxholiday"),
            Link("Deposits and fees", "recycling", "pricing", "fee"),
        ),
    ),
    (
        "Purchases",
        (
            Link("All purchases", "receipt_long", "orders", "purchase"),
            Link("Waiting for a repair", "build", "orders", "purchase", page="waiting"),
            Link("Refused by Amazon", "block", "orders", "purchase", "?status__exact=REJECTED"),
            Link("Refused carts", "move_to_inbox", "orders", "refusedcart"),
            Link("Exports for finance", "table_view", "orders", "financeexport"),
        ),
    ),
    (
        "Catalog",
        (
            Link("Products", "inventory_2", "catalog", "product"),
            Link("Problems", "rule", "catalog", "productfinding"),
            Link("Must be mended", "build_circle", "catalog", "productfinding", "?severity__exact=ERROR"),
            Link("Refused products", "block", "catalog", "product", "?amazon=refused"),
            Link("Uploads", "cloud_upload", "catalog", "catalogupload"),
            Link("Stopped uploads", "front_hand", "catalog", "catalogupload", "?stopped=yes"),
            Link("Upload requests", "playlist_add_check", "catalog", "catalogrun"),
            Link("Messages from Amazon", "mail", "catalog", "catalogmessage"),
        ),
    ),
    (
        "Who did what",
        (
            Link("Waiting for a second pair of eyes", "visibility", "pricing", "proposal", "?status__exact=WAITING"),
            Link("All proposals", "rule_folder", "pricing", "proposal"),
            Link("What was changed", "history", "pricing", "price", page="changed"),
        ),
    ),
    (
        "Set-up",
        (
            Link("Stores", "storefront", "catalog", "store"),
            Link("Stores that Amazon knows", "fact_check", "catalog", "storelist", is_of_all_stores=True),
            Link("Notification queue", "forward_to_inbox", "catalog", "queuereading"),
            Link("People", "person", "auth", "user"),
            Link("Roles", "group", "auth", "group"),
            Link("Wrong sign-ins", "lock_clock", "signin", "wrongtry"),
        ),
    ),
)


def links_of(request: HttpRequest) -> Iterator[tuple[str, Link | Home]]:
    """All that this person may go to, each with its job."""
    for job, links in SIDEBAR:
        yield from ((job, link) for link in links if link.is_seen_by(request))


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar as this person sees it, in the theme's shape: one group a job, only what may be viewed."""
    groups = [(title, [link for link in links if link.is_seen_by(request)]) for title, links in SIDEBAR]
    exact = [link for _, links in groups for link in links if link.is_here(request)]
    return [{"title": title, "items": _items(request, links, exact)} for title, links in groups if links]


def _items(request: HttpRequest, links: Sequence[Link | Home], exact: Sequence[Link | Home]) -> list[dict[str, Any]]:
    """The links with the one marked where the person is: the page or the filtered list itself, or else its model's."""
    return [
        {
            "title": link.title,
            "icon": link.icon,
            "link": link.url,
            "active": link in exact if exact else _is_about(link, request),
        }
        for link in links
    ]


def _is_about(link: Link | Home, request: HttpRequest) -> bool:
    return isinstance(link, Link) and not link.query and request.path.startswith(link.url)


# --- Where one is --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Crumb:
    title: str
    link: str = ""


def crumbs(groups: Sequence[Mapping[str, Any]], *pages: Crumb) -> list[Crumb]:
    """The way from the job to this page, in the words of the sidebar; the last one is the page itself.

    `pages` are those beyond the entries of the sidebar: the row that the page is about, and what is done with it.
    """
    trail = list(_trail(groups))
    said = {crumb.title for crumb in trail}
    trail += [page for page in pages if page.title and page.title not in said]
    return [*trail[:-1], Crumb(trail[-1].title)] if trail else []


def _trail(groups: Sequence[Mapping[str, Any]]) -> Iterator[Crumb]:
    """The job, and the entry of the sidebar where one is."""
    for group in groups:
        for item in group["items"]:
            if item["active"]:
                if group["title"]:
                    yield Crumb(group["title"], group["items"][0]["link"])
                yield Crumb(item["title"], item["link"])
                return


def title_here(request: HttpRequest) -> str:
    """What the sidebar calls the list where the person is; "" for a page that it does not lead to."""
    trail = list(_trail(navigation(request)))
    return trail[-1].title if trail else ""
