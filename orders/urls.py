from django.urls import path

from orders.views import CreatePurchases

urlpatterns = [path("purchases", CreatePurchases.as_view(), name="create-purchases")]
