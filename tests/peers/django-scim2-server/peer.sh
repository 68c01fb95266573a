# django-scim2-server: a Python service provider on Django's own users and groups, in SQLite; provider.py is the project.
BASE=/scim/v2
TOKEN=secret-token
# It validates e-mail addresses and refuses reserved domains; and what it calls deleted stays there, inactive.
# Its written cases are read (suites/peers), and take too long for every run of CI.
OPTIONS=(--lives-only --email-domain example.com --leave-deactivated)

install() {
    python3 -m venv venv
    venv/bin/pip install --disable-pip-version-check --no-deps --requirement requirements.txt
    venv/bin/pip check
}

serve() {
    export DJANGO_SETTINGS_MODULE=provider PYTHONPATH=$PWD STORE=$PWD/store-$1.sqlite3 TOKEN
    rm -f "$STORE" "$STORE"-*
    venv/bin/django-admin migrate --verbosity 0
    exec venv/bin/waitress-serve --listen="127.0.0.1:$1" --call django.core.wsgi:get_wsgi_application
}
