import { createElement } from 'lwc';
import { refreshApex } from '@salesforce/apex';
import overview from '@salesforce/apex/StripePaymentsController.overview';
import { getRecord } from 'lightning/uiRecordApi';
import Modal from 'lightning/modal';
import Card from 'c/stripePaymentsCard';
import * as data from '../fixtures.js';
import { beAccessible, clear, pass, prepare, settle, Stage } from './stage.js';

async function show(shown) {
    const element = createElement('c-stripe-payments-card', { is: Card });
    Object.assign(element, { recordId: data.RECORD, objectApiName: 'Opportunity' });
    document.body.appendChild(element);
    if (shown) {
        overview.emit(shown);
    }
    await settle();
    return new Stage(element);
}

beforeEach(() => {
    prepare();
    Modal.opened.length = 0;
});
afterEach(clear);

test('the card says that it is loading', async () => {
    const card = await show();

    expect(card.one('lightning-spinner').alternativeText).toBe('Loading Stripe payments');
    expect(card.one('[aria-busy]').getAttribute('aria-busy')).toBe('true');
    await beAccessible(card);
});

test('a record without anything at Stripe says so and offers what the person may do', async () => {
    const card = await show(data.overview({ canRefund: false }));

    expect(card.all('.action').map(({ label, variant }) => [label, variant])).toEqual([
        ['Send invoice', 'brand'],
        ['Payment link', 'neutral']
    ]);
    expect(card.text).toContain('Nothing has been invoiced, linked or refunded on this record yet.');
    await beAccessible(card);
});

test('invoices, links and refunds are listed with status, amounts and their pages', async () => {
    const card = await show(data.busyOverview());

    for (const text of [
        'Billing: Partly paid',
        'Invoices (3)',
        'INV-0042 Open EUR 4760.00 · EUR 4760.00 still to pay · Due Dec 31, 2026',
        'INV-0041 Open Overdue',
        'INV-0040 Paid EUR 4760.00',
        'Payment links (2)',
        'Refund of EUR 100.00 Succeeded Reason: Requested By Customer',
        'Refund of EUR 100.00 Failed'
    ]) {
        expect(card.text).toContain(text);
    }
    expect(card.all('a.open').map((each) => each.getAttribute('aria-label'))).toEqual([
        'Open Invoice INV-0042 (new tab)',
        'Open Invoice INV-0041 (new tab)',
        'Open Invoice INV-0040 (new tab)',
        'Open Payment link over EUR 500.00 (new tab)'
    ]);
    await beAccessible(card);
});

test('an invoice that is still a draft has no number and no page', async () => {
    const draft = data.invoice({ invoiceNumber: null, status: 'Draft', url: null, dueDate: null });

    const card = await show(data.overview({ invoices: [draft] }));

    expect(card.text).toContain('Invoice without a number');
    expect(card.one('a.open')).toBeNull();
});

test('an address that is none of the web is not shown as a link', async () => {
    const card = await show(data.overview({ invoices: [data.invoice({ url: 'javascript:alert(1)' })] }));

    expect(card.one('a.open')).toBeNull();
});

test('a link is copied, or the person is told how else', async () => {
    const writeText = jest.fn().mockResolvedValueOnce().mockRejectedValueOnce(new Error('denied'));
    Object.assign(navigator, { clipboard: { writeText } });
    const card = await show(data.overview({ invoices: [data.invoice()] }));

    await card.press('.copy');
    expect(writeText).toHaveBeenCalledWith(data.PAGE);
    expect(card.one('c-stripe-record-list').shadowRoot.querySelector('[role=status]').textContent).toBe('Copied');

    await card.press('.copy');
    expect(card.text).toContain('Copying did not work.');
});

test('who is not connected is told whom to ask, who may nothing sees only', async () => {
    const unconnected = await show(data.overview({ connected: false }));
    expect(unconnected.text).toContain('The payment gateway is not connected.');
    expect(unconnected.one('.action')).toBeNull();
    unconnected.element.remove();

    const watching = await show(data.overview({ canInvoice: false, canLink: false, canRefund: false }));
    expect(watching.text).toContain('You can see payments here.');
    expect(watching.one('.action')).toBeNull();
});

test('a card that cannot be read says why and tries again', async () => {
    const card = await show();
    overview.error({ message: 'You cannot see this record.' });
    await settle();
    expect(card.one('[role=alert]').textContent).toContain('You cannot see this record.');
    await beAccessible(card);

    await card.press('.again');

    expect(refreshApex).toHaveBeenCalledTimes(1);
});

test('a button opens one panel, also when it is clicked twice, and the card is read again after it', async () => {
    const card = await show(data.overview());
    card.one('[data-action=create-payment-link]').click();
    card.one('[data-action=create-payment-link]').click();
    await settle();

    expect(Modal.opened).toHaveLength(1);
    expect(Modal.opened[0].properties).toEqual({
        label: 'Payment link',
        size: 'small',
        recordId: data.RECORD,
        action: 'create-payment-link'
    });
    expect(refreshApex).not.toHaveBeenCalled();

    Modal.opened[0].close();
    await settle();
    expect(refreshApex).toHaveBeenCalledTimes(1);

    await card.press('[data-action=refund-payment]');
    expect(Modal.opened).toHaveLength(2);
});

test('what is under way is shown, and looked after until it has ended', async () => {
    const waiting = data.running({ id: 'a05000000000002AAA', action: 'create-customer', status: 'awaiting_approval', message: 'Ada was asked.' });
    const card = await show(data.overview({ runningActions: [data.running(), waiting] }));
    expect(card.text).toContain('Under way Send invoice');
    expect(card.text).toContain('create-customer Waiting for approval');
    expect(card.text).toContain('Ada was asked.');

    await pass(3000);
    expect(refreshApex).toHaveBeenCalledTimes(1);
    await pass(600000);
    expect(refreshApex).toHaveBeenCalledTimes(15);

    overview.emit(data.overview());
    await pass(600000);
    expect(card.text).not.toContain('Under way');
    expect(refreshApex).toHaveBeenCalledTimes(15);
});

test('a record that changes elsewhere on the page is read again', async () => {
    await show(data.overview());
    expect(getRecord.getLastConfig()).toEqual({
        recordId: data.RECORD,
        optionalFields: ['Opportunity.LastModifiedDate']
    });

    getRecord.emit({ lastModifiedDate: '1' });
    await settle();
    expect(refreshApex).not.toHaveBeenCalled();
    getRecord.emit({ lastModifiedDate: '2' });
    await settle();

    expect(refreshApex).toHaveBeenCalledTimes(1);
});

test('in a flow, where the object is not known, the card works without watching the record', async () => {
    const element = createElement('c-stripe-payments-card', { is: Card });
    element.recordId = data.RECORD;
    document.body.appendChild(element);
    overview.emit(data.overview());
    await settle();

    expect(new Stage(element).all('.action')).toHaveLength(3);
});

test('a card that is gone looks after nothing', async () => {
    const card = await show(data.overview({ runningActions: [data.running()] }));

    card.element.remove();
    await pass(60000);

    expect(refreshApex).not.toHaveBeenCalled();
});

test('a status is shown in the words of the language, and coloured by what it is', async () => {
    const card = await show(data.overview({ invoices: [data.invoice({ status: 'Open', statusLabel: 'Offen' })] }));

    expect(card.one('.slds-badge').textContent).toBe('Offen');
});
