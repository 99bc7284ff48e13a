"""What the stores sell, and what Amazon knows of it."""

from catalog.models.lists import ProductList
from catalog.models.messages import CatalogMessage, QueueReading
from catalog.models.products import (
    AcceptedCode,
    Barcode,
    BarcodeType,
    Product,
    ProductNote,
    Retirement,
    SoldBy,
    WeightUnit,
)
from catalog.models.stores import (
    NOT_IN_HUNDREDTHS,
    AmountBasis,
    EmptyCartAnswer,
    FeeTreatment,
    PricedAt,
    Store,
    StoreList,
    TaxRounding,
    check_currency,
)
from catalog.models.sync import CatalogItem, ChangedProduct, ProductFinding, Severity
from catalog.models.uploads import CatalogRun, CatalogUpload, UploadCall, UploadLine

__all__ = [
    "NOT_IN_HUNDREDTHS",
    "AcceptedCode",
    "AmountBasis",
    "Barcode",
    "BarcodeType",
    "CatalogItem",
    "CatalogMessage",
    "CatalogRun",
    "CatalogUpload",
    "ChangedProduct",
    "EmptyCartAnswer",
    "FeeTreatment",
    "PricedAt",
    "Product",
    "ProductFinding",
    "ProductList",
    "ProductNote",
    "QueueReading",
    "Retirement",
    "Severity",
    "SoldBy",
    "Store",
    "StoreList",
    "TaxRounding",
    "UploadCall",
    "UploadLine",
    "WeightUnit",
    "check_currency",
]
