import hashlib
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from jwo_store.models import Assignment

LOGINS = {
    "admin": "everything, the set-up included",
    "manager": "prices, promotions, taxes, stores; repairs",
    "staff": "looks purchases up, prices again, sends again",
}


class Command(BaseCommand):
    help = "Makes the embedded demo ready: tables, static files, a demo store, one login per role. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("store_file", type=Path)

    def handle(self, *args: Any, store_file: Path, **options: Any) -> None:  # noqa: ARG002  Django's signature
        if not settings.DEMO:
            raise CommandError("The demo is for the embedded sandbox only: unset DATABASE_URL and CELERY_BROKER_URL.")
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        call_command("migrate", verbosity=0)
        collect_static()
        call_command("loadstore", str(store_file), stdout=open("/dev/null", "w"))  # noqa: PTH123, SIM115
        logins = [demo_login(name) for name in LOGINS]
        self.stdout.write(json.dumps({"logins": logins}))


def collect_static() -> None:
    """Collecting and compressing takes seconds, so only when a file has changed since the last time."""
    files = sorted(
        (storage.path(path), storage.size(path), storage.get_modified_time(path).timestamp())
        for finder in get_finders()
        for path, storage in finder.list([])
    )
    stamp = settings.STATIC_ROOT / ".collected"
    digest = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        call_command("collectstatic", interactive=False, verbosity=0, clear=True)
        stamp.write_text(digest)


@transaction.atomic
def demo_login(name: str) -> dict[str, str]:
    """A login whose address marks it as one of the demo: no other environment starts while it exists."""
    password = f"demo-{name}-login"
    user, created = User.objects.get_or_create(
        username=name,
        defaults={"email": f"{name}@demo.invalid", "is_staff": True, "is_superuser": name == "admin"},
    )
    if created:
        user.set_password(password)
        user.save()
    if name != "admin":
        for role in Group.objects.filter(name=name.capitalize()):
            Assignment.objects.get_or_create(person=user, role=role, store=None)
    return {"name": name, "password": password, "may": LOGINS[name]}
