import { LightningElement, api, wire } from 'lwc';
import { refreshApex } from '@salesforce/apex';
import readContacts from '@salesforce/apex/StripePaymentsController.contacts';
import readOverview from '@salesforce/apex/StripePaymentsController.overview';
import { ACTIONS } from 'c/stripeActions';
import { after } from 'c/stripeGateway';
import { Intent } from 'c/stripeIntent';
import { BUSY, STATE, TOLD } from 'c/stripeOutcome';
import labels from 'c/stripePanelLabels';
import { announcementOf, buttonsOf, choosingOf, confirmOf, resultOf, sentenceOf } from 'c/stripePanelWords';
import { fill, messageOf, numbered } from 'c/stripeText';

const WITH_PREVIEW = [STATE.PREVIEW, STATE.CONFIRMING];
const WITH_CONFIRM = [STATE.LOADING, STATE.CHOOSING, ...WITH_PREVIEW];
const WITH_FORM = [...WITH_CONFIRM, STATE.REFUSED];

// A dialog that opens takes the focus for its heading: what comes earlier than that waits.
const DIALOG_OPENS = 300;

/**
 * Sends an invoice, creates a payment link or refunds: preview, confirm, wait, result. Fires `close` when the person is
 * through with it and `done` when the action has succeeded. One panel is one intent, with one request key.
 */
export default class StripeActionPanel extends LightningElement {
    @api recordId;
    /** send-invoice, create-payment-link or refund-payment. */
    @api action;

    labels = labels;
    intent;
    view = {}; // the intent as it was when it changed last: a new object, so that the panel is drawn again
    candidates = [];
    isChoosingRecipient = false;

    @wire(readOverview, { recordId: '$recordId' })
    wiredOverview(result) {
        this.wired = result;
        this.inform();
        if (result.data && !this.isFresh) {
            this.isFresh = true;
            refreshApex(result); // the cache may be older than an action that is under way
        }
    }

    connectedCallback() {
        this.opened = Date.now();
        this.intent = new Intent(this.action, this.recordId, () => this.handleChanged());
        this.intent.begin();
        this.handleChanged();
        this.inform();
    }

    disconnectedCallback() {
        this.intent.end();
    }

    renderedCallback() {
        const wanted = this.focusWanted;
        if (!wanted) {
            return;
        }
        this.focusWanted = '';
        const focus = () => this.template.querySelector(wanted)?.focus();
        const rest = this.opened + DIALOG_OPENS - Date.now();
        if (rest > 0) {
            after(rest, focus);
        } else {
            focus();
        }
    }

    inform() {
        const { data, error } = this.wired ?? {};
        if (this.intent && data) {
            this.intent.learn(data);
        } else if (this.intent && error) {
            this.intent.miss(messageOf(error, labels.unknownError), () => refreshApex(this.wired));
        }
    }

    /** The focus goes where the next key is wanted, but never away from somebody who is typing. */
    handleChanged() {
        const before = this.view.state;
        this.view = this.intent.snapshot();
        const { state, remedies, answer } = this.view;
        if (state === before) {
            return;
        }
        this.isChoosingRecipient = remedies.includes('recipient');
        if (this.isChoosingRecipient) {
            this.offerRecipients(this.view.preview?.candidates ?? []);
        }
        this.wantFocus(before);
        if (state === STATE.DONE) {
            this.dispatchEvent(new CustomEvent('done', { detail: answer }));
        }
    }

    wantFocus(before) {
        const { state } = this.view;
        if (state === STATE.PREVIEW && !this.isTyping) {
            this.focusWanted = '.confirm';
        } else if (state === STATE.CHOOSING && !this.isTyping) {
            this.focusWanted = '.details';
        } else if (state === STATE.CONFIRMING) {
            this.focusWanted = '.sentence'; // the button that had it cannot be pressed again
        } else if (TOLD.includes(state) && !this.isInterrupted(before)) {
            this.focusWanted = '.result';
        }
    }

    // By a refusal of what is half typed, or by news of what it is busy with anyway.
    isInterrupted(before) {
        const { state } = this.view;
        return (state === STATE.REFUSED && this.isTyping) || (BUSY.includes(state) && BUSY.includes(before));
    }

    get isTyping() {
        return this.template.activeElement?.classList.contains('details') ?? false;
    }

