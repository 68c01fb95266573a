"""A Django project of one file around django-scim2-server: settings, URLs, and the token that its documented hook checks."""

import os

from django.urls import include, path

SECRET_KEY = "a secret of this test and of nothing else"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django_scim2_server",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "provider"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["STORE"],
        # A store that nobody needs tomorrow does not wait for the disk.
        "OPTIONS": {"init_command": "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
SCIM2_SERVER_AUTH_CHECK = "provider.may_enter"

urlpatterns = [path("scim/v2/", include("django_scim2_server.urls"))]


def may_enter(request):
    return request.headers.get("Authorization") == "Bearer " + os.environ["TOKEN"]
