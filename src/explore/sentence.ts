// A finding in one sentence: what can be lost, or what can be on the disk without what, by file, bytes and line of source.
//
// Verbs: sentenceOf. Every sentence says what the states show and no more: that a flush is missing is said only where none is.

import type { LoggedWrite } from '../crash/log-facts.ts';
import type { Culprit } from './culprit.ts';
import { CRASH_WORDS, isRecord, type LoggedFlush, valueText, type Words } from './explain-words.ts';
import type { Level } from './parts.ts';
import type { Shrunk } from './shrink.ts';
import { isTorn } from './shrink-trial.ts';

/** What a sentence is made of. */
export interface Story<Value> {
  readonly level: Level<Value>;
  readonly words: Words<Value>;
  readonly shrunk: Shrunk;
  readonly culprit: Culprit<Value>;
  /** Crashes during recovery before this one. */
  readonly depth: number;
}

/** The whole finding in one sentence, without a full stop. */
export function sentenceOf<Value>(story: Story<Value>): string {
  const { depth, level } = story;
  const sentence = bodyOf(story);
  return depth === 0 ? sentence : `in recovery from ${CRASH_WORDS[level.crash]}, ${sentence}`;
}

function bodyOf<Value>(story: Story<Value>): string {
  const { culprit, shrunk } = story;
  const torn = culprit.missing.find((write) => isTorn(write, shrunk.lost));
  if (torn !== undefined) return tornSentence(story, torn);
  if (culprit.missing.length === 0) return wholeSentence(story);
  if (culprit.lost !== undefined) return lostSentence(story);
  return culprit.present.length === 0 ? missingSentence(story) : pairSentence(story);
}

/** `'k5' was acknowledged, but a power cut can lose it`. */
function lossOf<Value>({ culprit, level }: Story<Value>): string {
  const again = level.recording.baseHash === undefined ? '' : ' again';
  return `${valueText(culprit.lost?.value)} was acknowledged, but ${CRASH_WORDS[level.crash]}${again} can lose it`;
}

function tornSentence<Value>(story: Story<Value>, torn: LoggedWrite): string {
  const { words, shrunk, culprit, level } = story;
  const losses = shrunk.lost.get(torn.index) ?? [];
  const isDamaged = losses.some(({ kind }) => kind !== 'missing');
  const part = words.losses(torn, losses);
  const what = isDamaged
    ? `${part} can hold neither old nor new bytes`
    : `${part} can be missing while the rest of the write is there`;
  const tear = `${CRASH_WORDS[level.crash]} can tear the write of ${words.whatAndLine(torn)}: ${what}`;
  return culprit.lost === undefined ? tear : `${lossOf(story)}: ${tear}`;
}

/** Nothing is missing: the moment itself is bad. */
function wholeSentence<Value>(story: Story<Value>): string {
  const { level, shrunk, words, culprit } = story;
  if (culprit.lost !== undefined) return `${lossOf(story)}: it is not on its way to the disk by then`;
  const last = level.explorer.writes.findLast(({ submitted }) => submitted <= shrunk.point.step);
  const after = last === undefined ? 'at the very beginning' : `right after ${callText(words, last)}`;
  return `${CRASH_WORDS[level.crash]} ${after} leaves what the check refuses, although nothing that was written by then is missing`;
}

function lostSentence<Value>(story: Story<Value>): string {
  const { culprit, words } = story;
  if (culprit.present.length > 0) return `${lossOf(story)}: ${pairSentence(story)}`;
  return `${lossOf(story)}: nothing has made ${words.whatsAndLines(culprit.missing)} durable by then${remedy(story)}`;
}

/** Why a missing write is not durable when it should be: a flush that comes too late, that the drive ignored, or none. */
function remedy<Value>(story: Story<Value>): string {
  const { culprit, words, shrunk } = story;
  const [missing] = culprit.missing;
  if (missing === undefined) return '';
  const ignored = words.flushes.find(
    (flush) => flush.isIgnored && isBetween(flush, missing, shrunk.point.lastStep),
  );
  if (ignored !== undefined) return `, as the drive has ignored ${flushText(words, ignored)}`;
  const flush = words.flushOf(missing);
  if (flush !== undefined) return `; ${flushText(words, flush)} comes too late`;
  const folder = words.folderOf(missing);
  return folder === undefined ? '' : `; an fsync of the directory ${folder} would`;
}

function missingSentence<Value>(story: Story<Value>): string {
  const { culprit, level, words, shrunk } = story;
  const last = level.explorer.writes.findLast(({ submitted }) => submitted <= shrunk.point.step);
  const moment = last === undefined ? '' : ` after ${callText(words, last)}`;
  return `${CRASH_WORDS[level.crash]}${moment} can leave all but ${words.whatsAndLines(culprit.missing)}, and the check refuses that`;
}

function pairSentence<Value>(story: Story<Value>): string {
  const { culprit, words } = story;
  const missing = culprit.missing[0] as LoggedWrite;
  const present = culprit.present[0] as LoggedWrite;
  const [there, gone] = [words.whatsAndLines(culprit.present), words.whatsAndLines(culprit.missing)];
  if (isSizeOf(words, present, missing))
    return `${there} can be on the disk without ${gone}: zeros are read there`;
  if (present.submitted < missing.submitted)
    return `${there} can be on the disk without ${gone}, which comes only after it`;
  return `${there} can reach the disk before ${gone}: nothing makes the second durable before the first is written${inVain(story, missing, present)}`;
}

/** The record is the size that the data brings. */
function isSizeOf<Value>(words: Words<Value>, record: LoggedWrite, data: LoggedWrite): boolean {
  const isSize = isRecord(record) && words.what(record).startsWith('the new size of');
  return isSize && !isRecord(data) && record.domain === data.domain;
}

/** The flush between the two, if there is one: it does not cover the missing write. */
function inVain<Value>({ words }: Story<Value>, missing: LoggedWrite, present: LoggedWrite): string {
  const flush = words.flushes.findLast((one) => isBetween(one, missing, present.submitted));
  if (flush === undefined) return '';
  const verb = flush.isIgnored ? 'was ignored by the drive' : 'does not cover it';
  return ` (${flushText(words, flush)} between them ${verb})`;
}

function isBetween(flush: LoggedFlush, write: LoggedWrite, end: number): boolean {
  return flush.submitted > write.submitted && flush.completed !== undefined && flush.completed <= end;
}

function flushText<Value>(words: Words<Value>, flush: LoggedFlush): string {
  const line = words.lineOfTag(flush.tag);
  const text = words.call(flush.tag)?.text ?? 'a flush';
  return line === '' ? text : `${text} (${line})`;
}

function callText<Value>(words: Words<Value>, write: LoggedWrite): string {
  const call = words.call(write.tag);
  if (call === undefined) return `the write of ${words.what(write)}`;
  const line = words.line(write);
  return line === '' ? call.text : `${call.text} (${line})`;
}
