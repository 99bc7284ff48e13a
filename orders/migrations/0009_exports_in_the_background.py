"""An export is asked for, made by a worker and kept for some days; those of before were taken when they were made."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F


def they_are_done(apps, _schema_editor):
    apps.get_model("orders", "FinanceExport").objects.update(
        status="DONE", finished_at=F("asked_at"), done=F("order_count")
    )


class Migration(migrations.Migration):

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("orders", "0008_find_what_may_have_been_charged"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="financeexport",
            options={
                "ordering": ["-asked_at", "-pk"],
                "verbose_name": "export for finance",
                "verbose_name_plural": "exports for finance",
            },
        ),
        migrations.RenameField("financeexport", "made_at", "asked_at"),
        migrations.RenameField("financeexport", "made_by", "asked_by"),
        migrations.AlterField("financeexport", "asked_at", models.DateTimeField("asked for")),
        migrations.AlterField(
            "financeexport",
            "asked_by",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="asked for by",
            ),
        ),
        migrations.AddField("financeexport", "done", models.PositiveIntegerField(default=0)),
        migrations.AddField(
            "financeexport",
            "status",
            models.CharField(
                choices=[
                    ("WAITING", "Waiting for its turn"),
                    ("RUNNING", "Running"),
                    ("DONE", "Done"),
                    ("CANCELLED", "Cancelled"),
                    ("FAILED", "Failed"),
                ],
                default="WAITING",
                max_length=20,
            ),
        ),
        migrations.AddField("financeexport", "due_at", models.DateTimeField(null=True)),
        migrations.AddField("financeexport", "tries", models.PositiveIntegerField(default=0)),
        migrations.AddField("financeexport", "finished_at", models.DateTimeField("finished", null=True)),
        migrations.AddField("financeexport", "problem", models.TextField(blank=True, default=""), preserve_default=False),
        migrations.AddField("financeexport", "size", models.PositiveBigIntegerField(null=True)),
        migrations.AddField("financeexport", "expires_at", models.DateTimeField("kept until", null=True)),
        migrations.RunPython(they_are_done, migrations.RunPython.noop, elidable=True),
    ]
