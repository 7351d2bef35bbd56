// Runs the benchmarks: one file a question, all of them or those named.
//
//   npm run bench [name …]
//
// Every number is measured in this run, on this computer, and printed as a median; nothing is asserted.

import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';

const HELPERS = ['run.ts', 'table.ts'];

/** What each file of this folder exports. */
export interface Question {
  /** The question, as a heading. */
  readonly title: string;
  /** Measures, and prints its table. */
  run(): Promise<void>;
}

const names = readdirSync(import.meta.dirname ?? new URL('.', import.meta.url).pathname)
  .filter((name) => name.endsWith('.ts') && !HELPERS.includes(name))
  .map((name) => name.replace(/\.ts$/, ''))
  .sort();
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !names.includes(name));

if (unknown !== undefined) {
  process.stderr.write(`no benchmark "${unknown}"; there are ${names.join(', ')}\n`);
  process.exitCode = 2;
} else {
  console.log(
    `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`,
  );
  for (const name of asked.length > 0 ? asked : names) {
    const question = (await import(`./${name}.ts`)) as Question;
    console.log(`\n${name}: ${question.title}`);
    await question.run();
  }
}
