from django.apps import AppConfig


class SignInConfig(AppConfig):
    name = "jwo_store.signin"
    label = "signin"
    verbose_name = "Signing in"
