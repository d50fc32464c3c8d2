// Every custom label is its text, every Apex method a mock, `toBeAccessible` a matcher.
import { join } from 'node:path';
import { registerSa11yMatcher } from '@sa11y/jest';
import { createApexTestWireAdapter } from '@salesforce/wire-service-jest-util';
import { labelTexts } from '../harness/labels.js';

labelTexts(join(__dirname, '../../../salesforce_metadata/main/core/labels/CustomLabels.labels-meta.xml')).forEach(
    (text, name) => jest.doMock(`@salesforce/label/c.${name}`, () => ({ __esModule: true, default: text }), { virtual: true })
);

for (const method of ['contacts', 'find', 'preview', 'run']) {
    jest.doMock(
        `@salesforce/apex/StripePaymentsController.${method}`,
        () => ({ __esModule: true, default: jest.fn() }),
        { virtual: true }
    );
}
jest.doMock(
    '@salesforce/apex/StripePaymentsController.overview',
    () => ({ __esModule: true, default: createApexTestWireAdapter(jest.fn()) }),
    { virtual: true }
);
jest.doMock('@salesforce/apex', () => ({ __esModule: true, refreshApex: jest.fn(() => Promise.resolve()) }), { virtual: true });

registerSa11yMatcher();

// What the engine complains of is a defect.
for (const level of ['error', 'warn']) {
    console[level] = (...words) => {
        throw new Error(words.join(' '));
    };
}
