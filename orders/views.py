"""The Ordering Connector: what Amazon calls. Whatever comes in, Amazon gets 201, a 400 that says why, or a 503."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import UnreadablePostError
from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders import contract, purchases
from orders.authentication import Caller, OrderingConnectorAuthentication
from orders.limits import limits
from orders.models import Purchase
from orders.openapi import create_purchases

logger = logging.getLogger(__name__)


class LengthRequired(APIException):
    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_detail = "Send a Content-Length."


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"A cart has at most {settings.CONNECTOR_MAX_BYTES:,} bytes."


class AnyContent(BaseContentNegotiation):
    """Amazon's documents name no content type, so none is asked for: every body is read as JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:  # noqa: ARG002  DRF's signature
        return parsers[0]

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002  DRF's signature
        renderers: Any,
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> Any:
        return renderers[0], renderers[0].media_type


@dataclass(frozen=True, slots=True)
class Received:
    """The body as it came, and the cart in it or why there is none."""

    raw: bytes
    cart: contract.DecodedCart | contract.InvalidCart


class CartParser(BaseParser):
    """Reads no more than was announced, and decodes it into the typed cart."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:  # noqa: ARG002
        return received(stream.read(settings.CONNECTOR_MAX_BYTES))


def received(raw: bytes) -> Received:
    try:
        return Received(raw, contract.decode(raw, limits()))
    except contract.InvalidCart as invalid:
        return Received(raw, invalid)


class CreatePurchases(APIView):
    """Amazon hands over the cart of a shopper who has left."""

    authentication_classes = [OrderingConnectorAuthentication]
    permission_classes = [IsAuthenticated]
    content_negotiation_class = AnyContent
    parser_classes = [CartParser]
    renderer_classes = [JSONRenderer]

    @create_purchases
    def post(self, request: Request) -> Response:
        body = _body(request)
        received_at = timezone.now()
        caller = cast("Caller", request.user).name
        if isinstance(body.cart, contract.InvalidCart):
            purchases.refuse(body.cart, body.raw, received_at=received_at, caller=caller)
            raise body.cart
        purchase = _record(body, received_at, caller)
        return Response({"purchaseId": purchase.answer}, status=status.HTTP_201_CREATED)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, contract.InvalidCart):
            return Response(exc.document(), status=status.HTTP_400_BAD_REQUEST)
        if isinstance(exc, UnreadablePostError):
            return _refusal("BadRequestException", status.HTTP_400_BAD_REQUEST)
        if isinstance(exc, (OperationalError, InterfaceError)):
            logger.error("the database did not take a cart: %s", type(exc).__name__)
            return _refusal("ServiceUnavailableException", status.HTTP_503_SERVICE_UNAVAILABLE)
        if isinstance(exc, APIException):
            response = super().handle_exception(exc)
            response.data = {"errorMsg": ERROR_NAMES.get(response.status_code, "BadRequestException")}
            return response
        logger.error("the Ordering Connector failed", exc_info=exc)
        return _refusal("InternalServerException", status.HTTP_500_INTERNAL_SERVER_ERROR)


def _record(body: Received, received_at: datetime, caller: str) -> Purchase:
    """Recording is safe to repeat, so a connection that had died unnoticed costs one more try, not the cart."""
    cart = cast("contract.DecodedCart", body.cart)
    before = connection.connection
    try:
        return purchases.record(cart, body.raw, received_at=received_at, caller=caller)
    except (OperationalError, InterfaceError):
        if connection.connection is before and connection.is_usable():
            raise
        connection.close()
        return purchases.record(cart, body.raw, received_at=received_at, caller=caller)


ERROR_NAMES = {
    status.HTTP_401_UNAUTHORIZED: "UnauthorizedException",
    status.HTTP_403_FORBIDDEN: "AccessDeniedException",
    status.HTTP_405_METHOD_NOT_ALLOWED: "MethodNotAllowedException",
    status.HTTP_411_LENGTH_REQUIRED: "LengthRequiredException",
    status.HTTP_413_REQUEST_ENTITY_TOO_LARGE: "RequestTooLargeException",
}


def _refusal(name: str, code: int) -> Response:
    return Response({"errorMsg": name}, status=code)


def _body(request: Request) -> Received:
    """The body, after a look at its announced length. DRF skips its parser on an empty one, so that is ours."""
    length = request.META.get("CONTENT_LENGTH") or ("" if "HTTP_TRANSFER_ENCODING" in request.META else "0")
    if not (length.isascii() and length.isdecimal()):
        raise LengthRequired
    if int(length) > settings.CONNECTOR_MAX_BYTES:
        raise TooLarge
    return cast("Received", request.data) if int(length) else received(b"")
