// The guest's console as rows of text: a terminal without a display reads what comes, the page draws what stands there.
//
// Verbs: openScreen; Screen: write, rows, text, clear. xterm's own display would put style sheets into the page, which its policy forbids.

import type { IBufferCell, IBufferLine, Terminal } from '@xterm/headless';

export const COLUMNS = 80;
export const ROWS = 24;
const SCROLLBACK = 2000;

/** Letters of one look. */
export interface Run {
  readonly text: string;
  /** Classes of the style sheet: bold, dim, inverse, cursor, ink-1 … ink-7; '' for plain text. */
  readonly look: string;
}

export type Row = readonly Run[];

/** Loads the terminal and makes one. `onAnswer`: what it says to the guest when that asks, as for the cursor's place. */
export async function openScreen(onAnswer: (text: string) => void): Promise<Screen> {
  const module = await import('@xterm/headless');
  const { Terminal: Made } = 'Terminal' in module ? module : (module as { default: typeof module }).default;
  const terminal = new Made({ cols: COLUMNS, rows: ROWS, scrollback: SCROLLBACK, allowProposedApi: true });
  terminal.onData(onAnswer);
  return new Screen(terminal);
}

export class Screen {
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Ends when what was written stands there. */
  write(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(bytes, resolve));
  }

  clear(): void {
    this.#terminal.reset();
  }

  /** All rows from the oldest that is kept to the last that is used. */
  rows(): Row[] {
    const { active } = this.#terminal.buffer;
    const cursorRow = active.baseY + active.cursorY;
    const rows: Row[] = [];
    for (let index = 0; index < active.length; index++) {
      const line = active.getLine(index);
      rows.push(line === undefined ? [] : runsOf(line, index === cursorRow ? active.cursorX : -1));
    }
    while (rows.length > cursorRow + 1 && rows.at(-1)?.length === 0) rows.pop();
    return rows;
  }

  /** The rows as plain text. */
  text(): string {
    const { active } = this.#terminal.buffer;
    const lines: string[] = [];
    for (let index = 0; index < active.length; index++)
      lines.push(active.getLine(index)?.translateToString(true) ?? '');
    return lines.join('\n').trimEnd();
  }
}

function lookOf(cell: IBufferCell, hasCursor: boolean): string {
  const looks: string[] = [];
  if (cell.isBold() !== 0) looks.push('bold');
  if (cell.isDim() !== 0) looks.push('dim');
  if (cell.isInverse() !== 0) looks.push('inverse');
  const ink = cell.isFgPalette() ? cell.getFgColor() % 8 : 0;
  if (ink > 0) looks.push(`ink-${ink}`);
  if (hasCursor) looks.push('cursor');
  return looks.join(' ');
}

/** `cursor`: its column, or -1. */
function runsOf(line: IBufferLine, cursor: number): Row {
  const runs: { text: string; look: string }[] = [];
  const end = Math.max(line.translateToString(true).length, cursor + 1);
  for (let column = 0; column < end; column++) {
    const cell = line.getCell(column);
    // the second half of a wide letter
    if (cell === undefined || cell.getWidth() === 0) continue;
    const look = lookOf(cell, column === cursor);
    const text = cell.getChars() || ' ';
    const last = runs.at(-1);
    if (last?.look === look) last.text += text;
    else runs.push({ text, look });
  }
  return runs;
}
