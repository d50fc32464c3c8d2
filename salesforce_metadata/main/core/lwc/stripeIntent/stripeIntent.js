/** One intent and its state: the machine behind the panel, without markup. What follows a click is in stripeCourse. */
import makePreview from '@salesforce/apex/StripePaymentsController.preview';
import { ACTIONS, REFUND, SEND_INVOICE, paymentOptions } from 'c/stripeActions';
import { adopt, keepLooking, run } from 'c/stripeCourse';
import { newRequestKey } from 'c/stripeGateway';
import { BEFORE, BUSY, STATE, remediesOf, stateAfterRefusedPreview, wordsOf } from 'c/stripeOutcome';
import labels from 'c/stripePanelLabels';
import { messageOf } from 'c/stripeText';

const PAYABLE = ['Open', 'Uncollectible'];
const PERHAPS_PAID = ['Paid', ...PAYABLE]; // as the record knows it: the payer may have been quicker

// Where the form can be seen, and what is typed there counts at once.
const LISTENING = [STATE.LOADING, STATE.CHOOSING, STATE.PREVIEW, STATE.REFUSED];

/** `changed()` is called whenever something that can be seen has changed. */
export class Intent {
    state = STATE.LOADING;
    overview;
    preview;
    currencyCode; // once a preview has told it
    answer; // the last one, also a refusal
    message = ''; // what the state has to say
    hint = ''; // and what may be done about it
    options = {}; // decided by buttons
    details = {}; // decided in the form
    requestKey = newRequestKey();
    isUnsure = false; // something was sent under the key whose end nobody knows: the key is kept
    trouble = ''; // why nothing can be learnt of it
    adopted; // another intent, under way already, that is shown instead

    asksForLine = false; // the record has nothing to invoice, so the person says it
    isShut = false; // by the overview; another overview opens it again
    previews = 0; // the newest one asked for is the one that counts
    timers = [];

    constructor(action, recordId, changed) {
        this.action = action;
        this.recordId = recordId;
        this.changed = changed;
    }

    /** Without the overview as far as that goes: it is read at the same time. */
    begin() {
        this.isShut = this.action === REFUND; // it needs the payments
        if (!this.isShut) {
            this.showPreview();
        }
    }

    /** The panel is closed. An action that is under way goes on, and the record is told of its end. */
    end() {
        this.gone = true;
        this.previews += 1;
        this.rest();
    }

    get payments() {
        const payments = (this.action === REFUND && this.overview?.payments) || [];
        return payments.filter(({ refundableText }) => refundableText);
    }

    get refundable() {
        return JSON.stringify(this.payments.map(({ id, refundableText }) => [id, refundableText]));
    }

    get request() {
        const payment = this.payments.length === 1 ? paymentOptions(this.payments[0]) : {};
        const said = Object.entries({ ...payment, ...this.details, ...this.options });
        return Object.fromEntries(said.filter(([, value]) => value !== undefined));
    }

    /** Names of what can be done about where we are. */
    get remedies() {
        const byState = {
            [STATE.ERROR]: ['retry'],
            [STATE.PENDING]: (this.adopted ?? this).requestKey ? ['look'] : [],
            [STATE.REFUSED]: remediesOf(this.answer ?? {}, this),
            [STATE.PREVIEW]: this.hasOpenInvoice ? ['open', 'replace', 'additional'] : []
        };
        return byState[this.state] ?? [];
    }

    /** Whether there are details to be typed in. */
    get hasForm() {
        return Boolean(ACTIONS[this.action].form) || this.asksForLine;
    }

    /** Then the gateway looks for the payment itself. */
    get hasPerhapsPaid() {
        const { invoices = [], links = [], payments = [] } = this.overview ?? {};
        const isPayable = links.length > 0 || invoices.some(({ status }) => PERHAPS_PAID.includes(status));
        return payments.length === 0 && isPayable;
    }

    get hasOpenInvoice() {
        return Boolean(this.openInvoice) && !this.options.replace && !this.options.additional;
    }

    get openInvoice() {
        const invoices = (ACTIONS[this.action].asksAboutOpen && this.overview?.invoices) || [];
        return invoices.find(({ status }) => PAYABLE.includes(status));
    }

    /** What can be seen of it, as values that stay as they are. */
    snapshot() {
        const { action, state, overview, preview, answer, message, hint, trouble, adopted } = this;
        const { remedies, openInvoice, request, hasForm, currencyCode } = this;
        const said = { message, hint, trouble, remedies };
        return { action, state, overview, preview, answer, adopted, openInvoice, request, hasForm, currencyCode, ...said };
    }

