from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = "Catalog"

    def ready(self) -> None:
        from catalog import watching  # noqa: PLC0415  models must be loaded first
        from jwo_store import readiness  # noqa: PLC0415

        readiness.register("catalog changes", watching.triggers)
        readiness.register("oldest due upload", watching.oldest_upload)
        readiness.register("notification queue", watching.queue)
