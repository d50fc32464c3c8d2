import { refreshApex } from '@salesforce/apex';
import * as data from '../fixtures.js';
import { SLOW, apex, beAccessible, clear, openPanel, pass, prepare, settle } from './stage.js';

const open = (shown) => openPanel('send-invoice', shown);
const openInvoice = data.overview({ invoices: [data.invoice({ status: 'Paid', id: 'a' }), data.invoice()] });
const ALREADY = 'Invoice INV-0042 over 4760.00 EUR is still open for this record.';
const options = () => apex.preview.mock.lastCall[0].options;

beforeEach(prepare);
afterEach(clear);

test('without a recipient the contacts of the account are offered, and one is chosen', async () => {
    apex.preview.mockResolvedValueOnce(data.refused('no_recipient', 'Nobody to send the invoice to.'));
    const panel = await open();

    expect(panel.state).toBe('refused');
    expect(apex.contacts).toHaveBeenCalledWith({ recordId: data.RECORD });
    expect(panel.one('.contacts').options.map(({ label }) => label)).toEqual([
        'Jane Doe · jane@acme.example · contact role Billing',
        'Max Muster · max@acme.example · primary contact role'
    ]);
    await beAccessible(panel);

    await panel.tell('.contacts', 'change', { value: 'max@acme.example' });
    await panel.press('.use');

    expect(options()).toEqual({ contact_id: '003000000000002AAA' });
    expect(panel.state).toBe('preview');
    expect(panel.one('.contacts')).toBeNull();
});

test('a preview without a recipient cannot be confirmed; its own candidates are offered', async () => {
    apex.preview.mockResolvedValueOnce(data.preview({ recipient: null, warnings: ['Nobody to send the invoice to.'] }));
    const panel = await open();

    expect(panel.state).toBe('refused');
    expect(panel.text).toContain('Nobody gets this invoice yet.');
    expect(panel.one('.confirm')).toBeNull();
    expect(apex.contacts).not.toHaveBeenCalled();

    await panel.press('.use');

    expect(options()).toEqual({ contact_id: '003000000000001AAA' });
    expect(panel.state).toBe('preview');
});

test('an address that is typed wins over the contacts', async () => {
    apex.preview.mockResolvedValueOnce(data.refused('no_recipient', 'Nobody to send the invoice to.'));
    const panel = await open();

    await panel.tell('.other', 'change', { value: ' new@acme.example ' });
    panel.one('.other').dispatchEvent(new KeyboardEvent('keydown', { key: 'Tab' }));
    panel.one('.other').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
    await settle();

    expect(options()).toEqual({ recipient_email: 'new@acme.example' });
});

test('an account whose contacts have no address says so and wants one typed', async () => {
    apex.preview.mockResolvedValueOnce(data.refused('no_recipient', 'Nobody to send the invoice to.'));
    apex.contacts.mockResolvedValue([]);
    const panel = await open();
    expect(panel.text).toContain('No contact of this account has an e-mail address.');

    await panel.press('.use');

    expect(panel.text).toContain('Choose a contact or type an e-mail address.');
    expect(apex.preview).toHaveBeenCalledTimes(1);
    await beAccessible(panel);
});

test('contacts that cannot be read leave the address to be typed', async () => {
    apex.preview.mockResolvedValueOnce(data.refused('no_recipient', 'Nobody to send the invoice to.'));
    apex.contacts.mockRejectedValue(data.apexError('no access'));

    const panel = await open();

    expect(panel.one('.contacts')).toBeNull();
    expect(panel.one('.other')).not.toBeNull();
});

test('another recipient than the one Stripe has is confirmed by choosing', async () => {
    apex.preview.mockResolvedValueOnce(data.refused('recipient_differs', 'send recipient_email'));
    const panel = await open();
    expect(panel.text).toContain('Confirm who gets the invoice.');
    expect(panel.text).not.toContain('recipient_email');

    await panel.press('.use');

    expect(options()).toEqual({ contact_id: '003000000000001AAA' });
});

