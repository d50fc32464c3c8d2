// A refund whose end nobody knows is never sent under a second key.
import * as data from '../fixtures.js';
import { apex, beAccessible, clear, openPanel, pass, prepare } from './stage.js';

const UNAUTHORIZED = data.refusal('invalid_token', 'The token is not valid.', { requestId: 'req_401' });
const lost = () => data.apexError('The network is not there.');
const keys = () => [...new Set(apex.run.mock.calls.map(([{ requestKey }]) => requestKey))];

async function refund() {
    apex.preview.mockResolvedValue(data.refundPreview());
    const panel = await openPanel('refund-payment', data.overview({ payments: [data.payment()] }));
    await panel.confirm();
    return panel;
}

beforeEach(prepare);
afterEach(clear);

test('a login that ends while the refund is under way ends the questions, not the refund', async () => {
    apex.run.mockResolvedValueOnce(data.pending());
    apex.find.mockResolvedValue(UNAUTHORIZED);
    const panel = await refund();

    await pass(30000);

    expect(panel.state).toBe('pending');
    expect(panel.text).toContain('Please do not send it again another way.');
    expect(panel.text).toContain('The token is not valid.');
    expect(panel.text).toContain('Reference for your administrator: req_401');
    expect(panel.remedies()).toEqual(['Look again']);
    await beAccessible(panel);

    apex.find.mockResolvedValue(data.answer());
    await panel.press('[data-remedy=look]');
    await pass(2000);

    expect(panel.state).toBe('done');
    expect(apex.run).toHaveBeenCalledTimes(1);
});

test('a retry that is refused says nothing of the attempt before it: the key stays', async () => {
    apex.run.mockRejectedValueOnce(lost()).mockResolvedValueOnce(UNAUTHORIZED);
    const panel = await refund();

    await panel.press('[data-remedy=retry]');

    expect(panel.state).toBe('error');
    expect(panel.text).toContain('The token is not valid.');
    expect(panel.text).toContain('Trying again is safe');
    expect(panel.remedies()).toEqual(['Try again']);

    await panel.press('[data-remedy=retry]');

    expect(panel.state).toBe('done');
    expect(apex.run).toHaveBeenCalledTimes(3);
    expect(keys()).toHaveLength(1);
});

test('so it stays when the form is corrected, and when a preview after it is refused', async () => {
    apex.run
        .mockRejectedValueOnce(lost())
        .mockResolvedValueOnce(data.refusal('preview_stale', 'Something changed since the preview.'));
    const panel = await refund();
    await panel.press('[data-remedy=retry]');
    apex.preview
        .mockResolvedValueOnce(data.refused('no_access', 'You may not see this payment.'))
        .mockResolvedValue(data.refundPreview({ token: 'token-2' }));

    await panel.press('[data-remedy=preview]');
    expect(panel.remedies()).toEqual(['Start again']);
    await panel.press('[data-remedy=again]');
    await panel.confirm();

    expect(panel.state).toBe('done');
    expect(apex.run).toHaveBeenCalledTimes(3);
    expect(keys()).toHaveLength(1);
});

test('the end of the action itself is definite: what follows is a new refund', async () => {
    apex.run.mockResolvedValueOnce(data.pending());
    apex.find.mockResolvedValue(
        data.refusal('refund_failed', 'Stripe could not refund.', { status: 'failed', actionId: 'act_1' })
    );
    const panel = await refund();
    await pass(2000);
    expect(panel.remedies()).toEqual(['Start again']);

    await panel.press('[data-remedy=again]');
    await panel.confirm();

    expect(keys()).toHaveLength(2);
});
