import { api } from 'lwc';
import LightningModal from 'lightning/modal';

/** The panel as a dialog over the page; the platform keeps the focus inside and gives it back. */
export default class StripeActionModal extends LightningModal {
    @api recordId;
    @api action;

    handleClose() {
        this.close();
    }
}
