// The Lightning Design System is 1 MB of rules; this keeps those whose classes occur in the script.
import postcss from 'postcss';

/** The rules of `css` that elements of `code` can match; rules without a class are kept, comments are not. */
export function usedRules(css, code) {
    const words = new Set(code.match(/[A-Za-z0-9_-]{3,}/g));
    // Many are put together: `slds-icon_${size}`.
    const stems = [...words].filter((word) => /^slds-[\w-]*[a-z][_-]$/.test(word) && word !== 'slds-icon-');
    for (const [, category, name] of code.matchAll(/\b(standard|utility):(\w+)/g)) {
        words.add(`slds-icon-${category}-${name.replaceAll('_', '-')}`);
    }
    const isUsed = (name) => words.has(name) || stems.some((stem) => name.startsWith(stem));
    const root = postcss.parse(css);
    root.walkComments((comment) => comment.remove());
    root.walkRules((rule) => {
        if (rule.parent.type === 'atrule' && /keyframes$/.test(rule.parent.name)) {
            return;
        }
        rule.selectors = rule.selectors.filter((selector) => {
            const classes = selector.match(/\.[A-Za-z_][\w-]*/g) ?? [];
            return classes.every((name) => isUsed(name.slice(1)));
        });
        if (rule.selectors.join('') === '') {
            rule.remove();
        }
    });
    root.walkAtRules((rule) => {
        if (rule.nodes?.length === 0 || rule.name === 'font-face') {
            rule.remove();
        }
    });
    return `${root.toString().replace(/\n\s*/g, '\n').replace(/\n+/g, '\n')}\n`;
}
