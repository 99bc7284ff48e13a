"""The index for the lookup `words` on PostgreSQL."""

from django.db import migrations

from jwo_store import word_search


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(word_search.index("product_by_words", "catalog_product", "name"))


def take_away(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX product_by_words")


class Migration(migrations.Migration):
    dependencies = [("catalog", "0012_find_what_lists_changed")]
    operations = [migrations.RunPython(add, take_away)]