    get isLoading() {
        return this.view.state === STATE.LOADING;
    }

    get isChoosing() {
        return this.view.state === STATE.CHOOSING;
    }

    get choosing() {
        return choosingOf(this.view);
    }

    get isConfirming() {
        return this.view.state === STATE.CONFIRMING;
    }

    get isBusy() {
        return BUSY.includes(this.view.state);
    }

    /** Hidden and not taken away: it keeps what was typed for when it is needed again. */
    get formClass() {
        return WITH_FORM.includes(this.view.state) ? 'details' : 'details slds-hide';
    }

    get showsPreview() {
        return WITH_PREVIEW.includes(this.view.state);
    }

    get showsConfirm() {
        return WITH_CONFIRM.includes(this.view.state);
    }

    get cannotConfirm() {
        return this.view.state !== STATE.PREVIEW;
    }

    get skeleton() {
        return numbered(this.view.hasForm ? [labels.amount] : [labels.amount, labels.recipient]);
    }

    get payments() {
        return this.intent.payments;
    }

    get currencyCode() {
        return this.view.currencyCode;
    }

    get result() {
        const result = resultOf(this.view);
        return result && { ...result, texts: numbered(result.texts) };
    }

    get resultClass() {
        return `told told_${this.view.state}`;
    }

    get reference() {
        const { state, answer } = this.view;
        const isTrouble = [STATE.ERROR, STATE.PENDING].includes(state) || this.view.remedies?.includes('again');
        return isTrouble && answer?.requestId ? fill(labels.reference, answer.requestId) : '';
    }

    get link() {
        return this.view.state === STATE.DONE ? this.view.answer.url : '';
    }

    get pageName() {
        return ACTIONS[this.action].page;
    }

    get announcement() {
        return announcementOf(this.view);
    }

    get sentence() {
        return sentenceOf(this.view);
    }

    get warnings() {
        return numbered((this.showsPreview && this.view.preview.warnings) || []);
    }

    get hasWarnings() {
        return this.warnings.length > 0;
    }

    get remedies() {
        return buttonsOf(this.view);
    }

    get hasRemedies() {
        return this.remedies.length > 0;
    }

    get confirmLabel() {
        return this.isConfirming ? labels.sending : confirmOf(this.view);
    }

    get closeLabel() {
        return this.showsConfirm && !this.isConfirming ? labels.cancel : labels.close;
    }

    get currentRecipient() {
        return this.view.preview?.recipient;
    }

    /** Of what was typed a moment ago there is no preview yet: then there is nothing to confirm. */
    handleConfirm() {
        this.template.querySelector('.details')?.tell();
        this.intent.confirm();
    }

    handleClose() {
        this.dispatchEvent(new CustomEvent('close'));
    }

    handleOptions(event) {
        this.intent.describe(event.detail);
    }

    handleDoubt(event) {
        this.intent.doubt(event.detail);
    }

    handleRemedy(event) {
        const toForm = () => this.template.querySelector('.details').focus();
        const mend = {
            retry: () => this.intent.retry(),
            look: () => this.intent.lookAgain(),
            preview: () => this.intent.showPreview(),
            details: toForm,
            payment: toForm,
            replace: () => this.intent.choose({ replace: true, additional: undefined }),
            additional: () => this.intent.choose({ additional: true, replace: undefined }),
            again: () => this.intent.startAgain()
        };
        mend[event.currentTarget.dataset.remedy]();
    }

    handleRecipient(event) {
        this.intent.choose({ contact_id: undefined, recipient_email: undefined, ...event.detail });
    }

    async handleChangeRecipient() {
        this.isChoosingRecipient = true;
        await this.offerRecipients(this.view.preview.candidates ?? []);
        this.template.querySelector('.recipient')?.focus();
    }

    async offerRecipients(known) {
        this.candidates = known;
        if (known.length === 0) {
            this.candidates = await readContacts({ recordId: this.recordId }).catch(() => []);
        }
    }

    handleKeydown(event) {
        if (event.key === 'Escape') {
            event.stopPropagation(); // the dialog around would close a second time
            this.handleClose();
        } else if (event.key === 'Enter' && event.repeat) {
            event.preventDefault(); // the key that opened the panel and is still held down confirms nothing
        }
    }
}
