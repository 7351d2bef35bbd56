// Reads what WebAssembly.Module does not show: the types of exported functions, and the globals.
//
// A module is 8 bytes of magic and version, then sections: an id byte, a size, and the content; numbers are
// LEB128. See the WebAssembly core specification 2.0, §5.5 "Modules".

export interface FunctionType {
  parameters: string[];
  results: string[];
}

export interface ModuleShape {
  /** Exported functions by name. */
  functions: Map<string, FunctionType>;
  /** Globals in index order, imported ones first. */
  globals: { type: string; isMutable: boolean; isImported: boolean }[];
}

const TYPE_SECTION = 1;
const IMPORT_SECTION = 2;
const FUNCTION_SECTION = 3;
const GLOBAL_SECTION = 6;
const EXPORT_SECTION = 7;

const FUNCTION_TYPE = 0x60;
const END = 0x0b;

const KIND_FUNCTION = 0;
const KIND_TABLE = 1;
const KIND_MEMORY = 2;
const KIND_GLOBAL = 3;

const VALUE_TYPES = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
  [0x70, 'funcref'],
  [0x6f, 'externref'],
]);

/**
 * @param bytes a whole, valid module
 * @throws Error on a type or an initial value that the core has no use for
 */
export function readModuleShape(bytes: Uint8Array): ModuleShape {
  const types: FunctionType[] = [];
  const typeIndices: number[] = [];
  const shape: ModuleShape = { functions: new Map(), globals: [] };
  const reader = new Reader(bytes, 8);
  while (!reader.isAtEnd) {
    const id = reader.byte();
    const sizeBytes = reader.number();
    const section = reader.slice(sizeBytes);
    if (id === TYPE_SECTION) types.push(...section.list(readFunctionType));
    else if (id === IMPORT_SECTION) section.list((item) => readImport(item, typeIndices, shape));
    else if (id === FUNCTION_SECTION) typeIndices.push(...section.list((item) => item.number()));
    else if (id === GLOBAL_SECTION) shape.globals.push(...section.list(readGlobal));
    else if (id === EXPORT_SECTION) {
      section.list((item) => {
        const name = item.text();
        const kind = item.byte();
        const index = item.number();
        const type = types[typeIndices[index] ?? -1];
        if (kind === KIND_FUNCTION && type !== undefined) shape.functions.set(name, type);
      });
    }
  }
  return shape;
}

function readFunctionType(reader: Reader): FunctionType {
  const form = reader.byte();
  if (form !== FUNCTION_TYPE) throw new Error(`type form 0x${form.toString(16)}`);
  return { parameters: reader.list(readValueType), results: reader.list(readValueType) };
}

function readImport(reader: Reader, typeIndices: number[], shape: ModuleShape): void {
  reader.text();
  reader.text();
  const kind = reader.byte();
  if (kind === KIND_FUNCTION) typeIndices.push(reader.number());
  else if (kind === KIND_GLOBAL) shape.globals.push({ ...readGlobalType(reader), isImported: true });
  else if (kind === KIND_TABLE || kind === KIND_MEMORY) {
    if (kind === KIND_TABLE) reader.byte();
    const hasMaximum = (reader.byte() & 1) !== 0;
    reader.number();
    if (hasMaximum) reader.number();
  } else throw new Error(`import kind ${kind}`);
}

function readGlobal(reader: Reader) {
  const type = readGlobalType(reader);
  reader.skipInitialValue();
  return { ...type, isImported: false };
}

function readGlobalType(reader: Reader) {
  return { type: readValueType(reader), isMutable: reader.byte() === 1 };
}

function readValueType(reader: Reader): string {
  const code = reader.byte();
  const name = VALUE_TYPES.get(code);
  if (name === undefined) throw new Error(`value type 0x${code.toString(16)}`);
  return name;
}

class Reader {
  constructor(
    private readonly bytes: Uint8Array,
    private offset: number,
  ) {}

  get isAtEnd(): boolean {
    return this.offset >= this.bytes.length;
  }

  byte(): number {
    const value = this.bytes[this.offset++];
    if (value === undefined) throw new Error(`module ends at ${this.bytes.length}`);
    return value;
  }

  /** Unsigned LEB128 of at most 32 bits. */
  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value >>> 0;
    }
  }

  text(): string {
    const sizeBytes = this.number();
    const start = this.offset;
    this.offset += sizeBytes;
    return new TextDecoder().decode(this.bytes.subarray(start, this.offset));
  }

  slice(sizeBytes: number): Reader {
    const start = this.offset;
    this.offset += sizeBytes;
    return new Reader(this.bytes.subarray(start, this.offset), 0);
  }

  list<Item>(readItem: (reader: Reader) => Item): Item[] {
    const count = this.number();
    const items: Item[] = [];
    for (let i = 0; i < count; i++) items.push(readItem(this));
    return items;
  }

  /** A constant expression: one instruction and `end`. */
  skipInitialValue(): void {
    const opcode = this.byte();
    if (opcode === 0x43) this.offset += 4;
    else if (opcode === 0x44) this.offset += 8;
    else if (opcode === 0xfd) {
      this.number();
      this.offset += 16;
    } else while ((this.byte() & 0x80) !== 0);
    if (this.byte() !== END)
      throw new Error(`initial value of more than one instruction, 0x${opcode.toString(16)}`);
  }
}
