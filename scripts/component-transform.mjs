// What makes the engine's modules a core module of the component model, after asc has compiled them
// and before it optimizes: the imports of assembly/core/imports.ts become constants (one worker,
// no cipher or hash of a host), andvari.fresh gets its body, and exports get the names of the
// component model.
import { Transform } from 'assemblyscript/transform';

const packageName = 'andvari:engine';
const version = '0.1.0';
const imports = 'assembly/core/imports';
const freshFunction = 'assembly/wit/imports/fresh';
/** Worker 0; no text is long enough for a host's ciphers, and it has no hash. */
const constants = {
  WORKER: 0,
  NATIVE_CTR_LEAST: -1,
  NATIVE_CHACHA_LEAST: -1,
  NATIVE_BLAKE3: 0,
};
/** What is never called then. */
const functions = ['cryptCtr', 'nativeSeal', 'nativeOpen', 'nativeBlake3Chunks'];
const start = '~start';
/** What is called when the host has read a result. */
const afterCall = 'afterCall';
const kept = new Set(['memory', 'cabi_realloc']);

/** @param {string} name `PacketSession` or `packetSession` */
function kebab(name) {
  return name.replaceAll(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
}

/**
 * The name in the component model of an export of assembly/wit/component.ts.
 * @param {string} name
 */
export function componentName(name) {
  const [owner = '', first = '', second, third] = name.split('_');
  const at = `${packageName}/${kebab(owner)}@${version}#`;
  if (second === undefined) return at + kebab(first);
  if (second === 'dtor') return `${at}[dtor]${kebab(first)}`;
  if (second === 'static') return `${at}[static]${kebab(first)}.${kebab(third ?? '')}`;
  return `${at}[method]${kebab(first)}.${kebab(second)}`;
}

/**
 * @typedef {import('binaryen').default.Module} Module
 * @typedef {typeof import('binaryen').default} Binaryen
 */

/**
 * Gives an imported function a body of ours.
 * @param {Binaryen} binaryen
 * @param {Module} module
 * @param {string} name
 * @param {number} body
 */
function replace(binaryen, module, name, body) {
  const present = module.getFunction(name);
  if (!present) return;
  const { params, results } = binaryen.getFunctionInfo(present);
  module.removeFunction(name);
  module.addFunction(name, params, results, [], body);
}

/**
 * Every global that can change gets its first value, then the start function runs again.
 * @param {Binaryen} binaryen
 * @param {Module} module
 */
function freshBody(binaryen, module) {
  const steps = [];
  for (let index = 0; index < module.getNumGlobals(); index++) {
    const { name, mutable, init } = binaryen.getGlobalInfo(module.getGlobalByIndex(index));
    if (mutable) steps.push(module.global.set(name, module.copyExpression(init)));
  }
  if (module.getFunction(start)) steps.push(module.call(start, [], binaryen.none));
  return module.block(null, steps);
}

/** Gives the exports their names. @param {Binaryen} binaryen @param {Module} module */
function nameExports(binaryen, module) {
  const exported = Array.from({ length: module.getNumExports() }, (_, index) =>
    binaryen.getExportInfo(module.getExportByIndex(index)),
  );
  const post = exported.find(({ name }) => name === afterCall)?.value ?? '';
  module.removeExport(afterCall);
  for (const { name, value } of exported) {
    if (kept.has(name) || name === afterCall) continue;
    const wanted = componentName(name);
    module.removeExport(name);
    module.addFunctionExport(value, wanted);
    if (!wanted.includes('[dtor]')) module.addFunctionExport(post, `cabi_post_${wanted}`);
  }
}

export default class ComponentTransform extends Transform {
  /** @override @param {Module} module */
  afterCompile(module) {
    const binaryen = /** @type {any} */ (this).binaryen;
    for (const [name, value] of Object.entries(constants)) {
      const global = `${imports}/${name}`;
      if (!module.getGlobal(global)) continue;
      module.removeGlobal(global);
      module.addGlobal(global, binaryen.i32, false, module.i32.const(value));
    }
    for (const name of functions) {
      replace(binaryen, module, `${imports}/${name}`, module.unreachable());
    }
    replace(binaryen, module, freshFunction, freshBody(binaryen, module));
    nameExports(binaryen, module);
  }
}
