/** What differs between the three things the panel does: words, permission, form. */
import labels from 'c/stripePanelLabels';
import { fill, money } from 'c/stripeText';

export const SEND_INVOICE = 'send-invoice';
export const PAYMENT_LINK = 'create-payment-link';
export const REFUND = 'refund-payment';

export const ACTIONS = {
    [SEND_INVOICE]: {
        permission: 'canInvoice',
        asksAboutOpen: true,
        needsRecipient: true,
        done: labels.doneInvoice,
        page: labels.invoicePage,
        confirm: () => labels.confirmInvoice,
        sentence: ({ total, currencyCode, recipient }, options) => {
            let words = labels.willSend;
            if (options.replace) {
                words = labels.willReplace;
            } else if (options.additional) {
                words = labels.willAdd;
            }
            return fill(words, money(total, currencyCode), recipient);
        }
    },
    [PAYMENT_LINK]: {
        permission: 'canLink',
        form: true,
        done: labels.doneLink,
        page: labels.linkPage,
        confirm: () => labels.confirmLink,
        sentence: ({ total, currencyCode }) => fill(labels.willLink, money(total, currencyCode))
    },
    [REFUND]: {
        permission: 'canRefund',
        form: true,
        done: labels.doneRefund,
        confirm: ({ amount, currencyCode }) => fill(labels.confirmRefund, money(amount, currencyCode)),
        sentence: ({ amount, currencyCode }, options) =>
            fill(
                options.reason === 'fraudulent' ? labels.willBlock : labels.willRefund,
                money(amount, currencyCode)
            )
    }
};

/** The members that name a payment of the overview to the gateway. */
export function paymentOptions(payment) {
    const name = payment.stripeId.startsWith('pi_') ? 'payment_intent' : 'charge';
    return { [name]: payment.stripeId };
}
