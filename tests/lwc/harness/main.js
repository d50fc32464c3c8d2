// Puts our components on a page that is not Salesforce. Apex is `window.__apex`: an object of functions by
// "Class.method", each taking the parameters and answering a promise of what Apex would answer.
import '@lwc/synthetic-shadow';
import { createElement } from 'lwc';
import Card from 'c/stripePaymentsCard';
import LinkAction from 'c/stripePaymentLinkAction';
import RefundAction from 'c/stripeRefundAction';
import SendAction from 'c/stripeSendInvoiceAction';

const KINDS = { card: Card, 'send-invoice': SendAction, 'create-payment-link': LinkAction, 'refund-payment': RefundAction };

const mounted = [];

/** Shows the card, or a quick action, inside `target`; the properties are recordId and objectApiName. */
function mount(target, kind, properties) {
    const element = createElement(`c-stripe-${kind}`, { is: KINDS[kind] });
    Object.assign(element, properties);
    // A quick action is closed by its host.
    element.addEventListener('lightning__actionsclosescreen', () => element.remove());
    target.appendChild(element);
    mounted.push(element);
    return element;
}

/** Takes everything away again, dialogs included. */
function clear() {
    document.querySelectorAll('lightning-overlay-container').forEach((element) => element.remove());
    mounted.splice(0).forEach((element) => element.remove());
}

window.StripePayments = { mount, clear };
