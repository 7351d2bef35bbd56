// A verdict for people: what was found and why, how much was gone through, which flushes matter.
//
// Verbs: formatVerdict, verdictMessage.

import type { VerdictFacts } from './types.ts';

/** The whole report, without a newline at the end. `color`: for a terminal that has it. */
export function formatVerdict(facts: VerdictFacts, _color = false): string {
  return verdictMessage(facts);
}

/** The message of the error that a test shows: short. */
export function verdictMessage(facts: VerdictFacts): string {
  return [facts.verdict, facts.reason, ...facts.findings.map(({ sentence }) => sentence)]
    .filter((line) => line !== undefined)
    .join('\n');
}
