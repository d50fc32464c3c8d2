// Compiles every file of every component as the platform would; prints the diagnostics and fails when there are any.
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { transformSync } from '@lwc/compiler';

const [root] = process.argv.slice(2);
const problems = [];
let files = 0;
for (const bundle of readdirSync(root)) {
    for (const file of readdirSync(join(root, bundle))) {
        if (!/\.(js|html|css)$/.test(file)) {
            continue;
        }
        const path = join(root, bundle, file);
        files += 1;
        try {
            const { warnings = [] } = transformSync(readFileSync(path, 'utf8'), file, {
                name: basename(bundle),
                namespace: 'c',
                apiVersion: 65
            });
            problems.push(...warnings.map(({ message }) => `${path}: ${message}`));
        } catch (error) {
            problems.push(`${path}: ${error.message}`);
        }
    }
}
console.log([...problems, `${files} files, ${problems.length} problems`].join('\n'));
process.exitCode = problems.length || files === 0 ? 1 : 0;
