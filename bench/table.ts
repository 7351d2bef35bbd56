// A table for a terminal: a column for each heading, numbers to the right.
// Verbs: printTable, count, times.

/** Rows of cells; the first column is text, the others are figures. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [headings, ...rows]) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 0 ? cell.padEnd(width) : cell.padStart(width);
    });
    console.log(`  ${cells.join('  ')}`.trimEnd());
  }
}

/** `count(1234567.8)` is `1,234,568`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `times(2.345)` is `2.35 ×`. */
export function times(ratio: number): string {
  return `${ratio.toFixed(2)} ×`;
}
