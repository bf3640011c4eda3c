import type { PDFDocumentLoadingTask, PDFDocumentProxy } from "pdfjs-dist";
import workerUrl from "pdfjs-dist/build/pdf.worker.min.mjs?url";
import { send } from "@/api/client";

declare const __PDFJS_RESOURCES__: string;

/** pdf.js is half a megabyte: it comes when the first PDF is opened. */
async function library() {
  const pdfjs = await import("pdfjs-dist");
  pdfjs.GlobalWorkerOptions.workerSrc = workerUrl;
  return pdfjs;
}

export async function textLayerClass() {
  return (await library()).TextLayer;
}

const KEEP = 3;
const open = new Map<string, Promise<PDFDocumentLoadingTask>>();

/** The document of a version. The last few stay open, because one answer often cites a manual several times. */
export async function openPdf(documentId: string, version: number): Promise<PDFDocumentProxy> {
  const key = `${documentId} ${version}`;
  const known = open.get(key) ?? load(documentId, version);
  open.delete(key);
  open.set(key, known);
  for (const [other, task] of open) {
    if (open.size <= KEEP) break;
    open.delete(other);
    void task.then((loading) => loading.destroy()).catch(() => undefined);
  }
  try {
    return await (await known).promise;
  } catch (error) {
    open.delete(key);
    throw error;
  }
}

async function load(documentId: string, version: number): Promise<PDFDocumentLoadingTask> {
  const [pdfjs, response] = await Promise.all([library(), send(`/documents/${documentId}/content`, { query: { version } })]);
  return pdfjs.getDocument({
    data: await response.arrayBuffer(),
    cMapUrl: `${__PDFJS_RESOURCES__}cmaps/`,
    cMapPacked: true,
    standardFontDataUrl: `${__PDFJS_RESOURCES__}standard_fonts/`,
    wasmUrl: `${__PDFJS_RESOURCES__}wasm/`,
    enableXfa: false,
    // Errors only: damaged fonts in manuals are common and not for the console.
    verbosity: 0,
  });
}

export function closePdfs(): void {
  for (const task of open.values()) void task.then((loading) => loading.destroy()).catch(() => undefined);
  open.clear();
}
