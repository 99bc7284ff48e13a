from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PricingConfig(AppConfig):
    name = "pricing"
    verbose_name = "Prices and rules"

    def ready(self) -> None:
        from catalog import changes, shelf  # noqa: PLC0415  models must be loaded first
        from pricing.shelf import PricedShelf  # noqa: PLC0415

        shelf.register(PricedShelf())
        changes.watch("pricing_price")
        changes.watch("pricing_taxassignment")
        post_migrate.connect(changes.install_after_migrate, sender=self)
