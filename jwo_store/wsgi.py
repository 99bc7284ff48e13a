"""The door for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jwo_store.settings")
application = get_wsgi_application()

from jwo_store.checks import refuse_unsafe_start  # noqa: E402  the apps must be loaded first
from jwo_store.garbage import collect_seldom  # noqa: E402

refuse_unsafe_start()
collect_seldom()
