import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def assign(apps, _schema_editor):
    """Who belonged to a group holds that role in all stores from now on."""
    assignments = apps.get_model("jwo_store", "Assignment")
    memberships = apps.get_model("auth", "User").groups.through
    assignments.objects.bulk_create(
        assignments(person_id=person, role_id=role)
        for person, role in memberships.objects.values_list("user_id", "group_id")
    )
    memberships.objects.all().delete()


def belong(apps, _schema_editor):
    """Only what held in all stores: a group holds everywhere."""
    memberships = apps.get_model("auth", "User").groups.through
    everywhere = apps.get_model("jwo_store", "Assignment").objects.filter(store__isnull=True)
    memberships.objects.bulk_create(
        memberships(user_id=person, group_id=role) for person, role in everywhere.values_list("person_id", "role_id")
    )


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("catalog", "0001_first"),
        ("jwo_store", "0003_histories_of_people_and_their_finding"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Assignment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assignments",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="assignments", to="auth.group"
                    ),
                ),
                (
                    "store",
                    models.ForeignKey(
                        blank=True,
                        help_text="Leave empty for all stores.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="catalog.store",
                    ),
                ),
            ],
            options={
                "verbose_name": "role",
                "ordering": ["role__name", "store"],
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("store__isnull", False)),
                        fields=("person", "role", "store"),
                        name="role_once_a_person_and_store",
                        violation_error_message="The person has this role in that store already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("store__isnull", True)),
                        fields=("person", "role"),
                        name="role_once_a_person_in_all_stores",
                        violation_error_message="The person has this role in all stores already.",
                    ),
                ],
            },
        ),
        migrations.RunPython(assign, belong),
    ]
