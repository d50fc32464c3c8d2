import { LightningElement, api } from 'lwc';
import { CloseActionScreenEvent } from 'lightning/actions';
import { SEND_INVOICE } from 'c/stripeActions';
import labels from 'c/stripeCardLabels';

/** Quick action: send an invoice of the record. */
export default class StripeSendInvoiceAction extends LightningElement {
    @api recordId; // comes after the component is connected
    @api objectApiName;

    action = SEND_INVOICE;
    header = labels.sendInvoice;

    handleClose() {
        this.dispatchEvent(new CloseActionScreenEvent());
    }
}
