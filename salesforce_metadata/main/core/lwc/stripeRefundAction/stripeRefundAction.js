import { LightningElement, api } from 'lwc';
import { CloseActionScreenEvent } from 'lightning/actions';
import { REFUND } from 'c/stripeActions';
import labels from 'c/stripeCardLabels';

/** Quick action: refund a payment of the record. */
export default class StripeRefundAction extends LightningElement {
    @api recordId; // comes after the component is connected
    @api objectApiName;

    action = REFUND;
    header = labels.refund;

    handleClose() {
        this.dispatchEvent(new CloseActionScreenEvent());
    }
}
