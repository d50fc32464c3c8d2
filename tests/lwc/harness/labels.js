import { readFileSync } from 'node:fs';

/** Texts of the custom labels by name. */
export function labelTexts(path) {
    const found = readFileSync(path, 'utf8').matchAll(
        /<labels>[^]*?<fullName>(.*?)<\/fullName>[^]*?<value>([^]*?)<\/value>/g
    );
    return new Map([...found].map(([, name, value]) => [name, plain(value)]));
}

function plain(text) {
    return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
