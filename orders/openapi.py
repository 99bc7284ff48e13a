"""The Ordering Connector's OpenAPI document, from the same types that decode the cart."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema

from orders import contract
from orders.limits import limits


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


create_purchases = extend_schema(
    operation_id="createPurchases",
    summary="Take in the cart of a shopper who has left",
    description=(
        "A repeat of a trip gets the first answer again. The body is read as JSON whatever its content type says; it "
        "needs a Content-Length of at most 1,000,000. When the answer is 503, nothing was kept: send it again."
    ),
    request={"application/json": _ref("Cart")},
    responses={
        201: _ref("Answer"),
        400: _ref("Refusal"),
        401: {"type": "object", "description": "No caller that we know."},
        403: {"type": "object", "description": "A caller that may not."},
        411: {"type": "object", "description": "No Content-Length."},
        413: {"type": "object", "description": "Too long."},
        503: {"type": "object", "description": "Nothing was kept: send it again."},
    },
)


def add_contract(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Put the schemas of the contract into the document."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(contract.request_schema(limits()))
    schemas.update(contract.answer_schema())
    return result


class ConnectorScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "orders.authentication.OrderingConnectorAuthentication"
    name = "connectorSecret"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002  drf-spectacular's signature
        return {"type": "apiKey", "in": "header", "name": "X-Connector-Secret"}
