// What Apex answers, member by member as its classes have it; the specs and the browser show the same.
const RECORD = '006000000000001AAA';
const PAGE = 'https://invoice.stripe.com/i/acct_1/test_1';

export const overview = (changes = {}) => ({
    recordId: RECORD,
    objectName: 'Opportunity',
    recordName: 'Acme: 40 licences',
    accountName: 'Acme GmbH',
    canInvoice: true,
    canLink: true,
    canRefund: true,
    canCreateCustomer: true,
    connected: true,
    stamp: { status: null, amounts: null },
    invoices: [],
    links: [],
    refunds: [],
    payments: [],
    runningActions: [],
    ...changes
});

export const invoice = (changes = {}) => ({
    id: 'a01000000000001AAA',
    invoiceNumber: 'INV-0042',
    status: 'Open',
    amountText: 'EUR 4760.00',
    remainingText: 'EUR 4760.00',
    dueDate: '2026-12-31',
    url: PAGE,
    overdue: false,
    ...changes
});

export const link = (changes = {}) => ({
    id: 'a02000000000001AAA',
    url: 'https://buy.stripe.com/test_1',
    status: 'Active',
    amountText: 'EUR 500.00',
    ...changes
});

export const refund = (changes = {}) => ({
    id: 'a03000000000001AAA',
    status: 'Succeeded',
    amountText: 'EUR 100.00',
    reason: 'Requested By Customer',
    ...changes
});

export const payment = (changes = {}) => ({
    id: 'a04000000000001AAA',
    status: 'Succeeded',
    amountText: 'EUR 4760.00',
    refundableText: 'EUR 4660.00',
    stripeId: 'pi_1',
    ...changes
});

export const running = (changes = {}) => ({
    id: 'a05000000000001AAA',
    action: 'send-invoice',
    status: 'pending',
    requestKey: '11111111-1111-4111-8111-111111111111',
    startedAt: '2026-11-26T09:30:00.000Z',
    message: 'Still working: the record is updated when it is done.',
    ...changes
});

export const busyOverview = () =>
    overview({
        stamp: { status: 'Partly paid', amounts: 'EUR 4760.00 invoiced, EUR 1190.00 paid' },
        invoices: [
            invoice(),
            invoice({ id: 'a01000000000002AAA', invoiceNumber: 'INV-0041', overdue: true, dueDate: '2026-10-31' }),
            invoice({ id: 'a01000000000003AAA', invoiceNumber: 'INV-0040', status: 'Paid', remainingText: 'EUR 0.00' })
        ],
        links: [link(), link({ id: 'a02000000000002AAA', status: 'Completed', url: null })],
        refunds: [refund(), refund({ id: 'a03000000000002AAA', status: 'Failed', reason: null })],
        payments: [payment()],
        runningActions: [running({ action: 'refund-payment', message: null })]
    });

export const candidates = [
    { contactId: '003000000000001AAA', name: 'Jane Doe', email: 'jane@acme.example', why: 'contact role Billing' },
    { contactId: '003000000000002AAA', name: 'Max Muster', email: 'max@acme.example', why: 'primary contact role' }
];

export const preview = (changes = {}) => ({
    success: true,
    status: 'preview',
    requestId: 'req_preview',
    recordId: RECORD,
    amount: '4000.00',
    currencyCode: 'EUR',
    userMessage: 'Nothing has been done yet.',
    customer: 'Acme GmbH',
    recipient: 'jane@acme.example',
    recipientWhy: 'contact role Billing',
    candidates,
    lines: [
        { description: 'Licence, one year', quantity: '40', amount: '3600.00' },
        { description: 'Onboarding workshop', quantity: '1', amount: '400.00' }
    ],
    total: '4760.00',
    tax: '760.00',
    dueText: 'Due in 30 days',
    warnings: [],
    invoicedSoFar: '0.00',
    remaining: '0.00',
    reusable: false,
    entity: 'eu',
    token: 'token-1',
    ...changes
});

export const linkPreview = (changes = {}) =>
    preview({
        amount: '500.00',
        customer: null,
        recipient: null,
        recipientWhy: null,
        candidates: [],
        lines: [{ description: 'Acme: 40 licences', quantity: '1', amount: '500.00' }],
        total: '500.00',
        tax: null,
        dueText: null,
        invoicedSoFar: null,
        remaining: null,
        ...changes
    });

export const refundPreview = (changes = {}) =>
    linkPreview({ amount: '4660.00', lines: [], total: null, paid: '4760.00', remaining: '0.00', ...changes });

export const answer = (changes = {}) => ({
    success: true,
    status: 'succeeded',
    actionId: 'act_1',
    requestId: 'req_1',
    recordId: RECORD,
    stripeId: 'in_1',
    stripeStatus: 'open',
    invoiceNumber: 'INV-0043',
    url: PAGE,
    amount: '4760.00',
    currencyCode: 'EUR',
    errorCode: null,
    userMessage: 'Invoice INV-0043 over 4760.00 EUR was sent.',
    retryable: false,
    retryAfterSeconds: null,
    replayed: false,
    pending: false,
    ...changes
});

export const refusal = (errorCode, userMessage, changes = {}) =>
    answer({
        success: false,
        status: 'rejected',
        actionId: null,
        stripeId: null,
        stripeStatus: null,
        invoiceNumber: null,
        url: null,
        errorCode,
        userMessage,
        ...changes
    });

export const pending = (changes = {}) =>
    refusal(null, 'Still working: the record is updated when it is done.', {
        status: 'pending',
        actionId: 'act_1',
        retryable: true,
        retryAfterSeconds: 2,
        pending: true,
        ...changes
    });

export const refused = (errorCode, userMessage, changes) => {
    const { requestId } = preview();
    return { success: false, status: 'rejected', requestId, refusal: refusal(errorCode, userMessage, changes) };
};

export const apexError = (message) => Object.assign(new Error(message), { body: { message } });

export { RECORD, PAGE };