test('the recipient of a preview can be changed among its candidates', async () => {
    const byRole = { contactId: null, name: 'Accounts payable', email: 'ap@acme.example', why: null };
    apex.preview.mockResolvedValue(data.preview({ candidates: [...data.candidates, byRole] }));
    const panel = await open();
    await panel.press('.change');
    expect(apex.contacts).not.toHaveBeenCalled();
    expect(panel.one('.contacts').value).toBe('jane@acme.example');

    await panel.tell('.contacts', 'change', { value: 'ap@acme.example' });
    await panel.press('.use');

    expect(options()).toEqual({ recipient_email: 'ap@acme.example' });
});

test('a preview without candidates offers the contacts of the account', async () => {
    apex.preview.mockResolvedValue(data.preview({ candidates: [] }));
    const panel = await open();

    await panel.press('.change');

    expect(apex.contacts).toHaveBeenCalledTimes(1);
    expect(panel.one('.contacts').options).toHaveLength(2);
});

test('an open invoice is offered to be opened, replaced or added to before anything is sent', async () => {
    const panel = await open(openInvoice);
    expect(panel.remedies()).toEqual(['Open invoice INV-0042', 'Replace it with this one', 'Send this one as well']);
    expect(panel.one('[data-remedy=open]').href).toBe(data.PAGE);

    await panel.press('[data-remedy=replace]');

    expect(options()).toEqual({ replace: true });
    expect(panel.text).toContain('The open invoice will be cancelled, and a new one over EUR 4,760.00 will be sent');
    expect(panel.remedies()).toEqual([]);
});

test('a refusal because of an open invoice leads to it, or past it under the same key', async () => {
    apex.run.mockResolvedValueOnce(data.refusal('invoice_already_open', ALREADY, { url: 'https://invoice.stripe.com/i/2' }));
    const panel = await open();
    await panel.confirm();
    expect(panel.state).toBe('refused');
    expect(panel.remedies()).toEqual(['Open the first invoice', 'Replace it with this one', 'Send this one as well']);
    expect(panel.one('[data-remedy=open]').href).toBe('https://invoice.stripe.com/i/2');
    await beAccessible(panel);

    await panel.press('[data-remedy=additional]');
    expect(panel.text).toContain('A further invoice over EUR 4,760.00 will be sent');
    await panel.confirm();

    const [[first], [second]] = apex.run.mock.calls;
    expect(second.options).toEqual({ additional: true });
    expect(second.requestKey).toBe(first.requestKey);
});

test('a preview that has grown old is made anew', async () => {
    apex.run.mockResolvedValueOnce(data.refusal('preview_stale', 'Something changed since the preview.'));
    const panel = await open();
    await panel.confirm();
    expect(panel.remedies()).toEqual(['Show the preview again']);
    apex.preview.mockResolvedValue(data.preview({ token: 'token-2' }));

    await panel.press('[data-remedy=preview]');
    await panel.confirm();

    expect(apex.run.mock.lastCall[0].previewToken).toBe('token-2');
    expect(panel.state).toBe('done');
});

test('a definite failure is started anew under a new key', async () => {
    apex.run.mockResolvedValueOnce(data.refusal('amount_mismatch', 'The sums differ.', { status: 'failed' }));
    const panel = await open();
    await panel.confirm();
    expect(panel.remedies()).toEqual(['Start again']);
    expect(panel.text).toContain('Reference for your administrator: req_1');

    await panel.press('[data-remedy=again]');
    await panel.confirm();

    const [[first], [second]] = apex.run.mock.calls;
    expect(second.requestKey).not.toBe(first.requestKey);
});

test.each([
    ['no permission', data.overview({ canInvoice: false }), 'You may not do this here.'],
    ['no connection', data.overview({ connected: false }), 'The payment gateway is not connected.']
])('%s is said plainly, without anything to confirm', async (_, shown, words) => {
    apex.preview.mockResolvedValue(data.refused('nothing_to_invoice', 'The record has no products.'));

    const panel = await open(shown);

    expect(panel.state).toBe('empty');
    expect(panel.text).toContain(words);
    expect(panel.one('.confirm')).toBeNull();
    expect(panel.remedies()).toEqual([]);
    await beAccessible(panel);
});

