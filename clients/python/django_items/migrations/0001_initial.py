from django.db import migrations, models

import django_items.fields


class Migration(migrations.Migration):
    operations = [
        django_items.fields.VectorExtension(),
        migrations.CreateModel('Item', [
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('category', models.IntegerField(default=0)),
            ('embedding', django_items.fields.VectorField(dimensions=64, null=True)),
        ]),
        migrations.CreateModel('Note', [
            ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ('item', models.ForeignKey(on_delete=models.CASCADE, to='django_items.item')),
            ('text', models.TextField()),
        ]),
    ]
