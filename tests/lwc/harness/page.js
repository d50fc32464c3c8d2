// What runs inside the page: Apex that answers as told, and the eye that looks.
import { NEVER } from './states.js';

/** As a script: what Apex answers, call after call; the last answer stays. */
export function apexOf(answers) {
    const plain = (value) =>
        value instanceof Error ? { reject: { body: { message: value.message } } } : { resolve: value };
    const series = Object.entries(answers)
        .filter(([, value]) => value !== undefined)
        .map(([method, value]) => {
            const isSeries = Array.isArray(value) && !method.endsWith('.contacts');
            return [method, (isSeries ? value : [value]).map(plain)];
        });
    return `window.__calls = [];
        window.__apex = {};
        for (const [method, answers] of ${JSON.stringify(series)}) {
            let calls = 0;
            window.__apex[method] = (parameters) => {
                window.__calls.push({ method: method.split('.')[1], parameters });
                const { resolve, reject } = answers[Math.min(calls++, answers.length - 1)];
                if (resolve === '${NEVER}') {
                    return new Promise(() => {});
                }
                return reject ? Promise.reject(reject) : Promise.resolve(resolve);
            };
        }`;
}

/** What is there. Runs as text in a world of its own, so it may use nothing from outside. */
export function observe() {
    const isShown = (element) =>
        element.getClientRects().length > 0 && getComputedStyle(element).visibility !== 'hidden';
    const sticksOut = (element) => {
        const { left, right } = element.getBoundingClientRect();
        return right > window.innerWidth + 1 || left < -1;
    };
    const all = [...document.querySelectorAll('body *')].filter(isShown);
    const outside = all.filter((element) => !element.closest('.slds-assistive-text') && sticksOut(element));
    const cut = all.filter(
        ({ scrollWidth, clientWidth, tagName }) => clientWidth > 20 && scrollWidth > clientWidth + 2 && tagName !== 'INPUT'
    );
    const focused = document.activeElement;
    const name = (element) => `${element.tagName.toLowerCase()}.${element.getAttribute('class') ?? ''}`;
    const text = (element) => element.innerText.replace(/\s+/g, ' ').trim();
    return {
        text: text(document.body),
        focus: {
            tag: focused.tagName.toLowerCase(),
            text: focused === document.body ? '' : focused.getAttribute('aria-label') || text(focused) || focused.value || ''
        },
        dialogs: document.querySelectorAll('[role=dialog]').length,
        status: [...document.querySelectorAll('[role=status]')].map((each) => each.textContent.trim()).filter(Boolean),
        doesNotFit: [...new Set([...outside, ...cut].filter((e) => !e.closest('.slds-assistive-text'))
            .map(name)
            .filter((each) => !each.includes('slds-kx-')) // a button that is being pressed
        )]
    };
}
