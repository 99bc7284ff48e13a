"""The people of the office: one of each role, and what they sign in with."""

ARENA, AIRPORT, CAMPUS = "ARENA-EAST-12", "AIRPORT-WEST-04", "CAMPUS-NORTH-03"
EVERYWHERE = None
PASSWORD = "a-password-for-the-tests-of-pages"

PEOPLE: dict[str, tuple[str, str | None]] = {
    "vera": ("Viewer", ARENA),
    "sam": ("Staff", ARENA),
    "petra": ("Pricing", ARENA),
    "tina": ("Tax", EVERYWHERE),
    "carl": ("Catalog", EVERYWHERE),
    "mona": ("Manager", EVERYWHERE),
    "milo": ("Manager", EVERYWHERE),
    "otto": ("Auditor", EVERYWHERE),
    "ada": ("Administrator", EVERYWHERE),
}
"""By login: the role, and in which store."""

MAKE_PEOPLE = f"""
from django.contrib.auth.models import Group, User
from jwo_store.models import Assignment
for name, (role, store) in {PEOPLE!r}.items():
    person = User.objects.create_user(name, name + "@stores.example", {PASSWORD!r}, is_staff=True)
    Assignment.objects.create(person=person, role=Group.objects.get(name=role), store_id=store)
"""
"""For `manage.py shell -c`."""
