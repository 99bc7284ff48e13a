from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = "Purchases"

    def ready(self) -> None:
        from jwo_store import readiness  # noqa: PLC0415  models must be loaded first
        from orders import watching  # noqa: PLC0415

        readiness.register("oldest due purchase", watching.oldest_due)
        readiness.register("last sweep", watching.last_sweep)
