"""The index for the lookup `words` on PostgreSQL."""

from django.db import migrations

from jwo_store import word_search


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(word_search.index("promotion_by_words", "pricing_promotion", "name"))


def take_away(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX promotion_by_words")


class Migration(migrations.Migration):
    dependencies = [("pricing", "0010_find_what_lists_changed")]
    operations = [migrations.RunPython(add, take_away)]
