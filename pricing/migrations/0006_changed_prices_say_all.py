from django.db import migrations, models
from django.db.models import Q

import pricing.fields


class Migration(migrations.Migration):
    dependencies = [("pricing", "0005_price_lists")]

    operations = [
        migrations.AlterField("changedprice", "temporary", models.BooleanField()),
        migrations.AlterField("changedprice", "starts_at", models.DateTimeField()),
        migrations.AlterField("changedprice", "before", pricing.fields.MoneyField(null=True, places=2)),
        migrations.AlterField("changedprice", "made", models.UUIDField(unique=True)),
        migrations.RemoveConstraint("changedprice", "product_once_a_price_change"),
        migrations.AddConstraint(
            "changedprice",
            models.CheckConstraint(
                condition=Q(ended__isnull=True) | Q(before__isnull=False), name="changed_price_ended_had_an_amount"
            ),
        ),
    ]
