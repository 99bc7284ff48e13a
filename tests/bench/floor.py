"""The floor of the connector's benchmark: a bare DRF view that decodes the cart with msgspec and inserts one row.

No authentication, no session, no pricing. Served as `tests.bench.floor:application` on the product's database.
"""

import os
from typing import Any, cast

import django
import environ
import msgspec
from django.conf import settings

env = environ.Env()
_database: dict[str, Any] = env.db("DATABASE_URL")
_database["OPTIONS"] = {"pool": {"min_size": 1, "max_size": 12}, "prepare_threshold": 5}
settings.configure(
    SECRET_KEY="the floor of a benchmark",
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["rest_framework", "django.contrib.contenttypes"],
    DATABASES={"default": _database},
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # it sets Content-Length, which keeps connections plain
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402  Django must be set up first
from django.db import connection, models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.parsers import BaseParser  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402

from orders.contract import Cart  # noqa: E402

decode = msgspec.json.Decoder(Cart).decode


class FloorRow(models.Model):
    trip_id = models.CharField(max_length=255, unique=True)
    store_id = models.CharField(max_length=255)
    raw = models.BinaryField()

    class Meta:
        app_label = "floor"

    def __str__(self) -> str:
        return self.trip_id


class MsgspecParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:  # noqa: ARG002
        raw = stream.read()
        return decode(raw), raw


class TakeCart(APIView):
    parser_classes = [MsgspecParser]

    def post(self, request: Request) -> Response:
        cart, raw = cast("tuple[Cart, bytes]", request.data)
        row = FloorRow(trip_id=cart.idempotent_shopping_trip_id, store_id=cart.store_id, raw=raw)
        row.save(force_insert=True)
        return Response({"purchaseId": str(row.pk)}, status=201)


urlpatterns = [path("v1/order/purchases", TakeCart.as_view())]
application = get_wsgi_application()

if os.environ.get("FLOOR_MAKES_ITS_TABLE"):
    with connection.schema_editor() as editor:
        editor.create_model(FloorRow)
