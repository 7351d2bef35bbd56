// Words that must fit: SVG text neither wraps nor is cut, and a layout in Node cannot measure it.
//
// Verbs: textWidth (an estimate that is rather too large), fitText, fitSentence, wrapText.

import { CHARACTER_WIDTH } from './geometry.ts';

export function textWidth(text: string, size: number): number {
  return text.length * size * CHARACTER_WIDTH;
}

/** The text, or as much of it as fits, with an ellipsis. */
export function fitText(text: string, width: number, size: number): string {
  if (textWidth(text, size) <= width) return text;
  const count = Math.floor(width / (size * CHARACTER_WIDTH)) - 1;
  return count <= 0 ? '' : `${text.slice(0, count).trimEnd()}…`;
}

/** The sentence, or as many of its clauses from the first as fit. */
export function fitSentence(text: string, width: number, size: number): string {
  for (let rest = text; rest !== ''; ) {
    if (textWidth(rest, size) <= width) return rest;
    rest = rest.slice(0, Math.max(0, ...CLAUSE_ENDS.map((end) => rest.lastIndexOf(end))));
  }
  return fitText(text, width, size);
}

const CLAUSE_ENDS = ['; ', ': ', ', '];

/** Lines of whole words. */
export function wrapText(text: string, width: number, size: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && textWidth(`${last} ${word}`, size) <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
