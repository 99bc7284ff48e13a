"""Somebody in the back office: does what its pages offer, by the product's own calls, in a process beside the others.

The process is told what to do by a line of JSON and answers with one.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.journeys.processes import ROOT, own_environment

Settings = Mapping[str, str]


class Refused(Exception):
    """The product would not do it; the text is what it told the person."""


class Office:
    """The way to that process, which is started when it is needed first."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "office.log"
        self._popen: subprocess.Popen[str] | None = None

    def ask(self, what: str, options: Mapping[str, Any], settings: Settings) -> Any:
        """What came of it. Raises Refused."""
        office = self._popen or self._start(settings)
        assert office.stdin is not None
        assert office.stdout is not None
        office.stdin.write(json.dumps({"what": what, "options": options}) + "\n")
        office.stdin.flush()
        line = office.stdout.readline()
        assert line, f"the office ended by itself:\n{self._log.read_text()[-6_000:]}"
        told = json.loads(line)
        if "refused" in told:
            raise Refused(told["refused"])
        return told["done"]

    def _start(self, settings: Settings) -> "subprocess.Popen[str]":
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "tests.journeys.office"],
                cwd=ROOT,
                env=own_environment({"DJANGO_SETTINGS_MODULE": "jwo_store.settings", **settings}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        return self._popen

    def close(self) -> None:
        if self._popen is not None:
            self._popen.kill()
            self._popen.communicate()
            self._popen = None


# --- In that process -----------------------------------------------------------------------------------------------


def main() -> None:
    import django  # noqa: PLC0415  the side that asks needs none of this

    django.setup()
    deeds, refusals = _deeds()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            told = {"done": deeds[asked["what"]](**asked["options"])}
        except refusals as refusal:
            told = {"refused": str(refusal)}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _deeds() -> tuple[dict[str, Callable[..., Any]], tuple[type[Exception], ...]]:
    from django.contrib.auth.models import User  # noqa: PLC0415  models can be had only after the set-up
    from django.http import QueryDict  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from catalog import archive, following, notifications, runs, uploads  # noqa: PLC0415
    from catalog.admin import upload_story  # noqa: PLC0415
    from catalog.models import CatalogItem, CatalogMessage, CatalogUpload, Product  # noqa: PLC0415

    me, _ = User.objects.get_or_create(username="olivia", defaults={"is_staff": True, "is_superuser": True})

    def upload(upload_id: int) -> CatalogUpload:
        return CatalogUpload.objects.get(pk=upload_id)

    def products(skus: Sequence[str]) -> Any:
        return Product.objects.filter(sku__in=skus)

    def archived(skus: Sequence[str]) -> list[int]:
        return [call.pk for call in archive.archive(products(skus), by=me, now=timezone.now())]

    def confirmed(store_ids: Sequence[str]) -> list[str]:
        stores: list[str] = archive.confirm_stores(store_ids, by=me, now=timezone.now()).store_ids
        return stores

    def upload_changes() -> int:
        return runs.request(store=None, everything=False, by=me, now=timezone.now()).pk

    deeds: dict[str, Callable[..., Any]] = {
        "upload changes": upload_changes,
        "try again": lambda upload_id: uploads.try_again(upload(upload_id), by=me, now=timezone.now()),
        "give up": lambda upload_id, reason: uploads.give_up(
            upload(upload_id), reason=reason, by=me, now=timezone.now()
        ),
        "read story": lambda upload_id: [
            event.text
            for one in [upload(upload_id)]
            for event in upload_story.story(one, QueryDict(), seen=one.lines.all())["timeline"]
        ],
        "ask now": lambda upload_id: following.ask_now(upload(upload_id), now=timezone.now()),
        "read again": lambda upload_id: following.read_report_again(upload(upload_id), now=timezone.now()),
        "send again": lambda store_id: uploads.send_again(CatalogItem.objects.filter(store_id=store_id)),
        "work again": lambda message_id: notifications.replay(
            CatalogMessage.objects.get(pk=message_id), now=timezone.now()
        ),
        "retire": lambda skus: archive.retire(products(skus), reason="Sold out.", by=me, now=timezone.now()),
        "return to sale": lambda skus: archive.return_to_sale(
            products(skus), reason="It is back.", by=me, now=timezone.now()
        ),
        "confirm stores": confirmed,
        "archive": archived,
        "archivable": lambda: sorted(archive.archivable().values_list("sku", flat=True)),
        "still on a shelf": lambda: sorted(archive.still_on_a_shelf().values_list("sku", flat=True)),
    }
    return deeds, (uploads.StepRefused, archive.ArchiveRefused)


if __name__ == "__main__":
    main()
