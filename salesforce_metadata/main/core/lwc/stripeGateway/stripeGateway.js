/** Talking to the gateway about one intent: its key, waiting for its end, telling the record. */
import findAnswer from '@salesforce/apex/StripePaymentsController.find';
import { notifyRecordUpdateAvailable } from 'lightning/uiRecordApi';

/** How often it is asked: waits in milliseconds, of which the last one stays, and how many questions at most. */
export const PACE = {
    MACHINE: { waits: [1000, 1500, 2000, 3000, 5000, 8000, 10000], most: 24 }, // about three minutes
    PERSON: { waits: [15000, 30000, 60000], most: 30 } // an approval: about half an hour
};
const LOOKS_UNTIL_LOST = 4; // a request that timed out may still be on its way
const LOOKS_UNTIL_REFUSED = 4; // a refused look-up is seldom allowed a moment later
const WRITE_BACK = [0, 3000, 10000]; // the record is written a moment after Stripe has answered

export const AWAITING_APPROVAL = 'awaiting_approval';
const [OPEN, ENDED, UNSEEN, REFUSED] = ['open', 'ended', 'unseen', 'refused'];

/** setTimeout; waiting for an answer is what these components are for. */
export function after(milliseconds, run) {
    // eslint-disable-next-line @lwc/lwc/no-async-operation
    return setTimeout(run, milliseconds);
}

/** A random UUID. One opening of a panel is one intent, and one intent has one key. */
export function newRequestKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function meaning(answer) {
    if (!answer || answer.pending || answer.status === AWAITING_APPROVAL) {
        return OPEN;
    }
    if (answer.actionId) {
        return ENDED;
    }
    return answer.errorCode === 'unknown_action' ? UNSEEN : REFUSED;
}

/**
 * Asks how the action under a request key stands, ever less often, until it ends, is lost or we are tired of it.
 * `watcher` has `stands(answer)` (it goes on), `ended(answer)`, `lost(answer)` (nothing was ever received under the key)
 * and `tired(refusal)`. An answer that names no action says nothing of it: the look-up itself was refused, which `tired`
 * is told of if it stays so.
 * Returns a function that stops asking.
 */
export function follow(requestKey, watcher, { waits, most } = PACE.MACHINE) {
    let looks = 0;
    let unseen = 0;
    let refused = 0;
    let timer;
    let stopped = false;

    function wait() {
        timer = after(waits[looks] ?? waits.at(-1), look);
    }
    async function look() {
        looks += 1;
        const answer = await findAnswer({ requestKey }).catch(() => null); // no network: ask again later
        if (stopped) {
            return;
        }
        const said = meaning(answer);
        unseen = said === UNSEEN ? unseen + 1 : 0;
        refused = said === REFUSED ? refused + 1 : 0;
        if (said === ENDED) {
            watcher.ended(answer);
        } else if (unseen >= LOOKS_UNTIL_LOST) {
            watcher.lost(answer);
        } else if (looks >= most || refused >= LOOKS_UNTIL_REFUSED) {
            watcher.tired(refused ? answer : null);
        } else {
            goOn(said === OPEN ? answer : null);
        }
    }
    function goOn(answer) {
        if (answer) {
            watcher.stands(answer);
        }
        if (!stopped) {
            wait();
        }
    }
    wait();
    return () => {
        stopped = true;
        clearTimeout(timer);
    };
}

/** Tells the page that the record changed, now and when the write-back is through. */
export function announceChange(recordId) {
    WRITE_BACK.forEach((milliseconds) => {
        after(milliseconds, () => notifyRecordUpdateAvailable([{ recordId }]));
    });
}

