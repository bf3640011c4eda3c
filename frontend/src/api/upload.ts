import { mayRepeat, send, url } from "./client";
import { reportDown, reportUp } from "./connection";
import { CSRF_HEADER, csrfToken } from "./http";
import { Problem, UNREACHABLE, problemFromText, secondsOf } from "./problem";
import { session } from "./session";
import type { Classification, Document } from "./types";

/** What is said of a file when it is sent; that it is untrusted goes without saying. */
export interface UploadDescription {
  classification: Classification;
  export_control: readonly string[];
  groups: readonly string[];
  tags: readonly string[];
  effective_from: string | null;
  effective_until: string | null;
}

export interface Upload {
  done: Promise<Uploaded>;
  cancel: () => void;
}

export interface Uploaded {
  document: Document;
  /** Whether the document's newest version had these bytes already. */
  unchanged: boolean;
}

/** Sends a file. The session is made sure of first, because a refusal would come after the whole file was sent. */
export function uploadDocument(file: File, said: UploadDescription, onSent: (sent: number) => void): Upload {
  const abort = new AbortController();
  const { signal } = abort;
  const post = () => transfer(file, said, onSent, signal);
  const start = async () => {
    const who = session.get()?.user.id;
    await send("/auth/me", { signal });
    try {
      return await post();
    } catch (error) {
      if (error instanceof Problem && error.status === 401 && (await mayRepeat(who))) return await post();
      throw error;
    }
  };
  return { done: start(), cancel: () => abort.abort() };
}

/** Files of a folder are named by their place in it, so that two with one name stay two documents. */
export function documentName(file: File): string {
  const [, ...below] = file.webkitRelativePath.split("/");
  return below.length > 1 ? below.join(" › ") : file.name;
}

/** XMLHttpRequest, because fetch tells nothing of how much has been sent. */
function transfer(file: File, said: UploadDescription, onSent: (sent: number) => void, signal: AbortSignal): Promise<Uploaded> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.set("classification", said.classification);
    for (const list of ["export_control", "groups", "tags"] as const) {
      if (said[list].length > 0) form.set(list, said[list].join(","));
    }
    for (const moment of ["effective_from", "effective_until"] as const) {
      if (said[moment] !== null) form.set(moment, said[moment]);
    }
    form.set("file", file, documentName(file));
    request.open("POST", url("/documents/upload"));
    const token = csrfToken();
    if (token !== null) request.setRequestHeader(CSRF_HEADER, token);
    const cancel = () => request.abort();
    signal.addEventListener("abort", cancel);
    request.onloadend = () => signal.removeEventListener("abort", cancel);
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    request.onerror = () => {
      reportDown();
      reject(new Problem({ code: UNREACHABLE }));
    };
    request.onload = () => {
      reportUp();
      if (request.status >= 200 && request.status < 300) {
        resolve({ document: JSON.parse(request.responseText) as Document, unchanged: request.status === 200 });
      } else {
        const wait = secondsOf(request.getResponseHeader("retry-after"));
        reject(problemFromText(request.status, request.responseText, request.getResponseHeader("x-request-id"), wait));
      }
    };
    request.send(form);
  });
}
