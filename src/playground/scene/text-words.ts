// The words of a line of a scene's text.
//
// Verbs: splitWords, readFields, printWord, readText, printText. Words are apart by spaces; one with a space in it stands in double quotes, as
// in JSON. Free text goes to the end of its line, and is quoted only where it must be.

/** What is wrong with a line, and what would be right. */
export class LineError extends Error {
  override readonly name = 'LineError';
}

const WORD = /\s*((?:[^\s"=]+=)?"(?:[^"\\]|\\.)*"|[^\s]+)/y;
const PLAIN = /^[^\s"#=]+$/;

/** `a "b c" d="e f"` → three words, each as it stands there. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  WORD.lastIndex = 0;
  for (let match = WORD.exec(text); match !== null; match = WORD.exec(text)) words.push(match[1] as string);
  return words;
}

export function readWord(word: string): string {
  if (!word.startsWith('"')) return word;
  return readQuoted(word);
}

function readQuoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    throw new LineError(`${text} has a quote that does not end; write "…", as in JSON`);
  }
}

export function printWord(text: string): string {
  return PLAIN.test(text) ? text : JSON.stringify(text);
}

/** NAME=VALUE words, in their order. */
export function readFields(words: readonly string[]): [name: string, value: string][] {
  const seen = new Set<string>();
  return words.map((word) => {
    const at = word.indexOf('=');
    if (at <= 0) throw new LineError(`"${word}" is no option; write NAME=VALUE, such as cache=64KiB`);
    const name = word.slice(0, at);
    if (seen.has(name)) throw new LineError(`${name} is given twice`);
    seen.add(name);
    return [name, readWord(word.slice(at + 1))];
  });
}

export function printField(name: string, value: string): string {
  return `${name}=${/^[^\s"]+$/.test(value) ? value : JSON.stringify(value)}`;
}

/** Free text to the end of a line. */
export function readText(rest: string): string {
  const text = rest.trim();
  return text.startsWith('"') ? readQuoted(text) : text;
}

export function printText(text: string): string {
  const isPlain = text !== '' && text === text.trim() && !/^"|[\n\r\u2028\u2029]/.test(text);
  return isPlain ? text : JSON.stringify(text);
}
