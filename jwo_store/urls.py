"""Where everything is. The apps are named as strings only: nothing here imports them."""

from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from jwo_store.admin_site import site

handler403 = "jwo_store.refusals.not_allowed"
handler404 = "jwo_store.refusals.not_found"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    path("admin/", include("jwo_store.signin.urls")),  # first: the admin's own page to sign in knows no codes
    path("admin/", site.urls),
    path("v1/order/", include("orders.urls")),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
]
