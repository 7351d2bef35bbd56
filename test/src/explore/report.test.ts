// The report of a verdict: what came out, what is missing and what is there, the proof, the timeline, flushes; nothing that was not measured.

import { stripVTControlCharacters } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatVerdict, verdictMessage } from '../../../src/explore/report.ts';
import type {
  Finding,
  FlushFacts,
  TimelineRow,
  VerdictFacts,
  WriteFacts,
} from '../../../src/explore/types.ts';
import { Verdict, VerdictError } from '../../../src/explore/verdict.ts';

const LOG: WriteFacts = {
  write: 0,
  what: 'bytes 0 to 511 of /log',
  call: "write('/log', 512 bytes at 0)",
  stack: ['put (/home/me/engine.ts:31:9)', '/home/me/main.ts:3:1'],
  file: '/log',
  offset: 0,
  length: 512,
};

const PAGE: WriteFacts = {
  ...LOG,
  write: 1,
  what: 'bytes 0 to 511 of /db',
  call: '',
  stack: [],
  file: '/db',
};

const ROWS: TimelineRow[] = [
  { step: 1, kind: 'write', fate: 'missing', what: LOG.what, line: 'engine.ts:31' },
  { step: 3, kind: 'write', fate: 'kept', what: PAGE.what, line: '' },
  { step: 4, kind: 'flush', fate: undefined, what: "fsync('/db')", line: 'engine.ts:33' },
  { step: 4, kind: 'ack', fate: undefined, what: "'k5'", line: '' },
  { step: 4, kind: 'crash', fate: undefined, what: 'power', line: '' },
];

const FINDING: Finding = {
  sentence: 'bytes 0 to 511 of /db can reach the disk before bytes 0 to 511 of /log',
  error: 'Error: page 0 has no log record',
  errorStack: undefined,
  missing: [LOG],
  present: [PAGE],
  lost: undefined,
  crash: 'power',
  crashPoint: { step: 4, lastStep: 4, after: "write('/db', 512 bytes at 0)", acknowledged: 1, attempted: 2 },
  depth: 0,
  needsTearing: false,
  proof: { flush: 'an fsync of /log', flushAfter: LOG, states: 256, failed: 0, exhaustive: true },
  timeline: ROWS,
  images: 12,
  recipe: {
    sectorlab: '0.1.0',
    kind: 'explore',
    crash: 'power',
    options: {},
    log: 'aa',
    states: [],
    image: 'bb',
  },
};

const FLUSH: FlushFacts = {
  call: "fsync('/log')",
  stack: ['put (/home/me/engine.ts:33:9)'],
  step: 4,
  times: 1,
  need: 'needed',
  error: 'Error: lost',
  exhaustive: true,
};

function facts(changed: Partial<VerdictFacts> = {}): VerdictFacts {
  return {
    verdict: 'survived',
    reason: undefined,
    exhaustive: true,
    sampledPoints: 0,
    crashPoints: 41,
    states: 1024,
    possibleStates: 1024,
    distinctImages: 240,
    checkedImages: 240,
    failedImages: 0,
    recoveryImages: 0,
    findings: [],
    flushes: [],
    acknowledged: 3,
    seed: 1,
    stopped: undefined,
    elapsedMs: 5,
    ...changed,
  };
}

const VIOLATED = facts({ verdict: 'violated', failedImages: 12, findings: [FINDING] });

const report = suite('explore/report');

report('all states pass', () => {
  assert.equal(formatVerdict(facts()).split('\n'), [
    'survived: the check passes in every state that a crash can leave',
    '   searched   all 1,024 states at 41 crash points; 240 distinct images, 240 checked',
  ]);
});

report('flushes of a run that fails are not tested, and that is said; a log has no such test', () => {
  assert.match(formatVerdict(VIOLATED), /\nflushes\n {3}not tested: whether one is needed shows only once/);
  const ofLog = { ...FINDING, recipe: { ...FINDING.recipe, kind: 'log' as const } };
  assert.not.match(formatVerdict({ ...VIOLATED, findings: [ofLog] }), /not tested/);
});

report('a sample is never called safe, and says how much it is of what there is', () => {
  const sampled = facts({ exhaustive: false, sampledPoints: 2, possibleStates: 2 ** 40, recoveryImages: 1 });
  assert.equal(formatVerdict(sampled).split('\n'), [
    'survived so far: the check passes in the states gone through, which are not all of them',
    '   searched   1,024 of 1,099,511,627,776 states at 41 crash points (a sample at 2 of them); 240 distinct images, 240 checked; 1 image of crashes in recovery',
  ]);
  const endless = formatVerdict(
    facts({ exhaustive: false, possibleStates: Number.POSITIVE_INFINITY, stopped: 'seconds' }),
  );
  assert.match(endless, /1,024 of countless states .*; stopped at the budget of seconds$/);
});

report('what was not measured, and why', () => {
  const none = facts({ verdict: 'notMeasured', reason: 'nothing was acknowledged' });
  assert.match(formatVerdict(none), /^nothing was measured: nothing was acknowledged\n/);
  const broken = facts({ verdict: 'harnessBroken', reason: 'two runs differ' });
  assert.match(formatVerdict(broken), /^the harness is broken: two runs differ\n/);
});

