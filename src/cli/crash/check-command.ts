// The user's check: a command of the shell that is given an image, and says by its exit status whether it is good.
//
// Verbs: runCheck. `{}` in the command stands for the path of the image; without one the path comes last.
// Invariant: when it returns, no process of the check's group is left.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Failure } from '../../explore/parts.ts';

/** Of what a check prints, the end is kept. */
const KEPT_CHARACTERS = 4096;
const MESSAGE_CHARACTERS = 300;
/** What a shell says of a command that it can not run. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/** The check can not be run at all. */
export class CheckCommandError extends Error {
  override readonly name = 'CheckCommandError';
  readonly code = 'ERR_SECTORLAB_CHECK';
}

export interface CheckRun {
  readonly command: string;
  /** Of the image. */
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Ends the check; runCheck then throws the signal's reason. */
  readonly signal: AbortSignal;
}

interface Ending {
  readonly status: number | null;
  readonly killedBy: NodeJS.Signals | null;
  readonly isTimeout: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command with the path put in. */
function commandLine(command: string, path: string): string {
  const word = /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
  return command.includes('{}') ? command.replaceAll('{}', word) : `${command} ${word}`;
}

/** Ends every process of the check. */
function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // none is left
  }
}

/** Keeps the end of what a stream brings. */
function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (piece: string) => {
    text = (text + piece).slice(-KEPT_CHARACTERS);
  });
  return () => text;
}

function run({ command, path, environment, timeoutMs, signal }: CheckRun): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const child = spawn(commandLine(command, path), {
      shell: true,
      // a group of its own: ^C is for us, and what the check leaves running can be ended
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    let isTimeout = false;
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    const stop = (): void => {
      killGroup(child);
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(() => {
      isTimeout = child.exitCode === null && child.signalCode === null;
      stop();
    }, timeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    const leave = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    };
    child.once('error', (error) => {
      leave();
      reject(new CheckCommandError(`the check '${command}' can not be run: ${error.message}`));
    });
    child.once('exit', () => killGroup(child));
    child.once('close', (status, killedBy) => {
      leave();
      if (signal.aborted) reject(signal.reason);
      else resolve({ status, killedBy, isTimeout, stdout: stdout(), stderr: stderr() });
    });
  });
}

/** The last line of what was printed. */
function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim().slice(0, MESSAGE_CHARACTERS) ?? '';
}

/** The same check and the same text but for numbers and what is quoted. */
function keyOf(name: string, message: string): string {
  return `${name}: ${message.replace(/'[^']*'|"[^"]*"/g, "'…'").replace(/\b(0x)?[0-9a-f]*\d[0-9a-f]*\b/gi, '#')}`;
}

/** Runs the check once. Undefined: it says that the image is good. Throws CheckCommandError when the shell can not run it. */
export async function runCheck(check: CheckRun): Promise<Omit<Failure, 'isLoss'> | undefined> {
  check.signal.throwIfAborted();
  const { status, killedBy, isTimeout, stdout, stderr } = await run(check);
  if (status === 0) return undefined;
  const said = (lastLine(stderr) || lastLine(stdout)).replaceAll(check.path, 'IMAGE');
  if (status === NOT_FOUND || status === NOT_EXECUTABLE)
    throw new CheckCommandError(
      `the check '${check.command}' can not be run: ${said || `exit status ${status}`}`,
    );
  const name = isTimeout
    ? `no end after ${check.timeoutMs / 1000} s`
    : killedBy === null
      ? `exit status ${status}`
      : `killed by ${killedBy}`;
  return { name, message: said, stack: undefined, key: keyOf(name, said), isTimeout };
}
