// A service provider made of scimmy and scimmy-routers. What an integrator has to bring is brought in its plainest form: a store
// per resource type in memory, unique user names, one bearer token. Everything else, and so every deviation, is the libraries' own.
import express from "express";
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const { Resources, Schemas, Types } = SCIMMY;

class Store {
    #records = new Map();
    #key;

    /** @param key what no two records may have in common; undefined for none */
    constructor(key = () => undefined) {
        this.#key = key;
    }

    #find(id) {
        const record = this.#records.get(id);
        if (record === undefined) throw new Types.Error(404, null, `there is no resource ${id}`);
        return record;
    }

    read({ id, filter }) {
        if (id) return this.#find(id);
        const all = [...this.#records.values()];
        return filter ? filter.match(all) : all;
    }

    write({ id }, instance) {
        const former = id ? this.#find(id) : undefined;
        const record = { ...JSON.parse(JSON.stringify(instance)), id: id ?? randomUUID() };
        const key = this.#key(record);
        if (key !== undefined) {
            for (const other of this.#records.values()) {
                if (other.id !== record.id && this.#key(other) === key) {
                    throw new Types.Error(409, "uniqueness", `${key} is taken`);
                }
            }
        }
        const now = new Date().toISOString();
        record.meta = { created: former?.meta.created ?? now, lastModified: now };
        if (former && isDeepStrictEqual({ ...former, meta: 0 }, { ...record, meta: 0 })) record.meta = former.meta;
        this.#records.set(record.id, record);
        return record;
    }

    remove({ id }) {
        this.#find(id);
        this.#records.delete(id);
    }
}

function serve(Resource, store) {
    Resources.declare(Resource)
        .ingress((resource, instance) => store.write(resource, instance))
        .egress((resource) => store.read(resource))
        .degress((resource) => store.remove(resource));
}

serve(Resources.User, new Store((user) => user.userName?.toLowerCase()));
serve(Resources.Group, new Store());
Resources.User.extend(Schemas.EnterpriseUser, false);

const scim = new SCIMMYRouters({
    type: "bearer",
    handler(request) {
        if (request.get("authorization") !== `Bearer ${process.env.TOKEN}`) throw new Error("a bearer token is needed");
        return "scimproof";
    },
});
express().use("/scim", scim).listen(Number(process.env.PORT), "127.0.0.1");
