import { notifyRecordUpdateAvailable } from 'lightning/uiRecordApi';
import * as data from '../fixtures.js';
import { apex, beAccessible, clear, openPanel, pass, prepare, settle, SLOW } from './stage.js';

const open = (shown) => openPanel('send-invoice', shown);
const WORKING = 'Still working. You can close this, the record is updated when it is done.';

beforeEach(prepare);
afterEach(clear);

test('the panel opens at once with record, account and a skeleton, and sends nothing', async () => {
    apex.preview.mockReturnValue(SLOW);

    const panel = await open();

    expect(panel.state).toBe('loading');
    expect(panel.text).toContain('Acme: 40 licences');
    expect(panel.text).toContain('Account: Acme GmbH');
    expect(panel.all('.bone')).toHaveLength(2);
    expect(panel.status).toBe('Preparing the preview');
    expect(panel.one('.confirm').disabled).toBe(true);
    await panel.confirm();
    expect(apex.run).not.toHaveBeenCalled();
});

test('the preview does not wait for the overview', async () => {
    const panel = await open(null);

    expect(panel.state).toBe('preview');
    expect(apex.preview).toHaveBeenCalledWith({ action: 'send-invoice', recordId: data.RECORD, options: {} });
});

test('the preview shows who, what, how much and one sentence of what will happen', async () => {
    const panel = await open();

    expect(panel.state).toBe('preview');
    for (const text of [
        'Bill to Acme GmbH',
        'jane@acme.example contact role Billing',
        'Due in 30 days',
        'Licence, one year 40 EUR 3,600.00',
        'Tax EUR 760.00',
        'Total EUR 4,760.00'
    ]) {
        expect(panel.text).toContain(text);
    }
    expect(panel.one('.sentence').textContent.replaceAll('\u00a0', ' ')).toBe(
        'An invoice over EUR 4,760.00 will be sent to jane@acme.example.'
    );
    expect(panel.text).not.toContain('Invoiced so far');
    await beAccessible(panel);
});

test('a part of the record shows what was invoiced before and what remains, and what to look at', async () => {
    apex.preview.mockResolvedValue(
        data.preview({ amount: '1200.00', total: '1200.00', invoicedSoFar: '800.00', remaining: '2000.00', warnings: ['Look.'] })
    );

    const panel = await open();

    expect(panel.text).toContain('Invoiced so far EUR 800.00');
    expect(panel.text).toContain('This invoice EUR 1,200.00');
    expect(panel.text).toContain('Remaining afterwards EUR 2,000.00');
    expect(panel.one('.warnings').textContent).toContain('Look.');
});

test('a long list is shortened until somebody wants all of it', async () => {
    const lines = Array.from({ length: 20 }, (_, n) => ({ description: `Line ${n}`, quantity: '1', amount: '1.00' }));
    apex.preview.mockResolvedValue(data.preview({ lines }));
    const panel = await open();
    expect(panel.all('tbody tr')).toHaveLength(8);

    await panel.press('.more');

    expect(panel.all('tbody tr')).toHaveLength(20);
    expect(panel.one('.more')).toBeNull();
});

test('confirming sends the token of what was shown under one key, once, however often it is clicked', async () => {
    apex.run.mockReturnValue(SLOW);
    const panel = await open();

    panel.one('.confirm').click();
    panel.one('.confirm').click();
    await settle();
    await panel.confirm();

    expect(panel.state).toBe('confirming');
    expect(panel.one('.confirm').label).toBe('Sending…');
    expect(apex.run).toHaveBeenCalledTimes(1);
    expect(apex.run).toHaveBeenCalledWith({
        action: 'send-invoice',
        recordId: data.RECORD,
        requestKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
        previewToken: 'token-1',
        options: {}
    });
});

test('each opening of the panel is an intent of its own', async () => {
    const keys = [];
    for (let opening = 0; opening < 2; opening += 1) {
        const panel = await open();
        await panel.confirm();
        keys.push(apex.run.mock.lastCall[0].requestKey);
        panel.element.remove();
    }

    expect(keys[0]).not.toBe(keys[1]);
});

