/*
 * Checks the Apex of SFDX projects and prints one JSON document: what apex-ls says of types and references, and what
 * PMD says of security, performance, errors and practices. Ends with 0 whenever both could run, clean or not.
 *
 *     node apex.mjs <sfdx project>...
 *
 * PMD takes all projects in one run: starting it takes longer than running it.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { CodeAnalyzer, CodeAnalyzerConfig, EventType, LogLevel } from "@salesforce/code-analyzer-core";
import pmdEngine from "@salesforce/code-analyzer-pmd-engine";

// Three Java programs that live for seconds: compiling them well takes longer than running them (11 s instead of 24).
process.env.JDK_JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
const CATEGORIES = ["Security", "Performance", "ErrorProne", "BestPractices"];
const here = dirname(fileURLToPath(import.meta.url));
const projects = process.argv.slice(2).map((path) => resolve(path));

async function apexLs(project) {
  const jars = join(here, "node_modules/@salesforce/code-analyzer-pmd-engine/dist/java-lib/*");
  const main = "io.github.apexdevtools.apexls.CheckForIssues";
  const { status, stdout, stderr } = await run("java", ["-cp", jars, main, "-n", "-d", "warnings", "-f", "json", "-w", project]);
  // 0: clean, 4: issues. Anything else is a crash, which must not pass for clean.
  if (status !== 0 && status !== 4) throw new Error(`apex-ls ended with ${status}: ${stderr}${stdout}`);
  const findings = JSON.parse(stdout).files.flatMap((file) =>
    file.messages.map(({ start, category, message }) => ({ file: relative(project, file.path), line: start.line, category, message })),
  );
  if (status === 4 && findings.length === 0) throw new Error(`apex-ls found issues that are not in its list: ${stdout}`);
  return findings;
}

function run(command, args) {
  return new Promise((done, failed) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) child[name].on("data", (data) => (texts[name] += data));
    child.on("error", failed);
    child.on("close", (status) => done({ status, ...texts }));
  });
}

async function pmd() {
  const analyzer = new CodeAnalyzer(CodeAnalyzerConfig.fromObject({ log_level: LogLevel.Error }));
  const complaints = [];
  analyzer.onEvent(EventType.LogEvent, (event) => event.logLevel <= LogLevel.Error && complaints.push(event.message));
  await analyzer.addEnginePlugin(pmdEngine.createEnginePlugin());
  const workspace = await analyzer.createWorkspace(projects.flatMap(apexFiles));
  const rules = await analyzer.selectRules(CATEGORIES.map((category) => `pmd:Apex:${category}`), { workspace });
  const results = await analyzer.run(rules, { workspace });
  if (complaints.length > 0) throw new Error(`PMD could not check everything: ${complaints.join("; ")}`);
  const findings = results.getViolations().map((violation) => ({
    path: violation.getPrimaryLocation().getFile() ?? "",
    line: violation.getPrimaryLocation().getStartLine(),
    rule: violation.getRule().getName(),
    severity: violation.getRule().getSeverityLevel(),
    message: violation.getMessage(),
  }));
  return { rules: rules.getRulesFor("pmd").map((rule) => rule.getName()), findings };
}

function apexFiles(project) {
  return readdirSync(project, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(cls|trigger)$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

const [practices, ...types] = await Promise.all([pmd(), ...projects.map(apexLs)]);
const told = projects.map((project, n) => ({
  files: apexFiles(project).length,
  rules: practices.rules,
  types: types[n],
  practices: practices.findings
    .filter(({ path }) => path.startsWith(project + sep))
    .map(({ path, ...finding }) => ({ file: relative(project, path), ...finding })),
}));
console.log(JSON.stringify(told));
