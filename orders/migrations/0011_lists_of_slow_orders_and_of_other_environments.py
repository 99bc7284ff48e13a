"""For the filters of purchases by what few have, or many: orders that took long, and the environment.

PostgreSQL alone takes the difference of two columns into an index; SQLite reads what it holds fast enough without.
"""

from django.db import migrations, models


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE INDEX purchase_slow ON orders_purchase (received_at)"
            " WHERE ordered_at - received_at > interval '1 minute'"
        )


def take_away(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX purchase_slow")


class Migration(migrations.Migration):
    dependencies = [("orders", "0010_files_of_exports")]
    operations = [
        migrations.AddIndex(
            model_name="purchase",
            index=models.Index(fields=["environment", "-received_at"], name="purchase_of_environment"),
        ),
        migrations.RunPython(add, take_away),
    ]
