import { LightningElement, api } from 'lwc';
import { PAYMENT_LINK, REFUND, SEND_INVOICE, paymentOptions } from 'c/stripeActions';
import { after } from 'c/stripeGateway';
import labels from 'c/stripePanelLabels';
import { amountOf, fill } from 'c/stripeText';

// Whoever stops typing for so long wants to see what it comes to.
const STOPPED_TYPING = 800;

// As text: see StripePaymentsController.
function lineOf(amount, description) {
    return { lines: JSON.stringify([{ description, amount }]) };
}

/**
 * What may be said about a payment link or a refund, and what must be about an invoice for a record without products. Fires
 * `options` with the gateway's members when one was changed, and `doubt` with the words why what was typed cannot be taken:
 * an amount that is none must not be taken for empty, because empty means all of it.
 */
export default class StripeOptionsForm extends LightningElement {
    @api action;
    /** Payments of the record that can be refunded: id, amountText, refundableText, status, statusLabel, stripeId. */
    @api payments = [];
    /** Currency of the amount, once it is known. */
    @api currencyCode;
    @api disabled = false;

    labels = labels;
    payment;
    amount = '';
    description = '';
    reason = '';
    reusable = false;
    told = '{}';
    reasons = [
        { value: '', label: labels.reasonNone },
        { value: 'requested_by_customer', label: labels.reasonRequested },
        { value: 'duplicate', label: labels.reasonDuplicate },
        { value: 'fraudulent', label: labels.reasonFraudulent }
    ];

    @api
    focus() {
        const first = this.payment ? null : this.template.querySelector('.payment');
        (first ?? this.template.querySelector('.amount')).focus();
    }

    get isInvoice() {
        return this.action === SEND_INVOICE;
    }

    get isLink() {
        return this.action === PAYMENT_LINK;
    }

    get isRefund() {
        return this.action === REFUND;
    }

    get hasSeveralPayments() {
        return this.isRefund && this.payments.length > 1;
    }

    get paymentChoices() {
        return this.payments.map(({ id, amountText, refundableText, status, statusLabel }) => ({
            value: id,
            label: `${amountText} · ${statusLabel ?? status} · ${fill(labels.refundable, refundableText)}`
        }));
    }

    get amountLabel() {
        if (this.isRefund) {
            return this.currencyCode ? fill(labels.refundAmountIn, this.currencyCode) : labels.refundAmount;
        }
        return this.currencyCode ? fill(labels.linkAmountIn, this.currencyCode) : labels.linkAmount;
    }

    get amountHelp() {
        return this.isInvoice ? '' : labels.linkAmountHelp;
    }

    get descriptionLabel() {
        return this.isInvoice ? labels.lineDescription : labels.linkDescription;
    }

    get descriptionHelp() {
        return this.isInvoice ? labels.lineDescriptionHelp : labels.linkDescriptionHelp;
    }

    handlePayment(event) {
        this.payment = event.detail.value;
        this.tell();
    }

    handleAmount(event) {
        this.amount = event.detail.value;
        this.tellSoon();
    }

    handleDescription(event) {
        this.description = event.detail.value;
        this.tellSoon();
    }

    handleReason(event) {
        this.reason = event.detail.value;
        this.tell();
    }

    handleReusable(event) {
        this.reusable = event.detail.checked;
        this.tell();
    }

    handleCommit() {
        this.tell();
    }

    disconnectedCallback() {
        clearTimeout(this.soon);
    }

    // Only what can be taken: nobody is corrected in the middle of a word.
    tellSoon() {
        clearTimeout(this.soon);
        this.soon = after(STOPPED_TYPING, () => {
            if (amountOf(this.amount, this.currencyCode) !== null && !this.lacks) {
                this.tell();
            }
        });
    }

    get lacks() {
        return this.isInvoice && !(this.amount.trim() && this.description.trim());
    }

    /** Says now what it would say in a moment. */
    @api
    tell() {
        clearTimeout(this.soon);
        const amount = amountOf(this.amount, this.currencyCode);
        const field = this.template.querySelector('.amount');
        field.setCustomValidity(amount === null ? labels.amountInvalid : '');
        field.reportValidity();
        const description = this.description.trim();
        if (amount === null) {
            this.doubt(labels.amountInvalid);
        } else if (this.lacks) {
            this.doubt(labels.sayWhatToInvoice);
        } else {
            this.offer(this.isInvoice ? lineOf(amount, description) : this.optionsWith(amount, description));
        }
    }

    doubt(words) {
        this.told = null; // whatever comes next is a change
        this.dispatchEvent(new CustomEvent('doubt', { detail: words }));
    }

    optionsWith(amount, description) {
        const chosen = this.payments.find(({ id }) => id === this.payment);
        const said = {
            ...(chosen ? paymentOptions(chosen) : {}),
            amount,
            description,
            reason: this.reason,
            reusable: this.reusable
        };
        return Object.fromEntries(Object.entries(said).filter(([, value]) => value));
    }

    offer(options) {
        const text = JSON.stringify(options);
        if (text === this.told) {
            return; // leaving a field unchanged is no reason for a new preview
        }
        this.told = text;
        this.dispatchEvent(new CustomEvent('options', { detail: options }));
    }
}
