"""Indexes for `istartswith` on PostgreSQL; SQLite compares texts of this size fast enough without."""

from django.db import migrations

INDEXES = {"product_by_sku_beginning": "sku", "product_by_name_beginning": "name"}


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name, column in INDEXES.items():
            schema_editor.execute(f"CREATE INDEX {name} ON catalog_product (UPPER({column}::text) text_pattern_ops)")


def take_away(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX {name}")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_histories_of_people_and_their_finding")]
    operations = [migrations.RunPython(add, take_away)]
