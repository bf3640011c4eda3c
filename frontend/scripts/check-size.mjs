// Prints what a browser loads to show the first page, and fails above the budget. The first page is a conversation with an answer in
// it: the entry, the chat page, and everything these import statically. pdf.js and the other pages load when they are used.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_KB = 250;
const ROOTS = ["index.html", "src/features/chat/ChatPage.tsx"];
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

const chunks = new Map();
function visit(key) {
  const chunk = manifest[key];
  if (chunk === undefined) throw new Error(`dist has no entry ${key}: run npm run build first`);
  if (chunks.has(chunk.file)) return;
  chunks.set(chunk.file, gzipSync(readFileSync(new URL(chunk.file, dist)), { level: 9 }).length);
  for (const imported of chunk.imports ?? []) visit(imported);
}
for (const root of ROOTS) visit(root);

const kb = (bytes) => (bytes / 1000).toFixed(1);
const total = [...chunks.values()].reduce((sum, size) => sum + size, 0);
for (const [file, size] of [...chunks].sort((a, b) => b[1] - a[1])) console.log(`${kb(size).padStart(7)} kB  ${file}`);
console.log(`${kb(total).padStart(7)} kB  first load, gzip (budget ${BUDGET_KB} kB)`);
if (total > BUDGET_KB * 1000) {
  console.error("The first load is over its budget.");
  process.exit(1);
}
