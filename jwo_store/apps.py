from django.apps import AppConfig


class JwoStoreConfig(AppConfig):
    name = "jwo_store"
    verbose_name = "Back office"

    def ready(self) -> None:
        from jwo_store import checks, health  # noqa: F401, PLC0415  models must be loaded first

        health.register_own()
