#!/usr/bin/env node
// The command line: one file a command, this one only puts them together.
//
// Exit status: 0 good, 1 a violation was found, 2 usage or bad input, 3 nothing was measured, 70 a bug of ours.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { InternalError } from '../errors.ts';
import { addCrashCommand } from './crash.ts';
import { addPlaygroundCommand } from './playground.ts';
import { addReplayCommand } from './replay.ts';

const EXIT_USAGE = 2;
const EXIT_BUG = 70;

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

const program = new Command('sectorlab')
  .description('A whole block-I/O path: application rings, page cache, request merging, virtual disk.')
  .version(version())
  .configureOutput({ outputError: (text, write) => write(usageLine(text)) })
  .exitOverride();

addReplayCommand(program);
addCrashCommand(program);
addPlaygroundCommand(program);
for (const command of program.commands) command.exitOverride();

/** A mistake of usage on one line, as every other bad input has it. */
function usageLine(text: string): string {
  const message = text.trim().replace(/^error: /, '');
  return `sectorlab: ${message.replaceAll('\n', ' ')} (see --help)\n`;
}

/** Errors of input are one line; a bug of ours shows its stack. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof InternalError || !(error instanceof Error) || !('code' in error)) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT_BUG;
  }
  process.stderr.write(`sectorlab: ${error.message}\n`);
  return EXIT_USAGE;
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
