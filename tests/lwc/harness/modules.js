// What the platform resolves and npm does not: components without a namespace folder, labels, Apex, user settings.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { labelTexts } from './labels.js';

/** Every component folder below `root` as a module of the namespace. */
export function components(root, namespace) {
    return readdirSync(root, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => ({ name: `${namespace}/${name}`, path: join(root, name, `${name}.js`) }));
}

/** Our components live outside of this package: what they, and labels and Apex, import is looked up as from here. */
export function importedFrom(home, root) {
    return {
        name: 'imported-from',
        async resolveId(id, importer, options) {
            const isOurs = importer?.startsWith(root) || importer?.startsWith('\0@salesforce/');
            if (/^[./\0]/.test(id) || !isOurs) {
                return null;
            }
            const found = await this.resolve(id, home, { ...options, skipSelf: true });
            return found ?? this.error(`${importer} imports ${id}, which does not exist`);
        }
    };
}

/** `@salesforce/label/c.X` is its text; `@salesforce/apex/C.m` calls `window.__apex['C.m']`. */
export function salesforceModules(labelsPath) {
    const texts = labelTexts(labelsPath);
    const label = '@salesforce/label/c.';
    const apex = '@salesforce/apex/';
    const locale = '@salesforce/i18n/locale';
    return {
        name: 'salesforce-modules',
        resolveId(id, importer, options) {
            if (id === '@salesforce/apex') {
                return this.resolve('lightning/apexStandIn', importer, options);
            }
            return id === locale || id.startsWith(label) || id.startsWith(apex) ? `\0${id}` : null;
        },
        load(id) {
            if (id === `\0${locale}`) {
                return "export default 'en-US';"; // the language of the labels
            }
            if (id.startsWith(`\0${label}`)) {
                const text = texts.get(id.slice(label.length + 1));
                if (text === undefined) {
                    throw new Error(`there is no custom label ${id.slice(label.length + 1)}`);
                }
                return `export default ${JSON.stringify(text)};`;
            }
            if (id.startsWith(`\0${apex}`)) {
                const method = JSON.stringify(id.slice(apex.length + 1));
                return `import { apexMethod } from 'lightning/apexStandIn'; export default apexMethod(${method});`;
            }
            return null;
        }
    };
}

// Drawn by the base components themselves: lists, date and error marks.
const OWN_ICONS = ['utility_check', 'utility_close', 'utility_down', 'utility_error', 'utility_info', 'utility_warning'];

/** The icon libraries hold 2,000 drawings; only those we name come along. */
export function onlyUsedIcons(root) {
    const sources = readdirSync(root, { recursive: true })
        .filter((path) => /\.(js|html)$/.test(path))
        .map((path) => readFileSync(join(root, path), 'utf8'))
        .join('\n');
    const named = [...sources.matchAll(/['"](utility|standard):(\w+)['"]/g)].map(([, kind, name]) => `${kind}_${name}`);
    const used = new Set([...OWN_ICONS, ...named]);
    return {
        name: 'only-used-icons',
        load(id) {
            if (!/iconSvgTemplates\w*\/buildTemplates\/templates\.js$/.test(id) || /Rtl/.test(id)) {
                return /iconSvgTemplates\w*Rtl\/buildTemplates\/templates\.js$/.test(id) ? 'export default {};' : null;
            }
            const imports = [...readFileSync(id, 'utf8').matchAll(/import \{ default as (\w+) \} from '.*?';/g)];
            const kept = imports.filter(([, name]) => used.has(name));
            const names = kept.map(([, name]) => name).join(', ');
            return `${kept.map(([line]) => line).join('\n')}\nexport default { ${names} };`;
        }
    };
}

/** Styles of the base components for native shadow; we render in synthetic shadow, where the page's own rules reach. */
export const withoutNativeStyles = {
    name: 'without-native-styles',
    load: (id) => (/\.lbc\.native\.css$/.test(id) ? ':host { --native: none; }' : null)
};
