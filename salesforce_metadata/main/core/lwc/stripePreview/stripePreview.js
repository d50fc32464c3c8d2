import { LightningElement, api } from 'lwc';
import { PAYMENT_LINK, REFUND, SEND_INVOICE } from 'c/stripeActions';
import labels from 'c/stripePanelLabels';
import { fill, isSome, money } from 'c/stripeText';

const FIRST_LINES = 8; // more would push the button off the screen

/** What would happen: who, what, how much, what to look at before it is confirmed. */
export default class StripePreview extends LightningElement {
    @api action;
    /** The preview as Apex answered it. */
    @api preview;
    @api disabled = false;

    labels = labels;
    all = false;

    get isLink() {
        return this.action === PAYMENT_LINK;
    }

    get usage() {
        return this.preview.reusable ? labels.reusable : labels.once;
    }

    get canChangeRecipient() {
        return this.action === SEND_INVOICE;
    }

    get lines() {
        return this.preview.lines ?? [];
    }

    get hasLines() {
        return this.lines.length > 0;
    }

    get shownLines() {
        const some = this.all ? this.lines : this.lines.slice(0, FIRST_LINES);
        return some.map((line, key) => ({ ...line, key, amountText: this.money(line.amount) }));
    }

    get hasMore() {
        return !this.all && this.lines.length > FIRST_LINES;
    }

    get moreLabel() {
        return fill(labels.showAll, this.lines.length);
    }

    get sums() {
        const { tax, total, invoicedSoFar, remaining, paid, amount } = this.preview;
        const shown =
            this.action === REFUND
                ? [
                      [labels.paid, paid],
                      [labels.thisRefund, amount, 'strong'],
                      [labels.remainingAfter, remaining]
                  ]
                : [
                      [labels.tax, tax],
                      [labels.total, total, 'strong'],
                      ...this.progress(invoicedSoFar, amount ?? total, remaining)
                  ];
        return shown
            .filter(([, value]) => value !== null && value !== undefined && value !== '')
            .map(([label, value, strength], key) => ({
                key,
                label,
                text: this.money(value),
                className: strength ? 'sum strong' : 'sum'
            }));
    }

    // The first and only invoice of a record needs no account of what went before.
    progress(before, now, left) {
        if (!isSome(before) && !isSome(left)) {
            return [];
        }
        return [
            [labels.invoicedSoFar, before],
            [labels.thisInvoice, now],
            [labels.remainingAfter, left]
        ];
    }

    money(amount) {
        return money(amount, this.preview.currencyCode);
    }

    handleMore() {
        this.all = true;
        this.template.querySelector('.lines').focus(); // the button is gone
    }

    handleChange() {
        this.dispatchEvent(new CustomEvent('changerecipient'));
    }
}
