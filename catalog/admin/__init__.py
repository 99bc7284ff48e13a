"""Stores and products, and what Amazon knows of them."""

from catalog.admin import finding, in_view, messages, problems, storelist, tiles, today, uploads
from catalog.admin.products import ProductAdmin, ProductForm, SoldInFilter, where
from catalog.admin.stores import StoreAdmin, StoreForm

__all__ = [
    "ProductAdmin",
    "ProductForm",
    "SoldInFilter",
    "StoreAdmin",
    "StoreForm",
    "finding",
    "in_view",
    "messages",
    "problems",
    "storelist",
    "tiles",
    "today",
    "uploads",
    "where",
]
