// What the specs share: a panel or a card on the page, and eyes and hands for it.
import { createElement } from 'lwc';
import contacts from '@salesforce/apex/StripePaymentsController.contacts';
import find from '@salesforce/apex/StripePaymentsController.find';
import overview from '@salesforce/apex/StripePaymentsController.overview';
import preview from '@salesforce/apex/StripePaymentsController.preview';
import run from '@salesforce/apex/StripePaymentsController.run';
import Panel from 'c/stripeActionPanel';
import * as data from '../fixtures.js';

export const apex = { contacts, find, overview, preview, run };
export const SLOW = new Promise(() => {});

const NOW = new Date('2026-11-26T10:00:00Z');

/** A clean page, mocks that answer well, a clock that stands still. */
export function prepare() {
    jest.useFakeTimers({ now: NOW });
    [contacts, find, preview, run].forEach((method) => method.mockReset());
    contacts.mockResolvedValue(data.candidates);
    preview.mockResolvedValue(data.preview());
    run.mockResolvedValue(data.answer());
}

export function clear() {
    document.body.replaceChildren();
    jest.clearAllTimers();
    jest.clearAllMocks();
}

/** What was promised has been told and drawn. */
export async function settle() {
    for (let turn = 0; turn < 12; turn += 1) {
        await Promise.resolve();
    }
}

export async function pass(milliseconds) {
    await jest.advanceTimersByTimeAsync(milliseconds);
    await settle();
}

/** The checker waits for real: timers of the page are gone after it. */
export async function beAccessible(stage) {
    jest.useRealTimers();
    await expect(stage.element).toBeAccessible();
    jest.useFakeTimers({ now: NOW });
}

export async function openPanel(action, shown = data.overview()) {
    const element = createElement('c-stripe-action-panel', { is: Panel });
    Object.assign(element, { recordId: data.RECORD, action });
    document.body.appendChild(element);
    if (shown) {
        overview.emit(shown);
    }
    await settle();
    return new Stage(element);
}

/** An element with what can be seen of it, through the shadows of its components. */
export class Stage {
    constructor(element) {
        this.element = element;
    }

    all(selector, root = this.element) {
        const inside = [...root.shadowRoot.querySelectorAll('*')];
        return inside.flatMap((each) => [
            ...(each.matches(selector) ? [each] : []),
            ...(each.shadowRoot ? this.all(selector, each) : [])
        ]);
    }

    one(selector) {
        return this.all(selector)[0] ?? null;
    }

    get text() {
        const own = (root) =>
            [...root.childNodes]
                .map((node) => (node.nodeType === Node.TEXT_NODE ? node.data : read(node)))
                .join(' ');
        const read = (node) => {
            const label = node.tagName?.startsWith('LIGHTNING-') ? (node.label ?? '') : '';
            return `${label} ${node.shadowRoot ? own(node.shadowRoot) : ''} ${own(node)}`;
        };
        return read(this.element).replace(/[\s\u00a0]+/g, ' ').trim();
    }

    /** Whether it is on the page, and nothing it is in is hidden. */
    isShown(selector) {
        const found = this.one(selector);
        for (let each = found; each; each = each.getRootNode().host) {
            if (each.closest('.slds-hide')) {
                return false;
            }
        }
        return Boolean(found);
    }

    get state() {
        return this.one('.panel').dataset.state;
    }

    get status() {
        return this.one('[role=status]').textContent.replaceAll('\u00a0', ' ');
    }

    remedies() {
        return this.all('[data-remedy]').map((each) => each.label ?? each.textContent);
    }

    async press(selector) {
        this.one(selector).click();
        await settle();
    }

    async tell(selector, type, detail) {
        this.one(selector).dispatchEvent(new CustomEvent(type, { detail }));
        await settle();
    }

    async confirm() {
        await this.press('.confirm');
    }

    heard(type) {
        const handler = jest.fn();
        this.element.addEventListener(type, handler);
        return handler;
    }
}
