// A verdict for people: what was found and why, how much was gone through, which flushes matter.
//
// Verbs: formatVerdict, verdictMessage, flushText. A run that was not gone through to the end is never called safe.

import { CRASH_WORDS, lineOf } from './explain-words.ts';
import type { Finding, FlushFacts, TimelineRow, VerdictFacts, WriteFacts } from './types.ts';

const LABEL_WIDTH = 11;
/** Rows of a timeline that are shown: of a longer one the first and the last. */
const MAX_ROWS = 40;
const MAX_STACK_LINES = 3;

type Paint = (color: 'red' | 'green' | 'yellow' | 'bold' | 'dim', text: string) => string;

const CODES = { red: 31, green: 32, yellow: 33, bold: 1, dim: 2 } as const;
const colored: Paint = (color, text) => `\u001b[${CODES[color]}m${text}\u001b[0m`;
const plain: Paint = (_color, text) => text;

function count(value: number): string {
  return Number.isFinite(value) && value < 2 ** 53 ? value.toLocaleString('en-US') : 'countless';
}

/** `many(1, 'image')` is `1 image`. */
function many(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}

function line(label: string, text: string): string {
  return `   ${label.padEnd(LABEL_WIDTH)}${text}`;
}

/** What is no text is shown by its code: zeros that a check has read are `\\x00`. */
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, (sign) =>
    sign === '\n' ? sign : `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** What came out, in one line. */
function headline(facts: VerdictFacts): string {
  if (facts.verdict === 'notMeasured') return `nothing was measured: ${facts.reason}`;
  if (facts.verdict === 'harnessBroken') return `the harness is broken: ${facts.reason}`;
  if (facts.verdict === 'violated') {
    const images = `${count(facts.failedImages)} of ${many(facts.checkedImages, 'image')} checked`;
    return `violated: ${many(facts.findings.length, 'finding')}, ${images} ${facts.failedImages === 1 ? 'fails' : 'fail'}`;
  }
  if (facts.exhaustive) return 'survived: the check passes in every state that a crash can leave';
  return 'survived so far: the check passes in the states gone through, which are not all of them';
}

const STOPPED: Readonly<Record<NonNullable<VerdictFacts['stopped']>, string>> = {
  images: 'stopped at the budget of images',
  seconds: 'stopped at the budget of seconds',
  signal: 'stopped by the signal',
  findings: 'stopped at enough findings',
  alike: 'stopped early, as many more images showed no new kind of failure',
};

/** How much was gone through. */
function coverage(facts: VerdictFacts): string {
  const points = `at ${many(facts.crashPoints, 'crash point')}`;
  const states = facts.exhaustive
    ? `all ${many(facts.states, 'state')} ${points}`
    : `${count(facts.states)} of ${count(facts.possibleStates)} states ${points}`;
  const sampled = facts.sampledPoints > 0 ? ` (a sample at ${count(facts.sampledPoints)} of them)` : '';
  const images = `${many(facts.distinctImages, 'distinct image')}, ${count(facts.checkedImages)} checked`;
  const nested =
    facts.recoveryImages > 0 ? `; ${many(facts.recoveryImages, 'image')} of crashes in recovery` : '';
  const stopped = facts.stopped === undefined ? '' : `; ${STOPPED[facts.stopped]}`;
  return `${states}${sampled}; ${images}${nested}${stopped}`;
}

/** Whether a flush matters, in one line. */
export function flushText({ call, stack, times, need, error, exhaustive }: FlushFacts): string {
  const at = lineOf(stack);
  const where = `${call}${at === '' ? '' : ` at ${at}`}${times > 1 ? ` (${count(times)} times)` : ''}`;
  if (need === 'needed') return `${where}: needed (without it: ${visible(error ?? '')})`;
  if (need === 'untested') return `${where}: not tested`;
  const sampled = exhaustive ? '' : ', as far as it was gone through';
  return `${where}: unnoticed: removing it fails no check${sampled}; either it is not needed or the check does not look`;
}

/** What a flush put in would repair, in one line. */
export function proofText({
  proof,
  needsTearing,
}: Pick<Finding, 'proof' | 'needsTearing'>): string | undefined {
  if (proof === undefined) return needsTearing ? undefined : 'no flush behind what is missing repairs it';
  const behind = `with ${proof.flush} right behind ${proof.flushAfter.call || proof.flushAfter.what}`;
  const states = `${proof.exhaustive ? 'all ' : ''}${many(proof.states, 'state')}`;
  if (proof.failed > 0)
    return `${behind} no crash leaves this any more; ${many(proof.failed, 'other image fails', 'other images fail')} in the same way`;
  return `${behind} ${states} pass${proof.exhaustive ? '' : ' (not all were gone through)'}`;
}

function crashText({ crash, crashPoint, depth, recipe: { range } }: Finding): string {
  const after = crashPoint.after === '' ? '' : ` after ${crashPoint.after}`;
  const again = depth === 0 ? '' : ' during recovery';
  const { acknowledged, attempted } = crashPoint;
  const moments =
    range === undefined || depth > 0
      ? ''
      : `; steps ${count(range[0])} to ${count(range[1])} can leave this image: it must have what was acknowledged by the last, and nothing begun after the first`;
  return `${CRASH_WORDS[crash]}${again}${after}; ${count(acknowledged)} acknowledged, ${count(attempted)} begun${moments}`;
}

function writeLines(label: string, facts: WriteFacts, paint: Paint): string[] {
  const call = facts.call === '' ? '' : `: ${facts.call}`;
  return [
    line(label, `${facts.what}${call}`),
    ...facts.stack.slice(0, MAX_STACK_LINES).map((frame) => line('', paint('dim', `  at ${frame}`))),
  ];
}

const FATES: Readonly<
  Record<NonNullable<TimelineRow['fate']>, readonly [string, 'red' | 'green' | 'yellow']>
> = {
  durable: ['durable', 'green'],
  kept: ['there', 'green'],
  missing: ['missing', 'red'],
  torn: ['torn', 'yellow'],
};

function rowText(row: TimelineRow, paint: Paint): string {
  const [fate, color] = row.fate === undefined ? ['', 'green' as const] : FATES[row.fate];
  const at = row.line === '' ? '' : `  ${paint('dim', row.line)}`;
  const step = String(row.step).padStart(6);
  const mark = paint(color, fate.padEnd(8));
  if (row.kind === 'write') return `   ${step}  ${mark} ${row.what}${at}`;
  const words = {
    flush: `──────── ${row.what}${at}`,
    ack: `         acknowledged ${row.what}`,
    attempt: `         begun ${row.what}`,
    crash: paint('bold', `╳ ${CRASH_WORDS[row.what as Finding['crash']] ?? row.what}`),
  };
  return `   ${step}  ${words[row.kind]}`;
}

function timelineLines(rows: readonly TimelineRow[], paint: Paint): string[] {
  if (rows.length <= MAX_ROWS) return rows.map((row) => rowText(row, paint));
  const half = MAX_ROWS / 2;
  const hidden = rows.length - MAX_ROWS;
  return [
    ...rows.slice(0, half).map((row) => rowText(row, paint)),
    `           … ${many(hidden, 'row')} more`,
    ...rows.slice(-half).map((row) => rowText(row, paint)),
  ];
}

function findingLines(finding: Finding, number: number, paint: Paint): string[] {
  const proof = proofText(finding);
  return [
    '',
    `${number}. ${paint('bold', finding.sentence)}`,
    line('error', paint('red', visible(finding.error))),
    ...finding.missing.flatMap((write) =>
      writeLines(finding.needsTearing ? 'torn' : 'missing', write, paint),
    ),
    ...finding.present.flatMap((write) => writeLines('present', write, paint)),
    line('crash', crashText(finding)),
    ...(proof === undefined ? [] : [line('proof', proof)]),
    line('images', `${many(finding.images, 'failing image')} like this`),
    line('timeline', 'step, what is on the disk, what was written'),
    ...timelineLines(finding.timeline, paint),
    // what it says of the finding stands above
    line('recipe', JSON.stringify({ ...finding.recipe, finding: undefined })),
  ];
}

/** Which flushes matter; where the check fails anyway, removing one could tell nothing. */
function flushLines({ verdict, findings, flushes }: VerdictFacts, paint: Paint): string[] {
  const isOfWorkload = findings[0] !== undefined && findings[0].recipe.kind !== 'log';
  if (verdict === 'violated' && isOfWorkload)
    return [
      '',
      'flushes',
      '   not tested: whether one is needed shows only once the check passes with all of them',
    ];
  if (flushes.length === 0) return [];
  const colors = { needed: 'green', unnoticed: 'yellow', untested: 'dim' } as const;
  return ['', 'flushes', ...flushes.map((flush) => `   ${paint(colors[flush.need], flushText(flush))}`)];
}

/** The whole report, without a newline at the end. `color`: for a terminal that has it. */
export function formatVerdict(facts: VerdictFacts, color = false): string {
  const paint = color ? colored : plain;
  const isGood = facts.verdict === 'survived';
  return [
    paint(isGood ? 'green' : 'red', headline(facts)),
    line('searched', coverage(facts)),
    ...facts.findings.flatMap((finding, place) => findingLines(finding, place + 1, paint)),
    ...flushLines(facts, paint),
  ].join('\n');
}

/** The message of the error that a test shows: the verdict, each finding with its error and lines, how much was gone through. */
export function verdictMessage(facts: VerdictFacts): string {
  const findings = facts.findings.flatMap((finding, place) => {
    const proof = proofText(finding);
    const writes = [
      ...finding.missing.map((write) => ['missing', write] as const),
      ...finding.present.map((write) => ['present', write] as const),
    ];
    return [
      `${place + 1}. ${finding.sentence}`,
      line('error', visible(finding.error)),
      ...writes.map(([label, write]) =>
        line(label, [write.call || write.what, ...write.stack.slice(0, 1)].join(' at ')),
      ),
      ...(proof === undefined ? [] : [line('proof', proof)]),
    ];
  });
  return [headline(facts), ...findings, line('searched', coverage(facts))].join('\n');
}
