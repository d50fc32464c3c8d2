import { LightningElement, api } from 'lwc';

// A dialog that is opened stays open until the spec closes it: `Modal.opened` holds what was opened with what.
export default class Modal extends LightningElement {
    static opened = [];

    @api label;
    @api size;
    closed = false;

    static open(properties) {
        return new Promise((resolve) => Modal.opened.push({ properties, close: resolve }));
    }

    @api
    close(result) {
        this.dispatchEvent(new CustomEvent('closed', { detail: result }));
    }
}
