// Apex by `window.__apex`, and what the platform's cache does with cacheable methods: all wires of one method and one
// set of parameters show the same value, and refreshApex reads it again for all of them.
const wires = new Set();
const wireOf = new WeakMap();

export async function refreshApex(result) {
    const wire = wireOf.get(result);
    if (wire) {
        await read(wire);
    }
}

async function read({ method, key, config }) {
    const value = await call(method, config).then(
        (data) => ({ data, error: undefined }),
        (error) => ({ data: undefined, error })
    );
    wires.forEach((wire) => {
        if (wire.method === method && wire.key === key) {
            wire.show({ ...value });
        }
    });
}

function call(method, parameters) {
    const implementation = window.__apex?.[method];
    if (!implementation) {
        return Promise.reject({ body: { message: `nothing answers for ${method}` } });
    }
    // As through the platform: plain data, and errors with a body.
    const plain = JSON.parse(JSON.stringify(parameters ?? {}));
    return Promise.resolve(implementation(plain)).then((value) => JSON.parse(JSON.stringify(value ?? null)));
}

export function apexMethod(method) {
    const imperative = (parameters) => call(method, parameters);
    imperative.adapter = class {
        method = method;

        constructor(emit) {
            this.emit = emit;
            this.show({ data: undefined, error: undefined });
        }

        show(result) {
            wireOf.set(result, this);
            this.emit(result);
        }

        connect() {
            wires.add(this);
        }

        disconnect() {
            wires.delete(this);
        }

        update(config) {
            const key = JSON.stringify(config);
            if (Object.values(config).some((value) => value === undefined) || key === this.key) {
                return;
            }
            this.key = key;
            this.config = config;
            read(this);
        }
    };
    return imperative;
}
