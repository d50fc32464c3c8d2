/** The course of an intent from the click to its end: send, wait, ask, settle. See stripeIntent. */
import runAction from '@salesforce/apex/StripePaymentsController.run';
import { AWAITING_APPROVAL, PACE, after, announceChange, follow } from 'c/stripeGateway';
import { STATE, isMendable, stateAfter, wordsOf } from 'c/stripeOutcome';
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
        intent.isUnsure = true;
        fail(intent, messageOf(error, labels.unknownError));
    }
}

/** Follows an action that is under way already instead of starting another. */
export function adopt(intent, { requestKey, status, message }) {
    intent.adopted = { requestKey };
    intent.message = labels.alreadyRunning;
    intent.hint = labels.alreadyRunningHelp;
    if (status === AWAITING_APPROVAL) {
        awaitApproval(intent, message || labels.alreadyRunning);
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
    learnHowSure(intent, answer);
    if (state === STATE.RUNNING) {
        wait(intent);
    } else if (state === STATE.ERROR || (state === STATE.REFUSED && intent.isUnsure && !isMendable(answer, intent))) {
        fail(intent, wordsOf(answer));
    } else if (state === STATE.REFUSED) {
        intent.refuse(state, wordsOf(answer));
    } else if (state === STATE.APPROVAL) {
        awaitApproval(intent, wordsOf(answer));
    } else {
        intent.message = wordsOf(answer);
        intent.hint = answer.replayed ? '' : labels.doneUpdate;
        intent.enter(STATE.DONE);
        announceChange(intent.recordId);
    }
}

// An attempt without an end may have been done. Only an end of the action itself says more: one that is refused before
// it becomes an action says nothing of the attempt before it.
function learnHowSure(intent, answer) {
    if (answer.pending || answer.status === AWAITING_APPROVAL) {
        intent.isUnsure = true;
    } else if (answer.actionId && (intent.adopted ?? intent).requestKey === intent.requestKey) {
        intent.isUnsure = false;
    }
}

// A person decides, so it is asked for slowly; whatever keeps it from being asked, the record will tell.
function awaitApproval(intent, message) {
    intent.message = message;
    intent.hint = labels.approval;
    intent.enter(STATE.APPROVAL);
    announceChange(intent.recordId);
    const { requestKey } = intent.adopted ?? intent;
    if (requestKey) {
        const nothing = () => {};
        const watcher = { stands: (answer) => stand(intent, answer), tired: nothing, lost: nothing };
        intent.stop = follow(requestKey, { ...watcher, ended: (answer) => settle(intent, answer) }, PACE.PERSON);
    }
}

// Only what changes is news: an approval is needed, or was given.
function stand(intent, answer) {
    const isAwaited = answer.status === AWAITING_APPROVAL;
    if (isAwaited && intent.state !== STATE.APPROVAL) {
        settle(intent, answer);
    } else if (!isAwaited && intent.state === STATE.APPROVAL) {
        keepLooking(intent);
    }
}

function wait(intent) {
    intent.stop?.();
    intent.trouble = '';
    intent.stop = follow((intent.adopted ?? intent).requestKey, {
        stands: (answer) => stand(intent, answer),
        ended: (answer) => settle(intent, answer),
        tired: (refusal) => {
            intent.answer = refusal ?? intent.answer;
            intent.trouble = wordsOf(refusal ?? {});
            intent.enter(STATE.PENDING);
        },
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
