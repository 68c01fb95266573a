# better-auth: a TypeScript library for sign-in whose plugin @better-auth/scim is a service provider; server.mjs sets it up.
BASE=/api/auth/scim/v2
# It refuses tokens of fewer than 32 characters.
TOKEN=secret-token-0123456789abcdef0123456789abcdef
# Its answers to the written cases are not all read yet.
OPTIONS=(--lives-only)

install() {
    npm ci --no-audit --no-fund --omit=dev --legacy-peer-deps
}

serve() {
    NODE_ENV=production PORT=$1 TOKEN=$TOKEN exec node server.mjs
}
