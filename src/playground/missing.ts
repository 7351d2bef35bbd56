// What a browser must have for this page, and what to say where it has not.
//
// Verbs: missingHere.

/** Why this page cannot be shown here, in words; undefined: it can. */
export function missingHere(): string | undefined {
  const lacks = lackOf();
  return lacks === undefined
    ? undefined
    : `The playground computes a whole machine in this page, and this browser lacks what it takes: ${lacks}. A current Firefox, Chrome, Edge or Safari has it.`;
}

function lackOf(): string | undefined {
  if (typeof WebAssembly === 'undefined') return 'WebAssembly, which some hardened settings switch off';
  if (!hasModuleWorkers()) return 'workers made of modules';
  if (!CSS.supports('color', 'light-dark(red, red)'))
    return 'light-dark(), with which its colours are written';
  return undefined;
}

/** Only a browser that knows the option asks for it; nothing is loaded, as asking fails. */
function hasModuleWorkers(): boolean {
  let isAsked = false;
  const options: WorkerOptions = {
    get type(): WorkerType {
      isAsked = true;
      throw new TypeError('only asked');
    },
  };
  try {
    new Worker('about:blank', options).terminate();
  } catch {
    // as meant
  }
  return isAsked;
}
