import { refreshApex } from '@salesforce/apex';
import * as data from '../fixtures.js';
import { apex, beAccessible, clear, openPanel, pass, prepare, settle, SLOW } from './stage.js';

const link = (shown) => openPanel('create-payment-link', shown);
const refund = (shown) => openPanel('refund-payment', shown);
const paid = data.overview({ payments: [data.payment()] });
const twice = data.overview({
    payments: [
        data.payment(),
        data.payment({ id: 'second', stripeId: 'ch_2', amountText: 'EUR 90.00', refundableText: 'EUR 90.00' }),
        data.payment({ id: 'spent', stripeId: 'pi_3', refundableText: null })
    ]
});
const options = () => apex.preview.mock.lastCall[0].options;

beforeEach(prepare);
afterEach(clear);

test('a payment link is two clicks: what the record is worth is shown at once', async () => {
    apex.preview.mockResolvedValue(data.linkPreview());
    apex.run.mockResolvedValue(data.answer({ url: 'https://buy.stripe.com/test_1' }));
    const panel = await link();

    expect(panel.text).toContain('A payment link over EUR 500.00 will be created.');
    expect(panel.text).toContain('Use Can be paid once');
    expect(panel.one('.amount').label).toBe('Amount in EUR');
    await beAccessible(panel);
    await panel.confirm();

    expect(panel.text).toContain('Payment link ready');
    expect(panel.one('a.open').href).toBe('https://buy.stripe.com/test_1');
});

test('amount, purpose and use of a link are previewed as they are typed in', async () => {
    apex.preview.mockResolvedValue(data.linkPreview({ reusable: true }));
    const panel = await link();

    await panel.tell('.amount', 'change', { value: '250' });
    await panel.tell('.amount', 'commit');
    await panel.tell('.description', 'change', { value: ' Deposit ' });
    await panel.tell('.description', 'commit');
    await panel.tell('.reusable', 'change', { checked: true });

    expect(options()).toEqual({ amount: '250', description: 'Deposit', reusable: true });
    expect(panel.text).toContain('Use Can be paid more than once');
});

test('leaving a field as it was makes no new preview', async () => {
    apex.preview.mockResolvedValue(data.linkPreview());
    const panel = await link();

    await panel.tell('.amount', 'commit');

    expect(apex.preview).toHaveBeenCalledTimes(1);
});

test('an amount that is being changed cannot be confirmed with the old preview', async () => {
    apex.preview.mockResolvedValueOnce(data.linkPreview()).mockReturnValue(SLOW);
    const panel = await link();

    await panel.tell('.amount', 'change', { value: '250' });
    await panel.tell('.amount', 'commit');
    await panel.confirm();

    expect(panel.state).toBe('loading');
    expect(apex.run).not.toHaveBeenCalled();
});

test('of two previews on their way the newest is the one that counts', async () => {
    const answers = [];
    apex.preview.mockImplementation(() => new Promise((resolve) => answers.push(resolve)));
    const panel = await link();
    await panel.tell('.amount', 'change', { value: '250' });
    await panel.tell('.amount', 'commit');

    answers[1](data.linkPreview({ total: '250.00', token: 'new' }));
    answers[0](data.linkPreview({ token: 'old' }));
    await settle();
    await panel.confirm();

    expect(apex.run.mock.lastCall[0].previewToken).toBe('new');
});

test('a record without an amount asks for one', async () => {
    apex.preview.mockResolvedValueOnce(data.refused('nothing_to_pay', 'send amount'));
    const panel = await link();
    expect(panel.text).toContain('Type the amount that is to be paid.');
    expect(panel.remedies()).toEqual(['Change the details']);
    const focused = jest.spyOn(panel.one('.amount'), 'focus');

    await panel.press('[data-remedy=details]');

    expect(focused).toHaveBeenCalled();
});

test('a link needs the permission for links', async () => {
    const panel = await link(data.overview({ canLink: false }));

    expect(panel.state).toBe('empty');
});

