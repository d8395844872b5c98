// Has Mermaid's own parser read flowcharts: the first argument is a folder that npm installed
// `mermaid` and `jsdom` into, the others are files. Says which it refuses, and why.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, ...files] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(folder), 'index.js'));
const { JSDOM } = require('jsdom');
// It cleans labels with the help of a document.
const { window } = new JSDOM('<!DOCTYPE html><body></body>');
Object.assign(globalThis, { window, document: window.document });
const entry = pathToFileURL(path.join(path.resolve(folder), 'node_modules/mermaid/dist/mermaid.core.mjs'));
const { default: mermaid } = await import(entry.href);
// How much it draws is another matter.
mermaid.initialize({ maxTextSize: 10_000_000, maxEdges: 100_000 });

let refused = 0;
for (const file of files) {
  try {
    const { diagramType } = await mermaid.parse(fs.readFileSync(file, 'utf8'));
    if (!diagramType.startsWith('flowchart')) throw new Error(`it is a ${diagramType}`);
  } catch (error) {
    refused += 1;
    console.log(`${file}: ${error.message}`);
  }
}
console.log(`${files.length - refused} of ${files.length} read`);
process.exit(refused === 0 ? 0 : 1);
