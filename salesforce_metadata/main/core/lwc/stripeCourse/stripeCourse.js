/** The course of an intent from the click to its end: send, wait, ask, settle. See stripeIntent. */
import runAction from '@salesforce/apex/StripePaymentsController.run';
import { after, announceChange, follow } from 'c/stripeGateway';
import { STATE, stateAfter, wordsOf } from 'c/stripeOutcome';
import labels from 'c/stripePanelLabels';
import { messageOf } from 'c/stripeText';

const RUNNING_AFTER = 1000;
const WORKING_AFTER = 6000;

/** Does what the preview showed. */
export async function run(intent) {
    intent.enter(STATE.CONFIRMING);
    intent.timers.push(
        after(RUNNING_AFTER, () => intent.enter(STATE.RUNNING)),
        after(WORKING_AFTER, () => intent.enter(STATE.WORKING))
    );
    const { action, recordId, requestKey, request: options } = intent;
    const previewToken = intent.preview.token;
    try {
        settle(intent, await runAction({ action, recordId, requestKey, previewToken, options }));
    } catch (error) {
        fail(intent, messageOf(error, labels.unknownError));
    }
}

/** Follows an action that is under way already instead of starting another. */
export function adopt(intent, { requestKey, status }) {
    intent.adopted = { requestKey };
    intent.message = labels.alreadyRunning;
    intent.hint = labels.alreadyRunningHelp;
    if (status === 'awaiting_approval') {
        awaitApproval(intent);
    } else if (requestKey) {
        keepLooking(intent);
    } else {
        intent.enter(STATE.PENDING);
    }
}

export function keepLooking(intent) {
    intent.enter(STATE.WORKING);
    wait(intent);
}

function settle(intent, answer) {
    if (intent.gone) {
        announceChange(intent.recordId);
        return;
    }
    intent.answer = answer;
    const state = stateAfter(answer);
    if (state === STATE.RUNNING) {
        wait(intent);
    } else if (state === STATE.ERROR) {
        fail(intent, wordsOf(answer));
    } else if (state === STATE.REFUSED) {
        intent.refuse(state, wordsOf(answer));
    } else if (state === STATE.APPROVAL) {
        intent.message = wordsOf(answer);
        awaitApproval(intent);
    } else {
        intent.message = wordsOf(answer);
        intent.hint = answer.replayed ? '' : labels.doneUpdate;
        intent.enter(STATE.DONE);
        announceChange(intent.recordId);
    }
}

function awaitApproval(intent) {
    intent.hint = labels.approval;
    intent.enter(STATE.APPROVAL);
    announceChange(intent.recordId);
}

function wait(intent) {
    intent.stop?.();
    intent.stop = follow((intent.adopted ?? intent).requestKey, {
        ended: (answer) => settle(intent, answer),
        tired: () => intent.enter(STATE.PENDING),
        lost: () => lose(intent)
    });
}

function lose(intent) {
    if (intent.adopted) {
        intent.enter(STATE.PENDING); // another person's action cannot be asked for; the record will tell
    } else {
        fail(intent, labels.notArrived);
    }
}

/** It may have been done for all we know. The same key again can only bring the same answer. */
function fail(intent, message) {
    if (!intent.gone) {
        intent.fail(message, labels.errorSafe, () => (intent.adopted ? intent.startAgain() : run(intent)));
    }
}