test('the only payment of a record is refunded in full unless something else is said', async () => {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(paid);

    expect(options()).toEqual({ payment_intent: 'pi_1' });
    expect(panel.text).toContain('Paid EUR 4,760.00');
    expect(panel.text).toContain('This refund EUR 4,660.00');
    expect(panel.text).toContain('Remaining afterwards EUR 0.00');
    expect(panel.text).toContain('EUR 4,660.00 will be given back to the payer. This cannot be undone.');
    expect(panel.one('.confirm').label.replaceAll('\u00a0', ' ')).toBe('Refund EUR 4,660.00');
    await beAccessible(panel);
});

test('amount and reason of a refund are sent as the gateway calls them', async () => {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(paid);

    await panel.tell('.amount', 'change', { value: '60.5' });
    await panel.tell('.amount', 'commit');
    await panel.tell('.reason', 'change', { value: 'requested_by_customer' });
    await panel.confirm();

    expect(apex.run.mock.lastCall[0].options).toEqual({
        payment_intent: 'pi_1',
        amount: '60.5',
        reason: 'requested_by_customer'
    });
    expect(panel.text).toContain('Refund on its way');
});

test('a fraudulent refund says that the card will be blocked', async () => {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(paid);

    await panel.tell('.reason', 'change', { value: 'fraudulent' });

    expect(panel.text).toContain('Stripe will block the card and e-mail address');
});

test('of several payments one is chosen first; one without anything left is not offered', async () => {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(twice);
    expect(panel.state).toBe('choosing');
    expect(apex.preview).not.toHaveBeenCalled();
    expect(panel.one('.payment').options.map(({ label }) => label)).toEqual([
        'EUR 4760.00 · Succeeded · EUR 4660.00 can be refunded',
        'EUR 90.00 · Succeeded · EUR 90.00 can be refunded'
    ]);
    expect(panel.one('.confirm').disabled).toBe(true);
    await beAccessible(panel);

    await panel.tell('.payment', 'change', { value: 'second' });

    expect(options()).toEqual({ charge: 'ch_2' });
    expect(panel.state).toBe('preview');
});

test('more than was paid is refused with the way back to the amount', async () => {
    apex.preview
        .mockResolvedValueOnce(data.refundPreview())
        .mockResolvedValueOnce(data.refused('refund_too_large', 'Only 4660.00 EUR can still be refunded.'))
        .mockResolvedValue(data.refundPreview());
    const panel = await refund(paid);
    await panel.tell('.amount', 'change', { value: '9999' });
    await panel.tell('.amount', 'commit');
    expect(panel.state).toBe('refused');
    expect(panel.text).toContain('Only 4660.00 EUR can still be refunded.');

    await panel.tell('.amount', 'change', { value: '' });
    await panel.tell('.amount', 'commit');

    expect(panel.state).toBe('preview');
});

test('where several payments do not show here there is nothing to choose, and who can help is said', async () => {
    apex.preview.mockResolvedValueOnce(data.refused('several_payments', 'name one of: pi_1, pi_2'));
    const panel = await refund(data.overview({ links: [data.link()] }));

    expect(panel.text).toContain('Ask an administrator to refund the right one by its id. name one of: pi_1, pi_2');
    expect(panel.remedies()).toEqual(['Start again']);
});

test('a payment that is gone leads back to the choice', async () => {
    apex.preview.mockResolvedValueOnce(data.refused('no_such_payment', 'There is no such payment.'));
    const panel = await refund(twice);
    await panel.tell('.payment', 'change', { value: 'second' });

    expect(panel.remedies()).toEqual(['Which payment?']);
    await panel.press('[data-remedy=payment]');
});

test.each([
    ['There is no payment on this record that can be refunded.', data.overview()],
    ['You may not do this here.', data.overview({ payments: [data.payment()], canRefund: false })]
])('no refund is offered: %s', async (words, shown) => {
    const panel = await refund(shown);

    expect(panel.state).toBe('empty');
    expect(panel.text).toContain(words);
    expect(apex.preview).not.toHaveBeenCalled();
});

