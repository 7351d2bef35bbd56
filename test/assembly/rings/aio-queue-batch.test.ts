// What submit_batch decides, with io_submit played by a script: sizes offered, sleeps, retries and the answer.
//
// Both rules of sheet bluestore-aio §3 are run from the same scripts, and compared with a second telling of each rule in
// this file on scripts of chance.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ABORT_NOTHING_ACCEPTED, AIO_RULE_OLDER, AIO_RULE_WINDOW } from '../../../assembly/layout.ts';
import { DEFAULT_SUBMIT_DELAY_US, DEFAULT_SUBMIT_RETRIES } from '../../../assembly/limits.ts';
import { BUILDS } from '../../support/machine.ts';
import { openUnit, type Unit } from '../../support/unit-module.ts';

const EAGAIN = -11;
const EINVAL = -22;
const ENOTRECOVERABLE = -131;
const DONE = 0;
const OFFER = 1;
const SLEEP = 2;

interface Script {
  readonly rule?: number;
  readonly depth?: number;
  readonly count: number;
  readonly retries?: number;
  readonly delayUs?: number;
  /** What io_submit answers to `offered` requests, the number of the call counted from 0. */
  readonly answer: (offered: number, call: number) => number;
}

interface Played {
  readonly result: number;
  readonly done: number;
  readonly retries: number;
  /** Requests offered by each io_submit. */
  readonly offered: readonly number[];
  /** Microseconds. */
  readonly sleeps: readonly number[];
  readonly sleptUs: number;
  readonly abort: number;
}

function play(unit: Unit, script: Script): Played {
  const batch = unit.scratch;
  const out = unit.scratch + 1024;
  const { exports } = unit;
  const word = (index: number) => Number(unit.view.getBigUint64(out + index * 8, true));
  exports.batchBegin(
    batch,
    script.rule ?? AIO_RULE_WINDOW,
    script.depth ?? 1024,
    script.count,
    script.retries ?? DEFAULT_SUBMIT_RETRIES,
    BigInt(script.delayUs ?? DEFAULT_SUBMIT_DELAY_US) * 1000n,
  );
  const offered: number[] = [];
  const sleeps: number[] = [];
  for (let next = OFFER; next !== DONE; ) {
    const count = exports.batchOffer(batch);
    if (count === 0) break;
    next = exports.batchAnswer(batch, script.answer(count, offered.length));
    offered.push(count);
    exports.unitBatch(batch, out);
    if (next === SLEEP) sleeps.push(word(6) / 1000);
  }
  exports.unitBatch(batch, out);
  assert.is(word(4), offered.length, 'calls are counted');
  return {
    result: Number(unit.view.getBigInt64(out, true)),
    done: word(1),
    retries: word(2),
    offered,
    sleeps,
    sleptUs: word(3) / 1000,
    abort: word(5),
  };
}

const answers =
  (...values: number[]) =>
  (offered: number, call: number) =>
    values[call] ?? offered;

/** A second telling of §3.1 and §3.2, over the queue of requests itself. */
function told(script: Required<Omit<Script, 'answer'>>, answered: readonly number[]): Played {
  const waiting = Array.from({ length: script.count }, (_, index) => index);
  const isOlder = script.rule === AIO_RULE_OLDER;
  const offered: number[] = [];
  const sleeps: number[] = [];
  let window: number[] = [];
  let done = 0;
  let attempts = script.retries;
  let delay = script.delayUs;
  let abort = 0;
  let result: number | undefined;
  while (result === undefined) {
    if (isOlder || window.length === 0)
      while (window.length < script.depth && waiting.length > 0) window.push(waiting.shift() as number);
    if (window.length === 0) {
      result = done;
      break;
    }
    const answer = Math.min(answered[offered.length] ?? window.length, window.length);
    offered.push(window.length);
    const accepted = Math.max(answer, 0);
    const isWhole = accepted === window.length;
    window = window.slice(accepted);
    done += accepted;
    const isRetry = answer === EAGAIN || (!isOlder && answer >= 0 && !isWhole);
    if (isOlder && answer === 0) {
      abort = ABORT_NOTHING_ACCEPTED;
      result = ENOTRECOVERABLE;
    } else if (isRetry && attempts > 0) {
      attempts--;
      sleeps.push(delay);
      delay *= 2;
    } else if (isRetry) {
      result = EAGAIN;
    } else if (answer < 0) {
      result = answer;
    } else {
      attempts = script.retries;
      delay = script.delayUs;
    }
  }
  const sleptUs = sleeps.reduce((sum, one) => sum + one, 0);
  return { result, done, retries: sleeps.length, offered, sleeps, sleptUs, abort };
}

