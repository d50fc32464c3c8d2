// Opens every state in Chromium, does what a person would do, and writes down what is there then: texts, roles, focus,
// calls, errors, what does not fit, what axe finds. Usage: node look.js BUNDLE OUTPUT [--pictures] [NAME…]
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { act, CHROMIUM } from './acts.js';
import { apexOf, observe } from './page.js';
import { STATES } from './states.js';

const args = process.argv.slice(2);
const withPictures = args.includes('--pictures');
const [bundle, output, ...only] = args.filter((arg) => arg !== '--pictures');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = { desktop: { width: 1000, height: 760 }, phone: { width: 390, height: 760 } };
const ADDRESS = 'https://org.example/';
const PAGE = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Stripe payments</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="stripe-payments.css"></head>
<body class="slds-scope"><main><h1 class="slds-assistive-text">Acme: 40 licences</h1><div id="here"></div></main><script src="stripe-payments.js"></script></body></html>`;
const FILES = {
    '/': { contentType: 'text/html', body: PAGE },
    '/stripe-payments.css': { path: join(bundle, 'stripe-payments.css') },
    '/stripe-payments.js': { path: join(bundle, 'stripe-payments.js') }
};

/** A page of its own per width; states follow each other on it. */
async function open(browser, width) {
    const context = await browser.newContext({ viewport: WIDTHS[width], locale: 'en-US', timezoneId: 'Europe/Berlin' });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const page = await context.newPage();
    const errors = [];
    page.on('console', (message) => ['error', 'warning'].includes(message.type()) && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.route(`${ADDRESS}**`, (route) => {
        const file = FILES[new URL(route.request().url()).pathname];
        return file ? route.fulfill(file) : route.fulfill({ status: 204 });
    });
    await page.clock.install({ time: new Date('2026-11-26T10:00:00Z') });
    await page.goto(ADDRESS);
    const look = await otherWorld(context, page);
    await page.evaluate(() => document.body.insertAdjacentHTML('beforeend', '<button id="canary"></button>'));
    if (!(await axeFinds(look)).some((found) => found.startsWith('button-name'))) {
        throw new Error('axe does not see a button without a name');
    }
    await page.evaluate(() => document.getElementById('canary').remove());
    return { page, errors, width, look };
}

const axeFinds = (look) =>
    look(`axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })
        .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((n) => n.html).join(' ').slice(0, 400)))`);

/** Evaluates where the page's synthetic shadow does not reach: elements are seen as the browser has them. */
async function otherWorld(context, page) {
    const client = await context.newCDPSession(page);
    const { frameTree } = await client.send('Page.getFrameTree');
    const { executionContextId: contextId } = await client.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id });
    const evaluate = async (expression) => {
        const { result, exceptionDetails } = await client.send('Runtime.evaluate', {
            expression, contextId, awaitPromise: true, returnByValue: true
        });
        if (exceptionDetails) {
            throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        }
        return result.value;
    };
    await evaluate(`${axe}; undefined`);
    return evaluate;
}

/** Card or dialog with a little around it; both of them where both are there. */
async function frame(page, width) {
    const boxes = await page.locator('article, .slds-modal__container').evaluateAll((all) =>
        all.map((each) => each.getBoundingClientRect()).map(({ x, y, right, bottom }) => ({ x, y, right, bottom }))
    );
    const edge = 12;
    const [x, y] = ['x', 'y'].map((side) => Math.max(0, Math.min(...boxes.map((box) => box[side])) - edge));
    const [right, bottom] = ['right', 'bottom'].map((side) => Math.max(...boxes.map((box) => box[side])) + edge);
    const { width: most, height: highest } = WIDTHS[width];
    return { x, y, width: Math.min(right, most) - x, height: Math.min(bottom, highest) - y };
}

async function visit({ page, errors, width, look }, name) {
    const { kind, answers, steps } = STATES[name];
    errors.length = 0;
    page.setDefaultTimeout(5000);
    await page.evaluate(apexOf(answers));
    await page.evaluate((shown) => {
        document.activeElement?.blur();
        const properties = { recordId: '006000000000001AAA', objectApiName: 'Opportunity' };
        window.StripePayments.mount(document.getElementById('here'), shown, properties);
    }, kind);
    await page.clock.runFor(400); // a dialog has opened by then
    let problem = null;
    try {
        for (const step of steps) {
            await act(page, step);
        }
        await page.clock.runFor(400);
    } catch (error) {
        problem = String(error).split('\n')[0];
    }
    const seen = {
        ...(await look(`(${observe})()`)),
        snapshot: await page.locator('body').ariaSnapshot(),
        calls: await page.evaluate(() => window.__calls),
        problem
    };
    if (withPictures) {
        await page.screenshot({ path: join(output, `${name}-${width}.png`), clip: await frame(page, width) });
    }
    seen.axe = await axeFinds(look);
    await page.evaluate(() => window.StripePayments.clear());
    await page.clock.runFor(20000); // what was still going on comes to its end
    return { ...seen, errors: [...errors] };
}

mkdirSync(output, { recursive: true });
const browser = await chromium.launch(CHROMIUM);
const wanted = Object.keys(STATES).filter((name) => only.length === 0 || only.includes(name));
const seen = {};
await Promise.all(
    Object.keys(WIDTHS).map(async (width) => {
        const place = await open(browser, width);
        for (const name of wanted) {
            seen[`${name}-${width}`] = await visit(place, name);
        }
    })
);
await browser.close();
writeFileSync(join(output, 'seen.json'), JSON.stringify(seen, null, 1));
console.log(`${Object.keys(seen).length} looks`);