test('a payment that came in since the page was opened can be refunded after all', async () => {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(data.overview());
    expect(panel.state).toBe('empty');

    apex.overview.emit(paid);
    await settle();

    expect(panel.state).toBe('preview');
});

test('an overview that cannot be read keeps a refund from beginning, until it can', async () => {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(null);
    expect(panel.state).toBe('loading');
    apex.overview.error({ message: 'Nobody is there.' });
    await settle();
    expect(panel.state).toBe('error');

    await panel.press('[data-remedy=retry]');
    expect(refreshApex).toHaveBeenCalledTimes(1);
    apex.overview.emit(paid);
    await settle();

    expect(panel.state).toBe('preview');
});

test('another payment that came in meanwhile has to be chosen from', async () => {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(paid);
    expect(panel.state).toBe('preview');

    apex.overview.emit(data.overview({ payments: [data.payment(), data.payment({ id: 'a04000000000002AAA', stripeId: 'ch_2' })] }));
    await settle();

    expect(panel.state).toBe('choosing');
});

test('a running refund is shown instead of a second form', async () => {
    apex.find.mockReturnValue(SLOW);
    const panel = await refund(data.overview({ runningActions: [data.running({ action: 'refund-payment' })] }));

    expect(panel.state).toBe('working');
    expect(panel.isShown('.amount')).toBe(false);
});

test.each(['$50', 'abc', '1e2', '50,000', '1,234.50', '1.2.3', '-5'])(
    'an amount that cannot be read (%s) is never taken for everything',
    async (typed) => {
        apex.preview.mockResolvedValue(data.refundPreview());
        const panel = await refund(paid);

        await panel.tell('.amount', 'change', { value: typed });
        await panel.tell('.amount', 'commit');
        await panel.confirm();

        expect(panel.text).toContain('Write the amount as 1234 or 1234.50');
        expect(panel.one('.confirm').disabled).toBe(true);
        expect(apex.preview).toHaveBeenCalledTimes(1);
        expect(apex.run).not.toHaveBeenCalled();

        await panel.tell('.amount', 'change', { value: '50,00' });
        await panel.tell('.amount', 'commit');

        expect(options().amount).toBe('50.00');
        expect(panel.one('.confirm').disabled).toBe(false);
    }
);

test('what is there already is shown again and not announced as new', async () => {
    apex.preview.mockResolvedValue(data.linkPreview({ already: 'plink_1' }));
    apex.run.mockResolvedValue(data.answer({ replayed: true, userMessage: 'This was done already; nothing was sent again.' }));
    const panel = await link();

    expect(panel.text).toContain('plink_1 is there already. It is shown again; nothing new is made or sent.');
    expect(panel.one('.confirm').label).toBe('Show it');
    await panel.confirm();

    expect(panel.text).toContain('It was there already');
    expect(panel.text.match(/nothing was sent/g)).toHaveLength(1);
});

test.each([
    ['an invoice', { invoices: [data.invoice()] }],
    ['a payment link', { links: [data.link()] }]
])('a payment the record does not know yet is looked for by the gateway, where there is %s', async (_, asked) => {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(data.overview(asked));

    expect(options()).toEqual({});
    expect(panel.text).toContain('will be given back');
});

test('an amount that was typed is still there, and still asked for, after a preview that failed', async () => {
    apex.preview
        .mockResolvedValueOnce(data.refundPreview())
        .mockResolvedValueOnce(data.refused('unavailable', 'The gateway did not answer.', { retryable: true }))
        .mockResolvedValue(data.refundPreview());
    const panel = await refund(paid);
    await panel.tell('.amount', 'change', { value: '10' });
    await panel.tell('.amount', 'commit');
    expect(panel.isShown('.amount')).toBe(false);

    await panel.press('[data-remedy=retry]');
    await panel.tell('.reason', 'change', { value: 'duplicate' });

    expect(panel.isShown('.amount')).toBe(true);
    expect(panel.one('.amount').value).toBe('10');
    expect(options()).toEqual({ payment_intent: 'pi_1', amount: '10', reason: 'duplicate' });
});

