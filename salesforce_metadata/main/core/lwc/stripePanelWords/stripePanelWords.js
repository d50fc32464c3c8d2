/** What the panel says in each state, and how its mending buttons are called. */
import { ACTIONS } from 'c/stripeActions';
import { STATE } from 'c/stripeOutcome';
import labels from 'c/stripePanelLabels';
import { fill, webAddress } from 'c/stripeText';

const RESULTS = {
    [STATE.RUNNING]: { title: () => labels.running, texts: () => [labels.sentOnce] },
    [STATE.WORKING]: {
        title: () => labels.running,
        texts: ({ adopted, message }) => [adopted ? message : '', labels.workingLong]
    },
    [STATE.PENDING]: {
        title: () => labels.pendingTitle,
        texts: ({ trouble }) => [labels.pending, trouble],
        icon: 'utility:clock'
    },
    [STATE.DONE]: {
        title: ({ action, answer }) => (answer?.replayed ? labels.doneAlready : ACTIONS[action].done),
        icon: 'utility:success',
        variant: 'success'
    },
    [STATE.APPROVAL]: { title: () => labels.approvalTitle, icon: 'utility:approval' },
    [STATE.REFUSED]: { title: () => labels.refusedTitle, icon: 'utility:warning', variant: 'warning' },
    [STATE.ERROR]: { title: () => labels.errorTitle, icon: 'utility:error', variant: 'error' },
    [STATE.EMPTY]: { title: () => labels.emptyTitle, icon: 'utility:info' }
};

/** Heading, icon and texts of a state that has something to tell, else null. */
export function resultOf(intent) {
    const told = RESULTS[intent.state];
    if (!told) {
        return null;
    }
    const texts = told.texts ? told.texts(intent) : [intent.message, intent.hint];
    return { icon: told.icon, variant: told.variant, title: told.title(intent), texts: texts.filter(Boolean) };
}

/** What a screen reader is told without being asked; states with a heading get the focus, unless somebody is typing. */
export function announcementOf(intent) {
    const words = {
        [STATE.LOADING]: labels.loading,
        [STATE.CHOOSING]: choosingOf(intent),
        [STATE.PREVIEW]: sentenceOf(intent),
        [STATE.CONFIRMING]: labels.sending,
        [STATE.REFUSED]: intent.message,
        [STATE.WORKING]: labels.workingLong
    };
    return words[intent.state] ?? '';
}

/** What must be chosen or typed before anything can be shown. */
export function choosingOf({ state, message }) {
    return state === STATE.CHOOSING ? message : '';
}

/** One sentence of what will happen. */
export function sentenceOf({ action, preview, request }) {
    if (!preview) {
        return '';
    }
    return preview.already ? fill(labels.willShowAgain, preview.already) : ACTIONS[action].sentence(preview, request);
}

/** What the button that confirms is called. */
export function confirmOf({ action, preview }) {
    return preview?.already ? labels.confirmShow : ACTIONS[action].confirm(preview ?? {});
}

/** The buttons that mend: name, label and, where one only leads somewhere, the address. */
export function buttonsOf({ remedies, openInvoice, answer, state }) {
    const refusedAt = state === STATE.REFUSED ? webAddress(answer?.url) : '';
    const label = {
        retry: labels.tryAgain,
        look: labels.lookAgain,
        preview: labels.previewAgain,
        details: labels.changeDetails,
        payment: labels.choosePayment,
        replace: labels.replaceInvoice,
        additional: labels.addInvoice,
        again: labels.startAgain,
        open: openInvoice?.invoiceNumber ? fill(labels.openFirst, openInvoice.invoiceNumber) : labels.openFirstPlain
    };
    return remedies
        .filter((name) => name in label)
        .map((name) => ({
            name,
            label: label[name],
            url: name === 'open' ? refusedAt || webAddress(openInvoice?.url) : ''
        }))
        .filter(({ name, url }) => name !== 'open' || url);
}