test('a slow answer is shown as progress, and after six seconds the panel may be closed', async () => {
    apex.run.mockReturnValue(SLOW);
    const panel = await open();
    await panel.confirm();

    await pass(1000);
    expect(panel.state).toBe('running');
    expect(panel.text).toContain('Working on it');
    expect(panel.text).not.toContain(WORKING);

    await pass(5000);
    expect(panel.state).toBe('working');
    expect(panel.text).toContain(WORKING);
    expect(panel.status).toBe(WORKING);
    await beAccessible(panel);
});

test('two equal warnings are two lines, and two equal texts two paragraphs', async () => {
    const twice = ['The price book has changed.', 'The price book has changed.'];
    apex.preview.mockResolvedValue(data.preview({ warnings: twice }));
    const panel = await open();

    expect(panel.all('.warnings li').map(({ textContent }) => textContent)).toEqual(twice);

    apex.run.mockResolvedValue(data.answer({ userMessage: 'The record is updated in a moment.' }));
    await panel.confirm();

    const texts = panel.all('.result ~ .text').map(({ textContent }) => textContent);
    expect(texts).toEqual(['The record is updated in a moment.', 'The record is updated in a moment.']);
});

test('an accepted action is followed by its key until it is done', async () => {
    apex.run.mockResolvedValue(data.pending());
    apex.find.mockResolvedValueOnce(data.pending()).mockResolvedValue(data.answer());
    const panel = await open();
    await panel.confirm();

    await pass(3000);

    expect(panel.state).toBe('done');
    expect(apex.find).toHaveBeenCalledWith({ requestKey: apex.run.mock.calls[0][0].requestKey });
    expect(apex.run).toHaveBeenCalledTimes(1);
});

test('done shows the page to open and to copy, and the record is told', async () => {
    const panel = await open();
    const done = panel.heard('done');
    await panel.confirm();
    await pass(0);

    expect(panel.state).toBe('done');
    expect(panel.text).toContain('Invoice sent');
    expect(panel.text).toContain('Invoice INV-0043 over 4760.00 EUR was sent.');
    expect(panel.one('a.open').href).toBe(data.PAGE);
    expect(panel.one('a.open').target).toBe('_blank');
    expect(panel.one('.confirm')).toBeNull();
    expect(done).toHaveBeenCalledTimes(1);
    expect(notifyRecordUpdateAvailable).toHaveBeenCalledWith([{ recordId: data.RECORD }]);
    await beAccessible(panel);
});

test('an answer that was given before says that nothing was sent again', async () => {
    apex.run.mockResolvedValue(data.answer({ replayed: true, userMessage: 'This was done already.' }));
    const panel = await open();

    await panel.confirm();

    expect(panel.text).toContain('It was there already');
    expect(panel.text).toContain('This was done already.');
    expect(panel.text).not.toContain('Invoice sent');
});

test('a lost call may have arrived: trying again uses the same key', async () => {
    apex.run.mockRejectedValueOnce(data.apexError('The network is not there.'));
    const panel = await open();
    await panel.confirm();

    expect(panel.state).toBe('error');
    expect(panel.text).toContain('The network is not there.');
    expect(panel.text).toContain('Trying again is safe');
    expect(panel.remedies()).toEqual(['Try again']);
    await beAccessible(panel);

    await panel.press('[data-remedy=retry]');

    expect(panel.state).toBe('done');
    const [[first], [second]] = apex.run.mock.calls;
    expect(second).toEqual(first);
});

test('what the gateway calls retryable is tried again under the same key', async () => {
    apex.run.mockResolvedValueOnce(data.refusal('stripe_down', 'Stripe does not answer.', { retryable: true }));
    const panel = await open();
    await panel.confirm();
    expect(panel.state).toBe('error');

    await panel.press('[data-remedy=retry]');

    const [[first], [second]] = apex.run.mock.calls;
    expect(second.requestKey).toBe(first.requestKey);
    expect(panel.state).toBe('done');
});

