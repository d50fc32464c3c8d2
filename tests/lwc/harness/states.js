// Every state a person can see, as: what Apex answers, what the person does, on which widths it is looked at.
// An answer is a value, an Error to reject with, NEVER, or a list of those for call after call (the last one stays).
import * as data from '../fixtures.js';

export const NEVER = 'never';
const C = 'StripePaymentsController.';

const world = ({ overview = data.overview(), preview, run, find, contacts = data.candidates }) => ({
    [`${C}overview`]: overview,
    [`${C}preview`]: preview,
    [`${C}run`]: run,
    [`${C}find`]: find,
    [`${C}contacts`]: contacts
});

const click = (name) => ({ click: name });
const press = (key) => ({ press: key });
const wait = (milliseconds) => ({ wait: milliseconds });
const see = (text) => ({ see: text });
const type = (label, text) => ({ type: label, text });
const check = (label) => ({ check: label });

const card = (answers, ...steps) => ({ kind: 'card', answers: world(answers), steps });
const send = (answers, ...steps) => ({ kind: 'send-invoice', answers: world(answers), steps });
const link = (answers, ...steps) => ({ kind: 'create-payment-link', answers: world(answers), steps });
const refund = (answers, ...steps) => ({ kind: 'refund-payment', answers: world(answers), steps });

const invoicePreview = { preview: data.preview() };
const paid = data.overview({ payments: [data.payment()] });
const confirm = [see('will be sent to'), press('Enter')];
const many = Array.from({ length: 24 }, (_, n) => ({
    description: `Licence for workstation ${n + 1}, including updates`,
    quantity: '1',
    amount: '100.00'
}));
const nobody = data.preview({ recipient: null, recipientWhy: '', warnings: ['Nobody to send the invoice to.'] });
const nothingToInvoice = data.refused(
    'nothing_to_invoice',
    'The record has no products: add some, or start from the opportunity, order or quote that has them.'
);
const tooSmall = data.refused(
    'amount_too_small',
    "The invoice would be over 0.10 EUR; Stripe's minimum is 0.50 EUR. Check the lines."
);
const openInvoice = data.overview({ invoices: [data.invoice()] });
const alreadyOpen =
    'Invoice INV-0042 over 4760.00 EUR is still open for this record: open it, replace it, or ask for an additional invoice.';

