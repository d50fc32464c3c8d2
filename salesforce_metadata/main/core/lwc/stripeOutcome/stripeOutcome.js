/** What an answer of the gateway means for the panel: its next state, and the buttons that mend a refusal. */
import { AWAITING_APPROVAL } from 'c/stripeGateway';
import labels from 'c/stripePanelLabels';

export const STATE = {
    LOADING: 'loading',
    EMPTY: 'empty',
    CHOOSING: 'choosing',
    PREVIEW: 'preview',
    CONFIRMING: 'confirming',
    RUNNING: 'running',
    WORKING: 'working',
    PENDING: 'pending',
    DONE: 'done',
    APPROVAL: 'approval',
    REFUSED: 'refused',
    ERROR: 'error'
};
/** Nothing was sent yet. */
export const BEFORE = [STATE.LOADING, STATE.EMPTY, STATE.CHOOSING, STATE.PREVIEW];
/** Accepted, and on the way. */
export const BUSY = [STATE.RUNNING, STATE.WORKING];
/** There is something to say under a heading of its own. */
export const TOLD = [
    ...BUSY,
    STATE.PENDING,
    STATE.DONE,
    STATE.APPROVAL,
    STATE.REFUSED,
    STATE.ERROR,
    STATE.EMPTY
];

// What mends a refusal, by its code. Each is a button or a part of the panel, see stripeActionPanel.
const REMEDIES = {
    no_recipient: ['recipient'],
    recipient_differs: ['recipient'],
    invalid_email: ['recipient'],
    no_email: ['recipient'],
    unknown_contact: ['recipient'],
    invoice_already_open: ['open', 'replace', 'additional'],
    preview_stale: ['preview'],
    invalid_preview_token: ['preview'],
    ambiguous_payment: ['payment'],
    several_payments: ['payment'],
    no_such_payment: ['payment'],
    refund_too_large: ['details'],
    invalid_amount: ['details'],
    invalid_line: ['details'],
    amount_too_small: ['details'],
    nothing_to_pay: ['details'],
    currency_differs: ['details']
};
// Parts that only some panels have.
const HAS = {
    recipient: ({ action }) => action === 'send-invoice',
    payment: ({ payments }) => payments.length > 1, // of a refund
    details: ({ hasForm }) => hasForm
};
// The gateway speaks to whoever calls it; where it names members of a request, a rep needs other words.
const WORDS = {
    no_recipient: labels.saidNoRecipient,
    no_payment: labels.emptyNoPayment,
    recipient_differs: labels.saidRecipientDiffers,
    nothing_to_pay: labels.saidNothingToPay
};
const EMPTY_CODES = ['nothing_to_refund', 'no_payment', 'not_permitted'];

/** The state after an answer to "do it". */
export function stateAfter(answer) {
    if (answer.status === AWAITING_APPROVAL) {
        return STATE.APPROVAL;
    }
    if (answer.success) {
        return STATE.DONE;
    }
    if (answer.pending) {
        return STATE.RUNNING;
    }
    return answer.retryable ? STATE.ERROR : STATE.REFUSED;
}

/** The state after a preview that was refused. Nothing was done, so not knowing is only an error. */
export function stateAfterRefusedPreview(answer) {
    if (answer.pending || answer.retryable) {
        return STATE.ERROR;
    }
    return EMPTY_CODES.includes(answer.errorCode) ? STATE.EMPTY : STATE.REFUSED;
}

// They come where none of them shows here: whoever can help needs what the gateway names.
const SEVERAL = ['ambiguous_payment', 'several_payments'];

/** What an answer says, in words for a rep. */
export function wordsOf(answer) {
    if (SEVERAL.includes(answer.errorCode)) {
        return `${labels.saidSeveralPayments} ${answer.userMessage}`;
    }
    return WORDS[answer.errorCode] ?? answer.userMessage ?? '';
}

/** Names of what mends this refusal of an intent, best first; `again` after a definite failure. */
export function remediesOf(answer, intent) {
    const fitting = mending(answer, intent);
    return fitting.length ? fitting : ['again'];
}

/** Whether a person can mend it in the panel. */
export function isMendable(answer, intent) {
    return mending(answer, intent).length > 0;
}

function mending(answer, intent) {
    const named = REMEDIES[answer.errorCode] ?? [];
    return named.filter((remedy) => !HAS[remedy] || HAS[remedy](intent));
}
