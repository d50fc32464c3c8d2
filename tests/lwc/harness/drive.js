// Drives pages that are really served, step by step, and writes down how long it took from mark to mark.
// Usage: node drive.js OUTPUT < [{"url", "steps": […]}, …]; beyond the steps of acts.js there are {mark}, {shot}
// and {confirm} and {confirmTwice}, which press a button of the dialog.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { act, CHROMIUM } from './acts.js';

const [output] = process.argv.slice(2);
const visits = JSON.parse(readFileSync(0, 'utf8'));

/** What a visit has seen; `problem` is the step that could not be done. */
async function visit(browser, { url, steps, width = 1180 }) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, locale: 'en-US', timezoneId: 'Europe/Berlin' });
    page.setDefaultTimeout(30000);
    const seen = { marks: {}, errors: [], calls: [], problem: null };
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && seen.errors.push(message.text()));
    page.on('pageerror', (error) => seen.errors.push(String(error)));
    page.on('request', (request) => {
        const [, method] = new URL(request.url()).pathname.match(/^\/apex\/\w+\.(\w+)$/) ?? [];
        if (method) {
            seen.calls.push({ method, parameters: request.postDataJSON() });
        }
    });
    const inDialog = (name) => page.getByRole('dialog').getByRole('button', { name, exact: true });
    const extra = {
        mark: (name) => {
            seen.marks[name] = performance.now() / 1000;
        },
        confirm: (name) => inDialog(name).click(),
        confirmTwice: (name) => inDialog(name).dblclick(),
        shot: (name) => page.screenshot({ path: join(output, `${name}.png`), animations: 'disabled' })
    };
    try {
        await page.goto(url);
        for (const step of steps) {
            const [kind] = Object.keys(step);
            await (extra[kind] ? extra[kind](step[kind]) : act(page, step));
        }
    } catch (error) {
        seen.problem = String(error).split('\n').slice(0, 3).join(' ');
        await extra.shot('problem');
    }
    seen.snapshot = await page.locator('body').ariaSnapshot();
    await page.close();
    return seen;
}

const browser = await chromium.launch(CHROMIUM);
const seen = [];
for (const each of visits) {
    seen.push(await visit(browser, each));
}
await browser.close();
console.log(JSON.stringify(seen));
