# scim2-server: a Python service provider that keeps everything in memory and validates with scim2-models.
BASE=/v2
TOKEN=secret-token

install() {
    python3 -m venv venv
    venv/bin/pip install --disable-pip-version-check --no-deps --requirement requirements.txt
    venv/bin/pip check
}

serve() {
    exec venv/bin/scim2-server --hostname 127.0.0.1 --port "$1" --bearer-token "$TOKEN"
}
