import { LightningElement, api } from 'lwc';
import { CloseActionScreenEvent } from 'lightning/actions';
import { PAYMENT_LINK } from 'c/stripeActions';
import labels from 'c/stripeCardLabels';

/** Quick action: create a payment link for the record. */
export default class StripePaymentLinkAction extends LightningElement {
    @api recordId; // comes after the component is connected
    @api objectApiName;

    action = PAYMENT_LINK;
    header = labels.paymentLink;

    handleClose() {
        this.dispatchEvent(new CloseActionScreenEvent());
    }
}
