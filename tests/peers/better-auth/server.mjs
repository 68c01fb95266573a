// A service provider made of better-auth and its scim plugin, as its documentation shows it, on SQLite in memory.
// SQLite comes as WebAssembly, so that nothing is compiled; what Kysely asks of a driver is put over it in a few lines.
import http from "node:http";
import { scim } from "@better-auth/scim";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { Kysely, SqliteDialect } from "kysely";
import sqlite from "node-sqlite3-wasm";

const store = new sqlite.Database(":memory:");
const database = {
    prepare: (sql) => ({
        reader: /^\s*(select|with|pragma)\b|\breturning\b/i.test(sql),
        all: (values) => store.all(sql, values),
        run: (values) => store.run(sql, values),
    }),
    close: () => store.close(),
};

const port = Number(process.env.PORT);
const options = {
    secret: "a secret of this test and of nothing else",
    baseURL: `http://127.0.0.1:${port}`,
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    database: { db: new Kysely({ dialect: new SqliteDialect({ database }) }), type: "sqlite", transaction: true },
    plugins: [
        scim({
            connections: [{ id: "scimproof", credentials: [{ type: "bearer", id: "first", token: process.env.TOKEN }] }],
        }),
    ],
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
http.createServer(toNodeHandler(betterAuth(options))).listen(port, "127.0.0.1");
