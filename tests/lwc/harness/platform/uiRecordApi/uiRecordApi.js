// A record only has a last modified date here: it changes when somebody says that the record was updated.
const wires = new Set();
let modified = 0;

export class getRecord {
    constructor(emit) {
        this.emit = emit;
    }

    connect() {
        wires.add(this);
    }

    disconnect() {
        wires.delete(this);
    }

    update({ recordId }) {
        this.recordId = recordId;
        this.show();
    }

    show() {
        if (this.recordId) {
            this.emit({ data: { id: this.recordId, lastModifiedDate: String(modified) }, error: undefined });
        }
    }
}

export async function notifyRecordUpdateAvailable() {
    modified += 1;
    wires.forEach((wire) => wire.show());
}
