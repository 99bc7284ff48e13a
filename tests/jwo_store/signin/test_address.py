"""Whose address counts behind proxies."""

import pytest
from django.conf import LazySettings
from django.test import RequestFactory

from jwo_store.signin.address import NOWHERE, address_of

CALLED: dict[str, tuple[int, str, str, str]] = {
    "no proxies": (0, "", "198.51.100.7", "198.51.100.7"),
    "no proxies, and a header that anybody may write": (0, "203.0.113.9", "198.51.100.7", "198.51.100.7"),
    "one proxy": (1, "203.0.113.9", "10.0.0.1", "203.0.113.9"),
    "one proxy, and a header that the caller has begun": (1, "6.6.6.6, 203.0.113.9", "10.0.0.1", "203.0.113.9"),
    "two proxies": (2, "6.6.6.6,203.0.113.9, 10.0.0.2", "10.0.0.1", "203.0.113.9"),
    "around the proxies": (2, "6.6.6.6", "198.51.100.7", "198.51.100.7"),
    "no header from the proxy": (1, "", "10.0.0.1", "10.0.0.1"),
    "no address in the header": (1, "unknown", "10.0.0.1", "10.0.0.1"),
    "a line's network of IPv6": (1, "2001:db8:1:2:aaaa::1", "10.0.0.1", "2001:db8:1:2::"),
    "IPv4 within IPv6": (0, "", "::ffff:198.51.100.7", "198.51.100.7"),
    "a socket without an address": (0, "", "", NOWHERE),
}


@pytest.mark.parametrize(("proxies", "header", "socket", "address"), CALLED.values(), ids=CALLED)
def test_the_address_is_the_one_that_our_outermost_proxy_saw(
    settings: LazySettings, proxies: int, header: str, socket: str, address: str
) -> None:
    settings.PROXY_COUNT = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": header} if header else {}, REMOTE_ADDR=socket)

    assert address_of(request) == address
