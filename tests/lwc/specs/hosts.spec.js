import { createElement } from 'lwc';
import ActionModal from 'c/stripeActionModal';
import Link from 'c/stripeLink';
import PaymentLinkAction from 'c/stripePaymentLinkAction';
import RefundAction from 'c/stripeRefundAction';
import SendInvoiceAction from 'c/stripeSendInvoiceAction';
import * as data from '../fixtures.js';
import { beAccessible, clear, prepare, settle, Stage } from './stage.js';

async function show(is, properties) {
    const element = createElement('c-host', { is });
    Object.assign(element, properties);
    document.body.appendChild(element);
    await settle();
    return new Stage(element);
}

beforeEach(prepare);
afterEach(clear);

test.each([
    ['send-invoice', 'Send invoice', SendInvoiceAction],
    ['create-payment-link', 'Payment link', PaymentLinkAction],
    ['refund-payment', 'Refund', RefundAction]
])('the quick action %s opens the panel once it knows the record, and closes its screen', async (action, header, Action) => {
    const host = await show(Action, {});
    expect(host.one('c-stripe-action-panel')).toBeNull();
    expect(host.one('lightning-quick-action-panel').header).toBe(header);

    host.element.recordId = data.RECORD;
    await settle();
    const panel = host.one('c-stripe-action-panel');
    const closed = host.heard('closeactionscreen');
    panel.dispatchEvent(new CustomEvent('close'));

    expect([panel.action, panel.recordId]).toEqual([action, data.RECORD]);
    expect(closed).toHaveBeenCalledTimes(1);
});

test('the dialog holds the same panel and closes with it', async () => {
    const modal = await show(ActionModal, { label: 'Send invoice', recordId: data.RECORD, action: 'send-invoice' });
    const closed = modal.heard('closed');

    modal.one('c-stripe-action-panel').dispatchEvent(new CustomEvent('close'));

    expect(modal.one('lightning-modal-header').label).toBe('Send invoice');
    expect(closed).toHaveBeenCalledTimes(1);
});

test('a link is copied with one click and says so', async () => {
    const writeText = jest.fn().mockResolvedValue();
    Object.assign(navigator, { clipboard: { writeText } });
    const link = await show(Link, { url: data.PAGE, name: 'the invoice' });

    await link.press('.copy');

    expect(writeText).toHaveBeenCalledWith(data.PAGE);
    expect(link.one('[role=status]').textContent).toBe('Copied');
    expect(link.one('a').getAttribute('aria-label')).toBe('Open the invoice (new tab)');
    await beAccessible(link);
});

test('where the clipboard is closed the address is selected for copying by hand', async () => {
    Object.assign(navigator, { clipboard: { writeText: jest.fn().mockRejectedValue(new Error('denied')) } });
    const link = await show(Link, { url: data.PAGE, name: 'the invoice' });
    const selected = jest.spyOn(link.one('input'), 'select');

    await link.press('.copy');

    expect(selected).toHaveBeenCalled();
    expect(link.text).toContain('Select the link and copy it.');
});
