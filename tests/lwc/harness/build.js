// Builds one script and one style sheet out of our components, Salesforce's own base components and the Lightning
// Design System, so that they run on any page. Usage: node build.js OUTPUT_DIRECTORY
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import lwc from '@lwc/rollup-plugin';
import replace from '@rollup/plugin-replace';
import terser from '@rollup/plugin-terser';
import { rollup } from 'rollup';
import { components, importedFrom, onlyUsedIcons, salesforceModules, withoutNativeStyles } from './modules.js';
import { usedRules } from './styles.js';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const core = resolve(here, '../../../salesforce_metadata/main/core');
const target = resolve(process.argv[2] ?? 'dist');

const fatal = new Set(['UNRESOLVED_IMPORT', 'MISSING_EXPORT']);

async function script() {
    const bundle = await rollup({
        input: join(here, 'main.js'),
        onwarn(warning) {
            if (fatal.has(warning.code)) {
                throw new Error(warning.message);
            }
        },
        plugins: [
            salesforceModules(join(core, 'labels/CustomLabels.labels-meta.xml')),
            onlyUsedIcons(join(core, 'lwc')),
            withoutNativeStyles,
            importedFrom(join(here, 'main.js'), core),
            replace({
                preventAssignment: true,
                values: { 'process.env.NODE_ENV': '"production"', 'import.meta.env.SSR': 'false' }
            }),
            lwc({
                rootDir: here,
                enableDynamicComponents: true,
                apiVersion: 65,
                modules: [
                    ...components(join(core, 'lwc'), 'c'),
                    ...components(join(here, 'platform'), 'lightning'),
                    { npm: 'lightning-base-components' },
                    { npm: '@lwc/engine-dom' }
                ]
            }),
            terser({ format: { comments: false } })
        ]
    });
    const { output } = await bundle.generate({ format: 'iife', inlineDynamicImports: true });
    await bundle.close();
    return output[0].code;
}

const code = await script();
const slds = require.resolve('@salesforce-ux/design-system/assets/styles/salesforce-lightning-design-system.css');
const css = usedRules(readFileSync(slds, 'utf8'), code) + readFileSync(join(here, 'page.css'), 'utf8');
mkdirSync(target, { recursive: true });
writeFileSync(join(target, 'stripe-payments.js'), code);
writeFileSync(join(target, 'stripe-payments.css'), css);
writeFileSync(join(target, 'NOTICE.md'), readFileSync(join(here, 'NOTICE.md')));
console.log(`stripe-payments.js ${Math.round(code.length / 1024)} kB, .css ${Math.round(css.length / 1024)} kB`);
