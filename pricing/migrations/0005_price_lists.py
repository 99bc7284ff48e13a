import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Case, F, OuterRef, Subquery, When


def fill(apps, schema_editor):
    """Each row takes over what its change said for all of them; a price that succeeded another took over its end."""
    change = apps.get_model("pricing", "PriceChange").objects.filter(pk=OuterRef("change"))

    def of_change(name):
        return Subquery(change.values(name)[:1])

    apps.get_model("pricing", "ChangedPrice").objects.update(
        store=of_change("store"),
        temporary=of_change("temporary"),
        starts_at=of_change("starts_at"),
        ends_at=Case(When(ended__isnull=False, then=F("held_until")), default=of_change("ends_at")),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0005_product_lists"),
        ("pricing", "0004_histories_of_people_and_their_finding"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PriceList",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("file_name", models.CharField(max_length=255, verbose_name="file")),
                ("packed", models.BinaryField()),
                ("row_count", models.PositiveIntegerField(verbose_name="rows")),
                ("uploaded_at", models.DateTimeField(verbose_name="uploaded")),
                ("expires_at", models.DateTimeField(db_index=True, verbose_name="expires")),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"ordering": ["uploaded_at"], "abstract": False, "default_permissions": ()},
        ),
        migrations.AddField(
            "changedprice",
            "store",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="catalog.store"
            ),
        ),
        migrations.AddField("changedprice", "temporary", models.BooleanField(null=True)),
        migrations.AddField("changedprice", "starts_at", models.DateTimeField(null=True)),
        migrations.AddField("changedprice", "ends_at", models.DateTimeField(null=True)),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
