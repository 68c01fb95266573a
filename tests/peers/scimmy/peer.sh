# scimmy: a JavaScript library; scimmy-routers brings it to Express 4, and server.mjs here gives it a store.
BASE=/scim
TOKEN=secret-token

install() {
    npm ci --no-audit --no-fund --omit=dev
}

serve() {
    NODE_ENV=production PORT=$1 TOKEN=$TOKEN exec node server.mjs
}