export const STATES = {
    'card-loading': card({ overview: NEVER }),
    'card-empty': card({}, see('Nothing has been invoiced')),
    'card-busy': card({ overview: data.busyOverview() }, see('INV-0042')),
    'card-not-connected': card({ overview: data.overview({ connected: false }) }, see('not connected')),
    'card-no-permission': card(
        { overview: data.overview({ canInvoice: false, canLink: false, canRefund: false, invoices: [data.invoice()] }) },
        see('You can see payments here')
    ),
    'card-error': card({ overview: data.apexError('You cannot see this record.') }, see('could not be read')),
    'card-opens-panel': card(invoicePreview, click('Send invoice'), see('will be sent to')),
    'card-closes-panel': card(invoicePreview, click('Send invoice'), see('will be sent to'), press('Escape'), { gone: 'dialog' }),
    'card-double-click': card(invoicePreview, { dblclick: 'Send invoice' }, see('will be sent to')),

    'send-loading': send({ preview: NEVER }, see('Preparing the preview')),
    'send-preview': send(invoicePreview, see('will be sent to')),
    'send-preview-partial': send(
        {
            preview: data.preview({
                lines: [{ description: '30 % of Acme: 40 licences', quantity: '1', amount: '1200.00' }],
                amount: '1200.00',
                total: '1200.00',
                tax: null,
                invoicedSoFar: '800.00',
                remaining: '2000.00',
                warnings: ["The record's amount is 4000.00, its lines add up to 3900.00."]
            })
        },
        see('Please check')
    ),
    'send-preview-long': send(
        { preview: data.preview({ lines: many, total: '2400.00', amount: '2400.00', tax: null }) },
        see('Show all 24 items')
    ),
    'send-preview-all-lines': send(
        { preview: data.preview({ lines: many, total: '2400.00', amount: '2400.00', tax: null }) },
        click('Show all 24 items'),
        see('workstation 24')
    ),
    'send-preview-open-invoice': send(
        { overview: openInvoice, preview: data.preview({ warnings: [alreadyOpen] }) },
        see('Open invoice INV-0042')
    ),
    'send-replace': send(
        { overview: openInvoice, preview: [data.preview({ warnings: [alreadyOpen] }), data.preview()] },
        click('Replace it with this one'),
        see('will be cancelled')
    ),
    'send-change-recipient': send(invoicePreview, click('Change recipient'), see('Another e-mail address')),
    'send-confirming': send({ ...invoicePreview, run: NEVER }, ...confirm, see('Sending…')),
    'send-running': send({ ...invoicePreview, run: NEVER }, ...confirm, wait(1300), see('Working on it')),
    'send-working': send({ ...invoicePreview, run: NEVER }, ...confirm, wait(6300), see('Still working')),
    'send-followed': send(
        { ...invoicePreview, run: data.pending(), find: [data.pending(), data.answer()] },
        ...confirm,
        wait(3000),
        see('Invoice sent')
    ),
    'send-done': send({ ...invoicePreview, run: data.answer() }, ...confirm, see('Invoice sent')),
    'send-done-before': send(
        { ...invoicePreview, run: data.answer({ replayed: true }) },
        ...confirm,
        see('It was there already')
    ),
    'send-copied': send({ ...invoicePreview, run: data.answer() }, ...confirm, click('Copy link'), see('Copied')),
    'send-error': send(
        { ...invoicePreview, run: data.apexError('The network is not there.') },
        ...confirm,
        see('Trying again is safe')
    ),
    'send-error-again': send(
        { ...invoicePreview, run: [data.apexError('The network is not there.'), data.answer()] },
        ...confirm,
        click('Try again'),
        see('Invoice sent')
    ),
    'send-look-up-refused': send(
        {
            ...invoicePreview,
            run: data.pending(),
            find: data.refusal('invalid_token', 'The payment gateway does not know you any more.', { requestId: 'req_401' })
        },
        ...confirm,
        wait(9000),
        see('does not know you any more')
    ),
    'send-retry-refused': send(
        {
            ...invoicePreview,
            run: [data.apexError('The network is not there.'), data.refusal('invalid_token', 'The token is not valid.')]
        },
        ...confirm,
        click('Try again'),
        see('The token is not valid')
    ),
    'send-preview-error': send({ preview: data.apexError('The gateway did not answer.') }, see('Nothing has been sent')),
    'send-no-recipient': send(
        { preview: [nobody, data.preview()] },
        see('Jane Doe')
    ),
    'send-no-recipient-mended': send(
        { preview: [nobody, data.preview()] },
        click('Use this recipient'),
        see('will be sent to')
    ),
    'send-no-contacts': send(
        { preview: data.refused('no_recipient', 'Nobody to send the invoice to.'), contacts: [] },
        see('No contact of this account')
    ),
    'send-recipient-differs': send(
        {
            preview: data.refused(
                'recipient_differs',
                'Stripe has another address for this customer: confirm it in the preview or send recipient_email.'
            )
        },
        see('Who gets the invoice?')
    ),
    'send-already-open': send(
        {
            overview: openInvoice,
            ...invoicePreview,
            run: data.refusal('invoice_already_open', alreadyOpen, { url: data.PAGE })
        },
        ...confirm,
        see('This cannot be done as it is')
    ),
    'send-stale': send(
        {
            ...invoicePreview,
            run: data.refusal('preview_stale', 'Something changed since the preview: look at it again and confirm.')
        },
        ...confirm,
        see('Show the preview again')
    ),
    'send-refused': send(
        { preview: data.refused('no_account', 'The record has no account to bill. Fill it in and try again.') },
        see('no account to bill')
    ),
    'send-nothing': send(
        { preview: nothingToInvoice },
        see('What is invoiced')
    ),
    'send-line': send(
        { preview: [nothingToInvoice, data.preview()] },
        see('What is invoiced'),
        type('Amount', '4760.00'),
        type('What is invoiced', 'Workshop in May'),
        see('will be sent to')
    ),
    'send-line-refused': send(
        { preview: [nothingToInvoice, tooSmall] },
        see('What is invoiced'),
        type('Amount', '0.10'),
        type('What is invoiced', 'Workshop in May'),
        see('Change the details')
    ),
    'send-no-permission': send({ overview: data.overview({ canInvoice: false }), ...invoicePreview }, see('may not do this')),
    'send-not-connected': send({ overview: data.overview({ connected: false }), ...invoicePreview }, see('not connected')),
    'send-approval': send(
        { ...invoicePreview, run: data.pending({ status: 'awaiting_approval', userMessage: 'Waits for Ada Admin.' }) },
        ...confirm,
        see('Waiting for approval')
    ),
    'send-approved': send(
        {
            ...invoicePreview,
            run: data.pending({ status: 'awaiting_approval', userMessage: 'Waits for Ada Admin.' }),
            find: [data.pending(), data.answer()]
        },
        ...confirm,
        see('Waiting for approval'),
        wait(15500),
        see('Still working'),
        wait(1500),
        see('Invoice sent')
    ),
    'send-stale-overview': send(
        {
            overview: [data.overview(), data.overview({ runningActions: [data.running()] })],
            ...invoicePreview,
            find: data.pending()
        },
        see('already under way')
    ),
    'send-already-running': send(
        { overview: data.overview({ runningActions: [data.running()] }), ...invoicePreview, find: data.pending() },
        see('already under way')
    ),
    'link-preview': link({ preview: data.linkPreview() }, see('A payment link over')),
    'link-changed': link(
        { preview: [data.linkPreview(), data.linkPreview({ reusable: true })] },
        see('A payment link over'),
        type('Amount in EUR', '500'),
        check('Can be paid more than once'),
        see('Use')
    ),
    'link-already-there': link({ preview: data.linkPreview({ already: 'plink_1' }) }, see('is there already')),
    'link-nothing-to-pay': link(
        { preview: data.refused('nothing_to_pay', 'The record has no amount: send amount.') },
        see('Change the details')
    ),
    'link-done': link(
        {
            preview: data.linkPreview(),
            run: data.answer({ url: 'https://buy.stripe.com/test_1', userMessage: 'The payment link over 500.00 EUR is ready.' })
        },
        see('A payment link over'),
        press('Enter'),
        see('Payment link ready')
    ),

    'refund-preview': refund({ overview: paid, preview: data.refundPreview() }, see('cannot be undone')),
    'refund-amount-unreadable': refund(
        { overview: paid, preview: data.refundPreview() },
        see('cannot be undone'),
        type('Amount to refund in EUR', '$50'),
        press('Tab'),
        see('Write the amount as')
    ),
    'refund-payment-unknown': refund(
        { overview: data.overview({ invoices: [data.invoice()] }), preview: data.refundPreview() },
        see('cannot be undone')
    ),
    'refund-choose': refund(
        {
            overview: data.overview({
                payments: [
                    data.payment(),
                    data.payment({ id: 'a04000000000002AAA', stripeId: 'ch_2', amountText: 'EUR 90.00', refundableText: 'EUR 90.00' })
                ]
            }),
            preview: data.refundPreview()
        },
        see('Which payment?')
    ),
    'refund-fraudulent': refund(
        {
            overview: paid,
            preview: [
                data.refundPreview(),
                data.refundPreview({ warnings: ['Fraudulent also blocks the card and address.'] })
            ]
        },
        see('cannot be undone'),
        { select: 'Reason', option: 'Fraudulent' },
        see('Stripe will block')
    ),
    'refund-too-large': refund(
        {
            overview: paid,
            preview: [data.refundPreview(), data.refused('refund_too_large', 'Only 4660.00 EUR can still be refunded.')]
        },
        see('cannot be undone'),
        type('Amount to refund in EUR', '9999'),
        press('Tab'),
        see('Only 4660.00 EUR')
    ),
    'refund-no-payment': refund({}, see('no payment on this record')),
    'refund-done': refund(
        {
            overview: paid,
            preview: data.refundPreview(),
            run: data.answer({ url: null, invoiceNumber: null, userMessage: '4660.00 EUR is being refunded.' })
        },
        see('cannot be undone'),
        press('Enter'),
        see('Refund on its way')
    )
};
