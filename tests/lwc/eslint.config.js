// Run from the root of the repository: eslint looks at nothing outside of where it is started.
import js from '@eslint/js';
import lwc from '@salesforce/eslint-config-lwc';
import globals from 'globals';

const components = ['tests/lwc/harness/platform/**/*.js', 'tests/lwc/specs/stand-ins/*.js'];
const own = { sourceType: 'module', ecmaVersion: 2024 };

export default [
    { ignores: ['**/node_modules/**', '**/.venv/**', '**/build/**', '**/var/**'] },
    ...lwc.configs.recommended.map((part) => ({ ...part, files: ['salesforce_metadata/**/lwc/**/*.js'] })),
    {
        files: ['salesforce_metadata/**/lwc/**/*.js'],
        rules: {
            // Platform modules exist in an org only; the bundle for the browser resolves every one of them.
            'import/no-unresolved': 'off',
            'max-lines': ['error', 300],
            complexity: ['error', 10]
        }
    },
    {
        ...js.configs.recommended,
        files: ['tests/lwc/**/*.{js,cjs}'],
        ignores: components,
        languageOptions: { ...own, globals: { ...globals.node, ...globals.browser, ...globals.jest } }
    },
    ...lwc.configs.base.map((part) => ({ ...part, files: components })),
    { files: ['tests/lwc/**/*.cjs'], languageOptions: { sourceType: 'commonjs' } }
];
