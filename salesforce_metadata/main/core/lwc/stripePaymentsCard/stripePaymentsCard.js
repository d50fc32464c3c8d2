import { LightningElement, api, wire } from 'lwc';
import { refreshApex } from '@salesforce/apex';
import { getRecord } from 'lightning/uiRecordApi';
import readOverview from '@salesforce/apex/StripePaymentsController.overview';
import StripeActionModal from 'c/stripeActionModal';
import { PAYMENT_LINK, REFUND, SEND_INVOICE } from 'c/stripeActions';
import labels from 'c/stripeCardLabels';
import { after } from 'c/stripeGateway';
import { day, fill, messageOf, moment } from 'c/stripeText';

// While something is under way the overview is read again, ever less often.
const LOOKS = [3000, 5000, 10000, 20000, 30000];
const MOST_LOOKS = 15;
const BUTTONS = [
    { action: SEND_INVOICE, label: labels.sendInvoice, permission: 'canInvoice' },
    { action: PAYMENT_LINK, label: labels.paymentLink, permission: 'canLink' },
    { action: REFUND, label: labels.refund, permission: 'canRefund' }
];

/** What Stripe knows of this record, and the buttons to invoice, to get a payment link and to refund. */
export default class StripePaymentsCard extends LightningElement {
    @api recordId;
    @api objectApiName;

    labels = labels;
    overview;
    problem = '';
    looks = 0;

    @wire(readOverview, { recordId: '$recordId' })
    wiredOverview(result) {
        this.wired = result;
        this.overview = result.data ?? this.overview;
        this.problem = result.error ? messageOf(result.error, labels.loadFailed) : '';
        this.lookAgainLater();
    }

    // The gateway writes its outcome on the record: when the page learns of that, the overview is old.
    @wire(getRecord, { recordId: '$recordId', optionalFields: '$changeFields' })
    wiredRecord({ data }) {
        const changed = data?.lastModifiedDate;
        if (changed && this.seen && changed !== this.seen) {
            this.reload();
        }
        this.seen = changed ?? this.seen;
    }

    disconnectedCallback() {
        clearTimeout(this.timer);
    }

    get changeFields() {
        return this.objectApiName ? [`${this.objectApiName}.LastModifiedDate`] : undefined;
    }

    get isLoading() {
        return !this.overview && !this.problem;
    }

    get notConnected() {
        return !this.overview.connected;
    }

    get buttons() {
        return BUTTONS.filter(({ permission }) => this.overview[permission]).map((button, place) => ({
            ...button,
            variant: place === 0 ? 'brand' : 'neutral'
        }));
    }

    get mayNothing() {
        return this.buttons.length === 0;
    }

    get stamp() {
        return this.overview.stamp?.status ? this.overview.stamp : null;
    }

    get running() {
        return this.overview.runningActions.map(({ id, action, status, startedAt, message }) => ({
            id,
            label: BUTTONS.find((button) => button.action === action)?.label ?? action,
            status: status === 'awaiting_approval' ? labels.waitsForApproval : '',
            facts: [fill(labels.runningSince, moment(startedAt)), message].filter(Boolean).join(' · ')
        }));
    }

    get isRunning() {
        return this.running.length > 0;
    }

    get invoices() {
        return this.overview.invoices.map((invoice) => {
            const { invoiceNumber: number, status, statusLabel, remainingText, dueDate } = invoice;
            const isOpen = status === 'Open';
            return {
                id: invoice.id,
                title: number || labels.invoiceNoNumber,
                status,
                statusLabel,
                alert: invoice.overdue ? labels.overdue : '',
                facts: [
                    invoice.amountText,
                    isOpen && remainingText ? fill(labels.remaining, remainingText) : '',
                    isOpen && dueDate ? fill(labels.due, day(dueDate)) : ''
                ],
                url: invoice.url,
                name: number ? fill(labels.invoiceLink, number) : labels.invoiceNoNumber
            };
        });
    }

    get links() {
        return this.overview.links.map(({ id, url, status, statusLabel, amountText }) => ({
            id,
            title: amountText,
            status,
            statusLabel,
            facts: [],
            url: status === 'Active' ? url : '',
            name: fill(labels.linkOf, amountText)
        }));
    }

    get refunds() {
        return this.overview.refunds.map(({ id, status, statusLabel, amountText, reason }) => ({
            id,
            title: fill(labels.refundOf, amountText),
            status,
            statusLabel,
            facts: [reason ? fill(labels.reason, reason) : '']
        }));
    }

    get isEmpty() {
        const { invoices, links, refunds } = this.overview;
        return invoices.length + links.length + refunds.length === 0;
    }

    async handleAction(event) {
        const { action } = event.currentTarget.dataset;
        if (this.isOpen) {
            return; // a double click opens one panel
        }
        this.isOpen = true;
        const { label } = BUTTONS.find((button) => button.action === action);
        try {
            await StripeActionModal.open({ label, size: 'small', recordId: this.recordId, action });
        } finally {
            this.isOpen = false;
        }
        this.looks = 0;
        this.reload();
    }

    handleReload() {
        this.problem = '';
        this.reload();
    }

    reload() {
        return refreshApex(this.wired);
    }

    lookAgainLater() {
        clearTimeout(this.timer);
        if (!this.overview?.runningActions.length) {
            this.looks = 0;
        } else if (this.looks < MOST_LOOKS) {
            this.timer = after(LOOKS[this.looks] ?? LOOKS.at(-1), async () => {
                this.looks += 1;
                await this.reload();
                this.lookAgainLater(); // also when nothing has changed and the wire says nothing
            });
        }
    }
}
