# The same as scimmy, on Express 5, which is what npm picks by default. One server.mjs serves both.
BASE=/scim
TOKEN=secret-token
# Its answers to the written cases are not all read yet.
OPTIONS=(--lives-only)

install() {
    npm ci --no-audit --no-fund --omit=dev
}

serve() {
    NODE_ENV=production PORT=$1 TOKEN=$TOKEN exec node server.mjs
}