report('a finding: sentence, error, both writes with their stacks, crash, proof, timeline, recipe', () => {
  assert.equal(formatVerdict(VIOLATED).split('\n'), [
    'violated: 1 finding, 12 of 240 images checked fail',
    '   searched   all 1,024 states at 41 crash points; 240 distinct images, 240 checked',
    '',
    '1. bytes 0 to 511 of /db can reach the disk before bytes 0 to 511 of /log',
    '   error      Error: page 0 has no log record',
    "   missing    bytes 0 to 511 of /log: write('/log', 512 bytes at 0)",
    '                at put (/home/me/engine.ts:31:9)',
    '                at /home/me/main.ts:3:1',
    '   present    bytes 0 to 511 of /db',
    "   crash      a power cut after write('/db', 512 bytes at 0); 1 acknowledged, 2 begun",
    "   proof      with an fsync of /log right behind write('/log', 512 bytes at 0) all 256 states pass",
    '   images     12 failing images like this',
    '   timeline   step, what is on the disk, what was written',
    '        1  missing  bytes 0 to 511 of /log  engine.ts:31',
    '        3  there    bytes 0 to 511 of /db',
    "        4  ──────── fsync('/db')  engine.ts:33",
    "        4           acknowledged 'k5'",
    '        4  ╳ a power cut',
    `   recipe     ${JSON.stringify(FINDING.recipe)}`,
    '',
    'flushes',
    '   not tested: whether one is needed shows only once the check passes with all of them',
  ]);
});

report('a proof says no more than it shows', () => {
  const proofOf = (proof: Finding['proof'], needsTearing = false) =>
    formatVerdict({ ...VIOLATED, findings: [{ ...FINDING, proof, needsTearing }] })
      .split('\n')
      .filter((line) => line.startsWith('   proof'));
  const proof = FINDING.proof as NonNullable<Finding['proof']>;
  assert.equal(proofOf(undefined), ['   proof      no flush behind what is missing repairs it']);
  assert.equal(proofOf(undefined, true), [], 'of a torn write none is to be expected');
  assert.match(
    proofOf({ ...proof, exhaustive: false })[0] ?? '',
    / 256 states pass \(not all were gone through\)$/,
  );
  assert.match(
    proofOf({ ...proof, failed: 1 })[0] ?? '',
    / no crash leaves this any more; 1 other image fails in the same way$/,
  );
});

report('a long timeline shows its ends', () => {
  const rows = Array.from({ length: 100 }, (_, step): TimelineRow => ({ ...(ROWS[0] as TimelineRow), step }));
  const lines = formatVerdict({ ...VIOLATED, findings: [{ ...FINDING, timeline: rows }] }).split('\n');
  assert.is(lines.filter((line) => line.endsWith('engine.ts:31')).length, 40);
  assert.ok(lines.includes('           … 60 rows more'));
});

report('flushes, each with what is known of it', () => {
  const flushes: FlushFacts[] = [
    FLUSH,
    { ...FLUSH, need: 'unnoticed', error: undefined, times: 3, exhaustive: false },
    { ...FLUSH, need: 'untested', error: undefined, stack: [] },
  ];
  assert.equal(formatVerdict(facts({ flushes })).split('\n').slice(2), [
    '',
    'flushes',
    "   fsync('/log') at engine.ts:33: needed (without it: Error: lost)",
    "   fsync('/log') at engine.ts:33 (3 times): unnoticed: removing it fails no check, as far as it was gone through; either it is not needed or the check does not look",
    "   fsync('/log'): not tested",
  ]);
});

report('colour only where it is asked for; it changes no text', () => {
  const mark = '\u001b[';
  assert.not(formatVerdict(VIOLATED).includes(mark));
  const colored = formatVerdict(VIOLATED, true);
  assert.ok(colored.includes(`${mark}31m`));
  assert.is(stripVTControlCharacters(colored), formatVerdict(VIOLATED));
});

report('the error of a test is short: findings, errors, nearest lines, proof, how much was searched', () => {
  let thrown: unknown;
  try {
    new Verdict(VIOLATED).assertSurvived();
  } catch (error) {
    thrown = error;
  }
  assert.instance(thrown, VerdictError);
  assert.equal((thrown as Error).message.split('\n'), [
    'violated: 1 finding, 12 of 240 images checked fail',
    '1. bytes 0 to 511 of /db can reach the disk before bytes 0 to 511 of /log',
    '   error      Error: page 0 has no log record',
    "   missing    write('/log', 512 bytes at 0) at put (/home/me/engine.ts:31:9)",
    '   present    bytes 0 to 511 of /db',
    "   proof      with an fsync of /log right behind write('/log', 512 bytes at 0) all 256 states pass",
    '   searched   all 1,024 states at 41 crash points; 240 distinct images, 240 checked',
  ]);
  assert.is(verdictMessage(VIOLATED), (thrown as Error).message);
});

report.run();
