// lossy compiled to WebAssembly, as a function: playground.cpp says what it can be asked.

// Gives call(...words) once `wasm`, an ArrayBuffer, is compiled. What call() gives is what the answer
// says, parsed; what it refuses has a member `error`.
lossy.engine = async (wasm) => {
  const module = await WebAssembly.compile(wasm);
  const imports = {env: {}, wasi_snapshot_preview1: {}};
  // A page has no files, no clock and no process to end: whoever asks for one is a mistake of ours.
  for (const {module: from, name} of WebAssembly.Module.imports(module)) {
    imports[from][name] = () => { throw new Error(`there is no ${name} in a page`); };
  }
  const {env, wasi_snapshot_preview1: wasi} = imports;
  env.emscripten_notify_memory_growth = () => {};
  wasi.environ_sizes_get = (count, size) => {
    new Uint32Array(memory.buffer)[count / 4] = new Uint32Array(memory.buffer)[size / 4] = 0;
    return 0;
  };
  wasi.environ_get = () => 0;
  env.getentropy = (at, size) => {
    crypto.getRandomValues(new Uint8Array(memory.buffer, at, size));
    return 0;
  };
  const {exports} = await WebAssembly.instantiate(module, imports);
  const {memory} = exports;
  exports._initialize();

  return (...words) => {
    const bytes = new TextEncoder().encode(words.map((word) => `${word}\0`).join(''));
    const at = exports.malloc(bytes.length);
    new Uint8Array(memory.buffer, at, bytes.length).set(bytes);
    const begin = exports.lossy_call(at, bytes.length);
    exports.free(at);
    const answer = new Uint8Array(memory.buffer, begin, exports.lossy_answer_size());
    return JSON.parse(new TextDecoder().decode(answer));
  };
};