test('a preview that fails has sent nothing, and is made again', async () => {
    apex.preview
        .mockRejectedValueOnce(new Error('offline'))
        .mockResolvedValueOnce(data.refused('unavailable', 'The gateway did not answer in time.', { retryable: true }));
    const panel = await open();
    expect(panel.text).toContain('Salesforce could not be reached.');
    expect(panel.text).toContain('Nothing has been sent.');

    await panel.press('[data-remedy=retry]');
    expect(panel.text).toContain('The gateway did not answer in time.');
    await panel.press('[data-remedy=retry]');

    expect(panel.state).toBe('preview');
    expect(apex.run).not.toHaveBeenCalled();
});

test('an action that is under way is shown and followed instead of a new form', async () => {
    apex.find.mockResolvedValue(data.answer());
    const panel = await open(data.overview({ runningActions: [data.running()] }));
    expect(panel.state).toBe('working');
    expect(panel.text).toContain('This is already under way for this record.');
    expect(panel.one('.confirm')).toBeNull();

    await pass(1000);

    expect(apex.find).toHaveBeenCalledWith({ requestKey: data.running().requestKey });
    expect(panel.state).toBe('done');
});

test('what the page remembers of the record is read again once: an action under way is seen', async () => {
    apex.find.mockReturnValue(SLOW);
    const panel = await open(data.overview());
    expect(panel.state).toBe('preview');
    expect(refreshApex).toHaveBeenCalledTimes(1);

    apex.overview.emit(data.overview({ runningActions: [data.running()] }));
    await settle();

    expect(panel.state).toBe('working');
    expect(panel.one('.confirm')).toBeNull();
    expect(refreshApex).toHaveBeenCalledTimes(1);
});

test('an action under way that failed is started anew, from a preview', async () => {
    apex.find.mockResolvedValue(data.refusal('stripe_down', 'Stripe does not answer.', { actionId: 'act_1', retryable: true }));
    const panel = await open(data.overview({ runningActions: [data.running()] }));
    await pass(1000);
    expect(panel.state).toBe('error');

    await panel.press('[data-remedy=retry]');

    expect(panel.state).toBe('preview');
    expect(apex.run).not.toHaveBeenCalled();
});

test("somebody else's action cannot be asked for: the record will tell", async () => {
    apex.find.mockResolvedValue(data.refusal('unknown_action', 'There is no such action.'));
    const panel = await open(data.overview({ runningActions: [data.running()] }));

    await pass(30000);

    expect(panel.state).toBe('pending');
    expect(apex.run).not.toHaveBeenCalled();
});

test('an action that waits for approval is shown with who decides, and asked for slowly', async () => {
    apex.find.mockResolvedValue(data.refusal('unknown_action', 'There is no such action.'));
    const waiting = data.running({ status: 'awaiting_approval', message: 'Ada was asked.' });
    const panel = await open(data.overview({ runningActions: [waiting] }));
    expect(panel.text).toContain('Ada was asked.');

    await pass(600000);

    expect(panel.state).toBe('approval');
    expect(panel.remedies()).toEqual([]);
    expect(apex.find.mock.calls.length).toBeLessThan(12);
});

test.each([
    ['approval', data.running({ status: 'awaiting_approval', requestKey: null })],
    ['pending', data.running({ requestKey: null })]
])('an action of which nothing can be asked is shown as it is: %s', async (state, running) => {
    const panel = await open(data.overview({ runningActions: [running] }));

    await pass(60000);

    expect(panel.state).toBe(state);
    expect(panel.remedies()).toEqual([]);
    expect(apex.find).not.toHaveBeenCalled();
});

test('an overview that comes after the click changes nothing any more', async () => {
    const panel = await open();
    await panel.confirm();

    apex.overview.emit(data.overview({ canInvoice: false }));
    await settle();

    expect(panel.state).toBe('done');
});

test('an overview that cannot be read does not keep an invoice from being sent', async () => {
    const panel = await open(null);

    apex.overview.error({ message: 'no' });
    await settle();
    await panel.confirm();

    expect(panel.state).toBe('done');
});
