import { clear, openPanel, pass, prepare } from './stage.js';

const open = () => openPanel('send-invoice');

beforeEach(prepare);
afterEach(clear);

test('closing says so once, by button and by Escape', async () => {
    const panel = await open();
    const closed = panel.heard('close');

    await panel.press('.close');
    panel.one('.panel').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    panel.one('.panel').dispatchEvent(new KeyboardEvent('keydown', { key: 'a', bubbles: true }));

    expect(closed).toHaveBeenCalledTimes(2);
});

test('an Enter that is held down since before confirms nothing', async () => {
    const panel = await open();
    const held = new KeyboardEvent('keydown', { key: 'Enter', repeat: true, bubbles: true, cancelable: true });
    const pressed = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true });

    panel.one('.panel').dispatchEvent(held);
    panel.one('.panel').dispatchEvent(pressed);

    expect(held.defaultPrevented).toBe(true);
    expect(pressed.defaultPrevented).toBe(false);
});

test('the focus goes to the button that confirms, and then to the heading of the outcome', async () => {
    const panel = await open();
    const confirm = jest.spyOn(panel.one('.confirm'), 'focus');
    await pass(300);
    expect(confirm).toHaveBeenCalledTimes(1);

    await panel.confirm();

    expect(panel.element.shadowRoot.activeElement).toBe(panel.one('.result'));
});
