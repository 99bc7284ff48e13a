"""What every page tells the browser about itself, and that every page keeps to it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from jwo_store.admin_site import site
from tests.factories import (
    AlarmFactory,
    Browser,
    OwnerFactory,
    PriceFactory,
    ProductFactory,
    PurchaseFactory,
    signed_in,
)

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
HEADERS = {
    "Content-Security-Policy": (
        "base-uri 'self'; connect-src 'self'; default-src 'self'; font-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; img-src 'self' data:; object-src 'none'; script-src 'self' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), usb=()"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def lists_and_forms() -> list[str]:
    """The list of everything that the office shows, the empty form, and the page of one row if there is one."""
    urls = []
    for model in site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._default_manager.first()
        urls += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
        urls += [reverse(f"{name}_{page}", args=[row.pk]) for page in ("change", "history") if row is not None]
    return urls


OTHERS = [
    "/admin/",
    "/admin/my-sign-in/",
    "/admin/password_change/",
    "/admin/jsi18n/",
    "/admin/orders/purchase/waiting/",
    "/admin/pricing/price/cart/",
    "/api/docs",
    "/api/schema",
    "/nowhere",
]


def own_headers(response: Any) -> dict[str, str]:
    headers = {name: response.headers.get(name, "") for name in HEADERS}
    headers["Content-Security-Policy"] = "; ".join(sorted(headers["Content-Security-Policy"].split("; ")))
    return headers


def faults_of(page: str) -> list[str]:
    """What the browser would not run, or would fetch from elsewhere."""
    scripts = re.findall(r"<script\b([^>]*)>", page)
    inline = [script for script in scripts if "src=" not in script and "application/json" not in script]
    handlers = re.findall(r"<[^>]*\s(on(?:click|load|submit|change|input|error)=)", page)
    elsewhere = re.findall(
        r"<(?:script|link|img|iframe|form)\b[^>]*(?:src|href|action)=[\"'](?:https?:)?//[^\"']*", page
    )
    return [*inline, *handlers, *elsewhere]


def test_every_page_of_the_office_has_the_headers_and_keeps_to_them() -> None:
    AlarmFactory()
    PriceFactory()
    PurchaseFactory(ordered=True)
    ProductFactory()
    browser = signed_in(OwnerFactory())

    answers = {url: browser.get(url) for url in [*lists_and_forms(), *OTHERS]}

    assert {url for url, answer in answers.items() if answer.status_code == 200} > set(OTHERS) - {"/nowhere"}
    assert len(answers) > 50
    assert {url: own_headers(answer) for url, answer in answers.items() if own_headers(answer) != HEADERS} == {}
    pages = {url: answer for url, answer in answers.items() if "html" in answer.headers.get("Content-Type", "")}
    assert {
        url: faults_of(page.content.decode()) for url, page in pages.items() if faults_of(page.content.decode())
    } == {}


@pytest.mark.parametrize("url", ["/admin/login/", "/admin/", "/admin/login/code/"])
def test_pages_before_signing_in_have_them_too(url: str) -> None:
    assert own_headers(Browser().get(url)) == HEADERS


def test_answers_to_calls_have_them_too_and_let_nothing_be_loaded() -> None:
    nothing = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
    assert own_headers(Browser().get("/v1/order/purchases")) == {**HEADERS, **nothing}


COOKIES = """
import json
from jwo_store import settings
names = [f"{cookie}_COOKIE_{flag}" for cookie in ("SESSION", "CSRF") for flag in ("SECURE", "HTTPONLY", "SAMESITE")]
from django.conf import global_settings
print(json.dumps({name: getattr(settings, name, getattr(global_settings, name)) for name in names}))
"""


@pytest.mark.parametrize("environment", ["test", "live"])
def test_cookies_travel_over_https_alone_and_not_to_other_sites(environment: str, tmp_path: Path) -> None:
    own = {"JWO_ENVIRONMENT": environment, "DATA_DIR": str(tmp_path), "SECRET_KEY": "x" * 60}
    told = subprocess.run(
        [sys.executable, "-c", COOKIES], cwd=ROOT, env={**os.environ, **own}, capture_output=True, check=True
    )

    assert json.loads(told.stdout) == {
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Lax",
    }