test('an action that never arrived may be sent again under the same key', async () => {
    apex.run.mockResolvedValueOnce(data.pending());
    apex.find.mockResolvedValue(data.refusal('unknown_action', 'Nothing was sent under this request key.'));
    const panel = await open();
    await panel.confirm();
    await pass(30000);
    expect(panel.state).toBe('error');
    expect(panel.text).toContain('The request did not arrive.');

    await panel.press('[data-remedy=retry]');

    expect(panel.state).toBe('done');
    expect(apex.run.mock.calls[1][0].requestKey).toBe(apex.run.mock.calls[0][0].requestKey);
});

test('an end that does not come is called unknown, and can be looked for again', async () => {
    apex.run.mockResolvedValue(data.pending());
    apex.find.mockResolvedValue(data.pending());
    const panel = await open();
    await panel.confirm();
    await pass(300000);
    expect(panel.state).toBe('pending');
    expect(panel.text).toContain('Please do not send it again another way.');

    apex.find.mockResolvedValue(data.answer());
    await panel.press('[data-remedy=look]');
    await pass(2000);

    expect(panel.state).toBe('done');
    expect(apex.run).toHaveBeenCalledTimes(1);
});

test('an action that needs approval says who decides and that the panel may be closed', async () => {
    apex.run.mockResolvedValue(data.pending({ status: 'awaiting_approval', userMessage: 'Ada Admin was asked.' }));
    const panel = await open();
    await panel.confirm();

    expect(panel.state).toBe('approval');
    expect(panel.text).toContain('Waiting for approval');
    expect(panel.text).toContain('Ada Admin was asked.');
    expect(panel.text).toContain('Nothing more is needed from you');
    expect(panel.one('.confirm')).toBeNull();
    expect(panel.remedies()).toEqual([]);
    await beAccessible(panel);
});

test('an approval that is given is seen, and the action followed to its end under the same key', async () => {
    const waiting = data.pending({ status: 'awaiting_approval', pending: false, retryable: false, userMessage: 'Ada was asked.' });
    apex.run.mockResolvedValue(data.pending());
    apex.find.mockResolvedValue(waiting);
    const panel = await open();
    await panel.confirm();
    await pass(2000);
    expect(panel.state).toBe('approval');
    expect(panel.text).toContain('Ada was asked.');

    await pass(60000);
    expect(panel.state).toBe('approval');
    apex.find.mockResolvedValueOnce(data.pending()).mockResolvedValue(data.answer());
    await pass(60000);
    await pass(5000);

    expect(panel.state).toBe('done');
    expect(apex.run).toHaveBeenCalledTimes(1);
    expect(new Set(apex.find.mock.calls.map(([{ requestKey }]) => requestKey)).size).toBe(1);
});

test('an approval that is refused is the end, and says why', async () => {
    apex.run.mockResolvedValue(data.pending({ status: 'awaiting_approval', userMessage: 'Ada was asked.' }));
    apex.find.mockResolvedValue(
        data.refusal('not_approved', 'Ada said no.', { status: 'cancelled', actionId: 'act_1' })
    );
    const panel = await open();
    await panel.confirm();

    await pass(20000);

    expect(panel.state).toBe('refused');
    expect(panel.text).toContain('Ada said no.');
});

test('a panel that was closed looks no more, and still tells the record of the end', async () => {
    let end;
    apex.run.mockReturnValue(new Promise((resolve) => (end = resolve)));
    const panel = await open();
    await panel.confirm();
    panel.element.remove();

    end(data.pending());
    await pass(60000);

    expect(apex.find).not.toHaveBeenCalled();
    expect(notifyRecordUpdateAvailable).toHaveBeenCalled();
});

test('a call that fails after the panel was closed disturbs nobody', async () => {
    let fail;
    apex.run.mockReturnValue(new Promise((_, reject) => (fail = reject)));
    const panel = await open();
    await panel.confirm();
    panel.element.remove();

    fail(data.apexError('gone'));
    await pass(60000);

    expect(notifyRecordUpdateAvailable).not.toHaveBeenCalled();
});

