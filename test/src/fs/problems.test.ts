// Every problem that the core can note has a sentence of its own, which names its numbers.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../../../assembly/layout.ts';
import { problemText } from '../../../src/fs/problems.ts';

const problems = suite('fs/problems');
const FIELDS = ['PROBLEM_SIZE', 'PROBLEM_KIND', 'PROBLEM_SECTOR', 'PROBLEM_INODE', 'PROBLEM_FIRST'];
const OTHER_FIELDS = ['PROBLEM_SECOND', 'PROBLEM_THIRD'];

function kinds(): [name: string, kind: number][] {
  return Object.entries(layout).filter(
    ([name]) => name.startsWith('PROBLEM_') && ![...FIELDS, ...OTHER_FIELDS].includes(name),
  );
}

problems('every kind has its own sentence', () => {
  const sentences = kinds().map(([, kind]) =>
    problemText({ kind, sector: 11, inode: 22, first: 3, second: 4, third: 2 }),
  );
  assert.ok(sentences.length >= 16);
  assert.is(new Set(sentences).size, sentences.length);
  for (const sentence of sentences) {
    assert.match(sentence, /\d/, sentence);
    assert.not.match(sentence, /undefined|^a problem of kind/, sentence);
  }
});

problems('a kind that nobody knows is said to be one', () => {
  const unknown = { kind: 999, sector: 0, inode: 0, first: 0, second: 0, third: 0 };
  assert.match(problemText(unknown), /kind 999/);
});

problems('the numbers that disagree stand in the sentence', () => {
  const links = { kind: layout.PROBLEM_LINKS, sector: 2, inode: 7, first: 3, second: 1, third: 0 };
  assert.is(problemText(links), 'inode 7 counts 3 links; there are 1');
  const size = { kind: layout.PROBLEM_GEOMETRY, sector: 0, inode: 0, first: 2, second: 64, third: 65 };
  assert.is(problemText(size), 'the volume was made with inodes 64, the machine was opened with 65');
});

problems.run();
