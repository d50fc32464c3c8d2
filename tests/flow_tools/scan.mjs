/*
 * Scans flows and prints one JSON document: the rules that ran and what they found. Ends with 1 if a file is no flow.
 *
 *     node scan.mjs <flow file> …
 */
import scanner from "@flow-scanner/lightning-flow-scanner-core";

const parsed = await scanner.parse(process.argv.slice(2));
const unreadable = parsed.filter((file) => file.errorMessage || !file.flow);
if (unreadable.length > 0) throw new Error(unreadable.map((file) => `${file.uri}: ${file.errorMessage}`).join("; "));

const results = scanner.scan(parsed, { rules: {} });
const findings = results.flatMap(({ flow, ruleResults }) =>
  ruleResults.flatMap((result) =>
    result.details.map((detail) => ({ flow: flow.name, rule: result.ruleName, element: detail.name })),
  ),
);
console.log(JSON.stringify({ flows: results.length, rules: scanner.getRules().map((rule) => rule.name), findings }));
