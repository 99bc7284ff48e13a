"""The door for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jwo_store.settings")
application = get_wsgi_application()

from jwo_store.checks import refuse_unsafe_start  # noqa: E402  the apps must be loaded first

refuse_unsafe_start()
