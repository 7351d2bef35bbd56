// What an assertion does: keep message, file and line where the host can read them, then trap.
//
// Verbs: trap (named as `abort` in asconfig.json). The strings are UTF-16 of static data: the host reads their
// byte length from the four bytes before each.
// Invariant: nothing here allocates, and nothing returns after trap.

@unmanaged
export class AbortNote {
  message: usize;
  file: usize;
  line: u32;
  column: u32;
}

export const abortNote = changetype<AbortNote>(memory.data(offsetof<AbortNote>(), 16));

export function trap(message: string | null, file: string | null, line: u32, column: u32): void {
  abortNote.message = changetype<usize>(message);
  abortNote.file = changetype<usize>(file);
  abortNote.line = line;
  abortNote.column = column;
  unreachable();
}
