import find from '@salesforce/apex/StripePaymentsController.find';
import { notifyRecordUpdateAvailable } from 'lightning/uiRecordApi';
import { PACE, announceChange, follow, newRequestKey } from 'c/stripeGateway';
import * as data from '../fixtures.js';

const watcher = () => ({ stands: jest.fn(), ended: jest.fn(), lost: jest.fn(), tired: jest.fn() });
const pass = (milliseconds) => jest.advanceTimersByTimeAsync(milliseconds);

beforeEach(() => jest.useFakeTimers());
afterEach(() => {
    jest.clearAllTimers();
    jest.resetAllMocks();
});

test('request keys are random UUIDs', () => {
    const keys = new Set(Array.from({ length: 200 }, newRequestKey));

    expect(keys.size).toBe(200);
    keys.forEach((key) => expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/));
});

test('an action is asked for until it ends, ever less often', async () => {
    find.mockResolvedValue(data.pending());
    const seen = watcher();
    const stop = follow('key-1', seen);

    await pass(10000);
    const early = find.mock.calls.length;
    await pass(10000);

    expect(find).toHaveBeenCalledWith({ requestKey: 'key-1' });
    expect(early).toBeGreaterThan(find.mock.calls.length - early);

    find.mockResolvedValue(data.answer());
    await pass(10000);
    const asked = find.mock.calls.length;
    await pass(60000);

    expect(seen.ended).toHaveBeenCalledTimes(1);
    expect(seen.ended).toHaveBeenCalledWith(data.answer());
    expect(find).toHaveBeenCalledTimes(asked);
    stop();
});

test('a network that fails is no end', async () => {
    find.mockRejectedValueOnce(new Error('offline')).mockResolvedValue(data.answer());
    const seen = watcher();
    follow('key-1', seen);

    await pass(5000);

    expect(seen.ended).toHaveBeenCalledTimes(1);
});

test('what the gateway has never heard of for some time is lost', async () => {
    find.mockResolvedValue(data.refusal('unknown_action', 'Nothing was sent under this request key.'));
    const seen = watcher();
    follow('key-1', seen);

    await pass(4000);
    expect(seen.lost).not.toHaveBeenCalled();
    await pass(20000);

    expect(seen.lost).toHaveBeenCalledTimes(1);
    expect(seen.ended).not.toHaveBeenCalled();
});

test.each([
    ['a login that ended', 'invalid_token'],
    ['a permission that is gone', 'not_permitted'],
    ['a switch that is off', 'switched_off']
])('a look-up that is refused is no end of the action: %s', async (_, code) => {
    const refusal = data.refusal(code, 'No.');
    find.mockResolvedValueOnce(refusal).mockResolvedValueOnce(refusal).mockResolvedValue(data.answer());
    const seen = watcher();
    follow('key-1', seen);

    await pass(10000);

    expect(seen.ended).toHaveBeenCalledTimes(1);
    expect(seen.ended).toHaveBeenCalledWith(data.answer());
    expect(seen.tired).not.toHaveBeenCalled();
});

test('a look-up that stays refused is given up, and says why', async () => {
    const refusal = data.refusal('invalid_token', 'The token is not valid.');
    find.mockResolvedValue(refusal);
    const seen = watcher();
    follow('key-1', seen);

    await pass(240000);

    expect(seen.tired).toHaveBeenCalledTimes(1);
    expect(seen.tired).toHaveBeenCalledWith(refusal);
    expect(find).toHaveBeenCalledTimes(4);
    expect(seen.ended).not.toHaveBeenCalled();
    expect(seen.lost).not.toHaveBeenCalled();
});

test('a refusal of the action itself is its end', async () => {
    const refusal = data.refusal('refund_too_large', 'Too much.', { actionId: 'act_1' });
    find.mockResolvedValue(refusal);
    const seen = watcher();
    follow('key-1', seen);

    await pass(1000);

    expect(seen.ended).toHaveBeenCalledWith(refusal);
});

test('what waits for a person has not ended, and is asked for slowly', async () => {
    const waiting = data.refusal(null, 'Ada was asked.', { status: 'awaiting_approval', actionId: 'act_1' });
    find.mockResolvedValue(waiting);
    const seen = watcher();
    follow('key-1', seen, PACE.PERSON);

    await pass(100000);
    expect(find.mock.calls.length).toBeLessThan(4);
    expect(seen.stands).toHaveBeenCalledWith(waiting);
    await pass(3600000);

    expect(seen.ended).not.toHaveBeenCalled();
    expect(find).toHaveBeenCalledTimes(PACE.PERSON.most);
    expect(seen.tired).toHaveBeenCalledTimes(1);
});

test('after minutes without an end it says so and asks no more', async () => {
    find.mockResolvedValue(data.pending());
    const seen = watcher();
    follow('key-1', seen);

    await pass(240000);
    const asked = find.mock.calls.length;
    await pass(240000);

    expect(seen.tired).toHaveBeenCalledTimes(1);
    expect(find).toHaveBeenCalledTimes(asked);
});

test('who is stopped tells nothing more, also of a question on its way', async () => {
    let answer;
    find.mockReturnValue(new Promise((resolve) => (answer = resolve)));
    const seen = watcher();
    const stop = follow('key-1', seen);
    await pass(1000);

    stop();
    answer(data.answer());
    await pass(60000);

    expect(seen.ended).not.toHaveBeenCalled();
    expect(find).toHaveBeenCalledTimes(1);
});

test('the page is told of a changed record now and when the write-back is through', async () => {
    announceChange(data.RECORD);
    await pass(0);
    expect(notifyRecordUpdateAvailable).toHaveBeenCalledTimes(1);

    await pass(10000);

    expect(notifyRecordUpdateAvailable).toHaveBeenCalledTimes(3);
    expect(notifyRecordUpdateAvailable).toHaveBeenCalledWith([{ recordId: data.RECORD }]);
});
