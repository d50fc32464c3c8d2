import * as data from '../fixtures.js';
import { apex, beAccessible, clear, openPanel, pass, prepare } from './stage.js';

const nothing = data.refused('nothing_to_invoice', 'The record has no products.');
const options = () => apex.preview.mock.lastCall[0].options;

async function open() {
    apex.preview.mockResolvedValueOnce(nothing);
    return openPanel('send-invoice');
}

async function type(panel, field, value) {
    await panel.tell(field, 'change', { value });
    await panel.tell(field, 'commit');
}

beforeEach(prepare);
afterEach(clear);

test('a record without products asks what to invoice instead of giving up', async () => {
    const panel = await open();

    expect(panel.state).toBe('choosing');
    expect(panel.text).toContain('This record has no products to invoice. Type an amount and what it is for');
    expect(panel.one('.amount').required).toBe(true);
    expect(panel.one('.description').label).toBe('What is invoiced');
    expect(panel.one('.reusable')).toBeNull();
    expect(panel.one('.confirm').disabled).toBe(true);
    await beAccessible(panel);
});

test('what was typed becomes the one line of the invoice', async () => {
    const panel = await open();

    await type(panel, '.amount', '1200,50');
    await type(panel, '.description', ' Workshop in May ');
    await panel.confirm();

    const lines = JSON.stringify([{ description: 'Workshop in May', amount: '1200.50' }]);
    expect(options()).toEqual({ lines });
    expect(apex.run.mock.lastCall[0].options).toEqual({ lines });
    expect(panel.text).toContain('Invoice sent');
});

test('an amount alone is not asked for', async () => {
    const panel = await open();

    await type(panel, '.amount', '1200');

    expect(apex.preview).toHaveBeenCalledTimes(1);
    expect(panel.state).toBe('choosing');
});

test('what is taken away again cannot be confirmed with the old preview', async () => {
    const panel = await open();
    await type(panel, '.amount', '1200');
    await type(panel, '.description', 'Workshop');
    expect(panel.state).toBe('preview');

    await type(panel, '.description', '');
    await panel.confirm();

    expect(panel.state).toBe('choosing');
    expect(apex.run).not.toHaveBeenCalled();
});

test('an amount below the minimum leads back to the form', async () => {
    const panel = await open();
    apex.preview.mockResolvedValueOnce(data.refused('amount_too_small', "Stripe's minimum is 0.50 EUR."));
    await type(panel, '.amount', '0.10');
    await type(panel, '.description', 'Workshop');
    const focused = jest.spyOn(panel.one('.amount'), 'focus');

    expect(panel.remedies()).toEqual(['Change the details']);
    await panel.press('[data-remedy=details]');

    expect(focused).toHaveBeenCalled();
});

test('where products decide the amount, no form can mend it', async () => {
    apex.preview.mockResolvedValueOnce(data.refused('amount_too_small', "Stripe's minimum is 0.50 EUR."));

    const panel = await openPanel('send-invoice');

    expect(panel.one('.amount')).toBeNull();
    expect(panel.remedies()).toEqual(['Start again']);
});

test('whoever stops typing sees what it comes to', async () => {
    const panel = await open();
    await panel.tell('.amount', 'change', { value: '1200' });
    await pass(1000);
    expect(apex.preview).toHaveBeenCalledTimes(1);

    await panel.tell('.description', 'change', { value: 'Workshop' });
    await pass(1000);

    expect(panel.state).toBe('preview');
    expect(options()).toEqual({ lines: JSON.stringify([{ description: 'Workshop', amount: '1200' }]) });
});

test('nobody is corrected in the middle of an amount', async () => {
    const panel = await open();

    await panel.tell('.amount', 'change', { value: '12,' });
    await pass(1000);

    expect(panel.text).not.toContain('Write the amount as');
});
