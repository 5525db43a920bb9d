"""A Django application with vector columns, for test_django.py."""