for (const build of BUILDS) {
  const batch = suite(`submit_batch's decisions (${build})`);

  for (const rule of [AIO_RULE_WINDOW, AIO_RULE_OLDER]) {
    batch(`rule ${rule}: an empty range offers nothing and is 0`, async () => {
      const unit = await openUnit(build);
      const played = play(unit, { rule, count: 0, answer: () => Number.NaN });
      assert.equal([played.result, played.offered], [0, []]);
    });

    batch(
      `rule ${rule}: 3,000 requests through a depth of 1,024 are offered as 1,024, 1,024 and 952`,
      async () => {
        const unit = await openUnit(build);
        const { result, retries, offered } = play(unit, { rule, count: 3000, answer: answers() });
        assert.equal({ result, retries, offered }, { result: 3000, retries: 0, offered: [1024, 1024, 952] });
      },
    );

    batch(`rule ${rule}: EAGAIN for ever is 17 calls, 16 sleeps that double, 8.191875 seconds`, async () => {
      const unit = await openUnit(build);
      const played = play(unit, { rule, count: 5, answer: () => EAGAIN });
      assert.is(played.result, EAGAIN);
      assert.is(played.offered.length, 17);
      assert.is(played.retries, 16);
      assert.equal(
        played.sleeps,
        Array.from({ length: 16 }, (_, power) => 125 * 2 ** power),
      );
      assert.is(played.sleeps.at(-1), 4_096_000);
      assert.is(played.sleptUs, 8_191_875);
      for (const [retry, slept] of [
        [1, 125],
        [4, 1875],
        [8, 31875],
        [12, 511875],
      ] as const)
        assert.is(
          played.sleeps.slice(0, retry).reduce((sum, one) => sum + one, 0),
          slept,
        );
    });

    batch(`rule ${rule}: after EAGAIN three times, the next window starts again at 125 µs`, async () => {
      const unit = await openUnit(build);
      const script = { rule, depth: 4, count: 8, answer: answers(EAGAIN, EAGAIN, EAGAIN, 4, EAGAIN, 4) };
      const { result, retries, sleeps, offered } = play(unit, script);
      assert.equal([result, retries], [8, 4]);
      assert.equal(sleeps, [125, 250, 500, 125]);
      assert.equal(offered, [4, 4, 4, 4, 4, 4]);
    });

    batch(`rule ${rule}: an error that is not EAGAIN is answered at once`, async () => {
      const unit = await openUnit(build);
      const played = play(unit, { rule, count: 10, answer: () => EINVAL });
      assert.equal([played.result, played.retries, played.sleptUs, played.offered], [EINVAL, 0, 0, [10]]);
    });

    batch(`rule ${rule}: no retry allowed means one call`, async () => {
      const unit = await openUnit(build);
      const played = play(unit, { rule, count: 1, retries: 0, answer: () => EAGAIN });
      assert.equal([played.result, played.retries, played.offered], [EAGAIN, 0, [1]]);
    });
  }

  batch('10 requests, 4 accepted, then 6: a sleep of 125 µs by today’s rule, none by the older', async () => {
    const unit = await openUnit(build);
    const script = { count: 10, answer: answers(4, 6) };
    const now = play(unit, script);
    assert.equal([now.result, now.retries, now.sleeps, now.offered], [10, 1, [125], [10, 6]]);
    const older = play(unit, { ...script, rule: AIO_RULE_OLDER });
    assert.equal([older.result, older.retries, older.sleeps, older.offered], [10, 0, [], [10, 6]]);
  });

  batch(
    'one of 20 accepted per call: today’s rule gives up after 17, the older one goes through',
    async () => {
      const unit = await openUnit(build);
      const script = { count: 20, answer: () => 1 };
      const now = play(unit, script);
      assert.equal([now.result, now.done, now.offered.length, now.retries], [EAGAIN, 17, 17, 16]);
      assert.is(now.sleptUs, 8_191_875);
      const older = play(unit, { ...script, rule: AIO_RULE_OLDER });
      assert.equal([older.result, older.done, older.offered.length, older.retries], [20, 20, 20, 0]);
    },
  );

  batch('io_submit answers 0: a retry by today’s rule, an assertion by the older', async () => {
    const unit = await openUnit(build);
    const script = { count: 3, answer: answers(0) };
    const now = play(unit, script);
    assert.equal([now.result, now.retries, now.offered, now.abort], [3, 1, [3, 3], 0]);
    const older = play(unit, { ...script, rule: AIO_RULE_OLDER });
    assert.equal([older.result, older.abort], [ENOTRECOVERABLE, ABORT_NOTHING_ACCEPTED]);
  });

  batch(
    'depth 4, 1 accepted: the window is filled again only when it is empty, by the older rule always',
    async () => {
      const unit = await openUnit(build);
      const script = { depth: 4, count: 10, answer: answers(1) };
      assert.equal(play(unit, script).offered, [4, 3, 4, 2]);
      assert.equal(play(unit, { ...script, rule: AIO_RULE_OLDER }).offered, [4, 4, 4, 1]);
    },
  );

  batch('a bad request in the middle: what stands before it runs, then its error', async () => {
    const unit = await openUnit(build);
    const script = { count: 5, answer: answers(2, EINVAL) };
    const now = play(unit, script);
    assert.equal([now.result, now.done, now.retries, now.offered], [EINVAL, 2, 1, [5, 3]]);
    const older = play(unit, { ...script, rule: AIO_RULE_OLDER });
    assert.equal([older.result, older.done, older.retries, older.offered], [EINVAL, 2, 0, [5, 3]]);
  });

  batch('a delay stops doubling at the end of time', async () => {
    const unit = await openUnit(build);
    const played = play(unit, { count: 1, retries: 100, delayUs: 2 ** 52, answer: () => EAGAIN });
    assert.is(played.result, EAGAIN);
    assert.is(played.retries, 100);
    assert.ok(played.sleeps.every((one, index) => one >= (played.sleeps[index - 1] ?? 0)));
    assert.is(played.sleptUs, 2 ** 63 / 1000);
  });

  batch('scripts of chance do what the rules say', async () => {
    const unit = await openUnit(build);
    const answer = fc.oneof(
      { weight: 5, arbitrary: fc.nat(12) },
      { weight: 2, arbitrary: fc.constant(EAGAIN) },
      { weight: 1, arbitrary: fc.constant(EINVAL) },
    );
    const script = fc.record({
      rule: fc.constantFrom(AIO_RULE_WINDOW, AIO_RULE_OLDER),
      depth: fc.integer({ min: 1, max: 12 }),
      count: fc.nat(40),
      retries: fc.nat(5),
      delayUs: fc.integer({ min: 0, max: 1000 }),
    });
    fc.assert(
      fc.property(script, fc.array(answer, { maxLength: 60 }), (fields, values) => {
        const at = (offered: number, call: number) => Math.min(values[call] ?? offered, offered);
        assert.equal(play(unit, { ...fields, answer: at }), told(fields, values));
      }),
      { seed: 20180712, numRuns: 2000 },
    );
  });

  batch.run();
}
