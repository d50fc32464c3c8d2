// What a person does, step by step, and the browser it is done in.
export const CHROMIUM = {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
        '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync', '--force-color-profile=srgb'
    ]
};

/** One step: click, dblclick, press, wait, see, gone, type, check or select. */
export async function act(page, step) {
    const named = (name) =>
        page.getByRole('button', { name, exact: true }).or(page.getByRole('link', { name, exact: true })).first();
    const acts = {
        click: () => named(step.click).click(),
        dblclick: () => named(step.dblclick).dblclick(),
        press: () => page.keyboard.press(step.press),
        wait: () => page.clock.runFor(step.wait),
        see: () => page.getByText(step.see).locator('visible=true').first().waitFor(),
        gone: () => page.getByRole(step.gone).waitFor({ state: 'detached' }),
        type: () => page.getByLabel(step.type).fill(step.text),
        check: () => page.getByText(step.check).locator('visible=true').first().click(),
        select: async () => {
            await page.getByRole('combobox', { name: step.select }).click();
            await page.getByRole('option', { name: step.option }).click();
        }
    };
    await acts[Object.keys(step)[0]]();
}
