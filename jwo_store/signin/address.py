"""From where somebody calls, behind as many proxies as we were told of."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

NOWHERE = "0.0.0.0"  # noqa: S104  # nosec B104  stands for a socket that has no address


def address_of(request: HttpRequest) -> str:
    """The caller's address as the outermost proxy of ours saw it; of IPv6 the network that one line gets (/64).

    Every proxy appends who called it to `X-Forwarded-For`, so with `PROXY_COUNT` proxies of our own the entry that many
    from the right was written by ours, and everything left of it by whoever called. A list that is shorter did not come
    through all of them: then only the socket is believed, as it is without proxies.
    """
    proxies = settings.PROXY_COUNT
    named = [entry.strip() for entry in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if proxies and len(named) >= proxies:
        seen = _address(named[-proxies])
        if seen:
            return seen
    return _address(request.META.get("REMOTE_ADDR", "")) or NOWHERE


def _address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    return str(_network(address))


def _network(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or IPv6Network((int(address), 64), strict=False).network_address