    /** What the overview says may still change everything, as long as nothing was sent. */
    learn(overview) {
        const known = this.refundable;
        this.overview = overview;
        if (!BEFORE.includes(this.state)) {
            this.changed();
            return;
        }
        const running = overview.runningActions.find(({ action }) => action === this.action);
        if (!overview.connected) {
            this.shut(labels.emptyNotConnected);
        } else if (!overview[ACTIONS[this.action].permission]) {
            this.shut(labels.emptyNoPermission);
        } else if (running) {
            this.previews += 1; // of which none is shown any more
            adopt(this, running);
        } else if (this.isShut || known !== this.refundable) {
            this.open();
        } else {
            this.changed();
        }
    }

    shut(message) {
        this.isShut = true;
        this.refuse(STATE.EMPTY, message);
    }

    open() {
        this.isShut = false;
        if (this.action === REFUND && this.payments.length === 0 && !this.hasPerhapsPaid) {
            this.shut(labels.emptyNoPayment);
        } else {
            this.showPreview();
        }
    }

    /** The overview cannot be read. Only a refund cannot begin without it. */
    miss(message, retry) {
        if (this.action === REFUND && !this.overview) {
            this.fail(message, labels.errorNothingSent, () => {
                this.enter(STATE.LOADING);
                retry();
            });
        }
    }

    /** Something that changes the preview was decided. */
    choose(options) {
        this.options = { ...this.options, ...options };
        this.showPreview();
    }

    /** What the form says. Where something is under way or ended it is kept for later, and changes nothing. */
    describe(details) {
        this.details = details;
        if (LISTENING.includes(this.state)) {
            this.showPreview();
        }
    }

    /** What was typed cannot be read or is not enough: nothing may be confirmed until it is. */
    doubt(message) {
        if (LISTENING.includes(this.state)) {
            this.askFor(message);
        }
    }

    askFor(message) {
        this.previews += 1;
        this.preview = undefined;
        this.message = message;
        this.enter(STATE.CHOOSING);
    }

    /** Left to itself the gateway would take the payment that it finds, which need not be the one that is meant. */
    get lacksPayment() {
        const { payment_intent: intent, charge } = this.request;
        return this.payments.length > 1 && !intent && !charge;
    }

    async showPreview() {
        if (this.lacksPayment) {
            this.askFor(labels.choosePaymentFirst);
            return;
        }
        this.previews += 1;
        const asked = this.previews;
        this.enter(STATE.LOADING);
        let preview;
        let problem;
        try {
            preview = await makePreview({ action: this.action, recordId: this.recordId, options: this.request });
        } catch (error) {
            problem = messageOf(error, labels.unknownError);
        }
        if (asked !== this.previews) {
            return;
        }
        if (problem) {
            this.fail(problem, labels.errorNothingSent, () => this.showPreview());
        } else if (preview.refusal?.errorCode === 'nothing_to_invoice' && this.action === SEND_INVOICE) {
            this.asksForLine = true;
            this.askFor(labels.sayWhatToInvoice);
        } else if (preview.refusal) {
            this.refusePreview(preview.refusal);
        } else {
            this.take(preview);
        }
    }

    take(preview) {
        this.preview = preview;
        this.currencyCode = preview.currencyCode ?? this.currencyCode;
        if (ACTIONS[this.action].needsRecipient && !preview.recipient) {
            this.refusePreview({ errorCode: 'no_recipient' });
        } else {
            this.enter(STATE.PREVIEW);
        }
    }

    refusePreview(refusal) {
        const state = stateAfterRefusedPreview(refusal);
        if (state === STATE.ERROR) {
            this.fail(wordsOf(refusal), labels.errorNothingSent, () => this.showPreview());
        } else {
            this.answer = refusal;
            this.refuse(state, wordsOf(refusal));
        }
    }

    /** A second click finds another state. */
    confirm() {
        if (this.state === STATE.PREVIEW) {
            run(this);
        }
    }

    lookAgain() {
        keepLooking(this);
    }

    /** A new intent with a key of its own, unless the last one may have been done. */
    startAgain() {
        this.requestKey = this.isUnsure ? this.requestKey : newRequestKey();
        this.adopted = undefined;
        this.showPreview();
    }

    refuse(state, message) {
        this.previews += 1;
        this.message = message;
        this.hint = '';
        this.enter(state);
    }

    fail(message, hint, retry) {
        this.message = message;
        this.hint = hint;
        this.retry = retry;
        this.enter(STATE.ERROR);
    }

    enter(state) {
        if (!BUSY.includes(state)) {
            this.rest(); // on the way the clock and the questions go on
        }
        this.state = state;
        this.changed();
    }

    rest() {
        this.timers.forEach(clearTimeout);
        this.timers = [];
        this.stop?.();
        this.stop = undefined;
    }
}
