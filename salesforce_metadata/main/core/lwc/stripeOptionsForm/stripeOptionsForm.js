import { LightningElement, api } from 'lwc';
import { REFUND, paymentOptions } from 'c/stripeActions';
import labels from 'c/stripePanelLabels';
import { amountOf, fill } from 'c/stripeText';

/**
 * What may be said about a payment link or a refund. Fires `options` with the gateway's members when one was changed, and
 * `doubt` when an amount was typed that is none: an empty amount means all of it, so it must not be taken for empty.
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

    handlePayment(event) {
        this.payment = event.detail.value;
        this.tell();
    }

    handleAmount(event) {
        this.amount = event.detail.value;
    }

    handleDescription(event) {
        this.description = event.detail.value;
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

    tell() {
        const amount = amountOf(this.amount);
        const field = this.template.querySelector('.amount');
        field.setCustomValidity(amount === null ? labels.amountInvalid : '');
        field.reportValidity();
        if (amount === null) {
            this.told = null; // whatever comes next is a change
            this.dispatchEvent(new CustomEvent('doubt'));
            return;
        }
        const chosen = this.payments.find(({ id }) => id === this.payment);
        const said = {
            ...(chosen ? paymentOptions(chosen) : {}),
            amount,
            description: this.description.trim(),
            reason: this.reason,
            reusable: this.reusable
        };
        const options = Object.fromEntries(Object.entries(said).filter(([, value]) => value));
        const text = JSON.stringify(options);
        if (text === this.told) {
            return; // leaving a field unchanged is no reason for a new preview
        }
        this.told = text;
        this.dispatchEvent(new CustomEvent('options', { detail: options }));
    }
}