test('an amount that was typed is still there after a click that came too late', async () => {
    const answers = [];
    apex.preview.mockResolvedValue(data.refundPreview());
    apex.run.mockImplementation(() => new Promise((resolve) => answers.push(resolve)));
    const panel = await refund(twice);
    await panel.tell('.payment', 'change', { value: 'second' });
    await panel.tell('.amount', 'change', { value: '10' });
    await panel.tell('.amount', 'commit');
    await panel.confirm();
    await pass(1500);
    expect(panel.state).toBe('running');

    answers[0](data.refusal('preview_stale', 'Something changed since the preview.'));
    await settle();
    await panel.press('[data-remedy=preview]');
    await panel.tell('.reason', 'change', { value: 'duplicate' });

    expect(options()).toEqual({ charge: 'ch_2', amount: '10', reason: 'duplicate' });
});

test('of several payments none is taken for somebody who said only a reason', async () => {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(twice);

    await panel.tell('.reason', 'change', { value: 'duplicate' });
    await panel.confirm();

    expect(panel.state).toBe('choosing');
    expect(panel.text).toContain('Choose the payment to see what can be refunded.');
    expect(apex.preview).not.toHaveBeenCalled();
    expect(apex.run).not.toHaveBeenCalled();
});

test.each([
    ['EUR', '1.200', undefined],
    ['KWD', '1.200', '1.200'],
    ['KWD', '1,200', undefined]
])('in %s %s is taken only where it can mean one thing', async (currencyCode, typed, sent) => {
    apex.preview.mockResolvedValue(data.refundPreview({ currencyCode }));
    const panel = await refund(paid);

    await panel.tell('.amount', 'change', { value: '1x' });
    await panel.tell('.amount', 'commit');
    await panel.tell('.amount', 'change', { value: typed });
    await panel.tell('.amount', 'commit');

    expect(options().amount).toBe(sent);
    expect(panel.state).toBe(sent ? 'preview' : 'choosing');
});

test('what is typed into a form that is no longer there changes nothing', async () => {
    apex.find.mockReturnValue(SLOW);
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(paid);
    await panel.tell('.amount', 'change', { value: '10' });
    apex.overview.emit(data.overview({ payments: [data.payment()], runningActions: [data.running({ action: 'refund-payment' })] }));
    await settle();
    expect(panel.state).toBe('working');

    await panel.tell('.amount', 'commit');
    await pass(1000);
    await panel.tell('.amount', 'change', { value: 'x' });
    await panel.tell('.amount', 'commit');

    expect(panel.state).toBe('working');
    expect(panel.one('.confirm')).toBeNull();
});

test.each(['10', '1.200', ''])('what was typed a moment ago (%s) is never confirmed with the preview before it', async (typed) => {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await refund(paid);
    await panel.tell('.amount', 'change', { value: '50' });
    await pass(1000);
    expect(options().amount).toBe('50');
    apex.preview.mockReturnValue(SLOW);

    await panel.tell('.amount', 'change', { value: typed });
    await panel.confirm();

    expect(apex.run).not.toHaveBeenCalled();
});

test('a refusal of what is half typed does not take the focus from the field', async () => {
    apex.preview.mockResolvedValueOnce(data.refundPreview()).mockResolvedValue(data.refused('refund_too_large', 'Only 60.00 EUR.'));
    const panel = await refund(paid);
    panel.one('.reason').focus();
    await panel.tell('.amount', 'change', { value: '600' });
    await pass(1000);

    expect(panel.state).toBe('refused');
    expect(panel.status).toContain('Only 60.00 EUR.');
});
