from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class JwoStoreConfig(AppConfig):
    name = "jwo_store"
    verbose_name = "Back office"

    def ready(self) -> None:
        from jwo_store import checks, health, roles, word_search  # noqa: F401, PLC0415  models must be loaded first

        health.register_own()
        post_migrate.connect(roles.sync_after_migrate, sender=apps.get_app_config("orders"))
